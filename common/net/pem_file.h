/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PEM_FILE_H
#define CLV_PEM_FILE_H

/** @file pem_file.h: certificates and keys in PEM files, read. Private to common/net. */

#include "net/x509.h"

/** Append the certificates of @p path to @p out, which is initialised.
 *  @return CLV_OK; CLV_ENOENT, CLV_EIO, CLV_ELIMIT, CLV_EFORMAT, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_pem_load_certificates(mbedtls_x509_crt *out, const char *path,
                                                   clv_error *err);

/** Read the key in @p path into @p out, which is initialised. It must be on P-256, not encrypted,
 *  and only its owner may use the file (CLV_EAUTH). Errors as above. */
CLV_NODISCARD clv_status clv_pem_load_key(mbedtls_pk_context *out, const char *path,
                                          clv_error *err);

#endif
