/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net_pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>

#include "net/x509.h"

#define DAY_SECONDS (24 * 60 * 60)
#define PEM_BYTES 8192

const char *net_pki_path(const net_pki *pki, const char *name, const char *suffix)
{
    static char paths[8][256];
    static unsigned next;

    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s%s", pki->dir, name, suffix);
    return path;
}

static void must(clv_status status, const clv_error *err)
{
    if (status != CLV_OK)
        fail_msg("%s: %s", err->location, err->message);
}

void net_pki_create(net_pki *pki)
{
    clv_error err = CLV_ERROR_INIT;
    (void)snprintf(pki->dir, sizeof pki->dir, "/tmp/cleave-test-pki-XXXXXX");
    assert_non_null(mkdtemp(pki->dir));
    must(clv_pki_init(pki->dir, 10, &err), &err);
}

void net_pki_remove(net_pki *pki)
{
    DIR *dir = opendir(pki->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlink(net_pki_path(pki, entry->d_name, ""));
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(pki->dir), 0);
}

void net_pki_issue(const net_pki *pki, const char *name, clv_pki_role role)
{
    clv_error err = CLV_ERROR_INIT;
    must(clv_pki_issue(pki->dir, name, role, 5, &err), &err);
}

void net_pki_write(const char *path, const char *text, unsigned mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, (mode_t)mode), 0);
}

static void append_file(FILE *out, const char *path)
{
    char buffer[PEM_BYTES];
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(buffer, 1, sizeof buffer, in);
    assert_int_equal(fwrite(buffer, 1, n, out), n);
    (void)fclose(in);
}

void net_pki_concatenate(const char *dst, const char *a, const char *b)
{
    FILE *out = fopen(dst, "w");
    assert_non_null(out);
    append_file(out, a);
    append_file(out, b);
    assert_int_equal(fclose(out), 0);
}

/* --- odd certificates --------------------------------------------------------------------- */

static void make_key(mbedtls_pk_context *key, bool rsa)
{
    mbedtls_pk_init(key);
    if (rsa) {
        assert_int_equal(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)), 0);
        assert_int_equal(
            mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), clv_x509_random, NULL, 1024, 65537), 0);
    } else {
        assert_int_equal(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
        assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
                                             clv_x509_random, NULL),
                         0);
    }
}

static void set_validity(mbedtls_x509write_cert *writer, net_pki_oddity oddity)
{
    char from_text[16], to_text[16];
    struct tm utc;
    bool expired = oddity == NET_PKI_EXPIRED || oddity == NET_PKI_CA_EXPIRED;
    time_t now = time(NULL);
    time_t from = oddity == NET_PKI_FUTURE ? now + DAY_SECONDS : now - 3 * DAY_SECONDS;
    time_t to = expired ? now - DAY_SECONDS : now + 3 * DAY_SECONDS;

    (void)strftime(from_text, sizeof from_text, "%Y%m%d%H%M%S", gmtime_r(&from, &utc));
    (void)strftime(to_text, sizeof to_text, "%Y%m%d%H%M%S", gmtime_r(&to, &utc));
    assert_int_equal(mbedtls_x509write_crt_set_validity(writer, from_text, to_text), 0);
}

static void set_usage(mbedtls_x509write_cert *writer, net_pki_oddity oddity)
{
    uint8_t usage[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
    if (oddity == NET_PKI_SERVER_USE)
        usage[sizeof usage - 1] = 1;
    assert_int_equal(mbedtls_x509write_crt_set_extension(
                         writer, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                         MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, usage, sizeof usage),
                     0);
}

static void name_it(mbedtls_x509write_cert *writer, const char *name, const char *issuer)
{
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(writer, name), 0);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(writer, issuer), 0);
}

void net_pki_issue_odd(const net_pki *pki, const char *name, net_pki_oddity oddity)
{
    bool is_ca = oddity == NET_PKI_CA_EXPIRED;
    char subject[128], issuer[256], pem[PEM_BYTES];
    mbedtls_x509write_cert writer;
    mbedtls_x509_crt ca;
    mbedtls_pk_context ca_key, key;
    mbedtls_mpi serial;

    mbedtls_x509_crt_init(&ca);
    mbedtls_pk_init(&ca_key);
    mbedtls_mpi_init(&serial);
    mbedtls_x509write_crt_init(&writer);
    make_key(&key, oddity == NET_PKI_RSA);
    assert_int_equal(mbedtls_x509_crt_parse_file(&ca, net_pki_path(pki, "ca", ".crt")), 0);
    assert_int_equal(mbedtls_pk_parse_keyfile(&ca_key, net_pki_path(pki, "ca", ".key"), NULL), 0);
    assert_true(mbedtls_x509_dn_gets(issuer, sizeof issuer, &ca.subject) > 0);
    (void)snprintf(subject, sizeof subject, "CN=%s", oddity == NET_PKI_BAD_NAME ? "../x y" : name);

    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&writer, &key);
    mbedtls_x509write_crt_set_issuer_key(&writer, is_ca ? &key : &ca_key);
    name_it(&writer, subject, is_ca ? subject : issuer);
    assert_int_equal(mbedtls_mpi_lset(&serial, 77), 0);
    assert_int_equal(mbedtls_x509write_crt_set_serial(&writer, &serial), 0);
    set_validity(&writer, oddity);
    assert_int_equal(mbedtls_x509write_crt_set_basic_constraints(&writer, is_ca, is_ca ? 0 : -1),
                     0);
    if (!is_ca)
        set_usage(&writer, oddity);
    assert_int_equal(
        mbedtls_x509write_crt_pem(&writer, (unsigned char *)pem, sizeof pem, clv_x509_random, NULL),
        0);
    net_pki_write(net_pki_path(pki, name, ".crt"), pem, 0644);
    assert_int_equal(mbedtls_pk_write_key_pem(&key, (unsigned char *)pem, sizeof pem), 0);
    net_pki_write(net_pki_path(pki, name, ".key"), pem, 0600);

    mbedtls_x509write_crt_free(&writer);
    mbedtls_mpi_free(&serial);
    mbedtls_pk_free(&key);
    mbedtls_pk_free(&ca_key);
    mbedtls_x509_crt_free(&ca);
}

/* --- identities --------------------------------------------------------------------------- */

clv_status net_pki_try_load(clv_identity **out, const char *ca, const char *cert, const char *key,
                            clv_error *err)
{
    clv_identity_paths paths = {ca, cert, key};
    return clv_identity_load(out, &paths, err);
}

clv_identity *net_pki_load(const net_pki *pki, const char *name)
{
    clv_identity *identity = NULL;
    clv_error err = CLV_ERROR_INIT;
    must(net_pki_try_load(&identity, net_pki_path(pki, "ca", ".crt"),
                          net_pki_path(pki, name, ".crt"), net_pki_path(pki, name, ".key"), &err),
         &err);
    return identity;
}
