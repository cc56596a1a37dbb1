/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/params.h"
#include "graph/pass_match.h"

/* Axes @p first and first + 1 change places and no others. */
static bool swaps(const clv_node *transpose, uint32_t rank, uint32_t first)
{
    const clv_attr *perm = clv_node_attr(transpose, "perm", CLV_ATTR_INTS);

    if (rank < first + 2 || perm == NULL || perm->count != rank)
        return false;
    for (uint32_t i = 0; i < rank; i++) {
        if (perm->v.ints[i] != (i == first ? i + 1 : i == first + 1 ? first : i))
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
    if (x->rank < 2 || !clv_shape_equal(x, y) || !swaps(transpose, parts->rank, 1) ||
        parts->dim[0] != x->dim[0] || parts->dim[1] < 1 || x->dim[1] % parts->dim[1] != 0 ||
        parts->dim[2] != x->dim[1] / parts->dim[1])
        return false;
    *x_out = split->inputs[0];
    *groups_out = parts->dim[1];
    return true;
}

/* Part @p part_out of @p parts_out, as Gather takes it: Reshape to [n * c / parts, parts, ...],
 * Transpose of these two, Reshape to [parts, n, c / parts, ...]. */
static bool match_part(uint32_t *x_out, int64_t *part_out, int64_t *parts_out, const clv_pass *pass,
                       const clv_node *root)
{
    const clv_graph *graph = pass->graph;
    int64_t part;

    if (root->op != CLV_OP_GATHER || clv_node_attr_int(root, "axis", 0) != 0)
        return false;
    const clv_tensor *index = clv_node_input(graph, root, 1);
    const clv_node *shaped = clv_match_any(pass, root->inputs[0], CLV_OP_RESHAPE);
    const clv_node *transpose =
        shaped != NULL ? clv_match(pass, shaped->inputs[0], CLV_OP_TRANSPOSE) : NULL;
    const clv_node *split =
        transpose != NULL ? clv_match(pass, transpose->inputs[0], CLV_OP_RESHAPE) : NULL;
    if (split == NULL || graph->values[split->inputs[0]].bounded || index->shape.rank != 0 ||
        clv_tensor_read_int(&part, index) != CLV_OK)
        return false;

    const clv_shape *x = &clv_node_input(graph, split, 0)->shape;
    const clv_shape *rows = &clv_node_output(graph, split, 0)->shape;
    const clv_shape *y = &clv_node_output(graph, root, 0)->shape;
    if (rows->rank < 2 || x->rank < 2 || y->rank != x->rank || !swaps(transpose, rows->rank, 0))
        return false;
    int64_t parts = rows->dim[1];
    if (parts < 1 || part < 0 || part >= parts || x->dim[1] % parts != 0 ||
        clv_node_output(graph, shaped, 0)->shape.dim[0] != parts || y->dim[0] != x->dim[0] ||
        y->dim[1] != x->dim[1] / parts || rows->dim[0] != x->dim[0] * y->dim[1])
        return false;
    *x_out = split->inputs[0];
    *part_out = part;
    *parts_out = parts;
    return memcmp(y->dim + 2, x->dim + 2, (x->rank - 2) * sizeof x->dim[0]) == 0;
}

/* Every parts-th channel of x, from @p part on. */
static clv_status make_slice(clv_pass *pass, uint32_t index, uint32_t x, int64_t part,
                             int64_t parts, clv_error *err)
{
    clv_graph *graph = pass->graph;
    const clv_shape one = {.rank = 1, .dim = {1}};
    const int64_t numbers[] = {part, graph->values[x].tensor.shape.dim[1], 1, parts};
    uint32_t inputs[5] = {x};

    for (uint32_t i = 0; i < 4; i++) {
        CLV_TRY(clv_pass_new_constant(&inputs[1 + i], graph, graph->nodes[index].name, CLV_I64,
                                      &one, err));
        *(int64_t *)graph->values[inputs[1 + i]].tensor.data = numbers[i];
    }
    clv_node_desc desc = {.op = CLV_OP_SLICE, .inputs = inputs, .n_inputs = 5};
    return clv_pass_rewrite(pass, index, &desc, err);
}

static clv_status make_shuffle(clv_pass *pass, uint32_t index, uint32_t x, int64_t groups,
                               clv_error *err)
{
    const clv_attr attr = {.name = "groups", .type = CLV_ATTR_INT, .v.i = groups};
    clv_node_desc desc = {
        .op = CLV_OP_CHANNEL_SHUFFLE, .inputs = &x, .n_inputs = 1, .attrs = &attr, .n_attrs = 1};
    return clv_pass_rewrite(pass, index, &desc, err);
}

clv_status clv_pass_channel_shuffle(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        const clv_node *node = &pass->graph->nodes[i];
        int64_t groups, part;
        uint32_t x;
        if (match(&x, &groups, pass, node))
            CLV_TRY(make_shuffle(pass, i, x, groups, err));
        else if (match_part(&x, &part, &groups, pass, node))
            CLV_TRY(make_slice(pass, i, x, part, groups, err));
    }
    return CLV_OK;
}
