/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "codec/activation.h"
#include "server/suffix.h"
#include "support/tiny_forms.h"
#include "support/tiny_run.h"

#define MAX_ANSWER_BYTES 1024u

typedef struct fixture {
    tiny_run device;
    clv_exec *exec;
    clv_suffix *suffix;
    uint8_t answer[MAX_ANSWER_BYTES];
    size_t answer_bytes;
} fixture;

static int setup(void **state)
{
    const tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    fixture *f = clv_calloc(1, sizeof *f);
    assert_non_null(f);
    tiny_run_init(&f->device, &options, NULL, 7);
    assert_int_equal(clv_exec_create(&f->exec, f->device.program, NULL), CLV_OK);
    assert_int_equal(clv_suffix_create(&f->suffix), CLV_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    clv_suffix_free(f->suffix);
    clv_exec_free(f->exec);
    tiny_run_done(&f->device);
    clv_free(f);
    return 0;
}

static clv_status load(fixture *f, uint32_t cut, size_t bytes, clv_error *err)
{
    return clv_suffix_load(f->suffix, f->exec, f->device.program,
                           clv_program_graph(f->device.program), cut, f->device.payload, bytes,
                           err);
}

/* What a worker does with a request for @p cut. */
static void run_suffix(fixture *f, uint32_t cut)
{
    const clv_graph *graph = clv_program_graph(f->device.program);
    clv_error err = CLV_ERROR_INIT;
    size_t bound;

    if (load(f, cut, f->device.payload_bytes, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_exec_run(f->exec, cut, f->device.graph->n_nodes), CLV_OK);
    assert_int_equal(clv_suffix_bound(&bound, f->suffix, graph), CLV_OK);
    assert_in_range(bound, 1, sizeof f->answer);
    assert_int_equal(
        clv_suffix_store(&f->answer_bytes, f->suffix, f->exec, graph, f->answer, bound), CLV_OK);
}

static void test_suffix__every_cut_gives_the_same_bytes(void **state)
{
    fixture *f = *state;
    uint32_t widest = 0;

    for (uint32_t cut = 0; cut < f->device.graph->n_nodes; cut++) {
        uint32_t count = clv_frontiers_at(clv_program_frontiers(f->device.program), cut).count;
        widest = count > widest ? count : widest;
        tiny_run_prefix(&f->device, cut);
        clv_exec_poison(f->exec);
        run_suffix(f, cut);
        assert_int_equal(f->answer_bytes, f->device.answer_bytes);
        assert_memory_equal(f->answer, f->device.answer, f->answer_bytes);
    }
    assert_true(widest >= 2); /* else the model tests too little */
}

static void test_suffix__malformed_payloads_are_refused(void **state)
{
    fixture *f = *state;
    clv_error err = CLV_ERROR_INIT;

    tiny_run_prefix(&f->device, 1);
    for (size_t n = 0; n < f->device.payload_bytes; n += 1 + n / 16) {
        assert_int_not_equal(load(f, 1, n, &err), CLV_OK);
        assert_true(err.message[0] != '\0');
    }
    /* It isn't the frontier of another cut. */
    uint32_t last = f->device.graph->n_nodes - 1;
    assert_int_not_equal(load(f, last, f->device.payload_bytes, &err), CLV_OK);
}

static void test_suffix__nothing_is_allocated_after_warm_up(void **state)
{
    fixture *f = *state;
    for (int warm = 0; warm < 2; warm++) {
        for (uint32_t cut = 0; cut < f->device.graph->n_nodes; cut++) {
            tiny_run_prefix(&f->device, cut);
            clv_memory_fail_after((uint64_t)warm);
            run_suffix(f, cut);
            clv_memory_fail_after(0);
        }
    }
}

static void test_suffix__out_of_memory_is_reported(void **state)
{
    fixture *f = *state;
    clv_error err = CLV_ERROR_INIT;
    tiny_run_prefix(&f->device, 1);
    clv_memory_fail_after(1);
    clv_status status = load(f, 1, f->device.payload_bytes, &err);
    clv_memory_fail_after(0);
    assert_int_equal(status, CLV_ENOMEM);
    assert_true(err.message[0] != '\0');
}

static void test_suffix__small_room_is_refused(void **state)
{
    fixture *f = *state;
    size_t bytes, bound;
    assert_int_equal(clv_suffix_bound(&bound, f->suffix, clv_program_graph(f->device.program)),
                     CLV_OK);
    assert_int_equal(clv_suffix_store(&bytes, f->suffix, f->exec,
                                      clv_program_graph(f->device.program), f->answer, bound - 1),
                     CLV_ENOSPC);
}

/* --- forms ---------------------------------------------------------------------------------- */

/* What the server makes of the frontier that @p split's prefix left, against the same split without
 * codec. */
static void check_forms(clv_suffix *suffix, clv_exec *const *execs, const tiny_forms *forms,
                        const tiny_split *split, uint8_t answer[MAX_ANSWER_BYTES])
{
    const clv_graph *device = forms->graphs[split->prefix];
    clv_exec *exec = execs[split->suffix];
    tiny_split_result expected = {0};
    clv_error err = CLV_ERROR_INIT;
    size_t payload_bytes, expected_bytes, bytes, bound;

    tiny_forms_run(&expected, forms, split, 5);
    uint8_t *payload = tiny_forms_encode(&expected.frontier, &payload_bytes);
    uint8_t *outputs = tiny_forms_encode(&expected.outputs, &expected_bytes);
    clv_exec_poison(exec);
    if (clv_suffix_load(suffix, exec, forms->programs[split->suffix], device, split->cut, payload,
                        payload_bytes, &err) != CLV_OK)
        fail_msg("cut %u: %s: %s", split->cut, err.location, err.message);
    assert_int_equal(clv_exec_run(exec, split->cut, device->n_nodes), CLV_OK);
    assert_int_equal(clv_suffix_bound(&bound, suffix, device), CLV_OK);
    assert_in_range(bound, 1, MAX_ANSWER_BYTES);
    assert_int_equal(clv_suffix_store(&bytes, suffix, exec, device, answer, bound), CLV_OK);
    assert_int_equal(bytes, expected_bytes);
    assert_memory_equal(answer, outputs, bytes);
    clv_free(payload);
    clv_free(outputs);
    tiny_split_result_done(&expected);
}

/* The bytes of a whole run in @p precision, encoded. */
static uint8_t *run_whole(const tiny_forms *forms, clv_precision precision, size_t *bytes_out)
{
    const tiny_split whole = {precision, precision, forms->original->n_nodes};
    tiny_split_result result = {0};

    tiny_forms_run(&result, forms, &whole, 5);
    uint8_t *encoded = tiny_forms_encode(&result.outputs, bytes_out);
    tiny_split_result_done(&result);
    return encoded;
}

static void test_suffix__each_form_continues_what_each_form_began(void **state)
{
    static const tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    clv_exec *execs[CLV_PRECISION_COUNT];
    uint8_t answer[MAX_ANSWER_BYTES];
    clv_suffix *suffix;
    tiny_forms forms;
    (void)state;

    tiny_forms_init(&forms, &options, NULL);
    assert_int_equal(clv_suffix_create(&suffix), CLV_OK);
    for (int p = 0; p < CLV_PRECISION_COUNT; p++)
        assert_int_equal(clv_exec_create(&execs[p], forms.programs[p], NULL), CLV_OK);
    for (int pair = 0; pair < CLV_PRECISION_COUNT * CLV_PRECISION_COUNT; pair++) {
        tiny_split split = {(clv_precision)(pair / CLV_PRECISION_COUNT),
                            (clv_precision)(pair % CLV_PRECISION_COUNT), 0};
        size_t bytes;
        uint8_t *whole = run_whole(&forms, split.prefix, &bytes);
        for (; split.cut < forms.original->n_nodes; split.cut++) {
            check_forms(suffix, execs, &forms, &split, answer);
            if (split.prefix == split.suffix) /* law 1: the bits of the unsplit run */
                assert_memory_equal(answer, whole, bytes);
        }
        clv_free(whole);
    }
    for (int p = 0; p < CLV_PRECISION_COUNT; p++)
        clv_exec_free(execs[p]);
    clv_suffix_free(suffix);
    tiny_forms_done(&forms);
}

/* A frontier of one form isn't taken for one of the other, where their types differ. */
static void test_suffix__bytes_of_another_form_are_refused(void **state)
{
    static const tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    const tiny_split split = {CLV_PRECISION_INT8, CLV_PRECISION_INT8, 1};
    tiny_split_result result = {0};
    clv_error err = CLV_ERROR_INIT;
    clv_suffix *suffix;
    clv_exec *exec;
    tiny_forms forms;
    size_t bytes;
    (void)state;

    tiny_forms_init(&forms, &options, NULL);
    tiny_forms_run(&result, &forms, &split, 5);
    assert_int_equal(result.frontier.tensors[0].dtype, CLV_U8);
    uint8_t *payload = tiny_forms_encode(&result.frontier, &bytes);
    assert_int_equal(clv_suffix_create(&suffix), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, forms.programs[CLV_PRECISION_FLOAT], NULL), CLV_OK);
    assert_int_not_equal(clv_suffix_load(suffix, exec, forms.programs[CLV_PRECISION_FLOAT],
                                         forms.graphs[CLV_PRECISION_FLOAT], 1, payload, bytes,
                                         &err),
                         CLV_OK);
    assert_true(err.message[0] != '\0');
    clv_free(payload);
    clv_exec_free(exec);
    clv_suffix_free(suffix);
    tiny_split_result_done(&result);
    tiny_forms_done(&forms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_suffix__every_cut_gives_the_same_bytes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_suffix__malformed_payloads_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_suffix__nothing_is_allocated_after_warm_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_suffix__out_of_memory_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(test_suffix__small_room_is_refused, setup, teardown),
        cmocka_unit_test(test_suffix__each_form_continues_what_each_form_began),
        cmocka_unit_test(test_suffix__bytes_of_another_form_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
