/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a bundle: opened, compiled by the plain backend and run once where it is small. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/bundle.h"
#include "runtime/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MAX_ARENA ((size_t)16 << 20)
#define MAX_MACS 50000000u

static uint64_t total_macs(const clv_graph *graph)
{
    uint64_t macs = 0;
    for (uint32_t i = 0; i < graph->n_nodes && macs <= MAX_MACS; i++)
        macs += clv_node_macs(graph, &graph->nodes[i]);
    return macs;
}

static void run(const clv_program *program)
{
    const clv_graph *graph = clv_program_graph(program);
    clv_program_memory memory = clv_program_memory_of(program);
    clv_exec *exec;

    if (memory.arena_bytes > MAX_ARENA || total_macs(graph) > MAX_MACS ||
        clv_exec_create(&exec, program, NULL) != CLV_OK)
        return;
    clv_exec_poison(exec);
    clv_status status = clv_exec_run(exec, 0, graph->n_nodes);
    (void)status; /* bad data may be refused; it may not crash */
    clv_exec_free(exec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    clv_program_options options = {&clv_backend_ref, 1};
    clv_program *program;
    clv_bundle *bundle;

    uint8_t *copy = clv_alloc_aligned(bytes); /* weights are read as floats: as mapped, aligned */
    if (copy == NULL)
        return 0;
    memcpy(copy, data, bytes);
    if (clv_bundle_open_memory(&bundle, copy, bytes, NULL) == CLV_OK) {
        if (clv_program_compile(&program, clv_bundle_main(bundle)->graph, &options, NULL) ==
            CLV_OK) {
            run(program);
            clv_program_free(program);
        }
        clv_bundle_free(bundle);
    }
    clv_free(copy);
    return 0;
}
