/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons, truth values, bits, and choosing by them. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_lines.h"

#define COMPARE_LINES(unused, s, dtype, type)                                                      \
    REF_LINE(equal_##s, uint8_t, type, a == b)                                                     \
    REF_LINE(less_##s, uint8_t, type, a < b)                                                       \
    REF_LINE(less_equal_##s, uint8_t, type, a <= b)                                                \
    REF_LINE(greater_##s, uint8_t, type, a > b)                                                    \
    REF_LINE(greater_equal_##s, uint8_t, type, a >= b)
/* A shift by all bits or more leaves nothing. */
#define SHIFT_LINES(unused, s, dtype, type)                                                        \
    REF_LINE(shift_left_##s, type, type, b < 8 * sizeof a ? (uint64_t)a << b : 0)                  \
    REF_LINE(shift_right_##s, type, type, b < 8 * sizeof a ? (uint64_t)a >> b : 0)

REF_FLOATS(COMPARE_LINES, )
REF_SIGNED(COMPARE_LINES, )
REF_UNSIGNED(COMPARE_LINES, )
REF_UNSIGNED(SHIFT_LINES, )
REF_LINE(and_8, uint8_t, uint8_t, a &b)
REF_LINE(and_16, uint16_t, uint16_t, a &b)
REF_LINE(and_32, uint32_t, uint32_t, a &b)
REF_LINE(and_64, uint64_t, uint64_t, a &b)
REF_LINE(or_8, uint8_t, uint8_t, a | b)
REF_LINE(or_16, uint16_t, uint16_t, a | b)
REF_LINE(or_32, uint32_t, uint32_t, a | b)
REF_LINE(or_64, uint64_t, uint64_t, a | b)
REF_LINE(xor_8, uint8_t, uint8_t, a ^ b)
REF_LINE(xor_16, uint16_t, uint16_t, a ^ b)
REF_LINE(xor_32, uint32_t, uint32_t, a ^ b)
REF_LINE(xor_64, uint64_t, uint64_t, a ^ b)

#define NUMBERS(name)                                                                              \
    REF_FLOATS(REF_ENTRY, name) REF_SIGNED(REF_ENTRY, name) REF_UNSIGNED(REF_ENTRY, name)

static clv_status walk(ref_line_fn *line, const clv_tensor *inputs, clv_tensor *outputs)
{
    if (line == NULL)
        return CLV_EUNSUPPORTED;
    ref_line_walk(line, &inputs[0], &inputs[1], &outputs[0]);
    return CLV_OK;
}

clv_status ref_compare(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                       clv_tensor *outputs)
{
    static ref_line_fn *const table[CLV_OP_COUNT][CLV_DTYPE_COUNT] = {
        [CLV_OP_EQUAL] = {NUMBERS(equal)[CLV_BOOL] = equal_u8},
        [CLV_OP_LESS] = {NUMBERS(less)},
        [CLV_OP_LESS_OR_EQUAL] = {NUMBERS(less_equal)},
        [CLV_OP_GREATER] = {NUMBERS(greater)},
        [CLV_OP_GREATER_OR_EQUAL] = {NUMBERS(greater_equal)},
    };
    (void)graph;
    return walk(table[node->op][inputs[0].dtype], inputs, outputs);
}

/* And, Or, Xor of bools, and BitwiseAnd, BitwiseOr, BitwiseXor of integers: bools are 0 and 1. */
clv_status ref_bits(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    static ref_line_fn *const and[] = {[1] = and_8, [2] = and_16, [4] = and_32, [8] = and_64};
    static ref_line_fn *const or [] = {[1] = or_8, [2] = or_16, [4] = or_32, [8] = or_64};
    static ref_line_fn *const xor [] = {[1] = xor_8, [2] = xor_16, [4] = xor_32, [8] = xor_64};
    size_t bytes = clv_dtype_bytes(inputs[0].dtype);
    (void)graph;

    switch (node->op) {
    case CLV_OP_AND:
    case CLV_OP_BITWISE_AND:
        return walk(and[bytes], inputs, outputs);
    case CLV_OP_OR:
    case CLV_OP_BITWISE_OR:
        return walk(or [bytes], inputs, outputs);
    default:
        return walk(xor[bytes], inputs, outputs);
    }
}

clv_status ref_bit_shift(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                         clv_tensor *outputs)
{
    static ref_line_fn *const table[2][CLV_DTYPE_COUNT] = {{REF_UNSIGNED(REF_ENTRY, shift_left)},
                                                           {REF_UNSIGNED(REF_ENTRY, shift_right)}};
    const char *direction = clv_node_attr_string(node, "direction", "");
    bool right = strcmp(direction, "RIGHT") == 0;
    (void)graph;

    if (!right && strcmp(direction, "LEFT") != 0)
        return CLV_EFORMAT;
    return walk(table[right][inputs[0].dtype], inputs, outputs);
}

/* Not of bools, BitwiseNot of integers. */
clv_status ref_not(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    uint8_t mask = node->op == CLV_OP_NOT ? 1 : UINT8_MAX;
    const uint8_t *x = inputs[0].data;
    uint8_t *y = outputs[0].data;
    size_t bytes = ref_bytes(&inputs[0]);
    (void)graph;

    for (size_t i = 0; i < bytes; i++)
        y[i] = (uint8_t)(x[i] ^ mask);
    return CLV_OK;
}

/* IsNaN, IsInf. */
clv_status ref_predicate(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                         clv_tensor *outputs)
{
    bool positive = clv_node_attr_int(node, "detect_positive", 1) != 0;
    bool negative = clv_node_attr_int(node, "detect_negative", 1) != 0;
    size_t n = ref_elems(&inputs[0]);
    uint8_t *y = outputs[0].data;
    (void)graph;

    for (size_t i = 0; i < n; i++) {
        double x = ref_number_to_double(ref_number_load(inputs[0].data, inputs[0].dtype, i));
        bool wanted = x > 0.0 ? positive : negative;
        bool holds = node->op == CLV_OP_IS_NAN ? isnan(x) != 0 : isinf(x) != 0 && wanted;
        y[i] = holds;
    }
    return CLV_OK;
}

/* First all of it is the third input; then the second is put where the condition holds. */
clv_status ref_where(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    const clv_tensor *condition = &inputs[0], *x = &inputs[1], *y = &inputs[2];
    size_t bytes = clv_dtype_bytes(x->dtype);
    ptrdiff_t step[CLV_MAX_RANK];
    char *to = outputs[0].data;
    ref_walk walk;
    (void)graph;
    (void)node;

    ref_broadcast_steps(step, &outputs[0].shape, &y->shape);
    ref_copy_strided(&outputs[0], y->data, step);
    ref_walk_broadcast(&walk, &outputs[0].shape, &condition->shape, &x->shape);
    size_t n = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    ptrdiff_t step_c = ref_walk_step(&walk, 0), step_x = ref_walk_step(&walk, 1);
    for (size_t line = 0; line < lines; line++) {
        const uint8_t *c = (const uint8_t *)condition->data + walk.offset[0];
        const char *from = (const char *)x->data + walk.offset[1] * (ptrdiff_t)bytes;
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++, to += bytes) {
            if (c[i * step_c] != 0)
                memcpy(to, from + i * step_x * (ptrdiff_t)bytes, bytes);
        }
        ref_walk_next(&walk);
    }
    return CLV_OK;
}
