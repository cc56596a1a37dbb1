/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net_raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/x509.h"

#define PATIENCE_MS 60000

void net_raw_connect(net_raw *raw, uint16_t port)
{
    char text[8];
    memset(raw, 0, sizeof *raw);
    mbedtls_net_init(&raw->net);
    mbedtls_ssl_init(&raw->ssl);
    mbedtls_ssl_config_init(&raw->config);
    mbedtls_x509_crt_init(&raw->cert);
    mbedtls_pk_init(&raw->key);
    (void)snprintf(text, sizeof text, "%u", port);
    assert_int_equal(mbedtls_net_connect(&raw->net, "127.0.0.1", text, MBEDTLS_NET_PROTO_TCP), 0);
}

static int note_alert(net_raw *raw, int rc)
{
    if (rc == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        raw->alert = raw->ssl.in_msg[1];
    return rc;
}

int net_raw_shake_hands(net_raw *raw, const char *cert, const char *key)
{
    assert_int_equal(mbedtls_ssl_config_defaults(&raw->config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_authmode(&raw->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&raw->config, clv_x509_random, NULL);
    mbedtls_ssl_conf_read_timeout(&raw->config, PATIENCE_MS);
    if (cert != NULL) {
        assert_int_equal(mbedtls_x509_crt_parse_file(&raw->cert, cert), 0);
        assert_int_equal(mbedtls_pk_parse_keyfile(&raw->key, key, NULL), 0);
        assert_int_equal(mbedtls_ssl_conf_own_cert(&raw->config, &raw->cert, &raw->key), 0);
    }
    assert_int_equal(mbedtls_ssl_setup(&raw->ssl, &raw->config), 0);
    mbedtls_ssl_set_bio(&raw->ssl, &raw->net, mbedtls_net_send, NULL, mbedtls_net_recv_timeout);
    return note_alert(raw, mbedtls_ssl_handshake(&raw->ssl));
}

bool net_raw_send(net_raw *raw, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    while (bytes > 0) {
        int n = mbedtls_ssl_write(&raw->ssl, p, bytes);
        if (n <= 0)
            return false;
        p += n;
        bytes -= (size_t)n;
    }
    return true;
}

bool net_raw_send_plain(net_raw *raw, const void *data, size_t bytes)
{
    return mbedtls_net_send(&raw->net, data, bytes) == (int)bytes;
}

bool net_raw_send_message(net_raw *raw, const clv_wire_header *header, size_t payload_bytes)
{
    uint8_t head[CLV_WIRE_PROLOGUE_BYTES + CLV_WIRE_MAX_HEADER_BYTES];
    size_t header_bytes = clv_wire_pack(head + CLV_WIRE_PROLOGUE_BYTES, header);
    clv_wire_prologue prologue = {header->type, (uint32_t)header_bytes, (uint32_t)payload_bytes};

    clv_wire_write_prologue(head, &prologue);
    uint8_t *payload = calloc(payload_bytes + 1, 1);
    assert_non_null(payload);
    bool sent = net_raw_send(raw, head, CLV_WIRE_PROLOGUE_BYTES + header_bytes) &&
                net_raw_send(raw, payload, payload_bytes);
    free(payload);
    return sent;
}

clv_wire_header net_raw_hello(const char *name)
{
    clv_wire_header hello = {.type = CLV_WIRE_HELLO};
    hello.hello.protocol = CLV_WIRE_PROTOCOL;
    hello.hello.heartbeat_us = 1000000;
    (void)snprintf(hello.hello.software, sizeof hello.hello.software, "raw");
    (void)snprintf(hello.hello.device_name, sizeof hello.hello.device_name, "%s", name);
    return hello;
}

/* @return Whether all of it came. */
static bool receive_bytes(net_raw *raw, uint8_t *dst, size_t bytes)
{
    while (bytes > 0) {
        int n = note_alert(raw, mbedtls_ssl_read(&raw->ssl, dst, bytes));
        assert_int_not_equal(n, MBEDTLS_ERR_SSL_TIMEOUT);
        if (n <= 0)
            return false;
        dst += n;
        bytes -= (size_t)n;
    }
    return true;
}

bool net_raw_receive(net_raw *raw, clv_wire_header *header)
{
    static uint8_t body[1 << 20];
    uint8_t head[CLV_WIRE_PROLOGUE_BYTES];
    clv_wire_prologue prologue;

    do {
        if (!receive_bytes(raw, head, sizeof head))
            return false;
        assert_int_equal(clv_wire_parse_prologue(&prologue, head, sizeof body, NULL), CLV_OK);
        if (!receive_bytes(raw, body, clv_wire_body_bytes(&prologue)))
            return false;
        assert_int_equal(clv_wire_unpack(header, prologue.type, body, prologue.header_bytes, NULL),
                         CLV_OK);
    } while (header->type == CLV_WIRE_PING);
    return true;
}

void net_raw_await_end(net_raw *raw)
{
    clv_wire_header header;
    if (net_raw_receive(raw, &header))
        fail_msg("a %s came", clv_wire_type_name(header.type));
}

void net_raw_close(net_raw *raw)
{
    mbedtls_ssl_free(&raw->ssl);
    mbedtls_ssl_config_free(&raw->config);
    mbedtls_x509_crt_free(&raw->cert);
    mbedtls_pk_free(&raw->key);
    mbedtls_net_free(&raw->net);
}

int net_silent_listen(int backlog, uint16_t *port_out)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *port_out = ntohs(address.sin_port);
    return fd;
}
