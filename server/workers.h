/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WORKERS_H
#define CLV_WORKERS_H

/** @file workers.h: worker threads behind a bounded first-in first-out queue with admission at its
 *  door. Nothing is allocated after create(). What a job is, is the callbacks' business.
 *
 *  Threads: submit from any thread; drain and free from one. */

#include "server/admission.h"

typedef struct clv_workers clv_workers;

struct clv_incoming;
struct clv_references;
struct clv_served;
struct clv_served_form;

/** A request with what is needed to answer it. */
typedef struct clv_job {
    struct clv_incoming *request;
    struct clv_served *served;
    struct clv_references *references; /**< of the request's connection; NULL: it has none */
    const struct clv_served_form *prefix, *suffix; /**< what ran on the device, what is to run */
    uint64_t deadline_at_us;                       /**< 0: none */
    /** Estimated service time of jobs of this kind: read and kept up to date in here, under the
     *  lock. Lives until the job's release(). */
    uint64_t *estimate_us;
} clv_job;

typedef struct clv_workers_options {
    uint32_t workers; /**< at least 1 */
    uint32_t queue;   /**< jobs that may wait when all workers run */
    /** Answer a job on thread @p worker, 0 .. workers - 1, one at a time for each of them.
     *  @return Whether it was run to its end, so that its time says something. */
    bool (*work)(void *context, uint32_t worker, const clv_job *job);
    /** Refuse a job that was accepted: its deadline passed while it waited, or the workers stop.
     *  On any thread. */
    void (*refuse)(void *context, const clv_job *job, clv_verdict verdict);
    /** The last that is heard of a job, after work() or refuse(). */
    void (*release)(void *context, const clv_job *job);
    void *context;
} clv_workers_options;

/** @return CLV_OK; CLV_ENOMEM, CLV_EINTERNAL (no more threads) with @p err. */
CLV_NODISCARD clv_status clv_workers_create(clv_workers **out, const clv_workers_options *options,
                                            clv_error *err);

/** Decide, and take the job over if it is accepted; otherwise it stays the caller's. */
CLV_NODISCARD clv_verdict clv_workers_submit(clv_workers *crew, const clv_job *job);

/** How busy they are now: clv_admission_load_permille(). From any thread. */
uint32_t clv_workers_load_permille(clv_workers *crew);

/** Accept no more; wait up to @p timeout_us for what was accepted, refuse what still waits then,
 *  and end the threads (which finish what they run). clv_workers_submit() refuses from then on.
 *  @return How many were refused. */
uint32_t clv_workers_drain(clv_workers *crew, uint64_t timeout_us);

void clv_workers_free(clv_workers *crew); /* drains with no patience; NULL is a no-op */

#endif
