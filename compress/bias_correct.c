/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/bias_correct.h"

#include <string.h>

#include "base/error.h"

/* --- a bias for everybody ------------------------------------------------------------------- */

static clv_status add_bias(uint32_t *out, clv_graph *graph, const clv_node *node)
{
    const clv_tensor *old = clv_node_input(graph, node, 2);
    int64_t channels = clv_node_input(graph, node, 1)->shape.dim[0];
    clv_tensor bias = {CLV_F32, {.rank = 1, .dim = {channels}}, NULL};
    const char *name = clv_graph_fresh_name(graph, node->name);

    bias.data = clv_graph_own_data(graph, (size_t)channels * sizeof(float));
    if (name == NULL || bias.data == NULL)
        return CLV_ENOMEM;
    if (old != NULL)
        memcpy(bias.data, old->data, (size_t)channels * sizeof(float));
    CLV_TRY(clv_graph_add_value(out, graph, name));
    clv_graph_set_constant(graph, *out, &bias);
    return CLV_OK;
}

static clv_status give_bias(clv_graph *graph, uint32_t index)
{
    clv_node *node = &graph->nodes[index];
    uint32_t n = node->n_inputs > 3 ? node->n_inputs : 3, value;
    uint32_t *inputs = clv_arena_alloc(&graph->arena, n, sizeof *inputs);

    if (inputs == NULL)
        return CLV_ENOMEM;
    CLV_TRY(add_bias(&value, graph, node));
    memcpy(inputs, node->inputs, node->n_inputs * sizeof *inputs);
    inputs[2] = value;
    node->inputs = inputs;
    node->n_inputs = n;
    return CLV_OK;
}

clv_status clv_give_biases(clv_graph *graph, clv_error *err)
{
    uint32_t *uses = clv_calloc(graph->n_values, sizeof *uses);
    clv_status status = uses != NULL ? CLV_OK : CLV_ENOMEM;

    if (status == CLV_OK)
        clv_graph_count_uses(graph, uses);
    for (uint32_t k = 0; k < graph->n_nodes && status == CLV_OK; k++) {
        const clv_node *node = &graph->nodes[k];
        const char *why;
        if (node->op != CLV_OP_CONV ||
            clv_quant_role_of(&why, graph, k, uses) != CLV_ROLE_PRODUCT ||
            (clv_node_input(graph, node, 2) != NULL && uses[node->inputs[2]] == 1))
            continue;
        status = give_bias(graph, k);
    }
    clv_free(uses);
    return status == CLV_OK ? CLV_OK : clv_fail(err, status, graph->name, "out of memory");
}

/* --- the correction ------------------------------------------------------------------------- */

/* A product as [out, in, taps], by strides. */
typedef struct product {
    size_t out, in, taps, groups;
    size_t out_stride, in_stride; /* in elements; taps lie side by side */
    const float *weights;
    const clv_int8_weights *packed;
    const float *stored; /* instead of packed; NULL: no */
    const clv_value_stats *input;
} product;

/* False: its bias isn't one number for each output channel, or its input has no channels. */
static bool open_product(product *p, const clv_graph *graph, uint32_t k,
                         const clv_int8_weights *packed, const clv_calibration *calibration)
{
    const clv_node *node = &graph->nodes[k];
    const clv_tensor *w = clv_node_input(graph, node, 1);
    const clv_tensor *b = clv_node_input(graph, node, 2);
    size_t n, n_bias;

    if (node->op == CLV_OP_MATMUL || b == NULL || clv_shape_elems(&n, &w->shape) != CLV_OK ||
        clv_shape_elems(&n_bias, &b->shape) != CLV_OK)
        return false;
    p->weights = w->data;
    p->packed = packed;
    p->input = &calibration->values[node->inputs[0]];
    p->out = (size_t)w->shape.dim[packed->axis];
    p->in = (size_t)w->shape.dim[1 - packed->axis];
    p->taps = n / (p->out * p->in);
    p->groups = node->op == CLV_OP_CONV ? (size_t)clv_node_attr_int(node, "group", 1) : 1;
    p->out_stride = packed->axis == 0 ? p->in * p->taps : 1;
    p->in_stride = packed->axis == 0 ? p->taps : p->out;
    return n_bias == p->out && p->input->n_channels == p->in * p->groups;
}

/* How much more than in float the mean of output channel @p o is. */
static double mean_error(const product *p, size_t o)
{
    size_t group = o / (p->out / p->groups);
    double error = 0.0;

    for (size_t i = 0; i < p->in; i++) {
        double sum = 0.0;
        for (size_t tap = 0; tap < p->taps; tap++) {
            size_t at = o * p->out_stride + i * p->in_stride + tap;
            double rounded = p->stored != NULL
                                 ? (double)p->stored[at]
                                 : (double)p->packed->bytes[at] * (double)p->packed->scales[o];
            sum += rounded - (double)p->weights[at];
        }
        error += sum * clv_channel_mean(p->input, (uint32_t)(group * p->in + i));
    }
    return error;
}

clv_status clv_bias_correct(const float **bias, clv_arena *memory, const clv_graph *graph,
                            const clv_quant_plan *plan, const clv_int8_weights *weights,
                            const float *const *stored, const clv_calibration *calibration)
{
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        product p;
        bias[k] = NULL;
        if (weights[k].bytes == NULL || !open_product(&p, graph, k, &weights[k], calibration) ||
            plan->uses[graph->nodes[k].inputs[2]] != 1)
            continue; /* what others read as well isn't this node's to change */
        p.stored = plan->quantised[k] || stored == NULL ? NULL : stored[graph->nodes[k].inputs[1]];
        if (!plan->quantised[k] && p.stored == NULL)
            continue;
        const float *old = clv_node_input(graph, &graph->nodes[k], 2)->data;
        float *corrected = clv_arena_alloc(memory, p.out, sizeof *corrected);
        if (corrected == NULL)
            return CLV_ENOMEM;
        for (size_t o = 0; o < p.out; o++)
            corrected[o] = (float)((double)old[o] - mean_error(&p, o));
        bias[k] = corrected;
    }
    return CLV_OK;
}
