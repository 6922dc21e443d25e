# nasion_drawn_faces, which nasion::faces links: what draws faces, compiled once. Like nasion::compiled it is compiled in the
# project that uses it. The headers of faces/ need none of it; they are slower to compile alone.
nasion_missing(faces nasion_lacks)
if(TARGET nasion_drawn_faces OR nasion_lacks)
  return()
endif()
add_library(nasion_drawn_faces STATIC EXCLUDE_FROM_ALL "${nasion_compiled_sources}/faces.cpp")
target_link_libraries(nasion_drawn_faces PUBLIC nasion::vision)
target_compile_definitions(nasion_drawn_faces PUBLIC NASION_FACES_COMPILED)
# The same pictures for every processor and optimisation: a product is rounded before it is added.
target_compile_options(nasion_drawn_faces PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-ffp-contract=off>)
set_target_properties(nasion_drawn_faces PROPERTIES POSITION_INDEPENDENT_CODE ON)
