# SPDX-License-Identifier: Apache-2.0
# Outside libraries, by the packages of `./dev deps`. Each is used in one place (ARCHITECTURE.md).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET libjpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
find_program(PROTOC_C protoc-c REQUIRED)

function(clv_find_library target header library)
    string(TOUPPER ${target} upper)
    find_path(${upper}_INCLUDE_DIR ${header} REQUIRED)
    find_library(${upper}_LIBRARY ${library} REQUIRED)
    add_library(clv_ext_${target} INTERFACE)
    target_include_directories(clv_ext_${target} SYSTEM INTERFACE ${${upper}_INCLUDE_DIR})
    target_link_libraries(clv_ext_${target} INTERFACE ${${upper}_LIBRARY})
endfunction()

clv_find_library(nng nng/nng.h nng)
clv_find_library(mbedcrypto mbedtls/sha256.h mbedcrypto)
clv_find_library(mbedx509 mbedtls/x509_crt.h mbedx509)
if(CLEAVE_ONEDNN)
    # Its CMake package asks for OpenCL, which the CPU engine doesn't need.
    clv_find_library(dnnl oneapi/dnnl/dnnl.h dnnl)
    # The OpenMP run-time that Debian's oneDNN was built with: its thread count is set by us.
    target_link_libraries(clv_ext_dnnl INTERFACE gomp)
endif()
if(CLEAVE_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
