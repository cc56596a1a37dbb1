/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "graph/frontier.h"
#include "graph/prepare.h"
#include "support/graph_builder.h"

static const gb_dims image = {{1, 3, 8, 8}};

/* x -> a -> b -> sum -> y, and x -> sum: a branch around two nodes. */
static clv_graph *branchy(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", image);
    (void)gb_node(g, CLV_OP_EXP, "x", "a");
    (void)gb_node(g, CLV_OP_SQRT, "a", "b");
    (void)gb_node(g, CLV_OP_ADD, "b x", "sum");
    (void)gb_node(g, CLV_OP_SIGMOID, "sum", "y");
    gb_output(g, "y");
    return g;
}

static void test_graph__names_are_unique(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    uint32_t value = 99;
    (void)gb_input(g, "x", image);
    assert_int_equal(clv_graph_add_value(&value, g, "x"), CLV_EFORMAT);
    assert_int_equal(value, 99);
    assert_string_equal(clv_graph_fresh_name(g, "x"), "x.1");
    assert_int_equal(clv_graph_find_value(g, "nobody"), CLV_NO_VALUE);
    clv_graph_free(g);
}

static void test_graph__finds_each_of_many_values(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    char name[32];
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t value;
        (void)snprintf(name, sizeof name, "v%u", i);
        assert_int_equal(clv_graph_add_value(&value, g, name), CLV_OK);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "v%u", i);
        assert_int_equal(clv_graph_find_value(g, name), i);
    }
    clv_graph_free(g);
}

static void test_graph__a_value_is_made_once(void **state)
{
    (void)state;
    clv_graph *g = branchy();
    clv_error err = CLV_ERROR_INIT;
    uint32_t x = clv_graph_find_value(g, "x"), y = clv_graph_find_value(g, "y");
    clv_node_desc desc = {.name = "again",
                          .op = CLV_OP_EXP,
                          .inputs = &x,
                          .n_inputs = 1,
                          .outputs = &y,
                          .n_outputs = 1};
    assert_int_equal(clv_graph_add_node(g, &desc, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "'y' is made twice"));
    clv_graph_free(g);
}

static void test_graph__wrong_number_of_inputs_is_refused(void **state)
{
    (void)state;
    clv_graph *g = branchy();
    clv_error err = CLV_ERROR_INIT;
    uint32_t x = clv_graph_find_value(g, "x"), out;
    assert_int_equal(clv_graph_add_value(&out, g, "z"), CLV_OK);
    clv_node_desc desc = {.name = "z",
                          .op = CLV_OP_ADD,
                          .inputs = &x,
                          .n_inputs = 1,
                          .outputs = &out,
                          .n_outputs = 1};
    assert_int_equal(clv_graph_add_node(g, &desc, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "2 to 2 inputs"));
    clv_graph_free(g);
}

static void test_graph__check_finds_what_nobody_makes(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_error err = CLV_ERROR_INIT;
    uint32_t orphan;
    assert_int_equal(clv_graph_add_value(&orphan, g, "orphan"), CLV_OK);
    (void)gb_node(g, CLV_OP_EXP, "orphan", "y");
    gb_output(g, "y");
    assert_int_equal(clv_graph_check(g, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "'orphan'"));
    clv_graph_free(g);
}

static void test_graph__check_finds_use_before_making(void **state)
{
    (void)state;
    clv_graph *g = branchy();
    g->nodes[0].inputs[0] = clv_graph_find_value(g, "sum");
    assert_int_equal(clv_graph_check(g, NULL), CLV_EFORMAT);
    clv_graph_free(g);
}

static void test_graph__frontier_holds_what_lives_across_the_cut(void **state)
{
    (void)state;
    static const char *const expected[] = {"x", "x a", "x b", "sum", "y"};
    clv_graph *g = branchy();
    clv_frontiers *f;
    assert_int_equal(clv_frontiers_create(&f, g), CLV_OK);
    for (uint32_t cut = 0; cut <= g->n_nodes; cut++) {
        clv_frontier frontier = clv_frontiers_at(f, cut);
        char text[64] = "";
        for (uint32_t i = 0; i < frontier.count; i++) {
            (void)strcat(text, i ? " " : "");
            (void)strcat(text, g->values[frontier.values[i]].name);
        }
        assert_string_equal(text, expected[cut]);
    }
    clv_frontiers_free(f);
    clv_graph_free(g);
}

static void test_graph__an_early_output_travels_to_the_end(void **state)
{
    (void)state;
    clv_graph *g = branchy();
    clv_frontiers *f;
    gb_output(g, "a");
    assert_int_equal(clv_frontiers_create(&f, g), CLV_OK);
    assert_int_equal(clv_frontiers_at(f, 0).count, 1);
    assert_int_equal(clv_frontiers_at(f, 3).count, 2); /* a and sum */
    assert_int_equal(clv_frontiers_at(f, g->n_nodes).count, 2);
    clv_frontiers_free(f);
    clv_graph_free(g);
}

static void test_graph__macs_of_a_convolution(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", image);
    (void)gb_constant(g, "w", (gb_dims){{4, 3, 3, 3}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "y");
    gb_output(g, "y");
    gb_prepare(g);
    assert_int_equal(clv_node_macs(g, &g->nodes[0]), 4 * 6 * 6 * 27);
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph__names_are_unique),
        cmocka_unit_test(test_graph__finds_each_of_many_values),
        cmocka_unit_test(test_graph__a_value_is_made_once),
        cmocka_unit_test(test_graph__wrong_number_of_inputs_is_refused),
        cmocka_unit_test(test_graph__check_finds_what_nobody_makes),
        cmocka_unit_test(test_graph__check_finds_use_before_making),
        cmocka_unit_test(test_graph__frontier_holds_what_lives_across_the_cut),
        cmocka_unit_test(test_graph__an_early_output_travels_to_the_end),
        cmocka_unit_test(test_graph__macs_of_a_convolution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
