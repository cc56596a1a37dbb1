/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_NUMBER_H
#define CLV_REF_NUMBER_H

/** @file ref_number.h: one element of any type, and the lists that make kernels for many types. */

#include <cleave/tensor.h>

/** X(arg, suffix, DTYPE, type) for each type. */
#define REF_FLOATS(X, arg) X(arg, f32, F32, float) X(arg, f64, F64, double)
#define REF_SIGNED(X, arg)                                                                         \
    X(arg, i8, I8, int8_t)                                                                         \
    X(arg, i16, I16, int16_t) X(arg, i32, I32, int32_t) X(arg, i64, I64, int64_t)
#define REF_UNSIGNED(X, arg)                                                                       \
    X(arg, u8, U8, uint8_t)                                                                        \
    X(arg, u16, U16, uint16_t) X(arg, u32, U32, uint32_t) X(arg, u64, U64, uint64_t)

/** For REF_FLOATS() and its like: an element of a table of functions name_suffix by type. */
#define REF_ENTRY(name, suffix, dtype, type) [CLV_##dtype] = name##_##suffix,

/** Any element: a float, or an integer as 64 bits in two's complement. */
typedef struct ref_number {
    enum { REF_FLOATING, REF_SIGNED_INT, REF_UNSIGNED_INT } kind;
    double f;
    uint64_t bits;
} ref_number;

ref_number ref_number_load(const void *data, clv_dtype dtype, size_t i);

/** Integers wrap round; a float that an integer can't hold becomes the nearest one that it can,
 *  NaN becomes 0 (ONNX leaves both open); floats round to even. */
void ref_number_store(void *data, clv_dtype dtype, size_t i, ref_number x);

double ref_number_to_double(ref_number x);

double ref_half_to_double(uint16_t half);
uint16_t ref_double_to_half(double x);

#endif
