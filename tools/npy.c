/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_BYTES 6u
#define MAX_HEADER 65536u

static const struct {
    const char *descr;
    clv_dtype dtype;
} types[] = {
    {"<f4", CLV_F32}, {"<f8", CLV_F64}, {"<f2", CLV_F16}, {"|u1", CLV_U8},
    {"|i1", CLV_I8},  {"<u2", CLV_U16}, {"<i2", CLV_I16}, {"<u4", CLV_U32},
    {"<i4", CLV_I32}, {"<u8", CLV_U64}, {"<i8", CLV_I64}, {"|b1", CLV_BOOL},
};

/* The text behind 'key': in the header's dictionary, or NULL. */
static const char *find_key(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (at == NULL)
        return NULL;
    at += strlen(key);
    return at + strspn(at, " :");
}

static clv_status parse_type(clv_dtype *out, const char *header, clv_error *err)
{
    const char *descr = find_key(header, "'descr'");
    for (size_t i = 0; descr != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (descr[0] == '\'' && strncmp(descr + 1, types[i].descr, 3) == 0 && descr[4] == '\'') {
            *out = types[i].dtype;
            return CLV_OK;
        }
    }
    return clv_fail(err, CLV_EUNSUPPORTED, ".npy header", "its element type is not supported");
}

static clv_status parse_shape(clv_shape *out, const char *header, clv_error *err)
{
    const char *p = find_key(header, "'shape'");
    clv_shape shape = {0};

    if (p == NULL || *p++ != '(')
        return clv_fail(err, CLV_EFORMAT, ".npy header", "there is no shape");
    for (;;) {
        char *end;
        p += strspn(p, " ,");
        if (*p == ')')
            break;
        long long dim = strtoll(p, &end, 10); /* clv_tensor_bytes() will check it */
        if (end == p || shape.rank == CLV_MAX_RANK)
            return clv_fail(err, CLV_EFORMAT, ".npy header", "the shape can't be read");
        shape.dim[shape.rank++] = dim;
        p = end;
    }
    *out = shape;
    return CLV_OK;
}

clv_status npy_parse(clv_tensor *out, const uint8_t *bytes, size_t n_bytes, clv_error *err)
{
    clv_tensor tensor = {0};
    size_t start, length, data_bytes;

    if (n_bytes < 12 || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0 || bytes[6] < 1 || bytes[6] > 3)
        return clv_fail(err, CLV_EFORMAT, "offset 0", "this is no .npy file of version 1 to 3");
    start = bytes[6] == 1 ? 10 : 12;
    length = bytes[6] == 1 ? clv_read_u16(bytes + 8) : clv_read_u32(bytes + 8);
    if (length > MAX_HEADER || length > n_bytes - start)
        return clv_fail(err, CLV_EFORMAT, "offset 8", "the header is cut off");
    char *header = strndup((const char *)bytes + start, length);
    if (header == NULL)
        return clv_fail(err, CLV_ENOMEM, ".npy header", "out of memory");
    const char *order = find_key(header, "'fortran_order'");
    clv_status status = CLV_OK;
    if (order == NULL || strncmp(order, "False", 5) != 0)
        status = clv_fail(err, CLV_EUNSUPPORTED, ".npy header",
                          "only C order is read (numpy.ascontiguousarray() makes it)");
    if (status == CLV_OK)
        status = parse_type(&tensor.dtype, header, err);
    if (status == CLV_OK)
        status = parse_shape(&tensor.shape, header, err);
    free(header);
    CLV_TRY(status);
    if (clv_tensor_bytes(&data_bytes, &tensor) != CLV_OK || data_bytes != n_bytes - start - length)
        return clv_fail(err, CLV_EFORMAT, ".npy data", "its size doesn't fit the shape");
    tensor.data = (void *)(uintptr_t)(bytes + start + length);
    *out = tensor;
    return CLV_OK;
}

static const char *descr_of(clv_dtype dtype)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].dtype == dtype)
            return types[i].descr;
    }
    return NULL;
}

clv_status npy_write(const char *path, const clv_tensor *tensor, clv_error *err)
{
    char header[512] = MAGIC "\x01";
    size_t start = 10, n = start, bytes;
    clv_file_writer *file;

    const char *descr = descr_of(tensor->dtype);
    if (descr == NULL || clv_tensor_bytes(&bytes, tensor) != CLV_OK)
        return clv_fail(err, CLV_EUNSUPPORTED, path, "such a tensor can't be written");
    n += (size_t)snprintf(header + n, sizeof header - n,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        n += (size_t)snprintf(header + n, sizeof header - n, "%lld,%s",
                              (long long)tensor->shape.dim[i],
                              i + 1 < tensor->shape.rank ? " " : "");
    n += (size_t)snprintf(header + n, sizeof header - n, "), }");
    while ((n + 1) % 64 != 0)
        header[n++] = ' ';
    header[n++] = '\n';
    clv_write_u16((uint8_t *)header + 8, (uint16_t)(n - start));

    CLV_TRY(clv_file_writer_open(&file, path, 0644, err));
    clv_status status = clv_file_writer_put(file, header, n);
    if (status == CLV_OK)
        status = clv_file_writer_put(file, tensor->data, bytes);
    return clv_file_writer_finish(file, status == CLV_OK, err);
}
