/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program.h"

#include <string.h>

#include "base/error.h"
#include "graph/quant.h"
#include "runtime/program_compile.h"
#include "runtime/weight_store.h"

static clv_status out_of_memory(clv_compiler *c)
{
    return clv_fail(c->err, CLV_ENOMEM, c->program->graph->name, "out of memory");
}

clv_status clv_compile_add_buffer(uint32_t *out, clv_compiler *c, size_t bytes, uint32_t first,
                                  uint32_t last)
{
    clv_program *p = c->program;

    if (p->n_buffers == p->cap_buffers) {
        uint32_t cap = p->cap_buffers ? p->cap_buffers * 2 : 64;
        clv_planned_buffer *grown = clv_realloc_array(p->buffers, cap, sizeof *grown);
        if (grown == NULL)
            return out_of_memory(c);
        p->buffers = grown;
        p->cap_buffers = cap;
    }
    p->buffers[p->n_buffers] = (clv_planned_buffer){bytes, first, last, 0};
    *out = p->n_buffers++;
    return CLV_OK;
}

/* Give @p value a buffer of its own in @p layout, from the step that makes it to its last use. */
static clv_status place_value(clv_compiler *c, uint32_t value, const clv_layout *layout)
{
    clv_program *p = c->program;
    const clv_value *v = &p->graph->values[value];
    uint32_t first = v->producer == CLV_NO_NODE ? 0 : v->producer;
    uint32_t last = c->last_use[value] > first ? c->last_use[value] : first;
    size_t bytes;

    if (clv_layout_bytes(&bytes, layout, &v->tensor) != CLV_OK)
        return clv_fail(c->err, CLV_ELIMIT, v->name, "the tensor is too large");
    p->places[value].layout = clv_layout_canonical(layout, &v->tensor.shape);
    return clv_compile_add_buffer(&p->places[value].buffer, c, bytes, first, last);
}

static void find_last_uses(clv_compiler *c)
{
    const clv_graph *graph = c->program->graph;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        for (uint32_t j = 0; j < graph->nodes[i].n_inputs; j++) {
            if (graph->nodes[i].inputs[j] != CLV_NO_VALUE)
                c->last_use[graph->nodes[i].inputs[j]] = i;
        }
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        c->last_use[graph->outputs[i]] = graph->n_nodes;
}

static clv_status place_inputs(clv_compiler *c)
{
    clv_program *p = c->program;
    clv_layout plain = clv_layout_plain();

    for (uint32_t v = 0; v < p->graph->n_values; v++)
        p->places[v].buffer = NO_BUFFER;
    for (uint32_t i = 0; i < p->graph->n_inputs && p->from == 0; i++)
        CLV_TRY(place_value(c, p->graph->inputs[i], &plain));
    clv_frontier frontier = clv_frontiers_at(p->frontiers, p->from);
    for (uint32_t i = 0; i < frontier.count && p->from > 0; i++)
        CLV_TRY(place_value(c, frontier.values[i], &plain));
    return CLV_OK;
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

/* The wanted backend, or ref where it can't. */
static clv_status compile_kernel(clv_compiler *c, uint32_t index, clv_kernel_io *io)
{
    const clv_node *node = &c->program->graph->nodes[index];
    const clv_graph *graph = clv_program_view(c->program, node);
    clv_step *step = &c->program->steps[index];

    step->dynamic = is_bounded(graph, node);
    c->program->is_dynamic |= step->dynamic;
    if (c->wanted != &clv_backend_ref && !step->dynamic && c->wanted->supports(graph, node)) {
        clv_status status = c->wanted->compile(&step->kernel, io, graph, node, &c->options, c->err);
        step->backend = c->wanted;
        if (status != CLV_EUNSUPPORTED)
            return status;
    }
    step->backend = &clv_backend_ref;
    char where[160];
    if (step->dynamic && node->quantised)
        return clv_fail(c->err, CLV_EUNSUPPORTED, clv_node_describe(where, sizeof where, node),
                        "a quantised node can't have shapes that depend on data");
    if (!clv_backend_ref.supports(graph, node)) {
        return clv_fail(c->err, CLV_EUNSUPPORTED, clv_node_describe(where, sizeof where, node),
                        "no kernel for these types");
    }
    for (uint32_t i = 0; i < node->n_inputs; i++) /* a refusal may have changed them */
        io->inputs[i] = node->inputs[i] == CLV_NO_VALUE
                            ? clv_layout_plain()
                            : c->program->places[node->inputs[i]].layout;
    io->inplace_input = CLV_NO_VALUE;
    io->scratch_bytes = 0;
    io->keeps_constants = 0;
    CLV_TRY(clv_backend_ref.compile(&step->kernel, io, graph, node, &c->options, c->err));
    if (step->dynamic) /* planned sizes of input and output may differ where the true ones agree */
        io->inplace_input = CLV_NO_VALUE;
    return CLV_OK;
}

/* Inputs as the kernel wants them. What it works on in place follows with the outputs. */
static clv_status connect_inputs(clv_compiler *c, uint32_t index, const clv_kernel_io *io)
{
    clv_program *p = c->program;
    const clv_node *node = &p->graph->nodes[index];

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t value = node->inputs[i];
        p->steps[index].input_buffers[i] = NO_BUFFER;
        if (value == CLV_NO_VALUE)
            continue;
        if (clv_value_is_constant(&p->graph->values[value])) {
            if (i >= 64 || (io->keeps_constants >> i & 1u) != 0 || i == io->inplace_input)
                p->keeps[value] = true;
        } else if (i != io->inplace_input) {
            CLV_TRY(clv_compile_input(c, index, i, &io->inputs[i], NO_BUFFER));
        }
    }
    return CLV_OK;
}

/* Whether output 0 can take over the buffer of input @p i: nobody reads it later, it is read once
 * here, and it lies there as the output is going to, in the type in which it arrives. */
static bool can_take_over(const clv_compiler *c, uint32_t index, uint32_t i,
                          const clv_layout *layout)
{
    const clv_program *p = c->program;
    const clv_node *node = &p->graph->nodes[index];
    uint32_t value = node->inputs[i];
    const clv_tensor *in = &p->graph->values[value].tensor;
    const clv_place *place = &p->places[value];
    size_t in_bytes, out_bytes;

    if (place->buffer == NO_BUFFER || c->last_use[value] != index ||
        clv_node_input_type(p->graph, node, i) != in->dtype ||
        !clv_layout_equal(&place->layout, layout, &in->shape))
        return false;
    for (uint32_t j = 0; j < node->n_inputs; j++) {
        if (j != i && node->inputs[j] == value)
            return false;
    }
    if (clv_layout_bytes(&in_bytes, layout, in) != CLV_OK ||
        clv_layout_bytes(&out_bytes, layout, clv_node_output(p->graph, node, 0)) != CLV_OK)
        return false;
    return in_bytes == out_bytes;
}

/* Output 0 over an input: the same buffer, or a buffer that the input is copied into first. */
static clv_status connect_inplace(clv_compiler *c, uint32_t index, const clv_kernel_io *io)
{
    clv_program *p = c->program;
    const clv_node *node = &p->graph->nodes[index];
    uint32_t in = node->inputs[io->inplace_input], out = node->outputs[0];
    const clv_layout *layout = &io->inputs[io->inplace_input];

    if (can_take_over(c, index, io->inplace_input, layout)) {
        p->places[out] = p->places[in];
        p->places[out].layout =
            clv_layout_canonical(&io->outputs[0], &p->graph->values[out].tensor.shape);
        clv_planned_buffer *buffer = &p->buffers[p->places[out].buffer];
        buffer->last = c->last_use[out] > index ? c->last_use[out] : index;
        p->steps[index].input_buffers[io->inplace_input] = p->places[out].buffer;
        return CLV_OK;
    }
    CLV_TRY(place_value(c, out, &io->outputs[0]));
    return clv_compile_input(c, index, io->inplace_input, layout, p->places[out].buffer);
}

static clv_status connect_outputs(clv_compiler *c, uint32_t index, const clv_kernel_io *io)
{
    const clv_node *node = &c->program->graph->nodes[index];
    bool inplace = io->inplace_input != CLV_NO_VALUE;

    if (inplace)
        CLV_TRY(connect_inplace(c, index, io));
    for (uint32_t i = inplace ? 1 : 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != CLV_NO_VALUE)
            CLV_TRY(place_value(c, node->outputs[i], &io->outputs[i]));
    }
    return CLV_OK;
}

static void hold_constants(const clv_program *p, const clv_node *node)
{
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] != CLV_NO_VALUE)
            clv_weight_store_hold(p->graph->packed, node->inputs[i]);
    }
}

/* What a kernel keeps stays held once, until the program is freed. */
static void release_constants(clv_program *p, const clv_node *node)
{
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t value = node->inputs[i];
        if (value == CLV_NO_VALUE)
            continue;
        if (p->keeps[value] && !p->holds[value])
            p->holds[value] = true;
        else
            clv_weight_store_release(p->graph->packed, value);
    }
}

static clv_status connect_step(clv_compiler *c, uint32_t index, clv_kernel_io *io)
{
    clv_program *p = c->program;

    CLV_TRY(compile_kernel(c, index, io));
    if (io->scratch_bytes > p->memory.scratch_bytes)
        p->memory.scratch_bytes = io->scratch_bytes;
    CLV_TRY(connect_inputs(c, index, io));
    return connect_outputs(c, index, io);
}

static clv_status compile_step(clv_compiler *c, uint32_t index)
{
    clv_program *p = c->program;
    const clv_node *node = &p->graph->nodes[index];
    clv_step *step = &p->steps[index];
    clv_layout *layouts = clv_calloc((size_t)node->n_inputs + node->n_outputs, sizeof *layouts);
    step->input_buffers = clv_arena_alloc(&p->arena, node->n_inputs, sizeof *step->input_buffers);
    step->moves =
        clv_arena_alloc(&p->arena, (size_t)node->n_inputs * CLV_MAX_MOVES, sizeof *step->moves);
    if (layouts == NULL || step->input_buffers == NULL || step->moves == NULL) {
        clv_free(layouts);
        return out_of_memory(c);
    }
    clv_kernel_io io = {
        .inputs = layouts, .outputs = layouts + node->n_inputs, .inplace_input = CLV_NO_VALUE};
    for (uint32_t i = 0; i < node->n_inputs; i++)
        io.inputs[i] = node->inputs[i] == CLV_NO_VALUE ||
                               clv_value_is_constant(&p->graph->values[node->inputs[i]])
                           ? clv_layout_plain()
                           : p->places[node->inputs[i]].layout;
    for (uint32_t i = 0; i < node->n_outputs; i++)
        io.outputs[i] = clv_layout_plain();

    hold_constants(p, node);
    clv_status status = connect_step(c, index, &io);
    release_constants(p, node);
    clv_free(layouts);
    return status;
}

static clv_status plan_memory(clv_compiler *c)
{
    clv_program *p = c->program;

    for (uint32_t i = 0; i < p->n_buffers; i++)
        p->memory.naive_bytes += p->buffers[i].bytes;
    clv_status status = clv_memory_plan(&p->memory.arena_bytes, p->buffers, p->n_buffers);
    if (status != CLV_OK)
        return clv_fail(c->err, status, p->graph->name, "the activations can't be planned: %s",
                        clv_status_text(status));
    return CLV_OK;
}

static clv_status compile_all(clv_compiler *c)
{
    clv_program *p = c->program;
    const clv_graph *graph = p->graph;

    p->steps = clv_calloc(graph->n_nodes, sizeof *p->steps);
    p->places = clv_calloc(graph->n_values, sizeof *p->places);
    p->keeps = clv_calloc(graph->n_values, sizeof *p->keeps);
    p->holds = clv_calloc(graph->n_values, sizeof *p->holds);
    c->last_use = clv_calloc(graph->n_values, sizeof *c->last_use);
    if (p->steps == NULL || p->places == NULL || p->keeps == NULL || p->holds == NULL ||
        c->last_use == NULL)
        return out_of_memory(c);
    find_last_uses(c);
    CLV_TRY(clv_compile_float_view(c));
    CLV_TRY(place_inputs(c));
    for (uint32_t i = p->from; i < p->to; i++)
        CLV_TRY(compile_step(c, i));
    for (uint32_t i = 0; i < graph->n_outputs; i++) /* read when they are stored */
        p->keeps[graph->outputs[i]] |= clv_value_is_constant(&graph->values[graph->outputs[i]]);
    return plan_memory(c);
}

clv_status clv_program_compile(clv_program **out, const clv_graph *graph,
                               const clv_program_options *options, clv_error *err)
{
    clv_status status = CLV_ENOMEM;
    clv_compiler c = {.wanted = options->backend,
                      .options = {.threads = options->threads ? options->threads : 1},
                      .err = err};

    bool all = options->from == 0 && options->to == 0;

    if (options->from > options->to || options->to > graph->n_nodes)
        return clv_fail(err, CLV_EINVAL, graph->name, "nodes [%u, %u) are no part of %u nodes",
                        options->from, options->to, graph->n_nodes);
    if (c.wanted == NULL)
        CLV_TRY(clv_backend_find(&c.wanted, "auto"));
    clv_program *program = clv_calloc(1, sizeof *program);
    if (program == NULL)
        return clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
    c.program = program;
    program->graph = graph;
    program->from = options->from;
    program->to = all ? graph->n_nodes : options->to;
    status = clv_frontiers_create(&program->frontiers, graph);
    if (status != CLV_OK)
        (void)clv_fail(err, status, graph->name, "the frontiers are too large");
    else
        status = compile_all(&c);
    clv_free(c.last_use);
    if (status == CLV_OK)
        *out = program;
    else
        clv_program_free(program);
    return status;
}

void clv_program_free(clv_program *program)
{
    if (program == NULL)
        return;
    for (uint32_t i = 0; program->steps != NULL && i < program->graph->n_nodes; i++) {
        if (program->steps[i].kernel != NULL)
            program->steps[i].backend->free_kernel(program->steps[i].kernel);
    }
    for (uint32_t v = 0; program->holds != NULL && v < program->graph->n_values; v++) {
        if (program->holds[v])
            clv_weight_store_release(program->graph->packed, v);
    }
    clv_frontiers_free(program->frontiers);
    clv_free(program->holds);
    clv_free(program->steps);
    clv_free(program->places);
    clv_free(program->keeps);
    clv_free(program->buffers);
    clv_arena_done(&program->arena);
    clv_free(program);
}

const clv_graph *clv_program_graph(const clv_program *program)
{
    return program->graph;
}

const clv_frontiers *clv_program_frontiers(const clv_program *program)
{
    return program->frontiers;
}

clv_program_memory clv_program_memory_of(const clv_program *program)
{
    return program->memory;
}

const char *clv_program_step_backend(const clv_program *program, uint32_t step)
{
    const clv_backend *backend = program->steps[step].backend;
    return backend != NULL ? backend->name : "none";
}

bool clv_program_keeps_constant(const clv_program *program, uint32_t value)
{
    return program->keeps[value];
}
