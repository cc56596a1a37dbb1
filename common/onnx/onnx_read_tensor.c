/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "onnx/onnx_internal.h"
#include "proto/proto_guard.h"

/* Packed data counts as one item; only data that its writer didn't pack needs so many. */
static const clv_proto_limits limits = {
    .max_depth = 4, .max_messages = 1000, .max_items = UINT64_C(4) << 20};

static clv_status copy_data(clv_tensor *tensor, clv_error *err)
{
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    void *data = clv_alloc_aligned(bytes);
    if (data == NULL)
        return clv_fail(err, CLV_ENOMEM, "tensor", "out of memory for %zu bytes", bytes);
    if (bytes > 0)
        memcpy(data, tensor->data, bytes);
    tensor->data = data;
    return CLV_OK;
}

clv_status clv_onnx_read_tensor(clv_tensor *out, const void *data, size_t bytes, clv_error *err)
{
    clv_onnx_importer im = {.err = err};
    clv_tensor tensor = {0};

    CLV_TRY(clv_proto_check(&clv__onnx__tensor_proto__descriptor, data, bytes, &limits, err));
    Clv__Onnx__TensorProto *proto = clv__onnx__tensor_proto__unpack(NULL, bytes, data);
    if (proto == NULL)
        return clv_fail(err, CLV_EFORMAT, "tensor", "this is no ONNX TensorProto");
    clv_status status = clv_onnx_attr_tensor(&im, &tensor, proto, "tensor");
    if (status == CLV_OK)
        status = copy_data(&tensor, err);
    clv_arena_done(&im.scratch);
    clv__onnx__tensor_proto__free_unpacked(proto, NULL);
    if (status == CLV_OK)
        *out = tensor;
    return status;
}
