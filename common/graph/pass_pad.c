/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "graph/params.h"
#include "graph/pass_match.h"

/* A Pad as the padding of the window behind it. */

/* The number that is padded with; false where it isn't known, or edges are repeated. */
static bool padded_with(double *out, const clv_graph *graph, const clv_node *pad)
{
    const clv_tensor *value = clv_node_input(graph, pad, 2);

    if (strcmp(clv_node_attr_string(pad, "mode", "constant"), "constant") != 0)
        return false;
    *out = 0.0;
    return value == NULL || clv_tensor_read_number(out, value) == CLV_OK;
}

/* The extent of each spatial axis is only ever grown; others stay. */
static bool read_pads(int64_t begin[CLV_MAX_RANK], int64_t end[CLV_MAX_RANK],
                      const clv_graph *graph, const clv_node *pad)
{
    uint32_t rank = clv_node_input(graph, pad, 0)->shape.rank;

    if (clv_pad_params_of(begin, end, graph, pad, NULL) != CLV_OK)
        return false;
    for (uint32_t i = 0; i < rank; i++) {
        if (begin[i] < 0 || end[i] < 0 || (i < 2 && (begin[i] > 0 || end[i] > 0)))
            return false;
    }
    return true;
}

/* What makes @p value makes nothing below zero. */
static bool is_never_negative(const clv_graph *graph, uint32_t value)
{
    uint32_t producer = graph->values[value].producer;
    float low, high;

    if (producer == CLV_NO_NODE)
        return false;
    const clv_node *node = &graph->nodes[producer];
    return node->op == CLV_OP_RELU || node->op == CLV_OP_SIGMOID ||
           (node->op == CLV_OP_CLIP &&
            clv_clip_params_of(&low, &high, graph, node, NULL) == CLV_OK && low >= 0.0f);
}

/* The window of a node that may take the padding, and what must hold for it to mean the same. */
static bool read_window(clv_window *out, const clv_graph *graph, const clv_node *node,
                        const clv_node *pad, double number)
{
    clv_conv_params conv;
    clv_pool_params pool;
    bool has_own = false;

    if (node->op == CLV_OP_CONV) {
        if (number != 0.0 || clv_conv_params_of(&conv, graph, node, NULL) != CLV_OK)
            return false;
        *out = conv.window;
        return true;
    }
    if (clv_pool_params_of(&pool, graph, node, NULL) != CLV_OK || node->n_outputs != 1 ||
        clv_node_attr_int(node, "ceil_mode", 0) != 0)
        return false;
    *out = pool.window;
    for (uint32_t i = 0; i < pool.window.n; i++)
        has_own |= pool.window.pad_begin[i] > 0 || pool.window.pad_end[i] > 0;
    if (node->op == CLV_OP_AVERAGE_POOL)
        return number == 0.0 && (pool.count_include_pad || !has_own);
    if (number == -(double)INFINITY)
        return true;
    /* Every window sees an element of the input, which 0 can't outdo, when none is dilated. */
    for (uint32_t i = 0; i < pool.window.n; i++) {
        if (pool.window.dilation[i] != 1)
            return false;
    }
    return number == 0.0 && is_never_negative(graph, pad->inputs[0]);
}

/* The node's attributes with other pads; what they replace is left out. */
static clv_status take_pads(clv_pass *pass, uint32_t index, uint32_t x, const int64_t *pads,
                            uint32_t n, clv_error *err)
{
    const clv_node *node = &pass->graph->nodes[index];
    clv_attr *attrs = clv_calloc((size_t)node->n_attrs + 2, sizeof *attrs);
    uint32_t n_attrs = 0, inputs[3] = {x};

    if (attrs == NULL)
        return clv_fail(err, CLV_ENOMEM, node->name, "out of memory");
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        const char *name = node->attrs[i].name;
        if (strcmp(name, "pads") != 0 && strcmp(name, "auto_pad") != 0 &&
            strcmp(name, "count_include_pad") != 0)
            attrs[n_attrs++] = node->attrs[i];
    }
    attrs[n_attrs++] =
        (clv_attr){.name = "pads", .type = CLV_ATTR_INTS, .count = n, .v.ints = pads};
    if (node->op == CLV_OP_AVERAGE_POOL)
        attrs[n_attrs++] = (clv_attr){.name = "count_include_pad", .type = CLV_ATTR_INT, .v.i = 1};
    for (uint32_t i = 1; i < node->n_inputs; i++)
        inputs[i] = node->inputs[i];
    clv_node_desc desc = {.op = node->op,
                          .inputs = inputs,
                          .n_inputs = node->n_inputs,
                          .attrs = attrs,
                          .n_attrs = n_attrs,
                          .fusion = node->fusion};
    clv_status status = clv_pass_rewrite(pass, index, &desc, err);
    clv_free(attrs);
    return status;
}

static clv_status fold(clv_pass *pass, uint32_t index, clv_error *err)
{
    const clv_graph *graph = pass->graph;
    const clv_node *node = &graph->nodes[index];
    const clv_node *pad = clv_match(pass, node->inputs[0], CLV_OP_PAD);
    int64_t begin[CLV_MAX_RANK], end[CLV_MAX_RANK], pads[2 * CLV_MAX_SPATIAL];
    clv_window window;
    double number;

    if (pad == NULL || node->n_inputs > 3 || clv_node_input(graph, node, 0)->dtype != CLV_F32 ||
        !padded_with(&number, graph, pad) || !read_pads(begin, end, graph, pad) ||
        !read_window(&window, graph, node, pad, number))
        return CLV_OK;
    for (uint32_t i = 0; i < window.n; i++) {
        int64_t reach = (window.kernel[i] - 1) * window.dilation[i] + 1;
        pads[i] = window.pad_begin[i] + begin[2 + i];
        pads[window.n + i] = window.pad_end[i] + end[2 + i];
        if (pads[i] >= reach || pads[window.n + i] >= reach)
            return CLV_OK; /* windows in the padding alone are more than backends take */
    }
    return take_pads(pass, index, pad->inputs[0], pads, 2 * window.n, err);
}

clv_status clv_pass_pad(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        clv_op op = pass->graph->nodes[i].op;
        if (op == CLV_OP_CONV || op == CLV_OP_AVERAGE_POOL || op == CLV_OP_MAX_POOL)
            CLV_TRY(fold(pass, i, err));
    }
    return CLV_OK;
}
