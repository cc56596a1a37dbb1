/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLEAVE_TENSOR_H
#define CLEAVE_TENSOR_H

/** @file tensor.h: a typed, shaped view of memory. A clv_tensor never owns its data.
 *  Data is dense and row-major (the last dimension is contiguous), little-endian. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

CLV_BEGIN_API

/** Every element type: X(name, text, bytes). The numbers are part of the bundle format: only
 *  append. BOOL is one byte, 0 or 1. F16 is IEEE binary16, stored only. */
#define CLV_DTYPE_LIST(X)                                                                          \
    X(NONE, "none", 0)                                                                             \
    X(F32, "float32", 4)                                                                           \
    X(F64, "float64", 8)                                                                           \
    X(F16, "float16", 2)                                                                           \
    X(U8, "uint8", 1)                                                                              \
    X(I8, "int8", 1)                                                                               \
    X(U16, "uint16", 2)                                                                            \
    X(I16, "int16", 2)                                                                             \
    X(U32, "uint32", 4)                                                                            \
    X(I32, "int32", 4)                                                                             \
    X(U64, "uint64", 8)                                                                            \
    X(I64, "int64", 8)                                                                             \
    X(BOOL, "bool", 1)

typedef enum clv_dtype {
#define CLV_DTYPE_ENUM(name, text, bytes) CLV_##name,
    CLV_DTYPE_LIST(CLV_DTYPE_ENUM)
#undef CLV_DTYPE_ENUM
        CLV_DTYPE_COUNT
} clv_dtype;

#define CLV_MAX_RANK 8u

/** Dimensions, outermost first. Rank 0 is a scalar of one element. */
typedef struct clv_shape {
    uint32_t rank;
    int64_t dim[CLV_MAX_RANK];
} clv_shape;

/** A view: the memory belongs to somebody else. */
typedef struct clv_tensor {
    clv_dtype dtype;
    clv_shape shape;
    void *data;
} clv_tensor;

/** The name of @p dtype ("float32"), static; "invalid" for a value that is none. */
const char *clv_dtype_name(clv_dtype dtype);

/** Bytes of one element; 0 for CLV_NONE and for a value that is no type. */
size_t clv_dtype_bytes(clv_dtype dtype);

/** Product of the dimensions; 1 for a scalar, 0 where one is 0.
 *  @param[out] out  Left untouched on failure.
 *  @return CLV_OK; CLV_ESHAPE for a negative dimension or too high a rank;
 *          CLV_ELIMIT when the product passes 2^40. */
CLV_NODISCARD clv_status clv_shape_elems(size_t *out, const clv_shape *shape);

/** Bytes of a dense tensor. Errors as clv_shape_elems(); CLV_EINVAL for no type. */
CLV_NODISCARD clv_status clv_tensor_bytes(size_t *out, const clv_tensor *tensor);

bool clv_shape_equal(const clv_shape *a, const clv_shape *b);

/** Whether @p shape has the rank of @p bound and no dimension that is negative or larger. */
bool clv_shape_fits(const clv_shape *shape, const clv_shape *bound);

/** Write "1x3x224x224" ("scalar" for rank 0), cut to @p cap with its final NUL.
 *  @return @p dst. */
char *clv_shape_format(char *dst, size_t cap, const clv_shape *shape);

CLV_END_API

#endif
