# Configures components/, in one build folder, with every package there is, and then with each of them away: what stands
# on it is left out, and nothing else (pictures need neither JPEG nor PNG). Before that, while no success is remembered,
# with packages that are half there: with a target though nothing was found, as FindMPI leaves it, whether the header can
# be included or not; and found, but without a header.
file(REMOVE_RECURSE "${BUILD}")
foreach(lack IN ITEMS "-DHALF=MPI;-DHALF_FOUND=FALSE" "-DHALF=MPI;-DHALF_FOUND=TRUE"
    "-DHALF=pugixml;-DHALF_FOUND=FALSE" -DHIDE= -DHIDE=MPI -DHIDE=nlohmann_json -DHIDE=stb
    -DHIDE=pugixml -DHIDE=Eigen3 -DHIDE=libzip -DHIDE=dlpack -DHIDE=protozero -DHIDE=JPEG -DHIDE=PNG)
  message("-- ${lack}")
  execute_process(COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/components" -B "${BUILD}" -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DNASION=${FROM}" "-DPRESENT=${PRESENT}" -UHIDE -UHALF ${lack}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endforeach()
