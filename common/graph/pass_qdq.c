/* SPDX-License-Identifier: Apache-2.0 */
/* DequantizeLinear, operator, QuantizeLinear become one node over bytes. A value that stands for
 * real numbers is as good as those to whoever reads it, so a DequantizeLinear just goes; what makes
 * the real numbers that a QuantizeLinear rounds makes the bytes itself. */
#include <string.h>

#include "base/error.h"
#include "graph/infer.h"
#include "graph/pass_qdq.h"

typedef struct editor {
    clv_pass *pass;
    clv_qdq_meaning *meaning; /* n_values */
    uint32_t *in_bytes; /* n_values: of a dequantised constant, the one in bytes; 0: none yet */
    uint32_t *entry;    /* n_values: of an input, the node that quantises it; CLV_NO_NODE: none */
    clv_error *err;
} editor;

static clv_value *value_at(const editor *e, uint32_t value)
{
    return &e->pass->graph->values[value];
}

/* Bytes that stand for real numbers and run with the frame. */
static bool is_meant(const editor *e, uint32_t value)
{
    if (value == CLV_NO_VALUE)
        return false;
    const clv_value *v = value_at(e, value);
    return v->quant != NULL && clv_dtype_is_byte(v->tensor.dtype) && !clv_value_is_constant(v);
}

static bool same_bytes(const editor *e, uint32_t a, uint32_t b)
{
    const clv_value *x = value_at(e, a), *y = value_at(e, b);
    return is_meant(e, a) && is_meant(e, b) &&
           clv_quant_equal(x->quant, x->tensor.dtype, y->quant, y->tensor.dtype);
}

static bool is_bounded(const clv_graph *graph, const clv_node *node)
{
    bool bounded = false;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        bounded |= clv_node_input_is_bounded(graph, node, i);
    for (uint32_t i = 0; i < node->n_outputs; i++)
        bounded |= node->outputs[i] != CLV_NO_VALUE && graph->values[node->outputs[i]].bounded;
    return bounded;
}

/* --- constants in bytes ---------------------------------------------------------------------- */

/* The second operand of a product that arrives in bytes: where it is a constant that
 * DequantizeLinear makes, those bytes. Shared by all that read it. */
static clv_status take_weights(editor *e, clv_node *node)
{
    clv_graph *graph = e->pass->graph;
    uint32_t old = node->inputs[1], made;
    clv_qdq_constant c;

    if (!is_meant(e, node->inputs[0]))
        return CLV_OK;
    if (is_meant(e, old)) {
        node->quantised = true;
        return CLV_OK;
    }
    if (old >= e->pass->cap_values || !clv_qdq_find_constant(&c, graph, old) ||
        !clv_qdq_suits_product(&c, graph, node))
        return CLV_OK;
    made = e->in_bytes[old];
    if (made == 0) { /* value 0 existed before */
        CLV_TRY(clv_qdq_make_constant(&made, graph, &c, graph->values[old].name, e->err));
        e->in_bytes[old] = made;
    }
    node->inputs[1] = made; /* dead-nodes removes what made the old one */
    node->quantised = true;
    e->pass->changes++;
    return CLV_OK;
}

/* --- one node ----------------------------------------------------------------------------------
 */

/* What moves bytes hands their meaning on: everybody reads real numbers from it as before. */
static void hand_on(editor *e, clv_node *node)
{
    for (uint32_t i = 0; i < clv_qdq_moved_inputs(node); i++) {
        if (!same_bytes(e, node->inputs[0], node->inputs[i]))
            return;
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != CLV_NO_VALUE && !is_meant(e, node->outputs[i]) &&
            (e->pass->is_output[node->outputs[i]] ||
             value_at(e, node->outputs[i])->tensor.dtype != CLV_F32))
            return;
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] == CLV_NO_VALUE)
            continue;
        clv_value *out = value_at(e, node->outputs[i]);
        out->tensor.dtype = value_at(e, node->inputs[0])->tensor.dtype;
        out->quant = value_at(e, node->inputs[0])->quant;
    }
    node->quantised = true;
    e->pass->changes++;
}

static clv_status make_identity(editor *e, uint32_t index, bool quantised)
{
    clv_node *node = &e->pass->graph->nodes[index];
    clv_node_desc desc = {.op = CLV_OP_IDENTITY, .inputs = node->inputs, .n_inputs = 1};

    node->quantised = quantised;
    return clv_pass_rewrite(e->pass, index, &desc, e->err);
}

/* Its readers read the bytes. Only the caller must have real numbers. */
static clv_status drop_dequantise(editor *e, uint32_t index)
{
    const clv_node *node = &e->pass->graph->nodes[index];

    if (!is_meant(e, node->inputs[0]))
        return CLV_OK;
    if (!e->pass->is_output[node->outputs[0]] && clv_pass_bypass(e->pass, index, node->inputs[0]))
        return CLV_OK;
    return make_identity(e, index, true);
}

/* Whether what node @p index computes is worth computing on bytes: some of its numbers arrive so,
 * and both factors of a product. */
static bool takes_bytes(const editor *e, uint32_t index)
{
    const clv_graph *graph = e->pass->graph;
    const clv_node *node = &graph->nodes[index];
    bool any = false;

    if (clv_qdq_is_product(node->op) || e->pass->dead[index])
        return node->quantised && !e->pass->dead[index];
    for (uint32_t i = 0; i < node->n_inputs; i++)
        any |= is_meant(e, node->inputs[i]);
    return any && clv_op_can_be_quantised(node->op) && !is_bounded(graph, node);
}

/* What makes @p from makes the bytes @p to instead. */
static void make_bytes(editor *e, uint32_t producer, uint32_t from, uint32_t to)
{
    clv_graph *graph = e->pass->graph;
    clv_node *node = &graph->nodes[producer];

    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] == from)
            node->outputs[i] = to;
    }
    graph->values[to].producer = producer;
    graph->values[from].producer = CLV_NO_NODE;
    node->quantised = true;
}

/* The node that may round its output @p x to other bytes: nothing has rounded that before. */
static uint32_t find_maker(const editor *e, uint32_t x)
{
    uint32_t producer = clv_pass_sole_producer(e->pass, x);

    if (producer == CLV_NO_NODE || !takes_bytes(e, producer))
        return CLV_NO_NODE;
    const clv_node *node = &e->pass->graph->nodes[producer];
    bool unrounded = !is_meant(e, x) || (clv_qdq_moves(node) && same_bytes(e, node->inputs[0], x));
    return unrounded ? producer : CLV_NO_NODE;
}

static clv_status merge_quantise(editor *e, uint32_t index)
{
    clv_graph *graph = e->pass->graph;
    const clv_node *node = &graph->nodes[index];
    uint32_t x = node->inputs[0], y = node->outputs[0];

    if (!is_meant(e, y))
        return CLV_OK;
    if (same_bytes(e, x, y) && clv_pass_bypass(e->pass, index, x))
        return CLV_OK;
    uint32_t producer = find_maker(e, x);
    if (producer != CLV_NO_NODE) {
        make_bytes(e, producer, x, y);
        e->pass->dead[index] = true;
        e->pass->changes++;
        return CLV_OK;
    }
    if (graph->values[x].producer == CLV_NO_NODE && !clv_value_is_constant(&graph->values[x]))
        e->entry[x] = index;
    return make_identity(e, index, true);
}

/* QLinearConv and QLinearMatMul, whose operands and result are bytes anyway. */
static clv_status rewrite_qlinear(editor *e, uint32_t index)
{
    clv_graph *graph = e->pass->graph;
    clv_node *node = &graph->nodes[index];
    bool is_conv = node->op == CLV_OP_QLINEAR_CONV;
    uint32_t inputs[3] = {node->inputs[CLV_QDQ_QL_X], node->inputs[CLV_QDQ_QL_W], CLV_NO_VALUE};
    clv_qdq_constant w;

    if (!is_meant(e, node->outputs[0]) || !clv_qdq_is_qlinear(&w, graph, node))
        return CLV_OK;
    if (w.data.data != NULL) {
        CLV_TRY(
            clv_qdq_make_bias(&inputs[2], graph, node, graph->values[inputs[0]].quant, &w, e->err));
        CLV_TRY(clv_qdq_make_constant(&inputs[1], graph, &w, node->name, e->err));
    }
    clv_node_desc desc = {.op = is_conv ? CLV_OP_CONV : CLV_OP_MATMUL,
                          .inputs = inputs,
                          .n_inputs = inputs[2] != CLV_NO_VALUE ? 3 : 2,
                          .attrs = node->attrs,
                          .n_attrs = node->n_attrs};
    node->quantised = true;
    return clv_pass_rewrite(e->pass, index, &desc, e->err);
}

static clv_status edit_node(editor *e, uint32_t index)
{
    clv_node *node = &e->pass->graph->nodes[index];

    clv_pass_resolve(e->pass, node);
    switch (node->op) {
    case CLV_OP_DEQUANTIZE_LINEAR:
        return drop_dequantise(e, index);
    case CLV_OP_QUANTIZE_LINEAR:
        return merge_quantise(e, index);
    case CLV_OP_QLINEAR_CONV:
    case CLV_OP_QLINEAR_MATMUL:
        return rewrite_qlinear(e, index);
    default:
        break;
    }
    if (is_bounded(e->pass->graph, node))
        return CLV_OK;
    if (clv_qdq_is_product(node->op))
        return take_weights(e, node);
    if (clv_qdq_moves(node))
        hand_on(e, node);
    return CLV_OK;
}

/* --- inputs ------------------------------------------------------------------------------------
 */

/* The input of the graph that @p value is in bytes; CLV_NO_VALUE where it is no such value. */
static uint32_t source_of(const editor *e, uint32_t value)
{
    const clv_graph *graph = e->pass->graph;
    uint32_t producer = graph->values[value].producer;

    if (producer == CLV_NO_NODE || graph->nodes[producer].n_inputs != 1)
        return CLV_NO_VALUE;
    uint32_t x = graph->nodes[producer].inputs[0];
    return x < e->pass->cap_values && e->entry[x] == producer ? x : CLV_NO_VALUE;
}

/* A float32 input that is quantised on its way in: only nodes that compute on bytes read those, and
 * nobody else that does reads the input. */
static void check_entries(editor *e)
{
    const clv_graph *graph = e->pass->graph;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        clv_node *node = &graph->nodes[i];
        if (e->pass->dead[i])
            continue;
        clv_pass_resolve(e->pass, node);
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            uint32_t x = node->inputs[j];
            if (x >= e->pass->cap_values)
                continue;
            if (e->entry[x] != CLV_NO_NODE && e->entry[x] != i && node->quantised)
                e->entry[x] = CLV_NO_NODE;
            uint32_t source = source_of(e, x);
            if (source != CLV_NO_VALUE && !node->quantised)
                e->entry[source] = CLV_NO_NODE;
        }
    }
}

/* The same numbers in uint8, in which float32 arrives at a quantised node. */
static clv_status quantise_input(editor *e, uint32_t x)
{
    clv_graph *graph = e->pass->graph;
    uint32_t index = e->entry[x], y = graph->nodes[index].outputs[0];
    clv_quant *quant = clv_arena_alloc(&graph->arena, 1, sizeof *quant);

    if (quant == NULL)
        return clv_fail(e->err, CLV_ENOMEM, graph->name, "out of memory");
    *quant = *graph->values[y].quant;
    quant->zero_point += graph->values[y].tensor.dtype == CLV_I8 ? 128 : 0;
    if (clv_pass_bypass(e->pass, index, x))
        graph->values[x].quant = quant;
    return CLV_OK;
}

static clv_status quantise_inputs(editor *e)
{
    const clv_graph *graph = e->pass->graph;

    check_entries(e);
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        uint32_t x = graph->inputs[i];
        if (e->entry[x] != CLV_NO_NODE && !e->pass->is_output[x] &&
            !e->pass->is_output[graph->nodes[e->entry[x]].outputs[0]])
            CLV_TRY(quantise_input(e, x));
    }
    return CLV_OK;
}

/* --- the pass ----------------------------------------------------------------------------------
 */

static bool has_quantised(const clv_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        clv_op op = graph->nodes[i].op;
        if (op == CLV_OP_QUANTIZE_LINEAR || op == CLV_OP_DEQUANTIZE_LINEAR ||
            op == CLV_OP_QLINEAR_CONV || op == CLV_OP_QLINEAR_MATMUL)
            return true;
    }
    return false;
}

static clv_status edit(editor *e)
{
    clv_graph *graph = e->pass->graph;
    uint32_t n = e->pass->cap_values;

    memset(e->entry, 0xff, n * sizeof *e->entry);
    CLV_TRY(clv_qdq_find_meaning(e->meaning, graph, e->err));
    for (uint32_t v = 0; v < n; v++)
        graph->values[v].quant = e->meaning[v] ? e->meaning[v] : graph->values[v].quant;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (!e->pass->dead[i])
            CLV_TRY(edit_node(e, i));
    }
    return quantise_inputs(e);
}

clv_status clv_pass_qdq(clv_pass *pass, clv_error *err)
{
    uint32_t n = pass->cap_values;
    editor e = {.pass = pass, .err = err};

    if (!has_quantised(pass->graph))
        return CLV_OK;
    e.meaning = clv_calloc(n, sizeof *e.meaning);
    e.in_bytes = clv_calloc(n, sizeof *e.in_bytes);
    e.entry = clv_calloc(n, sizeof *e.entry);
    clv_status status = CLV_ENOMEM;
    if (e.meaning != NULL && e.in_bytes != NULL && e.entry != NULL)
        status = edit(&e);
    else
        (void)clv_fail(err, status, pass->graph->name, "out of memory");
    clv_free(e.meaning);
    clv_free(e.in_bytes);
    clv_free(e.entry);
    return status;
}
