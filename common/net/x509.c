/* SPDX-License-Identifier: Apache-2.0 */
#include "net/x509.h"

#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <string.h>

#include "net/identity.h"

const mbedtls_x509_crt_profile clv_x509_profile = {
    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256),
    .allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1),
    .rsa_min_bitlen = 0,
};

const mbedtls_ecp_group_id clv_x509_curves[2] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};

int clv_x509_random(void *context, unsigned char *dst, size_t bytes)
{
    (void)context;
    return clv_random_bytes(dst, bytes) == CLV_OK ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
}

bool clv_x509_name_is_valid(const char *name, size_t bytes)
{
    if (bytes == 0 || bytes > CLV_X509_MAX_NAME)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (!is_name_char(name[i]))
            return false;
    }
    return true;
}

void clv_x509_common_name(char dst[CLV_X509_MAX_NAME + 1], const mbedtls_x509_crt *crt)
{
    const mbedtls_x509_buf *found = NULL;
    unsigned count = 0;

    for (const mbedtls_x509_name *part = &crt->subject; part != NULL; part = part->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) == 0) {
            found = &part->val;
            count++;
        }
    }
    if (count == 1 && clv_x509_name_is_valid((const char *)found->p, found->len)) {
        memcpy(dst, found->p, found->len);
        dst[found->len] = '\0';
    } else {
        memcpy(dst, "?", 2);
    }
}

bool clv_x509_is_p256(const mbedtls_pk_context *pk)
{
    mbedtls_pk_type_t type = mbedtls_pk_get_type(pk);
    return (type == MBEDTLS_PK_ECKEY || type == MBEDTLS_PK_ECDSA) &&
           mbedtls_pk_ec(*pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
}

clv_status clv_x509_prepare_for_threads(mbedtls_pk_context *pk)
{
    mbedtls_ecp_group *group = &mbedtls_pk_ec(*pk)->grp;
    mbedtls_ecp_point product;
    mbedtls_mpi factor;

    mbedtls_ecp_point_init(&product);
    mbedtls_mpi_init(&factor);
    int rc = mbedtls_mpi_lset(&factor, 2);
    if (rc == 0)
        rc = mbedtls_ecp_mul(group, &product, &factor, &group->G, clv_x509_random, NULL);
    mbedtls_mpi_free(&factor);
    mbedtls_ecp_point_free(&product);
    return rc == 0 ? CLV_OK : CLV_EINTERNAL;
}

const char *clv_x509_flags_text(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *text;
    } texts[] = {
        {MBEDTLS_X509_BADCERT_MISSING, "is missing"},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "is not signed by the trusted authority"},
        {MBEDTLS_X509_BADCERT_EXPIRED, "has expired"},
        {MBEDTLS_X509_BADCERT_FUTURE, "is not valid yet (is the clock right?)"},
        {MBEDTLS_X509_BADCERT_REVOKED, "is revoked"},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, "is for another name"},
        {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "is not for this end (extended key usage)"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE, "is not for signatures (key usage)"},
        {MBEDTLS_X509_BADCERT_BAD_KEY, "has a key that is not on P-256"},
        {MBEDTLS_X509_BADCERT_BAD_PK, "has a key that is not on P-256"},
        {MBEDTLS_X509_BADCERT_BAD_MD, "is not signed with SHA-256"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if ((flags & texts[i].flag) != 0)
            return texts[i].text;
    }
    return "is not acceptable";
}

void clv_x509_error_text(char *dst, size_t cap, int code)
{
    mbedtls_strerror(code, dst, cap);
}
