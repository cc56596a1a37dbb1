/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a session in memory: who gets in, and what the others are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/ssl.h>

#include "net/tls.h"
#include "net/x509.h"
#include "support/net_pki.h"

static net_pki pki, other;

typedef struct end {
    clv_identity *identity;
    clv_tls_config *config;
    clv_tls *tls;
    clv_status status; /* of the handshake */
    clv_error err;
} end;

static int set_up(void **state)
{
    (void)state;
    net_pki_create(&pki);
    net_pki_create(&other);
    net_pki_issue(&pki, "srv", CLV_PKI_SERVER);
    net_pki_issue(&pki, "cam-1", CLV_PKI_DEVICE);
    net_pki_issue(&other, "srv", CLV_PKI_SERVER);
    net_pki_issue(&other, "cam-1", CLV_PKI_DEVICE);
    net_pki_concatenate(net_pki_path(&other, "both", ".crt"), net_pki_path(&pki, "ca", ".crt"),
                        net_pki_path(&other, "ca", ".crt"));
    net_pki_concatenate(net_pki_path(&pki, "both", ".crt"), net_pki_path(&pki, "ca", ".crt"),
                        net_pki_path(&other, "ca", ".crt"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    net_pki_remove(&other);
    net_pki_remove(&pki);
    return 0;
}

static void open_end(end *e, clv_tls_role role, clv_identity *identity, const char *server_name)
{
    clv_error err = CLV_ERROR_INIT;
    *e = (end){.identity = identity, .status = CLV_EAGAIN};
    if (clv_tls_config_create(&e->config, role, identity, &err) != CLV_OK ||
        clv_tls_create(&e->tls, e->config, server_name, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
}

static void close_end(end *e)
{
    clv_tls_free(e->tls);
    clv_tls_config_free(e->config);
    clv_identity_free(e->identity);
}

/* Carry up to @p limit bytes of what one end has to say to the other. */
static size_t carry(clv_tls *to, clv_tls *from, size_t limit)
{
    size_t n, room;
    const uint8_t *data = clv_tls_output(from, &n);
    uint8_t *dst = clv_tls_input(to, &room);
    n = n < room ? n : room;
    n = n < limit ? n : limit;
    memcpy(dst, data, n);
    clv_tls_input_done(to, n);
    clv_tls_output_done(from, n);
    return n;
}

static void step(end *e)
{
    if (e->status == CLV_EAGAIN)
        e->status = clv_tls_handshake(e->tls, &e->err);
}

static void shake_hands(end *device, end *server, size_t chunk)
{
    step(device);
    for (unsigned i = 0; i < 20000; i++) {
        size_t moved = carry(server->tls, device->tls, chunk);
        if (moved > 0)
            step(server);
        size_t back = carry(device->tls, server->tls, chunk);
        if (back > 0)
            step(device);
        if (moved + back == 0)
            return;
    }
    fail_msg("the handshake never ends");
}

static clv_identity *load_with(const net_pki *who, const char *name, const char *ca)
{
    clv_identity *identity = NULL;
    clv_error err = CLV_ERROR_INIT;
    if (net_pki_try_load(&identity, ca, net_pki_path(who, name, ".crt"),
                         net_pki_path(who, name, ".key"), &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return identity;
}

static void check_refused(const end *e, const char *words)
{
    assert_int_equal(e->status, CLV_EAUTH);
    if (strstr(e->err.message, words) == NULL)
        fail_msg("'%s' doesn't say '%s'", e->err.message, words);
    assert_false(clv_tls_is_ready(e->tls));
}

/* --- who gets in -------------------------------------------------------------------------- */

static void test_tls__proves_the_names_of_both(void **state)
{
    static const size_t chunks[] = {SIZE_MAX, 1, 7};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        end device, server;
        open_end(&device, CLV_TLS_DEVICE, net_pki_load(&pki, "cam-1"), "srv");
        open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
        shake_hands(&device, &server, chunks[i]);
        assert_int_equal(device.status, CLV_OK);
        assert_int_equal(server.status, CLV_OK);
        assert_true(clv_tls_is_ready(device.tls) && clv_tls_is_ready(server.tls));
        assert_string_equal(clv_tls_peer_name(server.tls), "cam-1");
        assert_string_equal(clv_tls_peer_name(device.tls), "srv");
        close_end(&device);
        close_end(&server);
    }
}

static void test_tls__device_refuses_a_server_of_another_authority(void **state)
{
    end device, server;
    (void)state;
    open_end(&device, CLV_TLS_DEVICE, net_pki_load(&pki, "cam-1"), "srv");
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&other, "srv"), NULL);
    shake_hands(&device, &server, SIZE_MAX);
    check_refused(&device, "the server's certificate ('srv') is not signed by the trusted "
                           "authority");
    check_refused(&server, "the device refuses this server's certificate: it is not signed by an "
                           "authority that it trusts");
    close_end(&device);
    close_end(&server);
}

static void test_tls__server_refuses_a_device_of_another_authority(void **state)
{
    end device, server;
    (void)state;
    open_end(&device, CLV_TLS_DEVICE,
             load_with(&other, "cam-1", net_pki_path(&other, "both", ".crt")), "srv");
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    shake_hands(&device, &server, SIZE_MAX);
    check_refused(&server,
                  "the device's certificate ('cam-1') is not signed by the trusted authority");
    check_refused(&device, "the server refuses this device's certificate: it is not signed by an "
                           "authority that it trusts");
    close_end(&device);
    close_end(&server);
}

static void test_tls__device_refuses_a_server_of_another_name(void **state)
{
    end device, server;
    (void)state;
    open_end(&device, CLV_TLS_DEVICE, net_pki_load(&pki, "cam-1"), "edge.example.net");
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    shake_hands(&device, &server, SIZE_MAX);
    check_refused(&device, "the server's certificate is for 'srv', not for 'edge.example.net'");
    check_refused(&server, "the device refuses this server's certificate: it is for another name");
    close_end(&device);
    close_end(&server);
}

static void test_tls__knows_servers_by_address(void **state)
{
    end device, server;
    (void)state;
    net_pki_issue(&pki, "127.0.0.1", CLV_PKI_SERVER);
    open_end(&device, CLV_TLS_DEVICE, net_pki_load(&pki, "cam-1"), "127.0.0.1");
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "127.0.0.1"), NULL);
    shake_hands(&device, &server, SIZE_MAX);
    assert_int_equal(device.status, CLV_OK);
    close_end(&device);
    close_end(&server);
}

static void test_tls__certificates_are_for_one_role(void **state)
{
    clv_tls_config *config = NULL;
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    clv_identity *device = net_pki_load(&pki, "cam-1");
    clv_identity *server = net_pki_load(&pki, "srv");
    assert_int_equal(clv_tls_config_create(&config, CLV_TLS_SERVER, device, &err), CLV_EAUTH);
    assert_non_null(strstr(err.message, "cleave pki issue --server"));
    assert_int_equal(clv_tls_config_create(&config, CLV_TLS_DEVICE, server, &err), CLV_EAUTH);
    assert_non_null(strstr(err.message, "cleave pki issue --device"));
    assert_null(config);
    clv_identity_free(server);
    clv_identity_free(device);
}

/* --- strangers: a client of mbedTLS, without our care ------------------------------------- */

typedef struct stranger {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca, cert;
    mbedtls_pk_context key;
    end *server; /* the other end: its input is our output */
} stranger;

static int stranger_send(void *context, const unsigned char *data, size_t bytes)
{
    stranger *s = context;
    size_t room;
    if (s->server->status != CLV_EAGAIN) /* it has ended and reads no more */
        return (int)bytes;
    uint8_t *dst = clv_tls_input(s->server->tls, &room);
    if (room == 0)
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    bytes = bytes < room ? bytes : room;
    memcpy(dst, data, bytes);
    clv_tls_input_done(s->server->tls, bytes);
    return (int)bytes;
}

static int stranger_receive(void *context, unsigned char *dst, size_t bytes)
{
    stranger *s = context;
    size_t n;
    const uint8_t *data = clv_tls_output(s->server->tls, &n);
    if (n == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    bytes = bytes < n ? bytes : n;
    memcpy(dst, data, bytes);
    clv_tls_output_done(s->server->tls, bytes);
    return (int)bytes;
}

static void stranger_open(stranger *s, end *server, const char *cert, const char *key)
{
    mbedtls_ssl_init(&s->ssl);
    mbedtls_ssl_config_init(&s->config);
    mbedtls_x509_crt_init(&s->ca);
    mbedtls_x509_crt_init(&s->cert);
    mbedtls_pk_init(&s->key);
    s->server = server;
    assert_int_equal(mbedtls_ssl_config_defaults(&s->config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_authmode(&s->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&s->config, clv_x509_random, NULL);
    if (cert != NULL) {
        assert_int_equal(mbedtls_x509_crt_parse_file(&s->cert, cert), 0);
        assert_int_equal(mbedtls_pk_parse_keyfile(&s->key, key, NULL), 0);
        assert_int_equal(mbedtls_ssl_conf_own_cert(&s->config, &s->cert, &s->key), 0);
    }
    assert_int_equal(mbedtls_ssl_setup(&s->ssl, &s->config), 0);
    mbedtls_ssl_set_bio(&s->ssl, s, stranger_send, stranger_receive, NULL);
}

static void stranger_close(stranger *s)
{
    mbedtls_ssl_free(&s->ssl);
    mbedtls_ssl_config_free(&s->config);
    mbedtls_x509_crt_free(&s->ca);
    mbedtls_x509_crt_free(&s->cert);
    mbedtls_pk_free(&s->key);
}

static void stranger_shakes_hands(stranger *s, end *server)
{
    for (unsigned i = 0; i < 100 && server->status == CLV_EAGAIN; i++) {
        (void)mbedtls_ssl_handshake(&s->ssl);
        step(server);
    }
    (void)mbedtls_ssl_handshake(&s->ssl); /* hears the alert */
}

static void check_stranger(const char *cert, const char *key, const char *words, unsigned alert)
{
    end server;
    stranger s;
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    stranger_open(&s, &server, cert, key);
    stranger_shakes_hands(&s, &server);
    check_refused(&server, words);
    assert_int_equal(s.ssl.in_msg[1], alert);
    stranger_close(&s);
    close_end(&server);
}

#define OF(name) net_pki_path(&pki, name, ".crt"), net_pki_path(&pki, name, ".key")

static void test_tls__server_refuses_strangers_and_says_why(void **state)
{
    (void)state;
    net_pki_issue_odd(&pki, "old", NET_PKI_EXPIRED);
    net_pki_issue_odd(&pki, "new", NET_PKI_FUTURE);
    net_pki_issue_odd(&pki, "use", NET_PKI_SERVER_USE);
    check_stranger(NULL, NULL, "the device shows no certificate",
                   MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    check_stranger(OF("old"), "the device's certificate ('old') has expired",
                   MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED);
    check_stranger(OF("new"), "the device's certificate ('new') is not valid yet",
                   MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN);
    check_stranger(OF("use"), "the device's certificate ('use') is not for this end",
                   MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT);
    check_stranger(net_pki_path(&other, "cam-1", ".crt"), net_pki_path(&other, "cam-1", ".key"),
                   "the device's certificate ('cam-1') is not signed by the trusted authority",
                   MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA);
}

static void test_tls__a_bad_common_name_is_nobody(void **state)
{
    end server;
    stranger s;
    (void)state;
    net_pki_issue_odd(&pki, "bad", NET_PKI_BAD_NAME);
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    stranger_open(&s, &server, OF("bad"));
    stranger_shakes_hands(&s, &server);
    assert_int_equal(server.status, CLV_OK);
    assert_string_equal(clv_tls_peer_name(server.tls), "?");
    stranger_close(&s);
    close_end(&server);
}

static void test_tls__the_certificate_of_another_is_of_no_use_without_its_key(void **state)
{
    end server;
    stranger s;
    (void)state;
    net_pki_issue(&pki, "cam-2", CLV_PKI_DEVICE);
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    /* cam-1's certificate, signed with cam-2's key */
    stranger_open(&s, &server, net_pki_path(&pki, "cam-1", ".crt"),
                  net_pki_path(&pki, "cam-2", ".key"));
    stranger_shakes_hands(&s, &server);
    assert_int_not_equal(server.status, CLV_OK);
    assert_int_not_equal(server.status, CLV_EAGAIN);
    assert_false(clv_tls_is_ready(server.tls));
    stranger_close(&s);
    close_end(&server);
}

static void test_tls__accepts_nothing_older_than_1_2(void **state)
{
    end server;
    stranger s;
    (void)state;
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    stranger_open(&s, &server, OF("cam-1"));
    mbedtls_ssl_conf_max_version(&s.config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_2);
    stranger_shakes_hands(&s, &server);
    assert_int_equal(server.status, CLV_EIO);
    stranger_close(&s);
    close_end(&server);
}

static void test_tls__survives_bytes_that_are_no_tls(void **state)
{
    static const char *const greetings[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                            "SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\xff\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        end server;
        size_t room;
        open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
        memcpy(clv_tls_input(server.tls, &room), greetings[i], strlen(greetings[i]));
        clv_tls_input_done(server.tls, strlen(greetings[i]));
        step(&server);
        assert_int_equal(server.status, CLV_EIO);
        close_end(&server);
    }
}

/* --- data --------------------------------------------------------------------------------- */

#define DATA_BYTES ((size_t)1 << 20)

static void send_all(clv_tls *to, clv_tls *from, const uint8_t *data, uint8_t *copy, size_t bytes)
{
    size_t sent = 0, received = 0;
    while (received < bytes) {
        size_t n;
        while (sent < bytes && clv_tls_write(from, data + sent, bytes - sent, &n, NULL) == CLV_OK)
            sent += n;
        assert_true(carry(to, from, 5000) > 0);
        while (received < bytes &&
               clv_tls_read(to, copy + received, bytes - received, &n, NULL) == CLV_OK)
            received += n;
    }
}

static void test_tls__carries_data_both_ways_and_says_goodbye(void **state)
{
    end device, server;
    size_t n;
    clv_error err = CLV_ERROR_INIT;
    uint8_t *data = malloc(DATA_BYTES);
    uint8_t *copy = malloc(DATA_BYTES);
    (void)state;
    assert_int_equal(clv_random_bytes(data, DATA_BYTES), CLV_OK);
    open_end(&device, CLV_TLS_DEVICE, net_pki_load(&pki, "cam-1"), "srv");
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    assert_int_equal(clv_tls_write(device.tls, data, 1, &n, NULL), CLV_EAGAIN); /* too early */
    assert_int_equal(clv_tls_read(device.tls, copy, 1, &n, NULL), CLV_EAGAIN);
    shake_hands(&device, &server, SIZE_MAX);
    send_all(server.tls, device.tls, data, copy, DATA_BYTES);
    assert_memory_equal(copy, data, DATA_BYTES);
    memset(copy, 0, DATA_BYTES);
    send_all(device.tls, server.tls, data, copy, DATA_BYTES);
    assert_memory_equal(copy, data, DATA_BYTES);

    clv_tls_say_goodbye(server.tls);
    (void)carry(device.tls, server.tls, SIZE_MAX);
    assert_int_equal(clv_tls_read(device.tls, copy, 1, &n, &err), CLV_ECLOSED);
    assert_string_equal(err.message, "the server closed the connection");
    close_end(&device);
    close_end(&server);
    free(copy);
    free(data);
}

static void test_tls__notices_a_changed_byte(void **state)
{
    end device, server;
    uint8_t byte = 7, got = 0;
    size_t n, room;
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    open_end(&device, CLV_TLS_DEVICE, net_pki_load(&pki, "cam-1"), "srv");
    open_end(&server, CLV_TLS_SERVER, net_pki_load(&pki, "srv"), NULL);
    shake_hands(&device, &server, SIZE_MAX);
    assert_int_equal(clv_tls_write(device.tls, &byte, 1, &n, NULL), CLV_OK);
    const uint8_t *record = clv_tls_output(device.tls, &n);
    uint8_t *dst = clv_tls_input(server.tls, &room);
    memcpy(dst, record, n);
    dst[n - 1] ^= 1;
    clv_tls_input_done(server.tls, n);
    assert_int_equal(clv_tls_read(server.tls, &got, 1, &n, &err), CLV_EIO);
    assert_int_equal(got, 0);
    close_end(&device);
    close_end(&server);
}

#define TEST(name) cmocka_unit_test(test_tls__##name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(proves_the_names_of_both),
        TEST(device_refuses_a_server_of_another_authority),
        TEST(server_refuses_a_device_of_another_authority),
        TEST(device_refuses_a_server_of_another_name),
        TEST(knows_servers_by_address),
        TEST(certificates_are_for_one_role),
        TEST(server_refuses_strangers_and_says_why),
        TEST(a_bad_common_name_is_nobody),
        TEST(the_certificate_of_another_is_of_no_use_without_its_key),
        TEST(accepts_nothing_older_than_1_2),
        TEST(survives_bytes_that_are_no_tls),
        TEST(carries_data_both_ways_and_says_goodbye),
        TEST(notices_a_changed_byte),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
