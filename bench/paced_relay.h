/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_PACED_RELAY_H
#define CLV_BENCH_PACED_RELAY_H

/** @file paced_relay.h: a link of a given rate towards the server: a relay of one TCP connection
 *  over 127.0.0.1, in a thread of its own. What goes wrong ends the program. */

#include <stdint.h>

typedef struct paced_relay paced_relay;

/** Relay a port of its own to @p server_port. */
paced_relay *paced_relay_start(uint16_t server_port);
uint16_t paced_relay_port(const paced_relay *relay);
/** Bytes a second towards the server; 0: as fast as it goes. */
void paced_relay_set_rate(paced_relay *relay, double bytes_per_s);
void paced_relay_stop(paced_relay *relay);

#endif
