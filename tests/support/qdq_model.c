/* SPDX-License-Identifier: Apache-2.0 */
#include "support/qdq_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "graph/prepare.h"
#include "graph/quant.h"
#include "kernel/ref/ref.h"
#include "runtime/bundle.h"
#include "runtime/program.h"
#include "runtime/verify.h"
#include "support/graph_builder.h"
#include "support/zoo.h"

/* --- words ----------------------------------------------------------------------------------- */

static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static bool is_known(const onnx_builder *b, const char *name)
{
    for (size_t i = 0; i < b->graph->n_input; i++) {
        if (strcmp(b->graph->input[i]->name, name) == 0)
            return true;
    }
    for (size_t i = 0; i < b->graph->n_initializer; i++) {
        if (strcmp(b->graph->initializer[i]->name, name) == 0)
            return true;
    }
    for (size_t i = 0; i < b->graph->n_node; i++) {
        const Clv__Onnx__NodeProto *node = b->graph->node[i];
        for (size_t j = 0; j < node->n_output; j++) {
            if (strcmp(node->output[j], name) == 0)
                return true;
        }
    }
    return false;
}

static size_t read_dims(int64_t *dims, size_t *rank, const char *at, char separator)
{
    size_t n = 1;
    char *end;

    for (*rank = 0; *rank < 8; at = end + 1) {
        dims[*rank] = strtoll(at, &end, 10);
        n *= (size_t)dims[(*rank)++];
        if (*end != separator)
            break;
    }
    return n;
}

/* "w8[4,3]", "s[4]", "u128[4]" and their like. */
static void add_array(onnx_builder *b, const char *name)
{
    static uint8_t raw[65536];
    const char *bracket = strchr(name, '[');
    bool weights = name[0] == 'w' || name[0] == 'W';
    int bits = weights ? (int)strtol(name + 1, NULL, 10) : name[0] == 's' ? 0 : 8;
    int type = bits == 32 ? ONNX_INT32 : bits == 0 ? ONNX_FLOAT : ONNX_INT8;
    uint32_t state = 7;
    int64_t dims[8];
    size_t rank, n = read_dims(dims, &rank, bracket + 1, ',');
    size_t each = type == ONNX_INT8 ? 1 : 4;

    if (name[0] == 'W' || name[0] == 'u')
        type = ONNX_UINT8;
    for (const char *c = name; *c != '\0'; c++)
        state = state * 31 + (unsigned char)*c;
    assert_true(n * each <= sizeof raw);
    for (size_t i = 0; i < n; i++) {
        float real = name[0] == 's' ? 0.005f + (float)(draw(&state) % 1000) * 1e-5f
                                    : (float)(draw(&state) % 2001) / 1000.0f - 1.0f;
        int32_t number = (int32_t)(draw(&state) % 2001) - 1000;
        uint8_t byte = weights          ? (uint8_t)draw(&state)
                       : name[0] == 'n' ? (uint8_t)i
                                        : (uint8_t)strtol(name + 1, NULL, 10);
        memcpy(raw + i * each,
               bits == 0    ? (void *)&real
               : bits == 32 ? (void *)&number
                            : &byte,
               each);
    }
    (void)onnx_initializer(b, name, type, rank, dims, raw, n * each);
}

static void add_unknown(onnx_builder *b, const char *name)
{
    int64_t dims[8];
    size_t rank, n;

    if (is_known(b, name))
        return;
    if (strchr(name, '[') != NULL) {
        add_array(b, name);
    } else if (name[0] == 'u' || name[0] == 'i') {
        uint8_t byte = (uint8_t)strtol(name + 1, NULL, 10);
        (void)onnx_initializer(b, name, name[0] == 'u' ? ONNX_UINT8 : ONNX_INT8, 0, NULL, &byte, 1);
    } else if (name[0] == 'I') {
        n = read_dims(dims, &rank, name + 1, 'x');
        (void)n;
        onnx_initializer_ints(b, name, rank, dims);
    } else {
        float real = strtof(name, NULL);
        (void)onnx_initializer(b, name, ONNX_FLOAT, 0, NULL, &real, sizeof real);
    }
}

static void add_attrs(onnx_builder *b, Clv__Onnx__NodeProto *node, char *text)
{
    char *rest;

    for (char *word = strtok_r(text, " }", &rest); word != NULL;
         word = strtok_r(NULL, " }", &rest)) {
        char *value = strchr(word, '=');
        int64_t dims[8];
        size_t rank;
        *value++ = '\0';
        (void)read_dims(dims, &rank, value, ',');
        if (strchr(value, ',') != NULL)
            onnx_attr_ints(b, node, word, rank, dims);
        else if (strchr(value, '.') != NULL)
            onnx_attr_float(b, node, word, strtof(value, NULL));
        else if (strspn(value, "-0123456789") == strlen(value))
            onnx_attr_int(b, node, word, dims[0]);
        else
            onnx_attr_string(b, node, word, value);
    }
}

static void add_line(onnx_builder *b, char *line)
{
    char inputs[256] = "", outputs[64] = "", *rest, *equals = strstr(line, " = ");
    char *attrs = strchr(line, '{');

    if (attrs != NULL)
        *attrs++ = '\0';
    *equals = '\0';
    for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        (void)strncat(outputs, word, sizeof outputs - strlen(outputs) - 1);
    const char *op = strtok_r(equals + 3, " ", &rest);
    for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "-") != 0)
            add_unknown(b, word);
        size_t used = strlen(inputs); /* names have commas in them: they are set one by one */
        (void)snprintf(inputs + used, sizeof inputs - used, "%s%s", used ? " " : "", word);
    }
    op = strcmp(op, "Q") == 0 ? "QuantizeLinear" : strcmp(op, "DQ") == 0 ? "DequantizeLinear" : op;
    Clv__Onnx__NodeProto *node = onnx_node(b, op, "", outputs);
    for (char *word = strtok_r(inputs, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        onnx_node_input(b, node, strcmp(word, "-") == 0 ? "" : word);
    clv_op known;
    if (clv_op_find(&known, op) != CLV_OK)
        node->domain = onnx_text(b, "com.microsoft");
    if (attrs != NULL)
        add_attrs(b, node, attrs);
}

void qdq_nodes(onnx_builder *b, const char *nodes)
{
    char *copy = onnx_text(b, nodes), *rest;

    for (char *line = strtok_r(copy, ";", &rest); line != NULL; line = strtok_r(NULL, ";", &rest))
        add_line(b, line);
}

/* --- opening and running --------------------------------------------------------------------- */

const char *qdq_describe(const clv_graph *graph)
{
    static char text[2048];
    size_t n = 0;

    text[0] = '\0';
    const char *at = gb_describe(graph);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        size_t length = strcspn(at, " ");
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s%s", i ? " " : "", (int)length, at,
                              graph->nodes[i].quantised ? "*" : "");
        assert_true(n < sizeof text);
        at += at[length] == ' ' ? length + 1 : length;
    }
    return text;
}

clv_graph *qdq_open(onnx_builder *b, const char *skip)
{
    clv_graph *graph = onnx_import_good(b, NULL, NULL);
    clv_prepare_options options = {clv_ref_evaluate, &skip, skip != NULL};
    clv_error err = CLV_ERROR_INIT;

    if (clv_graph_prepare(graph, &options, NULL, NULL, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return graph;
}

static void load_input(clv_exec *exec, const clv_graph *graph, uint32_t value, uint32_t *state)
{
    clv_tensor tensor = graph->values[value].tensor;
    size_t bytes, n;

    assert_int_equal(clv_tensor_bytes(&bytes, &tensor), CLV_OK);
    assert_int_equal(clv_shape_elems(&n, &tensor.shape), CLV_OK);
    tensor.data = clv_alloc_aligned(bytes);
    for (size_t i = 0; i < n; i++) {
        if (tensor.dtype == CLV_F32)
            ((float *)tensor.data)[i] = (float)(draw(state) % 60013) / 10000.0f - 3.0f;
        else
            ((uint8_t *)tensor.data)[i] = (uint8_t)draw(state);
    }
    clv_exec_load(exec, value, &tensor);
    clv_free(tensor.data);
}

void *qdq_run(size_t *bytes, const clv_graph *graph, const char *backend, uint32_t seed)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;
    clv_program *program;
    clv_exec *exec;

    assert_int_equal(clv_backend_find(&options.backend, backend), CLV_OK);
    if (clv_program_compile(&program, graph, &options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_exec_create(&exec, program, NULL), CLV_OK);
    clv_exec_poison(exec);
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        load_input(exec, graph, graph->inputs[i], &seed);
    assert_int_equal(clv_exec_run(exec, 0, graph->n_nodes), CLV_OK);
    clv_tensor y = graph->values[graph->outputs[0]].tensor;
    assert_int_equal(clv_tensor_bytes(bytes, &y), CLV_OK);
    y.data = clv_alloc_aligned(*bytes);
    clv_exec_store(exec, graph->outputs[0], &y);
    clv_exec_free(exec);
    clv_program_free(program);
    return y.data;
}

/* --- comparing ------------------------------------------------------------------------------- */

static clv_graph *open_model(const qdq_model *m, const char *nodes, const char *skip)
{
    onnx_builder b;
    size_t rank = 0;

    onnx_builder_init(&b, 19);
    onnx_opset(&b, "com.microsoft", 1);
    while (rank < 4 && m->input[rank] != 0)
        rank++;
    onnx_input(&b, "x", m->input_type ? m->input_type : ONNX_FLOAT, rank, m->input);
    qdq_nodes(&b, nodes);
    onnx_output(&b, "y", m->output_type ? m->output_type : ONNX_FLOAT, 0, NULL);
    return qdq_open(&b, skip);
}

static double number(const void *data, clv_dtype dtype, size_t i)
{
    return dtype == CLV_F32  ? (double)((const float *)data)[i]
           : dtype == CLV_I8 ? ((const int8_t *)data)[i]
                             : ((const uint8_t *)data)[i];
}

/* Rounding falls the other way where a real number lies half-way; rarely. */
static void compare(const qdq_model *m, const clv_graph *graph, const char *backend,
                    const void *got, const void *want, size_t bytes)
{
    clv_dtype dtype = graph->values[graph->outputs[0]].tensor.dtype;
    size_t n = bytes / clv_dtype_bytes(dtype), off = 0;

    for (size_t i = 0; i < n; i++) {
        double difference = fabs(number(got, dtype, i) - number(want, dtype, i));
        if (!(difference <= m->step * 1.0001))
            fail_msg("%s on %s: element %zu is %g, not %g", m->nodes, backend, i,
                     number(got, dtype, i), number(want, dtype, i));
        off += difference > m->step * 0.5;
    }
    if (off > n / 50 + 1)
        fail_msg("%s on %s: %zu of %zu elements are a step off", m->nodes, backend, off, n);
}

static void check_cuts(const qdq_model *m, const clv_graph *graph, const char *backend)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_verify_result result;
    clv_program *program;

    assert_int_equal(clv_backend_find(&options.backend, backend), CLV_OK);
    assert_int_equal(clv_program_compile(&program, graph, &options, NULL), CLV_OK);
    assert_int_equal(clv_verify_cuts(&result, program, 3, NULL), CLV_OK);
    if (result.mismatches > 0)
        fail_msg("%s: cut %u changes the answer", m->nodes, result.first_mismatch);
    clv_program_free(program);
}

/* A quantised graph is the int8 form and the only one. */
static void check_bundle(const qdq_model *m, clv_graph *graph)
{
    char path[] = "/tmp/qdq_model_XXXXXX";
    clv_model model = {.graph = graph, .int8 = clv_graph_is_quantised(graph) ? graph : NULL};
    clv_error err = CLV_ERROR_INIT;
    clv_bundle *bundle;
    size_t n, n_want;
    int file = mkstemp(path);

    assert_true(file >= 0);
    (void)close(file);
    assert_int_equal(clv_bundle_write(path, &model, NULL, NULL, &err), CLV_OK);
    if (clv_bundle_open(&bundle, path, &err) != CLV_OK)
        fail_msg("%s: %s: %s", m->nodes, err.location, err.message);
    (void)unlink(path);
    const clv_model *read = clv_bundle_main(bundle);
    assert_int_equal(read->int8 != NULL, model.int8 != NULL);
    assert_ptr_equal(read->graph, model.int8 ? read->int8 : read->graph);
    void *want = qdq_run(&n_want, graph, "ref", 9), *got = qdq_run(&n, read->graph, "ref", 9);
    assert_int_equal(n, n_want);
    assert_memory_equal(got, want, n);
    clv_free(want);
    clv_free(got);
    clv_bundle_free(bundle);
}

/* Both say the same of the nodes one by one. */
static void check_meaning(const qdq_model *m, const clv_graph *plain)
{
    size_t n, n_want;

    if (m->means == NULL)
        return;
    clv_graph *other = open_model(m, m->means, "qdq");
    void *want = qdq_run(&n_want, other, "ref", 6), *got = qdq_run(&n, plain, "ref", 6);
    assert_int_equal(n, n_want);
    assert_memory_equal(got, want, n);
    clv_free(got);
    clv_free(want);
    clv_graph_free(other);
}

void qdq_check(const qdq_model *m)
{
    clv_graph *plain = open_model(m, m->nodes, "qdq"), *quantised = open_model(m, m->nodes, NULL);
    size_t n, n_want;

    check_meaning(m, plain);
    assert_false(clv_graph_is_quantised(plain));
    assert_string_equal(qdq_describe(quantised), m->after);
    for (uint32_t seed = 1; seed < 4; seed++) {
        void *want = qdq_run(&n_want, plain, "ref", seed);
        for (unsigned i = 0; i < zoo_n_backends(); i++) {
            void *got = qdq_run(&n, quantised, zoo_backends[i], seed);
            assert_int_equal(n, n_want);
            compare(m, quantised, zoo_backends[i], got, want, n);
            clv_free(got);
        }
        clv_free(want);
    }
    for (unsigned i = 0; i < zoo_n_backends(); i++)
        check_cuts(m, quantised, zoo_backends[i]);
    check_bundle(m, quantised);
    clv_graph_free(plain);
    clv_graph_free(quantised);
}
