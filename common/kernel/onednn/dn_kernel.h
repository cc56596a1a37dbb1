/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_KERNEL_H
#define CLV_DN_KERNEL_H

/** @file dn_kernel.h: one oneDNN primitive (or code of our own) with its arguments, as a kernel.
 *
 *  An operator's file (dn_conv.c, ...) makes the primitive and names its arguments; binding and
 *  running are the same for all. Scratchpads are always the caller's: oneDNN's own is shared
 *  between threads and gives silently wrong results. */

#include <oneapi/dnnl/dnnl.h>

#include "kernel/backend.h"

/** The node that is being compiled. */
typedef struct clv_dn_job {
    const clv_graph *graph;
    const clv_node *node;
    clv_kernel_io *io;
    clv_error *err;
} clv_dn_job;

/** How the backend runs one operator. */
typedef struct clv_dn_op {
    /** Inputs and outputs are float32, shaped and not empty already. */
    bool (*supports)(const clv_graph *graph, const clv_node *node);
    /** Make the primitive, name its arguments, set job->io. Errors as clv_backend.compile. */
    clv_status (*compile)(clv_kernel *kernel, const clv_dn_job *job);
} clv_dn_op;

extern const clv_dn_op clv_dn_batch_norm, clv_dn_binary, clv_dn_concat, clv_dn_conv,
    clv_dn_conv_transpose, clv_dn_eltwise, clv_dn_gemm, clv_dn_global_pool, clv_dn_layer_norm,
    clv_dn_lrn, clv_dn_matmul, clv_dn_pool, clv_dn_prelu, clv_dn_reduce, clv_dn_resize,
    clv_dn_shuffle, clv_dn_slice, clv_dn_softmax, clv_dn_split, clv_dn_transpose;

/** The CPU, one for the process. NULL when oneDNN has none. */
dnnl_engine_t clv_dn_engine(void);

/** What oneDNN said, as a clv_status with job->err set. A form that it refuses is
 *  CLV_EUNSUPPORTED: the runtime then takes another backend. */
CLV_NODISCARD clv_status clv_dn_check(dnnl_status_t status, const clv_dn_job *job);

/** Whether input @p i of @p node is there and constant. */
bool clv_dn_is_constant(const clv_graph *graph, const clv_node *node, uint32_t i);

/* --- making ------------------------------------------------------------------------------- */

/** An empty kernel with room for @p max_args arguments. @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_dn_kernel_create(clv_kernel **out, uint32_t max_args,
                                              unsigned threads);
void clv_dn_kernel_free(clv_kernel *kernel); /* NULL is a no-op */

/** Most threads that it may use. */
unsigned clv_dn_kernel_threads(const clv_kernel *kernel);

/** Make the primitive of @p desc (freed in every case) and reserve its scratchpad.
 *  @return CLV_OK; CLV_EUNSUPPORTED where oneDNN has only its slow reference code. */
CLV_NODISCARD clv_status clv_dn_kernel_take(clv_kernel *kernel, const clv_dn_job *job,
                                            dnnl_primitive_desc_t desc);

/** Whether @p desc runs oneDNN's reference code, which is slower than ours. */
bool clv_dn_is_slow(const_dnnl_primitive_desc_t desc);

/** Describe the primitive for tensors in @p layout. */
typedef dnnl_status_t (*clv_dn_describe_fn)(dnnl_primitive_desc_t *out, const void *params,
                                            const clv_layout *layout,
                                            const_dnnl_primitive_attr_t attr);

/** For operators that take the layout that they find: make the primitive in the first of @p layout,
 *  channels last, plain for which oneDNN has fast code.
 *  @param layout  In: what the input has; out: what was taken.
 *  @param rank    Of the tensors. */
CLV_NODISCARD clv_status clv_dn_kernel_follow(clv_kernel *kernel, const clv_dn_job *job,
                                              clv_layout *layout, uint32_t rank,
                                              clv_dn_describe_fn describe, const void *params);

/** The same for an operator from input 0 to output 0, with its arguments and layouts. */
CLV_NODISCARD clv_status clv_dn_kernel_map(clv_kernel *kernel, const clv_dn_job *job,
                                           clv_dn_describe_fn describe, const void *params);

/** What the primitive itself wants as argument @p arg (DNNL_ARG_...). Ask only this: the primitive
 *  may come from oneDNN's cache and differ from its description. That cache takes [n, 1, h, w] in
 *  NCHW and in NHWC for the same thing and hands out the code for the other one's output. */
const dnnl_memory_desc_t *clv_dn_kernel_arg(const clv_kernel *kernel, int arg);

/** Argument @p arg is the node's input / output @p i. */
void clv_dn_kernel_input(clv_kernel *kernel, int arg, uint32_t i);
void clv_dn_kernel_output(clv_kernel *kernel, int arg, uint32_t i);

/** Argument @p arg is a copy of @p data (ordered as @p from says) times @p scale. */
CLV_NODISCARD clv_status clv_dn_kernel_pack(clv_kernel *kernel, const clv_dn_job *job, int arg,
                                            const dnnl_memory_desc_t *from, void *data,
                                            float scale);

/** Argument @p arg is @p constant in @p layout, @p n times one behind the other. */
CLV_NODISCARD clv_status clv_dn_kernel_keep(clv_kernel *kernel, int arg, const clv_tensor *constant,
                                            const clv_layout *layout, size_t n);

/** For code of our own: an argument that is @p bytes of scratch memory. */
void clv_dn_kernel_scratch(clv_kernel *kernel, const clv_dn_job *job, size_t bytes);

/** Code of our own in place of a primitive: @p addresses are the arguments' in the order in which
 *  they were named (their numbers mean nothing then). @p plan is the kernel's from now on. */
typedef void (*clv_dn_native_fn)(const void *plan, void *const *addresses);
void clv_dn_kernel_set_native(clv_kernel *kernel, clv_dn_native_fn native, void *plan);

/* --- running: as clv_backend says ---------------------------------------------------------- */

clv_status clv_dn_kernel_bind(void **state_out, const clv_kernel *kernel, const clv_tensor *inputs,
                              clv_tensor *outputs, void *scratch);
void clv_dn_kernel_unbind(void *state);
clv_status clv_dn_kernel_run(const clv_kernel *kernel, void *state);

/** Set the calling thread's number of OpenMP threads, which oneDNN asks for. @return what it was.
 */
int clv_dn_set_threads(int threads);

#endif
