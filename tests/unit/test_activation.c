/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "codec/activation.h"

#define GOLDEN CLV_SOURCE_DIR "/tests/golden/activation/"
#define MAX_BYTES 65536

static uint32_t random_bits(void)
{
    static uint32_t seed = 1;
    seed = seed * 1664525u + 1013904223u;
    return seed ^ seed >> 15;
}

static clv_tensor tensor_1d(clv_dtype dtype, int64_t n, void *data)
{
    return (clv_tensor){dtype, {1, {n}}, data};
}

/* Encode into memory of exactly the bound, so that a sanitizer sees any byte beyond it. */
static uint8_t *encode(size_t *bytes_out, clv_codec codec, const clv_tensor *tensors, uint32_t n)
{
    size_t bound;
    assert_int_equal(clv_activation_bound(&bound, tensors, NULL, n), CLV_OK);
    uint8_t *payload = malloc(bound);
    assert_non_null(payload);
    assert_int_equal(clv_activation_encode(bytes_out, codec, tensors, NULL, n, payload, bound),
                     CLV_OK);
    assert_true(*bytes_out <= bound);
    return payload;
}

/* Through a codec and back into @p out, of n floats. @return bytes of the payload. */
static size_t round_trip(float *out, clv_codec codec, float *x, int64_t n)
{
    size_t bytes;
    clv_tensor src = tensor_1d(CLV_F32, n, x), dst = tensor_1d(CLV_F32, n, out);
    uint8_t *payload = encode(&bytes, codec, &src, 1);
    assert_int_equal(clv_activation_decode(&dst, NULL, 1, payload, bytes, NULL), CLV_OK);
    free(payload);
    return bytes;
}

static void test_activation__float_is_bit_identical_for_every_type(void **state)
{
    (void)state;
    for (int dtype = CLV_F32; dtype < CLV_DTYPE_COUNT; dtype++) {
        uint8_t in[3][96 * 8], out[3][96 * 8];
        for (size_t i = 0; i < sizeof in; i++)
            ((uint8_t *)in)[i] = (uint8_t)(random_bits() & (dtype == CLV_BOOL ? 1 : 255));
        clv_tensor src[3] = {{(clv_dtype)dtype, {4, {1, 4, 3, 8}}, in[0]},
                             {(clv_dtype)dtype, {0, {0}}, in[1]},
                             {(clv_dtype)dtype, {2, {5, 0}}, in[2]}};
        clv_tensor dst[3];
        memcpy(dst, src, sizeof dst);
        for (int i = 0; i < 3; i++)
            dst[i].data = out[i];
        dst[2].data = NULL; /* empty: has no memory */

        size_t bytes, element = clv_dtype_bytes((clv_dtype)dtype);
        uint8_t *payload = encode(&bytes, CLV_CODEC_FLOAT, src, 3);
        assert_int_equal(bytes, 4 + 3 + 97 * element);
        assert_int_equal(clv_activation_decode(dst, NULL, 3, payload, bytes, NULL), CLV_OK);
        assert_memory_equal(in[0], out[0], 96 * element);
        assert_memory_equal(in[1], out[1], element);
        free(payload);
    }
}

static void check_bound(float *x, int n)
{
    float *out = malloc((size_t)n * sizeof *out);
    float low = x[0], high = x[0];
    for (int i = 0; i < n; i++) {
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    assert_int_equal(round_trip(out, CLV_CODEC_UINT8, x, n), 4 + 1 + 8 + n);
    double magnitude = fmax(fabs((double)low), fabs((double)high));
    double bound = ((double)high - (double)low) / 510 * (1 + 1e-4) + magnitude * FLT_EPSILON;
    for (int i = 0; i < n; i++)
        assert_true(fabs((double)out[i] - (double)x[i]) <= bound);
    free(out);
}

static void test_activation__uint8_stays_within_half_a_step(void **state)
{
    static const struct {
        float offset, range;
    } cases[] = {{0, 6},      {-3, 6},     {1e6f, 1},  {-1e30f, 2e30f},
                 {0, 1e-30f}, {0, 1e-35f}, {5, 0.01f}, {0, FLT_MAX}};
    float x[1000];

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (int i = 0; i < 1000; i++)
            x[i] = cases[c].offset +
                   cases[c].range * (float)((double)random_bits() / (double)UINT32_MAX);
        check_bound(x, 1000);
        check_bound(x, 3);
        check_bound(x, 17);
    }
}

static void test_activation__uint8_keeps_the_extremes(void **state)
{
    float x[256], out[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        x[i] = (float)(i - 100); /* step 1: every value is one of the 256 */
    assert_int_equal(round_trip(out, CLV_CODEC_UINT8, x, 256), 4 + 1 + 8 + 256);
    assert_memory_equal(x, out, sizeof x);
}

static void test_activation__uint8_constant_costs_no_byte_for_an_element(void **state)
{
    float x[500], out[500];

    (void)state;
    for (int i = 0; i < 500; i++)
        x[i] = -3.25f;
    assert_int_equal(round_trip(out, CLV_CODEC_UINT8, x, 500), 4 + 1 + 8);
    assert_memory_equal(x, out, sizeof x);
}

/* These travel as they are, bit for bit. */
static void test_activation__uint8_leaves_what_it_cannot_carry(void **state)
{
    float cases[][4] = {{1, NAN, 2, 3},
                        {1, -NAN, 2, 3},
                        {1, INFINITY, 2, 3},
                        {1, -INFINITY, 2, 3},
                        {-FLT_MAX, FLT_MAX, 0, 1}, /* the range is no float */
                        {0, 1e-40f, 2e-40f, 3e-40f}};
    float out[4], two[2] = {1, 2};
    int32_t ints[4] = {1, -2, 3, 1 << 30}, ints_out[4];

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        assert_int_equal(round_trip(out, CLV_CODEC_UINT8, cases[c], 4), 4 + 1 + sizeof out);
        assert_memory_equal(cases[c], out, sizeof out);
    }
    assert_int_equal(round_trip(out, CLV_CODEC_UINT8, two, 2), 4 + 1 + sizeof two);
    assert_memory_equal(two, out, sizeof two);

    size_t bytes;
    clv_tensor src = tensor_1d(CLV_I32, 4, ints), dst = tensor_1d(CLV_I32, 4, ints_out);
    uint8_t *payload = encode(&bytes, CLV_CODEC_UINT8, &src, 1);
    assert_int_equal(clv_activation_decode(&dst, NULL, 1, payload, bytes, NULL), CLV_OK);
    assert_memory_equal(ints, ints_out, sizeof ints);
    free(payload);
}

static void test_activation__encode_checks_its_arguments(void **state)
{
    float x[8] = {0};
    uint8_t dst[64];
    size_t bytes = 77, bound;
    clv_tensor t = tensor_1d(CLV_F32, 8, x);
    clv_tensor none = tensor_1d(CLV_NONE, 8, x);
    clv_tensor negative = tensor_1d(CLV_F32, -1, x);
    static clv_tensor many[CLV_ACTIVATION_MAX_TENSORS + 1];

    (void)state;
    assert_int_equal(clv_activation_bound(&bound, &t, NULL, 1), CLV_OK);
    assert_int_equal(bound, 4 + 1 + 32);
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, &t, NULL, 1, dst, bound - 1),
                     CLV_ENOSPC);
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_COUNT, &t, NULL, 1, dst, bound),
                     CLV_EINVAL);
    assert_int_equal(
        clv_activation_encode(&bytes, CLV_CODEC_FLOAT, &none, NULL, 1, dst, sizeof dst),
        CLV_EINVAL);
    assert_int_equal(clv_activation_bound(&bound, &negative, NULL, 1), CLV_ESHAPE);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
        many[i] = tensor_1d(CLV_U8, 0, NULL);
    assert_int_equal(clv_activation_bound(&bound, many, NULL, CLV_ACTIVATION_MAX_TENSORS), CLV_OK);
    assert_int_equal(clv_activation_bound(&bound, many, NULL, CLV_ACTIVATION_MAX_TENSORS + 1),
                     CLV_ELIMIT);
    assert_int_equal(bytes, 77);
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_UINT8, NULL, NULL, 0, dst, 4), CLV_OK);
    assert_int_equal(bytes, 4);
    assert_int_equal(clv_activation_decode(NULL, NULL, 0, dst, 4, NULL), CLV_OK);
}

static void test_activation__refuses_a_payload_of_other_tensors(void **state)
{
    float x[24] = {1, 2, 3};
    size_t bytes;
    clv_error err = CLV_ERROR_INIT;
    clv_tensor t[2] = {{CLV_F32, {3, {2, 3, 4}}, x}, {CLV_F32, {1, {0}}, x}};
    clv_tensor others[][2] = {
        {{CLV_F32, {3, {2, 4, 3}}, x}, t[1]}, {{CLV_F32, {3, {3, 2, 4}}, x}, t[1]},
        {{CLV_F32, {2, {6, 4}}, x}, t[1]},    {{CLV_F32, {4, {1, 2, 3, 4}}, x}, t[1]},
        {{CLV_I32, {3, {2, 3, 4}}, x}, t[1]}, {t[1], t[0]},
    };

    (void)state;
    uint8_t *payload = encode(&bytes, CLV_CODEC_UINT8, t, 2);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(clv_activation_decode(others[i], NULL, 2, payload, bytes, &err),
                         CLV_ESHAPE);
    assert_int_equal(clv_activation_decode(t, NULL, 1, payload, bytes, &err), CLV_ESHAPE);
    assert_non_null(strstr(err.message, "other tensors"));
    assert_int_equal(clv_activation_decode(t, NULL, 2, payload, bytes, &err), CLV_OK);
    free(payload);
}

static void test_activation__refuses_every_cut_and_extra_bytes(void **state)
{
    float x[10], y[4] = {5, 5, 5, 5}, z[1] = {1};
    clv_tensor t[3] = {tensor_1d(CLV_F32, 10, x), tensor_1d(CLV_F32, 4, y),
                       tensor_1d(CLV_F32, 1, z)};
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    for (int i = 0; i < 10; i++)
        x[i] = (float)i;
    for (int codec = 0; codec < CLV_CODEC_COUNT; codec++) {
        size_t bytes;
        uint8_t *payload = encode(&bytes, (clv_codec)codec, t, 3);
        for (size_t n = 0; n < bytes; n++) {
            uint8_t *cut = malloc(n ? n : 1);
            memcpy(cut, payload, n);
            assert_int_equal(clv_activation_decode(t, NULL, 3, cut, n, &err), CLV_EFORMAT);
            assert_true(err.location[0] != '\0');
            free(cut);
        }
        uint8_t *longer = calloc(bytes + 1, 1);
        memcpy(longer, payload, bytes);
        assert_int_equal(clv_activation_decode(t, NULL, 3, longer, bytes + 1, &err), CLV_EFORMAT);
        assert_non_null(strstr(err.message, "follow"));
        free(longer);
        free(payload);
    }
}

/* Decode a payload of 3 floats after changing it. */
static clv_status decode_changed(size_t at, const void *bytes, size_t n, clv_error *err)
{
    float x[3] = {1, 2, 4};
    size_t size;
    clv_tensor t = tensor_1d(CLV_F32, 3, x);
    uint8_t *payload = encode(&size, CLV_CODEC_UINT8, &t, 1);
    memcpy(payload + at, bytes, n);
    clv_status status = clv_activation_decode(&t, NULL, 1, payload, size, err);
    free(payload);
    return status;
}

static void test_activation__refuses_malformed_fields(void **state)
{
    clv_error err = CLV_ERROR_INIT;
    const float nan = NAN, infinite = INFINITY, negative = -1, huge = FLT_MAX;

    (void)state;
    assert_int_equal(decode_changed(0, "\1", 1, &err), CLV_OK);
    assert_int_equal(decode_changed(0, "\2", 1, &err), CLV_EVERSION);
    assert_int_equal(decode_changed(4, "\2", 1, &err), CLV_EFORMAT);
    assert_string_equal(err.location, "tensor 0, byte 4");
    assert_int_equal(decode_changed(4, "\xff", 1, &err), CLV_EFORMAT);
    assert_int_equal(decode_changed(5, &nan, 4, &err), CLV_EFORMAT);
    assert_int_equal(decode_changed(5, &infinite, 4, &err), CLV_EFORMAT);
    assert_int_equal(decode_changed(9, &nan, 4, &err), CLV_EFORMAT);
    assert_int_equal(decode_changed(9, &infinite, 4, &err), CLV_EFORMAT);
    assert_int_equal(decode_changed(9, &negative, 4, &err), CLV_EFORMAT);
    assert_int_equal(decode_changed(9, &huge, 4, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "out of range"));
}

static void test_activation__refuses_quantised_integers_and_bad_bools(void **state)
{
    float x[4] = {1, 2, 3, 4};
    uint8_t bools[4] = {1, 0, 1, 1};
    size_t bytes;
    clv_error err = CLV_ERROR_INIT;
    clv_tensor t = tensor_1d(CLV_I32, 4, x), b = tensor_1d(CLV_BOOL, 4, bools);

    (void)state;
    uint8_t *payload = encode(&bytes, CLV_CODEC_FLOAT, &t, 1);
    payload[4] = CLV_CODEC_UINT8;
    assert_int_equal(clv_activation_decode(&t, NULL, 1, payload, bytes, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "float32"));
    free(payload);

    payload = encode(&bytes, CLV_CODEC_FLOAT, &b, 1);
    payload[6] = 2;
    assert_int_equal(clv_activation_decode(&b, NULL, 1, payload, bytes, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "bool"));
    free(payload);
}

/* The tensors of tests/golden/activation, as make.py lists them. */
static const struct {
    clv_dtype dtype;
    clv_shape shape;
} golden_types[] = {
    {CLV_F32, {4, {1, 3, 4, 5}}}, {CLV_F32, {1, {7}}},    {CLV_F32, {1, {2}}},
    {CLV_F32, {1, {4}}},          {CLV_I64, {2, {1, 2}}}, {CLV_BOOL, {1, {3}}},
    {CLV_F32, {0, {0}}},          {CLV_F32, {2, {2, 0}}}, {CLV_U8, {1, {5}}},
};
#define N_GOLDEN (sizeof golden_types / sizeof golden_types[0])

/* Views over the golden tensors, one after another in @p memory. @return their bytes. */
static size_t golden_tensors(clv_tensor tensors[N_GOLDEN], uint8_t *memory)
{
    size_t at = 0;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        size_t bytes;
        tensors[i] = (clv_tensor){golden_types[i].dtype, golden_types[i].shape, memory + at};
        assert_int_equal(clv_tensor_bytes(&bytes, &tensors[i]), CLV_OK);
        at += (bytes + 7) / 8 * 8; /* aligned in memory, packed in the file */
    }
    return at;
}

/* A decoder of its own, from docs/activation-format.md; of the payload's body only. */
static size_t plain_decode(uint8_t *out, const uint8_t *src, size_t bytes)
{
    size_t at = 4, made = 0;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        clv_tensor t = {golden_types[i].dtype, golden_types[i].shape, NULL};
        size_t size;
        assert_int_equal(clv_tensor_bytes(&size, &t), CLV_OK);
        if (src[at++] == 0) {
            memcpy(out + made, src + at, size);
            at += size;
            made += size;
            continue;
        }
        float min = clv_read_f32(src + at), step = clv_read_f32(src + at + 4);
        at += 8;
        for (size_t k = 0; k < size / 4; k++, made += 4)
            clv_write_f32(out + made, step == 0 ? min : min + (float)src[at++] * step);
    }
    assert_int_equal(at, bytes);
    return made;
}

static void check_golden(const char *payload_path, const char *tensors_path)
{
    _Alignas(8) uint8_t memory[1024];
    uint8_t plain[1024];
    clv_tensor tensors[N_GOLDEN];
    clv_mapping payload, expected;

    assert_int_equal(clv_mapping_open(&payload, payload_path, MAX_BYTES, NULL), CLV_OK);
    assert_int_equal(clv_mapping_open(&expected, tensors_path, MAX_BYTES, NULL), CLV_OK);
    assert_true(golden_tensors(tensors, memory) <= sizeof memory);
    assert_int_equal(plain_decode(plain, payload.data, payload.size), expected.size);
    assert_memory_equal(plain, expected.data, expected.size);

    assert_int_equal(
        clv_activation_decode(tensors, NULL, N_GOLDEN, payload.data, payload.size, NULL), CLV_OK);
    size_t at = 0;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        size_t bytes;
        assert_int_equal(clv_tensor_bytes(&bytes, &tensors[i]), CLV_OK);
        assert_memory_equal(tensors[i].data, expected.data + at, bytes);
        at += bytes;
    }
    clv_mapping_done(&payload);
    clv_mapping_done(&expected);
}

static void test_activation__reads_the_golden_payloads(void **state)
{
    (void)state;
    check_golden(GOLDEN "float.payload", GOLDEN "float.tensors");
    check_golden(GOLDEN "uint8.payload", GOLDEN "uint8.tensors");
}

static void test_activation__writes_the_golden_payloads(void **state)
{
    static const char *const paths[] = {GOLDEN "float.payload", GOLDEN "uint8.payload"};
    _Alignas(8) uint8_t memory[1024];
    clv_tensor tensors[N_GOLDEN];
    clv_mapping lossless;

    (void)state;
    (void)golden_tensors(tensors, memory);
    assert_int_equal(clv_mapping_open(&lossless, paths[CLV_CODEC_FLOAT], MAX_BYTES, NULL), CLV_OK);
    assert_int_equal(
        clv_activation_decode(tensors, NULL, N_GOLDEN, lossless.data, lossless.size, NULL), CLV_OK);
    clv_mapping_done(&lossless);
    for (int codec = 0; codec < 2; codec++) {
        size_t bytes;
        clv_mapping golden;
        uint8_t *payload = encode(&bytes, (clv_codec)codec, tensors, N_GOLDEN);
        assert_int_equal(clv_mapping_open(&golden, paths[codec], MAX_BYTES, NULL), CLV_OK);
        assert_int_equal(bytes, golden.size);
        assert_memory_equal(payload, golden.data, bytes);
        clv_mapping_done(&golden);
        free(payload);
    }
}

/* --- tensors that are smaller than planned ---------------------------------------------------- */

/* The planned and true shapes of shapes.payload, as make.py lists them. */
static const struct {
    clv_dtype dtype;
    clv_planned planned;
    clv_shape shape;
} found[] = {
    {CLV_F32, {{2, {10, 4}}, true}, {2, {6, 4}}}, {CLV_I64, {{2, {10, 3}}, true}, {2, {2, 3}}},
    {CLV_I64, {{2, {10, 3}}, true}, {2, {0, 3}}}, {CLV_BOOL, {{1, {1}}, false}, {1, {1}}},
    {CLV_F32, {{1, {7}}, true}, {1, {1}}},        {CLV_F32, {{2, {2, 2}}, true}, {2, {2, 1}}},
};
#define N_FOUND (sizeof found / sizeof found[0])

static void test_activation__true_shapes_travel_as_in_the_golden_payload(void **state)
{
    _Alignas(8) uint8_t memory[N_FOUND][256];
    clv_tensor tensors[N_FOUND];
    clv_planned planned[N_FOUND];
    clv_mapping payload, expected;
    uint8_t encoded[2048];
    size_t at = 0, bytes;

    (void)state;
    for (size_t i = 0; i < N_FOUND; i++) {
        planned[i] = found[i].planned;
        tensors[i] = (clv_tensor){found[i].dtype, {0}, memory[i]};
    }
    assert_int_equal(clv_mapping_open(&payload, GOLDEN "shapes.payload", MAX_BYTES, NULL), CLV_OK);
    assert_int_equal(clv_mapping_open(&expected, GOLDEN "shapes.tensors", MAX_BYTES, NULL), CLV_OK);
    assert_int_equal(
        clv_activation_decode(tensors, planned, N_FOUND, payload.data, payload.size, NULL), CLV_OK);
    for (size_t i = 0; i < N_FOUND; i++) {
        assert_true(clv_shape_equal(&tensors[i].shape, &found[i].shape));
        assert_int_equal(clv_tensor_bytes(&bytes, &tensors[i]), CLV_OK);
        assert_memory_equal(memory[i], expected.data + at, bytes);
        at += bytes;
    }
    assert_int_equal(at, expected.size);
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_UINT8, tensors, planned, N_FOUND,
                                           encoded, sizeof encoded),
                     CLV_OK);
    assert_int_equal(bytes, payload.size);
    assert_memory_equal(encoded, payload.data, bytes);
    clv_mapping_done(&payload);
    clv_mapping_done(&expected);
}

static void test_activation__a_bound_has_room_for_every_true_shape(void **state)
{
    float x[12] = {1, 2, 3, 4, 5};
    clv_tensor t = {CLV_F32, {2, {3, 4}}, x};
    clv_planned planned = {{2, {3, 4}}, true};
    uint8_t dst[128];
    size_t bound, bytes;

    (void)state;
    assert_int_equal(clv_activation_bound(&bound, &t, &planned, 1), CLV_OK);
    assert_int_equal(bound, 4 + 1 + 16 + 48);
    for (t.shape.dim[0] = 0; t.shape.dim[0] <= 3; t.shape.dim[0]++) {
        for (t.shape.dim[1] = 0; t.shape.dim[1] <= 4; t.shape.dim[1]++) {
            for (int codec = 0; codec < CLV_CODEC_COUNT; codec++) {
                float out[12] = {0};
                clv_tensor back = {CLV_F32, {0}, out};
                assert_int_equal(
                    clv_activation_encode(&bytes, (clv_codec)codec, &t, &planned, 1, dst, bound),
                    CLV_OK);
                assert_int_equal(clv_activation_decode(&back, &planned, 1, dst, bytes, NULL),
                                 CLV_OK);
                assert_true(clv_shape_equal(&back.shape, &t.shape));
            }
        }
    }
}

static void test_activation__shapes_that_are_not_planned_are_refused(void **state)
{
    float x[12] = {0};
    clv_tensor t = {CLV_F32, {2, {2, 4}}, x};
    clv_planned planned = {{2, {3, 4}}, true}, exact = {{2, {3, 4}}, false};
    clv_error err = CLV_ERROR_INIT;
    uint8_t dst[128];
    size_t bytes;

    (void)state;
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, &t, &exact, 1, dst, 128),
                     CLV_ESHAPE);
    t.shape = (clv_shape){2, {4, 2}};
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, &t, &planned, 1, dst, 128),
                     CLV_ESHAPE);
    t.shape = (clv_shape){1, {3}};
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, &t, &planned, 1, dst, 128),
                     CLV_ESHAPE);
    t.shape = (clv_shape){2, {2, 4}};
    assert_int_equal(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, &t, &planned, 1, dst, 128),
                     CLV_OK);
    assert_int_equal(dst[4], 0x80);
    assert_int_equal(clv_activation_decode(&t, &exact, 1, dst, bytes, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "can't be smaller"));
    for (size_t n = 0; n < bytes; n++)
        assert_int_equal(clv_activation_decode(&t, &planned, 1, dst, n, &err), CLV_EFORMAT);
    dst[5] = 4; /* more rows than planned */
    assert_int_equal(clv_activation_decode(&t, &planned, 1, dst, bytes, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "larger than planned"));
    dst[5] = 2;
    dst[12] = 0x80; /* it would be negative */
    assert_int_equal(clv_activation_decode(&t, &planned, 1, dst, bytes, &err), CLV_EFORMAT);
    dst[12] = 0;
    assert_int_equal(clv_activation_decode(&t, &planned, 1, dst, bytes, &err), CLV_OK);
}

static void test_activation__codecs_have_names(void **state)
{
    clv_codec codec = CLV_CODEC_COUNT;

    (void)state;
    assert_int_equal(clv_codec_find(&codec, "uint8"), CLV_OK);
    assert_int_equal(codec, CLV_CODEC_UINT8);
    assert_int_equal(clv_codec_find(&codec, "float"), CLV_OK);
    assert_int_equal(codec, CLV_CODEC_FLOAT);
    assert_int_equal(clv_codec_find(&codec, "zip"), CLV_ENOENT);
    assert_string_equal(clv_codec_name(CLV_CODEC_UINT8), "uint8");
    assert_string_equal(clv_codec_name(CLV_CODEC_COUNT), "invalid");
}

/* Bytes that repeat shrink, noise travels as it is, and both come back. */
static void test_activation__zstd_and_lz4_are_lossless(void **state)
{
    uint8_t data[3][2000], back[3][2000];
    clv_tensor src[3] = {tensor_1d(CLV_U8, 2000, data[0]), tensor_1d(CLV_F32, 500, data[1]),
                         tensor_1d(CLV_BOOL, 2000, data[2])};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        data[0][i] = (uint8_t)(i % 11);
        data[1][i] = (uint8_t)random_bits();
        data[2][i] = (uint8_t)(i % 2);
    }
    for (int codec = CLV_CODEC_ZSTD; codec <= CLV_CODEC_LZ4; codec++) {
        size_t bytes;
        clv_tensor dst[3] = {src[0], src[1], src[2]};
        for (int i = 0; i < 3; i++)
            dst[i].data = back[i];
        uint8_t *payload = encode(&bytes, (clv_codec)codec, src, 3);
        assert_true(bytes > 4 + 3 + 4000 && bytes < 4 + 3 + 4100);
        assert_int_equal(payload[4], codec);
        assert_int_equal(clv_activation_decode(dst, NULL, 3, payload, bytes, NULL), CLV_OK);
        assert_memory_equal(data, back, sizeof data);
        for (size_t n = 0; n < bytes; n++) {
            uint8_t *cut = malloc(n ? n : 1);
            memcpy(cut, payload, n);
            assert_int_equal(clv_activation_decode(dst, NULL, 3, cut, n, NULL), CLV_EFORMAT);
            free(cut);
        }
        payload[5] ^= 1; /* the length */
        assert_int_equal(clv_activation_decode(dst, NULL, 3, payload, bytes, NULL), CLV_EFORMAT);
        free(payload);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation__float_is_bit_identical_for_every_type),
        cmocka_unit_test(test_activation__uint8_stays_within_half_a_step),
        cmocka_unit_test(test_activation__uint8_keeps_the_extremes),
        cmocka_unit_test(test_activation__uint8_constant_costs_no_byte_for_an_element),
        cmocka_unit_test(test_activation__uint8_leaves_what_it_cannot_carry),
        cmocka_unit_test(test_activation__encode_checks_its_arguments),
        cmocka_unit_test(test_activation__refuses_a_payload_of_other_tensors),
        cmocka_unit_test(test_activation__refuses_every_cut_and_extra_bytes),
        cmocka_unit_test(test_activation__refuses_malformed_fields),
        cmocka_unit_test(test_activation__refuses_quantised_integers_and_bad_bools),
        cmocka_unit_test(test_activation__reads_the_golden_payloads),
        cmocka_unit_test(test_activation__writes_the_golden_payloads),
        cmocka_unit_test(test_activation__true_shapes_travel_as_in_the_golden_payload),
        cmocka_unit_test(test_activation__a_bound_has_room_for_every_true_shape),
        cmocka_unit_test(test_activation__shapes_that_are_not_planned_are_refused),
        cmocka_unit_test(test_activation__zstd_and_lz4_are_lossless),
        cmocka_unit_test(test_activation__codecs_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
