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

/* A loop of a reorder: @p n steps, and how many elements each goes on. */
typedef struct loop {
    size_t n, to, from;
} loop;

/* Loops sorted by destination, outermost first; neighbours that are one longer loop are. */
typedef struct loop_nest {
    uint32_t n_loops;
    loop loops[2 * CLV_MAX_RANK];
} loop_nest;

static void add_loop(loop_nest *nest, loop l)
{
    uint32_t at = nest->n_loops;

    if (l.n == 1)
        return;
    for (; at > 0 && nest->loops[at - 1].to < l.to; at--)
        nest->loops[at] = nest->loops[at - 1];
    nest->loops[at] = l;
    nest->n_loops++;
}

static void join_loops(loop_nest *nest)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < nest->n_loops; i++) {
        const loop *l = &nest->loops[i];
        loop *outer = &nest->loops[n > 0 ? n - 1 : 0];
        if (n > 0 && outer->to == l->n * l->to && outer->from == l->n * l->from)
            *outer = (loop){outer->n * l->n, l->to, l->from};
        else
            nest->loops[n++] = *l;
    }
    nest->n_loops = n;
}

/* Two loops in tiles, of which one has short steps in the destination, the other in the source.
 * With a constant elem_bytes each memcpy becomes one move. */
static inline __attribute__((always_inline)) void
copy_tiles(char *dst, const char *src, const loop *rows, const loop *cols, size_t elem_bytes)
{
    for (size_t r0 = 0; r0 < rows->n; r0 += TILE) {
        size_t r1 = r0 + TILE < rows->n ? r0 + TILE : rows->n;
        for (size_t c0 = 0; c0 < cols->n; c0 += TILE) {
            size_t c1 = c0 + TILE < cols->n ? c0 + TILE : cols->n;
            for (size_t c = c0; c < c1; c++) {
                char *to = dst + c * cols->to * elem_bytes;
                const char *from = src + c * cols->from * elem_bytes;
                for (size_t r = r0; r < r1; r++)
                    memcpy(to + r * rows->to * elem_bytes, from + r * rows->from * elem_bytes,
                           elem_bytes);
            }
        }
    }
}

typedef float quad __attribute__((vector_size(16)));

/* Four elements from each of four lines of @p src to each of four lines of @p dst. */
static inline void transpose_quads(char *dst, size_t dst_bytes, const char *src, size_t src_bytes)
{
    quad a, b, c, d;

    memcpy(&a, src, sizeof a);
    memcpy(&b, src + src_bytes, sizeof b);
    memcpy(&c, src + 2 * src_bytes, sizeof c);
    memcpy(&d, src + 3 * src_bytes, sizeof d);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
    memcpy(dst, &a, sizeof a);
    memcpy(dst + dst_bytes, &b, sizeof b);
    memcpy(dst + 2 * dst_bytes, &c, sizeof c);
    memcpy(dst + 3 * dst_bytes, &d, sizeof d);
}

/* Elements of four bytes that are neighbours along the rows in @p dst and along the columns in
 * @p src: the reorder that programs do most. */
static void transpose_matrix(char *dst, const char *src, const loop *rows, const loop *cols)
{
    size_t n_rows = rows->n - rows->n % 4, n_cols = cols->n - cols->n % 4;
    loop rest_rows = {rows->n - n_rows, 1, rows->from}, rest_cols = {cols->n - n_cols, cols->to, 1};
    loop whole_rows = {n_rows, 1, rows->from};

    for (size_t r0 = 0; r0 < n_rows; r0 += TILE) {
        size_t r1 = r0 + TILE < n_rows ? r0 + TILE : n_rows;
        for (size_t c = 0; c < n_cols; c += 4) {
            for (size_t r = r0; r < r1; r += 4)
                transpose_quads(dst + 4 * (c * cols->to + r), 4 * cols->to,
                                src + 4 * (r * rows->from + c), 4 * rows->from);
        }
    }
    copy_tiles(dst + 4 * n_rows, src + 4 * n_rows * rows->from, &rest_rows, cols, 4);
    copy_tiles(dst + 4 * n_cols * cols->to, src + 4 * n_cols, &whole_rows, &rest_cols, 4);
}

/* Three planes of bytes to pixels: the input of most int8 networks. */
static void interleave_planes(char *restrict dst, const char *restrict src, size_t plane, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dst[3 * i] = src[i];
        dst[3 * i + 1] = src[plane + i];
        dst[3 * i + 2] = src[2 * plane + i];
    }
}

static void copy_matrix(char *dst, const char *src, const loop *rows, const loop *cols,
                        size_t elem_bytes)
{
    if (elem_bytes == 1 && rows->n == 3 && rows->to == 1 && cols->to == 3 && cols->from == 1)
        interleave_planes(dst, src, rows->from, cols->n);
    else if (elem_bytes == 4 && rows->to == 1 && cols->from == 1)
        transpose_matrix(dst, src, rows, cols);
    else if (elem_bytes == 4)
        copy_tiles(dst, src, rows, cols, 4);
    else if (elem_bytes == 1)
        copy_tiles(dst, src, rows, cols, 1);
    else
        copy_tiles(dst, src, rows, cols, elem_bytes);
}

/* The two innermost loops are @p rows, innermost in the destination, and @p cols, innermost in the
 * source; where they are the same one, it is a line. */
static void run_nest(char *dst, const char *src, const loop_nest *nest, uint32_t at, uint32_t cols,
                     size_t elem_bytes)
{
    const loop *rows = &nest->loops[nest->n_loops - 1];

    if (at == cols && cols + 1 < nest->n_loops)
        at++; /* it is done inside */
    if (at + 1 < nest->n_loops) {
        const loop *l = &nest->loops[at];
        for (size_t i = 0; i < l->n; i++)
            run_nest(dst + i * l->to * elem_bytes, src + i * l->from * elem_bytes, nest, at + 1,
                     cols, elem_bytes);
    } else if (cols + 1 == nest->n_loops) {
        clv_strided_copy(dst, (ptrdiff_t)rows->to, src, (ptrdiff_t)rows->from, rows->n, elem_bytes);
    } else {
        copy_matrix(dst, src, rows, &nest->loops[cols], elem_bytes);
    }
}

/* @p loops has each axis in each of the two ways in which a block may split it. */
static void reorder_nest(char *dst, const char *src, loop_nest *nest, size_t elem_bytes)
{
    uint32_t cols = 0;

    join_loops(nest);
    if (nest->n_loops == 0) {
        memcpy(dst, src, elem_bytes);
        return;
    }
    for (uint32_t i = 1; i < nest->n_loops; i++) {
        if (nest->loops[i].from <= nest->loops[cols].from)
            cols = i;
    }
    run_nest(dst, src, nest, 0, cols, elem_bytes);
}

/* Add the axes from @p axis on. One that is split is its whole blocks, then what is left over. */
static void reorder_from(char *dst, const steps *to, const char *src, const steps *from,
                         const clv_shape *shape, uint32_t axis, const loop_nest *outer,
                         size_t elem_bytes)
{
    loop_nest n = *outer;

    if (axis == shape->rank) {
        reorder_nest(dst, src, &n, elem_bytes);
        return;
    }
    size_t dim = (size_t)shape->dim[axis], block = 0;
    if (to->block != 0 && to->block_axis == axis)
        block = to->block;
    else if (from->block != 0 && from->block_axis == axis)
        block = from->block;
    if (block == 0) {
        add_loop(&n, (loop){dim, to->step[axis], from->step[axis]});
        reorder_from(dst, to, src, from, shape, axis + 1, &n, elem_bytes);
        return;
    }
    bool to_split = to->block != 0 && to->block_axis == axis;
    bool from_split = from->block != 0 && from->block_axis == axis;
    loop inner = {block, to_split ? 1 : to->step[axis], from_split ? 1 : from->step[axis]};
    loop blocks = {dim / block, to->step[axis] * (to_split ? 1 : block),
                   from->step[axis] * (from_split ? 1 : block)};
    size_t left = dim % block;
    if (blocks.n > 0) {
        add_loop(&n, blocks);
        add_loop(&n, inner);
        reorder_from(dst, to, src, from, shape, axis + 1, &n, elem_bytes);
    }
    if (left > 0) {
        n = *outer;
        inner.n = left;
        add_loop(&n, inner);
        reorder_from(dst + blocks.n * blocks.to * elem_bytes, to,
                     src + blocks.n * blocks.from * elem_bytes, from, shape, axis + 1, &n,
                     elem_bytes);
    }
}

/* Whether one axis is split into blocks of two sizes. */
static bool has_two_blocks(const clv_layout *a, const clv_layout *b)
{
    return a->block > 1 && b->block > 1 && a->block_axis == b->block_axis && a->block != b->block;
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
    if (padded)
        memset(dst, 0, bytes);
    if (has_two_blocks(dst_layout, src_layout)) {
        reorder_lines(dst, dst_layout, src, src_layout, shape, elem_bytes);
        return;
    }
    steps to = steps_of(dst_layout, shape), from = steps_of(src_layout, shape);
    loop_nest none = {0};
    reorder_from(dst, &to, src, &from, shape, 0, &none, elem_bytes);
}
