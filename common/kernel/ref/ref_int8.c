/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_int8.h"

#include <string.h>

#include "kernel/quantise.h"

void ref_int8_store(const ref_int8 *k, clv_tensor *y, size_t at, float *real, size_t n)
{
    const clv_quant *quant = clv_node_output_quant(k->graph, k->node, 0);

    clv_ref_activate(real, n, &k->node->fusion);
    if (quant != NULL)
        clv_quantise_f32((uint8_t *)y->data + at, real, n, quant, y->dtype);
    else
        memcpy((float *)y->data + at, real, n * sizeof *real);
}

bool ref_int8_is_product(const ref_int8 *k, uint32_t channel_axis)
{
    const clv_quant *x = clv_node_input_quant(k->graph, k->node, 0);
    const clv_quant *w = clv_node_input_quant(k->graph, k->node, 1);

    return x != NULL && w != NULL && x->n_scales == 0 &&
           (w->n_scales == 0 || (w->axis == channel_axis && w->zero_point == 0));
}

/* --- generic ------------------------------------------------------------------------------- */

/* Bytes of output or input @p i of the twin. */
static size_t twin_bytes(const ref_int8 *k, uint32_t i)
{
    return ref_bytes(&k->twin->graph.values[i].tensor);
}

static bool is_byte_input(const ref_int8 *k, uint32_t i)
{
    return clv_node_input_quant(k->graph, k->node, i) != NULL;
}

static bool is_byte_output(const ref_int8 *k, uint32_t i)
{
    return clv_node_output_quant(k->graph, k->node, i) != NULL;
}

/* The tensors of the twin, those that are bytes outside in scratch memory; return how much. */
static size_t lay_out(const ref_int8 *k, clv_tensor **tensors_out, char *scratch)
{
    uint32_t n_in = k->node->n_inputs, n = n_in + k->node->n_outputs;
    size_t at = 0;
    clv_tensor *tensors = (void *)ref_int8_cut(scratch, &at, (n + (size_t)1) * sizeof *tensors);

    for (uint32_t i = 0; i < n; i++) {
        bool in_scratch =
            i < n_in ? is_byte_input(k, i) && k->constants[i] == NULL : is_byte_output(k, i - n_in);
        char *data = in_scratch ? ref_int8_cut(scratch, &at, twin_bytes(k, i)) : NULL;
        if (tensors != NULL)
            tensors[i] = (clv_tensor){CLV_F32, {0}, data};
    }
    char *own = ref_int8_cut(scratch, &at, ref_scratch_bytes(&k->twin->graph, &k->twin->node));
    if (tensors != NULL)
        tensors[n] = (clv_tensor){.data = own};
    *tensors_out = tensors;
    return at;
}

static void take_inputs(const ref_int8 *k, clv_tensor *floats, const clv_tensor *inputs)
{
    for (uint32_t i = 0; i < k->node->n_inputs; i++) {
        const clv_quant *quant = clv_node_input_quant(k->graph, k->node, i);
        if (quant == NULL) {
            floats[i] = inputs[i];
            continue;
        }
        floats[i].shape = inputs[i].shape;
        if (k->constants[i] != NULL)
            floats[i].data = k->constants[i];
        else
            clv_dequantise_f32(floats[i].data, inputs[i].data, ref_elems(&inputs[i]), quant,
                               inputs[i].dtype);
    }
}

static clv_status run_generic(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                              char *scratch)
{
    clv_tensor *floats;

    (void)lay_out(k, &floats, scratch);
    clv_tensor *made = floats + k->node->n_inputs;
    take_inputs(k, floats, inputs);
    for (uint32_t i = 0; i < k->node->n_outputs; i++) {
        if (is_byte_output(k, i))
            made[i].shape = outputs[i].shape;
        else
            made[i] = outputs[i];
    }
    CLV_TRY(k->float_kernel(&k->twin->graph, &k->twin->node, floats, made));
    for (uint32_t i = 0; i < k->node->n_outputs; i++) {
        const clv_quant *quant = clv_node_output_quant(k->graph, k->node, i);
        outputs[i].shape = made[i].shape;
        if (quant != NULL)
            clv_quantise_f32(outputs[i].data, made[i].data, ref_elems(&made[i]), quant,
                             outputs[i].dtype);
    }
    return CLV_OK;
}

/* Constants in bytes become float32 once. */
static clv_status plan_generic(ref_int8 *k)
{
    uint32_t n = k->node->n_inputs;
    clv_tensor *tensors;

    k->constants = clv_calloc(n, sizeof *k->constants);
    if (k->constants == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        const clv_tensor *x = clv_node_input(k->graph, k->node, i);
        if (!is_byte_input(k, i) || x->data == NULL)
            continue;
        k->constants[i] = clv_alloc_aligned(twin_bytes(k, i) + 1);
        if (k->constants[i] == NULL)
            return CLV_ENOMEM;
        clv_dequantise_tensor(k->constants[i], x, clv_node_input_quant(k->graph, k->node, i));
        k->twin->graph.values[i].tensor.data = k->constants[i];
    }
    k->scratch_bytes = lay_out(k, &tensors, NULL);
    k->run = run_generic;
    return CLV_OK;
}

/* --- planning ------------------------------------------------------------------------------ */

static clv_status plan(ref_int8 *k)
{
    clv_status (*const ways[])(ref_int8 *) = {ref_int8_plan_conv, ref_int8_plan_matmul,
                                              ref_int8_plan_table, ref_int8_plan_move,
                                              plan_generic};
    clv_status status = CLV_EUNSUPPORTED;

    for (size_t i = 0; status == CLV_EUNSUPPORTED && i < sizeof ways / sizeof ways[0]; i++)
        status = ways[i](k);
    return status;
}

clv_status ref_int8_create(ref_int8 **out, const clv_graph *graph, const clv_node *node,
                           clv_ref_kernel *float_kernel)
{
    ref_int8 *k = clv_calloc(1, sizeof *k);

    if (k == NULL)
        return CLV_ENOMEM;
    *k = (ref_int8){.graph = graph, .node = node, .float_kernel = float_kernel};
    clv_status status = clv_float_twin_create(&k->twin, graph, node);
    if (status == CLV_OK)
        status = plan(k);
    if (status == CLV_OK)
        *out = k;
    else
        ref_int8_free(k);
    return status;
}

void ref_int8_free(ref_int8 *k)
{
    if (k == NULL)
        return;
    for (uint32_t i = 0; k->constants != NULL && i < k->node->n_inputs; i++)
        clv_free(k->constants[i]);
    clv_free(k->constants);
    clv_free(k->floats);
    clv_free(k->bytes);
    clv_free(k->twin);
    clv_free(k);
}

clv_status ref_int8_run(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                        void *scratch)
{
    for (uint32_t i = 0; i < k->node->n_outputs; i++) {
        if (outputs[i].dtype != CLV_NONE && ref_elems(&outputs[i]) > 0)
            return k->run(k, inputs, outputs, scratch);
    }
    return CLV_OK;
}
