/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROFILE_CACHE_H
#define CLV_PROFILE_CACHE_H

/** @file profile_cache.h: profiles that daemons made, kept in files of a folder so that the next
 *  start needn't measure again. A file is good for one bundle, processor, backend, number of
 *  threads, set of forms and batches, and version of Cleave; one that is damaged, cut off or of
 * something else counts as none. Files have mode 0600. */

#include "profiler/profiler.h"

typedef struct clv_profile_cache {
    const char *folder;  /**< NULL: nothing is kept. Borrowed, as the next */
    const char *backend; /**< that the programs were compiled for */
    uint64_t form_us;    /**< to measure the nodes of each form, and as much for its codecs */
    /* What clv_profile_obtain() says of it. */
    bool kept;      /**< it came from the folder */
    clv_error note; /**< why it couldn't be put there; CLV_OK: it could */
} clv_profile_cache;

/** The profile for @p options: from the cache, or measured and put there. As options->passes,
 *  max_cuts, budgets and codec_runs, what suits a start is taken.
 *  @return CLV_OK; errors of clv_profiler_measure(). */
CLV_NODISCARD clv_status clv_profile_obtain(clv_profile **out, clv_profile_cache *cache,
                                            const clv_profiler_options *options, clv_error *err);

/** Look into the cache alone. @return CLV_OK; CLV_ENOENT: there is no good file; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profile_cache_load(clv_profile **out, const clv_profile_cache *cache,
                                                const clv_profiler_options *options);

/** The file for @p options. @return CLV_OK; CLV_ELIMIT (a long path), CLV_EINTERNAL. */
CLV_NODISCARD clv_status clv_profile_cache_path(char *dst, size_t cap,
                                                const clv_profile_cache *cache,
                                                const clv_profiler_options *options);

/** The folder to use: @p setting, or what systemd gives ($STATE_DIRECTORY, the first of several),
 *  or NULL: none. @p memory holds a copy where one is needed. */
const char *clv_profile_cache_folder(const char *setting, char *memory, size_t cap);

#endif
