/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx/onnx_import.h"

#include <string.h>

#include "base/file.h"
#include "graph/name_table.h"
#include "onnx/onnx_internal.h"
#include "proto/proto_guard.h"

/* A model nests six messages deep here: model, graph, node, attribute, tensor, external data; each
 * body adds three: graph, node, attribute. One body too many is refused in better words later. The
 * largest graph that is accepted has some twenty messages and fields for each of its nodes. */
static const clv_proto_limits limits = {.max_depth = 8 + 3 * (CLV_ONNX_MAX_NESTING + 1),
                                        .max_messages = UINT64_C(2) << 20,
                                        .max_items = UINT64_C(4) << 20};

/* Domains of operators that a model may name. */
#define MAX_OPSETS 64u

clv_status clv_onnx_no_memory(const clv_onnx_importer *im, const char *what)
{
    return clv_fail(im->err, CLV_ENOMEM, what, "out of memory");
}

/* protobuf-c allocates as all of Cleave does; it doesn't say that memory is why it failed. */
static void *unpack_alloc(void *exhausted, size_t bytes)
{
    void *ptr = clv_calloc(bytes, 1);
    if (ptr == NULL)
        *(bool *)exhausted = true;
    return ptr;
}

static void unpack_free(void *exhausted, void *ptr)
{
    (void)exhausted;
    clv_free(ptr);
}

static clv_status unpack(Clv__Onnx__ModelProto **out, const void *data, size_t bytes,
                         clv_error *err)
{
    bool exhausted = false;
    ProtobufCAllocator allocator = {unpack_alloc, unpack_free, &exhausted};

    if (bytes > CLV_ONNX_MAX_BYTES)
        return clv_fail(err, CLV_ELIMIT, "", "%zu bytes; at most %zu are accepted", bytes,
                        CLV_ONNX_MAX_BYTES);
    CLV_TRY(clv_proto_check(&clv__onnx__model_proto__descriptor, data, bytes, &limits, err));
    Clv__Onnx__ModelProto *model = clv__onnx__model_proto__unpack(&allocator, bytes, data);
    if (model == NULL)
        return exhausted ? clv_fail(err, CLV_ENOMEM, "", "out of memory")
                         : clv_fail(err, CLV_EFORMAT, "", "it is no protobuf message");
    *out = model;
    return CLV_OK;
}

static void free_model(Clv__Onnx__ModelProto *model)
{
    ProtobufCAllocator allocator = {unpack_alloc, unpack_free, NULL};
    clv__onnx__model_proto__free_unpacked(model, &allocator);
}

static clv_status check_options(const clv_onnx_options *options, clv_error *err)
{
    if (options->batch < 1)
        return clv_fail(err, CLV_EINVAL, "batch", "%lld is not a positive number",
                        (long long)options->batch);
    for (size_t i = 0; i < options->n_shapes; i++) {
        const clv_onnx_shape *shape = &options->shapes[i];
        bool possible = shape->shape.rank <= CLV_MAX_RANK;
        for (uint32_t d = 0; possible && d < shape->shape.rank; d++)
            possible = shape->shape.dim[d] >= 0;
        if (!possible)
            return clv_fail(err, CLV_EINVAL, shape->input,
                            "the shape must have up to %u dimensions, none negative", CLV_MAX_RANK);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(options->shapes[j].input, shape->input) == 0)
                return clv_fail(err, CLV_EINVAL, shape->input, "its shape is given twice");
        }
    }
    return CLV_OK;
}

static bool calls_functions_only(const clv_onnx_importer *im)
{
    for (uint32_t i = 0; i < im->main->n_nodes; i++) {
        if (clv_onnx_find_function(im, im->main->nodes[i]) == UINT32_MAX)
            return false;
    }
    return im->main->n_nodes > 0;
}

/* The version of the standard operators. Which IR version a model has doesn't matter here. */
static clv_status read_opset(clv_onnx_importer *im)
{
    const Clv__Onnx__ModelProto *model = im->model;

    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Clv__Onnx__OperatorSetIdProto *set = model->opset_import[i];
        if (!clv_onnx_is_standard(clv_onnx_text(set->domain)))
            continue;
        if (im->opset != 0 && im->opset != set->version)
            return clv_fail(im->err, CLV_EFORMAT, "", "the opset is given twice: %lld and %lld",
                            (long long)im->opset, (long long)set->version);
        im->opset = set->version;
    }
    if (im->opset == 0) {
        CLV_TRY(clv_onnx_check_support(im, im->main)); /* of another domain's operators alone */
        if (calls_functions_only(im)) {
            im->opset = CLV_ONNX_MAX_OPSET; /* of no meaning: functions have their own */
            return CLV_OK;
        }
        return clv_fail(im->err, CLV_EFORMAT, "", "the model doesn't say which opset it is for");
    }
    if (!clv_onnx_takes_opset(im->main, im->opset))
        return clv_fail(im->err, CLV_EUNSUPPORTED, "",
                        "opset %lld is not supported, %d to %d are: convert the model with "
                        "onnx.version_converter",
                        (long long)im->opset, CLV_ONNX_MIN_OPSET, CLV_ONNX_MAX_OPSET);
    return CLV_OK;
}

static clv_status check_model(clv_onnx_importer *im)
{
    const Clv__Onnx__ModelProto *model = im->model;

    if (model->graph == NULL || model->ir_version <= 0)
        return clv_fail(im->err, CLV_EFORMAT, "", "it is no ONNX model: it has no %s",
                        model->graph == NULL ? "graph" : "IR version");
    if (model->graph->n_node > CLV_GRAPH_MAX_NODES || model->n_opset_import > MAX_OPSETS)
        return clv_fail(
            im->err, CLV_ELIMIT, "", "%zu nodes and %zu opsets; at most %u and %u are accepted",
            model->graph->n_node, model->n_opset_import, CLV_GRAPH_MAX_NODES, MAX_OPSETS);
    CLV_TRY(clv_onnx_collect(im));
    im->infers = im->has_control_flow && im->options->evaluate != NULL;
    CLV_TRY(read_opset(im));
    CLV_TRY(clv_onnx_check_support(im, im->main));
    if (model->graph->n_sparse_initializer > 0)
        return clv_fail(im->err, CLV_EUNSUPPORTED, "", "sparse initializers are not supported");
    return CLV_OK;
}

static clv_status fill_graph(clv_onnx_importer *im)
{
    CLV_TRY(clv_onnx_sort(im, im->main));
    CLV_TRY(clv_onnx_add_values(im));
    CLV_TRY(clv_onnx_add_outputs(im));
    CLV_TRY(clv_onnx_add_nodes(im));
    return clv_graph_check(im->graph, im->err);
}

static clv_status fill_in_scope(clv_onnx_importer *im)
{
    clv_onnx_scope scope = {.block = im->main};

    if (clv_name_table_create(&scope.names) != CLV_OK)
        return clv_onnx_no_memory(im, "names");
    im->scope = &scope;
    clv_status status = fill_graph(im);
    im->scope = NULL;
    clv_name_table_free(scope.names);
    return status;
}

/* Convert @p model, which is freed. */
static clv_status convert(clv_graph **out, Clv__Onnx__ModelProto *model, const char *base_dir,
                          const clv_onnx_options *options, clv_error *err)
{
    clv_onnx_importer im = {.model = model, .options = options, .base_dir = base_dir, .err = err};

    clv_status status = check_model(&im);
    if (status == CLV_OK &&
        clv_graph_create(&im.graph, clv_onnx_text(model->graph->name)) != CLV_OK)
        status = clv_onnx_no_memory(&im, "the graph");
    if (status == CLV_OK)
        status = fill_in_scope(&im);
    clv_onnx_free_tables(&im);
    clv_arena_done(&im.scratch);
    free_model(model);
    if (status == CLV_OK)
        *out = im.graph;
    else
        clv_graph_free(im.graph);
    return status;
}

static const clv_onnx_options default_options = CLV_ONNX_OPTIONS_INIT;

clv_status clv_onnx_import_memory(clv_graph **out, const void *data, size_t bytes,
                                  const char *base_dir, const clv_onnx_options *options,
                                  clv_error *err)
{
    Clv__Onnx__ModelProto *model = NULL;

    options = options ? options : &default_options;
    CLV_TRY(check_options(options, err));
    CLV_TRY(unpack(&model, data, bytes, err));
    return convert(out, model, base_dir, options, err);
}

/* Map, unpack and unmap: the model's bytes needn't stay resident beside what comes of them. */
static clv_status unpack_file(Clv__Onnx__ModelProto **out, const char *path, clv_error *err)
{
    clv_mapping mapping;
    CLV_TRY(clv_mapping_open(&mapping, path, CLV_ONNX_MAX_BYTES, err));
    clv_status status = unpack(out, mapping.data, mapping.size, err);
    clv_mapping_done(&mapping);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, path);
}

/* The folder of @p path. NULL: out of memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = clv_strdup(slash ? path : ".");
    if (folder != NULL && slash != NULL)
        folder[slash > path ? slash - path : 1] = '\0'; /* the root keeps its slash */
    return folder;
}

clv_status clv_onnx_import(clv_graph **out, const char *path, const clv_onnx_options *options,
                           clv_error *err)
{
    Clv__Onnx__ModelProto *model = NULL;

    options = options ? options : &default_options;
    CLV_TRY(check_options(options, err));
    CLV_TRY(unpack_file(&model, path, err));
    char *folder = folder_of(path);
    if (folder == NULL) {
        free_model(model);
        return clv_fail(err, CLV_ENOMEM, path, "out of memory");
    }
    clv_status status = convert(out, model, folder, options, err);
    clv_free(folder);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, path);
}
