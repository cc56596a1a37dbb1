/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_LAYOUT_H
#define CLV_DN_LAYOUT_H

/** @file dn_layout.h: clv_layout (kernel/layout.h) to oneDNN's memory descriptors and back. */

#include <oneapi/dnnl/dnnl.h>

#include "kernel/layout.h"

/** float32 of @p shape in @p layout. A scalar becomes [1]: oneDNN has no rank 0. */
void clv_dn_describe(dnnl_memory_desc_t *out, const clv_shape *shape, const clv_layout *layout);

/** float32, row-major. */
void clv_dn_describe_plain(dnnl_memory_desc_t *out, const clv_shape *shape);

/** float32 in whatever order oneDNN likes best. */
void clv_dn_describe_any(dnnl_memory_desc_t *out, const clv_shape *shape);

/** The layout that @p desc has.
 *  @return CLV_OK; CLV_EUNSUPPORTED when no clv_layout says the same. */
CLV_NODISCARD clv_status clv_dn_layout_of(clv_layout *out, const dnnl_memory_desc_t *desc);

/** @p layout, or for one in blocks the plain or channels last one of @p rank: for code of our own.
 */
clv_layout clv_dn_unblocked(const clv_layout *layout, uint32_t rank);

/** @p shape with leading dimensions of 1 until it has @p rank. */
clv_shape clv_dn_promote(const clv_shape *shape, uint32_t rank);

#endif
