# The libraries nasion stands on: what is installed first, then, with NASION_FETCH, a pinned download of those that its
# programs and tests need.
include(FetchContent)

# Downloads the headers of `name` without running its own build. Sets <name>_SOURCE_DIR.
macro(nasion_fetch_headers name)
  message(STATUS "${name} is not installed: fetching it")
  FetchContent_Declare(${name} ${ARGN} SOURCE_SUBDIR headers-only)
  FetchContent_MakeAvailable(${name})
endmacro()

macro(nasion_imported_headers target folder)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} INTERFACE "${folder}")
endmacro()

# Links `target` to an outside `dependency`. An installed package looks it up again by name, so the build's own target
# (which may be a download) stays out of the export.
function(nasion_link target dependency)
  target_link_libraries(${target} INTERFACE
    "$<BUILD_INTERFACE:${dependency}>" "$<INSTALL_INTERFACE:$<TARGET_NAME_IF_EXISTS:${dependency}>>")
endfunction()

find_package(Threads REQUIRED)
if(NASION_OPENMP)
  find_package(OpenMP COMPONENTS CXX)
endif()

include(NasionComponents)
if(NOT NASION_MPI)
  list(REMOVE_ITEM nasion_components mpi)
endif()
nasion_find_dependencies(nasion_components)

# Downloads are for programs and tests: who installs the headers alone needs none.
if(NOT (NASION_BUILD_TESTS OR NASION_BUILD_EXAMPLES OR NASION_BUILD_BENCHMARKS OR NASION_BUILD_FUZZERS))
  set(NASION_FETCH OFF)
endif()
if(NOT nlohmann_json_FOUND AND NASION_FETCH)
  nasion_fetch_headers(json
    URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz
    URL_HASH SHA256=d6c65aca6b1ed68e7a182f4757257b107ae403032760ed6ef121c9d55e81757d)
  nasion_imported_headers(nlohmann_json::nlohmann_json "${json_SOURCE_DIR}/include")
  set(nlohmann_json_FOUND TRUE)
endif()

if(NOT stb_FOUND AND NASION_FETCH)
  nasion_fetch_headers(stb
    GIT_REPOSITORY https://github.com/nothings/stb.git
    GIT_TAG 5736b15f7ea0ffb08dd38af21067c314d6a3aae9)
  set(stb_INCLUDE_DIR "${stb_SOURCE_DIR}" CACHE PATH "Folder of stb_image.h" FORCE)
  set(stb_LIBRARY "" CACHE FILEPATH "Compiled stb, empty to compile it here" FORCE)
  find_package(stb QUIET)
endif()

if(NOT pugixml_FOUND AND NASION_FETCH)
  nasion_fetch_headers(pugixml GIT_REPOSITORY https://github.com/zeux/pugixml.git GIT_TAG v1.14)
  nasion_imported_headers(pugixml::pugixml "${pugixml_SOURCE_DIR}/src")
  target_compile_definitions(pugixml::pugixml INTERFACE PUGIXML_HEADER_ONLY)
  set(pugixml_FOUND TRUE)
endif()
