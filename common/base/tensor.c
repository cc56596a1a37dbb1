/* SPDX-License-Identifier: Apache-2.0 */
#include <cleave/tensor.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define MAX_ELEMS ((size_t)1 << 40)

const char *clv_dtype_name(clv_dtype dtype)
{
    static const char *const names[] = {
#define CLV_DTYPE_TEXT(name, text, bytes) text,
        CLV_DTYPE_LIST(CLV_DTYPE_TEXT)
#undef CLV_DTYPE_TEXT
    };
    return (unsigned)dtype < CLV_DTYPE_COUNT ? names[dtype] : "invalid";
}

size_t clv_dtype_bytes(clv_dtype dtype)
{
    static const size_t sizes[] = {
#define CLV_DTYPE_SIZE(name, text, bytes) bytes,
        CLV_DTYPE_LIST(CLV_DTYPE_SIZE)
#undef CLV_DTYPE_SIZE
    };
    return (unsigned)dtype < CLV_DTYPE_COUNT ? sizes[dtype] : 0;
}

clv_status clv_shape_elems(size_t *out, const clv_shape *shape)
{
    size_t n = 1; /* without the dimensions of 0: no product of some dimensions can wrap either */
    bool empty = false;

    if (shape->rank > CLV_MAX_RANK)
        return CLV_ESHAPE;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0)
            return CLV_ESHAPE;
        size_t dim = (size_t)shape->dim[i];
        if (dim == 0) {
            empty = true;
            continue;
        }
        if (dim > MAX_ELEMS / n)
            return CLV_ELIMIT;
        n *= dim;
    }
    *out = empty ? 0 : n;
    return CLV_OK;
}

clv_status clv_tensor_bytes(size_t *out, const clv_tensor *tensor)
{
    size_t elems;
    size_t size = clv_dtype_bytes(tensor->dtype);

    if (size == 0)
        return CLV_EINVAL;
    CLV_TRY(clv_shape_elems(&elems, &tensor->shape));
    *out = elems * size; /* at most 2^40 * 8: cannot wrap */
    return CLV_OK;
}

bool clv_shape_equal(const clv_shape *a, const clv_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

bool clv_shape_fits(const clv_shape *shape, const clv_shape *bound)
{
    if (shape->rank != bound->rank)
        return false;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0 || shape->dim[i] > bound->dim[i])
            return false;
    }
    return true;
}

char *clv_shape_format(char *dst, size_t cap, const clv_shape *shape)
{
    size_t used = 0;

    if (shape->rank == 0)
        (void)snprintf(dst, cap, "scalar");
    for (uint32_t i = 0; i < shape->rank && i < CLV_MAX_RANK && used < cap; i++) {
        int n = snprintf(dst + used, cap - used, "%s%lld", i ? "x" : "", (long long)shape->dim[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return dst;
}
