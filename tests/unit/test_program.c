/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "runtime/program.h"
#include "runtime/verify.h"
#include "support/graph_builder.h"

static const gb_dims image = {{1, 3, 8, 8}};

/* Residuals that die in the sum, and one that lives on: both ways to run a sum in place. */
static clv_graph *residual_net(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", image);
    gb_conv(g, "x", "a");
    gb_conv(g, "a", "b");
    (void)gb_node(g, CLV_OP_ADD, "a b", "s");
    (void)gb_node(g, CLV_OP_RELU, "s", "r");
    gb_conv(g, "r", "c");
    (void)gb_node(g, CLV_OP_ADD, "c r", "t");
    (void)gb_node(g, CLV_OP_CONCAT, "t r x", "k");
    gb_attr_int(g, "axis", 1);
    (void)gb_ints(g, "flat", (int64_t[]){1, -1}, 2);
    (void)gb_node(g, CLV_OP_RESHAPE, "k flat", "y");
    gb_output(g, "y");
    gb_prepare(g);
    return g;
}

static const clv_backend *backend_of(int i)
{
    return i == 0 ? &clv_backend_ref : clv_backend_onednn();
}

static void load(clv_exec *exec, const clv_graph *g, uint32_t value, void *data)
{
    clv_tensor tensor = {g->values[value].tensor.dtype, g->values[value].tensor.shape, data};
    clv_exec_load(exec, value, &tensor);
}

static void store(const clv_exec *exec, const clv_graph *g, uint32_t value, void *data)
{
    clv_tensor tensor = {g->values[value].tensor.dtype, {0}, data};
    clv_exec_store(exec, value, &tensor);
    assert_true(clv_shape_equal(&tensor.shape, &g->values[value].tensor.shape));
}

static void test_program__every_cut_gives_the_bits_of_the_whole(void **state)
{
    (void)state;
    clv_graph *g = residual_net();
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

static void test_program__backends_agree(void **state)
{
    (void)state;
    clv_graph *g = residual_net();
    float input[192];
    size_t n, m;
    for (int i = 0; i < 192; i++)
        input[i] = (float)(i % 13) / 6.0f - 1.0f;
    float *a = gb_run(g, "ref", input, &n), *b = gb_run(g, "auto", input, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_true(a[i] - b[i] < 1e-4f && b[i] - a[i] < 1e-4f);
    clv_free(a);
    clv_free(b);
    clv_graph_free(g);
}

static void test_program__middle_runs_join_up(void **state)
{
    (void)state;
    clv_graph *g = residual_net();
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *p;
    clv_exec *exec;
    float input[192] = {1.0f, -2.0f, 3.0f}, *whole, parts[9 * 64];
    size_t n;

    whole = gb_run(g, "auto", input, &n);
    assert_int_equal(n, sizeof parts / sizeof parts[0]);
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, p, NULL), CLV_OK);
    clv_exec_poison(exec);
    load(exec, g, g->inputs[0], input);
    for (uint32_t i = 0; i < g->n_nodes; i++)
        assert_int_equal(clv_exec_run(exec, i, i + 1), CLV_OK);
    store(exec, g, g->outputs[0], parts);
    assert_memory_equal(parts, whole, sizeof parts);
    clv_exec_free(exec);
    clv_program_free(p);
    clv_free(whole);
    clv_graph_free(g);
}

static void test_program__ranges_are_checked(void **state)
{
    (void)state;
    clv_graph *g = residual_net();
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *p;
    clv_exec *exec;
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, p, NULL), CLV_OK);
    assert_int_equal(clv_exec_run(exec, 2, 1), CLV_EINVAL);
    assert_int_equal(clv_exec_run(exec, 0, g->n_nodes + 1), CLV_EINVAL);
    assert_int_equal(clv_exec_run(exec, g->n_nodes, g->n_nodes), CLV_OK);
    clv_exec_free(exec);
    clv_program_free(p);
    clv_graph_free(g);
}

static void test_program__memory_is_reused(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_program *p;
    char in[16] = "x", out[16];
    (void)gb_input(g, "x", (gb_dims){{1, 3, 32, 32}});
    for (int i = 0; i < 10; i++) {
        (void)snprintf(out, sizeof out, "v%d", i);
        gb_conv(g, in, out);
        (void)strcpy(in, out);
    }
    gb_output(g, in);
    gb_prepare(g);
    clv_program_options options = {&clv_backend_ref, 1, 0, 0};
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
    clv_program_memory memory = clv_program_memory_of(p);
    assert_int_equal(memory.naive_bytes, 11 * 3 * 32 * 32 * 4);
    assert_int_equal(memory.arena_bytes, 2 * 3 * 32 * 32 * 4);
    clv_program_free(p);
    clv_graph_free(g);
}

static void test_program__outputs_may_be_constant_or_inputs(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    float input[3] = {1.0f, 2.0f, 3.0f}, got[3] = {0};
    clv_program *p;
    clv_exec *exec;
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    uint32_t x = gb_input(g, "x", (gb_dims){{3}});
    uint32_t k = gb_floats(g, "k", (float[]){7.0f, 8.0f, 9.0f}, 3);
    gb_output(g, "x");
    gb_output(g, "k");
    gb_prepare(g);
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
    assert_true(clv_program_keeps_constant(p, k));
    assert_int_equal(clv_exec_create(&exec, p, NULL), CLV_OK);
    load(exec, g, x, input);
    assert_int_equal(clv_exec_run(exec, 0, 0), CLV_OK);
    store(exec, g, x, got);
    assert_memory_equal(got, input, sizeof got);
    store(exec, g, k, got);
    assert_true(got[0] > 6.5f && got[2] > 8.5f);
    clv_exec_free(exec);
    clv_program_free(p);
    clv_graph_free(g);
}

/* Compiling and executing survive the failure of each of their allocations. */
static void test_program__survives_every_failed_allocation(void **state)
{
    (void)state;
    clv_graph *g = residual_net();
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        clv_program *p = NULL;
        clv_exec *exec = NULL;
        clv_memory_fail_after(n);
        clv_status status = clv_program_compile(&p, g, &options, NULL);
        if (status == CLV_OK)
            status = clv_exec_create(&exec, p, NULL);
        clv_memory_fail_after(0);
        done = status == CLV_OK;
        assert_true(done || status == CLV_ENOMEM);
        assert_true(n < 10000);
        clv_exec_free(exec);
        clv_program_free(p);
    }
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program__every_cut_gives_the_bits_of_the_whole),
        cmocka_unit_test(test_program__backends_agree),
        cmocka_unit_test(test_program__middle_runs_join_up),
        cmocka_unit_test(test_program__ranges_are_checked),
        cmocka_unit_test(test_program__memory_is_reused),
        cmocka_unit_test(test_program__outputs_may_be_constant_or_inputs),
        cmocka_unit_test(test_program__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
