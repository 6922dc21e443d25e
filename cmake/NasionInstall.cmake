# Headers, CMake package and pkg-config file.
include(CMakePackageConfigHelpers)

set(nasion_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/nasion")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/nasion" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS ${nasion_targets} EXPORT nasionTargets)
install(EXPORT nasionTargets NAMESPACE nasion:: DESTINATION "${nasion_config_dir}")

configure_package_config_file(cmake/nasionConfig.cmake.in "${PROJECT_BINARY_DIR}/nasionConfig.cmake"
  INSTALL_DESTINATION "${nasion_config_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/nasionConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/nasionConfig.cmake" "${PROJECT_BINARY_DIR}/nasionConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/NasionComponents.cmake" "${PROJECT_SOURCE_DIR}/cmake/NasionCompiled.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/NasionFaces.cmake" "${PROJECT_SOURCE_DIR}/cmake/NasionPictures.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/Findstb.cmake" "${PROJECT_SOURCE_DIR}/cmake/Findlibzip.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/Finddlpack.cmake" "${PROJECT_SOURCE_DIR}/cmake/Findprotozero.cmake" DESTINATION "${nasion_config_dir}")

set(nasion_pc_flags "")
if(NASION_OPENMP AND OpenMP_CXX_FOUND)
  list(JOIN OpenMP_CXX_FLAGS " " nasion_pc_flags)
endif()
configure_file(cmake/nasion.pc.in "${PROJECT_BINARY_DIR}/nasion.pc" @ONLY)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/src/" DESTINATION "${nasion_config_dir}")
install(FILES "${PROJECT_BINARY_DIR}/nasion.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
