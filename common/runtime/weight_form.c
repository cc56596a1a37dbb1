/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/weight_form.h"

#include <string.h>

#include "runtime/weight_bytes.h"

const char *clv_weight_form_name(clv_weight_form form)
{
    static const char *const names[] = {
#define FORM_NAME(name, text) text,
        CLV_WEIGHT_FORM_LIST(FORM_NAME)
#undef FORM_NAME
    };
    return (unsigned)form < CLV_WEIGHT_FORM_COUNT ? names[form] : "invalid";
}

clv_status clv_weight_form_find(clv_weight_form *out, const char *name)
{
    for (unsigned i = 0; i < CLV_WEIGHT_FORM_COUNT; i++) {
        if (strcmp(name, clv_weight_form_name((clv_weight_form)i)) == 0) {
            *out = (clv_weight_form)i;
            return CLV_OK;
        }
    }
    return CLV_ENOENT;
}

clv_status clv_weight_bytes(size_t *out, const clv_weight_packing *packing, size_t n)
{
    bool scaled = packing->form == CLV_WEIGHT_INT8 || packing->form == CLV_WEIGHT_INT4;
    size_t scales = (size_t)packing->n_scales * sizeof(float);

    if (n == 0 || n > SIZE_MAX / 8 || packing->n_scales > n || packing->run > n ||
        scaled != (packing->n_scales > 0) || scaled != (packing->run > 0))
        return CLV_EFORMAT;
    switch (packing->form) {
    case CLV_WEIGHT_FLOAT32:
        *out = n * sizeof(float);
        return CLV_OK;
    case CLV_WEIGHT_FLOAT16:
        *out = n * 2;
        return CLV_OK;
    case CLV_WEIGHT_INT8:
        *out = scales + n;
        return CLV_OK;
    case CLV_WEIGHT_INT4:
        *out = CLV_WEIGHT_SHARED * sizeof(float) + scales / 2 + (n + 1) / 2;
        return CLV_OK;
    default:
        return CLV_EFORMAT;
    }
}

static void unpack_float16(float *out, const uint8_t *packed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = clv_half_read(packed + 2 * i);
}

static void unpack_int8(float *out, const clv_weight_packing *p, const uint8_t *packed, size_t n)
{
    const uint8_t *bytes = packed + (size_t)p->n_scales * sizeof(float);

    for (clv_weight_run at = {0}; clv_weight_next_run(&at, p, n);) {
        float scale;
        memcpy(&scale, packed + (size_t)at.scale * sizeof scale, sizeof scale);
        for (size_t i = at.from; i < at.to; i++)
            out[i] = scale * (float)(int8_t)bytes[i];
    }
}

static void unpack_int4(float *out, const clv_weight_packing *p, const uint8_t *packed, size_t n)
{
    float shared[CLV_WEIGHT_SHARED];
    const uint8_t *scales = packed + sizeof shared;
    const uint8_t *nibbles = scales + (size_t)p->n_scales * 2;

    memcpy(shared, packed, sizeof shared);
    for (clv_weight_run at = {0}; clv_weight_next_run(&at, p, n);) {
        float scale = clv_half_read(scales + (size_t)at.scale * 2);
        for (size_t i = at.from; i < at.to; i++)
            out[i] = scale * shared[(uint32_t)nibbles[i / 2] >> (i % 2 * 4) & 0xfu];
    }
}

void clv_weight_unpack(float *out, const clv_weight_packing *packing, const uint8_t *packed,
                       size_t n)
{
    switch (packing->form) {
    case CLV_WEIGHT_FLOAT16:
        unpack_float16(out, packed, n);
        break;
    case CLV_WEIGHT_INT8:
        unpack_int8(out, packing, packed, n);
        break;
    case CLV_WEIGHT_INT4:
        unpack_int4(out, packing, packed, n);
        break;
    default:
        memcpy(out, packed, n * sizeof *out);
        break;
    }
}
