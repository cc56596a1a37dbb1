/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_IDENTITY_H
#define CLV_IDENTITY_H

/** @file identity.h: who one is (certificate and key) and whom one trusts (CA).
 *
 *  Names are proved by TLS: each side shows a certificate of the other's CA and signs the
 *  handshake with its key (docs/security.md). Keys are ECDSA on P-256. Immutable after loading, so
 *  threads may share it. The key is wiped when freed and never logged. */

#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

typedef struct clv_identity clv_identity;

typedef struct clv_identity_paths {
    const char *ca;   /**< PEM: the certificate of the CA, or several of them */
    const char *cert; /**< PEM: the own certificate */
    const char *key;  /**< PEM: the own key; refused when group or others may read it */
} clv_identity_paths;

/** Load and check: the files' modes, that key and certificate belong together, that a CA signed
 *  it, that it is valid now.
 *  @param[out] out  Owned by the caller; left untouched on failure.
 *  @return CLV_OK; CLV_ENOENT, CLV_EIO, CLV_ELIMIT, CLV_EFORMAT, CLV_EAUTH, CLV_ENOMEM with @p err
 *          naming the file and the fix. */
CLV_NODISCARD clv_status clv_identity_load(clv_identity **out, const clv_identity_paths *paths,
                                           clv_error *err);
void clv_identity_free(clv_identity *identity); /* NULL is a no-op */

/** The common name of the own certificate. Borrowed. */
const char *clv_identity_name(const clv_identity *identity);

/** Fill with cryptographic randomness of the kernel. Thread-safe. @return CLV_OK, CLV_EIO. */
CLV_NODISCARD clv_status clv_random_bytes(uint8_t *dst, size_t bytes);

#endif
