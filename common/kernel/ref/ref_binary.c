/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of two inputs. */
#include <math.h>

#include "kernel/ref/ref_lines.h"

/* Integers wrap round; INT_MIN / -1 does too. A divisor of 0 is refused before. */
#define FLOAT_LINES(unused, s, dtype, type)                                                        \
    REF_LINE(add_##s, type, type, a + b)                                                           \
    REF_LINE(sub_##s, type, type, a - b)                                                           \
    REF_LINE(mul_##s, type, type, a *b)                                                            \
    REF_LINE(div_##s, type, type, a / b)                                                           \
    REF_LINE(fmod_##s, type, type, fmod((double)a, (double)b))                                     \
    REF_LINE(prelu_##s, type, type, a < 0 ? a * b : a)
#define INT_LINES(unused, s, dtype, type)                                                          \
    REF_LINE(add_##s, type, type, (uint64_t)a + (uint64_t)b)                                       \
    REF_LINE(sub_##s, type, type, (uint64_t)a - (uint64_t)b)                                       \
    REF_LINE(mul_##s, type, type, (uint64_t)a *(uint64_t)b)
/* Mod has the sign of the divisor, unless it is to be C's. */
#define SIGNED_LINES(unused, s, dtype, type)                                                       \
    INT_LINES(unused, s, dtype, type)                                                              \
    REF_LINE(div_##s, type, type, b == -1 ? (type)(0 - (uint64_t)a) : (type)(a / b))               \
    REF_LINE(fmod_##s, type, type, b == -1 ? 0 : a % b)                                            \
    REF_LINE(mod_##s, type, type,                                                                  \
             b == -1                                    ? 0                                        \
             : (a % b != 0 && ((a % b < 0) != (b < 0))) ? a % b + b                                \
                                                        : a % b)                                   \
    REF_LINE(prelu_##s, type, type, a < 0 ? (uint64_t)a * (uint64_t)b : (uint64_t)a)
#define UNSIGNED_LINES(unused, s, dtype, type)                                                     \
    INT_LINES(unused, s, dtype, type)                                                              \
    REF_LINE(div_##s, type, type, a / b)                                                           \
    REF_LINE(fmod_##s, type, type, a % b)                                                          \
    REF_LINE(mod_##s, type, type, a % b)

REF_FLOATS(FLOAT_LINES, )
REF_SIGNED(SIGNED_LINES, )
REF_UNSIGNED(UNSIGNED_LINES, )
REF_LINE(pow_f32, float, float, powf(a, b))
REF_LINE(pow_f64, double, double, pow(a, b))
REF_HALF_LINE(fmod_f16, fmod(a, b))

#define INTS(name) REF_SIGNED(REF_ENTRY, name) REF_UNSIGNED(REF_ENTRY, name)
#define NUMBERS(name) REF_FLOATS(REF_ENTRY, name) INTS(name)

void ref_line_walk(ref_line_fn *line, const clv_tensor *a, const clv_tensor *b, clv_tensor *y)
{
    ptrdiff_t a_bytes = (ptrdiff_t)clv_dtype_bytes(a->dtype);
    ptrdiff_t b_bytes = (ptrdiff_t)clv_dtype_bytes(b->dtype);
    ref_walk walk;

    ref_walk_broadcast(&walk, &y->shape, &a->shape, &b->shape);
    size_t n = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    size_t line_bytes = n * clv_dtype_bytes(y->dtype);
    char *dst = y->data;
    for (size_t i = 0; i < lines; i++, dst += line_bytes) {
        line(dst, (const char *)a->data + walk.offset[0] * a_bytes, ref_walk_step(&walk, 0),
             (const char *)b->data + walk.offset[1] * b_bytes, ref_walk_step(&walk, 1), n);
        ref_walk_next(&walk);
    }
}

/* An integer to divide by. */
static bool has_zero(const clv_tensor *divisor)
{
    bool floating =
        divisor->dtype == CLV_F16 || divisor->dtype == CLV_F32 || divisor->dtype == CLV_F64;
    size_t n = ref_elems(divisor);
    for (size_t i = 0; !floating && i < n; i++) {
        if (ref_number_load(divisor->data, divisor->dtype, i).bits == 0)
            return true;
    }
    return false;
}

clv_status ref_binary(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    static ref_line_fn *const table[CLV_OP_COUNT][CLV_DTYPE_COUNT] = {
        [CLV_OP_ADD] = {NUMBERS(add)},
        [CLV_OP_SUB] = {NUMBERS(sub)},
        [CLV_OP_MUL] = {NUMBERS(mul)},
        [CLV_OP_DIV] = {NUMBERS(div)},
    };
    clv_dtype dtype = outputs[0].dtype;
    ref_line_fn *line = table[node->op][dtype];
    (void)graph;

    if (line == NULL || (node->op == CLV_OP_DIV && has_zero(&inputs[1])))
        return CLV_EUNSUPPORTED;
    ref_line_walk(line, &inputs[0], &inputs[1], &outputs[0]);
    if (dtype == CLV_F32)
        clv_ref_activate(outputs[0].data, ref_elems(&outputs[0]), &node->fusion);
    return CLV_OK;
}

clv_status ref_mod(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    static ref_line_fn *const table[2][CLV_DTYPE_COUNT] = {
        {INTS(mod)},
        {NUMBERS(fmod)[CLV_F16] = fmod_f16},
    };
    ref_line_fn *line = table[clv_node_attr_int(node, "fmod", 0) != 0][inputs[0].dtype];
    (void)graph;

    if (line == NULL || has_zero(&inputs[1]))
        return CLV_EUNSUPPORTED;
    ref_line_walk(line, &inputs[0], &inputs[1], &outputs[0]);
    return CLV_OK;
}

clv_status ref_prelu(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    static ref_line_fn *const table[CLV_DTYPE_COUNT] = {REF_FLOATS(REF_ENTRY, prelu)
                                                            REF_SIGNED(REF_ENTRY, prelu)};
    const clv_shape *x = &inputs[0].shape, *slope = &inputs[1].shape;
    (void)graph;
    (void)node;

    for (uint32_t i = 1; i <= slope->rank; i++) {
        int64_t dim = slope->dim[slope->rank - i];
        if (i > x->rank || (dim != 1 && dim != x->dim[x->rank - i]))
            return CLV_ESHAPE;
    }
    if (table[inputs[0].dtype] == NULL)
        return CLV_EUNSUPPORTED;
    ref_line_walk(table[inputs[0].dtype], &inputs[0], &inputs[1], &outputs[0]);
    return CLV_OK;
}

/* --- Pow: of any two types ----------------------------------------------------------------- */

/* By squaring, wrapping round. */
static uint64_t int_power(uint64_t base, uint64_t exponent)
{
    uint64_t y = 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        y = (exponent & 1u) != 0 ? y * base : y;
    return y;
}

static ref_number power(ref_number a, ref_number b)
{
    bool negative = b.kind == REF_SIGNED_INT && (int64_t)b.bits < 0;

    if (a.kind != REF_FLOATING && b.kind != REF_FLOATING && !negative) {
        a.bits = int_power(a.bits, b.bits);
        return a;
    }
    double y = pow(ref_number_to_double(a), ref_number_to_double(b));
    return (ref_number){REF_FLOATING, y, 0};
}

static void pow_mixed(const clv_tensor *a, const clv_tensor *b, clv_tensor *y)
{
    ref_walk walk;

    ref_walk_broadcast(&walk, &y->shape, &a->shape, &b->shape);
    size_t n = ref_walk_length(&walk), lines = ref_walk_lines(&walk), at = 0;
    for (size_t line = 0; line < lines; line++) {
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
            ptrdiff_t from_a = walk.offset[0] + i * ref_walk_step(&walk, 0);
            ptrdiff_t from_b = walk.offset[1] + i * ref_walk_step(&walk, 1);
            ref_number base = ref_number_load(a->data, a->dtype, (size_t)from_a);
            ref_number exponent = ref_number_load(b->data, b->dtype, (size_t)from_b);
            ref_number_store(y->data, y->dtype, at++, power(base, exponent));
        }
        ref_walk_next(&walk);
    }
}

clv_status ref_pow(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    clv_dtype base = inputs[0].dtype;
    (void)graph;
    (void)node;

    if (base == inputs[1].dtype && (base == CLV_F32 || base == CLV_F64))
        ref_line_walk(base == CLV_F32 ? pow_f32 : pow_f64, &inputs[0], &inputs[1], &outputs[0]);
    else
        pow_mixed(&inputs[0], &inputs[1], &outputs[0]);
    return CLV_OK;
}
