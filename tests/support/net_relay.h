/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NET_RELAY_H
#define CLV_NET_RELAY_H

/** @file net_relay.h: a network between a device and a server that can be bad: a TCP relay in a
 *  thread of its own. */

#include <stdint.h>

typedef enum net_weather {
    NET_FAIR,  /**< everything passes */
    NET_SLOW,  /**< 40 kB/s towards the server */
    NET_OUTAGE /**< connections stay, nothing passes */
} net_weather;

typedef struct net_relay net_relay;

/** Relay a port of its own to @p server_port. */
net_relay *net_relay_start(uint16_t server_port);
uint16_t net_relay_port(const net_relay *relay);
/** Connections that were made in an outage pass nothing later either. */
void net_relay_set_weather(net_relay *relay, net_weather weather);
void net_relay_stop(net_relay *relay);

#endif
