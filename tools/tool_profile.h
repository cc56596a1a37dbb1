/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOOL_PROFILE_H
#define CLV_TOOL_PROFILE_H

/** @file tool_profile.h: profiles as JSON files: what `cleave profile` writes and `cleave plan`
 *  reads. The members: docs/profile.md. */

#include <jansson.h>

#include "partitioner/profile.h"
#include "runtime/bundle.h"

/** Largest file that is read. */
#define TOOL_PROFILE_MAX_BYTES ((size_t)256 << 20)

/** The profile as JSON.
 *  @param medians_ns  [n_runs] of [n_nodes + 1]: the medians of each run's nodes, then its whole's;
 *                     NULL: they aren't known.
 *  @return NULL when out of memory. */
json_t *tool_profile_json(const clv_profile *profile, const uint64_t *const *medians_ns);

/** Write @p root to @p path, by way of a rename. */
CLV_NODISCARD clv_status tool_profile_write(const char *path, const json_t *root, clv_error *err);

/** Read a file, of which everything is checked.
 *  @param bundle  Whose profile it must be: its digest, its nodes, its forms. NULL: any bundle's.
 *  @return CLV_OK; CLV_ENOENT, CLV_EIO, CLV_EFORMAT, CLV_ELIMIT, CLV_EVERSION, CLV_EINVAL (of
 *          another bundle), CLV_ENOMEM with @p err naming the file and the member. */
CLV_NODISCARD clv_status tool_profile_read(clv_profile **out, const char *path,
                                           const clv_bundle *bundle, clv_error *err);

/** The same from text. For tests. */
CLV_NODISCARD clv_status tool_profile_parse(clv_profile **out, const char *text, size_t bytes,
                                            const clv_bundle *bundle, clv_error *err);

#endif
