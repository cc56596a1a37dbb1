/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of nodes, and Constant, which is nothing but an attribute. */
#include <string.h>

#include "onnx/onnx_internal.h"

/* AttributeProto.AttributeType */
enum {
    TYPE_FLOAT = 1,
    TYPE_INT,
    TYPE_STRING,
    TYPE_TENSOR,
    TYPE_FLOATS = 6,
    TYPE_INTS,
    TYPE_STRINGS
};

size_t clv_onnx_attr_bytes(const Clv__Onnx__AttributeProto *attr)
{
    const Clv__Onnx__TensorProto *t = attr->t;
    size_t bytes = attr->s.len + attr->n_floats * sizeof(float) + attr->n_ints * sizeof(int64_t);

    for (size_t i = 0; i < attr->n_strings; i++)
        bytes += attr->strings[i].len + 1;
    if (t != NULL)
        bytes += t->raw_data.len + 4 * (t->n_float_data + t->n_int32_data) +
                 8 * (t->n_int64_data + t->n_double_data + t->n_uint64_data);
    return bytes;
}

/* Files of IR version 1 don't say the type: what is there says it. */
static int32_t type_of(const Clv__Onnx__AttributeProto *proto)
{
    if (proto->type != 0)
        return proto->type;
    return proto->has_f           ? TYPE_FLOAT
           : proto->has_i         ? TYPE_INT
           : proto->has_s         ? TYPE_STRING
           : proto->t != NULL     ? TYPE_TENSOR
           : proto->n_floats > 0  ? TYPE_FLOATS
           : proto->n_ints > 0    ? TYPE_INTS
           : proto->n_strings > 0 ? TYPE_STRINGS
                                  : 0;
}

static clv_status read_string(clv_onnx_importer *im, clv_attr *out, const ProtobufCBinaryData *s,
                              const char *where)
{
    out->type = CLV_ATTR_STRING;
    out->v.s = clv_arena_strndup(&im->scratch, (const char *)s->data, s->len);
    return out->v.s != NULL ? CLV_OK : clv_onnx_no_memory(im, where);
}

/* A list of strings becomes one with commas between: no operator that the graph has takes names
 * with commas in them. */
static clv_status read_strings(clv_onnx_importer *im, clv_attr *out,
                               const Clv__Onnx__AttributeProto *proto, const char *where)
{
    size_t bytes = 1, used = 0;
    for (size_t i = 0; i < proto->n_strings; i++)
        bytes += proto->strings[i].len + 1;
    char *text = clv_arena_alloc(&im->scratch, bytes, 1);
    if (text == NULL)
        return clv_onnx_no_memory(im, where);
    for (size_t i = 0; i < proto->n_strings; i++) {
        const ProtobufCBinaryData *s = &proto->strings[i];
        if (i > 0)
            text[used++] = ',';
        if (s->len > 0)
            memcpy(text + used, s->data, s->len);
        used += s->len;
    }
    out->type = CLV_ATTR_STRING;
    out->v.s = text;
    return CLV_OK;
}

/* Numbers are borrowed from @p proto: clv_graph_add_node() copies them. */
static clv_status read_attr(clv_onnx_importer *im, clv_attr *out,
                            const Clv__Onnx__AttributeProto *proto, const char *name,
                            const char *where)
{
    *out = (clv_attr){.name = name};
    switch (type_of(proto)) {
    case TYPE_FLOAT:
        out->type = CLV_ATTR_FLOAT;
        out->v.f = proto->f;
        return CLV_OK;
    case TYPE_INT:
        out->type = CLV_ATTR_INT;
        out->v.i = proto->i;
        return CLV_OK;
    case TYPE_STRING:
        return read_string(im, out, &proto->s, where);
    case TYPE_FLOATS:
        out->type = CLV_ATTR_FLOATS;
        out->count = (uint32_t)proto->n_floats; /* a file of 2 GiB has fewer than 2^32 */
        out->v.floats = proto->floats;
        return CLV_OK;
    case TYPE_INTS:
        out->type = CLV_ATTR_INTS;
        out->count = (uint32_t)proto->n_ints;
        out->v.ints = proto->ints;
        return CLV_OK;
    case TYPE_STRINGS:
        return read_strings(im, out, proto, where);
    case TYPE_TENSOR:
        if (proto->t == NULL)
            break;
        out->type = CLV_ATTR_TENSOR;
        return clv_onnx_attr_tensor(im, &out->v.tensor, proto->t, where);
    default:
        break;
    }
    return clv_fail(im->err, CLV_EUNSUPPORTED, where,
                    "the attribute '%.100s' has a type (%d) that is not supported", out->name,
                    proto->type);
}

clv_status clv_onnx_read_attrs(clv_onnx_importer *im, clv_onnx_node *node,
                               const Clv__Onnx__NodeProto *proto)
{
    node->attrs = clv_arena_alloc(&im->scratch, proto->n_attribute, sizeof *node->attrs);
    if (node->attrs == NULL)
        return clv_onnx_no_memory(im, node->where);
    for (uint32_t i = 0; i < proto->n_attribute; i++) {
        clv_attr *attr = &node->attrs[node->n_attrs];
        const Clv__Onnx__AttributeProto *meant;
        CLV_TRY(clv_onnx_resolve_attr(&meant, im, proto->attribute[i], node->where));
        if (meant == NULL)
            continue;
        CLV_TRY(read_attr(im, attr, meant, clv_onnx_text(proto->attribute[i]->name), node->where));
        for (uint32_t j = 0; j < node->n_attrs; j++) {
            if (strcmp(node->attrs[j].name, attr->name) == 0)
                return clv_fail(im->err, CLV_EFORMAT, node->where,
                                "the attribute '%.100s' comes twice", attr->name);
        }
        node->n_attrs++;
    }
    return CLV_OK;
}

/* A constant of @p count numbers; rank 0 for a count of 1 that is no list. */
static clv_status set_numbers(clv_onnx_importer *im, uint32_t value, clv_dtype dtype, bool list,
                              const void *numbers, size_t count, const char *where)
{
    clv_tensor tensor = {dtype, {.rank = list, .dim = {(int64_t)count}}, NULL};
    size_t bytes = count * clv_dtype_bytes(dtype);

    tensor.data = clv_graph_own_data(im->graph, bytes);
    if (tensor.data == NULL)
        return clv_onnx_no_memory(im, where);
    if (bytes > 0)
        memcpy(tensor.data, numbers, bytes);
    clv_graph_set_constant(im->graph, value, &tensor);
    return CLV_OK;
}

clv_status clv_onnx_set_constant_node(clv_onnx_importer *im, uint32_t value,
                                      Clv__Onnx__NodeProto *node, const char *where)
{
    if (node->n_output != 1 || node->n_attribute != 1)
        return clv_fail(im->err, CLV_EFORMAT, where, "Constant has one attribute and one output");
    const Clv__Onnx__AttributeProto *attr;
    const char *name = clv_onnx_text(node->attribute[0]->name);

    CLV_TRY(clv_onnx_resolve_attr(&attr, im, node->attribute[0], where));
    if (attr == NULL)
        return clv_fail(im->err, CLV_EFORMAT, where,
                        "the call gives no attribute '%.100s', which it needs",
                        node->attribute[0]->ref_attr_name);
    if (strcmp(name, "value") == 0 && attr->t != NULL) {
        if (attr != node->attribute[0])
            return clv_onnx_copy_constant(im, value, attr->t, where);
        return clv_onnx_set_constant(im, value, node->attribute[0]->t, where);
    }
    if (strcmp(name, "value_float") == 0)
        return set_numbers(im, value, CLV_F32, false, &attr->f, 1, where);
    if (strcmp(name, "value_int") == 0)
        return set_numbers(im, value, CLV_I64, false, &attr->i, 1, where);
    if (strcmp(name, "value_floats") == 0)
        return set_numbers(im, value, CLV_F32, true, attr->floats, attr->n_floats, where);
    if (strcmp(name, "value_ints") == 0)
        return set_numbers(im, value, CLV_I64, true, attr->ints, attr->n_ints, where);
    return clv_fail(im->err, CLV_EUNSUPPORTED, where, "Constant with '%.100s' is not supported",
                    name);
}
