/* SPDX-License-Identifier: Apache-2.0 */
#include "support/onnx_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Room of every list of messages. */
#define MAX_ITEMS 4096u

static void *take(onnx_builder *b, size_t count, size_t size)
{
    void *ptr = clv_arena_alloc(&b->arena, count, size);
    assert_non_null(ptr);
    return ptr;
}

static char *text(onnx_builder *b, const char *value, size_t n)
{
    char *copy = clv_arena_strndup(&b->arena, value, n);
    assert_non_null(copy);
    return copy;
}

char *onnx_text(onnx_builder *b, const char *value)
{
    return text(b, value, strlen(value));
}

static void *copy_of(onnx_builder *b, const void *data, size_t count, size_t size)
{
    void *copy = take(b, count, size);
    if (count * size > 0)
        memcpy(copy, data, count * size);
    return copy;
}

/* Put @p item behind the others of a list. */
#define APPEND(b, list, count, item)                                                               \
    do {                                                                                           \
        if ((list) == NULL)                                                                        \
            (list) = take(b, MAX_ITEMS, sizeof *(list));                                           \
        assert_true((count) < MAX_ITEMS);                                                          \
        (list)[(count)++] = (item);                                                                \
    } while (0)

void onnx_builder_init(onnx_builder *b, int64_t opset)
{
    *b = (onnx_builder){.arena = CLV_ARENA_INIT};
    clv__onnx__model_proto__init(&b->model);
    b->model.has_ir_version = true;
    b->model.ir_version = 8;
    b->model.producer_name = onnx_text(b, "onnx_builder");
    b->graph = take(b, 1, sizeof *b->graph);
    clv__onnx__graph_proto__init(b->graph);
    b->graph->name = onnx_text(b, "test");
    b->model.graph = b->graph;
    onnx_opset(b, "", opset);
}

void onnx_builder_done(onnx_builder *b)
{
    clv_arena_done(&b->arena);
}

static Clv__Onnx__OperatorSetIdProto *new_opset(onnx_builder *b, const char *domain,
                                                int64_t version)
{
    Clv__Onnx__OperatorSetIdProto *set = take(b, 1, sizeof *set);
    clv__onnx__operator_set_id_proto__init(set);
    set->domain = onnx_text(b, domain);
    set->has_version = true;
    set->version = version;
    return set;
}

void onnx_opset(onnx_builder *b, const char *domain, int64_t version)
{
    APPEND(b, b->model.opset_import, b->model.n_opset_import, new_opset(b, domain, version));
}

static void split_names(onnx_builder *b, char ***list, size_t *count, const char *names)
{
    for (const char *at = names; *names != '\0'; at++) {
        size_t n = strcspn(at, ",");
        APPEND(b, *list, *count, text(b, at, n));
        at += n;
        if (*at == '\0')
            return;
    }
}

Clv__Onnx__NodeProto *onnx_node(onnx_builder *b, const char *op, const char *inputs,
                                const char *outputs)
{
    Clv__Onnx__NodeProto *node = take(b, 1, sizeof *node);
    clv__onnx__node_proto__init(node);
    node->op_type = onnx_text(b, op);
    split_names(b, &node->input, &node->n_input, inputs);
    split_names(b, &node->output, &node->n_output, outputs);
    APPEND(b, b->graph->node, b->graph->n_node, node);
    return node;
}

void onnx_node_input(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name)
{
    APPEND(b, node->input, node->n_input, onnx_text(b, name));
}

void onnx_node_output(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name)
{
    APPEND(b, node->output, node->n_output, onnx_text(b, name));
}

static Clv__Onnx__AttributeProto *attr(onnx_builder *b, Clv__Onnx__NodeProto *node,
                                       const char *name, int type)
{
    Clv__Onnx__AttributeProto *made = take(b, 1, sizeof *made);
    clv__onnx__attribute_proto__init(made);
    made->name = onnx_text(b, name);
    made->has_type = true;
    made->type = type;
    APPEND(b, node->attribute, node->n_attribute, made);
    return made;
}

void onnx_attr_float(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, float value)
{
    Clv__Onnx__AttributeProto *made = attr(b, node, name, 1);
    made->has_f = true;
    made->f = value;
}

void onnx_attr_int(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, int64_t value)
{
    Clv__Onnx__AttributeProto *made = attr(b, node, name, 2);
    made->has_i = true;
    made->i = value;
}

void onnx_attr_string(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                      const char *value)
{
    Clv__Onnx__AttributeProto *made = attr(b, node, name, 3);
    made->has_s = true;
    made->s = (ProtobufCBinaryData){strlen(value), (uint8_t *)onnx_text(b, value)};
}

void onnx_attr_strings(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                       const char *values)
{
    Clv__Onnx__AttributeProto *made = attr(b, node, name, 8);
    char **list = NULL;
    size_t n = 0;

    split_names(b, &list, &n, values);
    made->strings = take(b, n, sizeof *made->strings);
    for (made->n_strings = 0; made->n_strings < n; made->n_strings++)
        made->strings[made->n_strings] =
            (ProtobufCBinaryData){strlen(list[made->n_strings]), (uint8_t *)list[made->n_strings]};
}

void onnx_attr_tensor(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                      Clv__Onnx__TensorProto *value)
{
    attr(b, node, name, 4)->t = value;
}

void onnx_attr_ints(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, size_t n,
                    const int64_t *values)
{
    Clv__Onnx__AttributeProto *made = attr(b, node, name, 7);
    made->n_ints = n;
    made->ints = copy_of(b, values, n, sizeof *values);
}

Clv__Onnx__GraphProto *onnx_body_begin(onnx_builder *b)
{
    Clv__Onnx__GraphProto *outer = b->graph;

    b->graph = take(b, 1, sizeof *b->graph);
    clv__onnx__graph_proto__init(b->graph);
    b->graph->name = onnx_text(b, "body");
    return outer;
}

Clv__Onnx__GraphProto *onnx_body_end(onnx_builder *b, Clv__Onnx__GraphProto *outer)
{
    Clv__Onnx__GraphProto *body = b->graph;
    b->graph = outer;
    return body;
}

void onnx_attr_graph(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                     Clv__Onnx__GraphProto *body)
{
    attr(b, node, name, 5)->g = body;
}

void onnx_attr_ref(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, int type,
                   const char *ref)
{
    attr(b, node, name, type)->ref_attr_name = onnx_text(b, ref);
}

Clv__Onnx__FunctionProto *onnx_function(onnx_builder *b, const char *domain, const char *name,
                                        const char *inputs, const char *outputs, int64_t opset,
                                        const Clv__Onnx__GraphProto *body)
{
    Clv__Onnx__FunctionProto *made = take(b, 1, sizeof *made);

    clv__onnx__function_proto__init(made);
    made->domain = onnx_text(b, domain);
    made->name = onnx_text(b, name);
    split_names(b, &made->input, &made->n_input, inputs);
    split_names(b, &made->output, &made->n_output, outputs);
    made->node = body->node;
    made->n_node = body->n_node;
    if (opset != 0)
        APPEND(b, made->opset_import, made->n_opset_import, new_opset(b, "", opset));
    APPEND(b, b->model.functions, b->model.n_functions, made);
    return made;
}

static Clv__Onnx__ValueInfoProto *describe(onnx_builder *b, const char *name, int type, size_t rank,
                                           const int64_t *dims)
{
    Clv__Onnx__ValueInfoProto *info = take(b, 1, sizeof *info);
    clv__onnx__value_info_proto__init(info);
    info->name = onnx_text(b, name);
    info->type = take(b, 1, sizeof *info->type);
    clv__onnx__type_proto__init(info->type);
    Clv__Onnx__TypeProto__Tensor *tensor = take(b, 1, sizeof *tensor);
    clv__onnx__type_proto__tensor__init(tensor);
    info->type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = type;
    tensor->shape = take(b, 1, sizeof *tensor->shape);
    clv__onnx__tensor_shape_proto__init(tensor->shape);
    for (size_t i = 0; i < rank; i++) {
        Clv__Onnx__TensorShapeProto__Dimension *dim = take(b, 1, sizeof *dim);
        clv__onnx__tensor_shape_proto__dimension__init(dim);
        dim->has_dim_value = dims[i] != ONNX_OPEN;
        if (dim->has_dim_value)
            dim->dim_value = dims[i];
        else
            dim->dim_param = onnx_text(b, "N");
        APPEND(b, tensor->shape->dim, tensor->shape->n_dim, dim);
    }
    return info;
}

void onnx_input(onnx_builder *b, const char *name, int type, size_t rank, const int64_t *dims)
{
    APPEND(b, b->graph->input, b->graph->n_input, describe(b, name, type, rank, dims));
}

void onnx_output(onnx_builder *b, const char *name, int type, size_t rank, const int64_t *dims)
{
    APPEND(b, b->graph->output, b->graph->n_output, describe(b, name, type, rank, dims));
}

void onnx_value_info(onnx_builder *b, const char *name, int type, size_t rank, const int64_t *dims)
{
    APPEND(b, b->graph->value_info, b->graph->n_value_info, describe(b, name, type, rank, dims));
}

Clv__Onnx__TensorProto *onnx_tensor(onnx_builder *b, const char *name, int type, size_t rank,
                                    const int64_t *dims, const void *raw, size_t bytes)
{
    Clv__Onnx__TensorProto *tensor = take(b, 1, sizeof *tensor);
    clv__onnx__tensor_proto__init(tensor);
    tensor->name = onnx_text(b, name);
    tensor->has_data_type = true;
    tensor->data_type = type;
    tensor->n_dims = rank;
    tensor->dims = copy_of(b, dims, rank, sizeof *dims);
    if (raw != NULL) {
        tensor->has_raw_data = true;
        tensor->raw_data = (ProtobufCBinaryData){bytes, copy_of(b, raw, bytes, 1)};
    }
    return tensor;
}

Clv__Onnx__TensorProto *onnx_initializer(onnx_builder *b, const char *name, int type, size_t rank,
                                         const int64_t *dims, const void *raw, size_t bytes)
{
    Clv__Onnx__TensorProto *tensor = onnx_tensor(b, name, type, rank, dims, raw, bytes);
    APPEND(b, b->graph->initializer, b->graph->n_initializer, tensor);
    return tensor;
}

void onnx_initializer_ints(onnx_builder *b, const char *name, size_t n, const int64_t *values)
{
    const int64_t dims[] = {(int64_t)n};
    (void)onnx_initializer(b, name, ONNX_INT64, 1, dims, values, n * sizeof *values);
}

static void add_entry(onnx_builder *b, Clv__Onnx__TensorProto *tensor, const char *key,
                      const char *value)
{
    if (value == NULL)
        return;
    Clv__Onnx__StringStringEntryProto *entry = take(b, 1, sizeof *entry);
    clv__onnx__string_string_entry_proto__init(entry);
    entry->key = onnx_text(b, key);
    entry->value = onnx_text(b, value);
    APPEND(b, tensor->external_data, tensor->n_external_data, entry);
}

void onnx_external(onnx_builder *b, Clv__Onnx__TensorProto *tensor, const char *location,
                   const char *offset, const char *length)
{
    tensor->has_data_location = true;
    tensor->data_location = 1;
    add_entry(b, tensor, "location", location);
    add_entry(b, tensor, "offset", offset);
    add_entry(b, tensor, "length", length);
}

const uint8_t *onnx_pack(onnx_builder *b, size_t *bytes_out)
{
    *bytes_out = clv__onnx__model_proto__get_packed_size(&b->model);
    uint8_t *bytes = take(b, *bytes_out, 1);
    assert_int_equal(clv__onnx__model_proto__pack(&b->model, bytes), *bytes_out);
    return bytes;
}

clv_graph *onnx_import_good(onnx_builder *b, const char *folder, const clv_onnx_options *options)
{
    clv_graph *graph = NULL;
    clv_error err = CLV_ERROR_INIT;
    size_t n;

    const uint8_t *bytes = onnx_pack(b, &n);
    if (clv_onnx_import_memory(&graph, bytes, n, folder, options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    onnx_builder_done(b);
    return graph;
}

void onnx_import_bad(onnx_builder *b, const char *folder, const clv_onnx_options *options,
                     clv_status status, const char *where, const char *what)
{
    clv_graph *const untouched = (clv_graph *)&status;
    clv_graph *graph = untouched;
    clv_error err = CLV_ERROR_INIT;
    size_t n;

    const uint8_t *bytes = onnx_pack(b, &n);
    clv_status got = clv_onnx_import_memory(&graph, bytes, n, folder, options, &err);
    if (got != status || strstr(err.location, where) == NULL || strstr(err.message, what) == NULL)
        fail_msg("got %s, '%s': '%s'", clv_status_text(got), err.location, err.message);
    assert_int_equal(err.code, status);
    assert_ptr_equal(graph, untouched);
    onnx_builder_done(b);
}
