/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/credentials.h"

/* One record of TLS at its largest: content, header, and what the ciphers add. */
#define RECORD_BYTES ((size_t)MBEDTLS_SSL_OUT_CONTENT_LEN + 64)
#define INPUT_BYTES (2 * RECORD_BYTES)
#define OUTPUT_BYTES (3 * RECORD_BYTES)

struct clv_tls_config {
    mbedtls_ssl_config ssl;
    clv_tls_role role;
};

struct clv_tls {
    mbedtls_ssl_context ssl;
    clv_tls_role role;
    bool ready;
    char server_name[256];
    char peer_name[CLV_X509_MAX_NAME + 1];
    size_t in_start, in_end;
    size_t out_start, out_end;
    uint8_t in[INPUT_BYTES];
    uint8_t out[OUTPUT_BYTES];
};

/* ChaCha20 first: mbedTLS is as fast with it as with AES where there are instructions for AES, and
 * far faster where there are none. */
static const int ciphersuites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                   MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};
static const int signature_hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE};

/* --- configuration ------------------------------------------------------------------------ */

static clv_status check_role(mbedtls_x509_crt *cert, clv_tls_role role, clv_error *err)
{
    bool server = role == CLV_TLS_SERVER;
    const char *oid = server ? MBEDTLS_OID_SERVER_AUTH : MBEDTLS_OID_CLIENT_AUTH;
    size_t bytes = server ? MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)
                          : MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH);

    if (mbedtls_x509_crt_check_extended_key_usage(cert, oid, bytes) == 0)
        return CLV_OK;
    char name[CLV_X509_MAX_NAME + 1];
    clv_x509_common_name(name, cert);
    return clv_fail(err, CLV_EAUTH, name, "the certificate is not for a %s: cleave pki issue --%s",
                    server ? "server" : "device", server ? "server" : "device");
}

clv_status clv_tls_config_create(clv_tls_config **out, clv_tls_role role,
                                 const clv_identity *identity, clv_error *err)
{
    clv_credentials *credentials = clv_identity_credentials(identity);
    CLV_TRY(check_role(&credentials->cert, role, err));

    clv_tls_config *config = clv_calloc(1, sizeof *config);
    if (config == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    config->role = role;
    mbedtls_ssl_config *ssl = &config->ssl;
    mbedtls_ssl_config_init(ssl);
    int rc = mbedtls_ssl_config_defaults(
        ssl, role == CLV_TLS_SERVER ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (rc == 0)
        rc = mbedtls_ssl_conf_own_cert(ssl, &credentials->cert, &credentials->key);
    if (rc != 0) {
        clv_tls_config_free(config);
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    }
    mbedtls_ssl_conf_authmode(ssl, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(ssl, &credentials->ca, NULL);
    mbedtls_ssl_conf_cert_profile(ssl, &clv_x509_profile);
    mbedtls_ssl_conf_min_version(ssl, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(ssl, ciphersuites);
    mbedtls_ssl_conf_curves(ssl, clv_x509_curves);
    mbedtls_ssl_conf_sig_hashes(ssl, signature_hashes);
    mbedtls_ssl_conf_renegotiation(ssl, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_rng(ssl, clv_x509_random, NULL);
    *out = config;
    return CLV_OK;
}

void clv_tls_config_free(clv_tls_config *config)
{
    if (config == NULL)
        return;
    mbedtls_ssl_config_free(&config->ssl);
    clv_free(config);
}

/* --- lifetime ----------------------------------------------------------------------------- */

/* The session as mbedTLS's network. */
static int take_output(void *context, const unsigned char *data, size_t bytes)
{
    clv_tls *tls = context;
    size_t room = sizeof tls->out - tls->out_end;
    if (room == 0)
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    if (bytes > room)
        bytes = room;
    memcpy(tls->out + tls->out_end, data, bytes);
    tls->out_end += bytes;
    return (int)bytes;
}

static int give_input(void *context, unsigned char *dst, size_t bytes)
{
    clv_tls *tls = context;
    size_t there = tls->in_end - tls->in_start;
    if (there == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (bytes > there)
        bytes = there;
    memcpy(dst, tls->in + tls->in_start, bytes);
    tls->in_start += bytes;
    return (int)bytes;
}

/* Called for each certificate of a chain; says nothing about it, but notes whose it claims to be.
 */
static int note_peer(void *context, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    clv_tls *tls = context;
    (void)flags;
    if (depth == 0)
        clv_x509_common_name(tls->peer_name, crt);
    return 0;
}

clv_status clv_tls_create(clv_tls **out, const clv_tls_config *config, const char *server_name,
                          clv_error *err)
{
    if ((config->role == CLV_TLS_DEVICE) != (server_name != NULL))
        return clv_fail(err, CLV_EINVAL, NULL, "a device needs the name of its server");
    if (server_name != NULL && strlen(server_name) >= sizeof((clv_tls *)0)->server_name)
        return clv_fail(err, CLV_EINVAL, server_name, "the name is too long");

    clv_tls *tls = clv_calloc(1, sizeof *tls);
    if (tls == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    tls->role = config->role;
    (void)snprintf(tls->server_name, sizeof tls->server_name, "%s", server_name ? server_name : "");
    memcpy(tls->peer_name, "?", 2);
    mbedtls_ssl_init(&tls->ssl);
    int rc = mbedtls_ssl_setup(&tls->ssl, &config->ssl);
    if (rc == 0 && server_name != NULL)
        rc = mbedtls_ssl_set_hostname(&tls->ssl, server_name);
    if (rc != 0) {
        clv_tls_free(tls);
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    }
    mbedtls_ssl_set_bio(&tls->ssl, tls, take_output, give_input, NULL);
    mbedtls_ssl_set_verify(&tls->ssl, note_peer, tls);
    *out = tls;
    return CLV_OK;
}

void clv_tls_free(clv_tls *tls)
{
    if (tls == NULL)
        return;
    mbedtls_ssl_free(&tls->ssl);
    clv_free(tls);
}

/* --- bytes of the network ----------------------------------------------------------------- */

uint8_t *clv_tls_input(clv_tls *tls, size_t *room_out)
{
    *room_out = tls->in_start == tls->in_end ? sizeof tls->in : 0;
    return tls->in;
}

void clv_tls_input_done(clv_tls *tls, size_t bytes)
{
    tls->in_start = 0;
    tls->in_end = bytes;
}

const uint8_t *clv_tls_output(const clv_tls *tls, size_t *bytes_out)
{
    *bytes_out = tls->out_end - tls->out_start;
    return tls->out + tls->out_start;
}

void clv_tls_output_done(clv_tls *tls, size_t bytes)
{
    tls->out_start += bytes;
    if (tls->out_start == tls->out_end)
        tls->out_start = tls->out_end = 0;
}

/* --- failures in words -------------------------------------------------------------------- */

static const char *peer_of(const clv_tls *tls)
{
    return tls->role == CLV_TLS_SERVER ? "device" : "server";
}

static const char *self_of(const clv_tls *tls)
{
    return tls->role == CLV_TLS_SERVER ? "server" : "device";
}

/* We don't accept the peer's certificate. */
static clv_status fail_verify(const clv_tls *tls, clv_error *err)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);

    if (tls->role == CLV_TLS_DEVICE && flags == MBEDTLS_X509_BADCERT_CN_MISMATCH)
        return clv_fail(err, CLV_EAUTH, NULL,
                        "the server's certificate is for '%s', not for '%s': set server_name to "
                        "its name, or issue one for the name that devices use",
                        tls->peer_name, tls->server_name);
    return clv_fail(err, CLV_EAUTH, NULL, "the %s's certificate ('%s') %s", peer_of(tls),
                    tls->peer_name, clv_x509_flags_text(flags));
}

/* The peer doesn't accept something of ours. */
static clv_status fail_alert(const clv_tls *tls, clv_error *err)
{
    const char *peer = peer_of(tls);
    unsigned alert = tls->ssl.in_msg[1];
    const char *why;

    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
        why = "is not signed by an authority that it trusts";
        break;
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
        why = "has expired by its clock";
        break;
    case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
        why = "is revoked";
        break;
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
        why = "is not for this end, or not ECDSA on P-256";
        break;
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
    case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
        why = "is for another name, not valid yet by its clock, or not acceptable to it";
        break;
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
    case MBEDTLS_SSL_ALERT_MSG_NO_CERT:
        return clv_fail(err, CLV_EAUTH, NULL,
                        "the %s ended the handshake: it got no certificate, or nothing in common "
                        "(TLS 1.2, ECDSA on P-256)",
                        peer);
    default:
        return clv_fail(err, CLV_EIO, NULL, "the %s ended the session with TLS alert %u", peer,
                        alert);
    }
    return clv_fail(err, CLV_EAUTH, NULL, "the %s refuses this %s's certificate: it %s", peer,
                    self_of(tls), why);
}

static clv_status fail_code(const clv_tls *tls, int rc, clv_error *err)
{
    char reason[160];

    switch (rc) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return CLV_EAGAIN;
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
    case MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE:
        return fail_verify(tls, err);
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
        return clv_fail(err, CLV_EAUTH, NULL, "the device shows no certificate");
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return fail_alert(tls, err);
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return clv_fail(err, CLV_ECLOSED, NULL, "the %s closed the connection", peer_of(tls));
    case MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN:
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION:
        return clv_fail(err, CLV_EIO, NULL,
                        "the %s has no TLS in common with us (TLS 1.2, ECDSA on P-256)",
                        peer_of(tls));
    default:
        clv_x509_error_text(reason, sizeof reason, rc);
        return clv_fail(err, CLV_EIO, NULL, "the TLS session with the %s failed: %s", peer_of(tls),
                        reason);
    }
}

/* --- the session -------------------------------------------------------------------------- */

/* REQUIRED has refused everything else already; this holds even if that were configured away. */
static clv_status check_peer(clv_tls *tls, clv_error *err)
{
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&tls->ssl);
    if (crt == NULL || mbedtls_ssl_get_verify_result(&tls->ssl) != 0)
        return clv_fail(err, CLV_EAUTH, NULL, "the %s is not verified", peer_of(tls));
    clv_x509_common_name(tls->peer_name, crt);
    return CLV_OK;
}

clv_status clv_tls_handshake(clv_tls *tls, clv_error *err)
{
    int rc = mbedtls_ssl_handshake(&tls->ssl);
    if (rc == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) /* mbedTLS sends no alert for this one */
        (void)mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                             MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    if (rc != 0)
        return fail_code(tls, rc, err);
    CLV_TRY(check_peer(tls, err));
    tls->ready = true;
    return CLV_OK;
}

bool clv_tls_is_ready(const clv_tls *tls)
{
    return tls->ready;
}

const char *clv_tls_peer_name(const clv_tls *tls)
{
    return tls->peer_name;
}

clv_status clv_tls_read(clv_tls *tls, uint8_t *dst, size_t cap, size_t *bytes_out, clv_error *err)
{
    if (!tls->ready)
        return CLV_EAGAIN;
    int n = mbedtls_ssl_read(&tls->ssl, dst, cap);
    if (n == 0)
        n = MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
    if (n < 0)
        return fail_code(tls, n, err);
    *bytes_out = (size_t)n;
    return CLV_OK;
}

clv_status clv_tls_write(clv_tls *tls, const uint8_t *src, size_t bytes, size_t *taken_out,
                         clv_error *err)
{
    /* Only with room for a whole record: mbedTLS never has to be asked twice for the same bytes. */
    if (!tls->ready || sizeof tls->out - tls->out_end < RECORD_BYTES)
        return CLV_EAGAIN;
    int n = mbedtls_ssl_write(&tls->ssl, src, bytes);
    if (n < 0)
        return fail_code(tls, n, err);
    *taken_out = (size_t)n;
    return CLV_OK;
}

void clv_tls_say_goodbye(clv_tls *tls)
{
    if (tls->ready)
        (void)mbedtls_ssl_close_notify(&tls->ssl);
}
