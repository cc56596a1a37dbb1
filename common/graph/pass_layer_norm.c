/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "graph/params.h"
#include "graph/pass_match.h"

/* LayerNormalization as exporters write it, d being x - mean(x):
 *     d / Sqrt(mean(d * d) + epsilon)      (or times the Reciprocal of that) * scale + bias
 * It grows from its middle: the quotient becomes a LayerNormalization with a scale of ones, then
 * Mul and Add join it when they are met. */

/* What a ReduceMean over the last dimensions, from *axis_out on, is the mean of. */
static uint32_t mean_of(uint32_t *axis_out, const clv_pass *pass, uint32_t value)
{
    const clv_node *node = clv_match(pass, value, CLV_OP_REDUCE_MEAN);
    uint32_t mask, axis = 0;

    if (node == NULL || clv_node_attr_int(node, "keepdims", 1) == 0 ||
        clv_reduce_axes_of(&mask, pass->graph, node, NULL) != CLV_OK || mask == 0)
        return CLV_NO_VALUE;
    while ((mask >> axis & 1u) == 0)
        axis++;
    uint32_t rank = clv_node_input(pass->graph, node, 0)->shape.rank;
    if (mask >> axis != (1u << (rank - axis)) - 1)
        return CLV_NO_VALUE;
    *axis_out = axis;
    return node->inputs[0];
}

/* @p d, which everybody reads who is in the pattern (@p uses), is x - mean(x). */
static uint32_t centred_of(uint32_t *axis_out, const clv_pass *pass, uint32_t d, uint32_t uses)
{
    const clv_node *sub = clv_match_used(pass, d, CLV_OP_SUB, uses);
    if (sub == NULL || mean_of(axis_out, pass, sub->inputs[1]) != sub->inputs[0])
        return CLV_NO_VALUE;
    return sub->inputs[0];
}

/* @p value is @p d squared: by Mul, which reads it twice, or by Pow. @return how often; 0: it isn't
 */
static uint32_t reads_of_square(const clv_pass *pass, uint32_t value, uint32_t d)
{
    const clv_node *mul = clv_match(pass, value, CLV_OP_MUL);
    const clv_node *pow = clv_match(pass, value, CLV_OP_POW);
    double exponent;

    if (mul != NULL && mul->inputs[0] == d && mul->inputs[1] == d)
        return 2;
    return pow != NULL && pow->inputs[0] == d &&
           clv_tensor_read_number(&exponent, clv_node_input(pass->graph, pow, 1)) == CLV_OK &&
           exponent == 2.0;
}

/* @p value is Sqrt(mean(d * d) + epsilon). */
static bool is_deviation(uint32_t *axis_out, double *epsilon_out, uint32_t *reads_out,
                         const clv_pass *pass, uint32_t value, uint32_t d)
{
    const clv_node *root = clv_match(pass, value, CLV_OP_SQRT);
    const clv_node *add = root != NULL ? clv_match(pass, root->inputs[0], CLV_OP_ADD) : NULL;

    for (uint32_t i = 0; add != NULL && i < 2; i++) {
        if (!clv_match_scalar(epsilon_out, pass->graph, add->inputs[i]))
            continue;
        uint32_t square = mean_of(axis_out, pass, add->inputs[1 - i]);
        if (square != CLV_NO_VALUE)
            *reads_out = reads_of_square(pass, square, d);
        return square != CLV_NO_VALUE && *reads_out > 0 && *epsilon_out >= 0.0;
    }
    return false;
}

typedef struct layer_norm {
    uint32_t x, axis;
    double epsilon;
} layer_norm;

/* Which input of @p root is d, and the value by which it is divided. */
static bool match_quotient(layer_norm *out, const clv_pass *pass, const clv_node *root)
{
    uint32_t axis, reads, second_axis;

    for (uint32_t i = 0; i < (root->op == CLV_OP_MUL ? 2u : 1u); i++) {
        uint32_t d = root->inputs[i], divisor = root->inputs[1 - i];
        if (root->op == CLV_OP_MUL) {
            const clv_node *inverse = clv_match(pass, divisor, CLV_OP_RECIPROCAL);
            if (inverse == NULL)
                continue;
            divisor = inverse->inputs[0];
        }
        if (!is_deviation(&axis, &out->epsilon, &reads, pass, divisor, d))
            continue;
        out->x = centred_of(&second_axis, pass, d, reads + 1);
        out->axis = axis;
        return out->x != CLV_NO_VALUE && axis == second_axis &&
               !pass->graph->values[out->x].bounded && /* the scale's shape must be known */
               clv_match_same_shape(pass->graph, root, out->x);
    }
    return false;
}

static clv_status make_layer_norm(clv_pass *pass, uint32_t index, const layer_norm *m,
                                  clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_shape shape = {0};
    uint32_t scale;
    size_t n;

    const clv_shape *x = &graph->values[m->x].tensor.shape;
    for (uint32_t i = m->axis; i < x->rank; i++)
        shape.dim[shape.rank++] = x->dim[i];
    CLV_TRY(clv_shape_elems(&n, &shape));
    CLV_TRY(clv_pass_new_constant(&scale, graph, graph->nodes[index].name, CLV_F32, &shape, err));
    float *ones = graph->values[scale].tensor.data;
    for (size_t i = 0; i < n; i++)
        ones[i] = 1.0f;
    const clv_attr attrs[] = {
        {.name = "axis", .type = CLV_ATTR_INT, .v.i = m->axis},
        {.name = "epsilon", .type = CLV_ATTR_FLOAT, .v.f = (float)m->epsilon},
    };
    clv_node_desc desc = {.op = CLV_OP_LAYER_NORMALIZATION,
                          .inputs = (const uint32_t[]){m->x, scale},
                          .n_inputs = 2,
                          .attrs = attrs,
                          .n_attrs = 2};
    return clv_pass_rewrite(pass, index, &desc, err);
}

/* @p part is a constant of what the LayerNormalization @p norm normalises over. */
static bool fits(const clv_graph *graph, const clv_node *norm, uint32_t part)
{
    const clv_tensor *t = &graph->values[part].tensor;
    return t->data != NULL && t->dtype == CLV_F32 &&
           clv_shape_equal(&t->shape, &clv_node_input(graph, norm, 1)->shape);
}

/* A Mul or Add by a constant behind a LayerNormalization that still has no scale, or no bias. */
static clv_status join(clv_pass *pass, uint32_t index, clv_error *err)
{
    clv_graph *graph = pass->graph;
    const clv_node *root = &graph->nodes[index];

    for (uint32_t i = 0; i < 2; i++) {
        const clv_node *norm = clv_match(pass, root->inputs[i], CLV_OP_LAYER_NORMALIZATION);
        uint32_t part = root->inputs[1 - i];
        if (norm == NULL || norm->n_inputs != 2 || norm->n_outputs != 1 ||
            !fits(graph, norm, part) ||
            (root->op == CLV_OP_MUL && !clv_match_all_equal(clv_node_input(graph, norm, 1), 1.0)))
            continue;
        uint32_t inputs[3] = {norm->inputs[0], root->op == CLV_OP_MUL ? part : norm->inputs[1],
                              part};
        clv_node_desc desc = {.op = norm->op,
                              .inputs = inputs,
                              .n_inputs = root->op == CLV_OP_MUL ? 2 : 3,
                              .attrs = norm->attrs,
                              .n_attrs = norm->n_attrs};
        return clv_pass_rewrite(pass, index, &desc, err);
    }
    return CLV_OK;
}

clv_status clv_pass_layer_norm(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        const clv_node *node = &pass->graph->nodes[i];
        layer_norm m;
        if (node->fusion.activation != CLV_ACT_NONE)
            continue;
        if ((node->op == CLV_OP_DIV || node->op == CLV_OP_MUL) && match_quotient(&m, pass, node))
            CLV_TRY(make_layer_norm(pass, i, &m, err));
        else if (node->op == CLV_OP_MUL || node->op == CLV_OP_ADD)
            CLV_TRY(join(pass, i, err));
    }
    return CLV_OK;
}
