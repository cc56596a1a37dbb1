/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NET_RAW_H
#define CLV_NET_RAW_H

/** @file net_raw.h: a client without manners, and servers without words: blocking sockets and
 *  mbedTLS, for what no device and no server of Cleave would do. */

#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

#include "net/wire_header.h"

typedef struct net_raw {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    unsigned alert; /**< the fatal one that was heard last; 0: none */
} net_raw;

/** Connect to 127.0.0.1, no TLS yet. */
void net_raw_connect(net_raw *raw, uint16_t port);
/** A TLS handshake with this certificate, or none (NULL); the server's isn't checked.
 *  @return mbedTLS's result. */
int net_raw_shake_hands(net_raw *raw, const char *cert, const char *key);
/** Send bytes over TLS, or below it. @return Whether they went out. */
bool net_raw_send(net_raw *raw, const void *data, size_t bytes);
bool net_raw_send_plain(net_raw *raw, const void *data, size_t bytes);
/** Send a message with @p payload_bytes zeros. */
bool net_raw_send_message(net_raw *raw, const clv_wire_header *header, size_t payload_bytes);
/** A hello as "cam-1"; adjust. */
clv_wire_header net_raw_hello(const char *name);
/** Wait for a message that isn't a ping. @return false: the connection ended. */
bool net_raw_receive(net_raw *raw, clv_wire_header *header);
/** Wait for the end of the connection: no message but pings comes before. */
void net_raw_await_end(net_raw *raw);
void net_raw_close(net_raw *raw); /* without a goodbye */

/** A socket that listens and never accepts: @p backlog connections and one more succeed, without
 *  an answer; those beyond get none even from TCP. */
int net_silent_listen(int backlog, uint16_t *port_out);

#endif
