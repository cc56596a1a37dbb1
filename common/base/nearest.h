/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NEAREST_H
#define CLV_NEAREST_H

/** @file nearest.h: "did you mean ...?": of the names that are offered, the one that a mistyped
 *  word probably meant. Offer every name in turn, then read `best`.
 *
 *  Near is a prefix of at least three letters, or few edits: one for each three letters of the
 *  word, at most three. Exchanging two neighbouring letters is one edit. Pure. */

#include <stddef.h>

typedef struct clv_nearest {
    const char *word;
    const char *best; /**< borrowed from who offered it; NULL: none is near */
    size_t distance;
} clv_nearest;

void clv_nearest_start(clv_nearest *nearest, const char *word);
void clv_nearest_offer(clv_nearest *nearest, const char *name);

#endif
