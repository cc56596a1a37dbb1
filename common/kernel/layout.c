/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/layout.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "kernel/strided.h"

#define TILE 16u /* a tile of source and one of destination stay in the first-level cache */

clv_layout clv_layout_plain(void)
{
    clv_layout layout = {.block_axis = 0, .block = 0};
    for (uint32_t i = 0; i < CLV_MAX_RANK; i++)
        layout.perm[i] = (uint8_t)i;
    return layout;
}

clv_layout clv_layout_channels_last(uint32_t rank)
{
    clv_layout layout = clv_layout_plain();
    assert(rank >= 2 && rank <= CLV_MAX_RANK);
    for (uint32_t i = 1; i + 1 < rank; i++)
        layout.perm[i] = (uint8_t)(i + 1);
    layout.perm[rank - 1] = 1;
    return layout;
}

static bool is_blocked(const clv_layout *layout, uint32_t axis)
{
    return layout->block > 1 && layout->block_axis == axis;
}

/* Extent of @p axis as memory sees it: whole blocks where it is split. */
static size_t outer_extent(const clv_layout *layout, const clv_shape *shape, uint32_t axis)
{
    size_t extent = (size_t)shape->dim[axis];
    if (!is_blocked(layout, axis))
        return extent;
    return extent / layout->block + (extent % layout->block != 0);
}

static bool is_padded(const clv_layout *layout, const clv_shape *shape)
{
    return layout->block > 1 && shape->dim[layout->block_axis] % layout->block != 0;
}

static bool is_empty(const clv_shape *shape)
{
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == 0)
            return true;
    }
    return false;
}

/* Axes keep their own place where their extent is 1; the others fill the rest in memory order. */
static void place(clv_layout *out, const uint8_t *order, uint32_t n)
{
    bool moves[CLV_MAX_RANK] = {false};
    uint32_t next = 0;

    for (uint32_t i = 0; i < n; i++)
        moves[order[i]] = true;
    for (uint32_t axis = 0; axis < CLV_MAX_RANK; axis++) {
        if (moves[axis])
            out->perm[axis] = order[next++];
    }
}

clv_layout clv_layout_canonical(const clv_layout *layout, const clv_shape *shape)
{
    clv_layout out = clv_layout_plain();
    uint8_t order[CLV_MAX_RANK];
    uint32_t n = 0;

    if (is_empty(shape))
        return out;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (outer_extent(layout, shape, layout->perm[i]) > 1)
            order[n++] = layout->perm[i];
    }
    if (layout->block > 1) {
        uint8_t axis = layout->block_axis;
        if (shape->dim[axis] == layout->block) {
            order[n++] = axis; /* one whole block: it is simply the innermost axis */
        } else if (is_padded(layout, shape) || n == 0 || order[n - 1] != axis) {
            out.block_axis = axis;
            out.block = layout->block;
        } /* else whole blocks of the innermost axis follow one another anyway */
    }
    place(&out, order, n);
    return out;
}

bool clv_layout_equal(const clv_layout *a, const clv_layout *b, const clv_shape *shape)
{
    clv_layout x = clv_layout_canonical(a, shape);
    clv_layout y = clv_layout_canonical(b, shape);
    return memcmp(x.perm, y.perm, sizeof x.perm) == 0 && x.block == y.block &&
           x.block_axis == y.block_axis;
}

bool clv_layout_is_plain(const clv_layout *layout, const clv_shape *shape)
{
    clv_layout plain = clv_layout_plain();
    return clv_layout_equal(layout, &plain, shape);
}

clv_status clv_layout_bytes(size_t *out, const clv_layout *layout, const clv_tensor *tensor)
{
    clv_tensor padded = *tensor;
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    if (bytes > 0 && is_padded(layout, &tensor->shape)) {
        int64_t *dim = &padded.shape.dim[layout->block_axis]; /* at most 2^40: it can't wrap */
        *dim += layout->block - *dim % layout->block;
        CLV_TRY(clv_tensor_bytes(&bytes, &padded));
    }
    *out = bytes;
    return CLV_OK;
}

/* --- reordering --------------------------------------------------------------------------- */

/* Where elements lie: step[axis] is between neighbours, of whole blocks where it is split. */
typedef struct steps {
    size_t step[CLV_MAX_RANK];
    uint32_t block_axis;
    size_t block; /* 0: none */
} steps;

static steps steps_of(const clv_layout *layout, const clv_shape *shape)
{
    steps s = {.block_axis = layout->block_axis, .block = layout->block > 1 ? layout->block : 0};
    size_t step = s.block ? s.block : 1;

    for (uint32_t i = shape->rank; i-- > 0;) {
        uint32_t axis = layout->perm[i];
        s.step[axis] = step;
        step *= outer_extent(layout, shape, axis);
    }
    return s;
}

static size_t offset_of(const steps *s, uint32_t axis, size_t i)
{
    if (s->block == 0 || axis != s->block_axis)
        return i * s->step[axis];
    return i / s->block * s->step[axis] + i % s->block;
}

/* How many elements from @p i on, at most @p n, are evenly spaced, and how widely. */
static size_t run_of(ptrdiff_t *step_out, const steps *s, uint32_t axis, size_t i, size_t n)
{
    if (s->block == 0 || axis != s->block_axis) {
        *step_out = (ptrdiff_t)s->step[axis];
        return n;
    }
    size_t left = s->block - i % s->block;
    *step_out = 1;
    return left < n ? left : n;
}

static void copy_line(char *dst, const steps *to, const char *src, const steps *from, uint32_t axis,
                      size_t n, size_t elem_bytes)
{
    ptrdiff_t dst_step, src_step;

    for (size_t i = 0, run; i < n; i += run) {
        run = run_of(&dst_step, to, axis, i, n - i);
        run = run_of(&src_step, from, axis, i, run);
        clv_strided_copy(dst + offset_of(to, axis, i) * elem_bytes, dst_step,
                         src + offset_of(from, axis, i) * elem_bytes, src_step, run, elem_bytes);
    }
}

/* The next index in the order of @p layout, not counting along @p inner. False after the last. */
static bool advance(size_t *index, const clv_layout *layout, const clv_shape *shape, uint32_t inner)
{
    for (uint32_t i = shape->rank; i-- > 0;) {
        uint32_t axis = layout->perm[i];
        if (axis == inner)
            continue;
        if (++index[axis] < (size_t)shape->dim[axis])
            return true;
        index[axis] = 0;
    }
    return false;
}

/* Lines along the axis that is innermost in the destination, so that writes are contiguous. */
static void reorder_lines(char *dst, const clv_layout *dst_layout, const char *src,
                          const clv_layout *src_layout, const clv_shape *shape, size_t elem_bytes)
{
    steps to = steps_of(dst_layout, shape);
    steps from = steps_of(src_layout, shape);
    uint32_t inner = to.block ? to.block_axis : dst_layout->perm[shape->rank - 1];
    size_t index[CLV_MAX_RANK] = {0};

    do {
        size_t d = 0, s = 0;
        for (uint32_t axis = 0; axis < shape->rank; axis++) {
            d += offset_of(&to, axis, index[axis]);
            s += offset_of(&from, axis, index[axis]);
        }
        copy_line(dst + d * elem_bytes, &to, src + s * elem_bytes, &from, inner,
                  (size_t)shape->dim[inner], elem_bytes);
    } while (advance(index, dst_layout, shape, inner));
}

/* [rows, cols] to [cols, rows], four bytes an element. */
static void transpose_matrix(char *dst, const char *src, size_t rows, size_t cols)
{
    for (size_t r0 = 0; r0 < rows; r0 += TILE) {
        size_t r1 = r0 + TILE < rows ? r0 + TILE : rows;
        for (size_t c0 = 0; c0 < cols; c0 += TILE) {
            size_t c1 = c0 + TILE < cols ? c0 + TILE : cols;
            for (size_t c = c0; c < c1; c++) {
                for (size_t r = r0; r < r1; r++)
                    memcpy(dst + 4 * (c * rows + r), src + 4 * (r * cols + c), 4);
            }
        }
    }
}

/* Between plain and channels last, the reorder that programs do most. False: it isn't that. */
static bool reorder_channels(char *dst, const clv_layout *dst_layout, const char *src,
                             const clv_layout *src_layout, const clv_shape *shape)
{
    if (shape->rank < 3)
        return false;
    clv_layout last = clv_layout_channels_last(shape->rank);
    size_t channels = (size_t)shape->dim[1], area = 1;
    for (uint32_t i = 2; i < shape->rank; i++)
        area *= (size_t)shape->dim[i];

    bool to_last =
        clv_layout_is_plain(src_layout, shape) && clv_layout_equal(dst_layout, &last, shape);
    bool to_plain =
        clv_layout_is_plain(dst_layout, shape) && clv_layout_equal(src_layout, &last, shape);
    if (!to_last && !to_plain)
        return false;
    for (int64_t i = 0; i < shape->dim[0]; i++) {
        size_t start = 4 * (size_t)i * channels * area;
        transpose_matrix(dst + start, src + start, to_last ? channels : area,
                         to_last ? area : channels);
    }
    return true;
}

void clv_layout_reorder(void *dst, const clv_layout *dst_layout, const void *src,
                        const clv_layout *src_layout, const clv_shape *shape, size_t elem_bytes)
{
    size_t bytes = elem_bytes;

    if (is_empty(shape))
        return;
    for (uint32_t i = 0; i < shape->rank; i++)
        bytes *= outer_extent(dst_layout, shape, i);
    bytes *= dst_layout->block > 1 ? dst_layout->block : 1u;
    bool padded = is_padded(dst_layout, shape);
    if (!padded && clv_layout_equal(dst_layout, src_layout, shape)) {
        memcpy(dst, src, bytes);
        return;
    }
    if (elem_bytes == 4 && reorder_channels(dst, dst_layout, src, src_layout, shape))
        return;
    if (padded)
        memset(dst, 0, bytes);
    reorder_lines(dst, dst_layout, src, src_layout, shape, elem_bytes);
}
