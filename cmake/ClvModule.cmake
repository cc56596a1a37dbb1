# SPDX-License-Identifier: Apache-2.0
# clv_module(NAME SOURCES a.c b.c DEPS clv_base PkgConfig::X): one folder of the house as a static
# library clv_NAME. Includes are written from common/ ("graph/graph.h") or, for the folders beside
# it, from the root ("edge/agent.h").
function(clv_module name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_library(clv_${name} STATIC ${ARG_SOURCES})
    target_include_directories(clv_${name} PUBLIC
        ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/common ${PROJECT_SOURCE_DIR})
    target_link_libraries(clv_${name} PUBLIC ${ARG_DEPS})
endfunction()

# clv_program(NAME SOURCES ... DEPS ...): an executable that is installed.
function(clv_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
