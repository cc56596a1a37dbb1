/* SPDX-License-Identifier: Apache-2.0 */
/* Graph inputs: their types, and what fills the dimensions that the model leaves open. */
#include <stdio.h>
#include <string.h>

#include "onnx/onnx_internal.h"

static const clv_onnx_shape *find_override(const clv_onnx_options *options, const char *name)
{
    for (size_t i = 0; i < options->n_shapes; i++) {
        if (strcmp(options->shapes[i].input, name) == 0)
            return &options->shapes[i];
    }
    return NULL;
}

/* "'a', 'b'", the inputs that there are, cut to @p cap. */
static const char *list_inputs(char *dst, size_t cap, const clv_graph *graph)
{
    size_t used = 0;

    dst[0] = '\0';
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        const char *name = graph->values[graph->inputs[i]].name;
        if (used + strlen(name) + 16 > cap) {
            (void)snprintf(dst + used, cap - used, "%s...", i > 0 ? ", " : "");
            break;
        }
        used += (size_t)snprintf(dst + used, cap - used, "%s'%s'", i > 0 ? ", " : "", name);
    }
    return dst;
}

static bool is_input(const clv_onnx_importer *im, const char *name)
{
    for (size_t i = 0; i < im->model->graph->n_input; i++) {
        if (strcmp(clv_onnx_text(im->model->graph->input[i]->name), name) == 0)
            return true;
    }
    return false;
}

static clv_status no_such_input(const clv_onnx_importer *im, const char *name)
{
    char names[512];
    return clv_fail(im->err, CLV_EINVAL, "input shapes",
                    "the model has no input '%.100s'; its inputs are %s", name,
                    list_inputs(names, sizeof names, im->graph));
}

/* An override for an input that doesn't exist is a slip of the user's pen. */
static clv_status check_overrides(const clv_onnx_importer *im)
{
    const clv_graph *graph = im->graph;

    for (size_t i = 0; i < im->options->n_shapes; i++) {
        const char *name = im->options->shapes[i].input;
        bool found = false;
        for (uint32_t j = 0; j < graph->n_inputs && !found; j++)
            found = strcmp(graph->values[graph->inputs[j]].name, name) == 0;
        if (!found)
            return no_such_input(im, name);
    }
    for (size_t i = 0; i < im->options->n_constants; i++) {
        if (!is_input(im, im->options->constants[i].input))
            return no_such_input(im, im->options->constants[i].input);
    }
    return CLV_OK;
}

static const clv_onnx_constant *find_constant(const clv_onnx_options *options, const char *name)
{
    for (size_t i = 0; i < options->n_constants; i++) {
        if (strcmp(options->constants[i].input, name) == 0)
            return &options->constants[i];
    }
    return NULL;
}

/* The caller's tensor instead of an input. */
static clv_status add_constant(clv_onnx_importer *im, const clv_onnx_constant *constant,
                               const Clv__Onnx__ValueInfoProto *info, const char *where)
{
    const Clv__Onnx__TypeProto__Tensor *type = info->type ? info->type->tensor_type : NULL;
    clv_tensor tensor = constant->tensor;
    clv_dtype dtype;
    uint32_t value;
    size_t bytes;

    if (type == NULL)
        return clv_fail(im->err, CLV_EUNSUPPORTED, where, "it is not a tensor");
    CLV_TRY(clv_onnx_dtype(&dtype, type->elem_type, where, im->err));
    if (dtype != tensor.dtype || clv_tensor_bytes(&bytes, &tensor) != CLV_OK)
        return clv_fail(im->err, CLV_EINVAL, where, "the constant for it is %s; the model takes %s",
                        clv_dtype_name(tensor.dtype), clv_dtype_name(dtype));
    tensor.data = clv_graph_own_data(im->graph, bytes);
    if (tensor.data == NULL)
        return clv_onnx_no_memory(im, where);
    if (bytes > 0)
        memcpy(tensor.data, constant->tensor.data, bytes);
    CLV_TRY(clv_onnx_declare(&value, im, constant->input, where));
    clv_graph_set_constant(im->graph, value, &tensor);
    return CLV_OK;
}

static clv_status apply_override(clv_shape *out, const clv_onnx_importer *im,
                                 const Clv__Onnx__TensorShapeProto *declared,
                                 const clv_onnx_shape *override, const char *where)
{
    if (declared != NULL && declared->n_dim != override->shape.rank)
        return clv_fail(im->err, CLV_EINVAL, where,
                        "the shape that was given has %u dimensions; the model's has %zu",
                        override->shape.rank, declared->n_dim);
    *out = override->shape;
    return CLV_OK;
}

static clv_status declared_shape(clv_shape *out, const clv_onnx_importer *im,
                                 const Clv__Onnx__TensorShapeProto *declared, const char *where)
{
    if (declared == NULL)
        return clv_fail(im->err, CLV_ESHAPE, where, "the model gives it no shape: give one");
    if (declared->n_dim > CLV_MAX_RANK)
        return clv_fail(im->err, CLV_ELIMIT, where, "%zu dimensions; at most %u are supported",
                        declared->n_dim, CLV_MAX_RANK);
    out->rank = (uint32_t)declared->n_dim;
    for (uint32_t i = 0; i < out->rank; i++) {
        const Clv__Onnx__TensorShapeProto__Dimension *dim = declared->dim[i];
        /* 0 is a batch that some exporters leave open; behind the first it is an empty dimension.
         */
        bool open = !dim->has_dim_value || dim->dim_value < 0 || (dim->dim_value == 0 && i == 0);
        if (open && i > 0)
            return clv_fail(im->err, CLV_ESHAPE, where,
                            "the model leaves dimension %u of %u open: give its shape (--shape)", i,
                            out->rank);
        out->dim[i] = open ? im->options->batch : dim->dim_value;
    }
    return CLV_OK;
}

static clv_status describe(clv_tensor *out, const clv_onnx_importer *im,
                           const Clv__Onnx__ValueInfoProto *info, const char *where)
{
    const Clv__Onnx__TypeProto__Tensor *type = info->type ? info->type->tensor_type : NULL;
    const clv_onnx_shape *override = find_override(im->options, clv_onnx_text(info->name));
    clv_tensor tensor = {0};
    size_t bytes;

    if (type == NULL)
        return clv_fail(im->err, CLV_EUNSUPPORTED, where, "it is not a tensor");
    CLV_TRY(clv_onnx_dtype(&tensor.dtype, type->elem_type, where, im->err));
    CLV_TRY(override != NULL ? apply_override(&tensor.shape, im, type->shape, override, where)
                             : declared_shape(&tensor.shape, im, type->shape, where));
    clv_status status = clv_tensor_bytes(&bytes, &tensor);
    if (status != CLV_OK)
        return clv_fail(im->err, status, where, "its shape is too large or not positive");
    *out = tensor;
    return CLV_OK;
}

static clv_status add_input(clv_onnx_importer *im, const Clv__Onnx__ValueInfoProto *info)
{
    const char *name = clv_onnx_text(info->name);
    char where[160];
    clv_tensor tensor;
    uint32_t value = clv_graph_find_value(im->graph, name);

    /* IR version 3 lists initializers as inputs, and later ones may: a default is a constant. */
    if (value != CLV_NO_VALUE && clv_value_is_constant(&im->graph->values[value]))
        return CLV_OK;
    (void)snprintf(where, sizeof where, "input '%.140s'", name);
    const clv_onnx_constant *constant = find_constant(im->options, name);
    if (constant != NULL)
        return add_constant(im, constant, info, where);
    CLV_TRY(describe(&tensor, im, info, where));
    CLV_TRY(clv_onnx_declare(&value, im, name, where));
    im->graph->values[value].tensor = tensor;
    return clv_graph_add_input(im->graph, value) == CLV_OK ? CLV_OK : clv_onnx_no_memory(im, where);
}

clv_status clv_onnx_add_inputs(clv_onnx_importer *im)
{
    for (size_t i = 0; i < im->model->graph->n_input; i++)
        CLV_TRY(add_input(im, im->model->graph->input[i]));
    return check_overrides(im);
}
