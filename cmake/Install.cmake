# The shared library libingress.so, made of all modules, and what `cmake --install` puts where.
# Included after the modules; the daemon and the tests link the static modules directly.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

add_library(ingress SHARED)
add_library(ingress::ingress ALIAS ingress)
foreach(module base config net http tls routing upstream policy proxy)
  target_sources(ingress PRIVATE $<TARGET_OBJECTS:ingress_${module}>)
  target_link_libraries(ingress PRIVATE $<TARGET_PROPERTY:ingress_${module},INGRESS_LIBS>)
endforeach()
set_target_properties(ingress PROPERTIES
  LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/ingress.map")
# The map keeps the instantiations of std templates, which their headers mark visible, out of our ABI.
target_link_options(ingress PRIVATE "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/ingress.map")
if(NOT INGRESS_SANITIZE)
  # clang leaves the sanitizer's runtime to the program, so only plain builds can demand completeness.
  target_link_options(ingress PRIVATE "LINKER:--no-undefined")
endif()
target_compile_features(ingress INTERFACE cxx_std_23)
target_include_directories(ingress INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/libingress/include>"
  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")

install(TARGETS ingress EXPORT ingress LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/libingress/include/ingress"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
if(INGRESS_BUILD_PROXYD)
  install(TARGETS proxyd RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ingress")
install(EXPORT ingress NAMESPACE ingress:: FILE ingressTargets.cmake DESTINATION "${package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/ingressConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/ingressConfig.cmake" INSTALL_DESTINATION "${package_dir}")
# Before 1.0 a minor version may change the API.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ingressConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/ingressConfig.cmake" "${PROJECT_BINARY_DIR}/ingressConfigVersion.cmake"
  DESTINATION "${package_dir}")

# Relative to the .pc file, so that an installed tree may be moved.
file(RELATIVE_PATH pc_prefix "/x/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/x")
configure_file("${PROJECT_SOURCE_DIR}/cmake/ingress.pc.in" "${PROJECT_BINARY_DIR}/ingress.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/ingress.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
