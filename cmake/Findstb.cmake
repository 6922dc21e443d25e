# Finds stb and defines stb::stb, for #include <stb/stb_image.h>. Distributions ship it compiled (Debian: libstb-dev),
# others as bare headers: then its implementation is compiled here, once, as nasion_stb.
find_path(stb_INCLUDE_DIR NAMES stb/stb_image.h stb_image.h)
find_library(stb_LIBRARY stb)
mark_as_advanced(stb_INCLUDE_DIR stb_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(stb REQUIRED_VARS stb_INCLUDE_DIR)
if(NOT stb_FOUND)
  return()
endif()

set(stb_folders "${stb_INCLUDE_DIR}")
if(NOT EXISTS "${stb_INCLUDE_DIR}/stb/stb_image.h")
  # Headers that lie flat, as in stb's own repository, get their folder from forwarding headers.
  list(PREPEND stb_folders "${CMAKE_CURRENT_BINARY_DIR}/stb_headers")
  foreach(header IN ITEMS stb_image.h stb_image_write.h)
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/stb_headers/stb/${header}"
      CONTENT "#include \"${stb_INCLUDE_DIR}/${header}\"\n")
  endforeach()
endif()

if(stb_LIBRARY)
  add_library(stb::stb UNKNOWN IMPORTED GLOBAL)
  set_target_properties(stb::stb PROPERTIES
    IMPORTED_LOCATION "${stb_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${stb_folders}")
else()
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/stb_implementation.cpp" CONTENT [[
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
]] @ONLY)
  add_library(nasion_stb STATIC EXCLUDE_FROM_ALL "${CMAKE_CURRENT_BINARY_DIR}/stb_implementation.cpp")
  target_include_directories(nasion_stb SYSTEM PUBLIC ${stb_folders})
  set_target_properties(nasion_stb PROPERTIES POSITION_INDEPENDENT_CODE ON)
  add_library(stb::stb INTERFACE IMPORTED GLOBAL)  # no alias: that would have to be installed, too
  target_include_directories(stb::stb INTERFACE ${stb_folders})
  target_link_libraries(stb::stb INTERFACE nasion_stb)
endif()
