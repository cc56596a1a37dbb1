/* SPDX-License-Identifier: Apache-2.0 */
#include "net/identity.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/credentials.h"
#include "net/pem_file.h"

struct clv_identity {
    clv_credentials *credentials;
    char name[CLV_X509_MAX_NAME + 1];
};

clv_credentials *clv_identity_credentials(const clv_identity *identity)
{
    return identity->credentials;
}

clv_status clv_random_bytes(uint8_t *dst, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = getrandom(dst, bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return CLV_EIO;
        dst += n;
        bytes -= (size_t)n;
    }
    return CLV_OK;
}

/* --- checks ------------------------------------------------------------------------------- */

static clv_status check_time(const mbedtls_x509_crt *crt, const char *path, clv_error *err)
{
    const mbedtls_x509_time *from = &crt->valid_from;
    const mbedtls_x509_time *to = &crt->valid_to;

    if (mbedtls_x509_time_is_past(to))
        return clv_fail(err, CLV_EAUTH, path,
                        "expired on %04d-%02d-%02d: issue a new one (cleave pki issue)", to->year,
                        to->mon, to->day);
    if (mbedtls_x509_time_is_future(from))
        return clv_fail(err, CLV_EAUTH, path,
                        "valid only from %04d-%02d-%02d %02d:%02d UTC on: is the clock right?",
                        from->year, from->mon, from->day, from->hour, from->min);
    return CLV_OK;
}

static clv_status check_authorities(mbedtls_x509_crt *ca, const char *path, clv_error *err)
{
    for (mbedtls_x509_crt *crt = ca; crt != NULL; crt = crt->next) {
        if (!crt->ca_istrue)
            return clv_fail(err, CLV_EAUTH, path,
                            "holds a certificate that is no authority's (basic constraints)");
        if (!clv_x509_is_p256(&crt->pk))
            return clv_fail(err, CLV_EAUTH, path,
                            "holds an authority whose key is not on the curve P-256");
        CLV_TRY(check_time(crt, path, err));
        if (clv_x509_prepare_for_threads(&crt->pk) != CLV_OK)
            return clv_fail(err, CLV_EINTERNAL, path, "cannot compute with its key");
    }
    return CLV_OK;
}

static clv_status check_certificate(clv_credentials *c, const clv_identity_paths *paths,
                                    clv_error *err)
{
    uint32_t flags = 0;

    CLV_TRY(check_time(&c->cert, paths->cert, err));
    int rc = mbedtls_x509_crt_verify_with_profile(&c->cert, &c->ca, NULL, &clv_x509_profile, NULL,
                                                  &flags, NULL, NULL);
    if (rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED))
        return clv_fail(err, CLV_EAUTH, paths->cert,
                        "not signed by the authority in %s: use the files of one `cleave pki`",
                        paths->ca);
    if (rc != 0)
        return clv_fail(err, CLV_EAUTH, paths->cert, "the certificate %s",
                        clv_x509_flags_text(flags));
    return CLV_OK;
}

static clv_status check_key(clv_credentials *c, const clv_identity_paths *paths, clv_error *err)
{
    if (mbedtls_pk_check_pair(&c->cert.pk, &c->key) != 0)
        return clv_fail(err, CLV_EAUTH, paths->key, "is not the key of %s", paths->cert);
    if (clv_x509_prepare_for_threads(&c->key) != CLV_OK)
        return clv_fail(err, CLV_EINTERNAL, paths->key, "cannot compute with it");
    return CLV_OK;
}

static clv_status load_credentials(clv_credentials *c, const clv_identity_paths *paths,
                                   clv_error *err)
{
    CLV_TRY(clv_pem_load_certificates(&c->ca, paths->ca, err));
    CLV_TRY(check_authorities(&c->ca, paths->ca, err));
    CLV_TRY(clv_pem_load_certificates(&c->cert, paths->cert, err));
    CLV_TRY(check_certificate(c, paths, err));
    CLV_TRY(clv_pem_load_key(&c->key, paths->key, err));
    return check_key(c, paths, err);
}

/* --- lifetime ----------------------------------------------------------------------------- */

static clv_credentials *credentials_create(void)
{
    clv_credentials *c = clv_calloc(1, sizeof *c);
    if (c != NULL) {
        mbedtls_x509_crt_init(&c->ca);
        mbedtls_x509_crt_init(&c->cert);
        mbedtls_pk_init(&c->key);
    }
    return c;
}

static void credentials_free(clv_credentials *c)
{
    if (c == NULL)
        return;
    mbedtls_pk_free(&c->key); /* mbedTLS wipes it */
    mbedtls_x509_crt_free(&c->cert);
    mbedtls_x509_crt_free(&c->ca);
    clv_free(c);
}

clv_status clv_identity_load(clv_identity **out, const clv_identity_paths *paths, clv_error *err)
{
    clv_status status;
    clv_identity *identity = clv_calloc(1, sizeof *identity);
    if (identity != NULL)
        identity->credentials = credentials_create();
    if (identity == NULL || identity->credentials == NULL) {
        status = clv_fail(err, CLV_ENOMEM, paths->cert, "out of memory");
        goto done;
    }
    status = load_credentials(identity->credentials, paths, err);
    if (status != CLV_OK)
        goto done;
    clv_x509_common_name(identity->name, &identity->credentials->cert);
    if (strcmp(identity->name, "?") == 0) {
        status = clv_fail(err, CLV_EAUTH, paths->cert,
                          "its common name is no name: letters, digits and . - _ : make one");
        goto done;
    }
    *out = identity;
    identity = NULL;
done:
    clv_identity_free(identity);
    return status;
}

void clv_identity_free(clv_identity *identity)
{
    if (identity == NULL)
        return;
    credentials_free(identity->credentials);
    clv_free(identity);
}

const char *clv_identity_name(const clv_identity *identity)
{
    return identity->name;
}
