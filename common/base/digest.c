/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <mbedtls/sha256.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"

struct clv_digest_context {
    mbedtls_sha256_context sha;
};

clv_status clv_digest_start(clv_digest_context **out)
{
    clv_digest_context *context = clv_calloc(1, sizeof *context);
    if (context == NULL)
        return CLV_ENOMEM;
    mbedtls_sha256_init(&context->sha);
    if (mbedtls_sha256_starts_ret(&context->sha, 0) != 0) {
        clv_free(context);
        return CLV_EINTERNAL;
    }
    *out = context;
    return CLV_OK;
}

clv_status clv_digest_add(clv_digest_context *context, const void *data, size_t bytes)
{
    return mbedtls_sha256_update_ret(&context->sha, data, bytes) == 0 ? CLV_OK : CLV_EINTERNAL;
}

clv_status clv_digest_finish(clv_digest *out, clv_digest_context *context)
{
    clv_status status = CLV_OK;

    if (context == NULL)
        return CLV_OK;
    if (out != NULL && mbedtls_sha256_finish_ret(&context->sha, out->bytes) != 0)
        status = CLV_EINTERNAL;
    mbedtls_sha256_free(&context->sha);
    clv_free(context);
    return status;
}

clv_status clv_digest_of(clv_digest *out, const void *data, size_t bytes)
{
    clv_digest digest;
    if (mbedtls_sha256_ret(data, bytes, digest.bytes, 0) != 0)
        return CLV_EINTERNAL;
    *out = digest;
    return CLV_OK;
}

char *clv_digest_format(char dst[CLV_DIGEST_HEX_BYTES], const clv_digest *digest)
{
    for (unsigned i = 0; i < CLV_DIGEST_BYTES; i++)
        (void)snprintf(dst + (size_t)i * 2, 3, "%02x", digest->bytes[i]);
    return dst;
}
