/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DIGEST_H
#define CLV_DIGEST_H

/** @file digest.h: SHA-256 (FIPS 180-4), by mbedTLS. It names bundles. */

#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

#define CLV_DIGEST_BYTES 32u
#define CLV_DIGEST_HEX_BYTES 65u /* with the final NUL */

typedef struct clv_digest {
    uint8_t bytes[CLV_DIGEST_BYTES];
} clv_digest;

/** SHA-256 of @p data. @return CLV_OK, CLV_EINTERNAL. */
CLV_NODISCARD clv_status clv_digest_of(clv_digest *out, const void *data, size_t bytes);

/** SHA-256 fed in parts: clv_digest_start(), clv_digest_add() ..., clv_digest_finish().
 *  clv_digest_finish(NULL, ctx) gives the context up. */
typedef struct clv_digest_context clv_digest_context;
CLV_NODISCARD clv_status clv_digest_start(clv_digest_context **out);
CLV_NODISCARD clv_status clv_digest_add(clv_digest_context *context, const void *data,
                                        size_t bytes);
clv_status clv_digest_finish(clv_digest *out, clv_digest_context *context);

/** Lower-case hexadecimal. @return @p dst. */
char *clv_digest_format(char dst[CLV_DIGEST_HEX_BYTES], const clv_digest *digest);

#endif
