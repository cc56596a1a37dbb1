/* SPDX-License-Identifier: Apache-2.0 */
/* Every backend runs every case that it supports, and must be right. How many those are is printed
 * and checked, so that a backend that skips everything doesn't pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/backend.h"
#include "support/case_families.h"
#include "support/case_quantised.h"
#include "support/case_run.h"

static const case_family *const families[] = {
    &case_literal, &case_network, &case_conv,       &case_pool, &case_dense,
    &case_unary,   &case_binary,  &case_reduce,     &case_norm, &case_move,
    &case_resize,  &case_slice,   &case_transposed,
};
#define N_FAMILIES (sizeof families / sizeof families[0])

typedef struct tally {
    size_t ran, total;
    size_t quantised; /* nodes that were, of those that ran */
    size_t by_op[CLV_OP_COUNT];
} tally;

static void run_family(tally *t, const clv_backend *backend, const case_family *family,
                       bool quantised)
{
    size_t ran = 0;

    for (size_t i = 0; i < family->count; i++) {
        node_case *c = quantised ? case_make_quantised(family, i) : family->make(i);
        bool plain = case_check(backend, c, false, 1);
        bool channels_last = case_check(backend, c, true, 2);
        if (plain != channels_last)
            fail_msg("%s: %s takes it in one layout, or with one number of threads, only", c->name,
                     backend->name);
        ran += plain;
        t->by_op[c->op] += plain;
        t->quantised += plain && case_node(c)->quantised;
        case_free(c);
    }
    print_message("           %-9s %-16s %-8s ran %4zu of %4zu cases\n",
                  quantised ? "quantised" : "", family->name, backend->name, ran, family->count);
    t->ran += ran;
    t->total += family->count;
}

static tally run_all(const clv_backend *backend, bool quantised)
{
    tally t = {0};
    for (size_t i = 0; i < N_FAMILIES; i++)
        run_family(&t, backend, families[i], quantised);
    print_message("           %-26s %-8s ran %4zu of %4zu cases\n", "all", backend->name, t.ran,
                  t.total);
    return t;
}

static void test_backends__ref_is_right_about_every_operator(void **state)
{
    tally t = run_all(&clv_backend_ref, false);
    (void)state;

    assert_int_equal(t.ran, t.total);
    for (int op = 0; op < CLV_OP_COUNT; op++) {
        if (t.by_op[op] == 0)
            fail_msg("no case for %s", clv_op_describe((clv_op)op)->name);
    }
}

static void test_backends__onednn_is_right_about_what_it_supports(void **state)
{
    static const clv_op must_run[] = {CLV_OP_CONV,
                                      CLV_OP_CONV_TRANSPOSE,
                                      CLV_OP_MAX_POOL,
                                      CLV_OP_AVERAGE_POOL,
                                      CLV_OP_GLOBAL_AVERAGE_POOL,
                                      CLV_OP_GEMM,
                                      CLV_OP_MATMUL,
                                      CLV_OP_ADD,
                                      CLV_OP_MUL,
                                      CLV_OP_MAX,
                                      CLV_OP_RELU,
                                      CLV_OP_PRELU,
                                      CLV_OP_CLIP,
                                      CLV_OP_SIGMOID,
                                      CLV_OP_GELU,
                                      CLV_OP_SOFTMAX,
                                      CLV_OP_LOG_SOFTMAX,
                                      CLV_OP_LAYER_NORMALIZATION,
                                      CLV_OP_LRN,
                                      CLV_OP_REDUCE_MEAN,
                                      CLV_OP_REDUCE_SUM,
                                      CLV_OP_REDUCE_MAX,
                                      CLV_OP_RESIZE,
                                      CLV_OP_CONCAT,
                                      CLV_OP_SPLIT,
                                      CLV_OP_SLICE,
                                      CLV_OP_TRANSPOSE,
                                      CLV_OP_CHANNEL_SHUFFLE};
    const clv_backend *onednn = clv_backend_onednn();
    (void)state;

    if (onednn == NULL)
        skip();
    tally t = run_all(onednn, false);
    for (size_t i = 0; i < sizeof must_run / sizeof must_run[0]; i++) {
        if (t.by_op[must_run[i]] == 0)
            fail_msg("onednn ran no %s at all", clv_op_describe(must_run[i])->name);
    }
}

static void test_backends__ref_is_right_about_quantised_nodes(void **state)
{
    tally t = run_all(&clv_backend_ref, true);
    (void)state;

    assert_int_equal(t.ran, t.total);
    assert_true(t.quantised > 1000); /* the others have no real numbers */
}

static void test_backends__onednn_is_within_a_step_on_quantised_nodes(void **state)
{
    static const clv_op must_run[] = {
        CLV_OP_ADD,        CLV_OP_AVERAGE_POOL, CLV_OP_CONCAT,
        CLV_OP_CONV,       CLV_OP_GEMM,         CLV_OP_GLOBAL_AVERAGE_POOL,
        CLV_OP_HARD_SWISH, CLV_OP_MAX_POOL,     CLV_OP_MUL,
    };
    const clv_backend *onednn = clv_backend_onednn();
    (void)state;

    if (onednn == NULL)
        skip();
    tally t = run_all(onednn, true);
    for (size_t i = 0; i < sizeof must_run / sizeof must_run[0]; i++) {
        if (t.by_op[must_run[i]] == 0)
            fail_msg("onednn ran no %s at all", clv_op_describe(must_run[i])->name);
    }
}

static void test_backends__are_found_by_name(void **state)
{
    const clv_backend *onednn = clv_backend_onednn();
    const clv_backend *found = NULL;
    (void)state;

    assert_int_equal(clv_backend_find(&found, "ref"), CLV_OK);
    assert_ptr_equal(found, &clv_backend_ref);
    assert_int_equal(clv_backend_find(&found, "auto"), CLV_OK);
    assert_ptr_equal(found, onednn != NULL ? onednn : &clv_backend_ref);
    assert_int_equal(clv_backend_find(&found, "onednn"), onednn != NULL ? CLV_OK : CLV_ENOENT);
    found = NULL;
    assert_int_equal(clv_backend_find(&found, "cuda"), CLV_ENOENT);
    assert_null(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backends__are_found_by_name),
        cmocka_unit_test(test_backends__ref_is_right_about_every_operator),
        cmocka_unit_test(test_backends__onednn_is_right_about_what_it_supports),
        cmocka_unit_test(test_backends__ref_is_right_about_quantised_nodes),
        cmocka_unit_test(test_backends__onednn_is_within_a_step_on_quantised_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
