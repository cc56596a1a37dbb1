/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_X509_H
#define CLV_X509_H

/** @file x509.h: what the files of common/net that touch mbedTLS share: which algorithms are
 *  accepted, names, and the words for what is wrong with a certificate. Private to common/net.
 *
 *  One suite for everything: ECDSA on P-256 with SHA-256. */

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>

#include <cleave/status.h>

#define CLV_X509_MAX_NAME 63u /* of X.509's 64 */

/** What is accepted in a certificate chain. */
extern const mbedtls_x509_crt_profile clv_x509_profile;

/** Group identifiers for mbedtls_ssl_conf_curves(): P-256, end. */
extern const mbedtls_ecp_group_id clv_x509_curves[2];

/** For the f_rng arguments of mbedTLS: the kernel's generator. Thread-safe. */
int clv_x509_random(void *context, unsigned char *dst, size_t bytes);

/** Letters, digits, '.', '-', '_', ':'; 1 to CLV_X509_MAX_NAME of them. */
bool clv_x509_name_is_valid(const char *name, size_t bytes);

/** The common name of @p crt, if it has exactly one and that is a valid name; otherwise "?". */
void clv_x509_common_name(char dst[CLV_X509_MAX_NAME + 1], const mbedtls_x509_crt *crt);

/** Whether @p pk is a key on P-256. */
bool clv_x509_is_p256(const mbedtls_pk_context *pk);

/** mbedTLS keeps a table of multiples in each elliptic curve key, made when it is first used, by
 *  whichever thread that is. Make it now, so that threads may share the key.
 *  @return CLV_OK, CLV_EINTERNAL. */
CLV_NODISCARD clv_status clv_x509_prepare_for_threads(mbedtls_pk_context *pk);

/** What the flags of a failed verification say, to go on after "the certificate ...":
 *  "has expired". */
const char *clv_x509_flags_text(uint32_t flags);

/** What mbedTLS says of an error code. */
void clv_x509_error_text(char *dst, size_t cap, int code);

#endif
