/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LAYOUT_H
#define CLV_LAYOUT_H

/** @file layout.h: the order of a tensor's elements in memory, inside a program.
 *
 *  Dimensions are stored from outermost to innermost in the order `perm`; one of them may be
 *  split into blocks whose elements are innermost of all (nChw16c: perm 0 1 2 3, axis 1, block
 *  16), padded with zeros to whole blocks. Dense in every other way. Plain row-major is
 *  `perm` = 0 1 2 ..., no block. What crosses a cut is always plain. */

#include <stdbool.h>

#include <cleave/tensor.h>

typedef struct clv_layout {
    uint8_t perm[CLV_MAX_RANK];
    uint8_t block_axis;
    uint8_t block; /**< 0: none */
} clv_layout;

clv_layout clv_layout_plain(void);

/** [n, h, w, c] in memory for a logical [n, c, h, w], of any rank >= 2. */
clv_layout clv_layout_channels_last(uint32_t rank);

/** The same order of elements for @p shape, written one way: dimensions of extent 1 don't matter,
 *  nor does a block that changes no address, so [1, c, 1, 1] is plain in every layout that doesn't
 *  pad it. Padding always matters; two blocks that pad alike still count as different. */
clv_layout clv_layout_canonical(const clv_layout *layout, const clv_shape *shape);

/** Whether two layouts order the elements of @p shape in the same way. */
bool clv_layout_equal(const clv_layout *a, const clv_layout *b, const clv_shape *shape);

bool clv_layout_is_plain(const clv_layout *layout, const clv_shape *shape);

/** Bytes of a tensor in @p layout, padding included. Errors as clv_tensor_bytes(). */
CLV_NODISCARD clv_status clv_layout_bytes(size_t *out, const clv_layout *layout,
                                          const clv_tensor *tensor);

/** Copy @p bytes-per-element data between layouts; padding of the destination becomes zero.
 *  The shape is valid (checked when the program was compiled). @p dst and @p src don't overlap. */
void clv_layout_reorder(void *dst, const clv_layout *dst_layout, const void *src,
                        const clv_layout *src_layout, const clv_shape *shape, size_t elem_bytes);

#endif
