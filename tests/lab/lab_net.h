/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAB_NET_H
#define LAB_NET_H

/** @file lab_net.h: two network namespaces, and the packets that each sends to the other.
 *
 *  Each namespace has one TUN interface, and this process holds its other end: a packet that is
 *  read from one and written to the other has crossed the link. TUN rather than a pair of veth and
 *  raw sockets: its packets are whole, in segments, with their checksums computed. Needs root. The
 *  namespaces go when the process and its children do. */
#include "base/error.h"

#define LAB_MTU 1500u
#define LAB_DEVICE_ADDRESS "10.77.0.1"
#define LAB_SERVER_ADDRESS "10.77.0.2"

enum { LAB_DEVICE_END = 0, LAB_SERVER_END = 1 };

typedef struct lab_net {
    int tun[2];       /* non-blocking: IP packets, one a read or write */
    int namespace[2]; /* for setns() */
} lab_net;

#define LAB_NET_INIT                                                                               \
    {                                                                                              \
        {-1, -1},                                                                                  \
        {                                                                                          \
            -1, -1                                                                                 \
        }                                                                                          \
    }

/** Leaves this process in a namespace of its own, without a way to anywhere.
 *  @return CLV_OK; CLV_EAUTH (not root, or not allowed here), CLV_EIO. */
CLV_NODISCARD clv_status lab_net_create(lab_net *net, clv_error *err);
void lab_net_done(lab_net *net); /* idempotent */

#endif
