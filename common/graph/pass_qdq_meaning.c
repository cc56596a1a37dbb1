/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes stand for real numbers. A QuantizeLinear says so of what it makes, a DequantizeLinear
 * of what it reads; what only moves elements hands it on. Where somebody sees plain integers in the
 * same bytes, or means something else by them, they stay plain integers to all. */
#include <string.h>

#include "graph/pass_qdq.h"

/* Sweeps until nothing changes. A graph made to need more gets no meaning at all. */
#define MAX_SWEEPS 16

typedef struct finder {
    clv_graph *graph;
    clv_qdq_meaning *meaning;
    bool dropped; /* in this sweep */
} finder;

static bool is_nearest(const clv_node *node)
{
    const char *mode = clv_node_attr_string(node, "mode", "nearest");
    const char *coordinates =
        clv_node_attr_string(node, "coordinate_transformation_mode", "half_pixel");
    return strcmp(mode, "nearest") == 0 && strcmp(coordinates, "tf_crop_and_resize") != 0;
}

bool clv_qdq_moves(const clv_node *node)
{
    switch (node->op) {
    case CLV_OP_CHANNEL_SHUFFLE:
    case CLV_OP_CONCAT:
    case CLV_OP_DEPTH_TO_SPACE:
    case CLV_OP_EXPAND:
    case CLV_OP_FLATTEN:
    case CLV_OP_GATHER:
    case CLV_OP_GATHER_ELEMENTS:
    case CLV_OP_GATHER_ND:
    case CLV_OP_GLOBAL_MAX_POOL:
    case CLV_OP_IDENTITY:
    case CLV_OP_RESHAPE:
    case CLV_OP_SLICE:
    case CLV_OP_SPACE_TO_DEPTH:
    case CLV_OP_SPLIT:
    case CLV_OP_SQUEEZE:
    case CLV_OP_TILE:
    case CLV_OP_TRANSPOSE:
    case CLV_OP_UNSQUEEZE:
        return true;
    case CLV_OP_MAX_POOL:
        return node->n_outputs == 1;
    case CLV_OP_RESIZE:
        return is_nearest(node);
    default:
        return false;
    }
}

static uint32_t input_of(const clv_node *node, uint32_t i)
{
    return i < node->n_inputs ? node->inputs[i] : CLV_NO_VALUE;
}

static bool is_byte_value(const clv_graph *graph, uint32_t value)
{
    return value != CLV_NO_VALUE && clv_dtype_is_byte(graph->values[value].tensor.dtype) &&
           !clv_value_is_constant(&graph->values[value]) && !graph->values[value].bounded;
}

static bool is_byte_mover(const clv_graph *graph, const clv_node *node)
{
    if (!clv_qdq_moves(node))
        return false;
    for (uint32_t i = 0; i < clv_qdq_moved_inputs(node); i++) {
        if (!is_byte_value(graph, input_of(node, i)))
            return false;
    }
    return true;
}

/* What the node itself says of the bytes that it makes. */
static bool read_made(clv_quant *out, const clv_graph *graph, const clv_node *node)
{
    clv_qdq_constant w;
    uint32_t y = node->n_outputs > 0 ? node->outputs[0] : CLV_NO_VALUE;

    if (!is_byte_value(graph, y))
        return false;
    if (node->op == CLV_OP_QUANTIZE_LINEAR)
        return clv_node_input(graph, node, 0)->dtype == CLV_F32 &&
               clv_qdq_read_quant(out, graph, node->inputs[1], input_of(node, 2),
                                  graph->values[y].tensor.dtype);
    return clv_qdq_is_qlinear(&w, graph, node) &&
           clv_qdq_read_quant(out, graph, node->inputs[CLV_QDQ_QL_Y],
                              node->inputs[CLV_QDQ_QL_Y + 1], graph->values[y].tensor.dtype);
}

/* What the node itself says of the bytes at input @p i. */
static bool read_taken(clv_quant *out, const clv_graph *graph, const clv_node *node, uint32_t i)
{
    clv_qdq_constant w;
    bool is_operand = i == 0;

    if (node->op == CLV_OP_QLINEAR_CONV || node->op == CLV_OP_QLINEAR_MATMUL) {
        if (!clv_qdq_is_qlinear(&w, graph, node))
            return false;
        is_operand |= node->op == CLV_OP_QLINEAR_MATMUL && i == CLV_QDQ_QL_W;
    } else if (node->op != CLV_OP_DEQUANTIZE_LINEAR ||
               clv_node_output(graph, node, 0)->dtype != CLV_F32) {
        return false;
    }
    return is_operand && is_byte_value(graph, node->inputs[i]) &&
           clv_qdq_read_quant(out, graph, node->inputs[i + 1], input_of(node, i + 2),
                              graph->values[node->inputs[i]].tensor.dtype);
}

static clv_status set_meaning(finder *f, uint32_t value, const clv_quant *quant)
{
    clv_quant *copy = clv_arena_alloc(&f->graph->arena, 1, sizeof *copy);
    if (copy == NULL)
        return CLV_ENOMEM;
    *copy = *quant;
    f->meaning[value] = copy;
    return CLV_OK;
}

/* From what makes values to what reads them. */
static clv_status suppose_forwards(finder *f)
{
    const clv_graph *graph = f->graph;
    clv_quant quant;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        if (read_made(&quant, graph, node))
            CLV_TRY(set_meaning(f, node->outputs[0], &quant));
        if (!is_byte_mover(graph, node))
            continue;
        for (uint32_t j = 0; j < node->n_outputs; j++) {
            if (is_byte_value(graph, node->outputs[j]) && f->meaning[node->outputs[j]] == NULL)
                f->meaning[node->outputs[j]] = f->meaning[node->inputs[0]];
        }
    }
    return CLV_OK;
}

/* And back, to bytes that come from the caller. */
static clv_status suppose_backwards(finder *f)
{
    const clv_graph *graph = f->graph;
    clv_quant quant;

    for (uint32_t i = graph->n_nodes; i-- > 0;) {
        const clv_node *node = &graph->nodes[i];
        bool moves = is_byte_mover(graph, node) && node->outputs[0] != CLV_NO_VALUE;
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (node->inputs[j] == CLV_NO_VALUE || f->meaning[node->inputs[j]] != NULL)
                continue;
            if (read_taken(&quant, graph, node, j))
                CLV_TRY(set_meaning(f, node->inputs[j], &quant));
            else if (moves && j < clv_qdq_moved_inputs(node))
                f->meaning[node->inputs[j]] = f->meaning[node->outputs[0]];
        }
    }
    return CLV_OK;
}

static bool mean_the_same(const finder *f, uint32_t a, uint32_t b)
{
    const clv_quant *x = f->meaning[a], *y = f->meaning[b];
    return x != NULL && y != NULL &&
           clv_quant_equal(x, f->graph->values[a].tensor.dtype, y,
                           f->graph->values[b].tensor.dtype);
}

/* All that the node moves means one thing. */
static bool moves_meaning(const finder *f, const clv_node *node)
{
    if (!is_byte_mover(f->graph, node))
        return false;
    for (uint32_t i = 1; i < clv_qdq_moved_inputs(node); i++) {
        if (!mean_the_same(f, node->inputs[0], node->inputs[i]))
            return false;
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != CLV_NO_VALUE &&
            !mean_the_same(f, node->inputs[0], node->outputs[i]))
            return false;
    }
    return true;
}

/* A QLinear node becomes a quantised one when all of its operands do. */
static bool takes_operands(const finder *f, const clv_node *node)
{
    bool all = node->op == CLV_OP_DEQUANTIZE_LINEAR ||
               (node->outputs[0] != CLV_NO_VALUE && f->meaning[node->outputs[0]] != NULL);

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        clv_quant quant;
        uint32_t value = node->inputs[i];
        if (!read_taken(&quant, f->graph, node, i))
            continue;
        clv_dtype dtype = f->graph->values[value].tensor.dtype;
        all &=
            f->meaning[value] != NULL && clv_quant_equal(f->meaning[value], dtype, &quant, dtype);
    }
    return all;
}

static void drop(finder *f, uint32_t value)
{
    if (value == CLV_NO_VALUE || f->meaning[value] == NULL)
        return;
    f->meaning[value] = NULL;
    f->dropped = true;
}

static void check_node(finder *f, const clv_node *node)
{
    clv_quant quant;
    bool moves = moves_meaning(f, node);
    bool is_qlinear = node->op == CLV_OP_QLINEAR_CONV || node->op == CLV_OP_QLINEAR_MATMUL;
    bool takes = (is_qlinear || node->op == CLV_OP_DEQUANTIZE_LINEAR) && takes_operands(f, node);
    bool makes = (is_qlinear ? takes : node->op == CLV_OP_QUANTIZE_LINEAR) &&
                 read_made(&quant, f->graph, node);

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        bool moved = moves && i < clv_qdq_moved_inputs(node);
        if (!moved && !(takes && read_taken(&quant, f->graph, node, i)))
            drop(f, node->inputs[i]);
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (!moves && !(makes && i == 0))
            drop(f, node->outputs[i]);
    }
}

clv_status clv_qdq_find_meaning(clv_qdq_meaning *meaning, clv_graph *graph, clv_error *err)
{
    finder f = {.graph = graph, .meaning = meaning, .dropped = true};

    for (int i = 0; i < 2; i++) { /* down from the caller's bytes as well */
        if (suppose_forwards(&f) != CLV_OK || suppose_backwards(&f) != CLV_OK)
            return clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
    }
    for (int sweep = 0; f.dropped && sweep < MAX_SWEEPS; sweep++) {
        f.dropped = false;
        for (uint32_t i = 0; i < graph->n_nodes; i++)
            check_node(&f, &graph->nodes[sweep % 2 == 0 ? i : graph->n_nodes - 1 - i]);
    }
    if (f.dropped)
        memset(meaning, 0, graph->n_values * sizeof *meaning);
    return CLV_OK;
}
