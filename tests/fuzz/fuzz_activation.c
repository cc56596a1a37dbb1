/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a payload for one of a few frontiers (the first byte says which), with the right
 * header put in so that the tensors are reached; and any floats through the codecs. In every second
 * frontier tensors may be smaller than planned. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "codec/activation.h"

#define HEADER_BYTES 4
#define MAX_TENSORS 4
#define MAX_PAYLOAD 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct frontier {
    uint32_t n;
    clv_tensor tensors[MAX_TENSORS];
} frontier;

static const frontier frontiers[] = {
    {1, {{CLV_F32, {4, {1, 2, 3, 4}}, NULL}}},
    {3, {{CLV_F32, {1, {7}}, NULL}, {CLV_BOOL, {1, {5}}, NULL}, {CLV_F32, {2, {3, 3}}, NULL}}},
    {4,
     {{CLV_I64, {1, {2}}, NULL},
      {CLV_F32, {0, {0}}, NULL},
      {CLV_U8, {1, {11}}, NULL},
      {CLV_F32, {1, {0}}, NULL}}},
    {0, {{CLV_NONE, {0, {0}}, NULL}}},
};

/* A copy with memory of exactly each tensor's size, so that a sanitizer sees any byte beyond. */
static frontier frontier_make(const frontier *like)
{
    frontier f = *like;
    for (uint32_t i = 0; i < f.n; i++) {
        size_t bytes;
        if (clv_tensor_bytes(&bytes, &f.tensors[i]) != CLV_OK)
            abort();
        f.tensors[i].data = calloc(bytes ? bytes : 1, 1);
    }
    return f;
}

static void plan(clv_planned planned[MAX_TENSORS], const frontier *like, bool bounded)
{
    for (uint32_t i = 0; i < like->n; i++)
        planned[i] = (clv_planned){like->tensors[i].shape, bounded};
}

static void frontier_done(frontier *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        free(f->tensors[i].data);
}

/* What was decoded goes losslessly through the float codec. */
static void check_lossless(const frontier *like, frontier *f, const clv_planned *planned)
{
    uint8_t payload[MAX_PAYLOAD];
    size_t bytes;
    frontier again = frontier_make(like);

    if (clv_activation_encode(&bytes, CLV_CODEC_FLOAT, f->tensors, planned, f->n, payload,
                              sizeof payload) != CLV_OK ||
        clv_activation_decode(again.tensors, planned, f->n, payload, bytes, NULL) != CLV_OK)
        abort();
    for (uint32_t i = 0; i < f->n; i++) {
        size_t n;
        if (clv_tensor_bytes(&n, &f->tensors[i]) != CLV_OK ||
            !clv_shape_fits(&f->tensors[i].shape, &like->tensors[i].shape) ||
            !clv_shape_equal(&f->tensors[i].shape, &again.tensors[i].shape) ||
            memcmp(f->tensors[i].data, again.tensors[i].data, n) != 0)
            abort();
    }
    frontier_done(&again);
}

static void decode_any(const uint8_t *data, size_t bytes)
{
    static uint8_t header[MAX_PAYLOAD];
    const frontier *like = &frontiers[data[0] % (sizeof frontiers / sizeof frontiers[0])];
    frontier f = frontier_make(like);
    size_t n = bytes - 1;
    uint8_t *payload = malloc(n ? n : 1);
    clv_planned planned[MAX_TENSORS];

    plan(planned, like, (data[0] & 64u) != 0);
    memcpy(payload, data + 1, n);
    if (data[0] < 128 && n >= HEADER_BYTES) { /* otherwise the header is fuzzed, too */
        size_t unused;
        if (clv_activation_encode(&unused, CLV_CODEC_FLOAT, f.tensors, NULL, f.n, header,
                                  sizeof header) != CLV_OK)
            abort();
        memcpy(payload, header, HEADER_BYTES);
    }
    if (clv_activation_decode(f.tensors, planned, f.n, payload, n, NULL) == CLV_OK)
        check_lossless(like, &f, planned);
    free(payload);
    frontier_done(&f);
}

/* Any floats through uint8: finite ones come back within half a step. */
static void encode_any(const uint8_t *data, size_t bytes)
{
    float x[64], y[64];
    uint8_t payload[512];
    size_t n = bytes / sizeof x[0] < 64 ? bytes / sizeof x[0] : 64, used;
    float low = INFINITY, high = -INFINITY;
    clv_tensor src = {CLV_F32, {1, {(int64_t)n}}, x}, dst = {CLV_F32, {1, {(int64_t)n}}, y};

    memcpy(x, data, n * sizeof x[0]);
    if (clv_activation_encode(&used, CLV_CODEC_UINT8, &src, NULL, 1, payload, sizeof payload) !=
            CLV_OK ||
        clv_activation_decode(&dst, NULL, 1, payload, used, NULL) != CLV_OK)
        abort();
    for (size_t i = 0; i < n; i++) {
        low = fminf(low, x[i]);
        high = fmaxf(high, x[i]);
    }
    double bound = ((double)high - (double)low) / 510 * 1.0001 +
                   fmax(fabs((double)low), fabs((double)high)) * 1.2e-7;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&x[i], &y[i], sizeof x[i]) != 0 && !(fabs((double)x[i] - (double)y[i]) <= bound))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes > 0)
        decode_any(data, bytes);
    encode_any(data, bytes);
    return 0;
}
