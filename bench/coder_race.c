/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/coder_race.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/codec_rivals.h"
#include "bench/plain_scheme.h"
#include "compress/codec_groups.h"

/* Symbols of every image: [count, channels, rows, cols]. */
static uint8_t *all_symbols(const bench_plain *p, const clv_features *f)
{
    size_t n = (size_t)f->rows * f->cols;
    uint8_t *out = bench_room(f->count * f->channels * n, 1);
    for (size_t i = 0; i < f->count * f->channels; i++)
        bench_plain_symbols(p, out + i * n, (uint32_t)(i % f->channels), f->data + i * n);
    return out;
}

typedef struct coder {
    clv_plane_group *groups;
    uint8_t *group_of;
    clv_plane_model model;
} coder;

/* Tables from symbols of the images for design. Numbers are around the middle of the levels, or
 * from 0 up where no channel is negative. */
static void make_coder(coder *k, const bench_plain *p, const clv_features *design, bool contexts)
{
    size_t n = (size_t)p->rows * p->cols, all = design->count * n;
    uint8_t *symbols = all_symbols(p, design);
    int16_t *numbers = bench_room(p->channels * all, sizeof *numbers);
    double *bits = bench_room(p->channels, sizeof *bits);
    clv_plane_samples samples = {numbers, p->channels, p->rows, p->cols, design->count, NULL};
    float least = 0;
    uint32_t used;

    for (uint32_t c = 0; c < p->channels; c++)
        least = fminf(least, p->low[c]);
    int middle = least < 0 ? (int)p->levels / 2 : 0;
    for (size_t i = 0; i < design->count * p->channels; i++) {
        size_t image = i / p->channels, c = i % p->channels;
        for (size_t at = 0; at < n; at++)
            numbers[c * all + image * n + at] = (int16_t)(symbols[i * n + at] - middle);
    }
    k->group_of = bench_room(p->channels, 1);
    k->groups = clv_alloc_aligned(CLV_PLANE_MAX_GROUPS * sizeof *k->groups);
    if (k->groups == NULL)
        abort();
    if (clv_codec_group(k->groups, k->group_of, bits, &used, &samples, CLV_PLANE_MAX_GROUPS,
                        contexts) != CLV_OK)
        abort();
    k->model = (clv_plane_model){p->channels, p->rows, p->cols, k->group_of, k->groups, used};
    for (uint32_t g = 0; g < used; g++) { /* every level, seen or not */
        if (k->groups[g].levels != p->levels || k->groups[g].zero != middle)
            (void)fprintf(stderr, "bench_codec: group %u lacks levels\n", g);
    }
    clv_free(symbols);
    clv_free(numbers);
    clv_free(bits);
}

static bench_speed race(const coder *k, const bench_symbols *s, unsigned rounds)
{
    size_t cap = s->each + 256;
    bench_speed best = {0};
    uint8_t *scratch = bench_room(clv_plane_scratch_bytes(&k->model), 1),
            *back = bench_room(s->each, 1);
    uint8_t *coded = bench_room(s->messages * cap, 1);
    size_t *bytes = bench_room(s->messages, sizeof *bytes);

    for (unsigned round = 0; round < rounds; round++) {
        uint64_t start = bench_cpu_us();
        for (size_t i = 0; i < s->messages; i++) {
            if (clv_planes_encode(&bytes[i], &k->model, s->data + i * s->each, scratch,
                                  coded + i * cap, cap) != CLV_OK)
                abort();
        }
        uint64_t middle = bench_cpu_us();
        for (size_t i = 0; i < s->messages; i++) {
            if (clv_planes_decode(back, &k->model, scratch, coded + i * cap, bytes[i]) != CLV_OK)
                abort();
        }
        uint64_t end = bench_cpu_us();
        double all = (double)(s->messages * s->each) * 1e6;
        best.encode = fmax(best.encode, all / (double)(middle - start + 1));
        best.decode = fmax(best.decode, all / (double)(end - middle + 1));
    }
    for (size_t i = 0; i < s->messages; i++)
        best.bytes += (double)bytes[i];
    clv_free(scratch);
    clv_free(back);
    clv_free(coded);
    clv_free(bytes);
    return best;
}

static void report_speed(bench_state *b, const bench_crossing *c, unsigned levels, const char *who,
                         const bench_speed *s, double symbols)
{
    (void)printf(
        "%-18.18s %-13s %2u levels %-9s %6.3f bits  encode %6.0f  decode %6.0f M symbols/s\n",
        b->model, c->name, levels, who, 8 * s->bytes / symbols, s->encode / 1e6, s->decode / 1e6);
    bench_report_row(&b->report, json_pack("{s:s, s:s, s:i, s:s, s:f, s:f, s:f}", "model", b->model,
                                           "cut", c->name, "levels", (int)levels, "coder", who,
                                           "bits_per_symbol", 8 * s->bytes / symbols,
                                           "encode_per_s", s->encode, "decode_per_s", s->decode));
}

void bench_race(bench_state *b, bench_crossing *c, unsigned levels)
{
    static const char *const names[] = {"rans", "rans fast", "zstd -1", "zstd -19", "lz4"};
    bench_plain p = bench_plain_make(&c->design, levels);
    uint8_t *symbols = all_symbols(&p, &c->seen);
    bench_symbols s = {symbols, c->seen.count, (size_t)p.channels * p.rows * p.cols};
    bench_speed speeds[5];

    for (int fast = 0; fast < 2; fast++) {
        coder k;
        make_coder(&k, &p, &c->design, !fast);
        speeds[fast] = race(&k, &s, 40);
        clv_free(k.group_of);
        clv_free(k.groups);
    }
    speeds[2] = bench_zstd(&s, 1, 20);
    speeds[3] = bench_zstd(&s, 19, 1);
    speeds[4] = bench_lz4(&s, 20);
    for (int i = 0; i < 5; i++)
        report_speed(b, c, levels, names[i], &speeds[i], (double)(s.messages * s.each));
    char name[96];
    (void)snprintf(name, sizeof name, "%s, %u levels: bytes against zstd -19", c->name, levels);
    bench_report_at_most(&b->report, name, speeds[0].bytes / speeds[3].bytes, 0.85);
    (void)snprintf(name, sizeof name, "%s, %u levels: 100 M/s over the slower direction", c->name,
                   levels);
    bench_report_at_most(&b->report, name, 1e8 / fmin(speeds[0].encode, speeds[0].decode), 1);
    (void)snprintf(name, sizeof name, "%s, %u levels: 300 M/s over the fast mode's", c->name,
                   levels);
    bench_report_at_most(&b->report, name, 3e8 / fmin(speeds[1].encode, speeds[1].decode), 1);
    clv_free(symbols);
    bench_plain_done(&p);
}
