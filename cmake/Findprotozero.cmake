# Finds protozero's headers, and defines protozero::protozero.
find_path(protozero_INCLUDE_DIR protozero/pbf_reader.hpp)
mark_as_advanced(protozero_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(protozero REQUIRED_VARS protozero_INCLUDE_DIR)
if(protozero_FOUND)
  add_library(protozero::protozero INTERFACE IMPORTED GLOBAL)
  target_include_directories(protozero::protozero INTERFACE "${protozero_INCLUDE_DIR}")
endif()
