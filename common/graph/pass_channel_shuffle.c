/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass_match.h"

/* Axes 1 and 2 change places and no others. */
static bool swaps_groups(const clv_node *transpose, uint32_t rank)
{
    const clv_attr *perm = clv_node_attr(transpose, "perm", CLV_ATTR_INTS);

    if (rank < 3 || perm == NULL || perm->count != rank)
        return false;
    for (uint32_t i = 0; i < rank; i++) {
        if (perm->v.ints[i] != (i == 1 ? 2 : i == 2 ? 1 : i))
            return false;
    }
    return true;
}

/* Reshape to [n, groups, c / groups, ...], Transpose, Reshape back to [n, c, ...]. */
static bool match(uint32_t *x_out, int64_t *groups_out, const clv_pass *pass, const clv_node *root)
{
    const clv_graph *graph = pass->graph;

    if (root->op != CLV_OP_RESHAPE)
        return false;
    const clv_node *transpose = clv_match(pass, root->inputs[0], CLV_OP_TRANSPOSE);
    const clv_node *split =
        transpose != NULL ? clv_match(pass, transpose->inputs[0], CLV_OP_RESHAPE) : NULL;
    if (split == NULL || graph->values[split->inputs[0]].bounded)
        return false;
    const clv_shape *x = &clv_node_input(graph, split, 0)->shape;
    const clv_shape *parts = &clv_node_output(graph, split, 0)->shape;
    const clv_shape *y = &clv_node_output(graph, root, 0)->shape;
    if (x->rank < 2 || !clv_shape_equal(x, y) || !swaps_groups(transpose, parts->rank) ||
        parts->dim[0] != x->dim[0] || parts->dim[1] < 1 || x->dim[1] % parts->dim[1] != 0 ||
        parts->dim[2] != x->dim[1] / parts->dim[1])
        return false;
    *x_out = split->inputs[0];
    *groups_out = parts->dim[1];
    return true;
}

clv_status clv_pass_channel_shuffle(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        clv_attr groups = {.name = "groups", .type = CLV_ATTR_INT};
        uint32_t x;
        if (!match(&x, &groups.v.i, pass, &pass->graph->nodes[i]))
            continue;
        clv_node_desc desc = {.op = CLV_OP_CHANNEL_SHUFFLE,
                              .inputs = &x,
                              .n_inputs = 1,
                              .attrs = &groups,
                              .n_attrs = 1};
        CLV_TRY(clv_pass_rewrite(pass, i, &desc, err));
    }
    return CLV_OK;
}
