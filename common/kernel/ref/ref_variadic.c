/* SPDX-License-Identifier: Apache-2.0 */
/* Max, Min and Mean of any number of inputs, broadcast; Clip, which is both of the first. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_lines.h"

/* A NaN on either side comes through. */
#define FLOAT_LINES(unused, s, dtype, type)                                                        \
    REF_LINE(max_##s, type, type, a < b || isnan(b) ? b : a)                                       \
    REF_LINE(min_##s, type, type, a > b || isnan(b) ? b : a)                                       \
    REF_LINE(add_##s, type, type, a + b)
#define INT_LINES(unused, s, dtype, type)                                                          \
    REF_LINE(max_##s, type, type, a < b ? b : a)                                                   \
    REF_LINE(min_##s, type, type, a > b ? b : a)

REF_FLOATS(FLOAT_LINES, )
REF_SIGNED(INT_LINES, )
REF_UNSIGNED(INT_LINES, )
REF_HALF_LINE(max_f16, a < b || isnan(b) ? b : a)
REF_HALF_LINE(min_f16, a > b || isnan(b) ? b : a)

#define NUMBERS(name)                                                                              \
    REF_FLOATS(REF_ENTRY, name)                                                                    \
    REF_SIGNED(REF_ENTRY, name) REF_UNSIGNED(REF_ENTRY, name)[CLV_F16] = name##_f16

static ref_line_fn *const max_lines[CLV_DTYPE_COUNT] = {NUMBERS(max)};
static ref_line_fn *const min_lines[CLV_DTYPE_COUNT] = {NUMBERS(min)};
static ref_line_fn *const add_lines[CLV_DTYPE_COUNT] = {REF_FLOATS(REF_ENTRY, add)};

/* The first input, then one after the other into it. */
static void combine(ref_line_fn *line, uint32_t n, const clv_tensor *inputs, clv_tensor *output)
{
    ptrdiff_t step[CLV_MAX_RANK];

    ref_broadcast_steps(step, &output->shape, &inputs[0].shape);
    ref_copy_strided(output, inputs[0].data, step);
    for (uint32_t i = 1; i < n; i++)
        ref_line_walk(line, output, &inputs[i], output);
}

static void divide(clv_tensor *y, uint32_t by)
{
    size_t n = ref_elems(y);
    for (size_t i = 0; y->dtype == CLV_F32 && i < n; i++)
        ((float *)y->data)[i] /= (float)by;
    for (size_t i = 0; y->dtype == CLV_F64 && i < n; i++)
        ((double *)y->data)[i] /= (double)by;
}

clv_status ref_variadic(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                        clv_tensor *outputs)
{
    clv_dtype dtype = outputs[0].dtype;
    ref_line_fn *line = node->op == CLV_OP_MAX   ? max_lines[dtype]
                        : node->op == CLV_OP_MIN ? min_lines[dtype]
                                                 : add_lines[dtype];
    (void)graph;

    if (line == NULL)
        return CLV_EUNSUPPORTED;
    combine(line, node->n_inputs, inputs, &outputs[0]);
    if (node->op == CLV_OP_MEAN)
        divide(&outputs[0], node->n_inputs);
    return CLV_OK;
}

/* Bounds may be absent, and may be made by other nodes, which no fusion can express. */
clv_status ref_clip(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    ref_line_fn *const lines[] = {max_lines[inputs[0].dtype], min_lines[inputs[0].dtype]};
    (void)graph;

    memcpy(outputs[0].data, inputs[0].data, ref_bytes(&inputs[0]));
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        if (inputs[i].data == NULL)
            continue;
        if (ref_elems(&inputs[i]) != 1)
            return CLV_ESHAPE;
        if (lines[i - 1] == NULL)
            return CLV_EUNSUPPORTED;
        ref_line_walk(lines[i - 1], &outputs[0], &inputs[i], &outputs[0]);
    }
    return CLV_OK;
}
