/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass_match.h"

#include <math.h>

#include "graph/params.h"

/* Products deeper than this are no pattern. */
#define MAX_DEPTH 4
#define MAX_COMPARED ((size_t)1 << 16)

const clv_node *clv_match_any(const clv_pass *pass, uint32_t value, clv_op op)
{
    uint32_t producer =
        value < pass->cap_values ? pass->graph->values[value].producer : CLV_NO_NODE;
    if (producer == CLV_NO_NODE)
        return NULL;
    const clv_node *node = &pass->graph->nodes[producer];
    return node->op == op && node->fusion.activation == CLV_ACT_NONE ? node : NULL;
}

const clv_node *clv_match_used(const clv_pass *pass, uint32_t value, clv_op op, uint32_t n_uses)
{
    if (value >= pass->cap_values || pass->uses[value] != n_uses)
        return NULL;
    return clv_match_any(pass, value, op);
}

bool clv_match_scalar(double *out, const clv_graph *graph, uint32_t value)
{
    return value != CLV_NO_VALUE && graph->values[value].tensor.dtype == CLV_F32 &&
           clv_tensor_read_number(out, &graph->values[value].tensor) == CLV_OK;
}

bool clv_match_near(double value, double expected)
{
    return fabs(value - expected) <= 2e-6 * fabs(expected);
}

uint32_t clv_match_with(const clv_pass *pass, uint32_t value, clv_op op, double number)
{
    const clv_node *node = clv_match(pass, value, op);
    double scalar;

    for (uint32_t i = 0; node != NULL && i < 2; i++) {
        if (clv_match_scalar(&scalar, pass->graph, node->inputs[i]) &&
            clv_match_near(scalar, number))
            return node->inputs[1 - i];
    }
    return CLV_NO_VALUE;
}

bool clv_match_all_equal(const clv_tensor *tensor, double number)
{
    size_t n;

    if (tensor == NULL || tensor->data == NULL || clv_shape_elems(&n, &tensor->shape) != CLV_OK ||
        n == 0 || n > MAX_COMPARED)
        return false;
    for (size_t i = 0; i < n; i++) {
        double element = clv_element_number(tensor, i); /* NAN for what it doesn't know */
        if (!(element == number))
            return false;
    }
    return true;
}

static bool collect(clv_product *p, const clv_pass *pass, uint32_t value, int depth);

/* @return false when the node is no product, or there are too many factors. */
static bool collect_node(clv_product *p, const clv_pass *pass, const clv_node *node, int depth)
{
    double divisor;

    if (node->op == CLV_OP_MUL)
        return collect(p, pass, node->inputs[0], depth - 1) &&
               collect(p, pass, node->inputs[1], depth - 1);
    if (node->op != CLV_OP_DIV || !clv_match_scalar(&divisor, pass->graph, node->inputs[1]) ||
        divisor == 0.0)
        return false;
    p->scale /= divisor;
    return collect(p, pass, node->inputs[0], depth - 1);
}

static bool collect(clv_product *p, const clv_pass *pass, uint32_t value, int depth)
{
    double scalar;

    if (clv_match_scalar(&scalar, pass->graph, value)) {
        p->scale *= scalar;
        return true;
    }
    const clv_node *node = clv_match(pass, value, CLV_OP_MUL);
    const clv_node *div = node == NULL ? clv_match(pass, value, CLV_OP_DIV) : NULL;
    if (div != NULL && clv_match_scalar(&scalar, pass->graph, div->inputs[1]) && scalar != 0.0)
        node = div;
    if (node != NULL && depth > 0)
        return collect_node(p, pass, node, depth);
    if (p->n == CLV_MATCH_FACTORS)
        return false;
    p->factors[p->n++] = value;
    return true;
}

bool clv_match_product(clv_product *out, const clv_pass *pass, uint32_t value)
{
    clv_product product = {.scale = 1.0};
    if (!collect(&product, pass, value, MAX_DEPTH))
        return false;
    *out = product;
    return true;
}

bool clv_match_product_at(clv_product *out, const clv_pass *pass, const clv_node *root)
{
    clv_product product = {.scale = 1.0};
    if (root->fusion.activation != CLV_ACT_NONE || !collect_node(&product, pass, root, MAX_DEPTH))
        return false;
    *out = product;
    return true;
}

bool clv_match_gate(uint32_t *x_out, uint32_t *f_out, const clv_product *product, uint32_t turn)
{
    if (product->n != 2)
        return false;
    *x_out = product->factors[turn];
    *f_out = product->factors[1 - turn];
    return true;
}

bool clv_match_same_shape(const clv_graph *graph, const clv_node *root, uint32_t x)
{
    const clv_tensor *a = &graph->values[x].tensor, *b = clv_node_output(graph, root, 0);
    return a->dtype == CLV_F32 && b->dtype == CLV_F32 && clv_shape_equal(&a->shape, &b->shape);
}
