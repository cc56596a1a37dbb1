/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "codec/activation.h"
#include "compress/codec_design.h"

#define GOLDEN CLV_SOURCE_DIR "/tests/golden/activation/"
#define COUNT 6u
#define CHANNELS 12u
#define SIDE 7u
#define ELEMS (CHANNELS * SIDE * SIDE)

static uint32_t random_bits(void)
{
    static uint32_t seed = 3;
    seed = seed * 1664525u + 1013904223u;
    return seed ^ seed >> 15;
}

static float random_normal(void)
{
    float sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (float)((double)random_bits() / UINT32_MAX) - 0.5f;
    return sum * 1.7f;
}

/* Images whose channels are mixtures of a few smooth things, and channel 5 nearly constant. */
static float *make_images(bool positive)
{
    float *x = malloc(COUNT * ELEMS * sizeof *x);
    for (uint32_t i = 0; i < COUNT; i++) {
        float things[4][SIDE * SIDE];
        for (int t = 0; t < 4; t++) {
            for (uint32_t k = 0; k < SIDE * SIDE; k++)
                things[t][k] = random_normal() + (k > 0 ? 0.7f * things[t][k - 1] : 0);
        }
        for (uint32_t c = 0; c < CHANNELS; c++) {
            for (uint32_t k = 0; k < SIDE * SIDE; k++) {
                float v = 2 * things[c % 4][k] + 0.5f * things[(c + 1) % 4][k] +
                          0.1f * random_normal() + (float)c;
                v = c == 5 ? 3 + 1e-4f * random_normal() : v;
                x[i * ELEMS + c * SIDE * SIDE + k] = positive && v < 0 ? 0 : v;
            }
        }
    }
    return x;
}

static clv_point *design(const float *x, bool transform, double step, bool contexts)
{
    clv_point *point;
    clv_features f = {x, COUNT, CHANNELS, SIDE, SIDE};
    clv_design_options o = CLV_DESIGN_OPTIONS_INIT;
    o.transform = transform;
    o.step = step;
    o.contexts = contexts;
    o.groups = 4;
    assert_int_equal(clv_codec_design(&point, &f, &o), CLV_OK);
    return point;
}

static uint8_t *write_point(size_t *bytes_out, const clv_point *point)
{
    clv_buffer buffer;
    clv_buffer_init(&buffer, CLV_POINT_MAX_BYTES);
    assert_int_equal(clv_point_write(&buffer, point), CLV_OK);
    *bytes_out = buffer.size;
    uint8_t *exact = malloc(buffer.size);
    memcpy(exact, buffer.data, buffer.size);
    clv_buffer_done(&buffer);
    return exact;
}

/* Through bytes of exactly the bound and back. @return bytes. */
static size_t round_trip(void *out, const clv_point *point, const void *x)
{
    size_t bytes, bound = clv_point_bound(point);
    uint8_t *coded = malloc(bound);
    void *scratch = malloc(clv_point_scratch_bytes(point));
    assert_int_equal(clv_point_encode(&bytes, point, x, scratch, coded, bound), CLV_OK);
    assert_true(bytes <= bound);
    uint8_t *exact = malloc(bytes);
    memcpy(exact, coded, bytes);
    assert_int_equal(clv_point_decode(out, point, scratch, exact, bytes), CLV_OK);
    free(exact);
    free(coded);
    free(scratch);
    return bytes;
}

static double error_of(const float *a, const float *b, size_t n)
{
    double error = 0, energy = 0, mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += b[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        error += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        energy += (b[i] - mean) * (b[i] - mean);
    }
    return error / energy;
}

static void test_tensor_point__smaller_steps_cost_more_and_err_less(void **state)
{
    static const double steps[] = {0.3, 0.2, 0.12};
    float back[ELEMS], *x = make_images(false);

    (void)state;
    for (int transform = 0; transform < 2; transform++) {
        double last_error = INFINITY;
        size_t last_bytes = 0;
        for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
            clv_point *point = design(x, transform, steps[s], true);
            size_t bytes = round_trip(back, point, x);
            double error = error_of(back, x, ELEMS);
            assert_true(error < last_error);
            assert_true(bytes > last_bytes);
            assert_true(error < 10 * steps[s] * steps[s]);
            last_error = error;
            last_bytes = bytes;
            clv_point_free(point);
        }
    }
    free(x);
}

static void test_tensor_point__what_carries_nothing_is_dropped(void **state)
{
    float back[ELEMS], *x = make_images(false);
    clv_point *channels = design(x, false, 0.05, true), *turned = design(x, true, 0.1, true);

    (void)state;
    assert_int_equal(channels->planes, CHANNELS - 1); /* not the constant one */
    assert_int_equal(turned->planes, 4);              /* there are but four things in it */
    (void)round_trip(back, channels, x);
    for (uint32_t k = 0; k < SIDE * SIDE; k++)
        assert_float_equal(back[5 * SIDE * SIDE + k], 3, 1e-3);
    clv_point_free(channels);
    clv_point_free(turned);
    free(x);
}

static void test_tensor_point__the_same_from_its_bytes(void **state)
{
    float a[ELEMS], b[ELEMS], *x = make_images(true);

    (void)state;
    for (int i = 0; i < 4; i++) {
        clv_point *point = design(x, i & 1, 0.05, i & 2), *parsed;
        size_t bytes, again;
        uint8_t *written = write_point(&bytes, point);
        assert_int_equal(clv_point_parse(&parsed, written, bytes, NULL), CLV_OK);
        uint8_t *twice = write_point(&again, parsed);
        assert_int_equal(bytes, again);
        assert_memory_equal(written, twice, bytes);
        assert_int_equal(round_trip(a, point, x), round_trip(b, parsed, x));
        assert_memory_equal(a, b, sizeof a);
        free(written);
        free(twice);
        clv_point_free(point);
        clv_point_free(parsed);
    }
    free(x);
}

/* Cut anywhere it is refused; with any byte changed it is refused, or works. */
static void test_tensor_point__hostile_tables(void **state)
{
    float back[ELEMS], *x = make_images(false);

    (void)state;
    for (int transform = 0; transform < 2; transform++) {
        size_t bytes;
        clv_point *point = design(x, transform, 0.1, true), *parsed;
        uint8_t *written = write_point(&bytes, point);
        for (size_t n = 0; n < bytes; n++) {
            clv_error err = CLV_ERROR_INIT;
            uint8_t *cut = malloc(n ? n : 1);
            memcpy(cut, written, n);
            assert_int_equal(clv_point_parse(&parsed, cut, n, &err), CLV_EFORMAT);
            assert_true(err.message[0] != '\0');
            free(cut);
        }
        for (size_t i = 0; i < bytes; i++) {
            uint8_t old = written[i];
            clv_tensor t = {CLV_F32, {4, {1, CHANNELS, SIDE, SIDE}}, x};
            written[i] = (uint8_t)random_bits();
            if (clv_point_parse(&parsed, written, bytes, NULL) == CLV_OK) {
                if (clv_point_fits(parsed, &t))
                    (void)round_trip(back, parsed, x);
                clv_point_free(parsed);
            }
            written[i] = old;
        }
        free(written);
        clv_point_free(point);
    }
    free(x);
}

static void test_tensor_point__lossless_is_exact_and_bounded(void **state)
{
    uint8_t bytes[COUNT * ELEMS], noise[ELEMS], back[ELEMS];
    clv_point *point;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(128 + 6 * random_normal());
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)random_bits();
    assert_int_equal(clv_codec_design_lossless(&point, bytes, COUNT, CHANNELS, SIDE, SIDE, 4),
                     CLV_OK);
    assert_true(round_trip(back, point, bytes) < ELEMS * 3 / 4);
    assert_memory_equal(back, bytes, ELEMS);
    assert_true(round_trip(back, point, noise) <= ELEMS + 5); /* 1% of 588 */
    assert_memory_equal(back, noise, ELEMS);
    clv_point_free(point);
}

/* Every bit of a message flipped, coded and packed. */
static void test_tensor_point__damage_is_told(void **state)
{
    float back[ELEMS], *x = make_images(false), noise[ELEMS];
    clv_point *point = design(x, false, 0.1, true);
    void *scratch = malloc(clv_point_scratch_bytes(point));
    uint8_t *coded = malloc(clv_point_bound(point));

    (void)state;
    memcpy(noise, x, sizeof noise);
    for (uint32_t p = 0; p < point->planes; p++) { /* all symbols as often: nothing to gain */
        const clv_plane_group *g = &point->groups[point->group_of[p]];
        for (uint32_t k = 0; k < SIDE * SIDE; k++)
            noise[point->source[p] * SIDE * SIDE + k] =
                point->offset[point->source[p]] +
                point->step[p] * (float)((int)(random_bits() % g->levels) - g->zero);
    }
    for (int packed = 0; packed < 2; packed++) {
        size_t bytes;
        assert_int_equal(clv_point_encode(&bytes, point, packed ? noise : x, scratch, coded,
                                          clv_point_bound(point)),
                         CLV_OK);
        assert_int_equal(coded[0], packed);
        for (size_t bit = 0; bit < 8 * bytes; bit++) {
            coded[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(clv_point_decode(back, point, scratch, coded, bytes), CLV_EFORMAT);
            coded[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t n = 0; n < bytes; n++)
            assert_int_equal(clv_point_decode(back, point, scratch, coded, n), CLV_EFORMAT);
    }
    free(scratch);
    free(coded);
    clv_point_free(point);
    free(x);
}

static void test_tensor_point__fits_its_shape_only(void **state)
{
    static const struct {
        clv_dtype dtype;
        clv_shape shape;
        bool fits;
    } cases[] = {
        {CLV_F32, {4, {1, CHANNELS, SIDE, SIDE}}, true},
        {CLV_F32, {3, {1, CHANNELS, SIDE * SIDE}}, true},
        {CLV_U8, {4, {1, CHANNELS, SIDE, SIDE}}, false},
        {CLV_F32, {4, {2, CHANNELS, SIDE, SIDE}}, false},
        {CLV_F32, {4, {1, CHANNELS, SIDE, SIDE + 1}}, false},
        {CLV_F32, {4, {1, CHANNELS + 1, SIDE, SIDE}}, false},
        {CLV_F32, {4, {1, CHANNELS, 0, SIDE}}, false},
        {CLV_F32, {0, {0}}, false},
    };
    float *x = make_images(false);
    clv_point *point = design(x, true, 0.1, true);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_tensor t = {cases[i].dtype, cases[i].shape, NULL};
        assert_int_equal(clv_point_fits(point, &t), cases[i].fits);
    }
    clv_point_free(point);
    free(x);
}

/* As codec `rans` of a payload: the point is named, and what has none travels as it is. */
static void test_tensor_point__in_a_payload(void **state)
{
    float *x = make_images(false), back[ELEMS], other[5] = {1, 2, 3, 4, 5}, other_back[5];
    clv_point *coarse = design(x, true, 0.1, true), *fine = design(x, false, 0.02, true);
    const clv_point *points[] = {coarse, NULL, fine, NULL};
    size_t room = clv_point_scratch_bytes(fine) + clv_point_scratch_bytes(coarse);
    clv_codec_tables tables = {points, 2, 2, 0, malloc(room), room, NULL, NULL};
    clv_tensor src[2] = {{CLV_F32, {4, {1, CHANNELS, SIDE, SIDE}}, x}, {CLV_F32, {1, {5}}, other}};
    clv_tensor dst[2] = {src[0], src[1]};
    static uint8_t payload[ELEMS * 4 + 64];
    size_t bytes[2];

    (void)state;
    dst[0].data = back;
    dst[1].data = other_back;
    for (tables.use = 0; tables.use < 2; tables.use++) {
        clv_codec_tables receiver = {points, 2, 2, 0, tables.scratch, room, NULL, NULL};
        assert_int_equal(clv_activation_encode_by(&bytes[tables.use], CLV_CODEC_RANS, &tables, src,
                                                  NULL, 2, payload, sizeof payload),
                         CLV_OK);
        assert_int_equal(
            clv_activation_decode_by(dst, NULL, 2, &receiver, payload, bytes[tables.use], NULL),
            CLV_OK);
        assert_true(error_of(back, x, ELEMS) < (tables.use ? 0.003 : 0.06));
        assert_memory_equal(other, other_back, sizeof other);
        clv_error err = CLV_ERROR_INIT;
        assert_int_equal(clv_activation_decode(dst, NULL, 2, payload, bytes[tables.use], &err),
                         CLV_EFORMAT);
    }
    assert_true(bytes[0] < bytes[1]);
    x[17] = NAN; /* no symbol is a NaN: it travels as it is */
    tables.use = 0;
    assert_int_equal(clv_activation_encode_by(bytes, CLV_CODEC_RANS, &tables, src, NULL, 2, payload,
                                              sizeof payload),
                     CLV_OK);
    assert_int_equal(bytes[0], 4 + 1 + ELEMS * 4 + 1 + 20);
    free(tables.scratch);
    clv_point_free(coarse);
    clv_point_free(fine);
    free(x);
}

/* --- bytes as numbers ------------------------------------------------------------------------- */

/* What a quantised network makes of the images: 128 + 8 x, clipped. */
static uint8_t *make_bytes(const float *x)
{
    uint8_t *bytes = malloc((size_t)COUNT * ELEMS);
    for (size_t i = 0; i < (size_t)COUNT * ELEMS; i++)
        bytes[i] = (uint8_t)fminf(fmaxf(roundf(128 + 8 * x[i]), 0), 255);
    return bytes;
}

static clv_point *design_for_bytes(const uint8_t *bytes, bool transform, double step)
{
    float *x = malloc((size_t)COUNT * ELEMS * sizeof *x);
    clv_features f = {x, COUNT, CHANNELS, SIDE, SIDE};
    clv_design_options o = CLV_DESIGN_OPTIONS_INIT;
    clv_point *point;

    for (size_t i = 0; i < (size_t)COUNT * ELEMS; i++)
        x[i] = bytes[i];
    o.transform = transform;
    o.step = step;
    o.bytes = true;
    assert_int_equal(clv_codec_design(&point, &f, &o), CLV_OK);
    free(x);
    return point;
}

/* As the same numbers in floats, and to the nearest byte. */
static void test_tensor_point__bytes_are_numbers(void **state)
{
    float *x = make_images(false), numbers[ELEMS], back[ELEMS];
    uint8_t *bytes = make_bytes(x), out[ELEMS];

    (void)state;
    for (int transform = 0; transform < 2; transform++) {
        clv_point *point = design_for_bytes(bytes, transform, 0.06), *twin;
        size_t size;
        uint8_t *written = write_point(&size, point);
        assert_int_equal(clv_point_parse(&twin, written, size, NULL), CLV_OK);
        clv_tensor t = {CLV_U8, {4, {1, CHANNELS, SIDE, SIDE}}, bytes};
        assert_true(point->bytes && twin->bytes && clv_point_fits(twin, &t));
        t.dtype = CLV_F32;
        assert_false(clv_point_fits(twin, &t));
        size_t coded = round_trip(out, twin, bytes);
        assert_true(coded < ELEMS / 2);
        twin->bytes = false;
        for (uint32_t i = 0; i < ELEMS; i++)
            numbers[i] = bytes[i];
        assert_int_equal(round_trip(back, twin, numbers), coded);
        for (uint32_t i = 0; i < ELEMS; i++)
            assert_int_equal(out[i], (int)fminf(fmaxf(floorf(back[i] + 0.5f), 0), 255));
        written[1] |= 1; /* lossless, and bytes as numbers */
        clv_point_free(twin);
        assert_int_equal(clv_point_parse(&twin, written, size, NULL), CLV_EFORMAT);
        free(written);
        clv_point_free(point);
    }
    free(bytes);
    free(x);
}

/* --- golden files ----------------------------------------------------------------------------- */

typedef struct golden_case {
    clv_mapping point, payload, tensors;
} golden_case;

static void golden_open(golden_case *g, const char *name)
{
    static const char *const kinds[] = {"point", "payload", "tensors"};
    clv_mapping *files[] = {&g->point, &g->payload, &g->tensors};
    char path[4096];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, GOLDEN "rans_%s.%s", name, kinds[i]);
        assert_int_equal(clv_mapping_open(files[i], path, 65536, NULL), CLV_OK);
    }
}

static void golden_done(golden_case *g)
{
    clv_mapping_done(&g->point);
    clv_mapping_done(&g->payload);
    clv_mapping_done(&g->tensors);
}

/* What Python made from the specification alone is read to the last bit, and of bytes written. */
static void test_tensor_point__reads_the_golden_payloads(void **state)
{
    static const char *const names[] = {"channels", "transform", "lossless", "packed", "bytes"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        golden_case g;
        clv_point *point;
        _Alignas(8) uint8_t data[4096];
        golden_open(&g, names[i]);
        assert_int_equal(clv_point_parse(&point, g.point.data, g.point.size, NULL), CLV_OK);
        const clv_point *points[] = {point};
        size_t room = clv_point_scratch_bytes(point), bytes;
        clv_codec_tables tables = {points, 1, 1, 0, malloc(room), room, NULL, NULL};
        clv_tensor t = {point->bytes ? CLV_U8 : CLV_F32,
                        {4, {1, point->channels, point->rows, point->cols}},
                        data};
        assert_int_equal(
            clv_activation_decode_by(&t, NULL, 1, &tables, g.payload.data, g.payload.size, NULL),
            CLV_OK);
        assert_int_equal(clv_tensor_bytes(&bytes, &t), CLV_OK);
        assert_int_equal(bytes, g.tensors.size);
        assert_memory_equal(data, g.tensors.data, bytes);
        if (point->lossless) {
            uint8_t again[4096];
            assert_int_equal(clv_activation_encode_by(&bytes, CLV_CODEC_RANS, &tables, &t, NULL, 1,
                                                      again, sizeof again),
                             CLV_OK);
            assert_int_equal(bytes, g.payload.size);
            assert_memory_equal(again, g.payload.data, bytes);
        }
        free(tables.scratch);
        clv_point_free(point);
        golden_done(&g);
    }
}

static void write_file(const char *name, const void *data, size_t bytes)
{
    char path[4096];
    (void)mkdir(CLV_BINARY_DIR "/rans", 0777);
    (void)snprintf(path, sizeof path, CLV_BINARY_DIR "/rans/rans_%s", name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

/* A designed point and what it makes, for the decoder in Python (test golden/rans_decoder). */
static void test_tensor_point__leaves_files_for_the_independent_decoder(void **state)
{
    float *x = make_images(false), back[ELEMS];
    clv_point *point = design(x, true, 0.06, true);
    const clv_point *points[] = {point};
    size_t room = clv_point_scratch_bytes(point), bytes;
    clv_codec_tables tables = {points, 1, 1, 0, malloc(room), room, NULL, NULL};
    clv_tensor t = {CLV_F32, {4, {1, CHANNELS, SIDE, SIDE}}, x};
    static uint8_t payload[ELEMS * 4 + 64];

    (void)state;
    assert_int_equal(clv_activation_encode_by(&bytes, CLV_CODEC_RANS, &tables, &t, NULL, 1, payload,
                                              sizeof payload),
                     CLV_OK);
    write_file("designed.payload", payload, bytes);
    t.data = back;
    assert_int_equal(clv_activation_decode_by(&t, NULL, 1, &tables, payload, bytes, NULL), CLV_OK);
    write_file("designed.tensors", back, sizeof back);
    uint8_t *written = write_point(&bytes, point);
    write_file("designed.point", written, bytes);
    free(written);
    free(tables.scratch);
    clv_point_free(point);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_point__smaller_steps_cost_more_and_err_less),
        cmocka_unit_test(test_tensor_point__what_carries_nothing_is_dropped),
        cmocka_unit_test(test_tensor_point__the_same_from_its_bytes),
        cmocka_unit_test(test_tensor_point__hostile_tables),
        cmocka_unit_test(test_tensor_point__lossless_is_exact_and_bounded),
        cmocka_unit_test(test_tensor_point__damage_is_told),
        cmocka_unit_test(test_tensor_point__fits_its_shape_only),
        cmocka_unit_test(test_tensor_point__in_a_payload),
        cmocka_unit_test(test_tensor_point__bytes_are_numbers),
        cmocka_unit_test(test_tensor_point__reads_the_golden_payloads),
        cmocka_unit_test(test_tensor_point__leaves_files_for_the_independent_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
