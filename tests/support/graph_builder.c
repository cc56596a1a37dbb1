/* SPDX-License-Identifier: Apache-2.0 */
#include "support/graph_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "runtime/program.h"

static void must(clv_status status, const char *what, const clv_error *err)
{
    if (status == CLV_OK)
        return;
    (void)fprintf(stderr, "%s: %s: %s\n", what, clv_status_text(status), err ? err->message : "");
    abort();
}

clv_graph *gb_create(void)
{
    clv_graph *graph;
    must(clv_graph_create(&graph, "test"), "create", NULL);
    return graph;
}

static clv_tensor tensor_of(clv_dtype dtype, gb_dims dims)
{
    clv_tensor tensor = {.dtype = dtype};
    while (tensor.shape.rank < 4 && dims.d[tensor.shape.rank] != 0) {
        tensor.shape.dim[tensor.shape.rank] = dims.d[tensor.shape.rank];
        tensor.shape.rank++;
    }
    return tensor;
}

static uint32_t add_value(clv_graph *graph, const char *name, const clv_tensor *tensor)
{
    uint32_t value;
    must(clv_graph_add_value(&value, graph, name), name, NULL);
    clv_graph_set_constant(graph, value, tensor);
    return value;
}

uint32_t gb_input(clv_graph *graph, const char *name, gb_dims dims)
{
    clv_tensor tensor = tensor_of(CLV_F32, dims);
    uint32_t value = add_value(graph, name, &tensor);
    must(clv_graph_add_input(graph, value), name, NULL);
    return value;
}

static uint32_t add_constant(clv_graph *graph, const char *name, clv_tensor tensor,
                             const void *data)
{
    size_t bytes;
    must(clv_tensor_bytes(&bytes, &tensor), name, NULL);
    tensor.data = clv_graph_own_data(graph, bytes);
    must(tensor.data != NULL ? CLV_OK : CLV_ENOMEM, name, NULL);
    if (data != NULL)
        memcpy(tensor.data, data, bytes);
    return add_value(graph, name, &tensor);
}

uint32_t gb_constant(clv_graph *graph, const char *name, gb_dims dims)
{
    uint32_t value = add_constant(graph, name, tensor_of(CLV_F32, dims), NULL);
    float *data = graph->values[value].tensor.data;
    uint32_t state = 2166136261u;
    size_t n;

    must(clv_shape_elems(&n, &graph->values[value].tensor.shape), name, NULL);
    for (const char *c = name; *c != '\0'; c++)
        state = (state ^ (uint8_t)*c) * 16777619u;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / (float)(1u << 23) - 1.0f;
    }
    return value;
}

uint32_t gb_floats(clv_graph *graph, const char *name, const float *values, uint32_t n)
{
    return add_constant(graph, name, tensor_of(CLV_F32, (gb_dims){{n}}), values);
}

uint32_t gb_scalar(clv_graph *graph, const char *name, float value)
{
    return add_constant(graph, name, (clv_tensor){.dtype = CLV_F32}, &value);
}

uint32_t gb_ints(clv_graph *graph, const char *name, const int64_t *values, uint32_t n)
{
    return add_constant(graph, name, tensor_of(CLV_I64, (gb_dims){{n}}), values);
}

uint32_t gb_node(clv_graph *graph, clv_op op, const char *inputs, const char *outputs)
{
    uint32_t in[16], out[16];
    char text[256];
    clv_error err = CLV_ERROR_INIT;
    clv_node_desc desc = {.name = outputs, .op = op, .inputs = in, .outputs = out};

    (void)snprintf(text, sizeof text, "%s", inputs);
    for (char *name = strtok(text, " "); name != NULL; name = strtok(NULL, " "))
        in[desc.n_inputs++] =
            strcmp(name, "-") == 0 ? CLV_NO_VALUE : clv_graph_find_value(graph, name);
    (void)snprintf(text, sizeof text, "%s", outputs);
    for (char *name = strtok(text, " "); name != NULL; name = strtok(NULL, " ")) {
        out[desc.n_outputs] = CLV_NO_VALUE;
        if (strcmp(name, "-") != 0)
            must(clv_graph_add_value(&out[desc.n_outputs], graph, name), name, NULL);
        desc.n_outputs++;
    }
    must(clv_graph_add_node(graph, &desc, &err), outputs, &err);
    return out[0];
}

static void add_attr(clv_graph *graph, clv_attr attr)
{
    clv_node *node = &graph->nodes[graph->n_nodes - 1];
    clv_attr *attrs = clv_arena_alloc(&graph->arena, node->n_attrs + 1, sizeof *attrs);
    must(attrs != NULL ? CLV_OK : CLV_ENOMEM, attr.name, NULL);
    if (node->n_attrs > 0)
        memcpy(attrs, node->attrs, node->n_attrs * sizeof *attrs);
    attrs[node->n_attrs++] = attr;
    node->attrs = attrs;
}

void gb_attr_int(clv_graph *graph, const char *name, int64_t value)
{
    add_attr(graph, (clv_attr){.name = name, .type = CLV_ATTR_INT, .v.i = value});
}

void gb_attr_float(clv_graph *graph, const char *name, float value)
{
    add_attr(graph, (clv_attr){.name = name, .type = CLV_ATTR_FLOAT, .v.f = value});
}

void gb_attr_string(clv_graph *graph, const char *name, const char *value)
{
    add_attr(graph, (clv_attr){.name = name, .type = CLV_ATTR_STRING, .v.s = value});
}

void gb_attr_ints(clv_graph *graph, const char *name, const int64_t *values, uint32_t n)
{
    int64_t *copy = clv_arena_alloc(&graph->arena, n, sizeof *copy);
    must(copy != NULL ? CLV_OK : CLV_ENOMEM, name, NULL);
    memcpy(copy, values, n * sizeof *copy);
    add_attr(graph, (clv_attr){.name = name, .type = CLV_ATTR_INTS, .count = n, .v.ints = copy});
}

void gb_conv(clv_graph *graph, const char *input, const char *output)
{
    static const int64_t ones[4] = {1, 1, 1, 1};
    char weights[32], inputs[64];

    (void)snprintf(weights, sizeof weights, "w_%s", output);
    (void)gb_constant(graph, weights, (gb_dims){{3, 3, 3, 3}});
    (void)snprintf(inputs, sizeof inputs, "%s %s", input, weights);
    (void)gb_node(graph, CLV_OP_CONV, inputs, output);
    gb_attr_ints(graph, "pads", ones, 4);
}

static void attr_of_text(clv_graph *graph, const char *name, const char *value)
{
    int64_t ints[8];
    uint32_t n = 0;
    char *at;

    clv_arena *arena = &graph->arena;
    name = clv_arena_strndup(arena, name, strlen(name));
    value = clv_arena_strndup(arena, value, strlen(value));
    if (strchr(value, ',') != NULL) {
        for (const char *p = value; *p != '\0' && n < 8; p = *at == ',' ? at + 1 : at)
            ints[n++] = strtoll(p, &at, 10);
        gb_attr_ints(graph, name, ints, n);
        return;
    }
    long long whole = strtoll(value, &at, 10);
    if (*at == '\0')
        gb_attr_int(graph, name, whole);
    else if (strchr(value, '.') != NULL)
        gb_attr_float(graph, name, strtof(value, NULL));
    else
        gb_attr_string(graph, name, value);
}

/* "a = Add x 3" and what stands in braces behind it. */
static void add_line(clv_graph *graph, char *line)
{
    char *attrs = strchr(line, '{'), *rest, output[64], op_name[64];
    const char *inputs = line;
    int used = 0;
    clv_op op;

    if (attrs != NULL)
        *attrs++ = '\0';
    must(sscanf(line, " %63s = %63s %n", output, op_name, &used) == 2 ? CLV_OK : CLV_EFORMAT, line,
         NULL);
    must(clv_op_find(&op, op_name), op_name, NULL);
    inputs += used;
    char *words = clv_strdup(inputs);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        bool number = strspn(word, "+-.0123456789e") == strlen(word) && strcmp(word, "-") != 0;
        if (number && clv_graph_find_value(graph, word) == CLV_NO_VALUE)
            (void)gb_scalar(graph, word, strtof(word, NULL));
    }
    clv_free(words);
    (void)gb_node(graph, op, inputs, output);
    for (char *attr = attrs ? strtok_r(attrs, " }", &rest) : NULL; attr != NULL;
         attr = strtok_r(NULL, " }", &rest)) {
        char *value = strchr(attr, '=');
        *value++ = '\0';
        attr_of_text(graph, attr, value);
    }
}

void gb_lines(clv_graph *graph, const char *lines)
{
    char *copy = clv_strdup(lines), *rest;

    must(copy != NULL ? CLV_OK : CLV_ENOMEM, lines, NULL);
    for (char *line = strtok_r(copy, ";", &rest); line != NULL; line = strtok_r(NULL, ";", &rest))
        add_line(graph, line);
    clv_free(copy);
}

void gb_output(clv_graph *graph, const char *name)
{
    must(clv_graph_add_output(graph, clv_graph_find_value(graph, name)), name, NULL);
}

void gb_prepare(clv_graph *graph)
{
    clv_error err = CLV_ERROR_INIT;
    must(clv_graph_prepare(graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate}, NULL, NULL,
                           &err),
         "prepare", &err);
}

const char *gb_describe(const clv_graph *graph)
{
    static const char *const activations[CLV_ACT_COUNT] = {
        [CLV_ACT_RELU] = "+Relu",       [CLV_ACT_CLIP] = "+Clip",
        [CLV_ACT_SIGMOID] = "+Sigmoid", [CLV_ACT_HARD_SWISH] = "+HardSwish",
        [CLV_ACT_SILU] = "+Swish",      [CLV_ACT_TANH] = "+Tanh"};
    static char text[2048];
    size_t n = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < graph->n_nodes && n < sizeof text - 64; i++) {
        const clv_node *node = &graph->nodes[i];
        const char *activation = activations[node->fusion.activation];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s", i ? " " : "",
                              clv_op_describe(node->op)->name,
                              node->op == CLV_OP_CONV && node->n_inputs > 3 ? "+Add" : "",
                              activation ? activation : "");
    }
    return text;
}

float *gb_run(const clv_graph *graph, const char *backend, const float *input, size_t *n_out)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;
    clv_program *program;
    clv_exec *exec;
    size_t bytes;

    must(clv_backend_find(&options.backend, backend), backend, NULL);
    must(clv_program_compile(&program, graph, &options, &err), "compile", &err);
    must(clv_exec_create(&exec, program, &err), "exec", &err);
    must(clv_tensor_bytes(&bytes, &graph->values[graph->outputs[0]].tensor), "output", NULL);
    float *out = clv_alloc_aligned(bytes);
    clv_exec_poison(exec);
    clv_tensor tensor = graph->values[graph->inputs[0]].tensor;
    tensor.data = (void *)(uintptr_t)input;
    clv_exec_load(exec, graph->inputs[0], &tensor);
    must(clv_exec_run(exec, 0, graph->n_nodes), "run", NULL);
    tensor = graph->values[graph->outputs[0]].tensor;
    tensor.data = out;
    clv_exec_store(exec, graph->outputs[0], &tensor);
    clv_exec_free(exec);
    clv_program_free(program);
    *n_out = bytes / sizeof *out;
    return out;
}
