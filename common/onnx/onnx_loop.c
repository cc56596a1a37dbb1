/* SPDX-License-Identifier: Apache-2.0 */
/* Loop: its body is entered once for each iteration. As long as the condition is known, the
 * iterations are those that the loop makes. From the first one on whose condition depends on data,
 * all that there may be are computed, and what is carried only changes while the loop goes on. */
#include <string.h>

#include "onnx/onnx_internal.h"

typedef struct loop {
    clv_onnx_importer *im;
    const Clv__Onnx__NodeProto *node;
    const char *where;
    clv_onnx_block *body;
    uint32_t n_carried, n_scans;
    uint32_t *args; /* of the body: iteration, condition, carried values */
    uint32_t *made; /* by the body: condition, carried values, scanned values */
    uint32_t yes;   /* a constant true */
    clv_onnx_truth truth;
    bool has_limit;
    int64_t limit;
    bool was_data; /* some iteration's condition depended on data */
    /* For each iteration: whether it counts, and its scanned values. */
    uint32_t *kept;
    size_t n_iterations, cap;
} loop;

static clv_status init_shapes(loop *l)
{
    const Clv__Onnx__NodeProto *node = l->node;

    CLV_TRY(clv_onnx_find_body(&l->body, l->im, node, "body", l->where));
    l->n_carried = node->n_input > 2 ? (uint32_t)(node->n_input - 2) : 0;
    bool fits = l->body->n_inputs == 2 + l->n_carried && l->body->n_outputs > l->n_carried &&
                node->n_output + 1 == l->body->n_outputs;
    if (!fits)
        return clv_fail(l->im->err, CLV_EFORMAT, l->where,
                        "%zu inputs and %zu outputs; its body has %u and %u", node->n_input,
                        node->n_output, l->body->n_inputs, l->body->n_outputs);
    l->n_scans = l->body->n_outputs - 1 - l->n_carried;
    return CLV_OK;
}

static clv_status read_limit(loop *l)
{
    const clv_graph *graph = l->im->graph;
    uint32_t n;

    l->has_limit = l->args[0] != CLV_NO_VALUE;
    l->limit = INT64_MAX;
    if (!l->has_limit)
        return CLV_OK;
    clv_status status = clv_tensor_read_ints(&l->limit, &n, 1, &graph->values[l->args[0]].tensor);
    if (status == CLV_EUNSUPPORTED)
        return clv_fail(l->im->err, status, l->where, "its trip count depends on data");
    if (status != CLV_OK || n != 1)
        return clv_fail(l->im->err, CLV_EFORMAT, l->where, "its trip count isn't one integer");
    return CLV_OK;
}

static clv_status init_loop(loop *l)
{
    clv_onnx_importer *im = l->im;

    CLV_TRY(init_shapes(l));
    CLV_TRY(clv_onnx_resolve_inputs(&l->args, im, l->node, 2, l->where));
    l->made = clv_arena_alloc(&im->scratch, l->body->n_outputs, sizeof *l->made);
    if (l->made == NULL)
        return clv_onnx_no_memory(im, l->where);
    for (uint32_t i = 0; i < l->n_carried; i++) {
        if (l->args[2 + i] == CLV_NO_VALUE)
            return clv_fail(im->err, CLV_EUNSUPPORTED, l->where,
                            "a carried value that is absent at first is not supported");
    }
    CLV_TRY(read_limit(l));
    CLV_TRY(clv_onnx_make_number(&l->yes, im, CLV_BOOL, false, 1, "true"));
    l->truth = CLV_ONNX_TRUE;
    if (l->args[1] != CLV_NO_VALUE)
        CLV_TRY(clv_onnx_read_condition(&l->truth, &l->args[1], im, l->where));
    if (l->truth == CLV_ONNX_TRUE)
        l->args[1] = l->yes;
    return CLV_OK;
}

/* Keep whether the iteration counts and what it gives to the scans. */
static clv_status record(loop *l)
{
    size_t width = (size_t)l->n_scans + 1;

    if (l->n_iterations == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        uint32_t *grown = clv_realloc_array(l->kept, cap * width, sizeof *grown);
        if (grown == NULL)
            return clv_onnx_no_memory(l->im, l->where);
        l->kept = grown;
        l->cap = cap;
    }
    uint32_t *row = l->kept + l->n_iterations++ * width;
    row[0] = l->args[1];
    if (l->n_scans > 0)
        memcpy(row + 1, l->made + 1 + l->n_carried, l->n_scans * sizeof *row);
    return CLV_OK;
}

/* The condition of the next iteration. Once it depends on data, it can't become true again. */
static clv_status next_condition(loop *l)
{
    uint32_t made = l->made[0], both[2];
    clv_onnx_truth truth;

    CLV_TRY(clv_onnx_read_condition(&truth, &made, l->im, l->where));
    if (l->truth == CLV_ONNX_TRUE) {
        l->truth = truth;
        l->args[1] = truth == CLV_ONNX_TRUE ? l->yes : made;
    } else if (truth == CLV_ONNX_FALSE) {
        l->truth = CLV_ONNX_FALSE;
    } else if (truth == CLV_ONNX_DATA) {
        both[0] = l->args[1];
        both[1] = made;
        CLV_TRY(clv_onnx_make(&l->args[1], l->im, CLV_OP_AND, "goes_on", both, 2, NULL));
    }
    return CLV_OK;
}

static clv_status check_limit(const loop *l)
{
    if (l->has_limit && l->limit <= (int64_t)CLV_GRAPH_MAX_NODES)
        return CLV_OK;
    return clv_fail(l->im->err, CLV_EUNSUPPORTED, l->where,
                    "its condition depends on data and no trip count limits it");
}

static clv_status iterate(loop *l, int64_t iteration)
{
    clv_onnx_importer *im = l->im;

    if (l->truth == CLV_ONNX_DATA)
        CLV_TRY(check_limit(l));
    l->was_data |= l->truth == CLV_ONNX_DATA;
    CLV_TRY(clv_onnx_make_number(&l->args[0], im, CLV_I64, false, iteration, "iteration"));
    CLV_TRY(clv_onnx_enter(l->made, im, l->body, l->args, NULL, l->where));
    CLV_TRY(record(l));
    for (uint32_t i = 0; i < l->n_carried; i++) {
        uint32_t *carried = &l->args[2 + i];
        if (l->truth == CLV_ONNX_TRUE)
            *carried = l->made[1 + i];
        else
            CLV_TRY(clv_onnx_choose(carried, im, l->args[1], l->made[1 + i], *carried, l->where));
    }
    return next_condition(l);
}

/* What a loop without iterations scans: nothing, of the shape that its body would make. The body is
 * entered to learn that, and its nodes are taken back. */
static clv_status scan_nothing(uint32_t *out, loop *l, uint32_t index)
{
    clv_graph *graph = l->im->graph;
    uint32_t n_nodes = graph->n_nodes;

    if (!l->im->infers)
        return clv_fail(l->im->err, CLV_EUNSUPPORTED, l->where,
                        "it makes no iteration, so the shape of what it scans isn't known");
    CLV_TRY(clv_onnx_make_number(&l->args[0], l->im, CLV_I64, false, 0, "iteration"));
    l->args[1] = l->yes;
    CLV_TRY(clv_onnx_enter(l->made, l->im, l->body, l->args, NULL, l->where));
    uint32_t scanned = l->made[1 + l->n_carried + index];
    clv_tensor part = graph->values[scanned].tensor, none = part;
    bool is_bounded = graph->values[scanned].bounded;
    while (graph->n_nodes > n_nodes)
        clv_graph_remove_last_node(graph);
    if (is_bounded)
        return clv_fail(l->im->err, CLV_EUNSUPPORTED, l->where,
                        "it makes no iteration, and the shape of what it scans depends on data");
    if (part.shape.rank == CLV_MAX_RANK)
        return clv_fail(l->im->err, CLV_ELIMIT, l->where, "what it scans has too many dimensions");
    none.shape = (clv_shape){.rank = part.shape.rank + 1};
    memcpy(none.shape.dim + 1, part.shape.dim, part.shape.rank * sizeof none.shape.dim[0]);
    none.data = clv_graph_own_data(graph, 0);
    CLV_TRY(none.data != NULL ? CLV_OK : clv_onnx_no_memory(l->im, l->where));
    CLV_TRY(clv_onnx_fresh_value(out, l->im, "nothing", l->where));
    clv_graph_set_constant(graph, *out, &none);
    return CLV_OK;
}

/* Iterations whose condition was data and false are left out again. */
static clv_status scan(uint32_t *out, loop *l, uint32_t index, const char *name)
{
    const clv_attr axis = {.name = "axis", .type = CLV_ATTR_INT, .v.i = 0};
    size_t width = (size_t)l->n_scans + 1;
    uint32_t inputs[2];

    if (l->n_iterations == 0)
        return scan_nothing(out, l, index);
    CLV_TRY(clv_onnx_stack(&inputs[0], l->im, l->kept + 1 + index, l->n_iterations, width, 0, false,
                           name, l->where));
    if (!l->was_data) {
        *out = inputs[0];
        return CLV_OK;
    }
    CLV_TRY(clv_onnx_stack(&inputs[1], l->im, l->kept, l->n_iterations, width, 0, false, "kept",
                           l->where));
    return clv_onnx_make(out, l->im, CLV_OP_COMPRESS, name, inputs, 2, &axis);
}

static clv_status run_loop(loop *l)
{
    const Clv__Onnx__NodeProto *node = l->node;

    CLV_TRY(init_loop(l));
    for (int64_t i = 0; i < l->limit && l->truth != CLV_ONNX_FALSE; i++)
        CLV_TRY(iterate(l, i));
    for (size_t i = 0; i < node->n_output; i++) {
        uint32_t value;
        if (!clv_onnx_is_read(l->im, node->output[i]))
            continue;
        if (i < l->n_carried)
            value = l->args[2 + i];
        else
            CLV_TRY(scan(&value, l, (uint32_t)i - l->n_carried, node->output[i]));
        CLV_TRY(clv_onnx_bind(l->im, node->output[i], value, l->where));
    }
    return CLV_OK;
}

clv_status clv_onnx_add_loop(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                             const char *where)
{
    loop l = {.im = im, .node = node, .where = where};
    clv_status status = run_loop(&l);
    clv_free(l.kept);
    return status;
}
