/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "net/link.h"
#include "server/references.h"

#define BYTES 100u

static const clv_digest bundles[2] = {{{1}}, {{2}}};

static clv_reference_key key_of(uint64_t frame)
{
    return (clv_reference_key){&bundles[0], 5, 1, frame};
}

/* A frame's symbols: all @p value. */
static clv_symbols frame_of(uint8_t memory[2 * BYTES], size_t bytes, uint8_t value)
{
    memset(memory, value, bytes);
    return (clv_symbols){
        .data = memory, .cap = 2 * BYTES, .bytes = bytes, .held = bytes, .point = value};
}

static void keep(clv_references *r, uint64_t frame, size_t bytes, uint8_t value)
{
    uint8_t memory[2 * BYTES];
    clv_reference_key key = key_of(frame);
    clv_symbols symbols = frame_of(memory, bytes, value);
    clv_references_keep(r, &key, &symbols);
}

static clv_status find(clv_symbols *out, clv_references *r, uint64_t frame, size_t bytes,
                       uint8_t value)
{
    uint8_t memory[2 * BYTES];
    clv_reference_key key = key_of(frame);
    memset(memory, value, bytes);
    return clv_references_find(out, r, &key, clv_symbols_checksum(memory, bytes));
}

static void test_references__what_was_kept_is_found(void **state)
{
    clv_references *r;
    clv_symbols out = {0};

    (void)state;
    assert_int_equal(clv_references_create(&r, 1000), CLV_OK);
    assert_int_equal(find(&out, r, 1, BYTES, 7), CLV_EKEYFRAME);
    keep(r, 1, BYTES, 7);
    keep(r, 2, 2 * BYTES, 8);
    assert_int_equal(find(&out, r, 1, BYTES, 7), CLV_OK);
    assert_true(clv_symbols_whole(&out) && out.bytes == BYTES && out.point == 7);
    assert_int_equal(out.data[BYTES - 1], 7);
    assert_int_equal(find(&out, r, 2, 2 * BYTES, 8), CLV_OK);
    assert_true(clv_symbols_whole(&out) && out.bytes == 2 * BYTES && out.point == 8);
    assert_int_equal(out.data[2 * BYTES - 1], 8);
    assert_int_equal(find(&out, r, 2, 2 * BYTES, 9), CLV_EKEYFRAME); /* other symbols */
    keep(r, 2, BYTES, 9);                                            /* the frame came again */
    assert_int_equal(find(&out, r, 2, BYTES, 9), CLV_OK);
    assert_int_equal(out.bytes, BYTES);
    clv_references_free(r);
    clv_free(out.data);
}

static void test_references__other_cuts_and_bundles_are_others(void **state)
{
    clv_references *r;
    clv_symbols out = {0};
    uint8_t memory[BYTES];

    (void)state;
    assert_int_equal(clv_references_create(&r, 1000), CLV_OK);
    keep(r, 1, BYTES, 7);
    memset(memory, 7, sizeof memory);
    uint32_t checksum = clv_symbols_checksum(memory, BYTES);
    const clv_reference_key others[] = {{&bundles[1], 5, 1, 1},
                                        {&bundles[0], 6, 1, 1},
                                        {&bundles[0], 5, 0, 1},
                                        {&bundles[0], 5, 1, 2}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(clv_references_find(&out, r, &others[i], checksum), CLV_EKEYFRAME);
    assert_int_equal(find(&out, r, 1, BYTES, 7), CLV_OK);
    clv_references_free(r);
    clv_free(out.data);
}

/* Never more than the cap: the oldest go; a frame that is too large is not held at all. */
static void test_references__memory_is_bounded(void **state)
{
    clv_references *r;
    clv_symbols out = {0};

    (void)state;
    assert_int_equal(clv_references_create(&r, 5 * BYTES - 1), CLV_OK);
    for (uint64_t frame = 1; frame <= 20; frame++) {
        keep(r, frame, frame % 3 == 0 ? BYTES / 2 : BYTES, (uint8_t)frame);
        assert_true(clv_references_bytes(r) < 5 * BYTES);
        assert_true(frame < 4 || clv_references_bytes(r) >= 3 * BYTES);
    }
    assert_int_equal(find(&out, r, 12, BYTES / 2, 12), CLV_EKEYFRAME);
    assert_int_equal(find(&out, r, 19, BYTES, 19), CLV_OK);
    clv_references_free(r);

    assert_int_equal(clv_references_create(&r, BYTES - 1), CLV_OK);
    keep(r, 1, BYTES, 1);
    assert_int_equal(clv_references_bytes(r), 0);
    assert_int_equal(find(&out, r, 1, BYTES, 1), CLV_EKEYFRAME);
    clv_references_free(r);
    clv_free(out.data);
}

/* The device has done with what is before the frame that it names. */
static void test_references__what_is_before_a_named_frame_goes(void **state)
{
    clv_references *r;
    clv_symbols out = {0};

    (void)state;
    assert_int_equal(clv_references_create(&r, SIZE_MAX), CLV_OK);
    for (uint64_t frame = 1; frame <= 10; frame++)
        keep(r, frame, BYTES, (uint8_t)frame);
    assert_int_equal(find(&out, r, 7, BYTES, 7), CLV_OK);
    assert_int_equal(clv_references_bytes(r), 4 * BYTES);
    assert_int_equal(find(&out, r, 6, BYTES, 6), CLV_EKEYFRAME);
    assert_int_equal(find(&out, r, 7, BYTES, 7), CLV_OK);
    for (uint64_t frame = 11; frame <= 500; frame++) /* none is named */
        keep(r, frame, BYTES, (uint8_t)frame);
    assert_int_equal(clv_references_bytes(r), (CLV_LINK_MAX_IN_FLIGHT + 1) * BYTES);
    assert_int_equal(find(&out, r, 500, BYTES, (uint8_t)500), CLV_OK);
    clv_references_free(r);
    clv_references_free(NULL);
    clv_free(out.data);
}

static void test_references__half_a_frame_is_not_kept(void **state)
{
    clv_references *r;
    uint8_t memory[2 * BYTES];
    clv_reference_key key = key_of(1);

    (void)state;
    assert_int_equal(clv_references_create(&r, 1000), CLV_OK);
    clv_symbols symbols = frame_of(memory, BYTES, 1);
    symbols.held--;
    clv_references_keep(r, &key, &symbols);
    symbols.held = symbols.bytes = 0;
    clv_references_keep(r, &key, &symbols);
    assert_int_equal(clv_references_bytes(r), 0);
    clv_references_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references__what_was_kept_is_found),
        cmocka_unit_test(test_references__other_cuts_and_bundles_are_others),
        cmocka_unit_test(test_references__memory_is_bounded),
        cmocka_unit_test(test_references__what_is_before_a_named_frame_goes),
        cmocka_unit_test(test_references__half_a_frame_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
