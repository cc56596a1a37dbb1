/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TLS_H
#define CLV_TLS_H

/** @file tls.h: a mutually authenticated TLS 1.2 session over bytes in memory: no socket, no
 *  thread, no clock but for certificates. By mbedTLS. docs/security.md.
 *
 *  nng's own TLS isn't used: it can't say who the peer is nor why a handshake failed, and in 1.5.2
 *  a receive that starts after the peer died never ends, not even when cancelled.
 *
 *  A session has one owner at a time; configurations may be shared by sessions on any threads. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/identity.h"

typedef enum clv_tls_role { CLV_TLS_DEVICE, CLV_TLS_SERVER } clv_tls_role;

typedef struct clv_tls_config clv_tls_config;
typedef struct clv_tls clv_tls;

/** What an end needs for all its sessions. Both ends require a certificate of the other.
 *  @param identity  Outlives the configuration.
 *  @return CLV_OK; CLV_EAUTH when the certificate is for the other role; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_tls_config_create(clv_tls_config **out, clv_tls_role role,
                                               const clv_identity *identity, clv_error *err);
void clv_tls_config_free(clv_tls_config *config); /* after its sessions; NULL is a no-op */

/** @param server_name  Device: the name that the server's certificate must have. Server: NULL. */
CLV_NODISCARD clv_status clv_tls_create(clv_tls **out, const clv_tls_config *config,
                                        const char *server_name, clv_error *err);
void clv_tls_free(clv_tls *tls); /* NULL is a no-op */

/* --- bytes of the network ----------------------------------------------------------------- */

/** Where received bytes go: *room_out of them, 0 while there are some that were not read yet. */
uint8_t *clv_tls_input(clv_tls *tls, size_t *room_out);
void clv_tls_input_done(clv_tls *tls, size_t bytes);

/** What is to be sent; stays where it is until clv_tls_output_done(). */
const uint8_t *clv_tls_output(const clv_tls *tls, size_t *bytes_out);
void clv_tls_output_done(clv_tls *tls, size_t bytes);

/* --- the session -------------------------------------------------------------------------- */

/** Go on with the handshake.
 *  @return CLV_OK: it is done; CLV_EAGAIN: needs input, or its output sent; CLV_EAUTH, CLV_EIO,
 *          CLV_ECLOSED: it failed, for the reason in @p err. Then the output still holds the alert
 *          that tells the peer. */
CLV_NODISCARD clv_status clv_tls_handshake(clv_tls *tls, clv_error *err);

bool clv_tls_is_ready(const clv_tls *tls); /* the handshake is done */

/** The common name of the peer's certificate: proved once clv_tls_is_ready(); before, what it
 *  claims; "?" when it has shown no valid name. Borrowed. */
const char *clv_tls_peer_name(const clv_tls *tls);

/** Decrypt up to @p cap bytes, at least 1.
 *  @return CLV_OK; CLV_EAGAIN: needs input; CLV_ECLOSED: the peer has ended the session;
 *          CLV_EIO, CLV_EAUTH. */
CLV_NODISCARD clv_status clv_tls_read(clv_tls *tls, uint8_t *dst, size_t cap, size_t *bytes_out,
                                      clv_error *err);

/** Encrypt up to @p bytes of @p src.
 *  @return CLV_OK with the number taken; CLV_EAGAIN: the output must be sent first, or the
 *          handshake isn't done; CLV_EIO. */
CLV_NODISCARD clv_status clv_tls_write(clv_tls *tls, const uint8_t *src, size_t bytes,
                                       size_t *taken_out, clv_error *err);

/** Tell the peer that this end is done: goes to the output. */
void clv_tls_say_goodbye(clv_tls *tls);

#endif
