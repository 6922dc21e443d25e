# nasion::compiled: the kernels that take a compiler longest, for float and double, compiled once for all units that link
# it. Compiled in the project that uses it, with that project's compiler and flags, which the kernels' names must match.
if(TARGET nasion::compiled)
  return()
endif()
set(nasion_compiled_source "${CMAKE_CURRENT_LIST_DIR}/compiled.cpp")  # as installed
if(NOT EXISTS "${nasion_compiled_source}")
  set(nasion_compiled_source "${CMAKE_CURRENT_LIST_DIR}/../src/compiled.cpp")
endif()
add_library(nasion_compiled STATIC EXCLUDE_FROM_ALL "${nasion_compiled_source}")
add_library(nasion::compiled ALIAS nasion_compiled)
target_link_libraries(nasion_compiled PUBLIC nasion::nasion)
target_compile_definitions(nasion_compiled INTERFACE NASION_COMPILED)
set_target_properties(nasion_compiled PROPERTIES POSITION_INDEPENDENT_CODE ON)
