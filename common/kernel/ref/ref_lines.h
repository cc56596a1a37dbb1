/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_LINES_H
#define CLV_REF_LINES_H

/** @file ref_lines.h: two inputs that are broadcast against each other, as numpy does it, line by
 *  line; and how to write what is done to a line for many types at once. */

#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

/** y[i] = f(a[i * sa], b[i * sb]) over one line. */
typedef void ref_line_fn(void *y, const void *a, ptrdiff_t sa, const void *b, ptrdiff_t sb,
                         size_t n);

/** A ref_line_fn called @p name from an expression of `a` and `b`. */
#define REF_LINE(name, y_type, type, expr)                                                         \
    static void name(void *y_line, const void *a_line, ptrdiff_t sa, const void *b_line,           \
                     ptrdiff_t sb, size_t n)                                                       \
    {                                                                                              \
        y_type *y = y_line;                                                                        \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                             \
            const type a = ((const type *)a_line)[i * sa];                                         \
            const type b = ((const type *)b_line)[i * sb];                                         \
            y[i] = (y_type)(expr);                                                                 \
        }                                                                                          \
    }

/** The same for float16, with a and b as doubles. */
#define REF_HALF_LINE(name, expr)                                                                  \
    static void name(void *y_line, const void *a_line, ptrdiff_t sa, const void *b_line,           \
                     ptrdiff_t sb, size_t n)                                                       \
    {                                                                                              \
        uint16_t *y = y_line;                                                                      \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                             \
            const double a = ref_half_to_double(((const uint16_t *)a_line)[i * sa]);               \
            const double b = ref_half_to_double(((const uint16_t *)b_line)[i * sb]);               \
            y[i] = ref_double_to_half(expr);                                                       \
        }                                                                                          \
    }

/** All of @p y. It may be the memory of an input of its own shape. */
void ref_line_walk(ref_line_fn *line, const clv_tensor *a, const clv_tensor *b, clv_tensor *y);

#endif
