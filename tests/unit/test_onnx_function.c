/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the model: what is left in place of a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/graph_builder.h"
#include "support/onnx_run.h"

#define DOMAIN "com.example"

static const int64_t dims_3[] = {3};
static const float x123[] = {1.0f, -2.0f, 3.0f};

/* A model of the input x, [3], and the output y. */
static void init(onnx_builder *b)
{
    onnx_builder_init(b, 17);
    onnx_opset(b, DOMAIN, 1);
    onnx_input(b, "x", ONNX_FLOAT, 1, dims_3);
    onnx_output(b, "y", ONNX_FLOAT, 0, NULL);
}

static Clv__Onnx__NodeProto *call(onnx_builder *b, const char *function, const char *inputs,
                                  const char *outputs)
{
    Clv__Onnx__NodeProto *node = onnx_node(b, function, inputs, outputs);
    node->domain = onnx_text(b, DOMAIN);
    return node;
}

static void expect(onnx_builder *b, const char *operators, float y0, float y1, float y2)
{
    const void *const inputs[] = {x123};
    float y[3];
    clv_graph *graph = onnx_run(b, inputs, y, sizeof y);

    assert_string_equal(gb_describe(graph), operators);
    assert_true(y[0] == y0 && y[1] == y1 && y[2] == y2);
    clv_graph_free(graph);
}

static void refuse(onnx_builder *b, clv_status status, const char *where, const char *what)
{
    onnx_import_bad(b, NULL, &onnx_evaluates, status, where, what);
}

/* Twice(a) -> r: a + a, through a value named t. */
static Clv__Onnx__FunctionProto *add_twice(onnx_builder *b)
{
    Clv__Onnx__GraphProto *outer = onnx_body_begin(b);
    (void)onnx_node(b, "Identity", "a", "t");
    (void)onnx_node(b, "Add", "t,a", "r");
    return onnx_function(b, DOMAIN, "Twice", "a", "r", 17, onnx_body_end(b, outer));
}

/* Nothing infers here: a model without control flow is as it was. */
static void test_onnx_function__replaces_calls(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    (void)add_twice(&b);
    (void)call(&b, "Twice", "x", "t"); /* names of functions and of the model don't meet */
    (void)call(&b, "Twice", "t", "y");
    expect(&b, "Add Add", 4.0f, -8.0f, 12.0f);
}

/* Leaky(a) with the attribute `slope`, 0.5 unless the call says otherwise. */
static void add_leaky(onnx_builder *b, bool has_default)
{
    Clv__Onnx__GraphProto *outer = onnx_body_begin(b);
    onnx_attr_ref(b, onnx_node(b, "LeakyRelu", "a", "r"), "alpha", ONNX_ATTR_FLOAT, "slope");
    Clv__Onnx__FunctionProto *function =
        onnx_function(b, DOMAIN, "Leaky", "a", "r", 17, onnx_body_end(b, outer));
    if (has_default) {
        Clv__Onnx__NodeProto holder = CLV__ONNX__NODE_PROTO__INIT;
        onnx_attr_float(b, &holder, "slope", 0.5f);
        function->attribute_proto = holder.attribute;
        function->n_attribute_proto = holder.n_attribute;
    }
}

static void test_onnx_function__binds_attributes(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    add_leaky(&b, true);
    onnx_attr_float(&b, call(&b, "Leaky", "x", "y"), "slope", 4.0f);
    expect(&b, "LeakyRelu", 1.0f, -8.0f, 3.0f);

    init(&b);
    add_leaky(&b, true);
    (void)call(&b, "Leaky", "x", "y");
    expect(&b, "LeakyRelu", 1.0f, -1.0f, 3.0f);

    init(&b); /* neither: the operator's own default, 0.01 */
    add_leaky(&b, false);
    (void)call(&b, "Leaky", "x", "y");
    expect(&b, "LeakyRelu", 1.0f, -0.02f, 3.0f);
}

/* An attribute that is handed on, through a function without one of its own in between. */
static void test_onnx_function__hands_attributes_on(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    add_leaky(&b, true);
    Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
    onnx_attr_ref(&b, call(&b, "Leaky", "p", "q"), "slope", ONNX_ATTR_FLOAT, "gradient");
    (void)onnx_function(&b, DOMAIN, "Outer", "p", "q", 17, onnx_body_end(&b, outer));
    onnx_attr_float(&b, call(&b, "Outer", "x", "y"), "gradient", 2.0f);
    expect(&b, "LeakyRelu", 1.0f, -4.0f, 3.0f);

    init(&b);
    onnx_attr_ref(&b, onnx_node(&b, "LeakyRelu", "x", "y"), "alpha", ONNX_ATTR_FLOAT, "slope");
    refuse(&b, CLV_EFORMAT, "LeakyRelu:y", "'slope' of a function and is in none");
}

static void test_onnx_function__makes_constants_of_attributes(void **state)
{
    static const float shift[] = {10.0f, 20.0f, 30.0f};
    onnx_builder b;
    (void)state;

    for (int i = 0; i < 2; i++) {
        init(&b);
        Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
        onnx_attr_ref(&b, onnx_node(&b, "Constant", "", "k"), "value", ONNX_ATTR_TENSOR, "shift");
        (void)onnx_node(&b, "Add", "a,k", "r");
        (void)onnx_function(&b, DOMAIN, "Shift", "a", "r", 17, onnx_body_end(&b, outer));
        Clv__Onnx__TensorProto *tensor =
            onnx_tensor(&b, "", ONNX_FLOAT, 1, dims_3, shift, sizeof shift);
        onnx_attr_tensor(&b, call(&b, "Shift", "x", "m"), "shift", tensor);
        Clv__Onnx__NodeProto *second = call(&b, "Shift", "m", "y");
        if (i == 0) {
            onnx_attr_tensor(&b, second, "shift", tensor);
            expect(&b, "Add Add", 21.0f, 38.0f, 63.0f);
        } else {
            refuse(&b, CLV_EFORMAT, "Constant:k", "gives no attribute 'shift'");
        }
    }
}

/* Clip(a, low, high) in a function: a call may leave inputs out. */
static void test_onnx_function__takes_absent_inputs(void **state)
{
    static const float zero = 0.0f;
    onnx_builder b;
    (void)state;

    for (int i = 0; i < 2; i++) {
        init(&b);
        (void)onnx_initializer(&b, "zero", ONNX_FLOAT, 0, NULL, &zero, sizeof zero);
        Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
        (void)onnx_node(&b, "Clip", "a,low,high", "r");
        (void)onnx_function(&b, DOMAIN, "Limit", "a,low,high", "r,s", 17, onnx_body_end(&b, outer));
        b.model.functions[0]->n_output = 1;
        (void)call(&b, "Limit", i == 0 ? "x,zero" : "x,,zero", "y");
        if (i == 0)
            expect(&b, "Clip", 1.0f, 0.0f, 3.0f);
        else
            expect(&b, "Clip", 0.0f, -2.0f, 0.0f);
    }
    init(&b);
    (void)add_twice(&b);
    (void)call(&b, "Twice", "x,x", "y");
    refuse(&b, CLV_EFORMAT, "Twice:y", "2 inputs and 1 outputs; the function has 1 and 1");
}

/* Softmax over [1, 2, 2] means rows from opset 13 on and everything before; a body for 11 in a
 * model for 17. */
static void test_onnx_function__has_an_opset_of_its_own(void **state)
{
    onnx_builder b;
    (void)state;

    for (int64_t opset = 11; opset <= 17; opset += 6) {
        onnx_builder_init(&b, 17);
        onnx_input(&b, "x", ONNX_FLOAT, 3, (int64_t[]){1, 2, 2});
        onnx_output(&b, "y", ONNX_FLOAT, 0, NULL);
        Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
        (void)onnx_node(&b, "Softmax", "a", "r");
        (void)onnx_function(&b, DOMAIN, "Soft", "a", "r", opset, onnx_body_end(&b, outer));
        (void)call(&b, "Soft", "x", "y");
        assert_string_equal(onnx_operators(&b),
                            opset == 11 ? "Flatten Softmax Reshape" : "Softmax");
    }
    init(&b);
    add_twice(&b)->opset_import[0]->version = 22;
    (void)call(&b, "Twice", "x", "y");
    refuse(&b, CLV_EUNSUPPORTED, "Twice:y", "for opset 22");

    onnx_builder_init(&b, 17); /* the model itself uses nothing of the standard */
    b.model.opset_import[0]->domain = onnx_text(&b, DOMAIN);
    onnx_input(&b, "x", ONNX_FLOAT, 1, dims_3);
    onnx_output(&b, "y", ONNX_FLOAT, 0, NULL);
    (void)add_twice(&b);
    (void)call(&b, "Twice", "x", "y");
    expect(&b, "Add", 2.0f, -4.0f, 6.0f);
}

static void test_onnx_function__refuses_recursion(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
    (void)call(&b, "Pong", "a", "r");
    (void)onnx_function(&b, DOMAIN, "Ping", "a", "r", 17, onnx_body_end(&b, outer));
    outer = onnx_body_begin(&b);
    (void)call(&b, "Ping", "a", "r");
    (void)onnx_function(&b, DOMAIN, "Pong", "a", "r", 17, onnx_body_end(&b, outer));
    (void)call(&b, "Ping", "x", "y");
    refuse(&b, CLV_EFORMAT, "Ping:r", "the function calls itself");
}

/* f0 calls f1 @p calls times, and so on: @p depth functions, the last one Neg. */
static void init_chain(onnx_builder *b, unsigned depth, unsigned calls)
{
    char name[16], callee[16], from[16], to[16];

    init(b);
    for (unsigned i = 0; i < depth; i++) {
        Clv__Onnx__GraphProto *outer = onnx_body_begin(b);
        (void)snprintf(name, sizeof name, "f%u", i);
        (void)snprintf(callee, sizeof callee, "f%u", i + 1);
        for (unsigned c = 0; c < calls; c++) {
            (void)snprintf(from, sizeof from, "v%u", c);
            (void)snprintf(to, sizeof to, "v%u", c + 1);
            (void)(i + 1 < depth ? call(b, callee, from, to) : onnx_node(b, "Neg", from, to));
        }
        (void)snprintf(to, sizeof to, "v%u", calls);
        (void)onnx_function(b, DOMAIN, name, "v0", to, 17, onnx_body_end(b, outer));
    }
    (void)call(b, "f0", "x", "y");
}

static void test_onnx_function__limits_what_calls_come_to(void **state)
{
    onnx_builder b;
    (void)state;

    init_chain(&b, 31, 1);
    expect(&b, "Neg", -1.0f, 2.0f, -3.0f);
    init_chain(&b, 100, 1);
    refuse(&b, CLV_ELIMIT, "", "calls and bodies lie more than 32 deep");
    init_chain(&b, 30, 2); /* 2^30 nodes */
    refuse(&b, CLV_ELIMIT, "", "come to too many nodes");
}

static void test_onnx_function__sees_no_names_of_the_model(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
    (void)onnx_node(&b, "Add", "a,x", "r");
    (void)onnx_function(&b, DOMAIN, "Peek", "a", "r", 17, onnx_body_end(&b, outer));
    (void)call(&b, "Peek", "x", "y");
    refuse(&b, CLV_EFORMAT, "Add:r", "reads 'x', which nothing in the model makes");
}

/* A body in a function sees the function's names and its attributes. */
static void test_onnx_function__may_hold_control_flow(void **state)
{
    onnx_builder b;
    (void)state;

    for (int i = 0; i < 2; i++) {
        init(&b);
        Clv__Onnx__GraphProto *outer = onnx_body_begin(&b), *function;
        onnx_attr_ref(&b, onnx_node(&b, "Constant", "", "n"), "value_int", ONNX_ATTR_INT, "negate");
        onnx_attr_int(&b, onnx_node(&b, "Cast", "n", "c"), "to", ONNX_BOOL);
        Clv__Onnx__NodeProto *node = onnx_node(&b, "If", "c", "r");
        function = onnx_body_begin(&b);
        (void)onnx_node(&b, "Neg", "a", "p");
        onnx_output(&b, "p", ONNX_FLOAT, 0, NULL);
        onnx_attr_graph(&b, node, "then_branch", onnx_body_end(&b, function));
        function = onnx_body_begin(&b);
        onnx_attr_ref(&b, onnx_node(&b, "LeakyRelu", "a", "p"), "alpha", ONNX_ATTR_FLOAT, "slope");
        onnx_output(&b, "p", ONNX_FLOAT, 0, NULL);
        onnx_attr_graph(&b, node, "else_branch", onnx_body_end(&b, function));
        (void)onnx_function(&b, DOMAIN, "Bend", "a", "r", 17, onnx_body_end(&b, outer));
        node = call(&b, "Bend", "x", "y");
        onnx_attr_int(&b, node, "negate", i);
        onnx_attr_float(&b, node, "slope", 8.0f);
        if (i == 1)
            expect(&b, "Neg", -1.0f, 2.0f, -3.0f);
        else
            expect(&b, "LeakyRelu", 1.0f, -16.0f, 3.0f);
    }
}

static void test_onnx_function__is_found_by_domain_name_and_overload(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    (void)add_twice(&b);
    Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
    (void)onnx_node(&b, "Neg", "a", "r");
    onnx_function(&b, DOMAIN, "Twice", "a", "r", 17, onnx_body_end(&b, outer))->overload =
        onnx_text(&b, "other");
    call(&b, "Twice", "x", "y")->overload = onnx_text(&b, "other");
    expect(&b, "Neg", -1.0f, 2.0f, -3.0f);

    init(&b); /* what the graph has an operator for is no call */
    outer = onnx_body_begin(&b);
    (void)onnx_node(&b, "Neg", "a", "r");
    (void)onnx_function(&b, "", "Relu", "a", "r", 17, onnx_body_end(&b, outer));
    (void)onnx_node(&b, "Relu", "x", "y");
    expect(&b, "Relu", 1.0f, 0.0f, 3.0f);

    init(&b);
    (void)add_twice(&b);
    (void)add_twice(&b);
    (void)call(&b, "Twice", "x", "y");
    refuse(&b, CLV_EFORMAT, "functions", "'com.example:Twice:' is there twice");

    init(&b);
    (void)add_twice(&b);
    (void)call(&b, "Thrice", "x", "y");
    refuse(&b, CLV_EUNSUPPORTED, "", "com.example.Thrice (opset 1, node 'Thrice:y')");
}

static void test_onnx_function__names_operators_that_are_missing_inside(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    Clv__Onnx__GraphProto *outer = onnx_body_begin(&b);
    (void)onnx_node(&b, "StringNormalizer", "a", "t");
    (void)onnx_node(&b, "TfIdfVectorizer", "t", "r");
    (void)onnx_function(&b, DOMAIN, "Odd", "a", "r", 17, onnx_body_end(&b, outer));
    (void)call(&b, "Odd", "x", "m");
    (void)call(&b, "Odd", "m", "y");
    refuse(&b, CLV_EUNSUPPORTED, "", "2 operators are not supported: StringNormalizer");

    init(&b); /* a function that nothing calls may hold anything */
    outer = onnx_body_begin(&b);
    (void)onnx_node(&b, "StringNormalizer", "a", "r");
    (void)onnx_function(&b, DOMAIN, "Odd", "a", "r", 17, onnx_body_end(&b, outer));
    (void)onnx_node(&b, "Neg", "x", "y");
    expect(&b, "Neg", -1.0f, 2.0f, -3.0f);
}

static void test_onnx_function__survives_running_out_of_memory(void **state)
{
    onnx_builder b;
    clv_graph *graph = NULL;
    clv_status status = CLV_ENOMEM;
    unsigned failures = 0;
    size_t n;
    (void)state;

    init_chain(&b, 3, 2);
    const uint8_t *bytes = onnx_pack(&b, &n);
    for (; status != CLV_OK; failures++) {
        clv_memory_fail_after(failures + 1);
        status = clv_onnx_import_memory(&graph, bytes, n, NULL, NULL, NULL);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || status == CLV_ENOMEM);
    }
    assert_true(failures > 100);
    clv_graph_free(graph);
    onnx_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_function__replaces_calls),
        cmocka_unit_test(test_onnx_function__binds_attributes),
        cmocka_unit_test(test_onnx_function__hands_attributes_on),
        cmocka_unit_test(test_onnx_function__makes_constants_of_attributes),
        cmocka_unit_test(test_onnx_function__takes_absent_inputs),
        cmocka_unit_test(test_onnx_function__has_an_opset_of_its_own),
        cmocka_unit_test(test_onnx_function__refuses_recursion),
        cmocka_unit_test(test_onnx_function__limits_what_calls_come_to),
        cmocka_unit_test(test_onnx_function__sees_no_names_of_the_model),
        cmocka_unit_test(test_onnx_function__may_hold_control_flow),
        cmocka_unit_test(test_onnx_function__is_found_by_domain_name_and_overload),
        cmocka_unit_test(test_onnx_function__names_operators_that_are_missing_inside),
        cmocka_unit_test(test_onnx_function__survives_running_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
