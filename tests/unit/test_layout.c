/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/layout.h"
#include "support/case_node.h"

#define ROUNDS 4000

/* Where an element lies, by the definition in layout.h and nothing else. */
static size_t address(const clv_layout *layout, const clv_shape *shape, const int64_t *at)
{
    size_t block = layout->block > 1 ? layout->block : 1, address = 0, inside = 0;

    for (uint32_t i = 0; i < shape->rank; i++) {
        uint32_t axis = layout->perm[i];
        size_t extent = (size_t)shape->dim[axis], x = (size_t)at[axis];
        if (block > 1 && axis == layout->block_axis) {
            inside = x % block;
            extent = (extent + block - 1) / block;
            x /= block;
        }
        address = address * extent + x;
    }
    return address * block + inside;
}

static void coordinates(int64_t *at, size_t flat, const clv_shape *shape)
{
    for (uint32_t i = shape->rank; i-- > 0;) {
        at[i] = (int64_t)(flat % (size_t)shape->dim[i]);
        flat /= (size_t)shape->dim[i];
    }
}

static clv_shape random_shape(uint64_t *seed)
{
    static const int64_t extents[] = {1, 1, 2, 3, 5, 8, 16, 17, 24, 33};
    clv_shape shape = {.rank = (uint32_t)case_random_between(seed, 1, 5)};
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = extents[case_random(seed) % (shape.rank > 3 ? 7 : 10)];
    return shape;
}

static clv_layout random_layout(const clv_shape *shape, uint64_t *seed)
{
    static const uint8_t blocks[] = {0, 0, 1, 4, 8, 16};
    clv_layout layout = clv_layout_plain();

    if (case_random_between(seed, 0, 3) == 0)
        return layout;
    if (shape->rank >= 2 && case_random_between(seed, 0, 2) == 0)
        return clv_layout_channels_last(shape->rank);
    for (uint32_t i = shape->rank; i > 1; i--) {
        uint64_t other = case_random(seed) % i;
        uint8_t kept = layout.perm[other];
        layout.perm[other] = layout.perm[i - 1];
        layout.perm[i - 1] = kept;
    }
    layout.block_axis = (uint8_t)(case_random(seed) % shape->rank);
    layout.block = blocks[case_random(seed) % sizeof blocks];
    return layout;
}

static size_t bytes_of(const clv_layout *layout, const clv_shape *shape, clv_dtype dtype)
{
    clv_tensor tensor = {dtype, *shape, NULL};
    size_t bytes = 0;
    assert_int_equal(clv_layout_bytes(&bytes, layout, &tensor), CLV_OK);
    return bytes;
}

static void test_layout__reorders_every_element_and_zeroes_padding(void **state)
{
    static const clv_dtype dtypes[] = {CLV_U8, CLV_F16, CLV_F32, CLV_F64};
    uint64_t seed = 1;
    (void)state;

    for (int round = 0; round < ROUNDS; round++) {
        clv_shape shape = random_shape(&seed);
        clv_layout from = random_layout(&shape, &seed), to = random_layout(&shape, &seed);
        clv_dtype dtype = dtypes[case_random(&seed) % 4];
        size_t size = clv_dtype_bytes(dtype), n = case_elems(&(clv_tensor){.shape = shape});
        size_t from_bytes = bytes_of(&from, &shape, dtype), to_bytes = bytes_of(&to, &shape, dtype);
        unsigned char *src = malloc(from_bytes), *dst = malloc(to_bytes);
        unsigned char *want = calloc(to_bytes, 1);

        for (size_t i = 0; i < from_bytes; i++)
            src[i] = (unsigned char)case_random(&seed);
        memset(dst, 0xff, to_bytes);
        for (size_t i = 0; i < n; i++) {
            int64_t at[CLV_MAX_RANK];
            coordinates(at, i, &shape);
            memcpy(want + address(&to, &shape, at) * size, src + address(&from, &shape, at) * size,
                   size);
        }
        clv_layout_reorder(dst, &to, src, &from, &shape, size);
        assert_memory_equal(dst, want, to_bytes);
        free(src);
        free(dst);
        free(want);
    }
}

/* Two layouts are equal exactly where every address is, and the sizes are. (Of layouts that pad,
 * some are the same without being called equal; that costs a copy and no more.) */
static void test_layout__equal_means_the_same_addresses(void **state)
{
    uint64_t seed = 2;
    int n_equal = 0;
    (void)state;

    for (int round = 0; round < ROUNDS; round++) {
        clv_shape shape = random_shape(&seed);
        clv_layout a = random_layout(&shape, &seed), b = random_layout(&shape, &seed);
        size_t n = case_elems(&(clv_tensor){.shape = shape});
        bool same = bytes_of(&a, &shape, CLV_U8) == bytes_of(&b, &shape, CLV_U8);

        for (size_t i = 0; i < n && same; i++) {
            int64_t at[CLV_MAX_RANK];
            coordinates(at, i, &shape);
            same = address(&a, &shape, at) == address(&b, &shape, at);
        }
        bool equal = clv_layout_equal(&a, &b, &shape);
        bool padded = bytes_of(&a, &shape, CLV_U8) > n;
        assert_true(equal ? same : !same || padded);
        n_equal += equal;
    }
    assert_in_range(n_equal, ROUNDS / 20, ROUNDS - ROUNDS / 20);
}

static void test_layout__dimensions_of_one_do_not_matter(void **state)
{
    clv_layout last = clv_layout_channels_last(4), blocked = clv_layout_plain();
    (void)state;

    blocked.block_axis = 1;
    blocked.block = 16;
    assert_true(clv_layout_is_plain(&last, &CASE_SHAPE(1, 20, 1, 1)));
    assert_true(clv_layout_is_plain(&last, &CASE_SHAPE(8, 20, 1, 1)));
    assert_true(clv_layout_is_plain(&last, &CASE_SHAPE(8, 1, 5, 6)));
    assert_false(clv_layout_is_plain(&last, &CASE_SHAPE(1, 20, 1, 2)));
    assert_true(clv_layout_is_plain(&blocked, &CASE_SHAPE(1, 32, 1, 1)));
    assert_false(clv_layout_is_plain(&blocked, &CASE_SHAPE(1, 20, 1, 1)));
    assert_false(clv_layout_is_plain(&blocked, &CASE_SHAPE(1, 1, 4, 4)));
    /* one whole block of channels is channels last */
    assert_true(clv_layout_equal(&blocked, &last, &CASE_SHAPE(2, 16, 3, 4)));
    assert_false(clv_layout_equal(&blocked, &last, &CASE_SHAPE(2, 32, 3, 4)));
}

static void test_layout__channels_last_interleaves(void **state)
{
    const float planes[] = {1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400};
    const float pixels[] = {1, 10, 100, 2, 20, 200, 3, 30, 300, 4, 40, 400};
    clv_layout plain = clv_layout_plain(), last = clv_layout_channels_last(4);
    clv_shape shape = CASE_SHAPE(1, 3, 2, 2);
    float out[12];
    (void)state;

    clv_layout_reorder(out, &last, planes, &plain, &shape, sizeof *out);
    assert_memory_equal(out, pixels, sizeof out);
    clv_layout_reorder(out, &plain, pixels, &last, &shape, sizeof *out);
    assert_memory_equal(out, planes, sizeof out);
}

static void test_layout__bytes_count_padding_and_refuse_what_is_no_tensor(void **state)
{
    clv_layout blocked = clv_layout_plain();
    clv_tensor tensor = {CLV_F32, CASE_SHAPE(2, 17, 3, 3), NULL};
    size_t bytes = 77;
    (void)state;

    blocked.block_axis = 1;
    blocked.block = 8;
    assert_int_equal(clv_layout_bytes(&bytes, &blocked, &tensor), CLV_OK);
    assert_int_equal(bytes, 2 * 24 * 9 * 4);
    tensor.shape.dim[0] = 0;
    assert_int_equal(clv_layout_bytes(&bytes, &blocked, &tensor), CLV_OK);
    assert_int_equal(bytes, 0);
    tensor.shape.dim[0] = -1;
    bytes = 77;
    assert_int_equal(clv_layout_bytes(&bytes, &blocked, &tensor), CLV_ESHAPE);
    tensor.shape = CASE_SHAPE(1, ((int64_t)1 << 40) - 1, 1, 1);
    assert_int_equal(clv_layout_bytes(&bytes, &blocked, &tensor), CLV_OK);
    tensor.shape = CASE_SHAPE((int64_t)1 << 38, 3, 1, 1);
    bytes = 77;
    assert_int_equal(clv_layout_bytes(&bytes, &blocked, &tensor), CLV_ELIMIT);
    tensor.dtype = CLV_NONE;
    assert_int_equal(clv_layout_bytes(&bytes, &blocked, &tensor), CLV_EINVAL);
    assert_int_equal(bytes, 77);
}

static void test_layout__scalars_and_empty_tensors_reorder(void **state)
{
    clv_layout plain = clv_layout_plain(), last = clv_layout_channels_last(4);
    clv_shape scalar = {.rank = 0}, empty = CASE_SHAPE(2, 0, 3, 3);
    float from = 5.0f, to = 0.0f;
    (void)state;

    clv_layout_reorder(&to, &plain, &from, &plain, &scalar, sizeof to);
    assert_true(to == 5.0f);
    to = 1.0f;
    clv_layout_reorder(&to, &last, &from, &plain, &empty, sizeof to);
    assert_true(to == 1.0f);
    assert_true(clv_layout_equal(&last, &plain, &empty));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout__reorders_every_element_and_zeroes_padding),
        cmocka_unit_test(test_layout__equal_means_the_same_addresses),
        cmocka_unit_test(test_layout__dimensions_of_one_do_not_matter),
        cmocka_unit_test(test_layout__channels_last_interleaves),
        cmocka_unit_test(test_layout__bytes_count_padding_and_refuse_what_is_no_tensor),
        cmocka_unit_test(test_layout__scalars_and_empty_tensors_reorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
