/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_number.h"

#include <math.h>
#include <string.h>

double ref_half_to_double(uint16_t half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double magnitude;

    if (exponent == 31)
        magnitude = mantissa != 0 ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(mantissa, -24);
    else
        magnitude = ldexp(1024 + mantissa, exponent - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

uint16_t ref_double_to_half(double x)
{
    const double overflow = 65520.0; /* half-way between the largest half and the next */
    double magnitude = fabs(x);
    unsigned bits;

    if (isnan(x)) {
        bits = 0x7e00;
    } else if (magnitude >= overflow) {
        bits = 0x7c00;
    } else {
        int exponent = magnitude < 0x1p-14 ? -14 : ilogb(magnitude);
        /* 1024 steps in each power of two. A mantissa that rounds up to 2048 carries over. */
        bits = (unsigned)((exponent + 14) * 1024 + (int)rint(ldexp(magnitude, 10 - exponent)));
    }
    return (uint16_t)(bits | (signbit(x) != 0 ? 0x8000u : 0u));
}

static ref_number of_float(double f)
{
    return (ref_number){REF_FLOATING, f, 0};
}

static ref_number of_signed(int64_t i)
{
    return (ref_number){REF_SIGNED_INT, 0.0, (uint64_t)i};
}

static ref_number of_unsigned(uint64_t u)
{
    return (ref_number){REF_UNSIGNED_INT, 0.0, u};
}

ref_number ref_number_load(const void *data, clv_dtype dtype, size_t i)
{
    switch (dtype) {
    case CLV_F32:
        return of_float((double)((const float *)data)[i]);
    case CLV_F64:
        return of_float(((const double *)data)[i]);
    case CLV_F16:
        return of_float(ref_half_to_double(((const uint16_t *)data)[i]));
    case CLV_I8:
        return of_signed(((const int8_t *)data)[i]);
    case CLV_I16:
        return of_signed(((const int16_t *)data)[i]);
    case CLV_I32:
        return of_signed(((const int32_t *)data)[i]);
    case CLV_I64:
        return of_signed(((const int64_t *)data)[i]);
    case CLV_U16:
        return of_unsigned(((const uint16_t *)data)[i]);
    case CLV_U32:
        return of_unsigned(((const uint32_t *)data)[i]);
    case CLV_U64:
        return of_unsigned(((const uint64_t *)data)[i]);
    default: /* CLV_U8, CLV_BOOL */
        return of_unsigned(((const uint8_t *)data)[i]);
    }
}

double ref_number_to_double(ref_number x)
{
    if (x.kind == REF_FLOATING)
        return x.f;
    return x.kind == REF_SIGNED_INT ? (double)(int64_t)x.bits : (double)x.bits;
}

/* Not by way of double, which would round twice. */
static float to_float(ref_number x)
{
    if (x.kind == REF_FLOATING)
        return (float)x.f;
    return x.kind == REF_SIGNED_INT ? (float)(int64_t)x.bits : (float)x.bits;
}

/* As a signed integer of @p n_bits, in two's complement. */
static uint64_t to_signed(ref_number x, unsigned n_bits)
{
    double limit = ldexp(1.0, (int)n_bits - 1);

    if (x.kind != REF_FLOATING)
        return x.bits;
    if (isnan(x.f))
        return 0;
    if (x.f >= limit)
        return (UINT64_C(1) << (n_bits - 1)) - 1;
    return (uint64_t)(int64_t)(x.f < -limit ? -limit : x.f);
}

static uint64_t to_unsigned(ref_number x, unsigned n_bits)
{
    if (x.kind != REF_FLOATING)
        return x.bits;
    if (isnan(x.f) || x.f < 0.0)
        return 0;
    return x.f >= ldexp(1.0, (int)n_bits) ? UINT64_MAX >> (64 - n_bits) : (uint64_t)x.f;
}

static bool is_true(ref_number x)
{
    return x.kind == REF_FLOATING ? x.f != 0.0 : x.bits != 0;
}

void ref_number_store(void *data, clv_dtype dtype, size_t i, ref_number x)
{
    switch (dtype) {
    case CLV_F32:
        ((float *)data)[i] = to_float(x);
        break;
    case CLV_F64:
        ((double *)data)[i] = ref_number_to_double(x);
        break;
    case CLV_F16:
        ((uint16_t *)data)[i] = ref_double_to_half(ref_number_to_double(x));
        break;
    case CLV_I8:
        ((uint8_t *)data)[i] = (uint8_t)to_signed(x, 8);
        break;
    case CLV_I16:
        ((uint16_t *)data)[i] = (uint16_t)to_signed(x, 16);
        break;
    case CLV_I32:
        ((uint32_t *)data)[i] = (uint32_t)to_signed(x, 32);
        break;
    case CLV_I64:
        ((uint64_t *)data)[i] = to_signed(x, 64);
        break;
    case CLV_U8:
        ((uint8_t *)data)[i] = (uint8_t)to_unsigned(x, 8);
        break;
    case CLV_U16:
        ((uint16_t *)data)[i] = (uint16_t)to_unsigned(x, 16);
        break;
    case CLV_U32:
        ((uint32_t *)data)[i] = (uint32_t)to_unsigned(x, 32);
        break;
    case CLV_U64:
        ((uint64_t *)data)[i] = to_unsigned(x, 64);
        break;
    default: /* CLV_BOOL */
        ((uint8_t *)data)[i] = is_true(x);
        break;
    }
}
