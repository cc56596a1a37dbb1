/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DIALS_H
#define CLV_DIALS_H

/** @file dials.h: attempts to make a TCP connection, several at once. Private to common/net.
 *  All calls from one thread. */

#include <nng/nng.h>

#include <cleave/status.h>

#include "net/link_core.h"

typedef struct clv_dials clv_dials;

typedef struct clv_dials_options {
    const char *url;             /**< "tcp://host:port"; borrowed */
    const char *address;         /**< "host:port", for messages; borrowed */
    uint64_t patience_us;        /**< a dial's time limit */
    void (*on_end)(void *owner); /**< a dial has ended: clv_dials_take() has it. On nng's thread */
    void *owner;
} clv_dials_options;

/** @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_dials_create(clv_dials **out, const clv_dials_options *options);
void clv_dials_free(clv_dials *dials); /* drops all; NULL is a no-op */

/** Start one more; at most CLV_LINK_MAX_DIALS are under way. It ends, well or not, by its time. */
void clv_dials_start(clv_dials *dials);

/** Take one that has ended.
 *  @param[out] stream_out  The connection, the caller's; NULL when there is none.
 *  @param[out] err         Why there is none.
 *  @param[out] happening   CLV_LINK_CONNECTED, CLV_LINK_UNANSWERED, CLV_LINK_TURNED_AWAY.
 *  @return false: none has ended. */
bool clv_dials_take(clv_dials *dials, nng_stream **stream_out, clv_link_happening *happening,
                    clv_error *err);

/** Whether clv_dials_take() should be tried again soon, though nothing has ended. */
bool clv_dials_want_a_look(const clv_dials *dials);

/** Give all of them up and wait for their ends. */
void clv_dials_drop(clv_dials *dials);

#endif
