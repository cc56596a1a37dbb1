/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an operating point (the first two bytes say how many of the rest), and what is left
 * as a tensor coded by it; then zeros through it, alone and
 * after a frame of zeros, when it is a point. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/tensor_point.h"

#define MAX_ELEMS 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(int good)
{
    if (!good)
        abort();
}

static void use(const clv_point *point, const uint8_t *src, size_t bytes)
{
    size_t elems = (size_t)point->channels * point->rows * point->cols, coded_bytes;
    size_t size = elems * (point->bytes ? 1 : sizeof(float)), bound = clv_point_bound(point);
    void *out = calloc(size, 1), *scratch = malloc(clv_point_scratch_bytes(point) + 1);
    uint8_t *coded = malloc(bound), *exact = malloc(bytes ? bytes : 1);
    size_t n = clv_point_symbols(point);
    uint8_t *reference = calloc(n + 1, 1), *symbols = malloc(n + 1), *back = malloc(n + 1);
    const clv_point_frames sender = {reference, symbols}, receiver = {reference, back};

    expect(out != NULL && scratch != NULL && coded != NULL && exact != NULL);
    expect(reference != NULL && symbols != NULL && back != NULL);
    memcpy(exact, src, bytes);
    if (clv_point_decode_frame(out, point, &receiver, scratch, exact, bytes) != CLV_OK)
        memset(out, 0, size);
    expect(clv_point_encode(&coded_bytes, point, out, scratch, coded, bound) == CLV_OK);
    expect(clv_point_decode(out, point, scratch, coded, coded_bytes) == CLV_OK);
    expect(clv_point_encode_frame(&coded_bytes, point, &sender, out, scratch, coded, bound) ==
           CLV_OK);
    expect(clv_point_decode_frame(out, point, &receiver, scratch, coded, coded_bytes) == CLV_OK);
    expect(memcmp(symbols, back, n) == 0);
    free(reference);
    free(symbols);
    free(back);
    free(out);
    free(scratch);
    free(coded);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    clv_point *point;

    if (bytes < 2)
        return 0;
    size_t tables = (size_t)(data[0] | data[1] << 8);
    if (tables > bytes - 2)
        tables = bytes - 2;
    if (clv_point_parse(&point, data + 2, tables, NULL) != CLV_OK)
        return 0;
    if ((uint64_t)point->channels * point->rows * point->cols <= MAX_ELEMS)
        use(point, data + 2 + tables, bytes - 2 - tables);
    clv_point_free(point);
    return 0;
}
