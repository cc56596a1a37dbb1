/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/frontier.h"
#include "runtime/program.h"
#include "support/graph_builder.h"
#include "tools/tool_order.h"

enum { ELEMS = 48 };

/* Three branches of a small tensor each, written one node of each branch at a time: the worst order
 * for a split. */
static clv_graph *three_branches(void)
{
    clv_graph *graph = gb_create();
    gb_input(graph, "x", (gb_dims){{1, 3, 4, 4}});
    gb_lines(graph, "a0 = Relu x; b0 = Sigmoid x; c0 = Tanh x;"
                    "a1 = GlobalAveragePool a0; b1 = GlobalAveragePool b0;"
                    "c1 = GlobalAveragePool c0; d = Add a1 b1; e = Add d c1");
    gb_output(graph, "e");
    gb_prepare(graph);
    return graph;
}

static void run(float out[3], const clv_graph *graph)
{
    float pixels[ELEMS];
    clv_program *program;
    clv_exec *exec;
    clv_error err;
    clv_tensor in = graph->values[graph->inputs[0]].tensor;
    clv_tensor result = graph->values[graph->outputs[0]].tensor;
    const clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;

    for (int i = 0; i < ELEMS; i++)
        pixels[i] = (float)(i % 7) - 3.0f;
    in.data = pixels;
    result.data = out;
    assert_int_equal(clv_program_compile(&program, graph, &options, &err), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, program, &err), CLV_OK);
    clv_exec_load(exec, graph->inputs[0], &in);
    assert_int_equal(clv_exec_run(exec, 0, graph->n_nodes), CLV_OK);
    clv_exec_store(exec, graph->outputs[0], &result);
    clv_exec_free(exec);
    clv_program_free(program);
}

static size_t frontier_bytes(const clv_graph *graph, uint32_t cut)
{
    clv_frontiers *frontiers;
    size_t sum = 0;

    assert_int_equal(clv_frontiers_create(&frontiers, graph), CLV_OK);
    clv_frontier f = clv_frontiers_at(frontiers, cut);
    for (uint32_t i = 0; i < f.count; i++) {
        size_t bytes = 0;
        assert_int_equal(clv_tensor_bytes(&bytes, &graph->values[f.values[i]].tensor), CLV_OK);
        sum += bytes;
    }
    clv_frontiers_free(frontiers);
    return sum;
}

static void test_graph_order__another_order_computes_the_same(void **unused)
{
    (void)unused;
    clv_graph *graph = three_branches();
    const uint32_t order[] = {2, 5, 0, 3, 1, 4, 6, 7};
    float before[3], after[3];
    clv_error err;

    assert_int_equal(graph->n_nodes, 8);
    run(before, graph);
    assert_int_equal(clv_graph_reorder(graph, order), CLV_OK);
    assert_int_equal(clv_graph_check(graph, &err), CLV_OK);
    assert_int_equal(graph->nodes[0].op, CLV_OP_TANH);
    assert_int_equal(graph->values[graph->nodes[1].outputs[0]].producer, 1);
    run(after, graph);
    assert_memory_equal(before, after, sizeof before);
    clv_graph_free(graph);
}

static void test_graph_order__what_is_no_order_is_refused(void **unused)
{
    (void)unused;
    clv_graph *graph = three_branches();
    const uint32_t twice[] = {0, 0, 2, 3, 4, 5, 6, 7}, none[] = {0, 1, 2, 3, 4, 5, 6, 8};
    const uint32_t early[] = {3, 0, 1, 2, 4, 5, 6, 7};
    clv_error err;

    assert_int_equal(clv_graph_reorder(graph, twice), CLV_EINVAL);
    assert_int_equal(clv_graph_reorder(graph, none), CLV_EINVAL);
    assert_int_equal(clv_graph_reorder(graph, early), CLV_EINVAL);
    assert_int_equal(clv_graph_check(graph, &err), CLV_OK);
    assert_int_equal(graph->nodes[0].op, CLV_OP_RELU);
    clv_graph_free(graph);
}

/* Pooling two branches on the device ships two small tensors and nothing else of them. */
static void test_graph_order__the_best_splits_become_cuts(void **unused)
{
    (void)unused;
    clv_graph *graph = three_branches();
    float before[3], after[3];
    uint32_t n_moved = 0;
    clv_error err;

    run(before, graph);
    assert_int_equal(tool_order_nodes(&n_moved, graph, &err), CLV_OK);
    assert_int_equal(clv_graph_check(graph, &err), CLV_OK);
    run(after, graph);
    assert_memory_equal(before, after, sizeof before);
    size_t least = SIZE_MAX;
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        size_t bytes = frontier_bytes(graph, k);
        least = bytes < least ? bytes : least;
    }
    assert_int_equal(least, 2 * 3 * sizeof(float));
    assert_int_equal(tool_order_nodes(&n_moved, graph, &err), CLV_OK);
    assert_int_equal(n_moved, 0); /* it is in that order already */
    clv_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph_order__another_order_computes_the_same),
        cmocka_unit_test(test_graph_order__what_is_no_order_is_refused),
        cmocka_unit_test(test_graph_order__the_best_splits_become_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
