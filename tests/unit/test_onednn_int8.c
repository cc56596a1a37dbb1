/* SPDX-License-Identifier: Apache-2.0 */

/* Quantised convolutions drawn at random, wide enough for vector code and with odd ends: oneDNN's
 * backend is within one step of ref and gives the same bits with one thread and with two. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "graph/infer.h"
#include "runtime/program.h"
#include "support/case_node.h"

#define ROUNDS 200
#define MAX_CHANNELS 80

/* A convolution of one of these kinds, with the memory of its constants. */
typedef enum conv_kind { DENSE, DEPTHWISE, STRIDED_1X1, TILED_3X3 } conv_kind;

typedef struct drawn {
    conv_kind kind;
    clv_shape x, w;
    int64_t kernel[2], strides[2], pads[4], dilations[2];
    clv_dtype x_type, y_type;
    clv_quant x_quant, w_quant, y_quant;
    clv_fusion fusion;
    float scales[MAX_CHANNELS], bias[MAX_CHANNELS];
    int8_t *weights;
    bool extreme; /* all bytes and weights are as large as can be */
} drawn;

static int64_t between(uint64_t *seed, int64_t low, int64_t high)
{
    return case_random_between(seed, low, high);
}

static void draw_window(drawn *d, uint64_t *seed)
{
    int64_t dilation = between(seed, 0, 4) == 0 ? 2 : 1;

    for (int i = 0; i < 2; i++) {
        d->kernel[i] = d->kind == STRIDED_1X1 ? 1 : 2 * between(seed, 0, 2) + 1;
        d->dilations[i] = d->kind == STRIDED_1X1 ? 1 : dilation;
        d->strides[i] = d->kind == STRIDED_1X1 ? 2 : between(seed, 1, 2);
        int64_t reach = (d->kernel[i] - 1) * d->dilations[i] + 1;
        d->pads[i] = d->pads[2 + i] = between(seed, 0, reach / 2);
        d->x.dim[2 + i] = reach + between(seed, 0, 14);
    }
    if (d->kind == TILED_3X3) { /* as Winograd's transform takes them; pads of any size, but few */
        for (int i = 0; i < 2; i++) {
            d->kernel[i] = 3;
            d->strides[i] = d->dilations[i] = 1;
            d->pads[i] = between(seed, 0, 2);
            d->pads[2 + i] = between(seed, 0, 2);
            d->x.dim[2 + i] = between(seed, 10, 24);
        }
        return;
    }
    if (d->kind != STRIDED_1X1 && between(seed, 0, 1) == 0) { /* most networks' */
        d->kernel[0] = d->kernel[1] = 3;
        d->strides[1] = d->strides[0];
        for (int i = 0; i < 4; i++)
            d->pads[i] = 1;
        d->dilations[0] = d->dilations[1] = 1;
    }
}

static void draw_quants(drawn *d, uint64_t *seed)
{
    static const clv_fusion fusions[] = {
        {CLV_ACT_NONE, 0, 0},          {CLV_ACT_CLIP, 0, 6},    {CLV_ACT_RELU, 0, 0},
        {CLV_ACT_LEAKY_RELU, 0.1f, 0}, {CLV_ACT_SIGMOID, 0, 0}, {CLV_ACT_HARD_SIGMOID, 0.2f, 0.5f},
        {CLV_ACT_HARD_SWISH, 0, 0},    {CLV_ACT_TANH, 0, 0},    {CLV_ACT_ELU, 1.5f, 0},
        {CLV_ACT_SILU, 1.0f, 0},
    };
    bool x_signed = (d->kind == DEPTHWISE || d->kind == TILED_3X3) && between(seed, 0, 3) == 0;
    bool y_signed = between(seed, 0, 3) == 0;
    int64_t terms = d->w.dim[1] * d->kernel[0] * d->kernel[1];

    d->x_type = x_signed ? CLV_I8 : CLV_U8;
    d->y_type = y_signed ? CLV_I8 : CLV_U8;
    d->x_quant = (clv_quant){
        .scale = 0.02f, .zero_point = (int32_t)(between(seed, 0, 2) * 100 - (x_signed ? 100 : 0))};
    if (d->extreme) {
        d->x_quant.zero_point = x_signed ? INT8_MIN : 0;
        d->y_quant.scale = (float)terms * 127 * 255 * 0.02f * 0.02f / 255;
    }
    d->y_quant = (clv_quant){.scale = 0.003f * sqrtf((float)terms) * (float)between(seed, 1, 8),
                             .zero_point = (int32_t)(between(seed, 0, 255) - (y_signed ? 128 : 0))};
    for (int64_t i = 0; i < d->w.dim[0]; i++) {
        d->scales[i] = 0.001f * (float)between(seed, 1, 20);
        d->bias[i] = (float)between(seed, -100, 100) / 50.0f;
    }
    d->w_quant = (clv_quant){.n_scales = (uint32_t)d->w.dim[0], .scales = d->scales};
    d->fusion = fusions[between(seed, 0, sizeof fusions / sizeof fusions[0] - 1)];
}

/* All weights are exact on every machine. */
static void draw(drawn *d, conv_kind kind, uint64_t *seed)
{
    int64_t limit = 127;
    int64_t in = between(seed, 1, MAX_CHANNELS / 2) * (kind == DEPTHWISE ? 2 : 1);
    int64_t out = kind == DEPTHWISE ? in : between(seed, 1, MAX_CHANNELS);

    bool extreme = kind == TILED_3X3 && between(seed, 0, 2) == 0;
    if (kind == TILED_3X3)
        in = 16 * (extreme ? between(seed, 7, 10) : between(seed, 1, 5)); /* 9 on: no wide tiles */
    *d = (drawn){.kind = kind, .extreme = extreme};
    d->x = CASE_SHAPE(between(seed, 1, 2), in, 1, 1);
    draw_window(d, seed);
    d->w = CASE_SHAPE(out, kind == DEPTHWISE ? 1 : in, d->kernel[0], d->kernel[1]);
    draw_quants(d, seed);
    size_t n = case_extent(&d->w, 0, 4);
    d->weights = malloc(n);
    assert_non_null(d->weights);
    for (size_t i = 0; i < n; i++)
        d->weights[i] = (int8_t)(d->extreme ? limit : between(seed, -limit, limit));
}

static clv_graph *build(drawn *d)
{
    const clv_tensor w = {CLV_I8, d->w, d->weights};
    const clv_tensor bias = {CLV_F32, CASE_SHAPE(d->w.dim[0]), d->bias};
    const clv_attr attrs[] = {
        {.name = "kernel_shape", .type = CLV_ATTR_INTS, .count = 2, .v.ints = d->kernel},
        {.name = "strides", .type = CLV_ATTR_INTS, .count = 2, .v.ints = d->strides},
        {.name = "pads", .type = CLV_ATTR_INTS, .count = 4, .v.ints = d->pads},
        {.name = "dilations", .type = CLV_ATTR_INTS, .count = 2, .v.ints = d->dilations},
        {.name = "group", .type = CLV_ATTR_INT, .v.i = d->kind == DEPTHWISE ? d->x.dim[1] : 1}};
    static const char *const names[] = {"x", "w", "bias", "y"};
    clv_error err = CLV_ERROR_INIT;
    clv_graph *graph = NULL;
    uint32_t v[4];

    assert_int_equal(clv_graph_create(&graph, "conv"), CLV_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(clv_graph_add_value(&v[i], graph, names[i]), CLV_OK);
    graph->values[v[0]].tensor = (clv_tensor){d->x_type, d->x, NULL};
    graph->values[v[0]].quant = &d->x_quant;
    clv_graph_set_constant(graph, v[1], &w);
    graph->values[v[1]].quant = &d->w_quant;
    clv_graph_set_constant(graph, v[2], &bias);
    graph->values[v[3]].tensor.dtype = d->y_type;
    graph->values[v[3]].quant = &d->y_quant;
    const clv_node_desc desc = {"conv", CLV_OP_CONV, v, 3, &v[3], 1, attrs, 5, d->fusion, false};
    assert_int_equal(clv_graph_add_input(graph, v[0]), CLV_OK);
    assert_int_equal(clv_graph_add_node(graph, &desc, &err), CLV_OK);
    graph->nodes[0].quantised = true;
    assert_int_equal(clv_infer_node(graph, &graph->nodes[0], &err), CLV_OK);
    assert_int_equal(clv_graph_add_output(graph, v[3]), CLV_OK);
    return graph;
}

/* A node from value 0 to value 3, as build() numbers them. */
static clv_graph *build_pool(drawn *d)
{
    const clv_attr attrs[] = {
        {.name = "kernel_shape", .type = CLV_ATTR_INTS, .count = 2, .v.ints = d->kernel},
        {.name = "strides", .type = CLV_ATTR_INTS, .count = 2, .v.ints = d->strides},
        {.name = "pads", .type = CLV_ATTR_INTS, .count = 4, .v.ints = d->pads},
        {.name = "dilations", .type = CLV_ATTR_INTS, .count = 2, .v.ints = d->dilations}};
    static const char *const names[] = {"x", "a", "b", "y"};
    clv_error err = CLV_ERROR_INIT;
    clv_graph *graph = NULL;
    uint32_t v[4];

    assert_int_equal(clv_graph_create(&graph, "pool"), CLV_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(clv_graph_add_value(&v[i], graph, names[i]), CLV_OK);
    graph->values[v[0]].tensor = (clv_tensor){d->x_type, d->x, NULL};
    graph->values[v[3]].tensor.dtype = d->x_type;
    graph->values[v[0]].quant = graph->values[v[3]].quant = &d->x_quant;
    const clv_node_desc desc = {"pool", CLV_OP_MAX_POOL, v, 1, &v[3], 1, attrs, 4, {0}, false};
    assert_int_equal(clv_graph_add_input(graph, v[0]), CLV_OK);
    assert_int_equal(clv_graph_add_node(graph, &desc, &err), CLV_OK);
    graph->nodes[0].quantised = true;
    assert_int_equal(clv_infer_node(graph, &graph->nodes[0], &err), CLV_OK);
    assert_int_equal(clv_graph_add_output(graph, v[3]), CLV_OK);
    return graph;
}

/* The output's bytes; free() them. NULL: @p backend left the node to another one. */
static uint8_t *run(const clv_graph *graph, const clv_backend *backend, unsigned threads,
                    uint8_t *bytes)
{
    const clv_program_options options = {backend, threads, 0, 0};
    clv_tensor x = graph->values[0].tensor, y = graph->values[3].tensor;
    clv_error err = CLV_ERROR_INIT;
    clv_program *program = NULL;
    clv_exec *exec = NULL;

    assert_int_equal(clv_program_compile(&program, graph, &options, &err), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, program, &err), CLV_OK);
    bool is_its_own = strcmp(clv_program_step_backend(program, 0), backend->name) == 0;
    x.data = bytes;
    y.data = malloc(case_elems(&y));
    assert_non_null(y.data);
    clv_exec_load(exec, 0, &x);
    assert_int_equal(clv_exec_run(exec, 0, 1), CLV_OK);
    clv_exec_store(exec, 3, &y);
    clv_exec_free(exec);
    clv_program_free(program);
    if (is_its_own)
        return y.data;
    free(y.data);
    return NULL;
}

static void compare(const drawn *d, const uint8_t *got, const uint8_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int a = d->y_type == CLV_I8 ? (int8_t)got[i] : got[i];
        int b = d->y_type == CLV_I8 ? (int8_t)want[i] : want[i];
        if (abs(a - b) > 1)
            fail_msg("kind %d, %lld channels, kernel %lldx%lld: byte %zu is %d, not %d",
                     (int)d->kind, (long long)d->x.dim[1], (long long)d->kernel[0],
                     (long long)d->kernel[1], i, a, b);
    }
}

static void check_kind(conv_kind kind)
{
    const clv_backend *onednn = clv_backend_onednn();
    size_t ran = 0;

    if (onednn == NULL)
        skip();
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t seed = 1000 * (uint64_t)kind + round;
        drawn d;
        draw(&d, kind, &seed);
        clv_graph *graph = build(&d);
        size_t n = case_elems(&graph->values[3].tensor), n_x = case_extent(&d.x, 0, 4);
        uint8_t *x = malloc(n_x);
        assert_non_null(x);
        for (size_t i = 0; i < n_x; i++)
            x[i] =
                d.extreme ? d.x_type == CLV_I8 ? INT8_MAX : UINT8_MAX : (uint8_t)case_random(&seed);
        uint8_t *want = run(graph, &clv_backend_ref, 1, x);
        uint8_t *one = run(graph, onednn, 1, x), *two = run(graph, onednn, 2, x);
        if (one != NULL && two != NULL) {
            compare(&d, one, want, n);
            assert_memory_equal(one, two, n);
            ran++;
        }
        free(want);
        free(one);
        free(two);
        free(x);
        free(d.weights);
        clv_graph_free(graph);
    }
    assert_true(ran >= ROUNDS * 9 / 10); /* few are left to ref: windows in the padding alone */
}

static void test_onednn_int8__dense_convolutions_agree_with_ref(void **state)
{
    (void)state;
    check_kind(DENSE);
}

static void test_onednn_int8__depthwise_convolutions_agree_with_ref(void **state)
{
    (void)state;
    check_kind(DEPTHWISE);
}

static void test_onednn_int8__strided_1x1_convolutions_agree_with_ref(void **state)
{
    (void)state;
    check_kind(STRIDED_1X1);
}

static void test_onednn_int8__tiled_3x3_convolutions_agree_with_ref(void **state)
{
    (void)state;
    check_kind(TILED_3X3);
}

static void test_onednn_int8__largest_of_windows_are_refs(void **state)
{
    const clv_backend *onednn = clv_backend_onednn();

    (void)state;
    if (onednn == NULL)
        skip();
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t seed = 9000 + round;
        drawn d = {.kind = DENSE, .x_type = round % 2 == 0 ? CLV_U8 : CLV_I8};
        d.x = CASE_SHAPE(between(&seed, 1, 2), between(&seed, 1, MAX_CHANNELS), 1, 1);
        draw_window(&d, &seed);
        d.x_quant = (clv_quant){.scale = 0.02f, .zero_point = (int32_t)between(&seed, 0, 100)};
        clv_graph *graph = build_pool(&d);
        size_t n_x = case_extent(&d.x, 0, 4);
        uint8_t *x = malloc(n_x);
        assert_non_null(x);
        for (size_t i = 0; i < n_x; i++)
            x[i] = (uint8_t)case_random(&seed);
        uint8_t *want = run(graph, &clv_backend_ref, 1, x), *got = run(graph, onednn, 2, x);
        assert_non_null(got);
        assert_memory_equal(got, want, case_elems(&graph->values[3].tensor));
        free(want);
        free(got);
        free(x);
        clv_graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onednn_int8__dense_convolutions_agree_with_ref),
        cmocka_unit_test(test_onednn_int8__depthwise_convolutions_agree_with_ref),
        cmocka_unit_test(test_onednn_int8__strided_1x1_convolutions_agree_with_ref),
        cmocka_unit_test(test_onednn_int8__largest_of_windows_are_refs),
        cmocka_unit_test(test_onednn_int8__tiled_3x3_convolutions_agree_with_ref),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
