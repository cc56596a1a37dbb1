/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of frames that follow each other, by an operating point, and in payloads. */
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

#include "base/error.h"
#include "base/file.h"
#include "codec/activation.h"
#include "codec/temporal.h"
#include "compress/codec_design.h"

#define COUNT 8u
#define CHANNELS 12u
#define SIDE 9u
#define PLANE (SIDE * SIDE)
#define ELEMS (CHANNELS * PLANE)

static uint32_t random_bits(void)
{
    static uint32_t seed = 5;
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

/* A frame that has nothing to do with others: channels are mixtures of smooth things. */
static void make_frame(float *x)
{
    float things[3][PLANE];

    for (int t = 0; t < 3; t++) {
        for (uint32_t k = 0; k < PLANE; k++)
            things[t][k] = random_normal() + (k > 0 ? 0.7f * things[t][k - 1] : 0);
    }
    for (uint32_t c = 0; c < CHANNELS; c++) {
        for (uint32_t k = 0; k < PLANE; k++)
            x[c * PLANE + k] =
                2 * things[c % 3][k] + 0.5f * things[(c + 1) % 3][k] + 0.2f * random_normal();
    }
}

/* The same scene a moment later: noise, and something else in some columns. */
static void move_on(float *x, float noise, uint32_t from, uint32_t to)
{
    static float other[ELEMS];

    make_frame(other);
    for (uint32_t k = 0; k < ELEMS; k++) {
        x[k] += noise * random_normal();
        if (k % SIDE >= from && k % SIDE < to)
            x[k] = other[k];
    }
}

typedef struct fixture {
    float *images;
    clv_point *points[2]; /* a coarse one, without transform; a finer one, with */
    void *scratch;
    size_t scratch_bytes;
} fixture;

static void setup(fixture *f)
{
    f->images = malloc((size_t)COUNT * ELEMS * sizeof *f->images);
    for (uint32_t i = 0; i < COUNT; i++)
        make_frame(f->images + (size_t)i * ELEMS);
    clv_features all = {f->images, COUNT, CHANNELS, SIDE, SIDE};
    f->scratch_bytes = 0;
    for (int i = 0; i < 2; i++) {
        clv_design_options o = CLV_DESIGN_OPTIONS_INIT;
        o.transform = i == 1;
        o.step = i == 1 ? 0.1 : 0.4;
        o.groups = 4;
        assert_int_equal(clv_codec_design(&f->points[i], &all, &o), CLV_OK);
        f->scratch_bytes += clv_point_scratch_bytes(f->points[i]);
    }
    f->scratch = malloc(f->scratch_bytes);
}

static void done(fixture *f)
{
    free(f->images);
    free(f->scratch);
    clv_point_free(f->points[0]);
    clv_point_free(f->points[1]);
}

static double error_of(const float *a, const float *b)
{
    double error = 0, energy = 0;
    for (size_t i = 0; i < ELEMS; i++) {
        error += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        energy += (double)b[i] * b[i];
    }
    return error / energy;
}

/* Frames of a fixed camera, each after the last one: both ends hold the same symbols, numbers are
 * little further off than of frames alone, and it takes less than half. */
static void test_point_frames__a_still_scene_takes_less(void **state)
{
    static float x[ELEMS], back[ELEMS], alone_back[ELEMS];
    fixture f;

    (void)state;
    setup(&f);
    for (int i = 0; i < 2; i++) {
        const clv_point *point = f.points[i];
        size_t n = clv_point_symbols(point), bytes, key, all = 0, keys = 0;
        uint8_t *sent[2] = {malloc(n), malloc(n)}, *held[2] = {malloc(n), malloc(n)};
        uint8_t *coded = malloc(clv_point_bound(point));
        double error = 0, alone = 0;
        make_frame(x);
        for (unsigned t = 0; t < 20; t++) {
            clv_point_frames sender = {t > 0 ? sent[(t + 1) % 2] : NULL, sent[t % 2]};
            clv_point_frames receiver = {t > 0 ? held[(t + 1) % 2] : NULL, held[t % 2]};
            move_on(x, i == 0 ? 0.25f : 0.12f, t % 8, t % 8 + 1);
            assert_int_equal(
                clv_point_encode(&key, point, x, f.scratch, coded, clv_point_bound(point)), CLV_OK);
            assert_int_equal(clv_point_decode(alone_back, point, f.scratch, coded, key), CLV_OK);
            assert_int_equal(clv_point_encode_frame(&bytes, point, &sender, x, f.scratch, coded,
                                                    clv_point_bound(point)),
                             CLV_OK);
            assert_int_equal(coded[0] == 2, t > 0);
            assert_int_equal(
                clv_point_decode_frame(back, point, &receiver, f.scratch, coded, bytes), CLV_OK);
            assert_memory_equal(sent[t % 2], held[t % 2], n);
            error += error_of(back, x);
            alone += error_of(alone_back, x);
            all += t > 0 ? bytes : 0;
            keys += t > 0 ? key : 0;
        }
        assert_true(all < keys * 2 / 5);
        assert_true(error < 1.3 * alone);
        for (int k = 0; k < 2; k++) {
            free(sent[k]);
            free(held[k]);
        }
        free(coded);
    }
    done(&f);
}

/* A frame that has nothing to do with its reference is coded alone, byte for byte. */
static void test_point_frames__another_scene_takes_no_more(void **state)
{
    static float x[ELEMS];
    fixture f;

    (void)state;
    setup(&f);
    for (int i = 0; i < 2; i++) {
        const clv_point *point = f.points[i];
        size_t n = clv_point_symbols(point), bytes, key, cap = sizeof x;
        uint8_t *before = malloc(n), *after = malloc(n);
        uint8_t *coded = malloc(cap), *alone = malloc(cap);
        clv_point_frames first = {NULL, before}, second = {before, after}, third = {NULL, before};
        make_frame(x);
        assert_int_equal(clv_point_encode_frame(&bytes, point, &first, x, f.scratch, coded, cap),
                         CLV_OK);
        make_frame(x);
        assert_int_equal(clv_point_encode_frame(&bytes, point, &second, x, f.scratch, coded, cap),
                         CLV_OK);
        assert_int_equal(clv_point_encode_frame(&key, point, &third, x, f.scratch, alone, cap),
                         CLV_OK);
        assert_int_equal(bytes, key);
        assert_memory_equal(coded, alone, key);
        assert_memory_equal(after, before, n); /* nothing was kept */
        free(before);
        free(after);
        free(coded);
        free(alone);
    }
    done(&f);
}

static void test_point_frames__a_cap_that_only_the_difference_fits_is_enough(void **state)
{
    static float x[ELEMS], back[ELEMS];
    fixture f;

    (void)state;
    setup(&f);
    const clv_point *point = f.points[1];
    size_t n = clv_point_symbols(point), bytes, key, cap = clv_point_bound(point);
    uint8_t *before = malloc(n), *after = malloc(n), *coded = malloc(cap);
    clv_point_frames first = {NULL, before}, second = {before, after};

    make_frame(x);
    assert_int_equal(clv_point_encode_frame(&key, point, &first, x, f.scratch, coded, cap), CLV_OK);
    assert_int_equal(clv_point_encode_frame(&bytes, point, &second, x, f.scratch, coded, cap),
                     CLV_OK);
    assert_true(bytes < key / 4);
    uint8_t *exact = malloc(bytes + 2);
    /* The coder asks for two bytes more than it takes. */
    assert_int_equal(clv_point_encode_frame(&key, point, &second, x, f.scratch, exact, bytes - 1),
                     CLV_ENOSPC);
    assert_int_equal(clv_point_encode_frame(&key, point, &second, x, f.scratch, coded, key / 4),
                     CLV_OK);
    assert_int_equal(key, bytes);
    assert_int_equal(coded[0], 2);
    /* Without its reference it is malformed, and so is any prefix. */
    assert_int_equal(clv_point_decode(back, point, f.scratch, coded, bytes), CLV_EFORMAT);
    for (size_t k = 0; k < bytes; k++)
        assert_int_equal(clv_point_decode_frame(back, point, &second, f.scratch, coded, k),
                         CLV_EFORMAT);
    free(before);
    free(after);
    free(coded);
    free(exact);
    done(&f);
}

/* --- in payloads ------------------------------------------------------------------------------ */

typedef struct end { /* of a link */
    clv_codec_tables tables;
    clv_symbols frames[2];
} end;

static void end_init(end *e, const fixture *f, const clv_point *const *points)
{
    e->tables = (clv_codec_tables){.points = points,
                                   .n_points = 2,
                                   .n_tensors = 3,
                                   .scratch = f->scratch,
                                   .scratch_bytes = f->scratch_bytes};
    for (int i = 0; i < 2; i++) {
        size_t cap = clv_codec_symbol_bytes(&e->tables, 0);
        if (cap < clv_codec_symbol_bytes(&e->tables, 1))
            cap = clv_codec_symbol_bytes(&e->tables, 1);
        e->frames[i] = (clv_symbols){.data = malloc(cap), .cap = cap};
    }
}

static void end_done(end *e)
{
    free(e->frames[0].data);
    free(e->frames[1].data);
}

typedef struct payloads {
    fixture f;
    const clv_point *points[6];
    float x[2][ELEMS], plain[5], back[2][ELEMS], plain_back[5];
    clv_tensor src[3], dst[3];
    end sender, receiver;
    uint8_t bytes[3 * ELEMS * 4];
    size_t size;
} payloads;

/* Two tensors with points, and one between them that has none. */
static void payloads_init(payloads *p)
{
    setup(&p->f);
    const clv_point *a = p->f.points[0], *b = p->f.points[1];
    memcpy(p->points, (const clv_point *[6]){a, NULL, b, b, NULL, a}, sizeof p->points);
    for (int i = 0; i < 3; i++) {
        clv_shape image = {4, {1, CHANNELS, SIDE, SIDE}}, few = {1, {5}};
        p->src[i] = (clv_tensor){CLV_F32, i == 1 ? few : image, p->x[i / 2]};
        p->dst[i] = (clv_tensor){CLV_F32, i == 1 ? few : image, p->back[i / 2]};
    }
    p->src[1].data = p->plain;
    p->dst[1].data = p->plain_back;
    make_frame(p->x[0]);
    make_frame(p->x[1]);
    end_init(&p->sender, &p->f, p->points);
    end_init(&p->receiver, &p->f, p->points);
}

static void payloads_done(payloads *p)
{
    end_done(&p->sender);
    end_done(&p->receiver);
    done(&p->f);
}

static clv_status pass(payloads *p, uint32_t point, const clv_symbols *sent, clv_symbols *sending,
                       const clv_symbols *held, clv_symbols *holding)
{
    p->sender.tables.use = point;
    p->sender.tables.reference = sent;
    p->sender.tables.keep = sending;
    p->receiver.tables.reference = held;
    p->receiver.tables.keep = holding;
    assert_int_equal(clv_activation_encode_by(&p->size, CLV_CODEC_RANS, &p->sender.tables, p->src,
                                              NULL, 3, p->bytes, sizeof p->bytes),
                     CLV_OK);
    return clv_activation_decode_by(p->dst, NULL, 3, &p->receiver.tables, p->bytes, p->size, NULL);
}

static void test_point_frames__payloads_go_by_references(void **state)
{
    static payloads p;

    (void)state;
    payloads_init(&p);
    clv_symbols *sent = p.sender.frames, *held = p.receiver.frames;
    for (uint32_t point = 0; point < 2; point++) {
        assert_int_equal(pass(&p, point, NULL, &sent[0], NULL, &held[0]), CLV_OK);
        size_t key = p.size;
        assert_true(clv_symbols_whole(&sent[0]) && clv_symbols_whole(&held[0]));
        assert_int_equal(held[0].point, point);
        assert_int_equal(held[0].bytes, clv_codec_symbol_bytes(&p.sender.tables, point));
        assert_memory_equal(held[0].data, sent[0].data, held[0].bytes);

        assert_int_equal(pass(&p, point, &sent[0], &sent[1], &held[0], &held[1]), CLV_OK);
        assert_true(p.size < key / 4);
        assert_memory_equal(held[1].data, sent[1].data, held[1].bytes);
        /* The same for who doesn't hold the reference, or another one. */
        assert_int_equal(pass(&p, point, &sent[0], &sent[1], NULL, &held[1]), CLV_EFORMAT);
        held[0].data[7] ^= 1;
        assert_int_equal(pass(&p, point, &sent[0], &sent[1], &held[0], &held[1]), CLV_EFORMAT);
        held[0].data[7] ^= 1;
    }
    /* A reference by another point is none, even where the two are alike. */
    memcpy(p.points, p.points + 3, 3 * sizeof p.points[0]);
    assert_int_equal(pass(&p, 1, NULL, &sent[0], NULL, &held[0]), CLV_OK);
    assert_int_equal(pass(&p, 0, &sent[0], &sent[1], &held[0], &held[1]), CLV_OK);
    size_t alone = p.size;
    assert_int_equal(pass(&p, 0, NULL, &sent[1], NULL, &held[1]), CLV_OK);
    assert_int_equal(p.size, alone);
    payloads_done(&p);
}

/* A tensor that travels as it is leaves no symbols, and a frame of which some are missing is no
 * reference; nor is one that there was no room for. */
static void test_point_frames__what_is_not_whole_is_no_reference(void **state)
{
    static payloads p;

    (void)state;
    payloads_init(&p);
    clv_symbols *sent = p.sender.frames, *held = p.receiver.frames;
    float good = p.x[1][3];
    p.x[1][3] = NAN;
    assert_int_equal(pass(&p, 0, NULL, &sent[0], NULL, &held[0]), CLV_OK);
    assert_false(clv_symbols_whole(&sent[0]) || clv_symbols_whole(&held[0]));
    size_t half = p.size;
    assert_int_equal(pass(&p, 0, &sent[0], &sent[1], NULL, &held[1]), CLV_OK);
    assert_int_equal(p.size, half);
    p.x[1][3] = good;
    sent[0].cap--;
    held[0].cap = 0;
    assert_int_equal(pass(&p, 1, NULL, &sent[0], NULL, &held[0]), CLV_OK);
    bool fits = clv_codec_symbol_bytes(&p.sender.tables, 1) <= sent[0].cap;
    assert_int_equal(clv_symbols_whole(&sent[0]), fits);
    assert_false(clv_symbols_whole(&held[0]));
    payloads_done(&p);
}

/* --- the golden files, and files for the decoder in Python -------------------------------------
 */

static void open_golden(clv_mapping *out, const char *kind)
{
    char path[4096];
    (void)snprintf(path, sizeof path, CLV_SOURCE_DIR "/tests/golden/activation/rans_difference.%s",
                   kind);
    assert_int_equal(clv_mapping_open(out, path, 65536, NULL), CLV_OK);
}

/* What Python made from the specification alone is read to the last bit, and written. */
static void test_point_frames__reads_and_writes_the_golden_difference(void **state)
{
    clv_mapping file, reference, payload, tensors;
    clv_point *point;
    static float data[1024];
    uint8_t symbols[2][1024], again[1024];
    size_t bytes;

    (void)state;
    open_golden(&file, "point");
    open_golden(&reference, "reference");
    open_golden(&payload, "payload");
    open_golden(&tensors, "tensors");
    assert_int_equal(clv_point_parse(&point, file.data, file.size, NULL), CLV_OK);
    const clv_point *points[] = {point};
    clv_symbols before = {.data = symbols[0], .cap = sizeof symbols[0]};
    clv_symbols after = {.data = symbols[1], .cap = sizeof symbols[1]};
    clv_codec_tables tables = {.points = points, .n_points = 1, .n_tensors = 1, .keep = &before};
    tables.scratch_bytes = clv_point_scratch_bytes(point);
    tables.scratch = malloc(tables.scratch_bytes);
    clv_tensor t = {CLV_F32, {4, {1, point->channels, point->rows, point->cols}}, data};
    assert_int_equal(
        clv_activation_decode_by(&t, NULL, 1, &tables, reference.data, reference.size, NULL),
        CLV_OK);
    tables.reference = &before;
    tables.keep = &after;
    assert_int_equal(
        clv_activation_decode_by(&t, NULL, 1, &tables, payload.data, payload.size, NULL), CLV_OK);
    assert_int_equal(clv_tensor_bytes(&bytes, &t), CLV_OK);
    assert_int_equal(bytes, tensors.size);
    assert_memory_equal(data, tensors.data, bytes);

    clv_plane_model model = {point->planes,   point->rows,   point->cols,
                             point->group_of, point->groups, point->n_groups};
    assert_int_equal(clv_temporal_encode(&bytes, &model, symbols[1], symbols[0], tables.scratch,
                                         again, sizeof again),
                     CLV_OK);
    assert_true(bytes < payload.size);
    assert_memory_equal(again, (const uint8_t *)payload.data + payload.size - bytes, bytes);
    free(tables.scratch);
    clv_point_free(point);
    clv_mapping_done(&file);
    clv_mapping_done(&reference);
    clv_mapping_done(&payload);
    clv_mapping_done(&tensors);
}

static void write_file(const char *kind, const void *data, size_t bytes)
{
    char path[4096];
    (void)mkdir(CLV_BINARY_DIR "/rans", 0777);
    (void)snprintf(path, sizeof path, CLV_BINARY_DIR "/rans/rans_frame.%s", kind);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

/* A frame and the one after it, by a designed point (test golden/rans_decoder). */
static void test_point_frames__leaves_files_for_the_independent_decoder(void **state)
{
    static payloads p;
    clv_buffer written;

    (void)state;
    payloads_init(&p);
    clv_symbols *sent = p.sender.frames;
    clv_codec_tables *tables = &p.sender.tables;
    tables->n_points = tables->n_tensors = 1;
    tables->keep = &sent[0];
    assert_int_equal(clv_activation_encode_by(&p.size, CLV_CODEC_RANS, tables, p.src, NULL, 1,
                                              p.bytes, sizeof p.bytes),
                     CLV_OK);
    write_file("reference", p.bytes, p.size);
    move_on(p.x[0], 0.2f, 3, 5);
    tables->reference = &sent[0];
    tables->keep = &sent[1];
    assert_int_equal(clv_activation_encode_by(&p.size, CLV_CODEC_RANS, tables, p.src, NULL, 1,
                                              p.bytes, sizeof p.bytes),
                     CLV_OK);
    write_file("payload", p.bytes, p.size);
    tables->keep = NULL;
    assert_int_equal(clv_activation_decode_by(p.dst, NULL, 1, tables, p.bytes, p.size, NULL),
                     CLV_OK);
    write_file("tensors", p.back[0], sizeof p.back[0]);
    clv_buffer_init(&written, CLV_POINT_MAX_BYTES);
    assert_int_equal(clv_point_write(&written, p.points[0]), CLV_OK);
    write_file("point", written.data, written.size);
    clv_buffer_done(&written);
    payloads_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_point_frames__a_still_scene_takes_less),
        cmocka_unit_test(test_point_frames__another_scene_takes_no_more),
        cmocka_unit_test(test_point_frames__a_cap_that_only_the_difference_fits_is_enough),
        cmocka_unit_test(test_point_frames__payloads_go_by_references),
        cmocka_unit_test(test_point_frames__what_is_not_whole_is_no_reference),
        cmocka_unit_test(test_point_frames__reads_and_writes_the_golden_difference),
        cmocka_unit_test(test_point_frames__leaves_files_for_the_independent_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
