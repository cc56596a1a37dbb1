/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "runtime/tensor_set.h"
#include "support/graph_builder.h"

typedef struct fixture {
    clv_graph *graph;
    uint32_t large, small; /* values of 4 MiB and of 4 KiB */
    clv_tensor_set set;
} fixture;

static fixture setup(void)
{
    fixture f = {.graph = gb_create()};
    f.large = gb_input(f.graph, "large", (gb_dims){{1024, 1024}});
    f.small = gb_input(f.graph, "small", (gb_dims){{1024}});
    return f;
}

static void teardown(fixture *f)
{
    clv_tensor_set_done(&f->set);
    clv_graph_free(f->graph);
}

static void test_tensor_set__gives_back_what_many_fits_did_not_need(void **state)
{
    fixture f = setup();
    (void)state;
    assert_int_equal(clv_tensor_set_fit(&f.set, f.graph, &f.large, 1), CLV_OK);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(clv_tensor_set_fit(&f.set, f.graph, &f.small, 1), CLV_OK);
        ((float *)f.set.tensors[0].data)[1023] = 1.0f;
    }
    assert_int_equal(f.set.memory.bytes, 4096);
    teardown(&f);
}

static void test_tensor_set__keeps_what_is_needed_now_and_then(void **state)
{
    fixture f = setup();
    const uint8_t *first = NULL;
    (void)state;
    for (int i = 0; i < 300; i++) {
        const uint32_t *value = i % 40 == 0 ? &f.large : &f.small;
        assert_int_equal(clv_tensor_set_fit(&f.set, f.graph, value, 1), CLV_OK);
        first = i == 0 ? f.set.memory.data : first;
        assert_ptr_equal(f.set.memory.data, first);
    }
    teardown(&f);
}

static void test_tensor_set__stays_as_it_is_without_memory_for_less(void **state)
{
    fixture f = setup();
    (void)state;
    assert_int_equal(clv_tensor_set_fit(&f.set, f.graph, &f.large, 1), CLV_OK);
    clv_memory_fail_after(1);
    for (int i = 0; i < 200; i++)
        assert_int_equal(clv_tensor_set_fit(&f.set, f.graph, &f.small, 1), CLV_OK);
    assert_int_equal(f.set.memory.bytes, 4 << 20);
    clv_memory_fail_after(0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_set__gives_back_what_many_fits_did_not_need),
        cmocka_unit_test(test_tensor_set__keeps_what_is_needed_now_and_then),
        cmocka_unit_test(test_tensor_set__stays_as_it_is_without_memory_for_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
