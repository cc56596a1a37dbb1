/* SPDX-License-Identifier: Apache-2.0 */

/* The oneDNN backend: which file compiles which operator. What isn't here, or what a file refuses,
 * runs on the reference backend. */
#include "base/error.h"
#include "kernel/onednn/dn_int8.h"

static const clv_dn_op *const operators[CLV_OP_COUNT] = {
    [CLV_OP_ABS] = &clv_dn_eltwise,
    [CLV_OP_ADD] = &clv_dn_binary,
    [CLV_OP_AVERAGE_POOL] = &clv_dn_pool,
    [CLV_OP_BATCH_NORMALIZATION] = &clv_dn_batch_norm,
    [CLV_OP_CHANNEL_SHUFFLE] = &clv_dn_shuffle,
    [CLV_OP_CLIP] = &clv_dn_eltwise,
    [CLV_OP_CONCAT] = &clv_dn_concat,
    [CLV_OP_CONV] = &clv_dn_conv,
    [CLV_OP_CONV_TRANSPOSE] = &clv_dn_conv_transpose,
    [CLV_OP_DIV] = &clv_dn_binary,
    [CLV_OP_ELU] = &clv_dn_eltwise,
    [CLV_OP_EXP] = &clv_dn_eltwise,
    [CLV_OP_GELU] = &clv_dn_eltwise,
    [CLV_OP_GEMM] = &clv_dn_gemm,
    [CLV_OP_GLOBAL_AVERAGE_POOL] = &clv_dn_global_pool,
    [CLV_OP_GLOBAL_MAX_POOL] = &clv_dn_global_pool,
    [CLV_OP_HARD_SIGMOID] = &clv_dn_eltwise,
    [CLV_OP_HARD_SWISH] = &clv_dn_eltwise,
    [CLV_OP_LAYER_NORMALIZATION] = &clv_dn_layer_norm,
    [CLV_OP_LEAKY_RELU] = &clv_dn_eltwise,
    [CLV_OP_LOG_SOFTMAX] = &clv_dn_softmax,
    [CLV_OP_LRN] = &clv_dn_lrn,
    [CLV_OP_MATMUL] = &clv_dn_matmul,
    [CLV_OP_MAX] = &clv_dn_binary,
    [CLV_OP_MAX_POOL] = &clv_dn_pool,
    [CLV_OP_MIN] = &clv_dn_binary,
    [CLV_OP_MISH] = &clv_dn_eltwise,
    [CLV_OP_MUL] = &clv_dn_binary,
    [CLV_OP_NEG] = &clv_dn_eltwise,
    [CLV_OP_POW] = &clv_dn_eltwise,
    [CLV_OP_PRELU] = &clv_dn_prelu,
    [CLV_OP_RECIPROCAL] = &clv_dn_eltwise,
    [CLV_OP_REDUCE_L1] = &clv_dn_reduce,
    [CLV_OP_REDUCE_L2] = &clv_dn_reduce,
    [CLV_OP_REDUCE_MAX] = &clv_dn_reduce,
    [CLV_OP_REDUCE_MEAN] = &clv_dn_reduce,
    [CLV_OP_REDUCE_MIN] = &clv_dn_reduce,
    [CLV_OP_REDUCE_PROD] = &clv_dn_reduce,
    [CLV_OP_REDUCE_SUM] = &clv_dn_reduce,
    [CLV_OP_REDUCE_SUM_SQUARE] = &clv_dn_reduce,
    [CLV_OP_RELU] = &clv_dn_eltwise,
    [CLV_OP_RESIZE] = &clv_dn_resize,
    [CLV_OP_ROUND] = &clv_dn_eltwise,
    [CLV_OP_SIGMOID] = &clv_dn_eltwise,
    [CLV_OP_SLICE] = &clv_dn_slice,
    [CLV_OP_SOFTMAX] = &clv_dn_softmax,
    [CLV_OP_SPLIT] = &clv_dn_split,
    [CLV_OP_SQRT] = &clv_dn_eltwise,
    [CLV_OP_SUB] = &clv_dn_binary,
    [CLV_OP_SWISH] = &clv_dn_eltwise,
    [CLV_OP_TANH] = &clv_dn_eltwise,
    [CLV_OP_TRANSPOSE] = &clv_dn_transpose,
};

/* Inputs that are integers, and constant: axes and sizes. */
static bool is_parameter(clv_op op, uint32_t i)
{
    return i > 0 && (op == CLV_OP_RESIZE || op == CLV_OP_SLICE || op == CLV_OP_SPLIT ||
                     operators[op] == &clv_dn_reduce);
}

/* The same for nodes that compute on bytes. */
static const clv_dn_op *const int8_operators[CLV_OP_COUNT] = {
    [CLV_OP_ADD] = &clv_dn_int8_binary,
    [CLV_OP_AVERAGE_POOL] = &clv_dn_int8_pool,
    [CLV_OP_CLIP] = &clv_dn_int8_table,
    [CLV_OP_CONCAT] = &clv_dn_concat,
    [CLV_OP_CONV] = &clv_dn_int8_conv,
    [CLV_OP_ELU] = &clv_dn_int8_table,
    [CLV_OP_ERF] = &clv_dn_int8_table,
    [CLV_OP_EXP] = &clv_dn_int8_table,
    [CLV_OP_GELU] = &clv_dn_int8_table,
    [CLV_OP_GEMM] = &clv_dn_int8_matmul,
    [CLV_OP_GLOBAL_AVERAGE_POOL] = &clv_dn_int8_pool,
    [CLV_OP_GLOBAL_MAX_POOL] = &clv_dn_int8_pool,
    [CLV_OP_HARD_SIGMOID] = &clv_dn_int8_table,
    [CLV_OP_HARD_SWISH] = &clv_dn_int8_table,
    [CLV_OP_LEAKY_RELU] = &clv_dn_int8_table,
    [CLV_OP_MATMUL] = &clv_dn_int8_matmul,
    [CLV_OP_MAX_POOL] = &clv_dn_int8_pool,
    [CLV_OP_MISH] = &clv_dn_int8_table,
    [CLV_OP_MUL] = &clv_dn_int8_binary,
    [CLV_OP_NEG] = &clv_dn_int8_table,
    [CLV_OP_RELU] = &clv_dn_int8_table,
    [CLV_OP_RESIZE] = &clv_dn_int8_resize,
    [CLV_OP_SIGMOID] = &clv_dn_int8_table,
    [CLV_OP_SOFTPLUS] = &clv_dn_int8_table,
    [CLV_OP_SQRT] = &clv_dn_int8_table,
    [CLV_OP_SUB] = &clv_dn_int8_binary,
    [CLV_OP_SWISH] = &clv_dn_int8_table,
    [CLV_OP_TANH] = &clv_dn_int8_table,
};

static const clv_dn_op *find(const clv_node *node)
{
    return node->quantised ? int8_operators[node->op] : operators[node->op];
}

/* Bytes or float32, not empty, and small enough for the ints inside of oneDNN. */
static bool is_usable(const clv_tensor *tensor, bool bytes)
{
    size_t n = 0;
    if (tensor->dtype != CLV_F32 &&
        !(bytes && (tensor->dtype == CLV_U8 || tensor->dtype == CLV_I8)))
        return false;
    return clv_shape_elems(&n, &tensor->shape) == CLV_OK && n > 0 && n <= INT32_MAX / sizeof(float);
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    const clv_dn_op *op = find(node);

    if (op == NULL || clv_dn_engine() == NULL)
        return false;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *input = clv_node_input(graph, node, i);
        bool is_constant = node->quantised && input != NULL && input->data != NULL;
        if (input != NULL && !is_constant && !is_parameter(node->op, i) &&
            !is_usable(input, node->quantised))
            return false;
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const clv_tensor *output = clv_node_output(graph, node, i);
        if (output == NULL || !is_usable(output, node->quantised))
            return false;
    }
    return op->supports(graph, node);
}

static clv_status compile(clv_kernel **out, clv_kernel_io *io, const clv_graph *graph,
                          const clv_node *node, const clv_backend_options *options, clv_error *err)
{
    clv_dn_job job = {graph, node, io, err};
    clv_kernel *kernel = NULL;

    io->scratch_bytes = 0;
    io->inplace_input = CLV_NO_VALUE;
    io->keeps_constants = 0;
    /* one argument for each input and output, the scratchpad, and what zero points add to */
    CLV_TRY(clv_dn_kernel_create(&kernel, node->n_inputs + node->n_outputs + 2, options->threads));
    /* oneDNN makes code for the number of threads that the caller has now */
    int threads = clv_dn_set_threads((int)options->threads);
    clv_status status = find(node)->compile(kernel, &job);
    (void)clv_dn_set_threads(threads);
    if (status != CLV_OK) {
        clv_dn_kernel_free(kernel);
        return status;
    }
    *out = kernel;
    return CLV_OK;
}

static const clv_backend backend = {
    .name = "onednn",
    .supports = supports,
    .compile = compile,
    .free_kernel = clv_dn_kernel_free,
    .bind = clv_dn_kernel_bind,
    .unbind = clv_dn_kernel_unbind,
    .run = clv_dn_kernel_run,
};

const clv_backend *clv_backend_onednn(void)
{
    return &backend;
}
