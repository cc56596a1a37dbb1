/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_DENSE_H
#define CLV_DN_DENSE_H

/** @file dn_dense.h: convolution of bytes over all channels, channels last, by AVX2 code of our
 *  own, for machines that have no instructions for sums of products of bytes (VNNI).
 *
 *  There VPMADDUBSW adds two products in 16 bits, which oneDNN lets overflow. Here weights decide
 *  when they are packed: as many products as can't overflow whatever the source is (eight, four or
 *  two of a channel) are added in 16 bits before they go on to 32, and what is too much of two
 *  weights is left to another step. So sums are exact for any weights, and small ones are faster.
 *
 *  A window is a few runs of neighbouring numbers, taken four at a time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLV_DENSE_PANEL 16u /**< output channels that are made at a time */

/** How a tensor's numbers are stored. */
typedef enum clv_dense_type {
    CLV_DENSE_NONE, /**< there is none */
    CLV_DENSE_U8,
    CLV_DENSE_I8,
    CLV_DENSE_F32
} clv_dense_type;

/** The steps of one panel: four numbers of the window each, by their weights. */
typedef struct clv_dense_panel {
    size_t first;                      /**< step */
    size_t n_fours, n_twos, n_singles; /**< groups of steps that are added in 16 bits, in order */
} clv_dense_panel;

/** y = clamp(scale[c] * sum + bias[c] + residual_scale * residual, low, high). */
typedef struct clv_dense {
    size_t batch, channels, h, w, out_h, out_w, out_channels;
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    size_t padded_w; /**< columns that windows reach */
    clv_dense_type y, residual;
    uint8_t flip; /**< 0x80 where the source is int8: x comes as x XOR flip */
    int32_t zero; /**< the source's zero point, flipped */
    float low, high, residual_scale;
    const float *scale, *bias; /**< for whole panels, as all that follows */
    const int32_t *start;      /**< what the zero point takes off each sum */
    const int8_t *weights;     /**< [step, channel of the panel, 4] */
    const uint32_t *offsets;   /**< of a step's numbers, from a window's first one */
    const clv_dense_panel *panels;
    size_t n_runs, run; /**< run: numbers of one, in fours */
    bool direct;        /**< windows lie in the source as it is */
    size_t strip;       /**< output rows that are made at a time */
    size_t pieces;      /**< threads at most */
    size_t strip_bytes; /**< of one piece's scratch memory */
} clv_dense;

/** Fill in what follows from the extents, types and flip: padded_w, n_runs, run, direct, strip,
 *  strip_bytes.
 *  @return false for sizes that could wrap. */
bool clv_dense_plan(clv_dense *d);

static inline size_t clv_dense_n_panels(const clv_dense *d)
{
    return (d->out_channels + CLV_DENSE_PANEL - 1) / CLV_DENSE_PANEL;
}

/** Weight [o, c, ky, kx] is at data[o * step + ((c * kernel_h + ky) * kernel_w + kx) * step_each].
 */
typedef struct clv_dense_weights {
    const int8_t *data;
    size_t step, step_each;
} clv_dense_weights;

/** Bytes of memory to work in for the next two. */
size_t clv_dense_work_bytes(const clv_dense *d);

/** What the weights of all panels come to. */
typedef struct clv_dense_count {
    size_t n_steps, n_groups;
} clv_dense_count;
clv_dense_count clv_dense_count_steps(const clv_dense *d, const clv_dense_weights *w, void *work);

/** Where clv_dense_pack() writes: what the pointers of clv_dense point to. */
typedef struct clv_dense_packed {
    clv_dense_panel *panels;
    int8_t *weights;   /**< for clv_dense_count_steps() */
    uint32_t *offsets; /**< the same */
    int32_t *start;
} clv_dense_packed;
void clv_dense_pack(const clv_dense_packed *out, const clv_dense *d, const clv_dense_weights *w,
                    void *work);

/** Piece @p piece of the convolution. @p scratch is strip_bytes bytes, the piece's own. */
void clv_dense_avx2(const clv_dense *d, const uint8_t *x, void *y, const void *residual,
                    uint8_t *scratch, size_t piece);

#endif
