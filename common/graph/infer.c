/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"

#include <string.h>

#include "graph/infer_rules.h"
#include "graph/quant.h"

clv_status clv_infer_fail(clv_error *err, const clv_node *node, clv_status code, const char *what)
{
    char where[160];
    return clv_fail(err, code, clv_node_describe(where, sizeof where, node), "%s", what);
}

clv_status clv_infer_set(clv_graph *graph, const clv_node *node, uint32_t i, clv_dtype dtype,
                         const clv_shape *shape, clv_error *err)
{
    size_t bytes;

    if (i >= node->n_outputs || node->outputs[i] == CLV_NO_VALUE)
        return CLV_OK;
    clv_tensor *out = &graph->values[node->outputs[i]].tensor;
    clv_tensor made = {dtype, *shape, NULL};
    if (clv_tensor_bytes(&bytes, &made) != CLV_OK)
        return clv_infer_fail(err, node, CLV_ELIMIT, "the output would be too large");
    *out = made;
    return CLV_OK;
}

clv_status clv_infer_set_bound(clv_graph *graph, const clv_node *node, uint32_t i, clv_dtype dtype,
                               const clv_shape *shape, clv_error *err)
{
    CLV_TRY(clv_infer_set(graph, node, i, dtype, shape, err));
    if (i < node->n_outputs && node->outputs[i] != CLV_NO_VALUE)
        graph->values[node->outputs[i]].bounded = true;
    return CLV_OK;
}

clv_status clv_infer_ints(int64_t *out, uint32_t *n_out, const clv_graph *graph,
                          const clv_node *node, uint32_t input, clv_error *err)
{
    const clv_tensor *tensor = clv_node_input(graph, node, input);
    clv_status status = clv_tensor_read_ints(out, n_out, CLV_MAX_RANK, tensor);
    if (status == CLV_EUNSUPPORTED)
        return clv_infer_fail(err, node, status,
                              "the output's shape depends on data: that input must be constant");
    if (status != CLV_OK)
        return clv_infer_fail(err, node, status, "more than 8 dimensions, or they are no integers");
    return CLV_OK;
}

clv_status clv_shape_broadcast(clv_shape *out, const clv_shape *a, const clv_shape *b)
{
    clv_shape shape = {.rank = a->rank > b->rank ? a->rank : b->rank};

    for (uint32_t i = 0; i < shape.rank; i++) {
        uint32_t from_end = shape.rank - i;
        int64_t x = from_end <= a->rank ? a->dim[a->rank - from_end] : 1;
        int64_t y = from_end <= b->rank ? b->dim[b->rank - from_end] : 1;
        if (x != y && x != 1 && y != 1)
            return CLV_ESHAPE;
        shape.dim[i] = x == 1 ? y : x;
    }
    *out = shape;
    return CLV_OK;
}

clv_status infer_same(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

/* A constant scalar of any type whose bytes are all 0: false, or no ratio. */
static bool is_constant_zero(const clv_tensor *x)
{
    static const uint8_t zeros[8];
    size_t n;
    return x != NULL && x->data != NULL && clv_shape_elems(&n, &x->shape) == CLV_OK && n == 1 &&
           memcmp(x->data, zeros, clv_dtype_bytes(x->dtype)) == 0;
}

/* In training (input 2) elements are dropped, unless the ratio (input 1) is 0. */
clv_status infer_dropout(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    if (clv_node_input(graph, node, 2) != NULL &&
        !is_constant_zero(clv_node_input(graph, node, 2)) &&
        !is_constant_zero(clv_node_input(graph, node, 1)))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED,
                              "a training_mode that isn't a constant false is not supported");
    CLV_TRY(clv_infer_set(graph, node, 1, CLV_BOOL, &x->shape, err));
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

clv_status infer_broadcast(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *a = clv_node_input(graph, node, 0);
    const clv_tensor *b = clv_node_input(graph, node, 1);
    clv_shape shape;

    if (clv_shape_broadcast(&shape, &a->shape, &b->shape) != CLV_OK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the inputs' shapes can't be broadcast");
    if (a->dtype != b->dtype)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the inputs have different types");
    return clv_infer_set(graph, node, 0, a->dtype, &shape, err);
}

clv_status infer_cast(clv_graph *graph, const clv_node *node, clv_error *err)
{
    /* The importer has put a clv_dtype into the attribute. */
    int64_t to = clv_node_attr_int(node, "to", CLV_NONE);
    if (to <= CLV_NONE || to >= CLV_DTYPE_COUNT)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "no such element type");
    return clv_infer_set(graph, node, 0, (clv_dtype)to, &clv_node_input(graph, node, 0)->shape,
                         err);
}

clv_status infer_reduce(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    bool keep = clv_node_attr_int(node, "keepdims", 1) != 0;
    clv_shape shape = {0};
    uint32_t mask;

    CLV_TRY(clv_reduce_axes_of(&mask, graph, node, err));
    for (uint32_t i = 0; i < x->shape.rank; i++) {
        bool reduced = (mask >> i & 1u) != 0;
        if (!reduced || keep)
            shape.dim[shape.rank++] = reduced ? 1 : x->shape.dim[i];
    }
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

/* The outputs are as large as the inputs make them. Shape and Size describe a shape instead. */
static bool inherits_bound(const clv_graph *graph, const clv_node *node)
{
    bool bounded = false;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        bounded |= clv_node_input_is_bounded(graph, node, i);
    return bounded && node->op != CLV_OP_SHAPE && node->op != CLV_OP_SIZE;
}

static clv_status apply_rule(clv_graph *graph, const clv_node *node, clv_error *err)
{
    static clv_infer_rule *const rules[CLV_OP_COUNT] = {
#define CLV_OP_RULE(name, text, min_in, max_in, min_out, max_out, rule)                            \
    [CLV_OP_##name] = infer_##rule,
        CLV_OP_LIST(CLV_OP_RULE)
#undef CLV_OP_RULE
    };
    return rules[node->op](graph, node, err);
}

/* Shapes are those of the same node over float32; an output that has a meaning in bytes keeps its
 * type. */
static clv_status take_from_twin(clv_graph *graph, const clv_node *node, const clv_float_twin *twin,
                                 clv_error *err)
{
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const clv_tensor *made = clv_node_output(&twin->graph, &twin->node, i);
        if (made == NULL)
            continue;
        clv_value *value = &graph->values[node->outputs[i]];
        bool in_bytes = clv_node_output_quant(graph, node, i) != NULL;
        if (in_bytes && made->dtype != CLV_F32)
            return clv_infer_fail(err, node, CLV_EFORMAT, "an output in bytes is no real number");
        value->bounded = twin->graph.values[node->n_inputs + i].bounded;
        if (node->quantised && value->bounded)
            return clv_infer_fail(err, node, CLV_EFORMAT,
                                  "a node whose shapes depend on data can't compute on bytes");
        CLV_TRY(clv_infer_set(graph, node, i, in_bytes ? value->tensor.dtype : made->dtype,
                              &made->shape, err));
    }
    return CLV_OK;
}

static clv_status infer_by_twin(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_float_twin *twin = NULL;

    if (node->quantised && !clv_op_can_be_quantised(node->op))
        return clv_infer_fail(err, node, CLV_EFORMAT, "this operator has no quantised form");
    if (clv_float_twin_create(&twin, graph, node) != CLV_OK)
        return clv_infer_fail(err, node, CLV_ENOMEM, "out of memory");
    clv_status status = apply_rule(&twin->graph, &twin->node, err);
    if (status == CLV_OK)
        status = take_from_twin(graph, node, twin, err);
    clv_free(twin);
    return status;
}

clv_status clv_infer_node(clv_graph *graph, const clv_node *node, clv_error *err)
{
    bool converts = node->quantised;

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x != NULL && x->dtype == CLV_NONE)
            return clv_infer_fail(err, node, CLV_EFORMAT, "an input has no type yet");
        converts |= x != NULL && clv_node_input_type(graph, node, i) != x->dtype;
    }
    bool bounded = inherits_bound(graph, node);
    for (uint32_t i = 0; i < node->n_outputs; i++) { /* the rule may still say so */
        if (node->outputs[i] != CLV_NO_VALUE)
            graph->values[node->outputs[i]].bounded = bounded;
    }
    return converts ? infer_by_twin(graph, node, err) : apply_rule(graph, node, err);
}
