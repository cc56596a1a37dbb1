/* SPDX-License-Identifier: Apache-2.0 */
/* Programs whose nodes compute on bytes, on float32, or turn by turn. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "kernel/quantise.h"
#include "runtime/program.h"
#include "runtime/verify.h"
#include "support/graph_builder.h"

static const int64_t ones[4] = {1, 1, 1, 1};
static const clv_quant activations = {.scale = 0.15f, .zero_point = 120};
static const clv_quant weights = {.scale = 1.0f / 127.0f};

static void conv(clv_graph *g, const char *in, const char *out)
{
    char name[32], inputs[64];
    (void)snprintf(name, sizeof name, "w_%s", out);
    (void)gb_constant(g, name, (gb_dims){{3, 3, 3, 3}});
    (void)snprintf(inputs, sizeof inputs, "%s %s", in, name);
    (void)gb_node(g, CLV_OP_CONV, inputs, out);
    gb_attr_ints(g, "pads", ones, 4);
}

/* Sums that die in place and one that lives on, and what lies between convolutions. */
static clv_graph *float_net(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    conv(g, "x", "a");
    conv(g, "a", "b");
    (void)gb_node(g, CLV_OP_ADD, "a b", "s");
    (void)gb_node(g, CLV_OP_RELU, "s", "r");
    conv(g, "r", "c");
    (void)gb_node(g, CLV_OP_ADD, "c r", "t");
    (void)gb_node(g, CLV_OP_CONCAT, "t r x", "k");
    gb_attr_int(g, "axis", 1);
    (void)gb_node(g, CLV_OP_SIGMOID, "k", "y");
    gb_output(g, "y");
    gb_prepare(g);
    return g;
}

static void quantise_weights(clv_graph *g, uint32_t value)
{
    clv_tensor *tensor = &g->values[value].tensor;
    clv_tensor bytes = {CLV_I8, tensor->shape, NULL};
    size_t n;

    assert_int_equal(clv_shape_elems(&n, &tensor->shape), CLV_OK);
    bytes.data = clv_graph_own_data(g, n);
    clv_quantise_f32(bytes.data, tensor->data, n, &weights, CLV_I8);
    clv_graph_set_constant(g, value, &bytes);
    g->values[value].quant = &weights;
}

/* The net with the nodes of @p mask computing on bytes; the last one stays in float32. */
static clv_graph *quantised_net(uint32_t mask)
{
    clv_graph *g = float_net();

    for (uint32_t v = 0; v < g->n_values; v++) {
        if (!clv_value_is_constant(&g->values[v]) && g->values[v].producer != g->n_nodes - 1)
            g->values[v].quant = &activations;
    }
    for (uint32_t i = 0; i + 1 < g->n_nodes; i++) {
        clv_node *node = &g->nodes[i];
        if ((mask >> i & 1u) == 0)
            continue;
        node->quantised = true;
        g->values[node->outputs[0]].tensor.dtype = CLV_U8;
        if (node->op == CLV_OP_CONV)
            quantise_weights(g, node->inputs[1]);
    }
    assert_int_equal(clv_graph_check(g, NULL), CLV_OK);
    return g;
}

static const clv_backend *backend_of(int i)
{
    return i == 0 ? &clv_backend_ref : clv_backend_onednn();
}

static void fill(float *input)
{
    for (int i = 0; i < 192; i++)
        input[i] = (float)(i % 29) / 10.0f - 1.4f;
}

/* Outputs of a sigmoid: right but for the noise of some steps of 0.15 on the way. */
static void expect_close(const float *got, const float *want, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += fabs((double)got[i] - (double)want[i]);
    assert_true(sum / (double)n < 0.03);
}

static void test_program_int8__every_cut_gives_the_bits_of_the_whole(void **state)
{
    (void)state;
    for (uint32_t mask = 0; mask < 128; mask += 3) { /* chains, islands, everything, nothing */
        clv_graph *g = quantised_net(mask);
        for (int i = 0; i < 2 && backend_of(i) != NULL; i++) {
            clv_program_options options = {backend_of(i), 1, 0, 0};
            clv_verify_result result;
            clv_program *p;
            assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
            assert_int_equal(clv_verify_cuts(&result, p, 3, NULL), CLV_OK);
            assert_int_equal(result.cuts, g->n_nodes + 1);
            assert_int_equal(result.mismatches, 0);
            clv_program_free(p);
        }
        clv_graph_free(g);
    }
}

static void test_program_int8__bytes_stay_close_to_float32(void **state)
{
    float input[192];
    size_t n, m;
    (void)state;

    fill(input);
    clv_graph *plain = float_net();
    float *want = gb_run(plain, "ref", input, &n);
    for (uint32_t mask = 1; mask < 128; mask += 7) {
        clv_graph *g = quantised_net(mask);
        for (int i = 0; i < 2 && backend_of(i) != NULL; i++) {
            float *got = gb_run(g, backend_of(i)->name, input, &m);
            assert_int_equal(m, n);
            expect_close(got, want, n);
            clv_free(got);
        }
        clv_graph_free(g);
    }
    clv_free(want);
    clv_graph_free(plain);
}

static void run(clv_exec *exec, uint32_t from, uint32_t to)
{
    assert_int_equal(clv_exec_run(exec, from, to), CLV_OK);
}

/* What an int8 prefix sends: each value as it is stored. */
static void move_frontier(clv_exec *to, const clv_exec *from, const clv_program *sender,
                          uint32_t cut)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(sender), cut);
    uint8_t memory[9 * 64 * sizeof(float)];

    for (uint32_t i = 0; i < frontier.count; i++) {
        clv_tensor tensor = clv_program_graph(sender)->values[frontier.values[i]].tensor;
        tensor.data = memory;
        clv_exec_store(from, frontier.values[i], &tensor);
        clv_exec_load(to, frontier.values[i], &tensor);
    }
}

static void test_program_int8__a_float_suffix_takes_what_an_int8_prefix_made(void **state)
{
    clv_graph *int8 = quantised_net(127), *plain = quantised_net(0);
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *prefix, *suffix;
    clv_exec *device, *server;
    float input[192], got[576], *want;
    size_t n;
    (void)state;

    fill(input);
    want = gb_run(plain, "auto", input, &n);
    assert_int_equal(clv_program_compile(&prefix, int8, &options, NULL), CLV_OK);
    assert_int_equal(clv_program_compile(&suffix, plain, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&device, prefix, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&server, suffix, NULL), CLV_OK);
    for (uint32_t cut = 0; cut <= int8->n_nodes; cut++) {
        clv_tensor in = int8->values[int8->inputs[0]].tensor;
        clv_tensor out = plain->values[plain->outputs[0]].tensor;
        in.data = input;
        out.data = got;
        clv_exec_poison(server);
        clv_exec_load(device, int8->inputs[0], &in);
        run(device, 0, cut);
        move_frontier(server, device, prefix, cut);
        run(server, cut, plain->n_nodes);
        clv_exec_store(server, plain->outputs[0], &out);
        expect_close(got, want, n);
        if (cut == 0)
            assert_memory_equal(got, want, n * sizeof *want);
    }
    clv_free(want);
    clv_exec_free(device);
    clv_exec_free(server);
    clv_program_free(prefix);
    clv_program_free(suffix);
    clv_graph_free(int8);
    clv_graph_free(plain);
}

static void test_program_int8__values_are_loaded_and_stored_in_either_form(void **state)
{
    clv_graph *g = quantised_net(127);
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *p;
    clv_exec *exec;
    uint32_t value = g->nodes[0].outputs[0];
    float numbers[192], back[192];
    uint8_t bytes[192], quantised[192];
    (void)state;

    fill(numbers);
    clv_quantise_f32(quantised, numbers, 192, &activations, CLV_U8);
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, p, NULL), CLV_OK);
    clv_tensor as_float = {CLV_F32, g->values[value].tensor.shape, numbers};
    clv_tensor as_bytes = {CLV_U8, g->values[value].tensor.shape, bytes};
    clv_exec_load(exec, value, &as_float);
    clv_exec_store(exec, value, &as_bytes);
    assert_memory_equal(bytes, quantised, sizeof bytes);
    as_float.data = back;
    clv_exec_store(exec, value, &as_float);
    clv_dequantise_f32(numbers, quantised, 192, &activations, CLV_U8);
    assert_memory_equal(back, numbers, sizeof back);
    clv_exec_free(exec);
    clv_program_free(p);
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program_int8__every_cut_gives_the_bits_of_the_whole),
        cmocka_unit_test(test_program_int8__bytes_stay_close_to_float32),
        cmocka_unit_test(test_program_int8__a_float_suffix_takes_what_an_int8_prefix_made),
        cmocka_unit_test(test_program_int8__values_are_loaded_and_stored_in_either_form),
    };
    return cmocka_run_group_tests_name("program_int8", tests, NULL, NULL);
}
