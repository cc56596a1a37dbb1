/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_combine.h"

#include <string.h>

#include "kernel/ref/ref_number.h"

static void replace(void *dst, const void *src, size_t n, size_t size)
{
    memcpy(dst, src, n * size);
}

#define COMBINE(name, type, expr)                                                                  \
    static void name(void *dst, const void *src, size_t n, size_t size)                            \
    {                                                                                              \
        type *y = dst;                                                                             \
        const type *x = src;                                                                       \
        (void)size;                                                                                \
        for (size_t i = 0; i < n; i++) {                                                           \
            const type a = y[i], b = x[i];                                                         \
            y[i] = (type)(expr);                                                                   \
        }                                                                                          \
    }

/* Integers wrap round: they are reduced as unsigned ones of 64 bits. */
#define FLOAT_COMBINES(arg, suffix, dtype, type)                                                   \
    COMBINE(add_##suffix, type, a + b)                                                             \
    COMBINE(mul_##suffix, type, a *b)
#define INT_COMBINES(arg, suffix, dtype, type)                                                     \
    COMBINE(add_##suffix, type, (uint64_t)a + (uint64_t)b)                                         \
    COMBINE(mul_##suffix, type, (uint64_t)a *(uint64_t)b)
#define ORDER_COMBINES(arg, suffix, dtype, type)                                                   \
    COMBINE(max_##suffix, type, a < b ? b : a)                                                     \
    COMBINE(min_##suffix, type, b < a ? b : a)

REF_FLOATS(FLOAT_COMBINES, 0)
REF_SIGNED(INT_COMBINES, 0)
REF_UNSIGNED(INT_COMBINES, 0)
REF_FLOATS(ORDER_COMBINES, 0)
REF_SIGNED(ORDER_COMBINES, 0)
REF_UNSIGNED(ORDER_COMBINES, 0)

#define TABLE(name)                                                                                \
    {                                                                                              \
        REF_FLOATS(REF_ENTRY, name) REF_SIGNED(REF_ENTRY, name) REF_UNSIGNED(REF_ENTRY, name)      \
    }

ref_combine *ref_combine_of(const char *reduction, clv_dtype dtype)
{
    static const struct {
        const char *name;
        ref_combine *by_type[CLV_DTYPE_COUNT];
    } reductions[] = {
        {"add", TABLE(add)}, {"mul", TABLE(mul)}, {"max", TABLE(max)}, {"min", TABLE(min)}};

    if (strcmp(reduction, "none") == 0)
        return replace;
    for (size_t i = 0; i < sizeof reductions / sizeof reductions[0]; i++) {
        if (strcmp(reductions[i].name, reduction) == 0)
            return reductions[i].by_type[dtype];
    }
    return NULL;
}
