/* SPDX-License-Identifier: Apache-2.0 */
/* Networks whose shapes depend on data: every cut, many frames in one execution, hostile frontiers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "codec/activation.h"
#include "runtime/program.h"
#include "runtime/tensor_set.h"
#include "runtime/verify.h"
#include "support/dynamic_nets.h"
#include "support/graph_builder.h"

#define MAX_INPUT 96
#define MAX_PAYLOAD 16384

static const dynamic_find frames[] = {DYNAMIC_NOTHING, DYNAMIC_ALL, DYNAMIC_SOME, DYNAMIC_NOTHING,
                                      DYNAMIC_SOME};
#define N_FRAMES (sizeof frames / sizeof frames[0])

typedef clv_graph *net_fn(void);
static net_fn *const nets[] = {dynamic_points_create, dynamic_detector_create};
#define N_NETS (sizeof nets / sizeof nets[0])

static const clv_backend *backend_of(int i)
{
    return i == 0 ? &clv_backend_ref : clv_backend_onednn();
}

/* A program, the two ends of a split, and a whole run to compare with. */
typedef struct stage {
    clv_graph *graph;
    clv_program *program;
    clv_exec *whole, *device, *server;
    clv_tensor_set expected, frontier, outputs;
    float input[MAX_INPUT];
} stage;

static void stage_open(stage *s, net_fn *net, const clv_backend *backend)
{
    clv_program_options options = {backend, 1, 0, 0};

    *s = (stage){.graph = net()};
    assert_int_equal(clv_program_compile(&s->program, s->graph, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&s->whole, s->program, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&s->device, s->program, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&s->server, s->program, NULL), CLV_OK);
    assert_int_equal(
        clv_tensor_set_fit(&s->expected, s->graph, s->graph->outputs, s->graph->n_outputs), CLV_OK);
    assert_int_equal(
        clv_tensor_set_fit(&s->outputs, s->graph, s->graph->outputs, s->graph->n_outputs), CLV_OK);
}

static void stage_close(stage *s)
{
    clv_tensor_set_done(&s->expected);
    clv_tensor_set_done(&s->frontier);
    clv_tensor_set_done(&s->outputs);
    clv_exec_free(s->whole);
    clv_exec_free(s->device);
    clv_exec_free(s->server);
    clv_program_free(s->program);
    clv_graph_free(s->graph);
}

static void load_input(stage *s, clv_exec *exec)
{
    uint32_t value = s->graph->inputs[0];
    clv_tensor input = s->graph->values[value].tensor;
    input.data = s->input;
    clv_exec_load(exec, value, &input);
}

static void store(const clv_exec *exec, const uint32_t *values, clv_tensor_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        clv_exec_store(exec, values[i], &set->tensors[i]);
}

/* Run the whole network. @return how many positive scores the input has. */
static uint32_t run_whole(stage *s, dynamic_find find)
{
    uint32_t n = dynamic_input(s->input, s->graph, find);
    load_input(s, s->whole);
    assert_int_equal(clv_exec_run(s->whole, 0, s->graph->n_nodes), CLV_OK);
    store(s->whole, s->graph->outputs, &s->expected);
    return n;
}

static void assert_same_tensor(const clv_tensor *a, const clv_tensor *b)
{
    size_t bytes;
    assert_int_equal(a->dtype, b->dtype);
    assert_true(clv_shape_equal(&a->shape, &b->shape));
    assert_int_equal(clv_tensor_bytes(&bytes, a), CLV_OK);
    if (bytes > 0)
        assert_memory_equal(a->data, b->data, bytes);
}

/* The device's half up to @p cut, as bytes. */
static size_t run_prefix(uint8_t payload[MAX_PAYLOAD], stage *s, uint32_t cut)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(s->program), cut);
    size_t bytes;

    load_input(s, s->device);
    assert_int_equal(clv_exec_run(s->device, 0, cut), CLV_OK);
    assert_int_equal(clv_tensor_set_fit(&s->frontier, s->graph, frontier.values, frontier.count),
                     CLV_OK);
    store(s->device, frontier.values, &s->frontier);
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, s->frontier.tensors,
                                           s->frontier.planned, frontier.count, payload,
                                           MAX_PAYLOAD),
                     CLV_OK);
    return bytes;
}

static clv_status run_suffix(stage *s, uint32_t cut, const uint8_t *payload, size_t bytes)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(s->program), cut);

    assert_int_equal(clv_tensor_set_fit(&s->frontier, s->graph, frontier.values, frontier.count),
                     CLV_OK);
    CLV_TRY(clv_activation_decode(s->frontier.tensors, s->frontier.planned, frontier.count, payload,
                                  bytes, NULL));
    clv_exec_poison(s->server);
    for (uint32_t i = 0; i < frontier.count; i++)
        clv_exec_load(s->server, frontier.values[i], &s->frontier.tensors[i]);
    CLV_TRY(clv_exec_run(s->server, cut, s->graph->n_nodes));
    store(s->server, s->graph->outputs, &s->outputs);
    return CLV_OK;
}

static void check_every_cut(stage *s)
{
    static uint8_t payload[MAX_PAYLOAD];

    for (uint32_t cut = 0; cut <= s->graph->n_nodes; cut++) {
        for (size_t f = 0; f < N_FRAMES; f++) {
            (void)run_whole(s, frames[f]);
            size_t bytes = run_prefix(payload, s, cut);
            assert_int_equal(run_suffix(s, cut, payload, bytes), CLV_OK);
            for (uint32_t i = 0; i < s->graph->n_outputs; i++)
                assert_same_tensor(&s->outputs.tensors[i], &s->expected.tensors[i]);
        }
    }
}

static void test_true_shapes__every_cut_gives_the_bits_of_the_whole(void **state)
{
    (void)state;
    for (int b = 0; b < 2 && backend_of(b) != NULL; b++) {
        for (size_t i = 0; i < N_NETS; i++) {
            clv_verify_result result;
            stage s;
            stage_open(&s, nets[i], backend_of(b));
            check_every_cut(&s);
            assert_int_equal(clv_verify_cuts(&result, s.program, 5, NULL), CLV_OK);
            assert_int_equal(result.cuts, s.graph->n_nodes + 1);
            assert_int_equal(result.mismatches, 0);
            stage_close(&s);
        }
    }
}

/* --- what comes out --------------------------------------------------------------------------- */

static void assert_shape(const clv_tensor *tensor, clv_shape shape)
{
    assert_true(clv_shape_equal(&tensor->shape, &shape));
}

/* @p n of the 36 scores are positive. */
static void check_points(const stage *s, uint32_t n)
{
    const clv_tensor *out = s->expected.tensors;
    const float *scores = out[0].data, *w;
    const int64_t *positions = out[1].data, *shape = out[4].data;
    double sum = 0.0;
    uint32_t at = 0;

    w = s->graph->values[clv_graph_find_value(s->graph, "w")].tensor.data;
    assert_shape(&out[0], (clv_shape){1, {n}});
    assert_shape(&out[1], (clv_shape){2, {n, 4}});
    assert_shape(&out[2], (clv_shape){2, {2 * (int64_t)n, 2}});
    assert_shape(&out[3], (clv_shape){1, {n / 2}});
    assert_shape(&out[4], (clv_shape){1, {2}});
    assert_true(shape[0] == n && shape[1] == 4);
    for (uint32_t i = 0; i < 36; i++) {
        if (s->input[i] * w[0] <= 0.0f)
            continue;
        assert_true(positions[4 * at] == 0 && positions[4 * at + 1] == 0);
        assert_int_equal(positions[4 * at + 2], i / 6);
        assert_int_equal(positions[4 * at + 3], i % 6);
        sum += i / 6 + i % 6;
        at++;
    }
    assert_int_equal(at, n);
    for (uint32_t i = 0; i < n; i++)
        assert_true(scores[i] > 0.5f && (i == 0 || scores[i - 1] >= scores[i]));
    assert_memory_equal(out[3].data, scores, n / 2 * sizeof *scores);
    assert_true(fabs((double)*(const float *)out[5].data - sum) < 1e-3);
}

static void test_true_shapes__outputs_are_as_large_as_what_was_found(void **state)
{
    (void)state;
    for (int b = 0; b < 2 && backend_of(b) != NULL; b++) {
        stage points, detector;
        stage_open(&points, dynamic_points_create, backend_of(b));
        stage_open(&detector, dynamic_detector_create, backend_of(b));
        for (size_t f = 0; f < N_FRAMES; f++) {
            uint32_t n = run_whole(&points, frames[f]);
            assert_int_equal(n, frames[f] == DYNAMIC_ALL ? 36 : frames[f] == DYNAMIC_SOME ? 7 : 0);
            check_points(&points, n);
            n = run_whole(&detector, frames[f]);
            n = n > 10 ? 10 : n;
            assert_shape(&detector.expected.tensors[0], (clv_shape){2, {n, 6}});
            for (uint32_t i = 0; i < n; i++) {
                const float *row = (const float *)detector.expected.tensors[0].data + 6 * i;
                assert_true((row[4] == 0.0f) != (row[4] == 1.0f) && row[5] > 0.5f);
            }
        }
        stage_close(&points);
        stage_close(&detector);
    }
}

/* Nodes of exact shapes stay with the backend that was asked for. */
static void test_true_shapes__only_bounded_steps_leave_the_backend(void **state)
{
    (void)state;
    stage s;
    uint32_t on_ref = 0;

    if (clv_backend_onednn() == NULL)
        skip();
    stage_open(&s, dynamic_detector_create, NULL);
    for (uint32_t i = 0; i < s.graph->n_nodes; i++) {
        const clv_node *node = &s.graph->nodes[i];
        bool plain = strcmp(clv_program_step_backend(s.program, i), "ref") == 0;
        if (node->op == CLV_OP_CONV)
            assert_false(plain);
        if (s.graph->values[node->outputs[0]].bounded)
            assert_true(plain);
        on_ref += plain;
    }
    assert_true(on_ref >= 8);
    stage_close(&s);
}

static void test_true_shapes__a_frame_allocates_nothing(void **state)
{
    static uint8_t payload[MAX_PAYLOAD];
    stage s;
    (void)state;

    stage_open(&s, dynamic_points_create, &clv_backend_ref);
    for (uint32_t cut = 0; cut <= s.graph->n_nodes; cut++) {
        (void)run_whole(&s, DYNAMIC_SOME);
        (void)run_prefix(payload, &s, cut);
        clv_memory_fail_after(1);
        size_t bytes = run_prefix(payload, &s, cut);
        clv_status status = run_suffix(&s, cut, payload, bytes);
        clv_memory_fail_after(0);
        assert_int_equal(status, CLV_OK);
    }
    stage_close(&s);
}

static void test_true_shapes__survives_every_failed_allocation(void **state)
{
    clv_graph *g = dynamic_points_create();
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *p;
    bool done = false;
    (void)state;

    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
    for (uint64_t n = 1; !done; n++) {
        clv_exec *exec = NULL;
        clv_memory_fail_after(n);
        clv_status status = clv_exec_create(&exec, p, NULL);
        clv_memory_fail_after(0);
        done = status == CLV_OK;
        assert_true(done || status == CLV_ENOMEM);
        clv_exec_free(exec);
    }
    clv_program_free(p);
    clv_graph_free(g);
}

/* --- what others send ------------------------------------------------------------------------- */

/* The cut in front of the first node of kind @p op. */
static uint32_t cut_before(const stage *s, clv_op op)
{
    for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
        if (s->graph->nodes[i].op == op)
            return i;
    }
    fail_msg("no such node");
    return 0;
}

/* Replace the tensor called @p name in the frontier of @p cut by @p tensor, run the suffix. */
static clv_status run_with(stage *s, uint32_t cut, const char *name, const clv_tensor *tensor)
{
    static uint8_t payload[MAX_PAYLOAD];
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(s->program), cut);
    bool replaced = false;
    size_t bytes;

    (void)run_whole(s, DYNAMIC_SOME);
    (void)run_prefix(payload, s, cut);
    for (uint32_t i = 0; i < frontier.count; i++) {
        if (strcmp(s->graph->values[frontier.values[i]].name, name) == 0) {
            s->frontier.tensors[i] = *tensor;
            replaced = true;
        }
    }
    assert_true(replaced);
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, s->frontier.tensors,
                                           s->frontier.planned, frontier.count, payload,
                                           MAX_PAYLOAD),
                     CLV_OK);
    return run_suffix(s, cut, payload, bytes);
}

static void test_true_shapes__frontiers_that_do_not_fit_are_refused(void **state)
{
    int64_t data[36 * 4] = {0};
    clv_tensor positions = {CLV_I64, {2, {7, 4}}, data};
    clv_tensor n = {CLV_I64, {1, {1}}, data};
    stage s;
    (void)state;

    stage_open(&s, dynamic_points_create, &clv_backend_ref);
    uint32_t cut = cut_before(&s, CLV_OP_GATHER_ND), top_k = cut_before(&s, CLV_OP_TOP_K);
    assert_int_equal(run_with(&s, cut, "positions", &positions), CLV_OK);
    positions.shape.dim[1] = 3; /* GatherND would find rows */
    assert_int_equal(run_with(&s, cut, "positions", &positions), CLV_ESHAPE);
    positions.shape.dim[1] = 4;
    data[3] = 6; /* beyond the scores */
    assert_int_equal(run_with(&s, cut, "positions", &positions), CLV_ESHAPE);
    data[0] = 8; /* the best 8 of 7 */
    assert_int_equal(run_with(&s, top_k, "n", &n), CLV_ESHAPE);
    data[0] = INT64_MIN;
    assert_int_equal(run_with(&s, top_k, "n", &n), CLV_ESHAPE);
    data[0] = 3;
    assert_int_equal(run_with(&s, top_k, "n", &n), CLV_OK);
    assert_shape(&s.outputs.tensors[0], (clv_shape){1, {3}});
    check_every_cut(&s); /* what was refused has left nothing behind */
    stage_close(&s);
}

/* x [2, 3] -> where [2, n] -> pairs [n, 2] -> the found [n], then @p op with @p constant. */
static clv_graph *found_net(clv_op op, const int64_t *constant, uint32_t n)
{
    clv_graph *g = gb_create();

    (void)gb_input(g, "x", (gb_dims){{2, 3}});
    (void)gb_node(g, CLV_OP_NON_ZERO, "x", "where");
    (void)gb_node(g, CLV_OP_TRANSPOSE, "where", "pairs");
    (void)gb_node(g, CLV_OP_GATHER_ND, "x pairs", "found");
    (void)gb_ints(g, "k", constant, n);
    (void)gb_node(g, op, op == CLV_OP_RESHAPE ? "pairs k" : "found", "y");
    gb_output(g, "y");
    gb_output(g, "found");
    gb_prepare(g);
    return g;
}

static clv_graph *relu_net(void)
{
    return found_net(CLV_OP_RELU, (int64_t[]){0}, 1);
}

static clv_graph *threes_net(void)
{
    return found_net(CLV_OP_RESHAPE, (int64_t[]){-1, 3}, 2);
}

static clv_graph *four_net(void)
{
    return found_net(CLV_OP_RESHAPE, (int64_t[]){4}, 1);
}

/* A quantised kernel is planned for one shape. */
static void test_true_shapes__quantised_nodes_have_exact_shapes(void **state)
{
    clv_program_options options = {&clv_backend_ref, 1, 0, 0};
    clv_graph *g = relu_net();
    clv_error err = CLV_ERROR_INIT;
    clv_program *p;
    (void)state;

    assert_int_equal(g->nodes[g->n_nodes - 1].op, CLV_OP_RELU);
    g->nodes[g->n_nodes - 1].quantised = true;
    assert_int_equal(clv_program_compile(&p, g, &options, &err), CLV_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "depend on data"));
    clv_graph_free(g);
}

/* No later node would complain: that an output isn't in the plan is enough. */
static void test_true_shapes__an_output_beyond_the_plan_is_refused(void **state)
{
    int64_t data[12] = {0, 1, 0, 1, 0, 1};
    float y[18];
    clv_tensor rows = {CLV_I64, {2, {6, 1}}, data}, x, left = {CLV_F32, {0}, y};
    stage s;
    (void)state;

    stage_open(&s, relu_net, &clv_backend_ref);
    uint32_t cut = cut_before(&s, CLV_OP_GATHER_ND);
    x = s.graph->values[s.graph->inputs[0]].tensor;
    x.data = s.input;
    clv_exec_load(s.server, s.graph->inputs[0], &x);
    clv_exec_load(s.server, s.graph->nodes[cut].inputs[1], &rows);
    assert_int_equal(clv_exec_run(s.server, cut, s.graph->n_nodes), CLV_ESHAPE);
    clv_exec_store(s.server, s.graph->nodes[cut].outputs[0], &left);
    assert_shape(&left, (clv_shape){1, {6}}); /* as planned again */
    stage_close(&s);
}

/* Planning is lenient with bounds; what is there must fit exactly. */
static void test_true_shapes__true_shapes_are_taken_strictly(void **state)
{
    static net_fn *const strict[] = {threes_net, four_net};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        stage s;
        stage_open(&s, strict[i], &clv_backend_ref);
        for (uint32_t n = 0; n <= 6; n++) {
            bool fits = i == 0 ? n % 3 == 0 : n == 2;
            for (uint32_t k = 0; k < 6; k++)
                s.input[k] = k < n ? 1.0f : 0.0f;
            load_input(&s, s.device);
            assert_int_equal(clv_exec_run(s.device, 0, s.graph->n_nodes),
                             fits ? CLV_OK : CLV_ESHAPE);
            load_input(&s, s.device);
            uint32_t cut = cut_before(&s, CLV_OP_RESHAPE), pairs = s.graph->nodes[cut].inputs[0];
            assert_int_equal(clv_exec_run(s.device, 0, cut), CLV_OK);
            int64_t data[12];
            clv_tensor tensor = {CLV_I64, {0}, data};
            clv_exec_store(s.device, pairs, &tensor);
            assert_shape(&tensor, (clv_shape){2, {n, 2}});
            clv_exec_load(s.server, pairs, &tensor);
            assert_int_equal(clv_exec_run(s.server, cut, cut + 1), fits ? CLV_OK : CLV_ESHAPE);
        }
        stage_close(&s);
    }
}

/* Small numbers, now and then large ones, in a shape that is only within its bound. */
static void make_hostile(clv_tensor *tensor, const clv_planned *planned, uint32_t *seed)
{
    size_t bytes;

    for (uint32_t d = 0; planned->bounded && d < planned->shape.rank; d++) {
        *seed = *seed * 1664525u + 1013904223u;
        tensor->shape.dim[d] = (*seed >> 8) % (planned->shape.dim[d] + 1);
    }
    assert_int_equal(clv_tensor_bytes(&bytes, tensor), CLV_OK);
    size_t size = clv_dtype_bytes(tensor->dtype);
    for (size_t at = 0; at < bytes; at += size) {
        *seed = *seed * 1664525u + 1013904223u;
        uint32_t r = *seed >> 8;
        int64_t integer = r % 64 == 0 ? (int64_t)((uint64_t)r << 40) : r % 8;
        float number = (float)(r % 16) - 8.0f;
        uint8_t flag = (uint8_t)(r & 1);
        memcpy((uint8_t *)tensor->data + at,
               tensor->dtype == CLV_F32   ? (const void *)&number
               : tensor->dtype == CLV_I64 ? (const void *)&integer
                                          : (const void *)&flag,
               size);
    }
}

static void test_true_shapes__random_frontiers_never_leave_the_plan(void **state)
{
    static uint8_t payload[MAX_PAYLOAD];
    uint32_t seed = 1, refused = 0, taken = 0;
    (void)state;

    for (uint32_t i = 0; i < 4000; i++) {
        static stage s;
        if (i % 2000 == 0)
            stage_open(&s, nets[i / 2000], &clv_backend_ref);
        uint32_t cut = i % s.graph->n_nodes;
        (void)run_whole(&s, DYNAMIC_SOME);
        (void)run_prefix(payload, &s, cut);
        for (uint32_t j = 0; j < s.frontier.count; j++) {
            if (s.frontier.planned[j].bounded || s.frontier.tensors[j].dtype == CLV_I64)
                make_hostile(&s.frontier.tensors[j], &s.frontier.planned[j], &seed);
        }
        size_t bytes;
        assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, s.frontier.tensors,
                                               s.frontier.planned, s.frontier.count, payload,
                                               MAX_PAYLOAD),
                         CLV_OK);
        clv_status status = run_suffix(&s, cut, payload, bytes);
        assert_true(status == CLV_OK || status == CLV_ESHAPE);
        refused += status != CLV_OK;
        taken += status == CLV_OK;
        for (uint32_t j = 0; j < s.outputs.count; j++)
            assert_true(clv_shape_fits(&s.outputs.tensors[j].shape, &s.outputs.planned[j].shape));
        if (i % 2000 == 1999)
            stage_close(&s);
    }
    assert_true(refused > 100 && taken > 100);
}

/* A device that plans another network's memory, or claims more than there can be. */
static void test_true_shapes__shapes_beyond_the_plan_are_refused(void **state)
{
    static uint8_t payload[MAX_PAYLOAD];
    stage s;
    (void)state;

    stage_open(&s, dynamic_detector_create, &clv_backend_ref);
    for (uint32_t i = 0; i < s.graph->n_nodes; i++) {
        if (s.graph->nodes[i].op != CLV_OP_NON_MAX_SUPPRESSION)
            continue;
        (void)run_whole(&s, DYNAMIC_SOME);
        size_t bytes = run_prefix(payload, &s, i + 1);
        assert_int_equal(run_suffix(&s, i + 1, payload, bytes), CLV_OK);
        size_t at = bytes - 3 * 8 * (size_t)s.expected.tensors[0].shape.dim[0] - 16;
        assert_int_equal(payload[at - 1], 0x80); /* the rows are last, and smaller than planned */
        payload[at] = 11;
        assert_int_equal(run_suffix(&s, i + 1, payload, bytes), CLV_EFORMAT);
        payload[at + 7] = 0x80;
        assert_int_equal(run_suffix(&s, i + 1, payload, bytes), CLV_EFORMAT);
    }
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_shapes__every_cut_gives_the_bits_of_the_whole),
        cmocka_unit_test(test_true_shapes__outputs_are_as_large_as_what_was_found),
        cmocka_unit_test(test_true_shapes__only_bounded_steps_leave_the_backend),
        cmocka_unit_test(test_true_shapes__a_frame_allocates_nothing),
        cmocka_unit_test(test_true_shapes__survives_every_failed_allocation),
        cmocka_unit_test(test_true_shapes__frontiers_that_do_not_fit_are_refused),
        cmocka_unit_test(test_true_shapes__quantised_nodes_have_exact_shapes),
        cmocka_unit_test(test_true_shapes__an_output_beyond_the_plan_is_refused),
        cmocka_unit_test(test_true_shapes__true_shapes_are_taken_strictly),
        cmocka_unit_test(test_true_shapes__random_frontiers_never_leave_the_plan),
        cmocka_unit_test(test_true_shapes__shapes_beyond_the_plan_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
