/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SERVER_H
#define CLV_SERVER_H

/** @file server.h: the server: listener -> admission -> queue -> workers -> answers.
 *
 *  No state of a request outlives its answer, so any server that has a bundle can answer for it.
 *  References (references.h) are a convenience: who doesn't hold one asks for a key frame.
 *
 *  Threads: one thread calls these; requests come and are answered on others. */

#include "net/listener.h"
#include "server/registry.h"

typedef struct clv_server clv_server;

typedef struct clv_server_options {
    const char *bundles;         /**< folder */
    const clv_backend *backend;  /**< NULL: the best one */
    uint32_t workers;            /**< requests that run at once; at least 1 */
    uint32_t queue;              /**< requests that may wait when all workers run */
    unsigned threads_per_worker; /**< 0 is 1 */
    clv_profile_cache profiles;  /**< see registry.h; devices get them in the greeting */
    uint32_t profile_batch;      /**< see registry.h */
    size_t reference_bytes;      /**< for each device: symbols of its last frames, which the next
                                      ones may be coded after; 0: none are held */
    /** For the log; see registry.h and listener.h. */
    void (*on_file)(void *context, const char *path, const clv_served *served,
                    const clv_error *error);
    void (*on_device)(void *context, const char *device, const char *what, const clv_error *error);
    void *context;
} clv_server_options;

/** Load the bundles, start the workers.
 *  @return CLV_OK; errors of clv_registry_create() and clv_workers_create(). */
CLV_NODISCARD clv_status clv_server_create(clv_server **out, const clv_server_options *options,
                                           clv_error *err);

/** Let devices connect, once.
 *  @param address   "host:port"; port 0 picks one.
 *  @param identity  Outlives the server.
 *  @return CLV_OK; errors of clv_listener_create(). */
CLV_NODISCARD clv_status clv_server_listen(clv_server *server, const char *address,
                                           const clv_identity *identity, clv_error *err);
uint16_t clv_server_port(const clv_server *server); /**< while it listens */

clv_registry *clv_server_registry(clv_server *server); /**< borrowed */

/** While it listens: load the folder again; requests in flight finish on what they hold. On failure
 *  the old bundles stay. */
CLV_NODISCARD clv_status clv_server_reload(clv_server *server, clv_error *err);

/** What became of the requests so far. */
typedef struct clv_server_counts {
    uint64_t answered, refused;
} clv_server_counts;

/** Refuse new requests, answer those that were accepted, for up to @p timeout_us; refuse the rest.
 *  Then only clv_server_free() is left to do. */
clv_server_counts clv_server_drain(clv_server *server, uint64_t timeout_us);

void clv_server_free(clv_server *server); /* NULL is a no-op */

#endif
