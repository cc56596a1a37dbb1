/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NET_ENDS_H
#define CLV_NET_ENDS_H

/** @file net_ends.h: a server that echoes and devices, over real sockets on 127.0.0.1. */

#include "support/net_pki.h"
#include "support/net_watch.h"

typedef enum net_manner {
    NET_ECHO,    /**< answer each request with its own payload, at once */
    NET_REVERSE, /**< ... four at a time, the last first */
    NET_HOLD,    /**< keep them until net_server_let_go() */
    NET_REFUSE   /**< refuse each with CLV_EAGAIN, "no room" */
} net_manner;

typedef struct net_server {
    net_watch *watch;
    clv_listener *listener;
    clv_identity *identity;
    char url[64]; /**< for devices */
    _Atomic net_manner manner;
    pthread_mutex_t lock;
    clv_incoming *held[NET_WATCH_MAX_FRAMES];
    unsigned n_held;
} net_server;

/** Listen on @p port (0: any) as "srv" of @p pki. */
void net_server_start(net_server *server, const net_pki *pki, net_manner manner, uint16_t port,
                      size_t max_message_bytes, net_watch *watch);
/** Answer what is held, the last first. */
void net_server_let_go(net_server *server);
/** Wait until @p count requests are held. */
void net_server_await_held(net_server *server, unsigned count);
void net_server_stop(net_server *server); /* drops what is held */

/** Options of a device of @p server with fast heartbeats; adjust and create. */
clv_link_options net_device_options(const net_server *server, const clv_identity *identity,
                                    net_watch *watch);
clv_link *net_device_start(const clv_link_options *options);

/** Send @p bytes pseudo-random bytes as frame @p frame. @return Their net_watch_sum(). */
uint64_t net_device_send(clv_link *link, uint64_t frame, size_t bytes);

#endif
