/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref.h"

#include <string.h>

#include "kernel/ref/ref_int8.h"

#define MASK(name) (1u << CLV_##name)
#define FLOAT MASK(F32)
#define FLOATS (MASK(F32) | MASK(F64))
#define NUMBERS (FLOATS | MASK(I32) | MASK(I64))
#define BYTES (MASK(U8) | MASK(I8)) /* what is quantised */
#define SIGNED (MASK(I8) | MASK(I16) | MASK(I32) | MASK(I64))
#define UNSIGNED (MASK(U8) | MASK(U16) | MASK(U32) | MASK(U64))
#define INTS (SIGNED | UNSIGNED)
#define ANY (~MASK(NONE))

/* What is special about a kernel. */
enum {
    UNIFORM = 1,  /* all inputs are of one type */
    FUSES = 2,    /* heeds node->fusion, which means float32 */
    IN_PLACE = 4, /* the output may lie where the input lay */
};

typedef struct entry {
    clv_ref_kernel *run;
    uint32_t dtypes; /* of input 0, one bit each */
    uint32_t traits;
} entry;

static const entry table[CLV_OP_COUNT] = {
    [CLV_OP_ABS] = {ref_unary, FLOATS | INTS, IN_PLACE},
    [CLV_OP_ACOS] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_ACOSH] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_ADD] = {ref_binary, FLOATS | INTS, UNIFORM | FUSES},
    [CLV_OP_AFFINE_GRID] = {ref_affine_grid, FLOAT, 0},
    [CLV_OP_AND] = {ref_bits, MASK(BOOL), UNIFORM},
    [CLV_OP_ARG_MAX] = {ref_arg, FLOATS | INTS, 0},
    [CLV_OP_ARG_MIN] = {ref_arg, FLOATS | INTS, 0},
    [CLV_OP_ASIN] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_ASINH] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_ATAN] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_ATANH] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_AVERAGE_POOL] = {ref_pool, FLOATS, 0},
    [CLV_OP_BATCH_NORMALIZATION] = {ref_batch_norm, FLOAT, UNIFORM},
    [CLV_OP_BITWISE_AND] = {ref_bits, INTS, UNIFORM},
    [CLV_OP_BITWISE_NOT] = {ref_not, INTS, IN_PLACE},
    [CLV_OP_BITWISE_OR] = {ref_bits, INTS, UNIFORM},
    [CLV_OP_BITWISE_XOR] = {ref_bits, INTS, UNIFORM},
    [CLV_OP_BIT_SHIFT] = {ref_bit_shift, UNSIGNED, UNIFORM},
    [CLV_OP_BLACKMAN_WINDOW] = {ref_blackman_window, INTS, 0},
    [CLV_OP_CAST] = {ref_cast, ANY, 0},
    [CLV_OP_CAST_LIKE] = {ref_cast, ANY, 0},
    [CLV_OP_CEIL] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_CELU] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_CENTER_CROP_PAD] = {ref_center_crop_pad, ANY, 0},
    [CLV_OP_CHANNEL_SHUFFLE] = {ref_channel_shuffle, ANY, 0},
    [CLV_OP_CLIP] = {ref_clip, FLOATS | INTS | MASK(F16), UNIFORM},
    [CLV_OP_COL2IM] = {ref_col2im, FLOAT, 0},
    [CLV_OP_COMPRESS] = {ref_compress, ANY, 0},
    [CLV_OP_CONCAT] = {ref_concat, ANY, UNIFORM},
    [CLV_OP_CONSTANT_OF_SHAPE] = {ref_fill, ANY, 0},
    [CLV_OP_CONV] = {ref_conv, FLOAT, UNIFORM | FUSES},
    [CLV_OP_CONV_INTEGER] = {ref_conv_integer, BYTES, 0},
    [CLV_OP_CONV_TRANSPOSE] = {ref_conv_transpose, FLOAT, UNIFORM},
    [CLV_OP_COS] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_COSH] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_CUM_SUM] = {ref_cum_sum, FLOATS | MASK(I32) | MASK(I64) | MASK(U32) | MASK(U64), 0},
    [CLV_OP_DEPTH_TO_SPACE] = {ref_depth_to_space, ANY, 0},
    [CLV_OP_DEQUANTIZE_LINEAR] = {ref_quantize, BYTES | MASK(U16) | MASK(I16) | MASK(I32), 0},
    [CLV_OP_DET] = {ref_det, FLOAT, 0},
    [CLV_OP_DFT] = {ref_dft, FLOAT, 0},
    [CLV_OP_DIV] = {ref_binary, FLOATS | INTS, UNIFORM},
    [CLV_OP_DROPOUT] = {ref_dropout, ANY, IN_PLACE},
    [CLV_OP_DYNAMIC_QUANTIZE_LINEAR] = {ref_dynamic_quantize, FLOAT, 0},
    [CLV_OP_EINSUM] = {ref_einsum, FLOATS | INTS, UNIFORM},
    [CLV_OP_ELU] = {ref_activation, FLOAT, 0},
    [CLV_OP_EQUAL] = {ref_compare, FLOATS | INTS | MASK(BOOL), UNIFORM},
    [CLV_OP_ERF] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_EXP] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_EXPAND] = {ref_expand, ANY, 0},
    [CLV_OP_EYE_LIKE] = {ref_eye_like, ANY, 0},
    [CLV_OP_FLATTEN] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_FLOOR] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_GATHER] = {ref_gather, ANY, 0},
    [CLV_OP_GATHER_ELEMENTS] = {ref_gather_elements, ANY, 0},
    [CLV_OP_GATHER_ND] = {ref_gather_nd, ANY, 0},
    [CLV_OP_GELU] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_GEMM] = {ref_gemm, FLOATS, UNIFORM},
    [CLV_OP_GLOBAL_AVERAGE_POOL] = {ref_pool, FLOATS, 0},
    [CLV_OP_GLOBAL_LP_POOL] = {ref_pool, FLOATS, 0},
    [CLV_OP_GLOBAL_MAX_POOL] = {ref_pool, FLOATS, 0},
    [CLV_OP_GREATER] = {ref_compare, FLOATS | INTS, UNIFORM},
    [CLV_OP_GREATER_OR_EQUAL] = {ref_compare, FLOATS | INTS, UNIFORM},
    [CLV_OP_GRID_SAMPLE] = {ref_grid_sample, FLOAT, UNIFORM},
    [CLV_OP_GROUP_NORMALIZATION] = {ref_group_norm, FLOAT, UNIFORM},
    [CLV_OP_GRU] = {ref_rnn, FLOAT, 0},
    [CLV_OP_HAMMING_WINDOW] = {ref_hamming_window, INTS, 0},
    [CLV_OP_HANN_WINDOW] = {ref_hann_window, INTS, 0},
    [CLV_OP_HARDMAX] = {ref_along_axis, FLOAT, 0},
    [CLV_OP_HARD_SIGMOID] = {ref_activation, FLOAT, 0},
    [CLV_OP_HARD_SWISH] = {ref_activation, FLOAT, 0},
    [CLV_OP_IDENTITY] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_INSTANCE_NORMALIZATION] = {ref_group_norm, FLOAT, UNIFORM},
    [CLV_OP_IS_INF] = {ref_predicate, FLOATS | MASK(F16), 0},
    [CLV_OP_IS_NAN] = {ref_predicate, FLOATS | MASK(F16), 0},
    [CLV_OP_LAYER_NORMALIZATION] = {ref_layer_norm, FLOAT, UNIFORM},
    [CLV_OP_LEAKY_RELU] = {ref_activation, FLOAT, 0},
    [CLV_OP_LESS] = {ref_compare, FLOATS | INTS, UNIFORM},
    [CLV_OP_LESS_OR_EQUAL] = {ref_compare, FLOATS | INTS, UNIFORM},
    [CLV_OP_LOG] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_LOG_SOFTMAX] = {ref_along_axis, FLOAT, 0},
    [CLV_OP_LP_NORMALIZATION] = {ref_along_axis, FLOAT, 0},
    [CLV_OP_LP_POOL] = {ref_pool, FLOATS, 0},
    [CLV_OP_LRN] = {ref_lrn, FLOAT, 0},
    [CLV_OP_LSTM] = {ref_rnn, FLOAT, 0},
    [CLV_OP_MATMUL] = {ref_matmul, NUMBERS | MASK(U32) | MASK(U64), UNIFORM},
    [CLV_OP_MATMUL_INTEGER] = {ref_matmul_integer, BYTES, 0},
    [CLV_OP_MAX] = {ref_variadic, FLOATS | INTS | MASK(F16), UNIFORM},
    [CLV_OP_MAX_POOL] = {ref_pool, FLOATS | BYTES, 0},
    [CLV_OP_MAX_UNPOOL] = {ref_max_unpool, FLOAT, 0},
    [CLV_OP_MEAN] = {ref_variadic, FLOATS, UNIFORM},
    [CLV_OP_MEAN_VARIANCE_NORMALIZATION] = {ref_mean_variance, FLOAT, 0},
    [CLV_OP_MEL_WEIGHT_MATRIX] = {ref_mel, INTS, 0},
    [CLV_OP_MIN] = {ref_variadic, FLOATS | INTS | MASK(F16), UNIFORM},
    [CLV_OP_MISH] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_MOD] = {ref_mod, FLOATS | INTS | MASK(F16), UNIFORM},
    [CLV_OP_MUL] = {ref_binary, FLOATS | INTS, UNIFORM},
    [CLV_OP_NEG] = {ref_unary, FLOATS | SIGNED, IN_PLACE},
    [CLV_OP_NEGATIVE_LOG_LIKELIHOOD_LOSS] = {ref_loss, FLOAT, 0},
    [CLV_OP_NON_MAX_SUPPRESSION] = {ref_nms, FLOAT, 0},
    [CLV_OP_NON_ZERO] = {ref_non_zero, ANY, 0},
    [CLV_OP_NOT] = {ref_not, MASK(BOOL), IN_PLACE},
    [CLV_OP_ONE_HOT] = {ref_one_hot, FLOATS | INTS, 0},
    [CLV_OP_OR] = {ref_bits, MASK(BOOL), UNIFORM},
    [CLV_OP_PAD] = {ref_pad, ANY, 0},
    [CLV_OP_POW] = {ref_pow, FLOATS | INTS, 0},
    [CLV_OP_PRELU] = {ref_prelu, FLOATS | SIGNED, UNIFORM},
    [CLV_OP_QLINEAR_CONV] = {ref_conv_integer, BYTES, 0},
    [CLV_OP_QLINEAR_MATMUL] = {ref_matmul_integer, BYTES, 0},
    [CLV_OP_QUANTIZE_LINEAR] = {ref_quantize, FLOAT | MASK(F16) | MASK(I32), 0},
    [CLV_OP_RANGE] = {ref_sequence, FLOATS | INTS, UNIFORM},
    [CLV_OP_RECIPROCAL] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_REDUCE_L1] = {ref_reduce, FLOATS | SIGNED, 0},
    [CLV_OP_REDUCE_L2] = {ref_reduce, FLOATS, 0},
    [CLV_OP_REDUCE_LOG_SUM] = {ref_reduce, FLOATS, 0},
    [CLV_OP_REDUCE_LOG_SUM_EXP] = {ref_reduce, FLOATS, 0},
    [CLV_OP_REDUCE_MAX] = {ref_reduce, FLOATS | SIGNED | MASK(U8), 0},
    [CLV_OP_REDUCE_MEAN] = {ref_reduce, FLOATS | SIGNED, 0},
    [CLV_OP_REDUCE_MIN] = {ref_reduce, FLOATS | SIGNED | MASK(U8), 0},
    [CLV_OP_REDUCE_PROD] = {ref_reduce, FLOATS | SIGNED, 0},
    [CLV_OP_REDUCE_SUM] = {ref_reduce, FLOATS | SIGNED, 0},
    [CLV_OP_REDUCE_SUM_SQUARE] = {ref_reduce, FLOATS | SIGNED, 0},
    [CLV_OP_RELU] = {ref_activation, FLOAT, 0},
    [CLV_OP_RESHAPE] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_RESIZE] = {ref_resize, ANY, 0},
    [CLV_OP_REVERSE_SEQUENCE] = {ref_reverse_sequence, ANY, 0},
    [CLV_OP_RNN] = {ref_rnn, FLOAT, 0},
    [CLV_OP_ROI_ALIGN] = {ref_roi_align, FLOAT, 0},
    [CLV_OP_ROUND] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SCATTER_ELEMENTS] = {ref_scatter_elements, ANY, 0},
    [CLV_OP_SCATTER_ND] = {ref_scatter_nd, ANY, 0},
    [CLV_OP_SELU] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SHAPE] = {ref_shape, ANY, 0},
    [CLV_OP_SHRINK] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SIGMOID] = {ref_activation, FLOAT, 0},
    [CLV_OP_SIGN] = {ref_unary, FLOATS | INTS, IN_PLACE},
    [CLV_OP_SIN] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SINH] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SIZE] = {ref_size, ANY, 0},
    [CLV_OP_SLICE] = {ref_slice, ANY, 0},
    [CLV_OP_SOFTMAX] = {ref_along_axis, FLOAT, 0},
    [CLV_OP_SOFTMAX_CROSS_ENTROPY_LOSS] = {ref_loss, FLOAT, 0},
    [CLV_OP_SOFTPLUS] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SOFTSIGN] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SPACE_TO_DEPTH] = {ref_space_to_depth, ANY, 0},
    [CLV_OP_SPLIT] = {ref_split, ANY, 0},
    [CLV_OP_SQRT] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_SQUEEZE] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_STFT] = {ref_stft, FLOAT, 0},
    [CLV_OP_SUB] = {ref_binary, FLOATS | INTS, UNIFORM},
    [CLV_OP_SWISH] = {ref_activation, FLOAT, 0},
    [CLV_OP_TAN] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_TANH] = {ref_activation, FLOAT, 0},
    [CLV_OP_THRESHOLDED_RELU] = {ref_unary, FLOATS, IN_PLACE},
    [CLV_OP_TILE] = {ref_tile, ANY, 0},
    [CLV_OP_TOP_K] = {ref_top_k, FLOATS | INTS, 0},
    [CLV_OP_TRANSPOSE] = {ref_transpose, ANY, 0},
    [CLV_OP_TRILU] = {ref_trilu, ANY, 0},
    [CLV_OP_UNIQUE] = {ref_unique, ANY, 0},
    [CLV_OP_UNSQUEEZE] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_WHERE] = {ref_where, MASK(BOOL), 0},
    [CLV_OP_XOR] = {ref_bits, MASK(BOOL), UNIFORM},
};

static bool ref_supports(const clv_graph *graph, const clv_node *node)
{
    const entry *e = &table[node->op];
    clv_dtype dtype = clv_node_number_type(graph, node, 0);

    if (e->run == NULL || (node->quantised && !clv_op_can_be_quantised(node->op)) ||
        (e->dtypes >> dtype & 1u) == 0)
        return false;
    if (node->fusion.activation != CLV_ACT_NONE && ((e->traits & FUSES) == 0 || dtype != CLV_F32))
        return false;
    for (uint32_t i = 1; (e->traits & UNIFORM) != 0 && i < node->n_inputs; i++) {
        clv_dtype other = clv_node_number_type(graph, node, i);
        if (other != CLV_NONE && other != dtype)
            return false;
    }
    return true;
}

/* Kernels may rely on there being something to compute, and so on every extent being bounded by
 * memory that exists: of [2^40, 0] only the product is small. */
static clv_status run_node(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                           clv_tensor *outputs)
{
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (outputs[i].dtype != CLV_NONE && ref_elems(&outputs[i]) > 0)
            return table[node->op].run(graph, node, inputs, outputs);
    }
    return CLV_OK;
}

/* With room for the scratch memory behind the outputs, where kernels look for it. */
static clv_status run_with_scratch(const clv_graph *graph, const clv_node *node,
                                   const clv_tensor *inputs, clv_tensor *outputs, size_t bytes)
{
    size_t size = node->n_outputs * sizeof *outputs;
    clv_tensor *all = clv_calloc(node->n_outputs + (size_t)1, sizeof *all);
    void *scratch = clv_alloc_aligned(bytes);
    clv_status status = CLV_ENOMEM;

    if (all != NULL && scratch != NULL) {
        memcpy(all, outputs, size);
        all[node->n_outputs].data = scratch;
        status = run_node(graph, node, inputs, all);
        memcpy(outputs, all, size);
    }
    clv_free(scratch);
    clv_free(all);
    return status;
}

clv_status clv_ref_evaluate(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                            clv_tensor *outputs)
{
    size_t bytes = ref_scratch_bytes(graph, node);

    if (node->quantised || !ref_supports(graph, node))
        return CLV_EUNSUPPORTED;
    return bytes == 0 ? run_node(graph, node, inputs, outputs)
                      : run_with_scratch(graph, node, inputs, outputs, bytes);
}

clv_status clv_ref_run(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                       clv_tensor *outputs)
{
    return run_node(graph, node, inputs, outputs);
}

/* --- the backend -------------------------------------------------------------------------- */

struct clv_kernel {
    const clv_graph *graph;
    const clv_node *node;
    ref_int8 *int8; /* of a quantised node, else NULL */
    bool in_place;
};

typedef struct state {
    clv_tensor *inputs; /* both arrays lie behind this */
    clv_tensor *outputs;
} state;

static bool is_constant_input(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_tensor *input = clv_node_input(graph, node, i);
    return input != NULL && input->data != NULL;
}

/* What is special about a node that computes on bytes. Constants that it has converted may go. */
static clv_status plan_quantised(clv_kernel *kernel, clv_kernel_io *io, uint64_t *keeps)
{
    const clv_node *node = kernel->node;

    CLV_TRY(ref_int8_create(&kernel->int8, kernel->graph, node, table[node->op].run));
    kernel->in_place = kernel->int8->in_place;
    io->scratch_bytes = kernel->int8->scratch_bytes;
    for (uint32_t i = 0; kernel->int8->constants != NULL && i < node->n_inputs && i < 64; i++) {
        if (kernel->int8->constants[i] != NULL)
            *keeps &= ~((uint64_t)1 << i);
    }
    return CLV_OK;
}

static clv_status ref_compile(clv_kernel **out, clv_kernel_io *io, const clv_graph *graph,
                              const clv_node *node, const clv_backend_options *options,
                              clv_error *err)
{
    char where[160];
    uint64_t keeps = 0;
    (void)options;

    clv_node_describe(where, sizeof where, node);
    if (!ref_supports(graph, node))
        return clv_fail(err, CLV_EUNSUPPORTED, where, "no kernel for inputs of type %s",
                        clv_dtype_name(clv_node_input(graph, node, 0)->dtype));
    for (uint32_t i = 0; i < node->n_inputs && i < 64; i++)
        keeps |= (uint64_t)is_constant_input(graph, node, i) << i;
    clv_kernel *kernel = clv_calloc(1, sizeof *kernel);
    if (kernel == NULL)
        return clv_fail(err, CLV_ENOMEM, where, "out of memory");
    *kernel =
        (clv_kernel){.graph = graph,
                     .node = node,
                     .in_place = (table[node->op].traits & IN_PLACE) != 0 && (keeps & 1u) == 0};
    io->scratch_bytes = ref_scratch_bytes(graph, node);
    if (node->quantised) {
        clv_status status = plan_quantised(kernel, io, &keeps);
        if (status != CLV_OK) {
            clv_free(kernel);
            return clv_fail(err, status, where, "the quantised node can't be planned: %s",
                            clv_status_text(status));
        }
    }
    for (uint32_t i = 0; i < node->n_inputs; i++)
        io->inputs[i] = clv_layout_plain();
    for (uint32_t i = 0; i < node->n_outputs; i++)
        io->outputs[i] = clv_layout_plain();
    io->inplace_input = kernel->in_place ? 0 : CLV_NO_VALUE;
    io->keeps_constants = keeps;
    *out = kernel;
    return CLV_OK;
}

static void ref_free_kernel(clv_kernel *kernel)
{
    if (kernel != NULL)
        ref_int8_free(kernel->int8);
    clv_free(kernel);
}

static clv_status ref_bind(void **state_out, const clv_kernel *kernel, const clv_tensor *inputs,
                           clv_tensor *outputs, void *scratch)
{
    uint32_t n_inputs = kernel->node->n_inputs, n_outputs = kernel->node->n_outputs;

    state *s = clv_calloc(1, sizeof *s + (n_inputs + (size_t)n_outputs + 1) * sizeof *s->inputs);
    if (s == NULL)
        return CLV_ENOMEM;
    s->inputs = (clv_tensor *)(s + 1);
    s->outputs = s->inputs + n_inputs;
    memcpy(s->inputs, inputs, n_inputs * sizeof *inputs);
    memcpy(s->outputs, outputs, n_outputs * sizeof *outputs);
    s->outputs[n_outputs].data = scratch;
    if (kernel->in_place)
        s->inputs[0].data = outputs[0].data;
    *state_out = s;
    return CLV_OK;
}

static void ref_unbind(void *opaque)
{
    clv_free(opaque);
}

static clv_status ref_run(const clv_kernel *kernel, void *opaque)
{
    state *s = opaque;
    if (kernel->int8 != NULL)
        return ref_int8_run(kernel->int8, s->inputs, s->outputs,
                            s->outputs[kernel->node->n_outputs].data);
    return run_node(kernel->graph, kernel->node, s->inputs, s->outputs);
}

const clv_backend clv_backend_ref = {
    .name = "ref",
    .supports = ref_supports,
    .compile = ref_compile,
    .free_kernel = ref_free_kernel,
    .bind = ref_bind,
    .unbind = ref_unbind,
    .run = ref_run,
};
