/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_INT8_H
#define CLV_REF_INT8_H

/** @file ref_int8.h: private to the plain C backend: quantised nodes. docs/quantisation.md says
 * what they compute. A node is planned once, in one of these ways:
 *
 *      product   Conv, ConvTranspose, Gemm, MatMul: exact sums of products of bytes
 *      table     functions of one element: a table of all 256
 *      move      operators that only move elements move bytes
 *      generic   anything else, by its float32 kernel between two conversions */

#include "graph/quant.h"
#include "kernel/ref/ref_kernels.h"

typedef struct ref_int8 ref_int8;

typedef clv_status ref_int8_fn(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                               char *scratch);

/** A planned node: immutable. */
struct ref_int8 {
    const clv_graph *graph;
    const clv_node *node;
    clv_float_twin *twin;
    clv_ref_kernel *float_kernel; /**< of the twin */
    ref_int8_fn *run;
    size_t scratch_bytes;
    bool in_place;     /**< output 0 may lie over input 0 */
    float **constants; /**< n_inputs: constants in bytes as float32 (generic), owned; or NULL */
    float *floats;     /**< table to float32, owned; or NULL */
    uint8_t *bytes;    /**< tables to bytes, 256 each: one (table), one for each input (move) */
};

/** @param float_kernel  What runs the same operator over float32.
 *  @param[out] out  Free with ref_int8_free().
 *  @return CLV_OK, CLV_ENOMEM; errors of the kernel that a table is made with. */
clv_status ref_int8_create(ref_int8 **out, const clv_graph *graph, const clv_node *node,
                           clv_ref_kernel *float_kernel);
void ref_int8_free(ref_int8 *k); /* NULL is a no-op */

/** @param scratch  scratch_bytes of memory, aligned to CLV_ALIGN. */
clv_status ref_int8_run(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                        void *scratch);

/* The ways but generic. Each sets run and scratch_bytes (and what else it needs) and returns
 * CLV_OK, or CLV_EUNSUPPORTED for a node that isn't for it. */
clv_status ref_int8_plan_conv(ref_int8 *k);
clv_status ref_int8_plan_matmul(ref_int8 *k);
clv_status ref_int8_plan_table(ref_int8 *k);
clv_status ref_int8_plan_move(ref_int8 *k);

/** Cut @p bytes, rounded up to CLV_ALIGN, off a scratch memory, which may be NULL to find out how
 *  much is needed: @p at counts on. */
static inline char *ref_int8_cut(char *scratch, size_t *at, size_t bytes)
{
    char *cut = scratch != NULL ? scratch + *at : NULL;
    *at += (bytes + CLV_ALIGN - 1) / CLV_ALIGN * CLV_ALIGN;
    return cut;
}

/** Products of two numbers of 9 bits that surely add up within int32. */
#define REF_INT8_TERMS (INT32_MAX / (UINT8_MAX * UINT8_MAX))

/** Activate @p n real numbers and store them from element @p at of output 0 on. */
void ref_int8_store(const ref_int8 *k, clv_tensor *y, size_t at, float *real, size_t n);

/** Both operands of a product are bytes: @p channel_axis is the only dimension of the right one
 *  that may have scales. */
bool ref_int8_is_product(const ref_int8 *k, uint32_t channel_axis);

#endif
