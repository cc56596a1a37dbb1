/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "runtime/memory_plan.h"

static void test_memory_plan__a_chain_needs_two_buffers(void **state)
{
    (void)state;
    clv_planned_buffer b[6];
    size_t arena = 0;
    for (uint32_t i = 0; i < 6; i++)
        b[i] = (clv_planned_buffer){1000, i, i + 1, 0};
    assert_int_equal(clv_memory_plan(&arena, b, 6), CLV_OK);
    assert_int_equal(arena, 2048);
}

static void test_memory_plan__what_lives_together_lies_apart(void **state)
{
    (void)state;
    enum { N = 60, ROUNDS = 200 };
    uint32_t random = 1;
    for (int round = 0; round < ROUNDS; round++) {
        clv_planned_buffer b[N];
        size_t arena = 0;
        for (int i = 0; i < N; i++) {
            random = random * 1664525u + 1013904223u;
            uint32_t first = random >> 8 & 31u;
            b[i] = (clv_planned_buffer){random >> 13 & 4095u, first, first + (random >> 27), 0};
        }
        assert_int_equal(clv_memory_plan(&arena, b, N), CLV_OK);
        for (int i = 0; i < N; i++) {
            assert_int_equal(b[i].offset % CLV_ALIGN, 0);
            assert_true(b[i].offset + b[i].bytes <= arena);
            for (int j = 0; j < i; j++) {
                if (b[i].bytes == 0 || b[j].bytes == 0 || b[i].first > b[j].last ||
                    b[j].first > b[i].last)
                    continue;
                assert_true(b[i].offset + b[i].bytes <= b[j].offset ||
                            b[j].offset + b[j].bytes <= b[i].offset);
            }
        }
    }
}

static void test_memory_plan__too_much_is_refused(void **state)
{
    (void)state;
    clv_planned_buffer b[2] = {{(size_t)1 << 46, 0, 1, 0}, {64, 0, 1, 0}};
    size_t arena = 7;
    assert_int_equal(clv_memory_plan(&arena, b, 2), CLV_ELIMIT);
    assert_int_equal(arena, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_plan__a_chain_needs_two_buffers),
        cmocka_unit_test(test_memory_plan__what_lives_together_lies_apart),
        cmocka_unit_test(test_memory_plan__too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
