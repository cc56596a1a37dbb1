/* SPDX-License-Identifier: Apache-2.0 */
/* Law 1 on every cut of every network of the zoo that imports: prefix, float frontier, suffix give
 * the bits of the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "runtime/verify.h"
#include "support/zoo.h"

static void check(const char *model, const char *backend)
{
    clv_graph *graph = zoo_open(model);
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *program;
    clv_verify_result result;

    assert_int_equal(clv_backend_find(&options.backend, backend), CLV_OK);
    assert_int_equal(clv_program_compile(&program, graph, &options, NULL), CLV_OK);
    assert_int_equal(clv_verify_cuts(&result, program, 7, NULL), CLV_OK);
    (void)printf("%-36s %-7s %3u cuts, %u mismatches\n", model, backend, result.cuts,
                 result.mismatches);
    assert_int_equal(result.cuts, graph->n_nodes + 1);
    assert_int_equal(result.mismatches, 0);
    clv_program_free(program);
    clv_graph_free(graph);
}

static void test_zoo_cuts__no_cut_changes_a_bit(void **state)
{
    (void)state;
    for (unsigned b = 0; b < zoo_n_backends(); b++) {
        for (unsigned i = 0; i < zoo_n_classifiers; i++)
            check(zoo_classifiers[i].name, zoo_backends[b]);
        for (unsigned i = 0; i < zoo_n_others; i++)
            check(zoo_others[i], zoo_backends[b]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zoo_cuts__no_cut_changes_a_bit)};
    if (zoo_folder() == NULL)
        return ZOO_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
