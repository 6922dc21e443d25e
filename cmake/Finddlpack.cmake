# Finds dlpack/dlpack.h, a single header, and defines dlpack::dlpack.
find_path(dlpack_INCLUDE_DIR dlpack/dlpack.h)
mark_as_advanced(dlpack_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(dlpack REQUIRED_VARS dlpack_INCLUDE_DIR)
if(dlpack_FOUND)
  add_library(dlpack::dlpack INTERFACE IMPORTED GLOBAL)
  target_include_directories(dlpack::dlpack INTERFACE "${dlpack_INCLUDE_DIR}")
endif()
