/* SPDX-License-Identifier: Apache-2.0 */

/* Gemm and MatMul. All tensors are plain; constant matrices are packed. */
#include "base/error.h"
#include "base/memory.h"
#include "graph/params.h"
#include "kernel/onednn/dn_attr.h"
#include "kernel/onednn/dn_layout.h"

enum { A, B, BIAS };

/* dst = alpha * src * weights + bias, of one rank: batches..., rows, columns. */
typedef struct matmul {
    clv_shape src, weights, dst;
    bool transposed_src, transposed_weights; /* in memory */
    float alpha;
    float *bias; /* one for each column, owned; NULL: none */
} matmul;

static void describe_matrix(dnnl_memory_desc_t *out, const clv_shape *shape, bool transposed)
{
    clv_layout layout = clv_layout_plain();
    if (transposed) {
        layout.perm[shape->rank - 2] = (uint8_t)(shape->rank - 1);
        layout.perm[shape->rank - 1] = (uint8_t)(shape->rank - 2);
    }
    clv_dn_describe(out, shape, &layout);
}

static clv_shape bias_shape(const matmul *m)
{
    clv_shape shape = {.rank = m->dst.rank};
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = i + 1 < shape.rank ? 1 : m->dst.dim[i];
    return shape;
}

static dnnl_status_t create_desc(dnnl_primitive_desc_t *out, const clv_dn_job *job, const matmul *m,
                                 const_dnnl_primitive_attr_t attr)
{
    dnnl_memory_desc_t src, weights, bias, dst;
    clv_shape columns = bias_shape(m);
    dnnl_matmul_desc_t desc;

    describe_matrix(&src, &m->src, m->transposed_src);
    if (clv_dn_is_constant(job->graph, job->node, B))
        clv_dn_describe_any(&weights, &m->weights);
    else
        describe_matrix(&weights, &m->weights, m->transposed_weights);
    clv_dn_describe_plain(&bias, &columns);
    clv_dn_describe_plain(&dst, &m->dst);
    dnnl_status_t status =
        dnnl_matmul_desc_init(&desc, &src, &weights, m->bias == NULL ? NULL : &bias, &dst);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static clv_status add_source(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_tensor *a = clv_node_input(job->graph, job->node, A);
    clv_layout plain = clv_layout_plain();

    if (a->data != NULL)
        return clv_dn_kernel_keep(kernel, DNNL_ARG_SRC, a, &plain, 1);
    job->io->inputs[A] = plain;
    clv_dn_kernel_input(kernel, DNNL_ARG_SRC, A);
    return CLV_OK;
}

static clv_status add_weights(clv_kernel *kernel, const clv_dn_job *job, const matmul *m)
{
    const clv_tensor *b = clv_node_input(job->graph, job->node, B);
    dnnl_memory_desc_t from;

    if (b->data == NULL) {
        job->io->inputs[B] = clv_layout_plain();
        clv_dn_kernel_input(kernel, DNNL_ARG_WEIGHTS, B);
        return CLV_OK;
    }
    describe_matrix(&from, &m->weights, m->transposed_weights);
    return clv_dn_kernel_pack(kernel, job, DNNL_ARG_WEIGHTS, &from, b->data, m->alpha);
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, const matmul *m)
{
    clv_shape columns = bias_shape(m);
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_memory_desc_t from;

    CLV_TRY(clv_dn_attr_create(&attr, job, &job->node->fusion, false));
    clv_status status = clv_dn_check(create_desc(&desc, job, m, attr), job);
    (void)dnnl_primitive_attr_destroy(attr);
    CLV_TRY(status);
    CLV_TRY(clv_dn_kernel_take(kernel, job, desc));

    CLV_TRY(add_source(kernel, job));
    job->io->outputs[0] = clv_layout_plain();
    clv_dn_kernel_output(kernel, DNNL_ARG_DST, 0);
    CLV_TRY(add_weights(kernel, job, m));
    if (m->bias == NULL)
        return CLV_OK;
    clv_dn_describe_plain(&from, &columns);
    return clv_dn_kernel_pack(kernel, job, DNNL_ARG_BIAS, &from, m->bias, 1.0f);
}

/* --- Gemm --------------------------------------------------------------------------------- */

/* Whether C is the same for every row. */
static bool is_row(const clv_shape *c)
{
    return c->rank < 2 || (c->rank == 2 && c->dim[0] == 1);
}

static bool supports_gemm(const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *c = clv_node_input(graph, node, BIAS);

    if (clv_node_attr_float(node, "alpha", 1.0f) != 1.0f && !clv_dn_is_constant(graph, node, B))
        return false;
    return c == NULL || (c->data != NULL && is_row(&c->shape));
}

static clv_status read_bias(float **out, const clv_tensor *c, const clv_gemm_params *params)
{
    const float *from = c->data;
    size_t elems = 0;

    CLV_TRY(clv_shape_elems(&elems, &c->shape));
    float *bias = clv_calloc((size_t)params->n, sizeof *bias);
    if (bias == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < (size_t)params->n; i++)
        bias[i] = params->beta * from[elems == 1 ? 0 : i];
    *out = bias;
    return CLV_OK;
}

static clv_status compile_gemm(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_tensor *c = clv_node_input(job->graph, job->node, BIAS);
    clv_gemm_params params;

    CLV_TRY(clv_gemm_params_of(&params, job->graph, job->node, job->err));
    matmul m = {.src = {.rank = 2, .dim = {params.m, params.k}},
                .weights = {.rank = 2, .dim = {params.k, params.n}},
                .dst = {.rank = 2, .dim = {params.m, params.n}},
                .transposed_src = params.trans_a,
                .transposed_weights = params.trans_b,
                .alpha = params.alpha};
    if (c != NULL)
        CLV_TRY(read_bias(&m.bias, c, &params));
    clv_status status = make(kernel, job, &m);
    clv_free(m.bias);
    return status;
}

/* --- MatMul ------------------------------------------------------------------------------- */

static bool supports_matmul(const clv_graph *graph, const clv_node *node)
{
    return !clv_dn_is_constant(graph, node, A) || !clv_dn_is_constant(graph, node, B);
}

/* A vector is one row on the left and one column on the right. */
static clv_shape as_matrix(const clv_shape *shape, bool left)
{
    clv_shape out = *shape;
    if (shape->rank == 1)
        out = (clv_shape){.rank = 2, .dim = {left ? 1 : shape->dim[0], left ? shape->dim[0] : 1}};
    return out;
}

/* One matrix for all batches: the batches are rows of one tall matrix. */
static void flatten_batches(matmul *m)
{
    uint32_t last = m->src.rank - 1;
    int64_t rows = 1;

    for (uint32_t i = 0; i < last; i++) {
        if (i + 1 < last && m->weights.dim[i] != 1)
            return;
        rows *= m->src.dim[i];
    }
    m->src = (clv_shape){.rank = 2, .dim = {rows, m->src.dim[last]}};
    m->dst = (clv_shape){.rank = 2, .dim = {rows, m->dst.dim[last]}};
    m->weights = (clv_shape){.rank = 2, .dim = {m->weights.dim[last - 1], m->weights.dim[last]}};
}

static clv_status compile_matmul(clv_kernel *kernel, const clv_dn_job *job)
{
    clv_shape a = as_matrix(&clv_node_input(job->graph, job->node, A)->shape, true);
    clv_shape b = as_matrix(&clv_node_input(job->graph, job->node, B)->shape, false);
    uint32_t rank = a.rank > b.rank ? a.rank : b.rank;
    matmul m = {
        .src = clv_dn_promote(&a, rank), .weights = clv_dn_promote(&b, rank), .alpha = 1.0f};

    m.dst = m.src; /* the output without the ones that vectors are left out for */
    for (uint32_t i = 0; i + 2 < rank; i++)
        m.dst.dim[i] = m.src.dim[i] == 1 ? m.weights.dim[i] : m.src.dim[i];
    m.dst.dim[rank - 1] = m.weights.dim[rank - 1];
    flatten_batches(&m);
    return make(kernel, job, &m);
}

const clv_dn_op clv_dn_gemm = {supports_gemm, compile_gemm};
const clv_dn_op clv_dn_matmul = {supports_matmul, compile_matmul};
