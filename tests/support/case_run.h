/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CASE_RUN_H
#define CLV_CASE_RUN_H

/** @file case_run.h: a case through a backend, by hand and by the letter of backend.h.
 *
 *  What a backend may not rely on is poisoned: outputs and scratch hold NaNs before a run, so do
 *  constants that it doesn't keep and the input that it runs in place of; every buffer ends in a
 *  guard. Inputs must come through unchanged, padding of outputs must be zero, and a second run
 *  must give the same bytes. */

#include "kernel/backend.h"
#include "support/case_node.h"

/** Run @p c on @p backend and compare with what the case expects; a difference fails the test.
 * Where the case knows what a byte was before it was rounded, ref may round the other way within
 *  the case's slack of half-way, and other backends may be one step off.
 *  @param channels_last  How inputs of rank 3 and over come out of their producers; else plain.
 *  @param threads        Most that a kernel may use.
 *  @return false when the backend doesn't support or compile the node. */
bool case_check(const clv_backend *backend, const node_case *c, bool channels_last,
                unsigned threads);

#endif
