/* SPDX-License-Identifier: Apache-2.0 */
/* Equations are text from outside: what is refused, and that nothing breaks what reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/ref/ref.h"
#include "support/case_node.h"

static node_case *einsum(const char *equation, const clv_shape *shapes, uint32_t n)
{
    node_case *c = case_create(CLV_OP_EINSUM, "%s", equation);
    uint64_t seed = 1;

    case_string(c, "equation", equation);
    for (uint32_t i = 0; i < n; i++)
        (void)case_random_input(c, shapes[i], 1.0f, &seed);
    return c;
}

static void expect(clv_status want, const char *equation, const clv_shape *shapes, uint32_t n)
{
    node_case *c = einsum(equation, shapes, n);
    clv_status status = case_build(c, NULL);
    if (status != want)
        fail_msg("'%s' gives %s", equation, clv_status_text(status));
    case_free(c);
}

static void test_einsum__refuses_what_is_no_equation(void **state)
{
    static const char *const bad[] = {"i1->i", "ij-ij",   "ij->ij,", "ij,",       "ij->ijj",
                                      "ij->k", "...i...", "..ij",    "ij->...->", "ij="};
    const clv_shape square = CASE_SHAPE(2, 2);
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(CLV_EFORMAT, bad[i], &square, 1);
}

static void test_einsum__refuses_shapes_that_do_not_fit(void **state)
{
    const clv_shape two[] = {CASE_SHAPE(2, 3), CASE_SHAPE(2, 3)};
    const clv_shape eight[] = {CASE_SHAPE(1, 1, 1, 1, 1, 1, 1, 1), CASE_SHAPE(2)};
    (void)state;

    expect(CLV_ESHAPE, "i", two, 1);
    expect(CLV_ESHAPE, "ijk", two, 1);
    expect(CLV_ESHAPE, "ii", two, 1);
    expect(CLV_ESHAPE, "ij,jk", two, 2);
    expect(CLV_EFORMAT, "ij", two, 2);
    expect(CLV_ESHAPE, "...,i->...i", eight, 2);
    expect(CLV_OK, "ij,kj", two, 2);
    expect(CLV_OK, "...,...", two, 2);
}

static void test_einsum__refuses_more_work_than_could_ever_be_done(void **state)
{
    const clv_shape long_ones[] = {CASE_SHAPE(1 << 15), CASE_SHAPE(1 << 15), CASE_SHAPE(1 << 15)};
    (void)state;
    expect(CLV_ELIMIT, "a,b,c->", long_ones, 3);
}

static void test_einsum__survives_random_equations(void **state)
{
    static const char letters[] = "iijjkA.,,->> ";
    uint64_t seed = 7;
    size_t good = 0;
    (void)state;

    for (unsigned round = 0; round < 20000; round++) {
        char equation[12] = {0};
        clv_shape shapes[2] = {{.rank = 0}, {.rank = 0}};
        for (int64_t i = case_random_between(&seed, 0, 10); i-- > 0;)
            equation[i] = letters[case_random_between(&seed, 0, sizeof letters - 2)];
        for (uint32_t i = 0; i < 2; i++) {
            shapes[i].rank = (uint32_t)case_random_between(&seed, 0, 3);
            for (uint32_t d = 0; d < shapes[i].rank; d++)
                shapes[i].dim[d] = case_random_between(&seed, 0, 2);
        }
        node_case *c = einsum(equation, shapes, (uint32_t)case_random_between(&seed, 1, 2));
        if (case_build(c, NULL) == CLV_OK) {
            assert_int_equal(clv_ref_evaluate(c->graph, case_node(c), c->inputs, c->expected),
                             CLV_OK);
            good++;
        }
        case_free(c);
    }
    assert_true(good > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_einsum__refuses_what_is_no_equation),
        cmocka_unit_test(test_einsum__refuses_shapes_that_do_not_fit),
        cmocka_unit_test(test_einsum__refuses_more_work_than_could_ever_be_done),
        cmocka_unit_test(test_einsum__survives_random_equations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
