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
    assert_int_equal(clv_suffix_bound(&bound, f->suffix, clv_program_graph(f->device.program)), CLV_OK);
    assert_int_equal(
        clv_suffix_store(&bytes, f->suffix, f->exec, clv_program_graph(f->device.program), f->answer, bound - 1),
        CLV_ENOSPC);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
