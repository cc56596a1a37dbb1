/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_IDENTITY_H
#define CLV_IDENTITY_H

/** @file identity.h: who one is (certificate and key), whom one trusts (CA), and the proof.
 *
 *  nng's TLS says that a peer has some certificate of our CA, not which one. So a device proves its
 *  name: it signs the server's nonce with its key. Immutable after loading. The key is wiped when
 *  freed and never logged. */

#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

#define CLV_NONCE_BYTES 32u
#define CLV_MAX_SIGNATURE_BYTES 80u
#define CLV_MAX_CERTIFICATE_BYTES 4096u

typedef struct clv_identity clv_identity;

typedef struct clv_identity_paths {
    const char *ca;   /**< PEM certificate of the CA */
    const char *cert; /**< PEM certificate, own */
    const char *key;  /**< PEM key, own; refused when group or others may read it */
} clv_identity_paths;

/** Load and check that key and certificate belong together and that the CA signed it.
 *  @return CLV_OK; CLV_ENOENT, CLV_EFORMAT, CLV_EAUTH with @p err naming the file and the fix. */
CLV_NODISCARD clv_status clv_identity_load(clv_identity **out, const clv_identity_paths *paths,
                                           clv_error *err);
void clv_identity_free(clv_identity *identity); /* NULL is a no-op */

/** The common name of the own certificate. Borrowed. */
const char *clv_identity_name(const clv_identity *identity);

/** PEM texts for nng's TLS configuration. Borrowed, NUL-terminated. */
const char *clv_identity_ca_pem(const clv_identity *identity);
const char *clv_identity_cert_pem(const clv_identity *identity);
const char *clv_identity_key_pem(const clv_identity *identity);

/** The own certificate as DER, for the greeting. Borrowed. */
const uint8_t *clv_identity_cert_der(const clv_identity *identity, size_t *bytes_out);

/** Device: sign "cleave device proof v1" | 0 | nonce | name. */
CLV_NODISCARD clv_status clv_identity_sign(uint8_t signature[CLV_MAX_SIGNATURE_BYTES],
                                           size_t *bytes_out, const clv_identity *identity,
                                           const uint8_t nonce[CLV_NONCE_BYTES], const char *name);

/** What a device says of itself, all from outside. */
typedef struct clv_proof_claim {
    const char *name;
    const uint8_t *certificate;
    size_t certificate_bytes;
    const uint8_t *signature;
    size_t signature_bytes;
} clv_proof_claim;

/** Server: the certificate is a valid clientAuth one of our CA, its common name is the claimed
 *  name, and its key made the signature over our nonce.
 *  @return CLV_OK; CLV_EAUTH with @p err saying which of these failed; CLV_EFORMAT. */
CLV_NODISCARD clv_status clv_identity_verify(const clv_identity *server,
                                             const clv_proof_claim *claim,
                                             const uint8_t nonce[CLV_NONCE_BYTES], clv_error *err);

/** Fill with cryptographic randomness. */
CLV_NODISCARD clv_status clv_random_bytes(uint8_t *dst, size_t bytes);

#endif
