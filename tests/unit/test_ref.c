/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of the plain C kernels: types, extreme numbers, bad data, empty tensors, memory. That
 * they compute what they should is what conformance/test_backends.c is for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/ref/ref.h"
#include "support/case_node.h"

/* Build @p c and compute it into what it expects. */
static clv_status evaluate(node_case *c)
{
    case_must_build(c);
    return clv_ref_evaluate(c->graph, case_node(c), c->inputs, c->expected);
}

/* --- integers ----------------------------------------------------------------------------- */

static void check_int64(clv_op op, int64_t a, int64_t b, int64_t want)
{
    node_case *c = case_create(op, "int64");
    case_input(c, CLV_I64, CASE_SHAPE(1), &a);
    if (op != CLV_OP_NEG)
        case_input(c, CLV_I64, CASE_SHAPE(1), &b);
    assert_int_equal(evaluate(c), CLV_OK);
    assert_true(*(int64_t *)c->expected[0].data == want);
    case_free(c);
}

static void check_int32(clv_op op, int32_t a, int32_t b, int32_t want)
{
    node_case *c = case_create(op, "int32");
    case_input(c, CLV_I32, CASE_SHAPE(1), &a);
    if (op != CLV_OP_NEG)
        case_input(c, CLV_I32, CASE_SHAPE(1), &b);
    assert_int_equal(evaluate(c), CLV_OK);
    assert_true(*(int32_t *)c->expected[0].data == want);
    case_free(c);
}

static void test_ref__integers_wrap_round(void **state)
{
    (void)state;
    check_int64(CLV_OP_ADD, INT64_MAX, 1, INT64_MIN);
    check_int64(CLV_OP_SUB, INT64_MIN, 1, INT64_MAX);
    check_int64(CLV_OP_MUL, INT64_MIN, -1, INT64_MIN);
    check_int64(CLV_OP_DIV, INT64_MIN, -1, INT64_MIN);
    check_int64(CLV_OP_DIV, -7, 2, -3);
    check_int64(CLV_OP_NEG, INT64_MIN, 0, INT64_MIN);
    check_int32(CLV_OP_ADD, INT32_MAX, 1, INT32_MIN);
    check_int32(CLV_OP_SUB, INT32_MIN, 1, INT32_MAX);
    check_int32(CLV_OP_MUL, 1 << 16, 1 << 16, 0);
    check_int32(CLV_OP_DIV, INT32_MIN, -1, INT32_MIN);
    check_int32(CLV_OP_DIV, 7, -2, -3);
    check_int32(CLV_OP_NEG, INT32_MIN, 0, INT32_MIN);
}

static void test_ref__integer_division_by_zero_is_refused(void **state)
{
    const int64_t a64[] = {6, 6}, b64[] = {3, 0};
    const int32_t a32[] = {6, 6}, b32[] = {3, 0};
    (void)state;

    node_case *c = case_create(CLV_OP_DIV, "by zero");
    case_input(c, CLV_I64, CASE_SHAPE(2), a64);
    case_input(c, CLV_I64, CASE_SHAPE(2), b64);
    assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
    case_free(c);
    c = case_create(CLV_OP_DIV, "by zero");
    case_input(c, CLV_I32, CASE_SHAPE(2), a32);
    case_input(c, CLV_I32, CASE_SHAPE(2), b32);
    assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
    case_free(c);
}

static clv_status gather_at(clv_dtype dtype, const void *index, float *out)
{
    const float data[] = {1.0f, 2.0f, 3.0f};
    node_case *c = case_create(CLV_OP_GATHER, "gather");
    case_input(c, CLV_F32, CASE_SHAPE(3), data);
    case_input(c, dtype, CASE_SHAPE(1), index);
    clv_status status = evaluate(c);
    *out = *(float *)c->expected[0].data;
    case_free(c);
    return status;
}

static void test_ref__gather_refuses_indices_out_of_range(void **state)
{
    static const int64_t bad[] = {3, -4, INT64_MAX, INT64_MIN};
    const int64_t last = -3;
    const int32_t small = 2, beyond = 3;
    const int16_t narrow = 0;
    float out;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(gather_at(CLV_I64, &bad[i], &out), CLV_ESHAPE);
    assert_int_equal(gather_at(CLV_I64, &last, &out), CLV_OK);
    assert_true(out == 1.0f);
    assert_int_equal(gather_at(CLV_I32, &small, &out), CLV_OK);
    assert_true(out == 3.0f);
    assert_int_equal(gather_at(CLV_I32, &beyond, &out), CLV_ESHAPE);
    assert_int_equal(gather_at(CLV_I16, &narrow, &out), CLV_EUNSUPPORTED);
}

/* --- Cast --------------------------------------------------------------------------------- */

static node_case *cast(clv_dtype to, clv_dtype from, const void *data, int64_t n)
{
    node_case *c =
        case_create(CLV_OP_CAST, "cast %s to %s", clv_dtype_name(from), clv_dtype_name(to));
    case_input(c, from, CASE_SHAPE(n), data);
    case_int(c, "to", to);
    assert_int_equal(evaluate(c), CLV_OK);
    return c;
}

static void check_cast(clv_dtype to, const void *want, clv_dtype from, const void *data, int64_t n)
{
    node_case *c = cast(to, from, data, n);
    if (memcmp(c->expected[0].data, want, (size_t)n * clv_dtype_bytes(to)) != 0)
        fail_msg("%s", c->name);
    case_free(c);
}

/* Small numbers are the same in every type: all pairs, by way of int64. */
static void test_ref__cast_keeps_small_numbers_between_all_types(void **state)
{
    static const int64_t numbers[] = {0, 1, 2, 77, 127, 0, 1};
    const int64_t n = sizeof numbers / sizeof numbers[0];
    (void)state;

    for (int from = CLV_NONE + 1; from < CLV_DTYPE_COUNT; from++) {
        int64_t count = from == CLV_BOOL ? 2 : n;
        node_case *source = cast((clv_dtype)from, CLV_I64, numbers, count);
        for (int to = CLV_NONE + 1; to < CLV_DTYPE_COUNT; to++) {
            int64_t kept = to == CLV_BOOL ? 2 : count;
            node_case *there = cast((clv_dtype)to, (clv_dtype)from, source->expected[0].data, kept);
            check_cast(CLV_I64, numbers, (clv_dtype)to, there->expected[0].data, kept);
            case_free(there);
        }
        case_free(source);
    }
}

static void test_ref__cast_of_floats_saturates(void **state)
{
    static const float from[] = {-0.9f, 300.7f, -300.7f, 1e30f, -1e30f, NAN, INFINITY, -INFINITY};
    static const int8_t as_i8[] = {0, 127, -128, 127, -128, 0, 127, -128};
    static const uint8_t as_u8[] = {0, 255, 0, 255, 0, 0, 255, 0};
    static const int16_t as_i16[] = {0, 300, -300, INT16_MAX, INT16_MIN, 0, INT16_MAX, INT16_MIN};
    static const uint16_t as_u16[] = {0, 300, 0, UINT16_MAX, 0, 0, UINT16_MAX, 0};
    static const int32_t as_i32[] = {0, 300, -300, INT32_MAX, INT32_MIN, 0, INT32_MAX, INT32_MIN};
    static const uint32_t as_u32[] = {0, 300, 0, UINT32_MAX, 0, 0, UINT32_MAX, 0};
    static const int64_t as_i64[] = {0, 300, -300, INT64_MAX, INT64_MIN, 0, INT64_MAX, INT64_MIN};
    static const uint64_t as_u64[] = {0, 300, 0, UINT64_MAX, 0, 0, UINT64_MAX, 0};
    static const uint8_t as_bool[] = {1, 1, 1, 1, 1, 1, 1, 1};
    (void)state;

    check_cast(CLV_I8, as_i8, CLV_F32, from, 8);
    check_cast(CLV_U8, as_u8, CLV_F32, from, 8);
    check_cast(CLV_I16, as_i16, CLV_F32, from, 8);
    check_cast(CLV_U16, as_u16, CLV_F32, from, 8);
    check_cast(CLV_I32, as_i32, CLV_F32, from, 8);
    check_cast(CLV_U32, as_u32, CLV_F32, from, 8);
    check_cast(CLV_I64, as_i64, CLV_F32, from, 8);
    check_cast(CLV_U64, as_u64, CLV_F32, from, 8);
    check_cast(CLV_BOOL, as_bool, CLV_F32, from, 8);
}

static void test_ref__cast_of_integers_wraps_and_rounds_once(void **state)
{
    static const int64_t wide[] = {256, -1, 65536 + 7, INT64_MIN};
    static const uint8_t as_u8[] = {0, 255, 7, 0};
    static const int16_t as_i16[] = {256, -1, 7, 0};
    static const uint64_t as_u64[] = {256, UINT64_MAX, 65536 + 7, UINT64_C(1) << 63};
    static const uint8_t as_bool[] = {1, 1, 1, 1};
    /* by way of double this would first become an even tie, then round down */
    static const int64_t tie = (INT64_C(1) << 60) + (INT64_C(1) << 36) + 1;
    static const float rounded = 0x1.000002p60f;
    static const uint64_t huge = UINT64_MAX;
    static const float as_float = 0x1p64f;
    (void)state;

    check_cast(CLV_U8, as_u8, CLV_I64, wide, 4);
    check_cast(CLV_I16, as_i16, CLV_I64, wide, 4);
    check_cast(CLV_U64, as_u64, CLV_I64, wide, 4);
    check_cast(CLV_BOOL, as_bool, CLV_I64, wide, 4);
    check_cast(CLV_F32, &rounded, CLV_I64, &tie, 1);
    check_cast(CLV_F32, &as_float, CLV_U64, &huge, 1);
}

static void test_ref__cast_to_half_rounds_to_even(void **state)
{
    static const float from[] = {1.0f,         -2.0f,       65504.0f,   65519.99f,  65520.0f,
                                 -1e9f,        0x1p-24f,    0x1p-25f,   0x1.8p-25f, 0x1p-14f,
                                 0x1.ff8p-15f, 0x1.002p0f,  0x1.006p0f, 0.0f,       -0.0f,
                                 INFINITY,     0x1.ffep-15f};
    static const uint16_t want[] = {0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 0xfc00,
                                    0x0001, 0x0000, 0x0001, 0x0400, 0x03ff, 0x3c00,
                                    0x3c02, 0x0000, 0x8000, 0x7c00, 0x0400};
    static const float nan = NAN;
    (void)state;

    check_cast(CLV_F16, want, CLV_F32, from, 17);
    node_case *c = cast(CLV_F16, CLV_F32, &nan, 1);
    uint16_t half = *(uint16_t *)c->expected[0].data;
    assert_true((half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0);
    case_free(c);
}

static void test_ref__cast_of_every_half_comes_back(void **state)
{
    static uint16_t halves[65536];
    size_t n = 0;
    (void)state;

    for (uint32_t bits = 0; bits < 65536; bits++) {
        bool nan = (bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0;
        if (!nan)
            halves[n++] = (uint16_t)bits;
    }
    node_case *wide = cast(CLV_F32, CLV_F16, halves, (int64_t)n);
    check_cast(CLV_F16, halves, CLV_F32, wide->expected[0].data, (int64_t)n);
    const float *floats = wide->expected[0].data;
    assert_true(floats[0x3555] == 0x1.554p-2f); /* the half next to 1/3 */
    case_free(wide);
}

/* --- floats ------------------------------------------------------------------------------- */

static void test_ref__nan_comes_through(void **state)
{
    static const clv_op ops[] = {CLV_OP_RELU,       CLV_OP_CLIP,         CLV_OP_HARD_SWISH,
                                 CLV_OP_LEAKY_RELU, CLV_OP_HARD_SIGMOID, CLV_OP_GLOBAL_MAX_POOL,
                                 CLV_OP_SOFTMAX};
    static const float x[] = {NAN, 1.0f, 2.0f};
    (void)state;

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        node_case *c = case_create(ops[i], "nan");
        case_input(c, CLV_F32, CASE_SHAPE(1, 1, 3), x);
        assert_int_equal(evaluate(c), CLV_OK);
        if (!isnan(*(float *)c->expected[0].data))
            fail_msg("%s loses a NaN", clv_op_describe(ops[i])->name);
        case_free(c);
    }
}

static node_case *dilated_pool(clv_op op, int64_t count_include_pad)
{
    static const int64_t two[] = {2}, one_one[] = {1, 1};
    static const float x = 5.0f;
    node_case *c = case_create(op, "a dilated window around the input");
    case_input(c, CLV_F32, CASE_SHAPE(1, 1, 1), &x);
    case_ints(c, "kernel_shape", two, 1);
    case_ints(c, "dilations", two, 1);
    case_ints(c, "pads", one_one, 2);
    if (op == CLV_OP_AVERAGE_POOL)
        case_int(c, "count_include_pad", count_include_pad);
    assert_int_equal(evaluate(c), CLV_OK);
    return c;
}

static void test_ref__a_window_without_input_has_a_defined_result(void **state)
{
    (void)state;
    node_case *c = dilated_pool(CLV_OP_MAX_POOL, 0);
    assert_true(*(float *)c->expected[0].data == -INFINITY);
    case_free(c);
    for (int64_t counts = 0; counts < 2; counts++) {
        c = dilated_pool(CLV_OP_AVERAGE_POOL, counts);
        assert_true(*(float *)c->expected[0].data == 0.0f);
        case_free(c);
    }
}

static void test_ref__empty_tensors_are_computed(void **state)
{
    static const clv_op ops[] = {CLV_OP_RELU,     CLV_OP_SOFTMAX,   CLV_OP_EXP,
                                 CLV_OP_IDENTITY, CLV_OP_TRANSPOSE, CLV_OP_GLOBAL_AVERAGE_POOL};
    uint64_t seed = 1;
    (void)state;

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        node_case *c = case_create(ops[i], "empty");
        case_input(c, CLV_F32, CASE_SHAPE(0, 3, 4, 4), NULL);
        assert_int_equal(evaluate(c), CLV_OK);
        case_free(c);
    }
    node_case *c = case_create(CLV_OP_CONV, "no samples");
    case_input(c, CLV_F32, CASE_SHAPE(0, 2, 4, 4), NULL);
    case_random_input(c, CASE_SHAPE(3, 2, 3, 3), 1.0f, &seed);
    assert_int_equal(evaluate(c), CLV_OK);
    case_free(c);
    c = case_create(CLV_OP_MATMUL, "a sum of nothing");
    case_input(c, CLV_F32, CASE_SHAPE(2, 0), NULL);
    case_input(c, CLV_F32, CASE_SHAPE(0, 3), NULL);
    assert_int_equal(evaluate(c), CLV_OK);
    for (size_t i = 0; i < 6; i++)
        assert_true(((float *)c->expected[0].data)[i] == 0.0f);
    case_free(c);
    c = case_create(CLV_OP_ADD, "broadcast to nothing");
    case_random_input(c, CASE_SHAPE(3, 1), 1.0f, &seed);
    case_input(c, CLV_F32, CASE_SHAPE(3, 0), NULL);
    assert_int_equal(evaluate(c), CLV_OK);
    case_free(c);
}

/* Of [2^39, 0, 2] only the product is small: nothing may loop over its dimensions. */
static void test_ref__empty_tensors_with_huge_dimensions_take_no_time(void **state)
{
    static const clv_op ops[] = {CLV_OP_SOFTMAX, CLV_OP_LRN,    CLV_OP_TRANSPOSE, CLV_OP_RELU,
                                 CLV_OP_CONCAT,  CLV_OP_GATHER, CLV_OP_ADD};
    static const int64_t index = 0;
    const clv_shape shape = CASE_SHAPE((int64_t)1 << 39, 0, 2);
    (void)state;

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        node_case *c = case_create(ops[i], "empty");
        case_input(c, CLV_F32, shape, NULL);
        if (ops[i] == CLV_OP_ADD)
            case_input(c, CLV_F32, (clv_shape){.rank = 0}, NULL);
        if (ops[i] == CLV_OP_GATHER)
            case_input(c, CLV_I64, CASE_SHAPE(1), &index);
        assert_int_equal(evaluate(c), CLV_OK);
        case_free(c);
    }
    node_case *c = case_create(CLV_OP_REDUCE_MEAN, "the mean of nothing");
    case_input(c, CLV_F32, shape, NULL);
    assert_int_equal(evaluate(c), CLV_ESHAPE);
    case_free(c);
}

/* --- what is refused ---------------------------------------------------------------------- */

static void test_ref__types_without_a_kernel_are_unsupported(void **state)
{
    static const clv_op floats_only[] = {CLV_OP_RELU, CLV_OP_SOFTMAX, CLV_OP_GLOBAL_MAX_POOL,
                                         CLV_OP_SQRT, CLV_OP_LRN,     CLV_OP_REDUCE_L2};
    (void)state;

    for (size_t i = 0; i < sizeof floats_only / sizeof floats_only[0]; i++) {
        node_case *c = case_create(floats_only[i], "int64");
        case_input(c, CLV_I64, CASE_SHAPE(1, 2, 3), NULL);
        assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
        assert_false(clv_backend_ref.supports(c->graph, case_node(c)));
        case_free(c);
    }
    node_case *c = case_create(CLV_OP_ADD, "float16");
    case_input(c, CLV_F16, CASE_SHAPE(2), NULL);
    case_input(c, CLV_F16, CASE_SHAPE(2), NULL);
    assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
    case_free(c);
    c = case_create(CLV_OP_GEMM, "mixed");
    case_input(c, CLV_F32, CASE_SHAPE(2, 2), NULL);
    case_input(c, CLV_F64, CASE_SHAPE(2, 2), NULL);
    assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
    case_free(c);
    c = case_create(CLV_OP_ADD, "an activation of integers");
    case_input(c, CLV_I64, CASE_SHAPE(2), NULL);
    case_input(c, CLV_I64, CASE_SHAPE(2), NULL);
    c->fusion.activation = CLV_ACT_RELU;
    assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
    case_free(c);
    c = case_create(CLV_OP_MUL, "an activation that Mul doesn't have");
    case_input(c, CLV_F32, CASE_SHAPE(2), NULL);
    case_input(c, CLV_F32, CASE_SHAPE(2), NULL);
    c->fusion.activation = CLV_ACT_RELU;
    assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
    case_free(c);
}

static void test_ref__parameters_that_do_not_fit_are_refused(void **state)
{
    static const int64_t pads[] = {1, 1};
    (void)state;

    for (int training = 0; training < 2; training++) {
        node_case *c = case_create(CLV_OP_BATCH_NORMALIZATION, "one scale too few");
        case_input(c, CLV_F32, CASE_SHAPE(1, 3, 2), NULL);
        for (int i = 0; i < 4; i++)
            case_input(c, CLV_F32, CASE_SHAPE(i == 0 && !training ? 2 : 3), NULL);
        case_int(c, "training_mode", training);
        assert_int_equal(evaluate(c), training ? CLV_EUNSUPPORTED : CLV_ESHAPE);
        case_free(c);
    }
    node_case *c = case_create(CLV_OP_PRELU, "a slope that is larger than x");
    case_input(c, CLV_F32, CASE_SHAPE(1, 3), NULL);
    case_input(c, CLV_F32, CASE_SHAPE(2, 3), NULL);
    assert_int_equal(evaluate(c), CLV_ESHAPE);
    case_free(c);
    c = case_create(CLV_OP_PRELU, "a slope of a higher rank than x");
    case_input(c, CLV_F32, CASE_SHAPE(3), NULL);
    case_input(c, CLV_F32, CASE_SHAPE(1, 3), NULL);
    assert_int_equal(evaluate(c), CLV_ESHAPE);
    case_free(c);
    c = case_create(CLV_OP_LRN, "no size");
    case_input(c, CLV_F32, CASE_SHAPE(1, 3, 2), NULL);
    assert_int_equal(evaluate(c), CLV_ESHAPE);
    case_free(c);
    c = case_create(CLV_OP_PAD, "an unknown mode");
    case_input(c, CLV_F32, CASE_SHAPE(3), NULL);
    case_const_ints(c, pads, 2);
    case_string(c, "mode", "mirror");
    assert_int_equal(evaluate(c), CLV_EUNSUPPORTED);
    case_free(c);
    c = case_create(CLV_OP_PAD, "nothing to repeat");
    case_input(c, CLV_F32, CASE_SHAPE(0), NULL);
    case_const_ints(c, pads, 2);
    case_string(c, "mode", "edge");
    assert_int_equal(evaluate(c), CLV_ESHAPE);
    case_free(c);
}

/* @param training, ratio  NULL: absent. */
static clv_status dropout(const uint8_t *training, bool constant, const float *ratio)
{
    node_case *c = case_create(CLV_OP_DROPOUT, "dropout");

    case_input(c, CLV_F32, CASE_SHAPE(3), NULL);
    if (ratio != NULL) {
        case_input(c, CLV_F32, (clv_shape){.rank = 0}, ratio);
        case_make_constant(c);
    } else {
        case_absent_input(c);
    }
    case_input(c, CLV_BOOL, (clv_shape){.rank = 0}, training);
    if (constant)
        case_make_constant(c);
    clv_status status = case_build(c, NULL);
    case_free(c);
    return status;
}

static void test_ref__dropout_is_refused_in_training(void **state)
{
    const uint8_t yes = 1, no = 0;
    const float half = 0.5f, zero = 0.0f;
    (void)state;

    assert_int_equal(dropout(&no, true, NULL), CLV_OK);
    assert_int_equal(dropout(&no, true, &half), CLV_OK);
    assert_int_equal(dropout(&yes, true, &zero), CLV_OK);
    assert_int_equal(dropout(&no, false, &zero), CLV_OK);
    assert_int_equal(dropout(&yes, true, NULL), CLV_EUNSUPPORTED);
    assert_int_equal(dropout(&yes, true, &half), CLV_EUNSUPPORTED);
    assert_int_equal(dropout(&no, false, NULL), CLV_EUNSUPPORTED);
}

static void test_ref__split_refuses_an_absent_output(void **state)
{
    node_case *c = case_create(CLV_OP_SPLIT, "the first part is not wanted");
    (void)state;

    c->n_outputs = 2;
    case_input(c, CLV_F32, CASE_SHAPE(4), NULL);
    case_must_build(c);
    clv_tensor outputs[2] = {{.dtype = CLV_NONE}, c->expected[1]};
    assert_int_equal(clv_ref_evaluate(c->graph, case_node(c), c->inputs, outputs),
                     CLV_EUNSUPPORTED);
    case_free(c);
}

static node_case *filled(clv_dtype dtype, const void *value, int64_t n)
{
    static const int64_t dims[] = {2, 2};
    node_case *c = case_create(CLV_OP_CONSTANT_OF_SHAPE, "%s", clv_dtype_name(dtype));
    static uint64_t copy[2]; /* attributes of a case borrow, but not for const */

    memcpy(copy, value, (size_t)n * clv_dtype_bytes(dtype));
    case_const_ints(c, dims, 2);
    c->attrs[c->n_attrs++] = (clv_attr){
        .name = "value", .type = CLV_ATTR_TENSOR, .v.tensor = {dtype, CASE_SHAPE(n), copy}};
    return c;
}

static void test_ref__constant_of_shape_repeats_one_element_of_any_type(void **state)
{
    static const int64_t value[2] = {-5, 6};
    static const uint8_t byte = 200;
    (void)state;

    node_case *c = filled(CLV_I64, value, 1);
    assert_int_equal(evaluate(c), CLV_OK);
    assert_int_equal(((int64_t *)c->expected[0].data)[3], -5);
    case_free(c);
    c = filled(CLV_U8, &byte, 1);
    assert_int_equal(evaluate(c), CLV_OK);
    assert_int_equal(((uint8_t *)c->expected[0].data)[3], 200);
    case_free(c);
    c = filled(CLV_I64, value, 2);
    assert_int_equal(evaluate(c), CLV_ESHAPE);
    case_free(c);
}

/* --- the backend -------------------------------------------------------------------------- */

static clv_status compile(clv_kernel **out, clv_kernel_io *io, const node_case *c)
{
    static clv_layout layouts[2][CASE_MAX_INPUTS];
    const clv_backend_options options = {.threads = 1};
    *io = (clv_kernel_io){.inputs = layouts[0], .outputs = layouts[1]};
    return clv_backend_ref.compile(out, io, c->graph, case_node(c), &options, NULL);
}

static void test_ref__copies_run_in_place_unless_the_input_is_constant(void **state)
{
    static const int64_t shape[] = {3, 2};
    clv_kernel *kernel = NULL;
    clv_kernel_io io;
    (void)state;

    for (int constant = 0; constant < 2; constant++) {
        node_case *c = case_create(CLV_OP_RESHAPE, "reshape");
        case_input(c, CLV_F32, CASE_SHAPE(2, 3), NULL);
        if (constant)
            case_make_constant(c);
        case_const_ints(c, shape, 2);
        case_must_build(c);
        assert_int_equal(compile(&kernel, &io, c), CLV_OK);
        assert_int_equal(io.inplace_input, constant ? CLV_NO_VALUE : 0);
        assert_int_equal(io.keeps_constants, constant ? 3 : 2);
        clv_backend_ref.free_kernel(kernel);
        case_free(c);
    }
    node_case *c = case_create(CLV_OP_RELU, "relu");
    case_input(c, CLV_F32, CASE_SHAPE(2, 3), NULL);
    case_must_build(c);
    assert_int_equal(compile(&kernel, &io, c), CLV_OK);
    assert_int_equal(io.inplace_input, CLV_NO_VALUE);
    assert_int_equal(io.keeps_constants, 0);
    clv_backend_ref.free_kernel(kernel);
    case_free(c);
}

static void test_ref__running_out_of_memory_is_an_error(void **state)
{
    clv_kernel *kernel = NULL;
    void *bound = NULL;
    clv_kernel_io io;
    node_case *c = case_create(CLV_OP_RELU, "relu");
    (void)state;

    case_input(c, CLV_F32, CASE_SHAPE(2), NULL);
    case_must_build(c);
    clv_memory_fail_after(1);
    assert_int_equal(compile(&kernel, &io, c), CLV_ENOMEM);
    clv_memory_fail_after(0);
    assert_null(kernel);
    assert_int_equal(compile(&kernel, &io, c), CLV_OK);
    clv_memory_fail_after(1);
    assert_int_equal(clv_backend_ref.bind(&bound, kernel, c->inputs, c->expected, NULL),
                     CLV_ENOMEM);
    clv_memory_fail_after(0);
    assert_null(bound);
    clv_backend_ref.free_kernel(kernel);
    case_free(c);
}

/* The mask of kept constants has 64 bits; inputs behind them are not in it. */
static void test_ref__more_inputs_than_the_mask_has_bits_compile(void **state)
{
    enum { N = 65 };
    clv_graph *graph = NULL;
    uint32_t inputs[N], output;
    clv_layout layouts[N];
    const clv_backend_options options = {.threads = 1};
    clv_kernel *kernel = NULL;
    float one = 1.0f;
    (void)state;

    assert_int_equal(clv_graph_create(&graph, "wide"), CLV_OK);
    for (uint32_t i = 0; i < N; i++) {
        const clv_tensor tensor = {CLV_F32, CASE_SHAPE(1), i >= N - 2 ? &one : NULL};
        assert_int_equal(clv_graph_add_value(&inputs[i], graph, clv_graph_fresh_name(graph, "in")),
                         CLV_OK);
        clv_graph_set_constant(graph, inputs[i], &tensor);
    }
    assert_int_equal(clv_graph_add_value(&output, graph, "out"), CLV_OK);
    const clv_node_desc desc = {.name = "wide",
                                .op = CLV_OP_CONCAT,
                                .inputs = inputs,
                                .n_inputs = N,
                                .outputs = &output,
                                .n_outputs = 1};
    assert_int_equal(clv_graph_add_node(graph, &desc, NULL), CLV_OK);
    clv_kernel_io io = {.inputs = layouts, .outputs = layouts};
    assert_int_equal(clv_backend_ref.compile(&kernel, &io, graph, graph->nodes, &options, NULL),
                     CLV_OK);
    assert_true(io.keeps_constants == UINT64_C(1) << 63);
    clv_backend_ref.free_kernel(kernel);
    clv_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ref__integers_wrap_round),
        cmocka_unit_test(test_ref__integer_division_by_zero_is_refused),
        cmocka_unit_test(test_ref__gather_refuses_indices_out_of_range),
        cmocka_unit_test(test_ref__cast_keeps_small_numbers_between_all_types),
        cmocka_unit_test(test_ref__cast_of_floats_saturates),
        cmocka_unit_test(test_ref__cast_of_integers_wraps_and_rounds_once),
        cmocka_unit_test(test_ref__cast_to_half_rounds_to_even),
        cmocka_unit_test(test_ref__cast_of_every_half_comes_back),
        cmocka_unit_test(test_ref__nan_comes_through),
        cmocka_unit_test(test_ref__a_window_without_input_has_a_defined_result),
        cmocka_unit_test(test_ref__empty_tensors_are_computed),
        cmocka_unit_test(test_ref__empty_tensors_with_huge_dimensions_take_no_time),
        cmocka_unit_test(test_ref__types_without_a_kernel_are_unsupported),
        cmocka_unit_test(test_ref__parameters_that_do_not_fit_are_refused),
        cmocka_unit_test(test_ref__dropout_is_refused_in_training),
        cmocka_unit_test(test_ref__split_refuses_an_absent_output),
        cmocka_unit_test(test_ref__constant_of_shape_repeats_one_element_of_any_type),
        cmocka_unit_test(test_ref__copies_run_in_place_unless_the_input_is_constant),
        cmocka_unit_test(test_ref__running_out_of_memory_is_an_error),
        cmocka_unit_test(test_ref__more_inputs_than_the_mask_has_bits_compile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
