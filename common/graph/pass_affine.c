/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "graph/pass_weights.h"

/* Mul, Add, Sub and Div of channels by constants, beside a node with constant weights. */

/* The channel of a constant that is broadcast to @p y: all its dimensions are 1 but for the axis,
 * where there may be one number for each channel. */
static bool is_by_channel(const clv_tensor *constant, const clv_shape *y, uint32_t axis)
{
    const clv_shape *s = &constant->shape;

    if (constant->data == NULL || constant->dtype != CLV_F32 || s->rank > y->rank)
        return false;
    for (uint32_t i = 0; i < s->rank; i++) {
        if (s->dim[i] != 1 && y->rank - s->rank + i != axis)
            return false;
    }
    return true;
}

/* One channel of x op number, or number op x. @return false: not affine, or not finite. */
static bool set_channel(double *factor, double *shift, clv_op op, double number, bool x_first)
{
    *factor = 1.0;
    *shift = 0.0;
    switch (op) {
    case CLV_OP_MUL:
        *factor = number;
        break;
    case CLV_OP_ADD:
        *shift = number;
        break;
    case CLV_OP_SUB:
        *factor = x_first ? 1.0 : -1.0;
        *shift = x_first ? -number : number;
        break;
    case CLV_OP_DIV:
        *factor = 1.0 / number;
        return x_first && isfinite(*factor) && isfinite(number);
    default:
        return false;
    }
    return isfinite(number);
}

/* What @p node does to its input *which_out, along @p axis of @p n channels.
 * @return CLV_OK; CLV_EUNSUPPORTED; CLV_ENOMEM. */
static clv_status read_affine(clv_affine *out, uint32_t *which_out, const clv_graph *graph,
                              const clv_node *node, uint32_t axis, size_t n)
{
    bool binary = node->op == CLV_OP_MUL || node->op == CLV_OP_ADD || node->op == CLV_OP_SUB ||
                  node->op == CLV_OP_DIV;
    if (!binary || node->fusion.activation != CLV_ACT_NONE || node->quantised)
        return CLV_EUNSUPPORTED;
    const clv_shape *y = &clv_node_output(graph, node, 0)->shape;
    uint32_t which = clv_node_input(graph, node, 0)->data != NULL;
    const clv_tensor *x = clv_node_input(graph, node, which);
    const clv_tensor *constant = clv_node_input(graph, node, 1 - which);
    size_t n_numbers;
    if (x->dtype != CLV_F32 || !clv_shape_equal(&x->shape, y) || axis >= y->rank ||
        (size_t)y->dim[axis] != n || !is_by_channel(constant, y, axis) ||
        clv_shape_elems(&n_numbers, &constant->shape) != CLV_OK)
        return CLV_EUNSUPPORTED;

    clv_affine a;
    CLV_TRY(clv_affine_init(&a, axis, n));
    const float *numbers = constant->data;
    for (size_t c = 0; c < n; c++) {
        double number = (double)numbers[n_numbers == 1 ? 0 : c];
        if (!set_channel(&a.factor[c], &a.shift[c], node->op, number, which == 0)) {
            clv_affine_done(&a);
            return CLV_EUNSUPPORTED;
        }
    }
    *out = a;
    *which_out = which;
    return CLV_OK;
}

/* The arithmetic of node @p index into the weights of what makes its input. */
static clv_status fold_behind(clv_pass *pass, uint32_t index, clv_error *err)
{
    const clv_node *node = &pass->graph->nodes[index];
    clv_affine affine;
    uint32_t axis, which;
    size_t channels;
    bool done;

    for (uint32_t i = 0; i < 2; i++) {
        uint32_t producer = clv_pass_sole_producer(pass, node->inputs[i]);
        if (producer == CLV_NO_NODE ||
            !clv_weights_channels(&axis, &channels, pass, producer, false))
            continue;
        clv_status status = read_affine(&affine, &which, pass->graph, node, axis, channels);
        if (status == CLV_ENOMEM)
            return clv_fail(err, status, node->name, "out of memory");
        if (status != CLV_OK || which != i)
            continue;
        status = clv_weights_take_behind(&done, pass, producer, index, &affine, err);
        clv_affine_done(&affine);
        return status;
    }
    return CLV_OK;
}

static clv_status affine_of(clv_affine *out, uint32_t *which_out, const clv_graph *graph,
                            const clv_node *node, size_t channels)
{
    if (node->op != CLV_OP_BATCH_NORMALIZATION)
        return read_affine(out, which_out, graph, node, 1, channels);
    *which_out = 0;
    return clv_affine_of_batch_norm(out, graph, node, channels);
}

/* What is done to the input of the Conv @p index into its weights, as often as there is something.
 */
static clv_status fold_before(clv_pass *pass, uint32_t index, clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_affine affine;
    uint32_t axis, which;
    size_t channels;

    for (bool done = true; done;) {
        uint32_t producer = clv_pass_sole_producer(pass, graph->nodes[index].inputs[0]);
        if (producer == CLV_NO_NODE || !clv_weights_channels(&axis, &channels, pass, index, true))
            return CLV_OK;
        const clv_node *before = &graph->nodes[producer];
        clv_status status = affine_of(&affine, &which, graph, before, channels);
        if (status != CLV_OK)
            return status == CLV_ENOMEM ? clv_fail(err, status, before->name, "out of memory")
                                        : CLV_OK;
        status = clv_weights_take_before(&done, pass, index, before->inputs[which], &affine, err);
        clv_affine_done(&affine);
        CLV_TRY(status);
    }
    return CLV_OK;
}

clv_status clv_pass_affine(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        const clv_node *node = &pass->graph->nodes[i];
        if (node->op == CLV_OP_CONV)
            CLV_TRY(fold_before(pass, i, err));
        else if (node->n_inputs == 2)
            CLV_TRY(fold_behind(pass, i, err));
    }
    return CLV_OK;
}
