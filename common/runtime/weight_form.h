/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WEIGHT_FORM_H
#define CLV_WEIGHT_FORM_H

/** @file weight_form.h: float32 weights in fewer bytes, and back. Pure. The bytes:
 *  docs/bundle-format.md. Computing stays in float32: what comes back is the network that runs. */

#include "graph/graph.h"

/** X(NAME, "name"). The numbers are part of the bundle's format: only append. */
#define CLV_WEIGHT_FORM_LIST(X)                                                                    \
    X(FLOAT32, "float32") /* as they are */                                                        \
    X(FLOAT16, "float16")                                                                          \
    X(INT8, "int8") /* a scale for each output channel */                                          \
    X(INT4, "int4") /* one of 16 shared values, times a scale for each few of them */

typedef enum clv_weight_form {
#define CLV_WEIGHT_FORM_ENUM(name, text) CLV_WEIGHT_##name,
    CLV_WEIGHT_FORM_LIST(CLV_WEIGHT_FORM_ENUM)
#undef CLV_WEIGHT_FORM_ENUM
        CLV_WEIGHT_FORM_COUNT
} clv_weight_form;

/** Static; "invalid" for a value that is none. */
const char *clv_weight_form_name(clv_weight_form form);

/** @return CLV_OK; CLV_ENOENT. */
CLV_NODISCARD clv_status clv_weight_form_find(clv_weight_form *out, const char *name);

/** How one tensor is packed. All zero: it is plain. */
typedef struct clv_weight_packing {
    clv_weight_form form;
    uint32_t n_scales; /**< INT8, INT4: at least 1; else 0 */
    uint64_t run;      /**< element e has scale (e / run) % n_scales; at least 1, or 0 with none */
} clv_weight_packing;

/** Packed bytes of @p n elements. For what a file says as well: nothing wraps.
 *  @return CLV_OK; CLV_EFORMAT when there is no such packing. */
CLV_NODISCARD clv_status clv_weight_bytes(size_t *out, const clv_weight_packing *packing, size_t n);

/** Pack @p n finite weights (FLOAT16: of at most 65504) into @p out, of clv_weight_bytes(),
 *  aligned to 4. The same bytes each time.
 *  @return CLV_OK; CLV_EFORMAT as above; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_weight_pack(uint8_t *out, const clv_weight_packing *packing,
                                         const float *weights, size_t n);

/** The reverse; any bytes give some numbers. */
void clv_weight_unpack(float *out, const clv_weight_packing *packing, const uint8_t *packed,
                       size_t n);

/** Which constants of @p graph may be packed: float32, read by nothing but the weight inputs of
 *  Conv, ConvTranspose, Gemm, MatMul, RNN, GRU and LSTM. No shape follows from their data.
 *  @param out  n_values elements. */
void clv_weight_find(bool *out, const clv_graph *graph);

/** How each value of @p graph is best packed for @p form; small tensors, and those that @p form
 *  can't hold, stay plain. @p out has n_values elements.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_weight_choose(clv_weight_packing *out, const clv_graph *graph,
                                           clv_weight_form form);

#endif
