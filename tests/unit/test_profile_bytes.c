/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/profile_bytes.h"

#define N 4u

/* A profile with something else in every member, the largest numbers among them. */
static clv_profile *make(void)
{
    static const char *const codecs[] = {"jpeg", "pixels", "float", "uint8", "rans", "zstd"};
    clv_profile *p;
    uint32_t index;

    assert_int_equal(clv_profile_create(&p, N), CLV_OK);
    memset(p->processor, 'p', sizeof p->processor - 1); /* the longest */
    memset(p->bundle.bytes, 0xa7, sizeof p->bundle.bytes);
    p->threads = 65535;
    p->preprocess = (clv_profile_time){CLV_PROFILE_MAX_VALUE, 0};
    for (unsigned precision = 0; precision < 2; precision++) {
        assert_int_equal(clv_profile_add_run(&index, p, precision, 1), CLV_OK);
        clv_profile_run *run = &p->runs[index];
        run->whole = (clv_profile_time){700 + precision, CLV_PROFILE_MAX_VALUE};
        for (uint32_t i = 0; i < N; i++)
            run->nodes[i] = (clv_profile_time){127 + i, UINT64_C(1) << (7 * i)};
        for (uint32_t k = 0; k <= N; k++)
            run->peak_bytes[k] = CLV_PROFILE_MAX_VALUE - k;
    }
    for (uint32_t i = 0; i < 6; i++) {
        clv_profile_point point = {.cut = i < 2 ? 0 : i - 2,
                                   .precision = i % 2,
                                   .point = i * 77,
                                   .mean_bytes = 10.25 * i,
                                   .p95_bytes = 100.0 * i,
                                   .encode = {i, 6},
                                   .decode = {7, i},
                                   .lossless = i == 2,
                                   .agreement = i == 4 ? 0.975 : 1.0};
        (void)snprintf(point.codec, sizeof point.codec, "%s", codecs[i]);
        assert_int_equal(clv_profile_add_point(p, &point), CLV_OK);
    }
    assert_int_equal(clv_profile_check(p, NULL), CLV_OK);
    return p;
}

static clv_buffer pack(const clv_profile *p, bool with_memory)
{
    clv_buffer bytes;
    clv_buffer_init(&bytes, 1 << 20);
    assert_int_equal(clv_profile_pack(&bytes, p, with_memory), CLV_OK);
    return bytes;
}

static void test_profile_bytes__what_is_packed_comes_back(void **state)
{
    clv_profile *in = make(), *out;
    clv_buffer bytes = pack(in, true);
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    if (clv_profile_unpack(&out, bytes.data, bytes.size, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_string_equal(out->processor, in->processor);
    assert_memory_equal(&out->bundle, &in->bundle, sizeof in->bundle);
    assert_int_equal(out->threads, in->threads);
    assert_memory_equal(&out->preprocess, &in->preprocess, sizeof in->preprocess);
    assert_int_equal(out->n_nodes, N);
    assert_int_equal(out->n_runs, 2);
    for (uint32_t r = 0; r < 2; r++) {
        assert_int_equal(out->runs[r].precision, r);
        assert_int_equal(out->runs[r].batch, 1);
        assert_memory_equal(&out->runs[r].whole, &in->runs[r].whole, sizeof in->runs[r].whole);
        assert_memory_equal(out->runs[r].nodes, in->runs[r].nodes, N * sizeof *in->runs[r].nodes);
        assert_memory_equal(out->runs[r].peak_bytes, in->runs[r].peak_bytes, (N + 1) * 8);
    }
    assert_int_equal(out->n_points, in->n_points);
    for (uint32_t i = 0; i < in->n_points; i++) {
        const clv_profile_point *a = &in->points[i], *b = &out->points[i];
        assert_int_equal(a->cut, b->cut);
        assert_int_equal(a->precision, b->precision);
        assert_string_equal(a->codec, b->codec);
        assert_int_equal(a->point, b->point);
        assert_true(b->mean_bytes >= a->mean_bytes && b->mean_bytes < a->mean_bytes + 1.0);
        assert_true(a->p95_bytes == b->p95_bytes);
        assert_memory_equal(&a->encode, &b->encode, sizeof a->encode);
        assert_memory_equal(&a->decode, &b->decode, sizeof a->decode);
        assert_int_equal(a->lossless, b->lossless);
        assert_true(b->agreement > a->agreement - 1e-4 && b->agreement < a->agreement + 1e-4);
    }
    clv_profile_free(out);
    clv_profile_free(in);
    clv_buffer_done(&bytes);
}

static void test_profile_bytes__memory_stays_at_home_when_told(void **state)
{
    clv_profile *in = make(), *out;
    clv_buffer all = pack(in, true), bytes = pack(in, false);
    (void)state;

    assert_true(bytes.size + 2 * (N + 1) * 5 < all.size);
    assert_int_equal(clv_profile_unpack(&out, bytes.data, bytes.size, NULL), CLV_OK);
    for (uint32_t k = 0; k <= N; k++)
        assert_int_equal(out->runs[0].peak_bytes[k], 0);
    clv_profile_free(out);
    clv_profile_free(in);
    clv_buffer_done(&all);
    clv_buffer_done(&bytes);
}

static void test_profile_bytes__the_layout_is_as_documented(void **state)
{
    static const uint8_t golden[] = {
        1,    2,    'm', 'e',  1,    2, 3, 0,  0, 0, 0, 0, 0, 0,    0,    0,   0, 0, 0,
        0,    0,    0,   0,    0,    0, 0, 0,  0, 0, 0, 0, 0, 0,    0,    0,   0, /* the bundle's id
                                                                                   */
        4,    1,                        /* threads, nodes */
        5,    6,                        /* preprocess */
        1,    1,    1,   0x80, 0x02, 0, /* a run: int8, one frame, whole */
        0xac, 0x02, 7,                  /* its node */
        0,                              /* without memory */
        1,    0,    1,   0xff, 1,    0, 9, 10, 1, 2, 3, 4, 1, 0xff, 0xff, 0x03};
    clv_profile *p;
    uint32_t index;
    (void)state;

    assert_int_equal(clv_profile_create(&p, 1), CLV_OK);
    memcpy(p->processor, "me", 3);
    memcpy(p->bundle.bytes, (const uint8_t[]){1, 2, 3}, 3);
    p->threads = 4;
    p->preprocess = (clv_profile_time){5, 6};
    assert_int_equal(clv_profile_add_run(&index, p, 1, 1), CLV_OK);
    p->runs[0].whole = (clv_profile_time){256, 0};
    p->runs[0].nodes[0] = (clv_profile_time){300, 7};
    clv_profile_point point = {.precision = 1,
                               .codec = "jpeg",
                               .mean_bytes = 8.5,
                               .p95_bytes = 10,
                               .encode = {1, 2},
                               .decode = {3, 4},
                               .lossless = true,
                               .agreement = 1.0};
    assert_int_equal(clv_profile_add_point(p, &point), CLV_OK);
    clv_buffer bytes = pack(p, false);
    assert_int_equal(bytes.size, sizeof golden);
    assert_memory_equal(bytes.data, golden, sizeof golden);
    clv_profile_free(p);
    clv_buffer_done(&bytes);
}

static void test_profile_bytes__what_is_cut_off_or_too_long_is_refused(void **state)
{
    clv_profile *in = make(), *out = NULL;
    clv_buffer bytes = pack(in, true);
    (void)state;

    for (size_t n = 0; n < bytes.size; n++) {
        clv_error err = CLV_ERROR_INIT;
        assert_int_not_equal(clv_profile_unpack(&out, bytes.data, n, &err), CLV_OK);
        assert_null(out);
        assert_true(err.message[0] != '\0');
    }
    assert_int_equal(clv_buffer_append(&bytes, "", 1), CLV_OK);
    assert_int_equal(clv_profile_unpack(&out, bytes.data, bytes.size, NULL), CLV_EFORMAT);
    clv_profile_free(in);
    clv_buffer_done(&bytes);
}

/* Each byte in turn: refused, or a profile that is possible. */
static void test_profile_bytes__any_byte_may_be_hostile(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    clv_profile *in = make();
    clv_buffer bytes = pack(in, true);
    (void)state;

    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t was = bytes.data[i];
        for (size_t v = 0; v < sizeof values; v++) {
            clv_profile *out = NULL;
            bytes.data[i] = values[v];
            if (clv_profile_unpack(&out, bytes.data, bytes.size, NULL) == CLV_OK)
                assert_int_equal(clv_profile_check(out, NULL), CLV_OK);
            clv_profile_free(out);
        }
        bytes.data[i] = was;
    }
    clv_profile_free(in);
    clv_buffer_done(&bytes);
}

/* A few bytes don't make us take memory for a hundred thousand nodes. */
static void test_profile_bytes__promises_of_many_nodes_are_not_believed(void **state)
{
    uint8_t bytes[64] = {1, 0};
    clv_profile *out = NULL;
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    bytes[34] = 1;                                     /* threads */
    memcpy(bytes + 35, (uint8_t[]){0xa0, 0x8d, 6}, 3); /* 100000 nodes */
    assert_int_equal(clv_profile_unpack(&out, bytes, sizeof bytes, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "cut off"));
    bytes[0] = 2;
    assert_int_equal(clv_profile_unpack(&out, bytes, sizeof bytes, &err), CLV_EVERSION);
    assert_null(out);
}

static void test_profile_bytes__a_codec_without_a_number_is_refused(void **state)
{
    clv_profile *in = make();
    clv_buffer bytes;
    (void)state;

    clv_buffer_init(&bytes, 1 << 20);
    memcpy(in->points[0].codec, "other", 6);
    assert_int_equal(clv_profile_pack(&bytes, in, true), CLV_EINVAL);
    clv_profile_free(in);
    clv_buffer_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_bytes__what_is_packed_comes_back),
        cmocka_unit_test(test_profile_bytes__memory_stays_at_home_when_told),
        cmocka_unit_test(test_profile_bytes__the_layout_is_as_documented),
        cmocka_unit_test(test_profile_bytes__what_is_cut_off_or_too_long_is_refused),
        cmocka_unit_test(test_profile_bytes__any_byte_may_be_hostile),
        cmocka_unit_test(test_profile_bytes__promises_of_many_nodes_are_not_believed),
        cmocka_unit_test(test_profile_bytes__a_codec_without_a_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
