/* SPDX-License-Identifier: Apache-2.0 */
/* Small cases worked out by hand, mostly after the examples in the ONNX operator pages.
 *
 * A tensor is "<type> <shape>: <values>", a shape "2x3" ("1" and "" for vector and scalar of one
 * element). Types: f float32, i int64, b bool; F and I are the same as constants of the graph;
 * "-" is an absent input. Attributes: "axis=1" (int), "perm=1,0" (ints), "alpha~0.5" (float),
 * "mode:edge" (string). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/case_families.h"

#define MAX_VALUES 64

typedef struct literal {
    clv_op op;
    const char *name;
    const char *inputs[5];
    const char *attrs[3];
    const char *outputs[3];
} literal;

/* clang-format off */
static const literal table[] = {
    {CLV_OP_SLICE, "steps", {"f 4x2: 1 2 3 4 5 6 7 8", "I 2: 1 0", "I 2: 4 2", "I 2: 0 1", "I 2: 2 1"}, {0}, {"f 2x2: 3 4 7 8"}},
    {CLV_OP_SLICE, "no axes", {"f 2x4: 1 2 3 4 5 6 7 8", "I 2: 0 1", "I 2: -1 1000"}, {0}, {"f 1x3: 2 3 4"}},
    {CLV_OP_SLICE, "negative step", {"i 6: 0 1 2 3 4 5", "I 1: -1", "I 1: -1000", "I 1: 0", "I 1: -2"}, {0}, {"i 3: 5 3 1"}},
    {CLV_OP_SLICE, "negative step inside", {"f 2x5: 0 1 2 3 4 5 6 7 8 9", "I 1: 3", "I 1: 0", "I 1: -1", "I 1: -1"}, {0}, {"f 2x3: 3 2 1 8 7 6"}},
    {CLV_OP_SLICE, "one element, huge step", {"f 5: 0 1 2 3 4", "I 1: 2", "I 1: 9223372036854775807", "I 1: 0", "I 1: 9223372036854775807"}, {0}, {"f 1: 2"}},
    {CLV_OP_SLICE, "nothing", {"f 5: 0 1 2 3 4", "I 1: 3", "I 1: 2"}, {0}, {"f 0:"}},
    {CLV_OP_GATHER, "rows", {"f 3x2: 1 2 3 4 5 6", "i 2x2: 0 1 1 -1"}, {0}, {"f 2x2x2: 1 2 3 4 3 4 5 6"}},
    {CLV_OP_GATHER, "columns", {"i 2x3: 1 2 3 4 5 6", "i 2: 2 -3"}, {"axis=1"}, {"i 2x2: 3 1 6 4"}},
    {CLV_OP_GATHER, "a scalar index drops the axis", {"I 4: 7 8 9 10", "i : 2"}, {0}, {"i : 9"}},
    {CLV_OP_GATHER, "no indices", {"f 3: 1 2 3", "i 0:"}, {0}, {"f 0:"}},
    {CLV_OP_CONCAT, "axis 0", {"f 1x2: 1 2", "f 2x2: 3 4 5 6"}, {"axis=0"}, {"f 3x2: 1 2 3 4 5 6"}},
    {CLV_OP_CONCAT, "last axis, a constant", {"i 2x1: 1 2", "I 2x2: 3 4 5 6"}, {"axis=-1"}, {"i 2x3: 1 3 4 2 5 6"}},
    {CLV_OP_SPLIT, "equal parts", {"f 6: 1 2 3 4 5 6"}, {0}, {"f 2: 1 2", "f 2: 3 4", "f 2: 5 6"}},
    {CLV_OP_SPLIT, "the last part is smaller", {"f 5: 1 2 3 4 5"}, {"num_outputs=3"}, {"f 2: 1 2", "f 2: 3 4", "f 1: 5"}},
    {CLV_OP_SPLIT, "sizes", {"i 2x4: 1 2 3 4 5 6 7 8", "I 2: 1 3"}, {"axis=1"}, {"i 2x1: 1 5", "i 2x3: 2 3 4 6 7 8"}},
    {CLV_OP_TRANSPOSE, "reversed", {"f 2x3: 1 2 3 4 5 6"}, {0}, {"f 3x2: 1 4 2 5 3 6"}},
    {CLV_OP_TRANSPOSE, "perm", {"f 1x2x3: 1 2 3 4 5 6"}, {"perm=2,0,1"}, {"f 3x1x2: 1 4 2 5 3 6"}},
    {CLV_OP_EXPAND, "a column", {"f 3x1: 1 2 3", "I 2: 3 4"}, {0}, {"f 3x4: 1 1 1 1 2 2 2 2 3 3 3 3"}},
    {CLV_OP_EXPAND, "more dimensions", {"i 3x1: 1 2 3", "I 3: 2 1 2"}, {0}, {"i 2x3x2: 1 1 2 2 3 3 1 1 2 2 3 3"}},
    {CLV_OP_EXPAND, "a scalar", {"b : 1", "I 1: 3"}, {0}, {"b 3: 1 1 1"}},
    {CLV_OP_PAD, "constant", {"f 3x2: 1 2 3 4 5 6", "I 4: 0 2 0 0", "F : 9"}, {0}, {"f 3x4: 9 9 1 2 9 9 3 4 9 9 5 6"}},
    {CLV_OP_PAD, "zeros all round", {"i 1x2: 1 2", "I 4: 1 1 1 1"}, {"mode:constant"}, {"i 3x4: 0 0 0 0 0 1 2 0 0 0 0 0"}},
    {CLV_OP_PAD, "negative pads crop", {"f 2x4: 1 2 3 4 5 6 7 8", "I 4: 0 -1 -1 1"}, {0}, {"f 1x4: 2 3 4 0"}},
    {CLV_OP_PAD, "axes", {"f 2x2: 1 2 3 4", "I 2: 1 0", "-", "I 1: -1"}, {0}, {"f 2x3: 0 1 2 0 3 4"}},
    {CLV_OP_PAD, "reflect", {"f 2x3: 1 2 3 4 5 6", "I 4: 0 2 0 1"}, {"mode:reflect"}, {"f 2x6: 3 2 1 2 3 2 6 5 4 5 6 5"}},
    {CLV_OP_PAD, "reflect further than the input is wide", {"f 3: 1 2 3", "I 2: 5 4"}, {"mode:reflect"}, {"f 12: 2 1 2 3 2 1 2 3 2 1 2 3"}},
    {CLV_OP_PAD, "reflect one element", {"f 1: 7", "I 2: 2 1"}, {"mode:reflect"}, {"f 4: 7 7 7 7"}},
    {CLV_OP_PAD, "edge", {"f 2x2: 1 2 3 4", "I 4: 1 2 0 1"}, {"mode:edge"}, {"f 3x5: 1 1 1 2 2 1 1 1 2 2 3 3 3 4 4"}},
    {CLV_OP_PAD, "wrap", {"i 3: 1 2 3", "I 2: 4 2"}, {"mode:wrap"}, {"i 9: 3 1 2 3 1 2 3 1 2"}},
    {CLV_OP_SHAPE, "all", {"f 2x3x4: 0"}, {0}, {"i 3: 2 3 4"}},
    {CLV_OP_SHAPE, "a part", {"f 2x3x4: 0"}, {"start=-2", "end=2"}, {"i 1: 3"}},
    {CLV_OP_SHAPE, "clamped", {"f 2x3x4: 0"}, {"start=-9", "end=9"}, {"i 3: 2 3 4"}},
    {CLV_OP_SHAPE, "of a scalar", {"f : 1"}, {0}, {"i 0:"}},
    {CLV_OP_CONSTANT_OF_SHAPE, "zeros", {"I 2: 2 3"}, {0}, {"f 2x3: 0 0 0 0 0 0"}},
    {CLV_OP_RESHAPE, "with the rest", {"f 2x3: 1 2 3 4 5 6", "I 2: -1 2"}, {0}, {"f 3x2: 1 2 3 4 5 6"}},
    {CLV_OP_RESHAPE, "of a constant", {"I 4: 1 2 3 4", "I 2: 2 2"}, {0}, {"i 2x2: 1 2 3 4"}},
    {CLV_OP_FLATTEN, "in the middle", {"f 2x1x3: 1 2 3 4 5 6"}, {"axis=2"}, {"f 2x3: 1 2 3 4 5 6"}},
    {CLV_OP_SQUEEZE, "axes", {"f 1x3x1: 1 2 3", "I 1: -1"}, {0}, {"f 1x3: 1 2 3"}},
    {CLV_OP_SQUEEZE, "all ones", {"i 1x3x1: 1 2 3"}, {0}, {"i 3: 1 2 3"}},
    {CLV_OP_UNSQUEEZE, "both ends", {"f 3: 1 2 3", "I 2: 0 -1"}, {0}, {"f 1x3x1: 1 2 3"}},
    {CLV_OP_IDENTITY, "of booleans", {"b 3: 1 0 1"}, {0}, {"b 3: 1 0 1"}},
    {CLV_OP_DROPOUT, "alone", {"f 3: 1 2 3"}, {0}, {"f 3: 1 2 3"}},
    {CLV_OP_DROPOUT, "with its mask", {"f 3: 1 2 3", "F : 1", "B : 0"}, {0}, {"f 3: 1 2 3", "b 3: 1 1 1"}},
    {CLV_OP_CAST, "to int64", {"f 4: 1 -2 3 0"}, {"to=11"}, {"i 4: 1 -2 3 0"}},
    {CLV_OP_CAST, "to float32", {"i 3: 5 -7 16777217"}, {"to=1"}, {"f 3: 5 -7 16777216"}},
    {CLV_OP_ADD, "int64", {"i 2x2: 1 2 3 4", "I 2: 10 -10"}, {0}, {"i 2x2: 11 -8 13 -6"}},
    {CLV_OP_SUB, "int64", {"i 2: 1 2", "i : 3"}, {0}, {"i 2: -2 -1"}},
    {CLV_OP_MUL, "int64", {"i 2: 1 -2", "i 2x1: 3 4"}, {0}, {"i 2x2: 3 -6 4 -8"}},
    {CLV_OP_DIV, "int64 goes towards zero", {"i 4: 7 -7 7 -7", "I 4: 2 2 -2 -2"}, {0}, {"i 4: 3 -3 -3 3"}},
    {CLV_OP_NEG, "int64", {"i 3: 1 0 -5"}, {0}, {"i 3: -1 0 5"}},
    {CLV_OP_CLIP, "only a maximum", {"f 4: -3 1 5 9", "-", "F : 5"}, {0}, {"f 4: -3 1 5 5"}},
    {CLV_OP_CLIP, "a bound from another node", {"f 4: -3 1 5 9", "f : 0"}, {0}, {"f 4: 0 1 5 9"}},
    {CLV_OP_CLIP, "minimum above maximum", {"f 3: -3 1 9", "F : 4", "F : 2"}, {0}, {"f 3: 2 2 2"}},
    {CLV_OP_REDUCE_MEAN, "no axes, and none wanted", {"f 2x2: 1 2 3 4"}, {"noop_with_empty_axes=1"}, {"f 2x2: 1 2 3 4"}},
    {CLV_OP_GEMM, "by hand", {"f 2x2: 1 2 3 4", "F 2x2: 1 0 1 1", "F 2: 10 20"}, {"transB=1"}, {"f 2x2: 11 23 13 27"}},
    {CLV_OP_MATMUL, "by hand", {"f 2x2: 1 2 3 4", "F 2x1: 5 6"}, {0}, {"f 2x1: 17 39"}},
    {CLV_OP_CONV, "by hand", {"f 1x1x3x3: 1 2 3 4 5 6 7 8 9", "F 1x1x2x2: 1 0 0 1", "F 1: 100"}, {0}, {"f 1x1x2x2: 106 108 112 114"}},
    {CLV_OP_MAX_POOL, "by hand", {"f 1x1x2x4: 1 2 3 4 -5 6 -7 8"}, {"kernel_shape=2,2", "strides=2,2"}, {"f 1x1x1x2: 6 8"}},
    {CLV_OP_AVERAGE_POOL, "by hand, pads don't count", {"f 1x1x3: 2 4 9"}, {"kernel_shape=2", "pads=1,0"}, {"f 1x1x3: 2 3 6.5"}},
    {CLV_OP_SOFTMAX, "by hand, over the last axis", {"f 1x2x2: 0 0 5 5"}, {0}, {"f 1x2x2: 0.5 0.5 0.5 0.5"}},
};
/* clang-format on */

#define N_TABLE (sizeof table / sizeof table[0])

typedef struct parsed {
    clv_tensor tensor; /* data: none */
    bool constant;
    double floats[MAX_VALUES];
    int64_t ints[MAX_VALUES];
} parsed;

static clv_dtype dtype_of(char letter)
{
    switch (letter) {
    case 'f':
    case 'F':
        return CLV_F32;
    case 'i':
    case 'I':
        return CLV_I64;
    case 'b':
    case 'B':
        return CLV_BOOL;
    default:
        return CLV_NONE;
    }
}

static parsed parse(const char *text)
{
    parsed p = {.tensor.dtype = dtype_of(text[0]), .constant = text[0] < 'a'};
    char *at = NULL;

    if (p.tensor.dtype == CLV_NONE)
        return p;
    for (const char *dim = text + 2; *dim != ':'; dim = *at == 'x' ? at + 1 : at)
        p.tensor.shape.dim[p.tensor.shape.rank++] = strtoll(dim, &at, 10);
    const char *values = strchr(text, ':') + 1;
    for (size_t i = 0; *values != '\0'; i++) {
        assert_true(i < MAX_VALUES);
        p.floats[i] = strtod(values, NULL);
        p.ints[i] = strtoll(values, &at, 10);
        (void)strtod(values, &at);
        values = at;
    }
    return p;
}

static void store(void *data, const parsed *p)
{
    for (size_t i = 0; i < case_elems(&p->tensor); i++) {
        if (p->tensor.dtype == CLV_F32)
            ((float *)data)[i] = (float)p->floats[i];
        else if (p->tensor.dtype == CLV_I64)
            ((int64_t *)data)[i] = p->ints[i];
        else
            ((uint8_t *)data)[i] = p->ints[i] != 0;
    }
}

static void add_input(node_case *c, const char *text)
{
    parsed p = parse(text);
    if (p.tensor.dtype == CLV_NONE) {
        case_absent_input(c);
        return;
    }
    store(case_input(c, p.tensor.dtype, p.tensor.shape, NULL), &p);
    if (p.constant)
        case_make_constant(c);
}

/* @p name and @p ints outlive the case's graph being built. */
static void add_attr(node_case *c, const char *text, char name[32], int64_t ints[8])
{
    size_t n = strcspn(text, "=~:");
    const char *value = text + n + 1;
    uint32_t count = 0;

    assert_true(n < 32);
    memcpy(name, text, n);
    name[n] = '\0';
    if (text[n] == ':') {
        case_string(c, name, value);
        return;
    }
    if (text[n] == '~') {
        case_float(c, name, strtof(value, NULL));
        return;
    }
    for (char *at; *value != '\0'; value = *at == ',' ? at + 1 : at)
        ints[count++] = strtoll(value, &at, 10);
    bool is_list = strcmp(name, "perm") == 0 || strcmp(name, "pads") == 0 ||
                   strcmp(name, "strides") == 0 || strcmp(name, "kernel_shape") == 0;
    if (is_list)
        case_ints(c, name, ints, count);
    else
        case_int(c, name, ints[0]);
}

static node_case *make_literal(size_t i)
{
    const literal *line = &table[i];
    char names[3][32];
    int64_t ints[3][8];
    node_case *c = case_create(line->op, "literal %zu: %s, %s", i, clv_op_describe(line->op)->name,
                               line->name);

    for (size_t j = 0; j < 5 && line->inputs[j] != NULL; j++)
        add_input(c, line->inputs[j]);
    for (size_t j = 0; j < 3 && line->attrs[j] != NULL; j++)
        add_attr(c, line->attrs[j], names[j], ints[j]);
    for (c->n_outputs = 0; c->n_outputs < 3 && line->outputs[c->n_outputs] != NULL;)
        c->n_outputs++;
    case_must_build(c);
    for (uint32_t j = 0; j < c->n_outputs; j++) {
        parsed p = parse(line->outputs[j]);
        if (p.tensor.dtype != c->expected[j].dtype ||
            !clv_shape_equal(&p.tensor.shape, &c->expected[j].shape))
            fail_msg("%s: output %u has another type or shape", c->name, j);
        store(c->expected[j].data, &p);
    }
    return c;
}

const case_family case_literal = {"by hand", N_TABLE, make_literal};
