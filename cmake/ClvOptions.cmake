# SPDX-License-Identifier: Apache-2.0
# What a build may choose, and the compiler's flags.
set(CLEAVE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them (address,undefined)")
option(CLEAVE_ONEDNN "Build the oneDNN backend" ON)
option(CLEAVE_TESTS "Build the tests" ON)
option(CLEAVE_BENCH "Build the benchmarks" ON)
option(CLEAVE_FUZZ "Build fuzz targets with libFuzzer (clang)" OFF)
option(CLEAVE_WERROR "Warnings are errors" ON)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_compile_definitions(_GNU_SOURCE CLEAVE_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
                    -Wpointer-arith -Wcast-qual -Wformat=2 -Wundef -fno-math-errno
                    -ffp-contract=off -fstack-protector-strong -fvisibility=hidden)
# gcc can't see that outputs are set whenever the status is CLV_OK (sanitizers and clang watch that),
# and warns of texts for people that snprintf() cuts, which is why snprintf() is there.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized -Wno-format-truncation)
endif()
if(CLEAVE_WERROR)
    add_compile_options(-Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(CLEAVE_SANITIZE)
    add_compile_options(-fsanitize=${CLEAVE_SANITIZE} -fno-omit-frame-pointer
                        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${CLEAVE_SANITIZE})
endif()
if(CLEAVE_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "CLEAVE_FUZZ needs clang: use the preset 'fuzz'")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
