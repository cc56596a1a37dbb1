/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the coded planes of a tensor whose sizes and tables the first bytes choose: what
 * comes out are symbols in range, which then make a round trip; and the bytes as symbols. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/plane_coder.h"

#define HEAD_BYTES 6
#define MAX_SIDE 8
#define MAX_PLANES 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void make_table(clv_frequencies *f, unsigned n, uint32_t seed)
{
    uint64_t seen[CLV_RANS_LEVELS];
    for (unsigned i = 0; i < n; i++)
        seen[i] = seed * (i + 1) * 2654435761u >> 20;
    clv_frequencies_fit(f, seen, n);
}

static void make_group(clv_plane_group *g, uint32_t levels, uint8_t zero, uint32_t contexts)
{
    unsigned high = levels <= 16 ? levels : levels <= 31 ? 16 : (levels + 15) / 16;
    unsigned lower = levels <= 16 ? 0 : levels <= 31 ? 1 : high;

    memset(g, 0, sizeof *g);
    *g = (clv_plane_group){.levels = levels, .empty = (uint16_t)(1 + 16u * zero)};
    g->zero = (uint8_t)(lower == 1 ? 7 + zero % (levels - 14) : zero % levels);
    g->contexts = contexts;
    g->outside = (uint8_t)(zero % levels);
    for (unsigned i = 0; contexts > 1 && i < levels; i++)
        g->classes[i] = (uint8_t)((37 * i + zero) % 128);
    for (unsigned i = 0; contexts > 1 && i < sizeof g->mean_of; i++)
        g->mean_of[i] = (uint8_t)(CLV_PLANE_SPREADS * (i * CLV_PLANE_MEANS / sizeof g->mean_of));
    for (unsigned i = 0; contexts > 1 && i < sizeof g->spread_of; i++)
        g->spread_of[i] = (uint8_t)(i * CLV_PLANE_SPREADS / sizeof g->spread_of);
    for (unsigned i = 0; i < contexts; i++)
        make_table(&g->high[i], high, levels + i);
    for (unsigned i = 0; i < lower; i++)
        make_table(&g->low[i],
                   lower == 1             ? levels - 15
                   : levels - 16 * i < 16 ? levels - 16 * i
                                          : 16,
                   levels + i);
}

static void expect(int good)
{
    if (!good)
        abort();
}

/* Symbols in range come back from their own coding. */
static void check_round_trip(const clv_plane_model *model, const uint8_t *symbols, size_t n,
                             uint8_t *scratch)
{
    size_t cap = 64 + 4 * n + model->planes, coded_bytes;
    uint8_t *coded = malloc(cap), *back = malloc(n + 1);

    expect(clv_planes_encode(&coded_bytes, model, symbols, scratch, coded, cap) == CLV_OK);
    expect(clv_planes_decode(back, model, scratch, coded, coded_bytes) == CLV_OK);
    expect(memcmp(back, symbols, n) == 0);
    free(coded);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static clv_plane_group groups[2];
    uint8_t group_of[MAX_PLANES];

    if (bytes < HEAD_BYTES)
        return 0;
    clv_plane_model model = {data[0] % (MAX_PLANES + 1u),
                             data[1] % (MAX_SIDE + 1u),
                             1 + data[2] % MAX_SIDE,
                             group_of,
                             groups,
                             2};
    size_t n = (size_t)model.planes * model.rows * model.cols, left = bytes - HEAD_BYTES;
    make_group(&groups[0], 2u + data[3] % 255u, data[4], data[5] & 1 ? 1 : CLV_PLANE_CONTEXTS);
    make_group(&groups[1], 2u + data[4] % 15u, data[3], data[5] & 2 ? 1 : CLV_PLANE_CONTEXTS);
    for (uint32_t i = 0; i < MAX_PLANES; i++)
        group_of[i] = (uint8_t)(data[5] >> i % 8 & 1);

    uint8_t *symbols = calloc(n + 1, 1), *scratch = malloc(clv_plane_scratch_bytes(&model) + 1);
    uint8_t *coded = malloc(left + 1);
    memcpy(coded, data + HEAD_BYTES, left);
    if (clv_planes_decode(symbols, &model, scratch, coded, left) == CLV_OK)
        check_round_trip(&model, symbols, n, scratch);
    for (size_t i = 0; i < n; i++) {
        uint32_t levels = groups[group_of[i / ((size_t)model.rows * model.cols)]].levels;
        expect(symbols[i] < levels);
        unsigned byte = left > 0 ? coded[i % left] : 0;
        symbols[i] = (uint8_t)(byte % levels);
    }
    check_round_trip(&model, symbols, n, scratch);
    free(symbols);
    free(scratch);
    free(coded);
    return 0;
}
