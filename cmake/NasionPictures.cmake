# nasion_pictures: libjpeg-turbo and libpng, each where a program links with it, and the definition that tells the headers
# so (NASION_JPEG, NASION_PNG). Without them it is empty, and stb reads pictures. Looked for anew in each project that uses
# nasion; -DCMAKE_DISABLE_FIND_PACKAGE_JPEG=ON leaves one out.
if(TARGET nasion_pictures)
  return()
endif()
add_library(nasion_pictures INTERFACE IMPORTED GLOBAL)

# A library that is found need not be for this compiler's target.
function(nasion_add_picture_library package source)
  include(CheckCXXSourceCompiles)
  find_package(${package} QUIET GLOBAL)
  if(NOT ${package}_FOUND)
    return()
  endif()
  set(CMAKE_REQUIRED_LIBRARIES ${package}::${package})
  set(CMAKE_REQUIRED_QUIET TRUE)
  check_cxx_source_compiles("${source}" NASION_LINKS_${package})
  if(NASION_LINKS_${package})
    target_link_libraries(nasion_pictures INTERFACE ${package}::${package})
    target_compile_definitions(nasion_pictures INTERFACE NASION_${package})
  else()
    message(STATUS "${package} was found, but no program links with it: stb reads such pictures")
  endif()
endfunction()

nasion_add_picture_library(JPEG [[
#include <cstdio>
#include <jpeglib.h>
#ifndef LIBJPEG_TURBO_VERSION
#error other libraries of this name decode to other pixels
#endif
int main() { jpeg_decompress_struct info{}; jpeg_mem_src(&info, nullptr, 0); }
]])
nasion_add_picture_library(PNG [[
#include <png.h>
int main() { return png_access_version_number() == 0; }
]])
