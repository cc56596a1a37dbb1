/* SPDX-License-Identifier: Apache-2.0 */
/* Quantised nodes that never leave bytes: tables of functions of one element, and movement. */
#include <string.h>

#include "graph/params_resize.h"
#include "kernel/quantise.h"
#include "kernel/ref/ref_int8.h"

#define N_BYTES 256u

/* All bytes of a type, in the order of their bits, as real numbers. */
static void all_numbers(float *out, const clv_quant *quant, clv_dtype dtype)
{
    uint8_t bytes[N_BYTES];

    for (uint32_t i = 0; i < N_BYTES; i++)
        bytes[i] = (uint8_t)i;
    clv_dequantise_f32(out, bytes, N_BYTES, quant, dtype);
}

static void look_up(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t *table)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = table[src[i]];
}

/* --- tables -------------------------------------------------------------------------------- */

static clv_status run_table(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                            char *scratch)
{
    const uint8_t *x = inputs[0].data;
    size_t n = ref_elems(&inputs[0]);
    float *y = outputs[0].data;
    (void)scratch;

    if (k->bytes != NULL) {
        look_up(outputs[0].data, x, n, k->bytes);
        return CLV_OK;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = k->floats[x[i]];
    return CLV_OK;
}

/* Its only input that runs with the frame is input 0, of which each element counts alone. */
static bool is_elementwise(const ref_int8 *k)
{
    const clv_quant *quant = clv_node_input_quant(k->graph, k->node, 0);
    clv_ref_kernel *f = k->float_kernel;

    if ((f != ref_unary && f != ref_activation && f != ref_clip && f != ref_copy) ||
        quant == NULL || quant->n_scales > 0)
        return false;
    for (uint32_t i = 1; f == ref_clip && i < k->node->n_inputs; i++) {
        const clv_tensor *bound = clv_node_input(k->graph, k->node, i);
        if (bound != NULL &&
            (bound->data == NULL || clv_node_input_quant(k->graph, k->node, i) != NULL))
            return false;
    }
    return true;
}

/* The float32 kernel over 256 elements; real[] holds the inputs and then the results. */
static clv_status apply(const ref_int8 *k, float *real)
{
    uint32_t n = k->node->n_inputs;
    clv_tensor row = {CLV_F32, {.rank = 1, .dim = {N_BYTES}}, NULL}, y = row;
    float results[N_BYTES];
    clv_tensor *inputs = clv_calloc(n, sizeof *inputs);

    if (inputs == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        inputs[i] = k->twin->graph.values[i].tensor;
    inputs[0] = row;
    inputs[0].data = real;
    y.data = results;
    clv_status status = k->float_kernel(&k->twin->graph, &k->twin->node, inputs, &y);
    memcpy(real, results, sizeof results);
    clv_free(inputs);
    return status;
}

clv_status ref_int8_plan_table(ref_int8 *k)
{
    const clv_quant *in = clv_node_input_quant(k->graph, k->node, 0);
    const clv_quant *out = clv_node_output_quant(k->graph, k->node, 0);

    if (!is_elementwise(k))
        return CLV_EUNSUPPORTED;
    k->floats = clv_calloc(N_BYTES, sizeof *k->floats);
    if (k->floats == NULL)
        return CLV_ENOMEM;
    all_numbers(k->floats, in, clv_node_input_type(k->graph, k->node, 0));
    CLV_TRY(apply(k, k->floats));
    k->run = run_table;
    if (out == NULL)
        return CLV_OK;
    k->bytes = clv_calloc(N_BYTES, 1);
    if (k->bytes == NULL)
        return CLV_ENOMEM;
    clv_quantise_f32(k->bytes, k->floats, N_BYTES, out,
                     clv_node_output(k->graph, k->node, 0)->dtype);
    const clv_tensor *stored = clv_node_input(k->graph, k->node, 0);
    k->in_place = stored->data == NULL && clv_dtype_is_byte(stored->dtype);
    return CLV_OK;
}

/* --- movement ------------------------------------------------------------------------------ */

static bool picks(const ref_int8 *k)
{
    clv_resize_params p;
    return clv_resize_params_of(&p, &k->twin->graph, &k->twin->node, NULL) == CLV_OK &&
           p.mode == CLV_RESIZE_NEAREST && p.transform != CLV_RESIZE_TF_CROP;
}

/* Every element of the output is one of an input: nothing is made, not even padding. */
static bool only_moves(const ref_int8 *k)
{
    switch (k->node->op) {
    case CLV_OP_COMPRESS:
    case CLV_OP_CONCAT:
    case CLV_OP_DEPTH_TO_SPACE:
    case CLV_OP_EXPAND:
    case CLV_OP_GATHER:
    case CLV_OP_GATHER_ELEMENTS:
    case CLV_OP_GATHER_ND:
    case CLV_OP_REVERSE_SEQUENCE:
    case CLV_OP_SLICE:
    case CLV_OP_SPACE_TO_DEPTH:
    case CLV_OP_SPLIT:
    case CLV_OP_TILE:
    case CLV_OP_TRANSPOSE:
        return true;
    case CLV_OP_RESIZE:
        return picks(k);
    default:
        return false;
    }
}

/* The greatest byte is that of the greatest number. A window in the padding alone has the lowest
 * one, which another scale could not keep. */
static bool is_maximum(clv_op op)
{
    return op == CLV_OP_MAX_POOL || op == CLV_OP_GLOBAL_MAX_POOL;
}

/* Outputs are bytes that mean the same, inputs with elements to move are bytes. */
static bool stays_in_bytes(const ref_int8 *k)
{
    const clv_graph *graph = k->graph;
    const clv_node *node = k->node;
    const clv_quant *first = clv_node_output_quant(graph, node, 0);

    for (uint32_t i = 0; i < (node->op == CLV_OP_CONCAT ? node->n_inputs : 1); i++) {
        const clv_quant *in = clv_node_input_quant(graph, node, i);
        if (in == NULL || in->n_scales > 0)
            return false;
    }
    for (uint32_t i = 1; node->op == CLV_OP_SPLIT && i < node->n_outputs; i++) {
        const clv_quant *out = clv_node_output_quant(graph, node, i);
        if (first == NULL || out == NULL ||
            !clv_quant_equal(out, clv_node_output(graph, node, i)->dtype, first,
                             clv_node_output(graph, node, 0)->dtype))
            return false;
    }
    return first != NULL;
}

/* Inputs whose bytes mean something else than the output's go through their table. */
static bool needs_table(const ref_int8 *k, uint32_t i)
{
    const clv_quant *in = clv_node_input_quant(k->graph, k->node, i);
    return in != NULL && !clv_quant_equal(in, clv_node_input_type(k->graph, k->node, i),
                                          clv_node_output_quant(k->graph, k->node, 0),
                                          clv_node_output(k->graph, k->node, 0)->dtype);
}

static clv_status run_move(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                           char *scratch)
{
    uint32_t n = k->node->n_inputs;
    size_t at = 0;
    clv_tensor *moved = (void *)ref_int8_cut(scratch, &at, n * sizeof *moved);

    for (uint32_t i = 0; i < n; i++) {
        moved[i] = inputs[i];
        if (!needs_table(k, i))
            continue;
        size_t elems = ref_elems(&inputs[i]);
        uint8_t *bytes = (uint8_t *)ref_int8_cut(scratch, &at, elems);
        look_up(bytes, inputs[i].data, elems, k->bytes + i * (size_t)N_BYTES);
        moved[i].data = bytes;
        moved[i].dtype = outputs[0].dtype;
    }
    return k->float_kernel(&k->twin->graph, &k->twin->node, moved, outputs);
}

clv_status ref_int8_plan_move(ref_int8 *k)
{
    const clv_quant *out = clv_node_output_quant(k->graph, k->node, 0);
    uint32_t n = k->node->n_inputs;
    float real[N_BYTES];

    if ((!only_moves(k) && !is_maximum(k->node->op)) || !stays_in_bytes(k) ||
        (is_maximum(k->node->op) && needs_table(k, 0)))
        return CLV_EUNSUPPORTED;
    k->bytes = clv_calloc(n, N_BYTES);
    if (k->bytes == NULL)
        return CLV_ENOMEM;
    (void)ref_int8_cut(NULL, &k->scratch_bytes, n * sizeof(clv_tensor));
    for (uint32_t i = 0; i < n; i++) {
        if (!needs_table(k, i))
            continue;
        all_numbers(real, clv_node_input_quant(k->graph, k->node, i),
                    clv_node_input_type(k->graph, k->node, i));
        clv_quantise_f32(k->bytes + i * (size_t)N_BYTES, real, N_BYTES, out,
                         clv_node_output(k->graph, k->node, 0)->dtype);
        (void)ref_int8_cut(NULL, &k->scratch_bytes,
                           ref_elems(clv_node_input(k->graph, k->node, i)));
    }
    k->run = run_move;
    return CLV_OK;
}
