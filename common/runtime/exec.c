/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "runtime/program_internal.h"
#include "runtime/true_shapes.h"

struct clv_exec {
    const clv_program *program;
    uint8_t *arena;
    uint8_t *scratch;
    void **states;           /* n_nodes: a backend's bound kernel; NULL for a dynamic step */
    clv_true_shapes *shapes; /* NULL: all shapes are as planned */
};

static void *buffer_address(const clv_exec *exec, uint32_t buffer)
{
    return exec->arena + exec->program->buffers[buffer].offset;
}

/* The tensors of node @p index, at their addresses; tensors has n_inputs + n_outputs elements. */
static void gather_tensors(clv_tensor *tensors, const clv_exec *exec, uint32_t index)
{
    const clv_program *p = exec->program;
    const clv_node *node = &p->graph->nodes[index];

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *in = clv_node_input(p->graph, node, i);
        tensors[i] = in != NULL ? *in : (clv_tensor){0};
        if (p->steps[index].input_buffers[i] != NO_BUFFER)
            tensors[i].data = buffer_address(exec, p->steps[index].input_buffers[i]);
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const clv_tensor *out = clv_node_output(p->graph, node, i);
        tensors[node->n_inputs + i] = out != NULL ? *out : (clv_tensor){0};
        if (out != NULL)
            tensors[node->n_inputs + i].data =
                buffer_address(exec, p->places[node->outputs[i]].buffer);
    }
}

static clv_status bind_step(clv_exec *exec, uint32_t index, clv_error *err)
{
    const clv_node *node = &exec->program->graph->nodes[index];
    const clv_step *step = &exec->program->steps[index];
    clv_tensor *tensors = clv_calloc((size_t)node->n_inputs + node->n_outputs, sizeof *tensors);
    if (tensors == NULL)
        return clv_fail(err, CLV_ENOMEM, node->name, "out of memory");
    gather_tensors(tensors, exec, index);
    clv_status status = step->backend->bind(&exec->states[index], step->kernel, tensors,
                                            tensors + node->n_inputs, exec->scratch);
    clv_free(tensors);
    if (status != CLV_OK)
        return clv_fail(err, status, node->name, "the kernel can't be set up: %s",
                        clv_status_text(status));
    return CLV_OK;
}

clv_status clv_exec_create(clv_exec **out, const clv_program *program, clv_error *err)
{
    clv_status status = CLV_ENOMEM;
    uint32_t n_nodes = program->graph->n_nodes;
    clv_exec *exec = clv_calloc(1, sizeof *exec);
    if (exec == NULL)
        return clv_fail(err, CLV_ENOMEM, program->graph->name, "out of memory");
    exec->program = program;
    exec->arena = clv_alloc_aligned(program->memory.arena_bytes);
    exec->scratch = clv_alloc_aligned(program->memory.scratch_bytes);
    exec->states = clv_calloc(n_nodes, sizeof *exec->states);
    if (exec->arena == NULL || exec->scratch == NULL || exec->states == NULL) {
        (void)clv_fail(err, CLV_ENOMEM, program->graph->name,
                       "out of memory for %zu bytes of activations", program->memory.arena_bytes);
        goto done;
    }
    if (program->is_dynamic && clv_true_shapes_create(&exec->shapes, program) != CLV_OK) {
        (void)clv_fail(err, CLV_ENOMEM, program->graph->name, "out of memory");
        goto done;
    }
    for (uint32_t i = 0; i < n_nodes; i++) {
        status = program->steps[i].dynamic ? CLV_OK : bind_step(exec, i, err);
        if (status != CLV_OK)
            goto done;
    }
    *out = exec;
    exec = NULL;
    status = CLV_OK;
done:
    clv_exec_free(exec);
    return status;
}

void clv_exec_free(clv_exec *exec)
{
    if (exec == NULL)
        return;
    for (uint32_t i = 0; exec->states != NULL && i < exec->program->graph->n_nodes; i++)
        exec->program->steps[i].backend->unbind(exec->states[i]);
    clv_true_shapes_free(exec->shapes);
    clv_free(exec->states);
    clv_free(exec->scratch);
    clv_free(exec->arena);
    clv_free(exec);
}

static bool is_shape_of(const clv_program *p, uint32_t value, const clv_shape *shape)
{
    const clv_value *v = &p->graph->values[value];
    return v->bounded ? clv_shape_fits(shape, &v->tensor.shape)
                      : clv_shape_equal(shape, &v->tensor.shape);
}

void clv_exec_load(clv_exec *exec, uint32_t value, const clv_tensor *tensor)
{
    const clv_tensor *planned = &exec->program->graph->values[value].tensor;
    const clv_place *place = &exec->program->places[value];
    clv_layout plain = clv_layout_plain();

    bool fits =
        tensor->dtype == planned->dtype && is_shape_of(exec->program, value, &tensor->shape);
    assert(fits);
    (void)fits;
    if (place->buffer == NO_BUFFER)
        return;
    clv_layout_reorder(buffer_address(exec, place->buffer), &place->layout, tensor->data, &plain,
                       &tensor->shape, clv_dtype_bytes(planned->dtype));
    if (exec->shapes != NULL)
        clv_true_shapes_set(exec->shapes, value, &tensor->shape);
}

void clv_exec_store(const clv_exec *exec, uint32_t value, clv_tensor *tensor)
{
    const clv_tensor *planned = &exec->program->graph->values[value].tensor;
    const clv_place *place = &exec->program->places[value];
    clv_layout plain = clv_layout_plain();
    const clv_shape *shape =
        exec->shapes != NULL ? clv_true_shapes_get(exec->shapes, value) : &planned->shape;
    const void *from = planned->data; /* an output that is constant */

    assert(tensor->dtype == planned->dtype);
    if (place->buffer != NO_BUFFER)
        from = buffer_address(exec, place->buffer);
    clv_layout_reorder(tensor->data, &plain, from, &place->layout, shape,
                       clv_dtype_bytes(planned->dtype));
    tensor->shape = *shape;
}

void clv_exec_poison(clv_exec *exec)
{
    memset(exec->arena, 0xff, exec->program->memory.arena_bytes); /* a float of these is a NaN */
    memset(exec->scratch, 0xff, exec->program->memory.scratch_bytes);
}

static clv_status run_step(clv_exec *exec, uint32_t index)
{
    const clv_program *p = exec->program;
    const clv_step *step = &p->steps[index];

    for (uint32_t i = 0; i < step->n_reorders; i++) {
        const clv_reorder *reorder = &step->reorders[i];
        const clv_tensor *tensor = &p->graph->values[reorder->value].tensor;
        const clv_place *from = &p->places[reorder->value];
        clv_layout plain = clv_layout_plain();
        bool constant = from->buffer == NO_BUFFER;
        clv_layout_reorder(buffer_address(exec, reorder->to.buffer), &reorder->to.layout,
                           constant ? tensor->data : buffer_address(exec, from->buffer),
                           constant ? &plain : &from->layout, &tensor->shape,
                           clv_dtype_bytes(tensor->dtype));
    }
    if (step->dynamic)
        return clv_true_shapes_run(exec->shapes, index, exec->arena, exec->scratch);
    return step->backend->run(step->kernel, exec->states[index]);
}

clv_status clv_exec_run(clv_exec *exec, uint32_t from, uint32_t to)
{
    if (from > to || to > exec->program->graph->n_nodes)
        return CLV_EINVAL;
    for (uint32_t i = from; i < to; i++)
        CLV_TRY(run_step(exec, i));
    return CLV_OK;
}
