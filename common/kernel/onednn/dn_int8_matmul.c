/* SPDX-License-Identifier: Apache-2.0 */

/* Gemm and MatMul of bytes by constant int8 matrices. All tensors are plain; the matrix is packed.
 */
#include "base/error.h"
#include "base/memory.h"
#include "graph/params.h"
#include "kernel/onednn/dn_int8_dense.h"
#include "kernel/onednn/dn_int8_vector.h"
#include "kernel/onednn/dn_layout.h"

enum { A, B, C };

/* dst [m, n] = src [m, k] * weights [k, n]. */
typedef struct product {
    int64_t m, n, k;
    bool transposed; /* the weights, in memory */
} product;

/* The dimension of B that counts columns of the output. */
static uint32_t column_axis(const clv_graph *graph, const clv_node *node)
{
    if (node->op == CLV_OP_GEMM)
        return clv_node_attr_int(node, "transB", 0) != 0 ? 0 : 1;
    return clv_node_input(graph, node, B)->shape.rank - 1;
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *a = clv_node_input(graph, node, A), *b = clv_node_input(graph, node, B);
    clv_dn_operand x = clv_dn_operand_in(graph, node, A);

    if (a->data != NULL || a->shape.rank < 2 || b->shape.rank != 2 || !clv_dn_operand_is_bytes(&x))
        return false;
    return clv_dn_int8_has_weights(graph, node, B, column_axis(graph, node)) &&
           clv_dn_int8_has_bias(graph, node, C);
}

/* Gemm adds real numbers, one for each column or one for all, to its product. */
static clv_status read_addend(float **out, const clv_dn_job *job, const clv_gemm_params *gemm)
{
    const clv_tensor *c = clv_node_input(job->graph, job->node, C);
    size_t elems = 0;

    CLV_TRY(clv_shape_elems(&elems, &c->shape));
    if (elems != 1 && (elems != (size_t)gemm->n || c->shape.dim[c->shape.rank - 1] != gemm->n))
        return CLV_EUNSUPPORTED;
    float *addend = clv_calloc((size_t)gemm->n, sizeof *addend);
    if (addend == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < (size_t)gemm->n; i++)
        addend[i] = gemm->beta * ((const float *)c->data)[elems == 1 ? 0 : i];
    *out = addend;
    return CLV_OK;
}

static void describe(dnnl_memory_desc_t *out, int64_t rows, int64_t columns, bool transposed,
                     dnnl_data_type_t type)
{
    clv_shape shape = {.rank = 2, .dim = {rows, columns}};
    clv_layout layout = clv_layout_plain();

    if (transposed) {
        layout.perm[0] = 1;
        layout.perm[1] = 0;
    }
    clv_dn_describe(out, &shape, &layout);
    out->data_type = type;
}

static clv_status create_desc(dnnl_primitive_desc_t *out, const clv_dn_job *job, const product *p,
                              const clv_dn_sums *sums, bool has_bias,
                              const_dnnl_primitive_attr_t attr)
{
    clv_shape weights_shape = {.rank = 2, .dim = {p->k, p->n}};
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_matmul_desc_t desc;

    describe(&src, p->m, p->k, false, clv_dn_type_of(sums->x.dtype));
    clv_dn_describe_any(&weights, &weights_shape);
    weights.data_type = dnnl_s8;
    describe(&bias, 1, p->n, false, dnnl_f32);
    describe(&dst, p->m, p->n, false, clv_dn_type_of(sums->y.dtype));
    dnnl_status_t status =
        dnnl_matmul_desc_init(&desc, &src, &weights, has_bias ? &bias : NULL, &dst);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return clv_dn_check(status, job);
}

static clv_status make_primitive(clv_kernel *kernel, const clv_dn_job *job, const product *p,
                                 const clv_dn_sums *sums, const clv_dn_requant *requant)
{
    const clv_dn_int8_attr options = {.requant = requant, .mask = 1 << 1};
    bool has_bias = clv_dn_requant_has_bias(requant);
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_memory_desc_t from;

    CLV_TRY(clv_dn_int8_attr_create(&attr, job, &options));
    clv_status status = create_desc(&desc, job, p, sums, has_bias, attr);
    (void)dnnl_primitive_attr_destroy(attr);
    CLV_TRY(status);
    CLV_TRY(clv_dn_kernel_take(kernel, job, desc));
    job->io->inputs[A] = job->io->outputs[0] = clv_layout_plain();
    clv_dn_kernel_input(kernel, DNNL_ARG_SRC, A);
    clv_dn_kernel_output(kernel, DNNL_ARG_DST, 0);
    describe(&from, p->k, p->n, p->transposed, dnnl_s8);
    CLV_TRY(clv_dn_kernel_pack(kernel, job, DNNL_ARG_WEIGHTS, &from,
                               clv_node_input(job->graph, job->node, B)->data, 1.0f));
    if (!has_bias)
        return CLV_OK;
    describe(&from, 1, p->n, false, dnnl_f32);
    return clv_dn_kernel_pack(kernel, job, DNNL_ARG_BIAS, &from, requant->bias, 1.0f);
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, const product *p, float alpha,
                       const float *addend)
{
    clv_dn_sums sums = {.x = clv_dn_operand_in(job->graph, job->node, A),
                        .y = clv_dn_operand_out(job->graph, job->node),
                        .bias = addend,
                        .has_zero_point = true};
    clv_dn_requant requant = {0};

    clv_dn_int8_weights(&sums.weights, job->graph, job->node, B,
                        column_axis(job->graph, job->node));
    if (!(alpha > 0.0f))
        return CLV_EUNSUPPORTED;
    sums.x.scale *= alpha;
    clv_status status = clv_dn_int8_vector(kernel, job, p->m, &sums);
    if (status != CLV_EUNSUPPORTED)
        return status;
    if (!clv_dn_int8_is_exact(&sums))
        return clv_dn_int8_dense_rows(kernel, job, p->m, &sums);
    CLV_TRY(clv_dn_requant_of(&requant, job, &sums));
    status = make_primitive(kernel, job, p, &sums, &requant);
    clv_dn_requant_done(&requant);
    return status;
}

static clv_status compile_gemm(clv_kernel *kernel, const clv_dn_job *job)
{
    clv_gemm_params gemm;
    float *addend = NULL;

    CLV_TRY(clv_gemm_params_of(&gemm, job->graph, job->node, job->err));
    if (gemm.trans_a)
        return CLV_EUNSUPPORTED;
    if (clv_node_input(job->graph, job->node, C) != NULL)
        CLV_TRY(read_addend(&addend, job, &gemm));
    const product p = {gemm.m, gemm.n, gemm.k, gemm.trans_b};
    clv_status status = make(kernel, job, &p, gemm.alpha, addend);
    clv_free(addend);
    return status;
}

/* All batches are rows of one tall matrix. */
static clv_status compile_matmul(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_shape *a = &clv_node_input(job->graph, job->node, A)->shape;
    const clv_shape *b = &clv_node_input(job->graph, job->node, B)->shape;
    product p = {.m = 1, .n = b->dim[1], .k = b->dim[0]};

    for (uint32_t i = 0; i + 1 < a->rank; i++)
        p.m *= a->dim[i];
    return make(kernel, job, &p, 1.0f, NULL);
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    return job->node->op == CLV_OP_GEMM ? compile_gemm(kernel, job) : compile_matmul(kernel, job);
}

const clv_dn_op clv_dn_int8_matmul = {supports, compile};
