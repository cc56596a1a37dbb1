/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/attr.h"

#include <string.h>

#include "base/error.h"

static void *copy_bytes(clv_arena *arena, const void *data, size_t count, size_t size)
{
    void *copy = clv_arena_alloc(arena, count, size);
    if (copy != NULL && count * size > 0)
        memcpy(copy, data, count * size);
    return copy;
}

static bool copy_value(clv_arena *arena, clv_attr *attr)
{
    switch (attr->type) {
    case CLV_ATTR_INT:
    case CLV_ATTR_FLOAT:
        return true;
    case CLV_ATTR_STRING:
        return (attr->v.s = clv_arena_strndup(arena, attr->v.s, strlen(attr->v.s))) != NULL;
    case CLV_ATTR_INTS:
        attr->v.ints = copy_bytes(arena, attr->v.ints, attr->count, sizeof *attr->v.ints);
        return attr->v.ints != NULL;
    case CLV_ATTR_FLOATS:
        attr->v.floats = copy_bytes(arena, attr->v.floats, attr->count, sizeof *attr->v.floats);
        return attr->v.floats != NULL;
    case CLV_ATTR_TENSOR: {
        size_t bytes;
        if (clv_tensor_bytes(&bytes, &attr->v.tensor) != CLV_OK)
            return false;
        attr->v.tensor.data = copy_bytes(arena, attr->v.tensor.data, bytes, 1);
        return attr->v.tensor.data != NULL;
    }
    }
    return false;
}

clv_attr *clv_attrs_copy(clv_arena *arena, const clv_attr *attrs, uint32_t n_attrs)
{
    clv_attr *copies = copy_bytes(arena, attrs, n_attrs, sizeof *attrs);
    if (copies == NULL)
        return NULL;
    for (uint32_t i = 0; i < n_attrs; i++) {
        copies[i].name = clv_arena_strndup(arena, attrs[i].name, strlen(attrs[i].name));
        if (copies[i].name == NULL || !copy_value(arena, &copies[i]))
            return NULL;
    }
    return copies;
}

const clv_attr *clv_node_attr(const clv_node *node, const char *name, clv_attr_type type)
{
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        if (node->attrs[i].type == type && strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    }
    return NULL;
}

int64_t clv_node_attr_int(const clv_node *node, const char *name, int64_t fallback)
{
    const clv_attr *attr = clv_node_attr(node, name, CLV_ATTR_INT);
    return attr ? attr->v.i : fallback;
}

float clv_node_attr_float(const clv_node *node, const char *name, float fallback)
{
    const clv_attr *attr = clv_node_attr(node, name, CLV_ATTR_FLOAT);
    return attr ? attr->v.f : fallback;
}

const char *clv_node_attr_string(const clv_node *node, const char *name, const char *fallback)
{
    const clv_attr *attr = clv_node_attr(node, name, CLV_ATTR_STRING);
    return attr ? attr->v.s : fallback;
}

clv_status clv_tensor_read_ints(int64_t *out, uint32_t *n_out, uint32_t cap,
                                const clv_tensor *tensor)
{
    size_t n;

    if (tensor == NULL || tensor->data == NULL)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_shape_elems(&n, &tensor->shape));
    if (tensor->shape.rank > 1 || n > cap)
        return CLV_ESHAPE;
    for (size_t i = 0; i < n; i++) {
        if (tensor->dtype == CLV_I64)
            out[i] = ((const int64_t *)tensor->data)[i];
        else if (tensor->dtype == CLV_I32)
            out[i] = ((const int32_t *)tensor->data)[i];
        else
            return CLV_ESHAPE;
    }
    *n_out = (uint32_t)n;
    return CLV_OK;
}
