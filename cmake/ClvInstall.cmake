# SPDX-License-Identifier: Apache-2.0
# The library for programs that embed the agent: one archive (or, with BUILD_SHARED_LIBS, one shared
# object) of everything below edge/, the public headers, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

set(edge_modules base graph kernel codec media runtime net proto edge)
set(edge_objects)
foreach(module ${edge_modules})
    list(APPEND edge_objects $<TARGET_OBJECTS:clv_${module}>)
endforeach()
add_library(cleave-edge-lib ${edge_objects})
add_library(Cleave::edge ALIAS cleave-edge-lib)
set_target_properties(cleave-edge-lib PROPERTIES OUTPUT_NAME cleave-edge EXPORT_NAME edge
    VERSION ${PROJECT_VERSION} SOVERSION 0 LINKER_LANGUAGE C)
target_include_directories(cleave-edge-lib INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# By name, so that the installed package does not hold paths of the machine that built it.
set(edge_libraries nng mbedx509 mbedcrypto protobuf-c jpeg png m pthread)
if(CLEAVE_ONEDNN)
    list(APPEND edge_libraries dnnl gomp)
endif()
target_link_libraries(cleave-edge-lib PRIVATE ${edge_libraries})

install(TARGETS cleave-edge-lib EXPORT CleaveTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/cleave DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT CleaveTargets NAMESPACE Cleave:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Cleave)
install(FILES models/demo/teacher.onnx models/demo/student.onnx models/demo/labels.txt
    DESTINATION ${CMAKE_INSTALL_DATADIR}/cleave/demo)

configure_package_config_file(cmake/CleaveConfig.cmake.in ${PROJECT_BINARY_DIR}/CleaveConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Cleave)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/CleaveConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/CleaveConfig.cmake ${PROJECT_BINARY_DIR}/CleaveConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Cleave)

list(TRANSFORM edge_libraries PREPEND -l OUTPUT_VARIABLE CLEAVE_PRIVATE_LIBS)
list(JOIN CLEAVE_PRIVATE_LIBS " " CLEAVE_PRIVATE_LIBS)
configure_file(cmake/cleave-edge.pc.in ${PROJECT_BINARY_DIR}/cleave-edge.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cleave-edge.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
