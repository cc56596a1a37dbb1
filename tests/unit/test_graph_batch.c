/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "support/graph_builder.h"
#include "support/tiny_forms.h"

enum { BATCH = 3 };

static clv_graph *make(const char *lines, gb_dims input, const int64_t *sizes, uint32_t n_sizes)
{
    clv_graph *graph = gb_create();

    (void)gb_input(graph, "x", input);
    if (n_sizes > 0)
        (void)gb_ints(graph, "sizes", sizes, n_sizes);
    gb_lines(graph, lines);
    gb_output(graph, "y");
    gb_prepare(graph);
    return graph;
}

static size_t elems_of(const clv_graph *graph, uint32_t value)
{
    size_t n = 0;
    assert_int_equal(clv_shape_elems(&n, &graph->values[value].tensor.shape), CLV_OK);
    return n;
}

/* Three frames together give what each gives alone. */
static void check_frames(const clv_graph *graph)
{
    clv_error err = CLV_ERROR_INIT;
    clv_graph *wide = NULL;
    size_t n_in = elems_of(graph, graph->inputs[0]), n_out = elems_of(graph, graph->outputs[0]);
    size_t n_one = 0, n_all = 0;

    if (clv_graph_batch(&wide, graph, BATCH, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_graph_check(wide, &err), CLV_OK);
    assert_int_equal(wide->n_nodes, graph->n_nodes);
    float *input = clv_calloc(BATCH * n_in, sizeof *input);
    assert_non_null(input);
    for (size_t i = 0; i < BATCH * n_in; i++)
        input[i] = (float)(i % 17) / 8.0f - 1.0f;
    float *all = gb_run(wide, "ref", input, &n_all);
    assert_int_equal(n_all, BATCH * n_out);
    for (size_t frame = 0; frame < BATCH; frame++) {
        float *one = gb_run(graph, "ref", input + frame * n_in, &n_one);
        assert_int_equal(n_one, n_out);
        for (size_t i = 0; i < n_out; i++)
            assert_true(fabsf(one[i] - all[frame * n_out + i]) <= 1e-5f);
        clv_free(one);
    }
    clv_free(all);
    clv_free(input);
    clv_graph_free(wide);
}

static void test_graph_batch__frames_together_give_what_each_gives_alone(void **state)
{
    static const int64_t flat[] = {1, 60}, open[] = {1, -1}, mixed[] = {1, 5, 12}, rows[] = {3, 20};
    (void)state;
    const struct {
        const char *lines;
        const int64_t *sizes;
        uint32_t n;
    } cases[] = {{"e = Exp x; r = Reshape e sizes; y = Softmax r {axis=-1}", flat, 2},
                 {"e = Exp x; r = Reshape e sizes; y = Neg r", open, 2},
                 {"r = Reshape x sizes; t = Transpose r {perm=0,2,1}; y = Neg t", mixed, 3},
                 {"e = Exp x; r = Reshape e sizes; y = Neg r", rows, 2},
                 {"p = GlobalAveragePool x; f = Flatten p; y = Tanh f", NULL, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_graph *graph =
            make(cases[i].lines, (gb_dims){{1, 3, 4, 5}}, cases[i].sizes, cases[i].n);
        check_frames(graph);
        clv_graph_free(graph);
    }
    clv_graph *conv = gb_create();
    (void)gb_input(conv, "x", (gb_dims){{1, 3, 4, 5}});
    gb_conv(conv, "x", "c");
    gb_lines(conv, "y = Relu c");
    gb_output(conv, "y");
    gb_prepare(conv);
    check_frames(conv);
    clv_graph_free(conv);
}

static void test_graph_batch__what_mixes_frames_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "y = Transpose x {perm=2,0,1,3}",
        "e = Exp x; t = Transpose e {perm=3,1,2,0}; y = Neg t",
        "y = NonZero x",
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        clv_graph *wide = NULL;
        clv_graph *graph = make(cases[i], (gb_dims){{1, 3, 4, 5}}, NULL, 0);
        if (clv_graph_batch(&wide, graph, BATCH, &err) != CLV_EUNSUPPORTED)
            fail_msg("case %zu", i);
        assert_null(wide);
        assert_non_null(strstr(err.message, "3 frames together"));
        clv_graph_free(graph);
    }
}

/* Both forms, and every allocation fails in turn. */
static void test_graph_batch__forms_and_little_memory(void **state)
{
    const tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    tiny_forms forms;
    clv_graph *wide = NULL;
    clv_status status = CLV_ENOMEM;
    (void)state;

    tiny_forms_init(&forms, &options, NULL);
    check_frames(forms.graphs[CLV_PRECISION_FLOAT]);
    check_frames(forms.graphs[CLV_PRECISION_INT8]);
    for (uint64_t nth = 1; status != CLV_OK; nth++) {
        assert_true(nth < 10000);
        clv_memory_fail_after(nth);
        status = clv_graph_batch(&wide, forms.graphs[0], BATCH, NULL);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || status == CLV_ENOMEM);
    }
    clv_graph_free(wide);
    wide = NULL;
    assert_int_equal(clv_graph_batch(&wide, forms.graphs[0], 0, NULL), CLV_EINVAL);
    assert_null(wide);
    tiny_forms_done(&forms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph_batch__frames_together_give_what_each_gives_alone),
        cmocka_unit_test(test_graph_batch__what_mixes_frames_is_refused),
        cmocka_unit_test(test_graph_batch__forms_and_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
