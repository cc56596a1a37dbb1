/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CREDENTIALS_H
#define CLV_CREDENTIALS_H

/** @file credentials.h: the inside of a clv_identity, for tls.c. Private to common/net. */

#include "net/identity.h"
#include "net/x509.h"

/** mbedTLS takes these without const but only reads them after loading. */
typedef struct clv_credentials {
    mbedtls_x509_crt ca;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
} clv_credentials;

clv_credentials *clv_identity_credentials(const clv_identity *identity);

#endif
