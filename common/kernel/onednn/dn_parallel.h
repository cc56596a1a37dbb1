/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_PARALLEL_H
#define CLV_DN_PARALLEL_H

/** @file dn_parallel.h: loops of our own on the threads that oneDNN uses. */

#include <stddef.h>

/** Items [from, to) of a loop. Which thread makes an item must not matter. */
typedef void (*clv_dn_items_fn)(const void *context, size_t from, size_t to);

/** Run @p items over [0, n), in one piece for each of at most @p threads threads. */
void clv_dn_parallel(unsigned threads, size_t n, clv_dn_items_fn items, const void *context);

#endif
