/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compress/quant_plan.h"
#include "support/graph_builder.h"

static const gb_dims image = {{1, 4, 8, 8}};
static const int64_t ones[4] = {1, 1, 1, 1};

static void conv(clv_graph *g, const char *in, const char *out)
{
    char weights[32], inputs[64];
    (void)snprintf(weights, sizeof weights, "w_%s", out);
    (void)gb_constant(g, weights, (gb_dims){{4, 4, 3, 3}});
    (void)snprintf(inputs, sizeof inputs, "%s %s", in, weights);
    (void)gb_node(g, CLV_OP_CONV, inputs, out);
    gb_attr_ints(g, "pads", ones, 4);
}

static clv_graph *start(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", image);
    return g;
}

static clv_quant_plan plan_of(clv_graph *g, const char *output, const bool *keep_float)
{
    clv_quant_plan plan = {0};
    gb_output(g, output);
    gb_prepare(g);
    assert_int_equal(clv_quant_plan_make(&plan, g, keep_float), CLV_OK);
    return plan;
}

static bool in_bytes(const clv_quant_plan *plan, const clv_graph *g, const char *name)
{
    return plan->bytes[clv_graph_find_value(g, name)];
}

static bool share(const clv_quant_plan *plan, const clv_graph *g, const char *a, const char *b)
{
    return plan->group[clv_graph_find_value(g, a)] == plan->group[clv_graph_find_value(g, b)];
}

static bool is_int8(const clv_quant_plan *plan, const clv_graph *g, const char *output)
{
    return plan->quantised[g->values[clv_graph_find_value(g, output)].producer];
}

static void done(clv_quant_plan *plan, clv_graph *g)
{
    clv_quant_plan_done(plan);
    clv_graph_free(g);
}

static void test_quant_plan__a_chain_stays_in_bytes_and_ends_in_float(void **state)
{
    (void)state;
    clv_graph *g = start();
    conv(g, "x", "a");
    (void)gb_node(g, CLV_OP_GLOBAL_AVERAGE_POOL, "a", "s"); /* squeeze and excite */
    (void)gb_node(g, CLV_OP_MUL, "a s", "m");
    conv(g, "m", "y");
    clv_quant_plan p = plan_of(g, "y", NULL);
    assert_true(is_int8(&p, g, "a") && is_int8(&p, g, "m") && is_int8(&p, g, "y"));
    assert_true(in_bytes(&p, g, "a") && in_bytes(&p, g, "m"));
    assert_false(in_bytes(&p, g, "y"));
    assert_false(in_bytes(&p, g, "x"));
    assert_true(p.ranged[clv_graph_find_value(g, "x")]); /* quantised on the way in */
    assert_false(p.ranged[clv_graph_find_value(g, "y")]);
    done(&p, g);
}

static void test_quant_plan__cheap_nodes_outside_of_chains_stay_float(void **state)
{
    (void)state;
    clv_graph *g = start();
    (void)gb_node(g, CLV_OP_HARD_SWISH, "x", "before");
    conv(g, "before", "c");
    (void)gb_node(g, CLV_OP_GLOBAL_AVERAGE_POOL, "c", "pooled");
    (void)gb_node(g, CLV_OP_SOFTMAX, "pooled", "y");
    clv_quant_plan p = plan_of(g, "y", NULL);
    assert_false(is_int8(&p, g, "before"));
    assert_false(is_int8(&p, g, "pooled"));
    assert_false(is_int8(&p, g, "y"));
    assert_true(is_int8(&p, g, "c"));
    assert_false(in_bytes(&p, g, "c")); /* only float reads it */
    assert_non_null(p.why[0]);
    done(&p, g);
}

static void test_quant_plan__moved_numbers_share_their_quant(void **state)
{
    (void)state;
    clv_graph *g = start();
    conv(g, "x", "a");
    (void)gb_node(g, CLV_OP_MAX_POOL, "a", "p");
    gb_attr_ints(g, "kernel_shape", (int64_t[]){3, 3}, 2);
    gb_attr_ints(g, "pads", ones, 4);
    (void)gb_node(g, CLV_OP_TRANSPOSE, "p", "t");
    gb_attr_ints(g, "perm", (int64_t[]){0, 1, 3, 2}, 4);
    conv(g, "t", "y");
    clv_quant_plan p = plan_of(g, "y", NULL);
    assert_true(share(&p, g, "a", "p") && share(&p, g, "p", "t"));
    assert_false(share(&p, g, "a", "x"));
    assert_true(p.source[clv_graph_find_value(g, "a")]);
    assert_false(p.source[clv_graph_find_value(g, "t")]);
    done(&p, g);
}

static void test_quant_plan__concat_shares_with_inputs_that_nobody_else_reads(void **state)
{
    (void)state;
    clv_graph *g = start();
    conv(g, "x", "a");
    conv(g, "x", "b");
    (void)gb_node(g, CLV_OP_CONCAT, "a b", "k");
    gb_attr_int(g, "axis", 2);
    conv(g, "k", "c");
    conv(g, "a", "d");
    (void)gb_node(g, CLV_OP_CONCAT, "c d", "l");
    gb_attr_int(g, "axis", 2);
    conv(g, "l", "y");
    clv_quant_plan p = plan_of(g, "y", NULL);
    assert_true(share(&p, g, "b", "k"));
    assert_false(share(&p, g, "a", "k")); /* d reads it too: it is rescaled */
    assert_true(p.source[clv_graph_find_value(g, "k")]);
    assert_true(share(&p, g, "c", "l") && share(&p, g, "d", "l"));
    assert_false(p.source[clv_graph_find_value(g, "l")]);
    done(&p, g);
}

static void test_quant_plan__a_node_kept_float_is_read_in_float(void **state)
{
    (void)state;
    clv_graph *g = start();
    const bool keep[3] = {false, true, false};
    conv(g, "x", "a");
    conv(g, "a", "b");
    conv(g, "b", "y");
    clv_quant_plan p = plan_of(g, "y", keep);
    assert_true(is_int8(&p, g, "a") && !is_int8(&p, g, "b") && is_int8(&p, g, "y"));
    assert_false(in_bytes(&p, g, "a"));
    assert_false(in_bytes(&p, g, "b"));
    assert_true(p.ranged[clv_graph_find_value(g, "b")]);
    done(&p, g);
}

static void test_quant_plan__shared_and_computed_weights_stay_float(void **state)
{
    (void)state;
    clv_graph *g = start();
    (void)gb_constant(g, "w", (gb_dims){{4, 4, 1, 1}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "a");
    (void)gb_node(g, CLV_OP_CONV, "a w", "b");
    conv(g, "b", "c");
    (void)gb_node(g, CLV_OP_MATMUL, "c c", "y");
    clv_quant_plan p = plan_of(g, "y", NULL);
    assert_false(is_int8(&p, g, "a") || is_int8(&p, g, "b") || is_int8(&p, g, "y"));
    assert_true(is_int8(&p, g, "c"));
    done(&p, g);
}

static void test_quant_plan__an_output_of_the_network_is_float(void **state)
{
    (void)state;
    clv_graph *g = start();
    conv(g, "x", "a");
    conv(g, "a", "y");
    gb_output(g, "a");
    clv_quant_plan p = plan_of(g, "y", NULL);
    assert_false(in_bytes(&p, g, "a"));
    assert_true(p.ranged[clv_graph_find_value(g, "a")]);
    done(&p, g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quant_plan__a_chain_stays_in_bytes_and_ends_in_float),
        cmocka_unit_test(test_quant_plan__cheap_nodes_outside_of_chains_stay_float),
        cmocka_unit_test(test_quant_plan__moved_numbers_share_their_quant),
        cmocka_unit_test(test_quant_plan__concat_shares_with_inputs_that_nobody_else_reads),
        cmocka_unit_test(test_quant_plan__a_node_kept_float_is_read_in_float),
        cmocka_unit_test(test_quant_plan__shared_and_computed_weights_stay_float),
        cmocka_unit_test(test_quant_plan__an_output_of_the_network_is_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
