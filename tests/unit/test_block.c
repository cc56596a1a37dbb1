/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"

#define LARGE ((size_t)64 << 20)

static void test_block__has_what_was_asked_for(void **state)
{
    clv_block block = {0};
    (void)state;
    for (size_t bytes = 1; bytes <= (4u << 20); bytes *= 8) {
        assert_int_equal(clv_block_replace(&block, bytes), CLV_OK);
        assert_true(block.bytes >= bytes);
        assert_int_equal((uintptr_t)block.data % CLV_ALIGN, 0);
        for (size_t i = 0; i < bytes; i += 1000)
            assert_int_equal(block.data[i], 0);
        memset(block.data, 1, bytes);
    }
    clv_block_done(&block);
    clv_block_done(&block);
    assert_null(block.data);
    assert_int_equal(block.bytes, 0);
}

static void test_block__stays_as_it_is_without_memory(void **state)
{
    clv_block block = {0};
    (void)state;
    assert_int_equal(clv_block_replace(&block, 1000), CLV_OK);
    const clv_block before = block;
    block.data[999] = 7;
    for (size_t bytes = 2000; bytes <= LARGE; bytes *= 16) {
        clv_memory_fail_after(1);
        assert_int_equal(clv_block_replace(&block, bytes), CLV_ENOMEM);
        clv_memory_fail_after(0);
        assert_ptr_equal(block.data, before.data);
        assert_int_equal(block.data[999], 7);
    }
    clv_block_done(&block);
}

static size_t resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
    (void)fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* malloc() keeps the second: what was freed before raises the size from which it doesn't. */
static void test_block__the_system_has_large_ones_back_at_once(void **state)
{
    clv_block a = {0}, b = {0};
    (void)state;
    size_t before = resident_bytes();
    for (size_t bytes = LARGE / 4; bytes >= LARGE / 16; bytes /= 2) {
        assert_int_equal(clv_block_replace(&a, bytes), CLV_OK);
        assert_int_equal(clv_block_replace(&b, 300000), CLV_OK);
        memset(a.data, 1, bytes);
        memset(b.data, 1, 300000);
        assert_true(resident_bytes() >= before + bytes);
        clv_block_done(&a);
        assert_true(resident_bytes() < before + bytes / 2);
        clv_block_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block__has_what_was_asked_for),
        cmocka_unit_test(test_block__stays_as_it_is_without_memory),
        cmocka_unit_test(test_block__the_system_has_large_ones_back_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
