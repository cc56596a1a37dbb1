/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_COMBINE_H
#define CLV_REF_COMBINE_H

/** @file ref_combine.h: what a scatter does where it meets an element: replace it, or reduce. */

#include <cleave/tensor.h>

/** Put @p n elements of @p size bytes of @p src into @p dst. */
typedef void ref_combine(void *dst, const void *src, size_t n, size_t size);

/** For "none", "add", "mul", "max" or "min". NULL where there is none for that type. */
ref_combine *ref_combine_of(const char *reduction, clv_dtype dtype);

#endif
