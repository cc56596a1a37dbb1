/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pki.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/identity.h"
#include "net/pem_file.h"

#define MAX_OUTPUT_BYTES 4096
#define SERIAL_BYTES 16
#define SECONDS_PER_DAY (24 * 60 * 60)
#define MAX_DAYS 36500u
/* Certificates are valid from an hour ago on: devices' clocks are not exact. */
#define BACKDATE_SECONDS (60 * 60)

/* --- files -------------------------------------------------------------------------------- */

typedef struct file_name {
    char path[PATH_MAX];
} file_name;

static clv_status join(file_name *out, const char *dir, const char *name, const char *suffix,
                       clv_error *err)
{
    int n = snprintf(out->path, sizeof out->path, "%s/%s%s", dir, name, suffix);
    if (n < 0 || (size_t)n >= sizeof out->path)
        return clv_fail(err, CLV_EINVAL, dir, "the path is too long");
    return CLV_OK;
}

static clv_status write_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, text, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return CLV_EIO;
        text += n;
        bytes -= (size_t)n;
    }
    return fsync(fd) == 0 ? CLV_OK : CLV_EIO;
}

/* Create a file that must not be there: nothing is ever overwritten. */
static clv_status write_new(const char *path, const char *text, mode_t mode, clv_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0 && errno == EEXIST)
        return clv_fail(err, CLV_EINVAL, path, "is there already and is not overwritten");
    if (fd < 0)
        return clv_fail(err, CLV_EIO, path, "cannot create it: %s", strerror(errno));
    clv_status status = write_all(fd, text, strlen(text));
    if (status != CLV_OK) {
        (void)clv_fail(err, status, path, "cannot write it: %s", strerror(errno));
        (void)unlink(path);
    }
    (void)close(fd);
    return status;
}

/* Key first: a certificate without its key is the more confusing half. */
static clv_status write_pair(const char *dir, const char *name, const char *key_pem,
                             const char *cert_pem, clv_error *err)
{
    file_name key, cert;
    CLV_TRY(join(&key, dir, name, ".key", err));
    CLV_TRY(join(&cert, dir, name, ".crt", err));
    if (access(cert.path, F_OK) == 0)
        return clv_fail(err, CLV_EINVAL, cert.path, "is there already and is not overwritten");
    CLV_TRY(write_new(key.path, key_pem, 0600, err));
    clv_status status = write_new(cert.path, cert_pem, 0644, err);
    if (status != CLV_OK)
        (void)unlink(key.path);
    return status;
}

/* --- certificates ------------------------------------------------------------------------- */

/* What a certificate says; the issuer is NULL for one that signs itself. */
typedef struct description {
    char subject[CLV_PKI_MAX_NAME + 16]; /* "CN=..." */
    const char *server_name;             /* for the subject's alternative names, or NULL */
    bool is_ca;
    clv_pki_role role;
    unsigned days;
} description;

typedef struct authority {
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
} authority;

static int make_key(mbedtls_pk_context *key)
{
    int rc = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (rc == 0)
        rc = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), clv_x509_random,
                                 NULL);
    return rc;
}

static int set_serial(mbedtls_x509write_cert *writer)
{
    uint8_t bytes[SERIAL_BYTES];
    mbedtls_mpi serial;

    if (clv_random_bytes(bytes, sizeof bytes) != CLV_OK)
        return MBEDTLS_ERR_ECP_RANDOM_FAILED;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always of this length */
    mbedtls_mpi_init(&serial);
    int rc = mbedtls_mpi_read_binary(&serial, bytes, sizeof bytes);
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_serial(writer, &serial);
    mbedtls_mpi_free(&serial);
    return rc;
}

static int set_validity(mbedtls_x509write_cert *writer, unsigned days)
{
    char from_text[16], to_text[16];
    struct tm utc;
    time_t now = time(NULL);
    time_t from = now - BACKDATE_SECONDS;
    time_t to = now + (time_t)days * SECONDS_PER_DAY;

    (void)strftime(from_text, sizeof from_text, "%Y%m%d%H%M%S", gmtime_r(&from, &utc));
    (void)strftime(to_text, sizeof to_text, "%Y%m%d%H%M%S", gmtime_r(&to, &utc));
    return mbedtls_x509write_crt_set_validity(writer, from_text, to_text);
}

/* ExtKeyUsageSyntax ::= SEQUENCE OF OBJECT IDENTIFIER (RFC 5280, 4.2.1.12) */
static int set_extended_key_usage(mbedtls_x509write_cert *writer, clv_pki_role role)
{
    uint8_t der[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x00};

    der[sizeof der - 1] = role == CLV_PKI_SERVER ? 1 : 2; /* id-kp-serverAuth, id-kp-clientAuth */
    return mbedtls_x509write_crt_set_extension(writer, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0,
                                               der, sizeof der);
}

static size_t put_general_name(uint8_t *dst, uint8_t tag, const void *data, size_t bytes)
{
    dst[0] = tag;
    dst[1] = (uint8_t)bytes;
    memcpy(dst + 2, data, bytes);
    return bytes + 2;
}

/* GeneralNames ::= SEQUENCE OF { [2] dNSName, [7] iPAddress } (RFC 5280, 4.2.1.6). An address gets
 * both: mbedTLS 2.28 compares only dNSNames with the name that it is asked for. */
static int set_server_name(mbedtls_x509write_cert *writer, const char *name)
{
    uint8_t der[2 + 2 + CLV_PKI_MAX_NAME + 2 + 16];
    uint8_t address[16];
    size_t n = 2;

    n += put_general_name(der + n, 0x82, name, strlen(name));
    if (inet_pton(AF_INET, name, address) == 1)
        n += put_general_name(der + n, 0x87, address, 4);
    else if (inet_pton(AF_INET6, name, address) == 1)
        n += put_general_name(der + n, 0x87, address, 16);
    der[0] = 0x30;
    der[1] = (uint8_t)(n - 2);
    assert(n - 2 < 0x80); /* so that each length is one byte */
    return mbedtls_x509write_crt_set_extension(writer, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
                                               der, n);
}

static int set_extensions(mbedtls_x509write_cert *writer, const description *about)
{
    unsigned usage = about->is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
                                  : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
    int rc =
        mbedtls_x509write_crt_set_basic_constraints(writer, about->is_ca, about->is_ca ? 0 : -1);
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_key_usage(writer, usage);
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_subject_key_identifier(writer);
    if (rc == 0)
        rc = mbedtls_x509write_crt_set_authority_key_identifier(writer);
    if (rc == 0 && !about->is_ca)
        rc = set_extended_key_usage(writer, about->role);
    if (rc == 0 && about->server_name != NULL)
        rc = set_server_name(writer, about->server_name);
    return rc;
}

static int write_certificate(char pem[MAX_OUTPUT_BYTES], const description *about,
                             mbedtls_pk_context *key, authority *issuer)
{
    char issuer_name[256];
    mbedtls_x509write_cert writer;

    mbedtls_x509write_crt_init(&writer);
    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&writer, key);
    mbedtls_x509write_crt_set_issuer_key(&writer, issuer ? &issuer->key : key);
    int rc = mbedtls_x509write_crt_set_subject_name(&writer, about->subject);
    if (rc == 0 && issuer != NULL) {
        int n = mbedtls_x509_dn_gets(issuer_name, sizeof issuer_name, &issuer->cert.subject);
        rc = n < 0 ? n : mbedtls_x509write_crt_set_issuer_name(&writer, issuer_name);
    } else if (rc == 0) {
        rc = mbedtls_x509write_crt_set_issuer_name(&writer, about->subject);
    }
    if (rc == 0)
        rc = set_serial(&writer);
    if (rc == 0)
        rc = set_validity(&writer, about->days);
    if (rc == 0)
        rc = set_extensions(&writer, about);
    if (rc == 0)
        rc = mbedtls_x509write_crt_pem(&writer, (unsigned char *)pem, MAX_OUTPUT_BYTES,
                                       clv_x509_random, NULL);
    mbedtls_x509write_crt_free(&writer);
    return rc;
}

/* A new key and its certificate, into two files. */
static clv_status make_pair(const char *dir, const char *name, const description *about,
                            authority *issuer, clv_error *err)
{
    char cert_pem[MAX_OUTPUT_BYTES];
    char key_pem[MAX_OUTPUT_BYTES];
    clv_status status;
    mbedtls_pk_context key;

    mbedtls_pk_init(&key);
    int rc = make_key(&key);
    if (rc == 0)
        rc = write_certificate(cert_pem, about, &key, issuer);
    if (rc == 0)
        rc = mbedtls_pk_write_key_pem(&key, (unsigned char *)key_pem, sizeof key_pem);
    if (rc == 0) {
        status = write_pair(dir, name, key_pem, cert_pem, err);
    } else {
        char reason[128];
        clv_x509_error_text(reason, sizeof reason, rc);
        status = clv_fail(err, CLV_EINTERNAL, dir, "cannot make the certificate: %s", reason);
    }
    clv_wipe(key_pem, sizeof key_pem);
    mbedtls_pk_free(&key);
    return status;
}

static clv_status check_days(unsigned days, clv_error *err)
{
    if (days == 0 || days > MAX_DAYS)
        return clv_fail(err, CLV_EINVAL, NULL, "valid for %u days: give 1 to %u", days, MAX_DAYS);
    return CLV_OK;
}

/* --- the two operations ------------------------------------------------------------------- */

clv_status clv_pki_init(const char *dir, unsigned days, clv_error *err)
{
    uint8_t tag[4];
    CLV_TRY(check_days(days, err));
    if (clv_random_bytes(tag, sizeof tag) != CLV_OK)
        return clv_fail(err, CLV_EIO, NULL, "the kernel gives no random numbers");
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return clv_fail(err, CLV_EIO, dir, "cannot create it: %s", strerror(errno));

    /* A name of its own, so that two authorities can be told apart. */
    description about = {.is_ca = true, .days = days};
    (void)snprintf(about.subject, sizeof about.subject, "CN=Cleave CA %02x%02x%02x%02x", tag[0],
                   tag[1], tag[2], tag[3]);
    return make_pair(dir, "ca", &about, NULL, err);
}

static clv_status check_name(const char *name, clv_error *err)
{
    if (!clv_x509_name_is_valid(name, strlen(name)) || name[0] == '.' || name[0] == '-')
        return clv_fail(err, CLV_EINVAL, name,
                        "not a name: letters, digits and . - _ : (no . or - first), at most %u",
                        CLV_PKI_MAX_NAME);
    if (strcmp(name, "ca") == 0)
        return clv_fail(err, CLV_EINVAL, name, "the name belongs to the authority");
    return CLV_OK;
}

static clv_status load_authority(authority *out, const char *dir, clv_error *err)
{
    file_name cert, key;
    CLV_TRY(join(&cert, dir, "ca", ".crt", err));
    CLV_TRY(join(&key, dir, "ca", ".key", err));
    if (access(cert.path, F_OK) != 0 && errno == ENOENT)
        return clv_fail(err, CLV_ENOENT, cert.path, "no authority here: cleave pki init %s", dir);
    CLV_TRY(clv_pem_load_certificates(&out->cert, cert.path, err));
    CLV_TRY(clv_pem_load_key(&out->key, key.path, err));
    if (mbedtls_pk_check_pair(&out->cert.pk, &out->key) != 0)
        return clv_fail(err, CLV_EFORMAT, key.path, "is not the key of %s", cert.path);
    return CLV_OK;
}

clv_status clv_pki_issue(const char *dir, const char *name, clv_pki_role role, unsigned days,
                         clv_error *err)
{
    authority issuer;
    description about = {.role = role, .days = days};

    CLV_TRY(check_days(days, err));
    CLV_TRY(check_name(name, err));
    (void)snprintf(about.subject, sizeof about.subject, "CN=%s", name);
    about.server_name = role == CLV_PKI_SERVER ? name : NULL;

    mbedtls_x509_crt_init(&issuer.cert);
    mbedtls_pk_init(&issuer.key);
    clv_status status = load_authority(&issuer, dir, err);
    if (status == CLV_OK)
        status = make_pair(dir, name, &about, &issuer, err);
    mbedtls_pk_free(&issuer.key);
    mbedtls_x509_crt_free(&issuer.cert);
    return status;
}
