# `cmake --install` and find_package(Coppice): every module, the headers below the same root as in the repository, and a
# package that looks for the same dependencies.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY COPPICE_MODULES)
list(FILTER modules EXCLUDE REGEX "^edge")
set(targets coppice_settings coppice_boost)
foreach(module ${modules})
  set_target_properties(coppice_${module} PROPERTIES EXPORT_NAME ${module})
  list(APPEND targets coppice_${module})
endforeach()

# What a program needs, under one name. The test kit stands apart.
add_library(coppice_runtime INTERFACE)
set(runtime_modules ${modules})
list(REMOVE_ITEM runtime_modules testkit)
list(TRANSFORM runtime_modules PREPEND coppice_)
target_link_libraries(coppice_runtime INTERFACE ${runtime_modules})
target_include_directories(coppice_runtime INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/runtime/umbrella>)
set_target_properties(coppice_runtime PROPERTIES EXPORT_NAME runtime)
add_library(Coppice::runtime ALIAS coppice_runtime)
list(APPEND targets coppice_runtime)

install(TARGETS ${targets} EXPORT CoppiceTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS coppice RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY runtime DESTINATION include/coppice FILES_MATCHING PATTERN "*.hpp"
  PATTERN "*.test.hpp" EXCLUDE PATTERN "testdata" EXCLUDE)
install(FILES runtime/testkit/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/coppice RENAME testkit.md)
install(FILES runtime/umbrella/coppice.hpp DESTINATION include/coppice)
install(EXPORT CoppiceTargets NAMESPACE Coppice:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Coppice)
configure_package_config_file(cmake/CoppiceConfig.cmake.in ${CMAKE_BINARY_DIR}/CoppiceConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Coppice)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/CoppiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/CoppiceConfig.cmake ${CMAKE_BINARY_DIR}/CoppiceConfigVersion.cmake
  cmake/CoppiceDependencies.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Coppice)
