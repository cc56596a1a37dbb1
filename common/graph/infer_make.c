/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that make their elements from a few numbers. */
#include <math.h>

#include "graph/infer_rules.h"

static clv_status set_list(clv_graph *graph, const clv_node *node, clv_dtype dtype, int64_t n,
                           clv_error *err)
{
    clv_shape shape = {.rank = 1, .dim = {n}};
    return clv_infer_set(graph, node, 0, dtype, &shape, err);
}

/* The integer that constant input @p i is, in [min, 2^40]. */
static clv_status read_extent(int64_t *out, const clv_graph *graph, const clv_node *node,
                              uint32_t i, int64_t min, clv_error *err)
{
    clv_status status = clv_tensor_read_int(out, clv_node_input(graph, node, i));
    if (status != CLV_OK)
        return clv_infer_fail(err, node, status, "a size must be one constant number");
    if (*out < min || *out > (int64_t)1 << 40)
        return clv_infer_fail(err, node, CLV_ESHAPE, "a size is out of range");
    return CLV_OK;
}

clv_status infer_size(clv_graph *graph, const clv_node *node, clv_error *err)
{
    return clv_infer_set(graph, node, 0, CLV_I64, &(clv_shape){.rank = 0}, err);
}

clv_status infer_eye_like(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    int64_t dtype = clv_node_attr_int(node, "dtype", x->dtype); /* the importer made it ours */

    if (x->shape.rank != 2)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the input is no matrix");
    if (dtype <= CLV_NONE || dtype >= CLV_DTYPE_COUNT)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "no such element type");
    return clv_infer_set(graph, node, 0, (clv_dtype)dtype, &x->shape, err);
}

/* Steps of @p delta from @p start on that don't reach @p limit. */
static uint64_t count_int_steps(int64_t start, int64_t limit, int64_t delta)
{
    bool up = delta > 0;
    uint64_t step = up ? (uint64_t)delta : -(uint64_t)delta;

    if (up ? start >= limit : start <= limit)
        return 0;
    uint64_t way = up ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    return (way - 1) / step + 1;
}

clv_status infer_range(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_dtype dtype = clv_node_input(graph, node, 0)->dtype;
    bool is_float = dtype == CLV_F32 || dtype == CLV_F64;
    double number[3], n;
    int64_t integer[3];

    for (uint32_t i = 0; i < 3; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        clv_status status = clv_tensor_read_number(&number[i], x);
        if (status == CLV_OK)
            status = clv_tensor_read_int(&integer[i], x);
        if (status != CLV_OK || x->dtype != dtype)
            return clv_infer_fail(err, node, status != CLV_OK ? status : CLV_EFORMAT,
                                  "start, limit and delta must be constant numbers of one type");
    }
    if (is_float ? number[2] == 0 : integer[2] == 0)
        return clv_infer_fail(err, node, CLV_ESHAPE, "delta is 0");
    if (is_float)
        n = ceil((number[1] - number[0]) / number[2]);
    else
        n = (double)count_int_steps(integer[0], integer[1], integer[2]);
    if (isnan(n) || n > 0x1p40)
        return clv_infer_fail(err, node, CLV_ELIMIT, "the output would be too large");
    return set_list(graph, node, dtype, n > 0 ? (int64_t)n : 0, err);
}

/* The windows of signals and MelWeightMatrix: float32 or float64. */
static clv_status read_float_type(clv_dtype *out, const clv_node *node, clv_error *err)
{
    int64_t dtype = clv_node_attr_int(node, "output_datatype", CLV_F32);
    if (dtype != CLV_F32 && dtype != CLV_F64)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED,
                              "an output that is neither float32 nor float64 is not supported");
    *out = (clv_dtype)dtype;
    return CLV_OK;
}

clv_status infer_signal_window(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_dtype dtype;
    int64_t n = 0;

    CLV_TRY(read_float_type(&dtype, node, err));
    CLV_TRY(read_extent(&n, graph, node, 0, 0, err));
    return set_list(graph, node, dtype, n, err);
}

/* [dft_length / 2 + 1, bins] */
clv_status infer_mel(clv_graph *graph, const clv_node *node, clv_error *err)
{
    int64_t bins = 0, length = 0, rate = 0;
    double hertz;
    clv_dtype dtype;

    CLV_TRY(read_float_type(&dtype, node, err));
    CLV_TRY(read_extent(&bins, graph, node, 0, 0, err));
    CLV_TRY(read_extent(&length, graph, node, 1, 0, err));
    CLV_TRY(read_extent(&rate, graph, node, 2, 1, err));
    for (uint32_t i = 3; i < 5; i++) {
        clv_status status = clv_tensor_read_number(&hertz, clv_node_input(graph, node, i));
        if (status != CLV_OK || !(hertz >= 0) || hertz > 0x1p40)
            return clv_infer_fail(err, node, status != CLV_OK ? status : CLV_ESHAPE,
                                  "an edge must be one constant frequency");
    }
    clv_shape shape = {.rank = 2, .dim = {length / 2 + 1, bins}};
    return clv_infer_set(graph, node, 0, dtype, &shape, err);
}
