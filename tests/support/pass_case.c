/* SPDX-License-Identifier: Apache-2.0 */
#include "support/pass_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "runtime/program.h"

static const char *const every[] = {"identity",        "dead-nodes", "cse",        "cast",
                                    "transpose",       "reshape",    "hard-swish", "swish",
                                    "channel-shuffle", "mish",       "gelu",       "layer-norm",
                                    "affine",          "batch-norm", "pad",        "fusion"};

static clv_graph *prepared(const pass_family *family, const pass_case *c, const char *const *skip,
                           size_t n)
{
    clv_prepare_options options = {clv_ref_evaluate, skip, n};
    char *outputs = clv_strdup(c->outputs != NULL ? c->outputs : "y"), *rest;
    clv_error err = CLV_ERROR_INIT;
    clv_graph *graph = gb_create();

    (void)gb_input(graph, "x", family->input);
    if (family->constants != NULL)
        family->constants(graph);
    gb_lines(graph, c->nodes);
    for (char *name = strtok_r(outputs, " ", &rest); name != NULL;
         name = strtok_r(NULL, " ", &rest))
        gb_output(graph, name);
    clv_free(outputs);
    if (clv_graph_prepare(graph, &options, NULL, NULL, &err) != CLV_OK)
        fail_msg("%s: %s: %s", c->nodes, err.location, err.message);
    return graph;
}

/* Positive and negative numbers without a pattern, about [-3, 3). */
static float *make_input(const clv_tensor *tensor)
{
    size_t bytes;
    assert_int_equal(clv_tensor_bytes(&bytes, tensor), CLV_OK);
    float *data = clv_alloc_aligned(bytes);
    for (size_t i = 0; i < bytes / sizeof *data; i++)
        data[i] = (float)((i * 2654435761u >> 7) % 6007) / 1001.0f - 3.0f;
    return data;
}

static clv_exec *run(clv_program **program, const clv_graph *graph)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;
    clv_exec *exec;

    options.backend = &clv_backend_ref;
    if (clv_program_compile(program, graph, &options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_exec_create(&exec, *program, &err), CLV_OK);
    clv_exec_poison(exec);
    clv_tensor x = graph->values[graph->inputs[0]].tensor;
    x.data = make_input(&x);
    clv_exec_load(exec, graph->inputs[0], &x);
    clv_free(x.data);
    assert_int_equal(clv_exec_run(exec, 0, graph->n_nodes), CLV_OK);
    return exec;
}

static void *output_of(size_t *bytes, const clv_graph *graph, clv_exec *exec, uint32_t i)
{
    assert_int_equal(clv_tensor_bytes(bytes, &graph->values[graph->outputs[i]].tensor), CLV_OK);
    clv_tensor tensor = graph->values[graph->outputs[i]].tensor;
    tensor.data = clv_alloc_aligned(*bytes);
    clv_exec_store(exec, graph->outputs[i], &tensor);
    return tensor.data;
}

static void compare_floats(const float *a, const float *b, size_t n, const char *nodes)
{
    float largest = 1.0f;
    for (size_t i = 0; i < n; i++)
        largest = isfinite(a[i]) ? fmaxf(largest, fabsf(a[i])) : largest;
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] && !(fabsf(a[i] - b[i]) <= 2e-5f * largest))
            fail_msg("%s: element %zu is %g, then %g", nodes, i, (double)a[i], (double)b[i]);
    }
}

static void compare_numbers(const clv_graph *g, const clv_graph *h, const char *nodes)
{
    clv_program *p, *q;
    clv_exec *e = run(&p, g), *f = run(&q, h);
    size_t n, m;

    assert_int_equal(g->n_outputs, h->n_outputs);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const clv_value *a = &g->values[g->outputs[i]], *b = &h->values[h->outputs[i]];
        assert_string_equal(a->name, b->name);
        assert_true(clv_shape_equal(&a->tensor.shape, &b->tensor.shape));
        assert_int_equal(a->tensor.dtype, b->tensor.dtype);
        void *x = output_of(&n, g, e, i), *y = output_of(&m, h, f, i);
        assert_int_equal(n, m);
        if (a->tensor.dtype == CLV_F32)
            compare_floats(x, y, n / sizeof(float), nodes);
        else
            assert_memory_equal(x, y, n);
        clv_free(x);
        clv_free(y);
    }
    clv_exec_free(e);
    clv_exec_free(f);
    clv_program_free(p);
    clv_program_free(q);
}

/* The operators that the text names, as gb_describe() would. */
static void operators_of(char *dst, size_t cap, const char *nodes)
{
    char *copy = clv_strdup(nodes), *rest, op[64];
    size_t n = 0;

    for (char *line = strtok_r(copy, ";", &rest); line != NULL; line = strtok_r(NULL, ";", &rest)) {
        assert_int_equal(sscanf(line, " %*s = %63s", op), 1);
        n += (size_t)snprintf(dst + n, cap - n, "%s%s", n > 0 ? " " : "", op);
    }
    clv_free(copy);
}

static void check(const pass_family *family, const pass_case *c)
{
    char before[512];

    operators_of(before, sizeof before, c->nodes);
    clv_graph *plain = prepared(family, c, every, sizeof every / sizeof every[0]);
    clv_graph *done = prepared(family, c, &family->without, family->without != NULL);
    if (strcmp(gb_describe(plain), before) != 0)
        fail_msg("%s: is %s before", c->nodes, gb_describe(plain));
    const char *after = c->after != NULL ? c->after : before;
    if (strcmp(gb_describe(done), after) != 0)
        fail_msg("%s: is %s after, not %s", c->nodes, gb_describe(done), after);
    compare_numbers(plain, done, c->nodes);
    clv_graph_free(plain);
    clv_graph_free(done);
}

void pass_check(const pass_family *family, const pass_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(family, &cases[i]);
}
