/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_STRIDED_H
#define CLV_STRIDED_H

/** @file strided.h: moving a line of elements whose type doesn't matter. */

#include <stddef.h>
#include <string.h>

/* With a constant elem_bytes each memcpy becomes one move. */
static inline __attribute__((always_inline)) void
clv_strided_copy_sized(char *dst, ptrdiff_t dst_step, const char *src, ptrdiff_t src_step, size_t n,
                       size_t elem_bytes)
{
    for (size_t i = 0; i < n; i++)
        memcpy(dst + (ptrdiff_t)(i * elem_bytes) * dst_step,
               src + (ptrdiff_t)(i * elem_bytes) * src_step, elem_bytes);
}

/** Copy @p n elements of 1, 2, 4 or 8 bytes. Steps count elements and may be 0 or negative. */
static inline void clv_strided_copy(void *dst, ptrdiff_t dst_step, const void *src,
                                    ptrdiff_t src_step, size_t n, size_t elem_bytes)
{
    if (dst_step == 1 && src_step == 1)
        memcpy(dst, src, n * elem_bytes);
    else if (elem_bytes == 4)
        clv_strided_copy_sized(dst, dst_step, src, src_step, n, 4);
    else if (elem_bytes == 8)
        clv_strided_copy_sized(dst, dst_step, src, src_step, n, 8);
    else if (elem_bytes == 2)
        clv_strided_copy_sized(dst, dst_step, src, src_step, n, 2);
    else
        clv_strided_copy_sized(dst, dst_step, src, src_step, n, 1);
}

#endif
