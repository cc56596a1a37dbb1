/* SPDX-License-Identifier: Apache-2.0 */
/* Constants in bytes, as models write them and as quantised nodes take them. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "graph/pass_qdq.h"

static const clv_tensor *constant(const clv_graph *graph, uint32_t value)
{
    bool there = value != CLV_NO_VALUE && clv_value_is_constant(&graph->values[value]);
    return there ? &graph->values[value].tensor : NULL;
}

/* Elements of a scalar or a vector; 0 for anything else. */
static size_t vector_length(const clv_tensor *tensor)
{
    size_t n;
    if (tensor == NULL || tensor->shape.rank > 1 || clv_shape_elems(&n, &tensor->shape) != CLV_OK)
        return 0;
    return n;
}

static bool are_scales(const clv_tensor *scale, size_t n)
{
    if (scale == NULL || scale->dtype != CLV_F32)
        return false;
    for (size_t i = 0; i < n; i++) {
        float s = ((const float *)scale->data)[i];
        if (!(s > 0.0f) || !isfinite(s))
            return false;
    }
    return n > 0;
}

/* The one zero point of all channels; 0 where @p zero isn't there. */
static bool read_zero_point(int32_t *out, const clv_graph *graph, uint32_t zero, size_t n,
                            clv_dtype dtype)
{
    const clv_tensor *tensor = constant(graph, zero);
    size_t length = vector_length(tensor);

    if (zero == CLV_NO_VALUE) {
        *out = 0;
        return true;
    }
    if (tensor == NULL || tensor->dtype != dtype || (length != 1 && length != n))
        return false;
    const uint8_t *bytes = tensor->data;
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] != bytes[0])
            return false;
    }
    *out = dtype == CLV_I8 ? (int8_t)bytes[0] : bytes[0];
    return true;
}

bool clv_qdq_read_quant(clv_quant *out, const clv_graph *graph, uint32_t scale, uint32_t zero_point,
                        clv_dtype dtype)
{
    const clv_tensor *tensor = constant(graph, scale);
    clv_quant quant = {.scale = 0.0f};

    if (!clv_dtype_is_byte(dtype) || vector_length(tensor) != 1 || !are_scales(tensor, 1) ||
        !read_zero_point(&quant.zero_point, graph, zero_point, 1, dtype))
        return false;
    quant.scale = *(const float *)tensor->data;
    *out = quant;
    return true;
}

bool clv_qdq_read_constant(clv_qdq_constant *out, const clv_graph *graph, const uint32_t values[3],
                           int64_t axis)
{
    const clv_tensor *data = constant(graph, values[0]), *scale = constant(graph, values[1]);
    size_t n = vector_length(scale);
    clv_qdq_constant c = {.n_scales = (uint32_t)n};

    if (data == NULL || !clv_dtype_is_byte(data->dtype) || !are_scales(scale, n) ||
        !read_zero_point(&c.zero_point, graph, values[2], n, data->dtype))
        return false;
    c.data = *data;
    c.scales = scale->data;
    if (n > 1) {
        int64_t rank = data->shape.rank;
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank || data->shape.dim[axis] != (int64_t)n ||
            c.zero_point != (data->dtype == CLV_U8 ? 128 : 0))
            return false;
        c.axis = (uint32_t)axis;
    }
    *out = c;
    return true;
}

static bool swaps_matrix(const clv_graph *graph, const clv_node *node)
{
    const clv_attr *perm = clv_node_attr(node, "perm", CLV_ATTR_INTS);
    return node->op == CLV_OP_TRANSPOSE && clv_node_input(graph, node, 0)->shape.rank == 2 &&
           (perm == NULL || (perm->v.ints[0] == 1 && perm->v.ints[1] == 0));
}

bool clv_qdq_find_constant(clv_qdq_constant *out, const clv_graph *graph, uint32_t value)
{
    uint32_t producer = graph->values[value].producer;
    bool transposed = producer != CLV_NO_NODE && swaps_matrix(graph, &graph->nodes[producer]);

    if (transposed)
        producer = graph->values[graph->nodes[producer].inputs[0]].producer;
    if (producer == CLV_NO_NODE || graph->nodes[producer].op != CLV_OP_DEQUANTIZE_LINEAR)
        return false;
    const clv_node *node = &graph->nodes[producer];
    const uint32_t values[3] = {node->inputs[0], node->inputs[1],
                                node->n_inputs > 2 ? node->inputs[2] : CLV_NO_VALUE};
    if (!clv_qdq_read_constant(out, graph, values, clv_node_attr_int(node, "axis", 1)))
        return false;
    out->transposed = transposed;
    out->axis = transposed && out->n_scales > 1 ? 1 - out->axis : out->axis;
    return true;
}

bool clv_qdq_suits_product(const clv_qdq_constant *constant, const clv_graph *graph,
                           const clv_node *node)
{
    uint32_t rank = clv_node_input(graph, node, 1)->shape.rank, wanted;

    if (constant->n_scales == 1)
        return true;
    switch (node->op) {
    case CLV_OP_CONV:
        wanted = 0;
        break;
    case CLV_OP_CONV_TRANSPOSE:
        wanted = 1;
        break;
    case CLV_OP_GEMM:
        wanted = clv_node_attr_int(node, "transB", 0) != 0 ? 0 : 1;
        break;
    default:
        if (rank < 2)
            return false;
        wanted = rank - 1;
    }
    return constant->axis == wanted;
}

/* uint8 less 128 is int8; the top bit says so. */
static void copy_bytes(uint8_t *dst, const clv_qdq_constant *c)
{
    const uint8_t *src = c->data.data;
    uint8_t flip = c->data.dtype == CLV_U8 ? 0x80 : 0;
    size_t n = 0;

    if (c->transposed) {
        size_t rows = (size_t)c->data.shape.dim[0], columns = (size_t)c->data.shape.dim[1];
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < columns; j++)
                dst[j * rows + i] = src[i * columns + j] ^ flip;
        }
        return;
    }
    if (clv_shape_elems(&n, &c->data.shape) != CLV_OK)
        return;
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] ^ flip;
}

static const clv_quant *quant_of(clv_graph *graph, const clv_qdq_constant *c)
{
    clv_quant *quant = clv_arena_alloc(&graph->arena, 1, sizeof *quant);
    float *scales = clv_arena_alloc(&graph->arena, c->n_scales, sizeof *scales);

    if (quant == NULL || scales == NULL)
        return NULL;
    memcpy(scales, c->scales, c->n_scales * sizeof *scales);
    *quant = (clv_quant){.scale = scales[0],
                         .zero_point = c->zero_point - (c->data.dtype == CLV_U8 ? 128 : 0),
                         .axis = c->axis,
                         .n_scales = c->n_scales > 1 ? c->n_scales : 0,
                         .scales = c->n_scales > 1 ? scales : NULL};
    return quant;
}

clv_status clv_qdq_make_constant(uint32_t *out, clv_graph *graph, const clv_qdq_constant *constant,
                                 const char *stem, clv_error *err)
{
    const clv_quant *quant = quant_of(graph, constant);
    clv_shape shape = constant->data.shape;
    uint32_t value;

    if (quant == NULL)
        return clv_fail(err, CLV_ENOMEM, stem, "out of memory");
    if (constant->transposed) {
        shape.dim[0] = constant->data.shape.dim[1];
        shape.dim[1] = constant->data.shape.dim[0];
    }
    CLV_TRY(clv_pass_new_constant(&value, graph, stem, CLV_I8, &shape, err));
    copy_bytes(graph->values[value].tensor.data, constant);
    graph->values[value].quant = quant;
    *out = value;
    return CLV_OK;
}

/* --- QLinearConv, QLinearMatMul ------------------------------------------------------------- */

static bool is_bias(const clv_graph *graph, const clv_node *node, const clv_qdq_constant *w)
{
    if (node->n_inputs <= CLV_QDQ_QL_BIAS || node->inputs[CLV_QDQ_QL_BIAS] == CLV_NO_VALUE)
        return true;
    const clv_tensor *bias = constant(graph, node->inputs[CLV_QDQ_QL_BIAS]);
    return bias != NULL && bias->dtype == CLV_I32 && bias->shape.rank == 1 &&
           (w->n_scales == 1 || bias->shape.dim[0] == (int64_t)w->n_scales);
}

bool clv_qdq_is_qlinear(clv_qdq_constant *w, const clv_graph *graph, const clv_node *node)
{
    bool is_conv = node->op == CLV_OP_QLINEAR_CONV;
    const uint32_t *in = node->inputs;

    if (!is_conv && node->op != CLV_OP_QLINEAR_MATMUL)
        return false;
    if (!is_conv && constant(graph, in[CLV_QDQ_QL_W]) == NULL) {
        *w = (clv_qdq_constant){.n_scales = 1};
        return true; /* two operands that nodes make; what they mean is looked at elsewhere */
    }
    const clv_tensor *data = constant(graph, in[CLV_QDQ_QL_W]);
    if (data == NULL || (!is_conv && data->shape.rank < 2))
        return false;
    return clv_qdq_read_constant(w, graph, in + CLV_QDQ_QL_W, is_conv ? 0 : -1) &&
           is_bias(graph, node, w);
}

clv_status clv_qdq_make_bias(uint32_t *out, clv_graph *graph, const clv_node *node,
                             const clv_quant *x, const clv_qdq_constant *w, clv_error *err)
{
    uint32_t value;

    if (node->n_inputs <= CLV_QDQ_QL_BIAS || node->inputs[CLV_QDQ_QL_BIAS] == CLV_NO_VALUE) {
        *out = CLV_NO_VALUE;
        return CLV_OK;
    }
    clv_tensor bias = graph->values[node->inputs[CLV_QDQ_QL_BIAS]].tensor;
    CLV_TRY(clv_pass_new_constant(&value, graph, node->name, CLV_F32, &bias.shape, err));
    float *real = graph->values[value].tensor.data;
    for (size_t i = 0; i < (size_t)bias.shape.dim[0]; i++) {
        float scale = x->scale * w->scales[w->n_scales > 1 ? i : 0];
        real[i] = (float)((double)((const int32_t *)bias.data)[i] * (double)scale);
    }
    *out = value;
    return CLV_OK;
}
