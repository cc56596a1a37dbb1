/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_int8.h"

#include <float.h>
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "graph/quant.h"

#define LARGEST_WEIGHT 64 /* 2 * 255 * 64 is less than 2^15 */
#define NEGLIGIBLE 1e-30

static clv_dn_operand operand_of(const clv_quant *quant, clv_dtype dtype)
{
    if (quant == NULL)
        return (clv_dn_operand){dtype, 1.0f, 0};
    return (clv_dn_operand){dtype, quant->scale, quant->zero_point};
}

clv_dn_operand clv_dn_operand_in(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    return operand_of(clv_node_input_quant(graph, node, i), clv_node_input_type(graph, node, i));
}

clv_dn_operand clv_dn_operand_out(const clv_graph *graph, const clv_node *node)
{
    return operand_of(clv_node_output_quant(graph, node, 0),
                      clv_node_output(graph, node, 0)->dtype);
}

bool clv_dn_bounds_of(float *low_out, float *high_out, const clv_fusion *fusion,
                      const clv_dn_operand *y)
{
    const float zero = (float)y->zero_point;
    float low = -INFINITY, high = INFINITY;
    bool is_clamp = true;

    if (fusion->activation == CLV_ACT_RELU) {
        low = 0.0f;
    } else if (fusion->activation == CLV_ACT_CLIP) {
        low = fusion->alpha / y->scale;
        high = fusion->beta / y->scale;
    } else {
        is_clamp = fusion->activation == CLV_ACT_NONE;
    }
    if (clv_dn_operand_is_bytes(y)) {
        float least = y->dtype == CLV_I8 ? INT8_MIN : 0, most = least + UINT8_MAX;
        low = fminf(fmaxf(rintf(low) + zero, least), most);
        high = fminf(fmaxf(rintf(high) + zero, low), most);
    }
    *low_out = low;
    *high_out = high;
    return is_clamp;
}

dnnl_data_type_t clv_dn_type_of(clv_dtype dtype)
{
    return dtype == CLV_U8 ? dnnl_u8 : dtype == CLV_I8 ? dnnl_s8 : dnnl_f32;
}

bool clv_dn_has_vnni(void)
{
    const unsigned avx512 = dnnl_cpu_isa_avx512_core_vnni & ~dnnl_cpu_isa_avx512_core;
    const unsigned avx2 = dnnl_cpu_isa_avx2_vnni & ~dnnl_cpu_isa_avx2;
    return ((unsigned)dnnl_get_effective_cpu_isa() & (avx512 | avx2)) != 0;
}

/* --- constants ------------------------------------------------------------------------------ */

bool clv_dn_int8_has_weights(const clv_graph *graph, const clv_node *node, uint32_t i,
                             uint32_t axis)
{
    if (!clv_dn_is_constant(graph, node, i))
        return false;
    const clv_value *value = &graph->values[node->inputs[i]];
    const clv_quant *q = value->quant;

    if (q == NULL || value->tensor.dtype != CLV_I8 || q->zero_point != 0 ||
        axis >= value->tensor.shape.rank)
        return false;
    return q->n_scales == 0 ||
           (q->axis == axis && q->n_scales == (uint64_t)value->tensor.shape.dim[axis]);
}

/* Without VNNI, int8 sources aren't even where weights are small. */
bool clv_dn_int8_is_exact(const clv_dn_sums *sums)
{
    const clv_dn_weights *w = &sums->weights;

    if (clv_dn_has_vnni())
        return true;
    if (sums->x.dtype != CLV_U8)
        return false;
    for (size_t k = 0; k < w->n * w->n_each; k++) {
        if (w->data[k] > LARGEST_WEIGHT || w->data[k] < -LARGEST_WEIGHT)
            return false;
    }
    return true;
}

void clv_dn_int8_weights(clv_dn_weights *out, const clv_graph *graph, const clv_node *node,
                         uint32_t i, uint32_t axis)
{
    const clv_value *value = &graph->values[node->inputs[i]];
    const clv_shape *shape = &value->tensor.shape;
    size_t n = (size_t)shape->dim[axis], each = 1;

    for (uint32_t k = 0; k < shape->rank; k++)
        each *= k == axis ? 1 : (size_t)shape->dim[k];
    *out = (clv_dn_weights){.data = value->tensor.data,
                            .quant = value->quant,
                            .n = n,
                            .n_each = each,
                            .step = axis == 0 ? each : 1,
                            .step_each = axis == 0 ? 1 : n};
}

bool clv_dn_int8_has_bias(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_tensor *bias = clv_node_input(graph, node, i);

    return bias == NULL || (bias->data != NULL && bias->dtype == CLV_F32 &&
                            graph->values[node->inputs[i]].quant == NULL);
}

/* --- from sums to the output --------------------------------------------------------------- */

static bool is_piecewise_linear(clv_activation activation)
{
    return activation == CLV_ACT_NONE || activation == CLV_ACT_RELU || activation == CLV_ACT_CLIP ||
           activation == CLV_ACT_LEAKY_RELU;
}

/* The activation as oneDNN's steps, in units of y, without what rounding to bytes does anyway. */
static void clamp_of(clv_dn_requant *out, const clv_fusion *fusion, const clv_dn_operand *y)
{
    const float zero = (float)y->zero_point;
    float low, high;

    out->is_clamp = clv_dn_bounds_of(&out->low, &out->high, fusion, y);
    low = out->low - zero;
    high = out->high - zero;
    if (clv_dn_operand_is_bytes(y)) {
        float least = y->dtype == CLV_I8 ? INT8_MIN : 0, most = least + UINT8_MAX;
        low = out->low <= least ? -INFINITY : low;
        high = out->high >= most ? INFINITY : high;
    }
    if (fusion->activation == CLV_ACT_RELU && low > -INFINITY)
        out->steps[out->n_steps++] = (clv_dn_step){dnnl_eltwise_relu, 0.0f, 0.0f};
    else if (low > -INFINITY || high < INFINITY)
        out->steps[out->n_steps++] =
            (clv_dn_step){dnnl_eltwise_clip, fmaxf(low, -FLT_MAX), fminf(high, FLT_MAX)};
}

/* Sum of the weights of output channel @p c. */
static double sum_weights(const clv_dn_weights *w, size_t c)
{
    int64_t sum = 0;

    for (size_t i = 0; i < w->n_each; i++)
        sum += w->data[c * w->step + i * w->step_each];
    return (double)sum;
}

/* Scales and bias of each channel. Return false for what float32 doesn't hold. */
static bool fill_channels(clv_dn_requant *out, const clv_dn_sums *s, float unit)
{
    const clv_quant *q = s->weights.quant;
    double residual = 0.0;

    if (s->residual.dtype != CLV_NONE)
        residual = (double)s->residual.scale * s->residual.zero_point;
    for (size_t c = 0; c < out->n; c++) {
        double product = (double)s->x.scale * (double)(q->n_scales > 0 ? q->scales[c] : q->scale);
        double bias = (s->bias == NULL ? 0.0 : (double)s->bias[c]) - residual;

        /* weights so small that they don't matter (of dead channels) but would pass float32 */
        product = fmax(product, NEGLIGIBLE * (fabs(bias) + (double)unit));
        bias /= product;
        if (s->has_zero_point && s->x.zero_point != 0)
            bias -= s->x.zero_point * sum_weights(&s->weights, c);
        out->scale[c] = (float)(product / (double)unit);
        out->bias[c] = (float)bias;
        if (!isnormal(out->scale[c]) || !isfinite(out->bias[c]))
            return false;
    }
    return true;
}

clv_status clv_dn_requant_of(clv_dn_requant *out, const clv_dn_job *job, const clv_dn_sums *sums)
{
    const clv_fusion *fusion = &job->node->fusion;
    bool linear = is_piecewise_linear(fusion->activation);
    clv_dn_requant r = {.n = sums->weights.n, .zero_point = sums->y.zero_point, .last_scale = 1.0f};

    /* what is linear for positive factors is done in steps of the output at once */
    float unit = linear ? sums->y.scale : 1.0f;
    if (linear && fusion->activation != CLV_ACT_LEAKY_RELU) {
        clamp_of(&r, fusion, &sums->y);
    } else {
        r.n_steps = clv_dn_steps_of(r.steps, fusion);
        r.is_clamp = clv_dn_bounds_of(&r.low, &r.high, fusion, &sums->y);
    }
    if (!linear)
        r.last_scale = 1.0f / sums->y.scale;
    if (sums->residual.dtype != CLV_NONE)
        r.residual_scale = sums->residual.scale / unit;

    r.scale = clv_calloc(2 * r.n, sizeof *r.scale);
    if (r.scale == NULL)
        return CLV_ENOMEM;
    r.bias = r.scale + r.n;
    if (!fill_channels(&r, sums, unit)) {
        clv_dn_requant_done(&r);
        return CLV_EUNSUPPORTED;
    }
    *out = r;
    return CLV_OK;
}

void clv_dn_requant_done(clv_dn_requant *requant)
{
    clv_free(requant->scale);
    requant->scale = requant->bias = NULL;
}

bool clv_dn_requant_has_bias(const clv_dn_requant *requant)
{
    for (size_t c = 0; c < requant->n; c++) {
        if (requant->bias[c] != 0.0f)
            return true;
    }
    return false;
}

/* --- the same for oneDNN -------------------------------------------------------------------- */

static dnnl_status_t add_post_ops(dnnl_primitive_attr_t attr, const clv_dn_int8_attr *options)
{
    const clv_dn_requant *r = options->requant;
    dnnl_post_ops_t ops = NULL;

    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success && options->residual != CLV_NONE)
        status =
            dnnl_post_ops_append_sum_v2(ops, r->residual_scale, clv_dn_type_of(options->residual));
    for (uint32_t i = 0; i < r->n_steps && status == dnnl_success; i++) {
        const clv_dn_step *step = &r->steps[i];
        float scale = i + 1 == r->n_steps ? r->last_scale : 1.0f;
        status = dnnl_post_ops_append_eltwise(ops, scale, step->kind, step->alpha, step->beta);
    }
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    (void)dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t add_quantisation(dnnl_primitive_attr_t attr, const clv_dn_int8_attr *options)
{
    const clv_dn_requant *r = options->requant;
    dnnl_dim_t n = options->mask == 0 ? 1 : (dnnl_dim_t)r->n;

    dnnl_status_t status = dnnl_primitive_attr_set_output_scales(attr, n, options->mask, r->scale);
    if (status == dnnl_success && options->src_zero_point != 0)
        status =
            dnnl_primitive_attr_set_zero_points(attr, DNNL_ARG_SRC, 1, 0, &options->src_zero_point);
    if (status == dnnl_success && r->zero_point != 0)
        status = dnnl_primitive_attr_set_zero_points(attr, DNNL_ARG_DST, 1, 0, &r->zero_point);
    return status;
}

clv_status clv_dn_int8_attr_create(dnnl_primitive_attr_t *out, const clv_dn_job *job,
                                   const clv_dn_int8_attr *options)
{
    dnnl_primitive_attr_t attr = NULL;

    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = add_post_ops(attr, options);
    if (status == dnnl_success)
        status = add_quantisation(attr, options);
    if (status != dnnl_success) {
        (void)dnnl_primitive_attr_destroy(attr);
        return clv_dn_check(status, job);
    }
    *out = attr;
    return CLV_OK;
}
