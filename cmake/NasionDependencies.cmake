# The libraries nasion stands on: what is installed first, then, with NASION_FETCH, a pinned download.
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

if(NASION_MPI AND NOT TARGET MPI::MPI_CXX)
  find_package(MPI QUIET COMPONENTS CXX)
endif()

if(NOT TARGET Eigen3::Eigen)
  find_package(Eigen3 3.4 QUIET NO_MODULE)
endif()
if(NOT TARGET Eigen3::Eigen AND NASION_FETCH)
  nasion_fetch_headers(eigen
    URL https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.gz
    URL_HASH SHA256=8586084f71f9bde545ee7fa6d00288b264a2b7ac3607b974e54d13e7162c1c72)
  nasion_imported_headers(Eigen3::Eigen "${eigen_SOURCE_DIR}")
endif()
if(NOT TARGET Eigen3::Eigen)
  message(FATAL_ERROR "nasion needs Eigen 3.4: install it (Debian: libeigen3-dev) or configure with -DNASION_FETCH=ON")
endif()

if(NOT TARGET nlohmann_json::nlohmann_json)
  find_package(nlohmann_json 3.10 QUIET)
endif()
if(NOT TARGET nlohmann_json::nlohmann_json AND NASION_FETCH)
  nasion_fetch_headers(json
    URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz
    URL_HASH SHA256=d6c65aca6b1ed68e7a182f4757257b107ae403032760ed6ef121c9d55e81757d)
  nasion_imported_headers(nlohmann_json::nlohmann_json "${json_SOURCE_DIR}/include")
endif()

find_package(stb QUIET)
if(NOT TARGET stb::stb AND NASION_FETCH)
  nasion_fetch_headers(stb
    GIT_REPOSITORY https://github.com/nothings/stb.git
    GIT_TAG 5736b15f7ea0ffb08dd38af21067c314d6a3aae9)
  set(stb_INCLUDE_DIR "${stb_SOURCE_DIR}" CACHE PATH "Folder of stb_image.h" FORCE)
  set(stb_LIBRARY "" CACHE FILEPATH "Compiled stb, empty to compile it here" FORCE)
  find_package(stb QUIET)
endif()

if(NOT TARGET pugixml::pugixml)
  find_package(pugixml 1.11 QUIET)
endif()
if(NOT TARGET pugixml::pugixml AND NASION_FETCH)
  nasion_fetch_headers(pugixml GIT_REPOSITORY https://github.com/zeux/pugixml.git GIT_TAG v1.14)
  nasion_imported_headers(pugixml::pugixml "${pugixml_SOURCE_DIR}/src")
  target_compile_definitions(pugixml::pugixml INTERFACE PUGIXML_HEADER_ONLY)
endif()
