/* SPDX-License-Identifier: Apache-2.0 */
/* TensorProto: constants in each of the ways in which ONNX writes them. */
#include <string.h>

#include "base/bytes.h" /* memory is little-endian, as raw_data is */
#include "onnx/onnx_internal.h"

/* By TensorProto.DataType. CLV_NONE: Cleave has no such type. */
static const struct {
    const char *name;
    clv_dtype dtype;
} types[] = {
    [1] = {"float32", CLV_F32},    [2] = {"uint8", CLV_U8},        [3] = {"int8", CLV_I8},
    [4] = {"uint16", CLV_U16},     [5] = {"int16", CLV_I16},       [6] = {"int32", CLV_I32},
    [7] = {"int64", CLV_I64},      [8] = {"string", CLV_NONE},     [9] = {"bool", CLV_BOOL},
    [10] = {"float16", CLV_F16},   [11] = {"float64", CLV_F64},    [12] = {"uint32", CLV_U32},
    [13] = {"uint64", CLV_U64},    [14] = {"complex64", CLV_NONE}, [15] = {"complex128", CLV_NONE},
    [16] = {"bfloat16", CLV_NONE}, [17] = {"float8", CLV_NONE},    [18] = {"float8", CLV_NONE},
    [19] = {"float8", CLV_NONE},   [20] = {"float8", CLV_NONE},    [21] = {"uint4", CLV_NONE},
    [22] = {"int4", CLV_NONE},     [23] = {"float4", CLV_NONE},
};

clv_status clv_onnx_dtype(clv_dtype *out, int64_t data_type, const char *where, clv_error *err)
{
    bool known = data_type > 0 && data_type < (int64_t)(sizeof types / sizeof types[0]);
    if (!known || types[data_type].dtype == CLV_NONE)
        return clv_fail(err, CLV_EUNSUPPORTED, where, "the element type %s (%lld) is not supported",
                        known ? types[data_type].name : "unknown", (long long)data_type);
    *out = types[data_type].dtype;
    return CLV_OK;
}

/* Type and shape, and the bytes that the elements take; no data yet. */
static clv_status describe(clv_tensor *out, size_t *bytes_out, const Clv__Onnx__TensorProto *proto,
                           const char *where, clv_error *err)
{
    clv_tensor tensor = {.shape.rank = (uint32_t)proto->n_dims};

    CLV_TRY(clv_onnx_dtype(&tensor.dtype, proto->data_type, where, err));
    if (proto->n_dims > CLV_MAX_RANK)
        return clv_fail(err, CLV_ELIMIT, where, "%zu dimensions; at most %u are supported",
                        proto->n_dims, CLV_MAX_RANK);
    if (proto->n_dims > 0)
        memcpy(tensor.shape.dim, proto->dims, proto->n_dims * sizeof tensor.shape.dim[0]);
    clv_status status = clv_tensor_bytes(bytes_out, &tensor);
    if (status != CLV_OK)
        return clv_fail(err, status, where, "a dimension is negative, or the tensor is too large");
    *out = tensor;
    return CLV_OK;
}

/* Where the elements lie: `count` of them, `width` bytes each. */
typedef struct source {
    const void *elems;
    size_t count;
    size_t width;
} source;

static source find_source(const Clv__Onnx__TensorProto *proto, clv_dtype dtype)
{
    if (proto->has_raw_data)
        return (source){proto->raw_data.data, proto->raw_data.len / clv_dtype_bytes(dtype),
                        clv_dtype_bytes(dtype)};
    switch (dtype) {
    case CLV_F32:
        return (source){proto->float_data, proto->n_float_data, sizeof(float)};
    case CLV_F64:
        return (source){proto->double_data, proto->n_double_data, sizeof(double)};
    case CLV_I64:
        return (source){proto->int64_data, proto->n_int64_data, sizeof(int64_t)};
    case CLV_U32:
    case CLV_U64:
        return (source){proto->uint64_data, proto->n_uint64_data, sizeof(uint64_t)};
    default:
        return (source){proto->int32_data, proto->n_int32_data, sizeof(int32_t)};
    }
}

static clv_status check_count(const source *from, const clv_tensor *tensor, size_t bytes,
                              const Clv__Onnx__TensorProto *proto, const char *where,
                              clv_error *err)
{
    size_t needed = bytes / clv_dtype_bytes(tensor->dtype);
    if (proto->has_raw_data && proto->raw_data.len != bytes)
        return clv_fail(err, CLV_EFORMAT, where, "has %zu bytes of data; its shape needs %zu",
                        proto->raw_data.len, bytes);
    if (from->count != needed)
        return clv_fail(err, CLV_EFORMAT, where, "has %zu elements of data; its shape needs %zu",
                        from->count, needed);
    return CLV_OK;
}

/* Smaller integers, booleans and the bits of float16 come one to an int32. */
static bool fits(clv_dtype dtype, int32_t v)
{
    switch (dtype) {
    case CLV_I8:
        return v >= INT8_MIN && v <= INT8_MAX;
    case CLV_U8:
        return v >= 0 && v <= UINT8_MAX;
    case CLV_I16:
        return v >= INT16_MIN && v <= INT16_MAX;
    case CLV_U16:
    case CLV_F16:
        return v >= 0 && v <= UINT16_MAX;
    case CLV_BOOL:
        return v == 0 || v == 1;
    default:
        return true;
    }
}

/* Copy elements, each to its low bytes where it is stored wider than it is. */
static clv_status copy_elems(uint8_t *dst, clv_dtype dtype, const source *from, const char *where,
                             clv_error *err)
{
    const uint8_t *src = from->elems;
    size_t width = clv_dtype_bytes(dtype);

    if (from->width == width) {
        if (from->count > 0)
            memcpy(dst, src, from->count * width);
        return CLV_OK;
    }
    for (size_t i = 0; i < from->count; i++, src += from->width, dst += width) {
        bool good = from->width == sizeof(int32_t) ? fits(dtype, (int32_t)clv_read_u32(src))
                                                   : clv_read_u64(src) <= UINT32_MAX;
        if (!good)
            return clv_fail(err, CLV_EFORMAT, where, "element %zu is out of the range of %s", i,
                            clv_dtype_name(dtype));
        memcpy(dst, src, width);
    }
    return CLV_OK;
}

/* Raw bytes may say true in 255 ways; kernels know one. */
static void normalise_bools(uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        data[i] = data[i] != 0;
}

/* Give back what protobuf-c allocated for the data: weights would be in memory twice. */
static void release_data(Clv__Onnx__TensorProto *proto)
{
    clv_free(proto->raw_data.data);
    clv_free(proto->float_data);
    clv_free(proto->int32_data);
    clv_free(proto->int64_data);
    clv_free(proto->double_data);
    clv_free(proto->uint64_data);
    proto->raw_data = (ProtobufCBinaryData){0, NULL};
    proto->float_data = NULL;
    proto->int32_data = NULL;
    proto->int64_data = NULL;
    proto->double_data = NULL;
    proto->uint64_data = NULL;
    proto->n_float_data = proto->n_int32_data = proto->n_int64_data = 0;
    proto->n_double_data = proto->n_uint64_data = 0;
}

static bool is_external(const Clv__Onnx__TensorProto *proto)
{
    return proto->data_location != 0;
}

/* The elements of @p proto, which are in the message, to memory of the graph or the arena. */
static clv_status read_elems(clv_onnx_importer *im, clv_tensor *tensor, size_t bytes,
                             const Clv__Onnx__TensorProto *proto, bool to_graph, const char *where)
{
    source from = find_source(proto, tensor->dtype);
    CLV_TRY(check_count(&from, tensor, bytes, proto, where, im->err));
    tensor->data =
        to_graph ? clv_graph_own_data(im->graph, bytes) : clv_arena_alloc(&im->scratch, bytes, 1);
    if (tensor->data == NULL)
        return clv_onnx_no_memory(im, where);
    return copy_elems(tensor->data, tensor->dtype, &from, where, im->err);
}

clv_status clv_onnx_copy_constant(clv_onnx_importer *im, uint32_t value,
                                  const Clv__Onnx__TensorProto *proto, const char *where)
{
    clv_tensor tensor;
    size_t bytes;

    CLV_TRY(describe(&tensor, &bytes, proto, where, im->err));
    if (is_external(proto))
        CLV_TRY(clv_onnx_read_external(&tensor.data, im, bytes, proto, where));
    else
        CLV_TRY(read_elems(im, &tensor, bytes, proto, true, where));
    if (tensor.dtype == CLV_BOOL)
        normalise_bools(tensor.data, bytes);
    clv_graph_set_constant(im->graph, value, &tensor);
    return CLV_OK;
}

clv_status clv_onnx_set_constant(clv_onnx_importer *im, uint32_t value,
                                 Clv__Onnx__TensorProto *proto, const char *where)
{
    CLV_TRY(clv_onnx_copy_constant(im, value, proto, where));
    release_data(proto);
    return CLV_OK;
}

clv_status clv_onnx_attr_tensor(clv_onnx_importer *im, clv_tensor *out,
                                const Clv__Onnx__TensorProto *proto, const char *where)
{
    clv_tensor tensor;
    size_t bytes;

    if (is_external(proto))
        return clv_fail(im->err, CLV_EUNSUPPORTED, where,
                        "an attribute's data lies outside of the model");
    CLV_TRY(describe(&tensor, &bytes, proto, where, im->err));
    CLV_TRY(read_elems(im, &tensor, bytes, proto, false, where));
    if (tensor.dtype == CLV_BOOL)
        normalise_bools(tensor.data, bytes);
    *out = tensor;
    return CLV_OK;
}
