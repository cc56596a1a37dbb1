/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a bundle: opened, each form compiled by the plain backend and, where it is
 * small, run whole and across a cut to the other form; frontiers of zeros by its operating points.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/bundle.h"
#include "runtime/program.h"
#include "runtime/tensor_set.h"

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

static bool is_small(const clv_program *program)
{
    clv_program_memory memory = clv_program_memory_of(program);
    return memory.arena_bytes + memory.scratch_bytes <= MAX_ARENA &&
           total_macs(clv_program_graph(program)) <= MAX_MACS;
}

/* The first half in one form, the rest in the other, as a device and a server would. */
static void cross(clv_exec *device, clv_exec *server, const clv_program *program)
{
    const clv_graph *graph = clv_program_graph(program);
    uint32_t cut = graph->n_nodes / 2;
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(program), cut);
    clv_tensor_set set = {0};

    if (clv_tensor_set_fit(&set, graph, frontier.values, frontier.count) == CLV_OK &&
        clv_exec_run(device, 0, cut) == CLV_OK) {
        for (uint32_t i = 0; i < frontier.count; i++) {
            clv_exec_store(device, frontier.values[i], &set.tensors[i]);
            clv_exec_load(server, frontier.values[i], &set.tensors[i]);
        }
        clv_status status = clv_exec_run(server, cut, graph->n_nodes);
        (void)status; /* bad data may be refused; it may not crash */
    }
    clv_tensor_set_done(&set);
}

/* Each form as a whole, then each with the other behind a cut. */
static void run(clv_program *const *programs)
{
    clv_exec *execs[CLV_PRECISION_COUNT] = {NULL};

    for (int p = 0; p < CLV_PRECISION_COUNT; p++) {
        if (programs[p] == NULL || !is_small(programs[p]) ||
            clv_exec_create(&execs[p], programs[p], NULL) != CLV_OK)
            continue;
        clv_exec_poison(execs[p]);
        clv_status status = clv_exec_run(execs[p], 0, clv_program_graph(programs[p])->n_nodes);
        (void)status; /* bad data may be refused; it may not crash */
    }
    if (execs[CLV_PRECISION_FLOAT] != NULL && execs[CLV_PRECISION_INT8] != NULL) {
        for (int p = 0; p < CLV_PRECISION_COUNT; p++)
            cross(execs[p], execs[CLV_PRECISION_COUNT - 1 - p], programs[p]);
    }
    for (int p = 0; p < CLV_PRECISION_COUNT; p++)
        clv_exec_free(execs[p]);
}

static void compile_and_run(const clv_model *model)
{
    const clv_program_options options = {&clv_backend_ref, 1, 0, 0};
    clv_program *programs[CLV_PRECISION_COUNT] = {NULL};

    for (int p = 0; p < CLV_PRECISION_COUNT; p++) {
        const clv_graph *graph = clv_model_graph(model, (clv_precision)p);
        if (graph != NULL && clv_program_compile(&programs[p], graph, &options, NULL) != CLV_OK)
            programs[p] = NULL;
    }
    run(programs);
    for (int p = 0; p < CLV_PRECISION_COUNT; p++)
        clv_program_free(programs[p]);
}

/* Zeros through each rung of a ladder, as a device would, and back. */
static void code(const clv_cut_ladder *ladder, const clv_tensor_set *set)
{
    size_t bound, bytes;

    if (clv_activation_bound(&bound, set->tensors, set->planned, set->count) != CLV_OK ||
        bound > MAX_ARENA || ladder->scratch_bytes > MAX_ARENA)
        return;
    uint8_t *payload = malloc(bound), *scratch = malloc(ladder->scratch_bytes + 1);
    for (uint32_t use = 0; use < ladder->n_rungs; use++) {
        clv_codec_tables tables = clv_cut_ladder_tables(ladder, use, scratch);
        if (payload == NULL || scratch == NULL ||
            clv_activation_encode_by(&bytes, CLV_CODEC_RANS, &tables, set->tensors, set->planned,
                                     set->count, payload, bound) != CLV_OK ||
            clv_activation_decode_by(set->tensors, set->planned, set->count, &tables, payload,
                                     bytes, NULL) != CLV_OK)
            abort();
    }
    free(payload);
    free(scratch);
}

static void use_ladders(const clv_model *model)
{
    clv_frontiers *frontiers = NULL;

    if (model->n_ladders == 0 || clv_frontiers_create(&frontiers, model->graph) != CLV_OK)
        return;
    for (uint32_t i = 0; i < model->n_ladders; i++) {
        const clv_cut_ladder *ladder = &model->ladders[i];
        const clv_graph *graph = clv_model_graph(model, ladder->prefix);
        clv_frontier frontier = clv_frontiers_at(frontiers, ladder->cut);
        clv_tensor_set set = {0};
        if (ladder->n_tensors == frontier.count && frontier.count < 64 &&
            clv_tensor_set_fit(&set, graph, frontier.values, frontier.count) == CLV_OK &&
            set.memory.bytes <= MAX_ARENA)
            code(ladder, &set);
        clv_tensor_set_done(&set);
    }
    clv_frontiers_free(frontiers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    clv_bundle *bundle;

    uint8_t *copy = clv_alloc_aligned(bytes); /* weights are read as floats: as mapped, aligned */
    if (copy == NULL)
        return 0;
    memcpy(copy, data, bytes);
    if (clv_bundle_open_memory(&bundle, copy, bytes, NULL) == CLV_OK) {
        compile_and_run(clv_bundle_main(bundle));
        use_ladders(clv_bundle_main(bundle));
        clv_bundle_free(bundle);
    }
    clv_free(copy);
    return 0;
}
