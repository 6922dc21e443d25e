# Fails when a header includes from a layer that it does not stand on:
#     core <- kernels <- ops <- nn <- models; io, data, optim, vision, training and distributed stand beside them and do not
#     reach into kernels; faces stands on vision, data, models and io.
# Kernels carry their instruction set in their name. Few headers know the operating system, and none asks the standard
# library for what some lack.
# cmake -DINCLUDE=<absolute include folder> -P check_layering.cmake

cmake_minimum_required(VERSION 3.25)

set(may_include_core core)
set(may_include_kernels core kernels)
set(may_include_ops core kernels ops)
set(may_include_nn core kernels ops nn)
set(may_include_models core ops nn models)
set(may_include_optim core ops nn optim)
set(may_include_io core ops nn optim io)
set(may_include_data core ops data)
set(may_include_vision core io vision)
set(may_include_training core ops nn optim data io training)
set(may_include_faces core ops nn models io data vision faces)
set(may_include_distributed core ops nn optim data io training distributed)

file(GLOB_RECURSE headers RELATIVE "${INCLUDE}/nasion" "${INCLUDE}/nasion/*/*.hpp")
foreach(header IN LISTS headers)
  string(REGEX REPLACE "/.*" "" layer "${header}")
  if(NOT DEFINED may_include_${layer})
    message(SEND_ERROR "nasion/${header}: folder ${layer} has no place in the layers")
    continue()
  endif()
  if(layer STREQUAL "kernels")
    file(READ "${INCLUDE}/nasion/${header}" text)
    if(NOT text MATCHES "\nnamespace [a-z:]*kernels {\ninline namespace NASION_INSTRUCTION_SET {\n")
      message(SEND_ERROR "nasion/${header}: kernels belong into namespace nasion::kernels, and there into inline "
        "namespace NASION_INSTRUCTION_SET")
    endif()
  endif()
  file(STRINGS "${INCLUDE}/nasion/${header}" system
    REGEX "# *include *<(unistd|fcntl|pthread|signal|spawn|io|windows|sys/[a-z]+)[.]h>")
  if(system AND NOT header MATCHES "^(core/(allocator|fork)|io/system_file|[a-z]+/progress)[.]hpp$")
    message(SEND_ERROR "nasion/${header}: ${system}: only a few headers know the system (see check_layering.cmake)")
  endif()
  file(STRINGS "${INCLUDE}/nasion/${header}" lacking REGEX "std::bit_cast")
  if(lacking)
    message(SEND_ERROR "nasion/${header}: some standard libraries have no std::bit_cast: nasion/core/bit_cast.hpp has one")
  endif()
  file(STRINGS "${INCLUDE}/nasion/${header}" includes REGEX "^ *# *include +[\"<]nasion/")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE ".*[\"<]nasion/([^\">]*)[\">].*" "\\1" included "${line}")
    string(REGEX REPLACE "/.*" "" from "${included}")
    if(NOT from IN_LIST may_include_${layer})
      message(SEND_ERROR "nasion/${header} includes nasion/${included}: ${layer} may include only ${may_include_${layer}}")
    endif()
  endforeach()
endforeach()
list(LENGTH headers count)
if(count EQUAL 0)
  message(FATAL_ERROR "no headers in ${INCLUDE}/nasion: INCLUDE must be an absolute path")
endif()
message(STATUS "${count} headers keep to their layers")
