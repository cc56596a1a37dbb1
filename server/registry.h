/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REGISTRY_H
#define CLV_REGISTRY_H

/** @file registry.h: the bundles that a server answers for: every *.clv of a folder, by digest.
 *
 *  A bundle is verified, compiled, and given one execution for each worker before it is served. A
 *  reload builds the new set beside the old one, keeping the bundles that are in both, and
 *  exchanges them in one step: requests in flight finish on what they hold.
 *
 *  Threads: find and release from any thread; create, reload and free from one. */

#include "profiler/profile_cache.h"
#include "runtime/bundle.h"
#include "runtime/program.h"

/** More than this in one folder is a mistake, and wouldn't fit into a greeting (net/listener.h). */
#define CLV_REGISTRY_MAX_BUNDLES 128u

typedef struct clv_registry clv_registry;

/** One form of a network that is served. All zero: the bundle doesn't hold it. */
typedef struct clv_served_form {
    const clv_graph *graph;
    clv_program *program;
    clv_exec **execs; /**< one for each worker */
    uint32_t n_execs;
    uint64_t *estimates_us; /**< service time of each cut, graph->n_nodes of them; 0: unknown */
} clv_served_form;

/** A bundle that is served. Immutable but for the executions, each its worker's own, and the
 *  estimates, which are the queue's (server/workers.h). */
typedef struct clv_served {
    clv_digest id;
    uint32_t n_nodes; /**< of the main model, in every form */
    clv_bundle *bundle;
    clv_served_form forms[CLV_PRECISION_COUNT];
    clv_profile *profile;        /**< of all forms on this machine; NULL: there is none */
    clv_profile_cache profiled;  /**< how it was got; its note: also why there is none */
    _Atomic uint32_t references; /**< private to registry.c */
} clv_served;

typedef struct clv_registry_options {
    const char *folder;
    const clv_backend *backend;  /**< NULL: the best one */
    uint32_t workers;            /**< executions of each bundle */
    unsigned threads_per_worker; /**< for kernels; 0 is 1 */
    clv_profile_cache profiles;  /**< where profiles are kept; form_us 0: none are made */
    uint32_t profile_batch;      /**< profiles have 2, 4, .. and so many frames run together too */
    /** How a file went: @p served, or NULL and why not. For the log. */
    void (*on_file)(void *context, const char *path, const clv_served *served,
                    const clv_error *error);
    void *context;
} clv_registry_options;

/** Load the folder. Files that can't be served are reported to on_file() and left out.
 *  @return CLV_OK, perhaps with no bundles; CLV_ENOENT, CLV_EIO, CLV_ELIMIT (the folder),
 * CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_registry_create(clv_registry **out,
                                             const clv_registry_options *options, clv_error *err);

/** Load the folder again. On failure the old set stays. Errors as clv_registry_create(). */
CLV_NODISCARD clv_status clv_registry_reload(clv_registry *registry, clv_error *err);

void clv_registry_free(clv_registry *registry); /* NULL is a no-op */

/** The form of @p served in precision number @p precision, which any number may be; NULL: none. */
static inline const clv_served_form *clv_served_find_form(const clv_served *served,
                                                          uint32_t precision)
{
    bool known = precision < CLV_PRECISION_COUNT && served->forms[precision].program != NULL;
    return known ? &served->forms[precision] : NULL;
}

/** The bundle @p id, held until clv_served_release(), or NULL. */
clv_served *clv_registry_find(clv_registry *registry, const clv_digest *id);
void clv_served_release(clv_served *served); /* NULL is a no-op */

/** The ids of what is served now, at most @p cap of them. @return How many. */
uint32_t clv_registry_list(clv_registry *registry, clv_digest *ids, uint32_t cap);

#endif
