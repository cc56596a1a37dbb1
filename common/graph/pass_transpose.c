/* SPDX-License-Identifier: Apache-2.0 */
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

/* The input that comes transposed through @p node and leaves it in the same order; the other one
 * is a constant that can be turned. 2: none. */
static uint32_t transparent_input(const clv_graph *graph, const clv_node *node)
{
    const clv_shape *y = &clv_node_output(graph, node, 0)->shape;

    if (is_unary(node->op))
        return 0;
    for (uint32_t i = 0; is_binary(node->op) && i < 2; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x->data == NULL && clv_shape_equal(&x->shape, y) &&
            is_vector(clv_node_input(graph, node, 1 - i)))
            return i;
    }
    return 2;
}

/* Up from the value that a Transpose reads, to another Transpose. Everything between is read by one
 * node alone, so that no node is passed twice in a sweep.
 * @return the upper Transpose, or CLV_NO_NODE */
static uint32_t find_upper(const clv_pass *pass, uint32_t value)
{
    const clv_graph *graph = pass->graph;

    for (;;) {
        uint32_t producer = graph->values[value].producer;
        if (producer == CLV_NO_NODE)
            return CLV_NO_NODE;
        const clv_node *node = &graph->nodes[producer];
        if (node->op == CLV_OP_TRANSPOSE)
            return producer;
        uint32_t through = transparent_input(graph, node);
        if (clv_pass_sole_producer(pass, value) == CLV_NO_NODE || through == 2 ||
            node->fusion.activation != CLV_ACT_NONE)
            return CLV_NO_NODE;
        value = node->inputs[through];
    }
}

/* The constant @p value as @p p turns it around, over the same data: one dimension changes place.
 */
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

/* Let @p node, which read the transposed value, compute in the order from before. */
static clv_status turn_node(clv_pass *pass, clv_node *node, uint32_t through, const permutation *p,
                            clv_error *err)
{
    clv_graph *graph = pass->graph;
    size_t n = 0;

    if (is_binary(node->op)) {
        uint32_t *other = &node->inputs[1 - through];
        CLV_TRY(clv_shape_elems(&n, &graph->values[*other].tensor.shape));
        if (n != 1)
            CLV_TRY(turn_constant(other, graph, *other, p, err));
    }
    return clv_infer_node(graph, node, err);
}

/* The nodes from what makes @p value up to the upper Transpose. @return how many; @p out may be
 * NULL */
static uint32_t chain_above(uint32_t *out, const clv_graph *graph, uint32_t value, uint32_t upper)
{
    uint32_t n = 0;
    for (uint32_t at; (at = graph->values[value].producer) != upper; n++) {
        if (out != NULL)
            out[n] = at;
        value = graph->nodes[at].inputs[transparent_input(graph, &graph->nodes[at])];
    }
    return n;
}

/* Nodes from behind the upper Transpose to the lower one, in order. */
static clv_status turn_between(clv_pass *pass, uint32_t upper, uint32_t lower, const permutation *p,
                               clv_error *err)
{
    clv_graph *graph = pass->graph;
    uint32_t n = chain_above(NULL, graph, graph->nodes[lower].inputs[0], upper);
    uint32_t *chain = clv_calloc(n, sizeof *chain), value = graph->nodes[upper].outputs[0];
    clv_status status = CLV_OK;

    if (chain == NULL)
        return clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
    (void)chain_above(chain, graph, graph->nodes[lower].inputs[0], upper);
    while (n-- > 0 && status == CLV_OK) {
        clv_node *node = &graph->nodes[chain[n]];
        uint32_t through = transparent_input(graph, node);
        if (node->inputs[through] == value) { /* the first one */
            uint32_t x = graph->nodes[upper].inputs[0];
            node->inputs[through] = x;
            pass->uses[x]++;
            if (--pass->uses[value] == 0) {
                pass->dead[upper] = true;
                pass->uses[x]--;
            }
        }
        status = turn_node(pass, node, through, p, err);
    }
    clv_free(chain);
    return status;
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

/* Cancel or merge with a Transpose above. */
static clv_status meet_upper(clv_pass *pass, uint32_t index, uint32_t upper, clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_node *node = &graph->nodes[index];
    permutation below = perm_of(graph, node), above = perm_of(graph, &graph->nodes[upper]);
    permutation both = compose(&above, &below);
    uint32_t x = graph->nodes[upper].inputs[0];

    if (graph->values[node->inputs[0]].producer == upper) {
        if (is_identity(&both) && clv_pass_bypass(pass, index, x))
            return CLV_OK;
        return merge(pass, index, x, &both, err);
    }
    uint32_t last = node->inputs[0];
    if (!is_identity(&both))
        return CLV_OK;
    CLV_TRY(turn_between(pass, upper, index, &above, err));
    (void)clv_pass_bypass(pass, index, last); /* a sole use: never refused */
    return CLV_OK;
}

static clv_status simplify(clv_pass *pass, uint32_t index, clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_node *node = &graph->nodes[index];
    permutation p = perm_of(graph, node);
    uint32_t x = node->inputs[0];

    if (is_identity(&p) && clv_pass_bypass(pass, index, x))
        return CLV_OK;
    uint32_t upper = find_upper(pass, x);
    if (upper != CLV_NO_NODE)
        CLV_TRY(meet_upper(pass, index, upper, err));
    if (pass->dead[index])
        return CLV_OK;
    p = perm_of(graph, node);
    x = node->inputs[0];
    if (!is_identity(&p) && !graph->values[x].bounded &&
        moves_ones_alone(&p, &clv_node_input(graph, node, 0)->shape))
        return clv_pass_make_reshape(pass, index, x, err);
    return CLV_OK;
}

clv_status clv_pass_transpose(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        clv_node *node = &pass->graph->nodes[i];
        clv_pass_resolve(pass, node);
        if (node->op == CLV_OP_TRANSPOSE)
            CLV_TRY(simplify(pass, i, err));
    }
    return CLV_OK;
}
