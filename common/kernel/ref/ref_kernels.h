/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_KERNELS_H
#define CLV_REF_KERNELS_H

/** @file ref_kernels.h: private to the plain C backend: one kernel for each kind of operator, and
 *  what kernels share.
 *
 *  Shape inference has checked the shapes of a node once, and the table in ref.c its types, so a
 *  kernel checks only what neither knows, and is not called for outputs without elements. It has
 *  no state: it reads its parameters from the node each time. Input and output may be the same
 *  memory where a kernel says so.
 *
 *  Where a shape depends on data (Compress, NonMaxSuppression, NonZero, Unique), an output comes
 *  with the largest shape that is possible, and with memory for it. The kernel makes dimensions of
 *  outputs[i].shape smaller, to what they are this time, and leaves dense data of that shape at the
 *  beginning of the memory. The caller gives the largest shape again before each run. */

#include "base/error.h"
#include "graph/params.h"
#include "kernel/ref/ref.h"

typedef clv_status clv_ref_kernel(const clv_graph *graph, const clv_node *node,
                                  const clv_tensor *inputs, clv_tensor *outputs);

clv_ref_kernel ref_activation, ref_along_axis, ref_arg, ref_batch_norm, ref_binary, ref_bit_shift,
    ref_bits, ref_cast, ref_clip, ref_compare, ref_concat, ref_conv, ref_copy, ref_cum_sum, ref_det,
    ref_dropout, ref_einsum, ref_expand, ref_fill, ref_gather, ref_gemm, ref_group_norm,
    ref_layer_norm, ref_loss, ref_lrn, ref_matmul, ref_mean_variance, ref_mod, ref_not, ref_pad,
    ref_pool, ref_pow, ref_predicate, ref_prelu, ref_reduce, ref_shape, ref_slice, ref_split,
    ref_top_k, ref_transpose, ref_unary, ref_variadic, ref_where;

/* They pick, move and make elements. */
clv_ref_kernel ref_affine_grid, ref_blackman_window, ref_center_crop_pad, ref_channel_shuffle,
    ref_col2im, ref_compress, ref_depth_to_space, ref_dft, ref_eye_like, ref_gather_elements,
    ref_gather_nd, ref_grid_sample, ref_hamming_window, ref_hann_window, ref_mel, ref_nms,
    ref_non_zero, ref_one_hot, ref_sequence, ref_resize, ref_reverse_sequence, ref_roi_align,
    ref_scatter_elements, ref_scatter_nd, ref_size, ref_space_to_depth, ref_stft, ref_tile,
    ref_trilu, ref_unique;

clv_ref_kernel ref_conv_integer, ref_conv_transpose, ref_dynamic_quantize, ref_matmul_integer,
    ref_max_unpool, ref_quantize, ref_rnn;

/** Bytes of private memory that the node's kernel wants for a run: it finds them as the data of
 *  one output more than the node has. 0 for most. */
size_t ref_scratch_bytes(const clv_graph *graph, const clv_node *node);

/** Product of the dimensions [from, to) of a valid shape. */
static inline size_t ref_extent(const clv_shape *shape, uint32_t from, uint32_t to)
{
    size_t n = 1;
    for (uint32_t i = from; i < to; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

static inline size_t ref_elems(const clv_tensor *tensor)
{
    return ref_extent(&tensor->shape, 0, tensor->shape.rank);
}

/** Bytes of a valid tensor. */
static inline size_t ref_bytes(const clv_tensor *tensor)
{
    return ref_elems(tensor) * clv_dtype_bytes(tensor->dtype);
}

/** An input that may be absent: NULL then. */
static inline const clv_tensor *ref_optional(const clv_node *node, const clv_tensor *inputs,
                                             uint32_t i)
{
    return i < node->n_inputs && inputs[i].data != NULL ? &inputs[i] : NULL;
}

/** The sum of a[i * a_step] * b[i], always added up in the same order. */
float ref_dot(const float *a, size_t a_step, const float *b, size_t n);

/** An operand of MatMul as a matrix: a vector is a row on the left and a column on the right. */
clv_shape ref_as_matrix(const clv_shape *shape, bool left);

/** A window over exactly three spatial dimensions: missing ones are outermost, of extent 1. */
typedef struct ref_window {
    int64_t in[3], out[3];
    int64_t kernel[3], stride[3], dilation[3];
    int64_t pad_begin[3], pad_end[3];
} ref_window;

/** @param x  The input, [n, c, spatial...]. */
ref_window ref_window_of(const clv_window *window, const clv_shape *x);

/** A pointwise window has no use for rows: all of a channel becomes one. Others stay. */
void ref_window_flatten(ref_window *window);

/** Where kernel element @p k of output @p o lies in the input (outside it in padding). */
static inline int64_t ref_window_at(const ref_window *window, uint32_t d, int64_t o, int64_t k)
{
    return o * window->stride[d] + k * window->dilation[d] - window->pad_begin[d];
}

/** A run of outputs, or of kernel elements: [begin, end). */
typedef struct ref_range {
    int64_t begin, end;
} ref_range;

/** The outputs along @p d whose kernel element @p k lies inside of the input. */
ref_range ref_window_outputs(const ref_window *window, uint32_t d, int64_t k);

/** The kernel elements along @p d that lie in [low, high) of the input for output @p o. */
ref_range ref_window_taps(const ref_window *window, uint32_t d, int64_t o, int64_t low,
                          int64_t high);

/** How far apart neighbours along each axis of @p out are in a dense @p in that is broadcast to
 *  it, in elements: shapes are aligned at their ends, a dimension of 1 (or none) stands still. */
void ref_broadcast_steps(ptrdiff_t *step, const clv_shape *out, const clv_shape *in);

/** Nested loops over up to two sources, line by line: the innermost axis is left to the caller.
 *  Steps count elements; axes that follow each other without a gap become one. */
typedef struct ref_walk {
    uint32_t rank;
    size_t dim[CLV_MAX_RANK];
    ptrdiff_t step[CLV_MAX_RANK][2];
    size_t index[CLV_MAX_RANK];
    ptrdiff_t offset[2]; /**< where the current line starts in each source */
} ref_walk;

/** Add an axis inside of those that are there; start from all zeros, add outermost first. */
void ref_walk_add(ref_walk *walk, size_t dim, ptrdiff_t step_a, ptrdiff_t step_b);

/** Walk over an output of shape @p out in its order, @p a and @p b being broadcast to it. */
void ref_walk_broadcast(ref_walk *walk, const clv_shape *out, const clv_shape *a,
                        const clv_shape *b);

size_t ref_walk_lines(const ref_walk *walk);
size_t ref_walk_length(const ref_walk *walk);                   /**< elements of a line */
ptrdiff_t ref_walk_step(const ref_walk *walk, uint32_t source); /**< between those */
void ref_walk_next(ref_walk *walk); /**< after the last line it starts again */

/** Fill a dense @p out from strided @p data: element [i, j, ...] comes from
 *  data[i * step[0] + j * step[1] + ...]. */
void ref_copy_strided(clv_tensor *out, const char *data, const ptrdiff_t *step);

#endif
