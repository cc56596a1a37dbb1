/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void clv_buffer_init(clv_buffer *buffer, size_t cap_bytes)
{
    *buffer = (clv_buffer){.cap_bytes = cap_bytes};
}

clv_status clv_buffer_reserve(clv_buffer *buffer, size_t bytes)
{
    if (bytes <= buffer->allocated)
        return CLV_OK;
    if (bytes > buffer->cap_bytes)
        return CLV_ELIMIT;

    size_t target =
        buffer->allocated > buffer->cap_bytes / 2 ? buffer->cap_bytes : buffer->allocated * 2;
    if (target < bytes)
        target = bytes;
    uint8_t *data = clv_realloc_array(buffer->data, target, 1);
    if (data == NULL)
        return CLV_ENOMEM;
    buffer->data = data;
    buffer->allocated = target;
    return CLV_OK;
}

clv_status clv_buffer_resize(clv_buffer *buffer, size_t bytes)
{
    CLV_TRY(clv_buffer_reserve(buffer, bytes));
    buffer->size = bytes;
    return CLV_OK;
}

clv_status clv_buffer_append(clv_buffer *buffer, const void *data, size_t bytes)
{
    if (bytes > buffer->cap_bytes - buffer->size)
        return CLV_ELIMIT;
    CLV_TRY(clv_buffer_reserve(buffer, buffer->size + bytes));
    if (bytes > 0)
        memcpy(buffer->data + buffer->size, data, bytes);
    buffer->size += bytes;
    return CLV_OK;
}

void clv_buffer_done(clv_buffer *buffer)
{
    clv_free(buffer->data);
    *buffer = (clv_buffer){.cap_bytes = buffer->cap_bytes};
}
