/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref.h"

#include <string.h>

#include "kernel/ref/ref_kernels.h"

#define MASK(name) (1u << CLV_##name)
#define FLOAT MASK(F32)
#define FLOATS (MASK(F32) | MASK(F64))
#define NUMBERS (FLOATS | MASK(I32) | MASK(I64))
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
    [CLV_OP_ADD] = {ref_binary, NUMBERS, UNIFORM | FUSES},
    [CLV_OP_AVERAGE_POOL] = {ref_pool, FLOAT, 0},
    [CLV_OP_BATCH_NORMALIZATION] = {ref_batch_norm, FLOAT, UNIFORM},
    [CLV_OP_CAST] = {ref_cast, ANY, 0},
    [CLV_OP_CLIP] = {ref_clip, FLOAT, UNIFORM},
    [CLV_OP_CONCAT] = {ref_concat, ANY, UNIFORM},
    [CLV_OP_CONSTANT_OF_SHAPE] = {ref_fill, ANY, 0},
    [CLV_OP_CONV] = {ref_conv, FLOAT, UNIFORM | FUSES},
    [CLV_OP_DIV] = {ref_binary, NUMBERS, UNIFORM},
    [CLV_OP_DROPOUT] = {ref_dropout, ANY, IN_PLACE},
    [CLV_OP_ELU] = {ref_activation, FLOAT, 0},
    [CLV_OP_EXP] = {ref_exp, FLOAT, 0},
    [CLV_OP_EXPAND] = {ref_expand, ANY, 0},
    [CLV_OP_FLATTEN] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_GATHER] = {ref_gather, ANY, 0},
    [CLV_OP_GEMM] = {ref_gemm, FLOAT, UNIFORM},
    [CLV_OP_GLOBAL_AVERAGE_POOL] = {ref_pool, FLOAT, 0},
    [CLV_OP_GLOBAL_MAX_POOL] = {ref_pool, FLOAT, 0},
    [CLV_OP_HARD_SIGMOID] = {ref_activation, FLOAT, 0},
    [CLV_OP_HARD_SWISH] = {ref_activation, FLOAT, 0},
    [CLV_OP_IDENTITY] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_LEAKY_RELU] = {ref_activation, FLOAT, 0},
    [CLV_OP_LRN] = {ref_lrn, FLOAT, 0},
    [CLV_OP_MATMUL] = {ref_matmul, FLOAT, UNIFORM},
    [CLV_OP_MAX_POOL] = {ref_pool, FLOAT, 0},
    [CLV_OP_MUL] = {ref_binary, NUMBERS, UNIFORM},
    [CLV_OP_NEG] = {ref_neg, NUMBERS, 0},
    [CLV_OP_PAD] = {ref_pad, ANY, 0},
    [CLV_OP_POW] = {ref_binary, FLOATS, UNIFORM},
    [CLV_OP_PRELU] = {ref_prelu, FLOAT, UNIFORM},
    [CLV_OP_REDUCE_MEAN] = {ref_reduce_mean, FLOAT, 0},
    [CLV_OP_RELU] = {ref_activation, FLOAT, 0},
    [CLV_OP_RESHAPE] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_SHAPE] = {ref_shape, ANY, 0},
    [CLV_OP_SIGMOID] = {ref_activation, FLOAT, 0},
    [CLV_OP_SLICE] = {ref_slice, ANY, 0},
    [CLV_OP_SOFTMAX] = {ref_softmax, FLOAT, 0},
    [CLV_OP_SPLIT] = {ref_split, ANY, 0},
    [CLV_OP_SQRT] = {ref_sqrt, FLOAT, 0},
    [CLV_OP_SQUEEZE] = {ref_copy, ANY, IN_PLACE},
    [CLV_OP_SUB] = {ref_binary, NUMBERS, UNIFORM},
    [CLV_OP_TANH] = {ref_activation, FLOAT, 0},
    [CLV_OP_TRANSPOSE] = {ref_transpose, ANY, 0},
    [CLV_OP_UNSQUEEZE] = {ref_copy, ANY, IN_PLACE},
};

static bool ref_supports(const clv_graph *graph, const clv_node *node)
{
    const entry *e = &table[node->op];
    clv_dtype dtype = clv_node_input(graph, node, 0)->dtype;

    if (e->run == NULL || (e->dtypes >> dtype & 1u) == 0)
        return false;
    if (node->fusion.activation != CLV_ACT_NONE && ((e->traits & FUSES) == 0 || dtype != CLV_F32))
        return false;
    for (uint32_t i = 1; (e->traits & UNIFORM) != 0 && i < node->n_inputs; i++) {
        const clv_tensor *input = clv_node_input(graph, node, i);
        if (input != NULL && input->dtype != dtype)
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

clv_status clv_ref_evaluate(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                            clv_tensor *outputs)
{
    if (!ref_supports(graph, node))
        return CLV_EUNSUPPORTED;
    return run_node(graph, node, inputs, outputs);
}

/* --- the backend -------------------------------------------------------------------------- */

struct clv_kernel {
    const clv_graph *graph;
    const clv_node *node;
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
        (clv_kernel){graph, node, (table[node->op].traits & IN_PLACE) != 0 && (keeps & 1u) == 0};
    for (uint32_t i = 0; i < node->n_inputs; i++)
        io->inputs[i] = clv_layout_plain();
    for (uint32_t i = 0; i < node->n_outputs; i++)
        io->outputs[i] = clv_layout_plain();
    io->scratch_bytes = 0;
    io->inplace_input = kernel->in_place ? 0 : CLV_NO_VALUE;
    io->keeps_constants = keeps;
    *out = kernel;
    return CLV_OK;
}

static void ref_free_kernel(clv_kernel *kernel)
{
    clv_free(kernel);
}

static clv_status ref_bind(void **state_out, const clv_kernel *kernel, const clv_tensor *inputs,
                           clv_tensor *outputs, void *scratch)
{
    uint32_t n_inputs = kernel->node->n_inputs, n_outputs = kernel->node->n_outputs;
    (void)scratch;

    state *s = clv_calloc(1, sizeof *s + (n_inputs + (size_t)n_outputs) * sizeof *s->inputs);
    if (s == NULL)
        return CLV_ENOMEM;
    s->inputs = (clv_tensor *)(s + 1);
    s->outputs = s->inputs + n_inputs;
    memcpy(s->inputs, inputs, n_inputs * sizeof *inputs);
    memcpy(s->outputs, outputs, n_outputs * sizeof *outputs);
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
