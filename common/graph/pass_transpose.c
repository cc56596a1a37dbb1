/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "graph/infer.h"
#include "graph/pass_reshape.h"

/* Axis i of the output is axis axis[i] of the input. */
typedef struct permutation {
    uint32_t rank;
    uint32_t axis[CLV_MAX_RANK];
} permutation;

static permutation perm_of(const clv_graph *graph, const clv_node *transpose)
{
    const clv_attr *attr = clv_node_attr(transpose, "perm", CLV_ATTR_INTS);
    permutation p = {.rank = clv_node_input(graph, transpose, 0)->shape.rank};

    for (uint32_t i = 0; i < p.rank; i++)
        p.axis[i] = attr != NULL ? (uint32_t)attr->v.ints[i] : p.rank - 1 - i;
    return p;
}

/* First @p a, then @p b. */
static permutation compose(const permutation *a, const permutation *b)
{
    permutation p = {.rank = a->rank};
    for (uint32_t i = 0; i < p.rank; i++)
        p.axis[i] = a->axis[b->axis[i]];
    return p;
}

static bool is_identity(const permutation *p)
{
    for (uint32_t i = 0; i < p->rank; i++) {
        if (p->axis[i] != i)
            return false;
    }
    return true;
}

/* Only dimensions of 1 move: the elements stay where they are. */
static bool moves_ones_alone(const permutation *p, const clv_shape *x)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < p->rank; i++) {
        if (x->dim[p->axis[i]] == 1)
            continue;
        if (p->axis[i] < last)
            return false;
        last = p->axis[i];
    }
    return true;
}

/* The inverse of @p p. */
static permutation inverse(const permutation *p)
{
    permutation q = {.rank = p->rank};
    for (uint32_t i = 0; i < p->rank; i++)
        q.axis[p->axis[i]] = i;
    return q;
}

/* --- through operators that don't care about the order ------------------------------------- */

static bool is_unary(clv_op op)
{
    switch (op) {
    case CLV_OP_ABS:
    case CLV_OP_CAST:
    case CLV_OP_CEIL:
    case CLV_OP_CLIP: /* the bounds are scalars */
    case CLV_OP_ELU:
    case CLV_OP_ERF:
    case CLV_OP_EXP:
    case CLV_OP_FLOOR:
    case CLV_OP_GELU:
    case CLV_OP_HARD_SIGMOID:
    case CLV_OP_HARD_SWISH:
    case CLV_OP_IDENTITY:
    case CLV_OP_LEAKY_RELU:
    case CLV_OP_LOG:
    case CLV_OP_MISH:
    case CLV_OP_NEG:
    case CLV_OP_RECIPROCAL:
    case CLV_OP_RELU:
    case CLV_OP_ROUND:
    case CLV_OP_SELU:
    case CLV_OP_SIGMOID:
    case CLV_OP_SOFTPLUS:
    case CLV_OP_SOFTSIGN:
    case CLV_OP_SQRT:
    case CLV_OP_SWISH:
    case CLV_OP_TANH:
        return true;
    default:
        return false;
    }
}

static bool is_binary(clv_op op)
{
    return op == CLV_OP_ADD || op == CLV_OP_SUB || op == CLV_OP_MUL || op == CLV_OP_DIV ||
           op == CLV_OP_POW;
}

/* A constant with at most one dimension that isn't 1. */
static bool is_vector(const clv_tensor *tensor)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        n += tensor->shape.dim[i] != 1;
    return tensor->data != NULL && n <= 1;
}

/* Nodes between a Transpose and those above it. There may be several Transposes below the same
 * nodes, one after the other: looking at so many for each keeps the pass linear. */
#define MAX_TREE 256u

typedef struct sweep {
    clv_pass *pass;
    uint32_t tree[MAX_TREE];
    uint32_t n;
} sweep;

/* Made by a Transpose by @p p. */
static bool is_transposed(const clv_graph *graph, uint32_t value, const permutation *p)
{
    uint32_t producer = graph->values[value].producer;
    if (producer == CLV_NO_NODE || graph->nodes[producer].op != CLV_OP_TRANSPOSE)
        return false;
    permutation own = perm_of(graph, &graph->nodes[producer]);
    return own.rank == p->rank && memcmp(own.axis, p->axis, p->rank * sizeof *p->axis) == 0;
}

/* @p node works on elements alone, whatever their order: its inputs are of its output's shape,
 * or constants that can be turned. */
static bool is_transparent(const clv_graph *graph, const clv_node *node)
{
    if (node->fusion.activation != CLV_ACT_NONE || node->quantised)
        return false;
    if (is_unary(node->op))
        return true;
    const clv_shape *y = &clv_node_output(graph, node, 0)->shape;
    for (uint32_t i = 0; is_binary(node->op) && i < 2; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x->data != NULL ? !is_vector(x) : !clv_shape_equal(&x->shape, y))
            return false;
    }
    return is_binary(node->op);
}

/* Put what makes @p value into the tree, unless it is one of its leaves.
 * @return false: neither is possible */
static bool grow(sweep *s, uint32_t value, const permutation *above)
{
    const clv_graph *graph = s->pass->graph;

    if (graph->values[value].tensor.data != NULL)
        return is_vector(&graph->values[value].tensor);
    if (is_transposed(graph, value, above))
        return true;
    uint32_t producer = clv_pass_sole_producer(s->pass, value);
    if (producer == CLV_NO_NODE || s->n == MAX_TREE ||
        !is_transparent(graph, &graph->nodes[producer]))
        return false;
    s->tree[s->n++] = producer;
    return true;
}

/* The nodes between the Transpose that reads @p value and Transposes that are all @p above. */
static bool find_tree(sweep *s, uint32_t value, const permutation *above)
{
    const clv_graph *graph = s->pass->graph;

    s->n = 0;
    if (!grow(s, value, above))
        return false;
    for (uint32_t i = 0; i < s->n; i++) {
        const clv_node *node = &graph->nodes[s->tree[i]];
        for (uint32_t j = 0; j < (is_binary(node->op) ? 2u : 1u); j++) {
            if (!grow(s, node->inputs[j], above))
                return false;
        }
    }
    return s->n > 0;
}

/* A constant as @p p turns it around, over the same data: one dimension changes place. */
static clv_status turn_constant(uint32_t *out, clv_graph *graph, uint32_t value,
                                const permutation *p, clv_error *err)
{
    clv_tensor tensor = graph->values[value].tensor;
    clv_shape shape = {.rank = p->rank};

    for (uint32_t i = 0; i < p->rank; i++)
        shape.dim[i] = 1;
    for (uint32_t i = 0; i < tensor.shape.rank; i++) { /* aligned at the end */
        if (tensor.shape.dim[i] != 1)
            shape.dim[p->axis[p->rank - tensor.shape.rank + i]] = tensor.shape.dim[i];
    }
    tensor.shape = shape;
    const char *name = clv_graph_fresh_name(graph, graph->values[value].name);
    if (name == NULL || clv_graph_add_value(out, graph, name) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
    clv_graph_set_constant(graph, *out, &tensor);
    return CLV_OK;
}

/* An input of a node in the tree, in the order from before the Transposes. */
static clv_status turn_input(clv_pass *pass, uint32_t *input, const permutation *above,
                             clv_error *err)
{
    clv_graph *graph = pass->graph;
    const clv_tensor *tensor = &graph->values[*input].tensor;
    size_t n;

    if (tensor->data != NULL) {
        CLV_TRY(clv_shape_elems(&n, &tensor->shape));
        return n == 1 ? CLV_OK : turn_constant(input, graph, *input, above, err);
    }
    if (!is_transposed(graph, *input, above))
        return CLV_OK;
    uint32_t upper = graph->values[*input].producer, x = graph->nodes[upper].inputs[0];
    pass->uses[x]++;
    if (--pass->uses[*input] == 0) {
        pass->dead[upper] = true;
        pass->uses[x]--;
    }
    *input = x;
    return CLV_OK;
}

static int compare_indices(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static clv_status turn_tree(sweep *s, const permutation *above, clv_error *err)
{
    clv_graph *graph = s->pass->graph;

    qsort(s->tree, s->n, sizeof *s->tree, compare_indices); /* shapes follow from above */
    for (uint32_t i = 0; i < s->n; i++) {
        clv_node *node = &graph->nodes[s->tree[i]];
        for (uint32_t j = 0; j < (is_binary(node->op) ? 2u : 1u); j++)
            CLV_TRY(turn_input(s->pass, &node->inputs[j], above, err));
        CLV_TRY(clv_infer_node(graph, node, err));
    }
    return CLV_OK;
}

/* --- the pass ------------------------------------------------------------------------------ */

static clv_status merge(clv_pass *pass, uint32_t index, uint32_t x, const permutation *p,
                        clv_error *err)
{
    int64_t axes[CLV_MAX_RANK];
    for (uint32_t i = 0; i < p->rank; i++)
        axes[i] = p->axis[i];
    const clv_attr perm = {.name = "perm", .type = CLV_ATTR_INTS, .count = p->rank, .v.ints = axes};
    clv_node_desc desc = {
        .op = CLV_OP_TRANSPOSE, .inputs = &x, .n_inputs = 1, .attrs = &perm, .n_attrs = 1};
    return clv_pass_rewrite(pass, index, &desc, err);
}

/* Cancel or merge with the Transpose right above, or cancel with those further up. */
static clv_status meet_upper(sweep *s, uint32_t index, clv_error *err)
{
    clv_graph *graph = s->pass->graph;
    clv_node *node = &graph->nodes[index];
    permutation below = perm_of(graph, node), above = inverse(&below);
    uint32_t value = node->inputs[0], producer = graph->values[value].producer;

    if (producer != CLV_NO_NODE && graph->nodes[producer].op == CLV_OP_TRANSPOSE) {
        permutation upper = perm_of(graph, &graph->nodes[producer]);
        permutation both = compose(&upper, &below);
        uint32_t x = graph->nodes[producer].inputs[0];
        if (is_identity(&both) && clv_pass_bypass(s->pass, index, x))
            return CLV_OK;
        return merge(s->pass, index, x, &both, err);
    }
    if (!find_tree(s, value, &above))
        return CLV_OK;
    CLV_TRY(turn_tree(s, &above, err));
    (void)clv_pass_bypass(s->pass, index, value); /* its sole use: never refused */
    return CLV_OK;
}

static clv_status simplify(sweep *s, uint32_t index, clv_error *err)
{
    clv_graph *graph = s->pass->graph;
    clv_node *node = &graph->nodes[index];
    permutation p = perm_of(graph, node);

    if (is_identity(&p)) {
        (void)clv_pass_bypass(s->pass, index, node->inputs[0]);
        return CLV_OK;
    }
    CLV_TRY(meet_upper(s, index, err));
    p = perm_of(graph, node);
    uint32_t x = node->inputs[0];
    if (!s->pass->dead[index] && !is_identity(&p) && !graph->values[x].bounded &&
        moves_ones_alone(&p, &graph->values[x].tensor.shape))
        return clv_pass_make_reshape(s->pass, index, x, err);
    return CLV_OK;
}

clv_status clv_pass_transpose(clv_pass *pass, clv_error *err)
{
    sweep s = {.pass = pass};

    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        clv_node *node = &pass->graph->nodes[i];
        clv_pass_resolve(pass, node);
        if (node->op == CLV_OP_TRANSPOSE)
            CLV_TRY(simplify(&s, i, err));
    }
    return CLV_OK;
}
