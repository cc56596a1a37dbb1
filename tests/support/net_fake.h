/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NET_FAKE_H
#define CLV_NET_FAKE_H

/** @file net_fake.h: a server with a good certificate and bad manners: it takes one connection
 *  after the other, shakes hands, and says what a test gives it. */

#include "net/channel.h"
#include "support/net_pki.h"

typedef struct net_fake net_fake;

/** After TLS, and after a hello if @p after_hello: send @p bytes as they are; and close, if @p
 *  then_close. */
typedef struct net_fake_speech {
    const uint8_t *data;
    size_t bytes;
    bool after_hello;
    bool then_close;
} net_fake_speech;

net_fake *net_fake_start(const net_pki *pki, const net_fake_speech *speech);
uint16_t net_fake_port(const net_fake *fake);
void net_fake_stop(net_fake *fake);

/** Append a message without payload to @p dst. @return The bytes written. */
size_t net_fake_put(uint8_t *dst, const clv_wire_header *header);

#endif
