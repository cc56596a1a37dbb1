/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of QuantizeLinear and its like, and the checks of quantised inputs. */
#include "graph/infer_rules.h"

/* 8 and 16 bits: what there are kernels for. */
static bool is_quantised(clv_dtype dtype)
{
    return dtype == CLV_U8 || dtype == CLV_I8 || dtype == CLV_U16 || dtype == CLV_I16;
}

static bool is_byte(clv_dtype dtype)
{
    return dtype == CLV_U8 || dtype == CLV_I8;
}

clv_status clv_infer_quantised_types(const clv_graph *graph, const clv_node *node,
                                     const clv_quantised *q, clv_error *err)
{
    const clv_tensor *data = clv_node_input(graph, node, q->data);
    const clv_tensor *scale = clv_node_input(graph, node, q->scale);
    const clv_tensor *zero = clv_node_input(graph, node, q->zero_point);

    if ((data != NULL && !is_byte(data->dtype)) || (zero != NULL && !is_byte(zero->dtype)))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "quantised inputs must be (u)int8");
    if (data != NULL && zero != NULL && data->dtype != zero->dtype)
        return clv_infer_fail(err, node, CLV_EFORMAT,
                              "a zero point has another type than its data");
    if (scale != NULL && scale->dtype != CLV_F32)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "scales must be float32");
    return CLV_OK;
}

/* One for all, or for each of @p channels (nullable). */
static bool fits_channels(const clv_tensor *param, const int64_t *channels)
{
    size_t n;
    if (param == NULL)
        return true;
    if (param->shape.rank > 1 || clv_shape_elems(&n, &param->shape) != CLV_OK)
        return false;
    return n == 1 || (channels != NULL && (int64_t)n == *channels);
}

clv_status clv_infer_quantised(const clv_graph *graph, const clv_node *node, const clv_quantised *q,
                               const int64_t *channels, clv_error *err)
{
    CLV_TRY(clv_infer_quantised_types(graph, node, q, err));
    if (!fits_channels(clv_node_input(graph, node, q->scale), channels) ||
        !fits_channels(clv_node_input(graph, node, q->zero_point), channels))
        return clv_infer_fail(err, node, CLV_ESHAPE,
                              "a scale or zero point is neither one for all nor one per channel");
    return CLV_OK;
}

clv_status infer_quantize(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0), *scale = clv_node_input(graph, node, 1);
    const clv_tensor *zero = clv_node_input(graph, node, 2);
    clv_quantize_params p;
    /* The importer has put a clv_dtype into the attribute. */
    int64_t type = clv_node_attr_int(node, "output_dtype", CLV_NONE);

    CLV_TRY(clv_quantize_params_of(&p, graph, node, err));
    if (zero != NULL && type != CLV_NONE && type != (int64_t)zero->dtype)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the zero point has another type than asked");
    type = zero != NULL ? (int64_t)zero->dtype : type != CLV_NONE ? type : CLV_U8;
    if (type < 0 || type >= CLV_DTYPE_COUNT || !is_quantised((clv_dtype)type))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "quantises to 8 or 16 bits only");
    if ((x->dtype != CLV_F32 && x->dtype != CLV_F16 && x->dtype != CLV_I32) ||
        (scale->dtype != CLV_F32 && scale->dtype != CLV_F16))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "input or scale has no such type");
    return clv_infer_set(graph, node, 0, (clv_dtype)type, &x->shape, err);
}

clv_status infer_dequantize(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0), *scale = clv_node_input(graph, node, 1);
    const clv_tensor *zero = clv_node_input(graph, node, 2);
    clv_quantize_params p;

    CLV_TRY(clv_quantize_params_of(&p, graph, node, err));
    if (!is_quantised(x->dtype) && x->dtype != CLV_I32)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "the input has no quantised type");
    if (zero != NULL && zero->dtype != x->dtype)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the zero point has another type");
    if (scale->dtype != CLV_F32 && scale->dtype != CLV_F16)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "scales must be float32 or float16");
    return clv_infer_set(graph, node, 0, scale->dtype, &x->shape, err);
}

clv_status infer_dynamic_quantize(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_shape scalar = {.rank = 0};

    if (x->dtype != CLV_F32)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "the input must be float32");
    CLV_TRY(clv_infer_set(graph, node, 0, CLV_U8, &x->shape, err));
    CLV_TRY(clv_infer_set(graph, node, 1, CLV_F32, &scalar, err));
    return clv_infer_set(graph, node, 2, CLV_U8, &scalar, err);
}
