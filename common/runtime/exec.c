/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "graph/quant.h"
#include "kernel/quantise.h"
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
        if (in != NULL)
            tensors[i].dtype = clv_node_input_type(p->graph, node, i);
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
    for (uint32_t i = program->from; i < program->to; i++) {
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
    for (uint32_t i = exec->program->from; exec->states != NULL && i < exec->program->to; i++)
        exec->program->steps[i].backend->unbind(exec->states[i]);
    clv_true_shapes_free(exec->shapes);
    clv_free(exec->states);
    clv_free(exec->scratch);
    clv_free(exec->arena);
    clv_free(exec);
}

static size_t elements_of(const clv_tensor *tensor)
{
    size_t n = 0;
    return clv_shape_elems(&n, &tensor->shape) == CLV_OK ? n : 0; /* checked when it was planned */
}

static bool fits_value(const clv_value *v, const clv_tensor *tensor)
{
    bool fits = v->bounded ? clv_shape_fits(&tensor->shape, &v->tensor.shape)
                           : clv_shape_equal(&tensor->shape, &v->tensor.shape);
    return fits && (tensor->dtype == v->tensor.dtype || (v->quant != NULL && !v->bounded));
}

/* Between float32 and bytes, where the value's quant says how: by way of the scratch memory, which
 * compiling made large enough. */
static void load_converted(clv_exec *exec, const clv_value *v, const clv_place *place,
                           const clv_tensor *tensor)
{
    size_t n = elements_of(tensor);
    clv_layout plain = clv_layout_plain();

    if (tensor->dtype == CLV_F32)
        clv_quantise_f32(exec->scratch, tensor->data, n, v->quant, v->tensor.dtype);
    else
        clv_dequantise_f32((float *)exec->scratch, tensor->data, n, v->quant, tensor->dtype);
    clv_layout_reorder(buffer_address(exec, place->buffer), &place->layout, exec->scratch, &plain,
                       &tensor->shape, clv_dtype_bytes(v->tensor.dtype));
}

static void store_converted(const clv_exec *exec, const clv_value *v, const clv_place *place,
                            clv_tensor *tensor)
{
    size_t n = elements_of(&v->tensor);
    clv_layout plain = clv_layout_plain();

    clv_layout_reorder(exec->scratch, &plain, buffer_address(exec, place->buffer), &place->layout,
                       &v->tensor.shape, clv_dtype_bytes(v->tensor.dtype));
    if (tensor->dtype == CLV_F32)
        clv_dequantise_f32(tensor->data, exec->scratch, n, v->quant, v->tensor.dtype);
    else
        clv_quantise_f32(tensor->data, (const float *)exec->scratch, n, v->quant, tensor->dtype);
    tensor->shape = v->tensor.shape;
}

void clv_exec_load(clv_exec *exec, uint32_t value, const clv_tensor *tensor)
{
    const clv_value *v = &exec->program->graph->values[value];
    const clv_place *place = &exec->program->places[value];
    clv_layout plain = clv_layout_plain();
    bool fits = fits_value(v, tensor);

    assert(fits);
    (void)fits;
    if (place->buffer == NO_BUFFER)
        return;
    if (tensor->dtype != v->tensor.dtype)
        load_converted(exec, v, place, tensor);
    else
        clv_layout_reorder(buffer_address(exec, place->buffer), &place->layout, tensor->data,
                           &plain, &tensor->shape, clv_dtype_bytes(tensor->dtype));
    if (exec->shapes != NULL)
        clv_true_shapes_set(exec->shapes, value, &tensor->shape);
}

void clv_exec_store(const clv_exec *exec, uint32_t value, clv_tensor *tensor)
{
    const clv_value *v = &exec->program->graph->values[value];
    const clv_place *place = &exec->program->places[value];
    clv_layout plain = clv_layout_plain();
    const clv_shape *shape =
        exec->shapes != NULL ? clv_true_shapes_get(exec->shapes, value) : &v->tensor.shape;
    const void *from = v->tensor.data; /* an output that is constant */

    if (tensor->dtype != v->tensor.dtype) {
        assert(v->quant != NULL && place->buffer != NO_BUFFER);
        store_converted(exec, v, place, tensor);
        return;
    }
    if (place->buffer != NO_BUFFER)
        from = buffer_address(exec, place->buffer);
    clv_layout_reorder(tensor->data, &plain, from, &place->layout, shape,
                       clv_dtype_bytes(v->tensor.dtype));
    tensor->shape = *shape;
}

void clv_exec_poison(clv_exec *exec)
{
    memset(exec->arena, 0xff, exec->program->memory.arena_bytes); /* a float of these is a NaN */
    memset(exec->scratch, 0xff, exec->program->memory.scratch_bytes);
}

/* Into another layout, or, in the same one, into another type. */
static void run_move(clv_exec *exec, const clv_move *move)
{
    const clv_value *v = &exec->program->graph->values[move->value];
    void *to = buffer_address(exec, move->to.buffer);
    const void *from =
        move->from.buffer == NO_BUFFER ? v->tensor.data : buffer_address(exec, move->from.buffer);

    if (move->from_dtype == move->to_dtype)
        clv_layout_reorder(to, &move->to.layout, from, &move->from.layout, &v->tensor.shape,
                           clv_dtype_bytes(move->to_dtype));
    else if (move->from_dtype == CLV_F32)
        clv_quantise_f32(to, from, elements_of(&v->tensor), v->quant, move->to_dtype);
    else
        clv_dequantise_f32(to, from, elements_of(&v->tensor), v->quant, move->from_dtype);
}

static clv_status run_step(clv_exec *exec, uint32_t index)
{
    const clv_step *step = &exec->program->steps[index];

    for (uint32_t i = 0; i < step->n_moves; i++)
        run_move(exec, &step->moves[i]);
    if (step->dynamic)
        return clv_true_shapes_run(exec->shapes, index, exec->arena, exec->scratch);
    return step->backend->run(step->kernel, exec->states[index]);
}

clv_status clv_exec_run(clv_exec *exec, uint32_t from, uint32_t to)
{
    if (from > to || from < exec->program->from || to > exec->program->to)
        return CLV_EINVAL;
    for (uint32_t i = from; i < to; i++)
        CLV_TRY(run_step(exec, i));
    return CLV_OK;
}
