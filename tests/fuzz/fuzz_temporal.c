/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the difference of a tensor, whose sizes the first bytes choose, to a reference that
 * they choose as well: what comes out are symbols in range, which then make a round trip; and the
 * bytes as symbols. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/temporal.h"

#define HEAD_BYTES 7
#define MAX_SIDE 8
#define MAX_PLANES 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(int good)
{
    if (!good)
        abort();
}

static void check_round_trip(const clv_plane_model *model, const uint8_t *symbols,
                             const uint8_t *reference, size_t n, uint8_t *scratch)
{
    size_t cap = 64 + 4 * n, coded_bytes;
    uint8_t *coded = malloc(cap), *back = malloc(n + 1);

    expect(clv_temporal_encode(&coded_bytes, model, symbols, reference, scratch, coded, cap) ==
           CLV_OK);
    expect(clv_temporal_decode(back, model, reference, scratch, coded, coded_bytes) == CLV_OK);
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
    size_t each = (size_t)model.rows * model.cols;
    groups[0].levels = 2u + data[3] % 255u;
    groups[1].levels = 2u + data[4] % 15u;
    groups[0].zero = (uint8_t)(data[4] % groups[0].levels);
    groups[1].zero = (uint8_t)(data[3] % groups[1].levels);
    for (uint32_t i = 0; i < MAX_PLANES; i++)
        group_of[i] = (uint8_t)(data[5] >> i % 8 & 1);

    uint8_t *symbols = calloc(n + 1, 1), *scratch = malloc(clv_temporal_scratch_bytes(&model) + 1);
    uint8_t *reference = malloc(n + 1), *coded = malloc(left + 1);
    memcpy(coded, data + HEAD_BYTES, left);
    for (size_t i = 0; i < n; i++)
        reference[i] = (uint8_t)(i * data[6] % groups[group_of[i / each]].levels);
    if (clv_temporal_decode(symbols, &model, reference, scratch, coded, left) == CLV_OK)
        check_round_trip(&model, symbols, reference, n, scratch);
    for (size_t i = 0; i < n; i++) {
        uint32_t levels = groups[group_of[i / each]].levels;
        expect(symbols[i] < levels);
        unsigned byte = left > 0 ? coded[i % left] : 0;
        symbols[i] = (uint8_t)(byte % levels);
    }
    check_round_trip(&model, symbols, reference, n, scratch);
    free(symbols);
    free(reference);
    free(scratch);
    free(coded);
    return 0;
}
