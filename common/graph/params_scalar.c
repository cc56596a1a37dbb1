/* SPDX-License-Identifier: Apache-2.0 */
/* Single numbers of any element type, as ONNX likes to give depths, bounds and counts. */
#include <math.h>

#include "base/error.h"
#include "graph/params.h"

/* Every type but float16: X(NAME, C type). */
#define NUMBER_TYPES(X)                                                                            \
    X(F32, float)                                                                                  \
    X(F64, double)                                                                                 \
    X(U8, uint8_t)                                                                                 \
    X(I8, int8_t)                                                                                  \
    X(U16, uint16_t)                                                                               \
    X(I16, int16_t)                                                                                \
    X(U32, uint32_t)                                                                               \
    X(I32, int32_t)                                                                                \
    X(U64, uint64_t)                                                                               \
    X(I64, int64_t)                                                                                \
    X(BOOL, uint8_t)

double clv_element_number(const clv_tensor *tensor, size_t i)
{
    switch (tensor->dtype) {
#define AS_DOUBLE(name, type)                                                                      \
    case CLV_##name:                                                                               \
        return (double)((const type *)tensor->data)[i];
        NUMBER_TYPES(AS_DOUBLE)
#undef AS_DOUBLE
    default:
        return (double)NAN;
    }
}

static int64_t truncate_number(double number)
{
    if (isnan(number))
        return INT64_MIN;
    return number >= 0x1p63 ? INT64_MAX : number < -0x1p63 ? INT64_MIN : (int64_t)number;
}

int64_t clv_element_int(const clv_tensor *tensor, size_t i)
{
    if (tensor->dtype == CLV_I64)
        return ((const int64_t *)tensor->data)[i];
    if (tensor->dtype == CLV_U64) {
        uint64_t number = ((const uint64_t *)tensor->data)[i];
        return number > INT64_MAX ? INT64_MAX : (int64_t)number;
    }
    return truncate_number(clv_element_number(tensor, i));
}

static clv_status expect_number(const clv_tensor *tensor)
{
    size_t n;

    if (tensor == NULL || tensor->data == NULL)
        return CLV_EUNSUPPORTED;
    if (clv_shape_elems(&n, &tensor->shape) != CLV_OK || n != 1 || tensor->dtype == CLV_F16 ||
        clv_dtype_bytes(tensor->dtype) == 0)
        return CLV_ESHAPE;
    return CLV_OK;
}

clv_status clv_tensor_read_int(int64_t *out, const clv_tensor *tensor)
{
    CLV_TRY(expect_number(tensor));
    *out = clv_element_int(tensor, 0);
    return CLV_OK;
}

clv_status clv_tensor_read_number(double *out, const clv_tensor *tensor)
{
    CLV_TRY(expect_number(tensor));
    *out = clv_element_number(tensor, 0);
    return CLV_OK;
}
