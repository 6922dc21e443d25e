# How nasion compiles what it does not export: its programs, tests and benchmarks.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()

# Cross-compiled, there are tests of kernels alone, and pugixml is a library of the host.
if(NOT TARGET nasion::faces OR NOT TARGET nasion::dlib_xml AND NOT CMAKE_CROSSCOMPILING)
  message(FATAL_ERROR "Tests and programs need nlohmann_json, stb and pugixml (Debian: nlohmann-json3-dev libstb-dev "
    "libpugixml-dev); install them or configure with -DNASION_FETCH=ON")
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

add_library(nasion_flags INTERFACE)
target_compile_options(nasion_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-sign-conversion> $<$<BOOL:${NASION_WERROR}>:-Werror>)
if(NASION_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native NASION_HAS_MARCH_NATIVE)
  if(NASION_HAS_MARCH_NATIVE)
    target_compile_options(nasion_flags INTERFACE -march=native)
  endif()
endif()

target_link_libraries(nasion_compiled PRIVATE nasion_flags)
target_link_libraries(nasion_drawn_faces PRIVATE nasion_flags)

# GCC 12 sees overlaps and overruns in std::string once it has inlined operator+. Programs and tests need not write around
# that, as nasion::compiled does, which was made before this line.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized)
endif()

# A library that only programs use: an installed package first, a pinned download second.
macro(nasion_program_dependency package target)
  find_package(${package} QUIET GLOBAL)
  if(NOT ${package}_FOUND AND NASION_FETCH)
    message(STATUS "${package} is not installed: fetching it")
    FetchContent_Declare(${package} ${ARGN})
    FetchContent_MakeAvailable(${package})
  endif()
  if(NOT TARGET ${target})
    message(FATAL_ERROR "${package} was not found: install it or configure with -DNASION_FETCH=ON")
  endif()
endmacro()

# nasion_program(name sources...): an executable of ours on top of all of nasion.
function(nasion_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE nasion::nasion nasion::io nasion::faces nasion::dlib_xml nasion_flags)
endfunction()
