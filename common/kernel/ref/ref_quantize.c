/* SPDX-License-Identifier: Apache-2.0 */
/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear. */
#include "graph/params_quantize.h"
#include "kernel/ref/ref_number.h"
#include "kernel/ref/ref_quantized.h"

/* What a quantised type can hold. */
static void limits_of(double *low, double *high, clv_dtype dtype)
{
    bool is_signed = dtype == CLV_I8 || dtype == CLV_I16;
    double n = ldexp(1.0, 8 * (int)clv_dtype_bytes(dtype));
    *low = is_signed ? -n / 2 : 0.0;
    *high = is_signed ? n / 2 - 1 : n - 1;
}

/* Float16 and int32 become float32, which the quotient is made in. */
static float load_float(const clv_tensor *tensor, size_t i)
{
    return (float)ref_number_to_double(ref_number_load(tensor->data, tensor->dtype, i));
}

static double zero_point(const clv_tensor *zero, size_t i)
{
    return zero != NULL ? clv_element_number(zero, i) : 0.0;
}

static void quantize_one(clv_tensor *y, const clv_tensor *x, size_t i, float scale, double zero)
{
    double low, high, v = (double)rintf(load_float(x, i) / scale) + zero;

    limits_of(&low, &high, y->dtype);
    v = v > low ? (v < high ? v : high) : low; /* NaN is the lowest */
    ref_number_store(y->data, y->dtype, i, (ref_number){REF_FLOATING, v, 0});
}

static void dequantize_one(clv_tensor *y, const clv_tensor *x, size_t i, float scale, double zero)
{
    float v = (float)(clv_element_number(x, i) - zero) * scale;
    ref_number_store(y->data, y->dtype, i, (ref_number){REF_FLOATING, (double)v, 0});
}

clv_status ref_quantize(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                        clv_tensor *outputs)
{
    const clv_tensor *zero = ref_optional(node, inputs, 2);
    clv_quantize_params p;
    size_t i = 0;

    CLV_TRY(clv_quantize_params_of(&p, graph, node, NULL));
    for (size_t outer = 0; outer < p.outer; outer++) {
        for (size_t along = 0; along < p.extent; along++) {
            for (size_t inner = 0; inner < p.inner; inner++, i++) {
                size_t s =
                    outer * p.step_outer + along / p.block * p.step_axis + inner * p.step_inner;
                float scale = load_float(&inputs[1], s);
                if (node->op == CLV_OP_QUANTIZE_LINEAR)
                    quantize_one(&outputs[0], &inputs[0], i, scale, zero_point(zero, s));
                else
                    dequantize_one(&outputs[0], &inputs[0], i, scale, zero_point(zero, s));
            }
        }
    }
    return CLV_OK;
}

/* The range always has 0 in it; of nothing but zeros any scale will do. */
clv_status ref_dynamic_quantize(const clv_graph *graph, const clv_node *node,
                                const clv_tensor *inputs, clv_tensor *outputs)
{
    const float *x = inputs[0].data;
    float low = 0.0f, high = 0.0f;
    size_t n = ref_elems(&inputs[0]);
    (void)graph;
    (void)node;

    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    float scale = high > low ? (high - low) / UINT8_MAX : 1.0f;
    ref_store_byte(&outputs[2], 0, (double)(-low / scale), 0);
    *(float *)outputs[1].data = scale;
    for (size_t i = 0; i < n; i++)
        ref_store_byte(&outputs[0], i, (double)rintf(x[i] / scale), ref_byte(&outputs[2], 0));
    return CLV_OK;
}
