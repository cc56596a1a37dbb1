/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/true_shapes.h"

#include <string.h>

#include "base/error.h"
#include "graph/infer.h"
#include "kernel/ref/ref.h"

struct clv_true_shapes {
    const clv_program *program;
    clv_graph graph;     /* the program's but for its values; owns nothing else */
    clv_tensor *tensors; /* of the step that runs: inputs, outputs, scratch memory */
};

/* Most tensors that a dynamic step needs at once. */
static size_t most_tensors(const clv_program *program)
{
    size_t most = 0;
    for (uint32_t i = 0; i < program->graph->n_nodes; i++) {
        const clv_node *node = &program->graph->nodes[i];
        size_t n = (size_t)node->n_inputs + node->n_outputs + 1;
        if (program->steps[i].dynamic && n > most)
            most = n;
    }
    return most;
}

clv_status clv_true_shapes_create(clv_true_shapes **out, const clv_program *program)
{
    const clv_graph *planned = &program->as_float; /* dynamic steps don't compute on bytes */
    clv_true_shapes *shapes = clv_calloc(1, sizeof *shapes);
    if (shapes == NULL)
        return CLV_ENOMEM;
    shapes->program = program;
    shapes->graph = *planned;
    shapes->graph.values = clv_calloc(planned->n_values, sizeof *planned->values);
    shapes->tensors = clv_calloc(most_tensors(program), sizeof *shapes->tensors);
    if (shapes->graph.values == NULL || shapes->tensors == NULL) {
        clv_true_shapes_free(shapes);
        return CLV_ENOMEM;
    }
    memcpy(shapes->graph.values, planned->values, planned->n_values * sizeof *planned->values);
    for (uint32_t i = 0; i < planned->n_values; i++)
        shapes->graph.values[i].bounded = false; /* here shapes are exact */
    *out = shapes;
    return CLV_OK;
}

void clv_true_shapes_free(clv_true_shapes *shapes)
{
    if (shapes == NULL)
        return;
    clv_free(shapes->graph.values);
    clv_free(shapes->tensors);
    clv_free(shapes);
}

const clv_shape *clv_true_shapes_get(const clv_true_shapes *shapes, uint32_t value)
{
    return &shapes->graph.values[value].tensor.shape;
}

void clv_true_shapes_set(clv_true_shapes *shapes, uint32_t value, const clv_shape *shape)
{
    shapes->graph.values[value].tensor.shape = *shape;
}

/* Let rules and kernels see the data of every input. */
static void show_inputs(clv_true_shapes *shapes, uint32_t index, uint8_t *arena)
{
    const clv_program *p = shapes->program;
    const clv_node *node = &p->graph->nodes[index];

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t buffer = p->steps[index].input_buffers[i];
        if (buffer != NO_BUFFER)
            shapes->graph.values[node->inputs[i]].tensor.data = arena + p->buffers[buffer].offset;
    }
}

/* The outputs' shapes from the inputs'; what isn't in the plan is refused. */
static clv_status infer_outputs(clv_true_shapes *shapes, const clv_node *node)
{
    CLV_TRY(clv_infer_node(&shapes->graph, node, NULL));
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const clv_tensor *planned = clv_node_output(shapes->program->graph, node, i);
        if (planned != NULL &&
            !clv_shape_fits(&clv_node_output(&shapes->graph, node, i)->shape, &planned->shape))
            return CLV_ESHAPE;
    }
    return CLV_OK;
}

static clv_status run_kernel(clv_true_shapes *shapes, const clv_node *node, uint8_t *arena,
                             void *scratch)
{
    const clv_program *p = shapes->program;
    clv_tensor *inputs = shapes->tensors, *outputs = inputs + node->n_inputs;

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *in = clv_node_input(&shapes->graph, node, i);
        inputs[i] = in != NULL ? *in : (clv_tensor){0};
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const clv_tensor *out = clv_node_output(&shapes->graph, node, i);
        outputs[i] = out != NULL ? *out : (clv_tensor){0};
        if (out != NULL)
            outputs[i].data = arena + p->buffers[p->places[node->outputs[i]].buffer].offset;
    }
    outputs[node->n_outputs] = (clv_tensor){.data = scratch};
    CLV_TRY(clv_ref_run(&shapes->graph, node, inputs, outputs));
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != CLV_NO_VALUE)
            clv_true_shapes_set(shapes, node->outputs[i], &outputs[i].shape);
    }
    return CLV_OK;
}

clv_status clv_true_shapes_run(clv_true_shapes *shapes, uint32_t index, uint8_t *arena,
                               void *scratch)
{
    const clv_graph *planned = &shapes->program->as_float;
    const clv_node *node = &planned->nodes[index];

    show_inputs(shapes, index, arena);
    clv_status status = infer_outputs(shapes, node);
    if (status == CLV_OK)
        status = run_kernel(shapes, node, arena, scratch);
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] == CLV_NO_VALUE)
            continue;
        clv_value *out = &shapes->graph.values[node->outputs[i]];
        if (status != CLV_OK)
            out->tensor = planned->values[node->outputs[i]].tensor;
        out->bounded = false;
    }
    return status;
}
