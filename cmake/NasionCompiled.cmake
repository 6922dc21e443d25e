# nasion::compiled: the operations, layers and kernels for float and double, and what reads JSON, compiled once for all
# units that link it. Compiled in the project that uses it, with that project's compiler and flags, which the kernels'
# names must match.
set(nasion_compiled_sources "${CMAKE_CURRENT_LIST_DIR}")  # as installed
if(NOT EXISTS "${nasion_compiled_sources}/compiled_float.cpp")
  set(nasion_compiled_sources "${CMAKE_CURRENT_LIST_DIR}/../src")
endif()
if(TARGET nasion::compiled)
  return()
endif()
add_library(nasion_compiled STATIC EXCLUDE_FROM_ALL "${nasion_compiled_sources}/compiled_double.cpp"
  "${nasion_compiled_sources}/compiled_float.cpp" "${nasion_compiled_sources}/compiled_kernels.cpp")
add_library(nasion::compiled ALIAS nasion_compiled)
target_link_libraries(nasion_compiled PUBLIC nasion::nasion)
target_compile_definitions(nasion_compiled PUBLIC NASION_COMPILED)
nasion_usable(nlohmann_json nasion_compiled_io)
if(nasion_compiled_io)
  target_sources(nasion_compiled PRIVATE "${nasion_compiled_sources}/compiled_io.cpp")
  target_link_libraries(nasion_compiled PRIVATE nlohmann_json::nlohmann_json)
  target_compile_definitions(nasion_compiled PUBLIC NASION_COMPILED_IO)
endif()
set_target_properties(nasion_compiled PROPERTIES POSITION_INDEPENDENT_CODE ON)
