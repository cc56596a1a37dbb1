/* SPDX-License-Identifier: Apache-2.0 */
#include "server/workers.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

typedef struct queued_job {
    clv_job job;
    uint64_t estimate_us; /* as it was when the job was accepted */
} queued_job;

typedef struct worker {
    clv_workers *crew;
    uint32_t index;
    pthread_t thread;
} worker;

struct clv_workers {
    clv_workers_options options;
    pthread_mutex_t lock;    /* guards all below it */
    pthread_cond_t has_work; /* a job waits, or it is time to stop */
    pthread_cond_t is_idle;  /* nothing waits or runs */
    clv_admission admission;
    queued_job *ring; /* workers + queue of them: all that are ever accepted at once */
    uint32_t ring_size, head;
    bool stopping;
    worker *workers;
    uint32_t n_started;
};

/* --- the queue ---------------------------------------------------------------------------- */

/* The lock is held. */
static void push(clv_workers *crew, const clv_job *job)
{
    uint64_t estimate_us = *job->estimate_us;
    uint64_t slot = ((uint64_t)crew->head + crew->admission.waiting) % crew->ring_size;
    crew->ring[slot] = (queued_job){*job, estimate_us};
    clv_admission_accepted(&crew->admission, estimate_us);
}

/* The lock is held, and something waits. */
static queued_job pop(clv_workers *crew)
{
    queued_job queued = crew->ring[crew->head];
    crew->head = (crew->head + 1) % crew->ring_size;
    clv_admission_started(&crew->admission, queued.estimate_us);
    return queued;
}

/* @p service_us 0: it wasn't run to its end, and nothing was learnt. */
static void settle(clv_workers *crew, const queued_job *queued, uint64_t service_us)
{
    uint64_t *estimate_us = queued->job.estimate_us;

    (void)pthread_mutex_lock(&crew->lock);
    if (service_us != 0)
        *estimate_us = clv_admission_learn(*estimate_us, service_us);
    clv_admission_finished(&crew->admission, queued->estimate_us);
    if (crew->admission.waiting + crew->admission.running == 0)
        (void)pthread_cond_broadcast(&crew->is_idle);
    (void)pthread_mutex_unlock(&crew->lock);
    crew->options.release(crew->options.context, &queued->job);
}

static void refuse(clv_workers *crew, const queued_job *queued, clv_verdict verdict)
{
    crew->options.refuse(crew->options.context, &queued->job, verdict);
    settle(crew, queued, 0);
}

/* --- workers ------------------------------------------------------------------------------ */

/* Wait for a job. @return false: it is time to stop. */
static bool take(clv_workers *crew, queued_job *out)
{
    (void)pthread_mutex_lock(&crew->lock);
    while (!crew->stopping && crew->admission.waiting == 0)
        (void)pthread_cond_wait(&crew->has_work, &crew->lock);
    bool taken = !crew->stopping;
    if (taken)
        *out = pop(crew);
    (void)pthread_mutex_unlock(&crew->lock);
    return taken;
}

static void *run_worker(void *context)
{
    const worker *self = context;
    clv_workers *crew = self->crew;
    queued_job queued;

    while (take(crew, &queued)) {
        uint64_t start_us = clv_clock_now_us();
        if (queued.job.deadline_at_us != 0 && start_us >= queued.job.deadline_at_us) {
            refuse(crew, &queued, CLV_VERDICT_TOO_LATE);
            continue;
        }
        bool done = crew->options.work(crew->options.context, self->index, &queued.job);
        settle(crew, &queued, done ? clv_clock_now_us() - start_us : 0);
    }
    return NULL;
}

/* --- the outside -------------------------------------------------------------------------- */

clv_verdict clv_workers_submit(clv_workers *crew, const clv_job *job)
{
    uint64_t now_us = clv_clock_now_us();

    (void)pthread_mutex_lock(&crew->lock);
    clv_verdict verdict =
        clv_admission_decide(&crew->admission, job->deadline_at_us, *job->estimate_us, now_us);
    if (verdict == CLV_VERDICT_ACCEPT) {
        push(crew, job);
        (void)pthread_cond_signal(&crew->has_work);
    }
    (void)pthread_mutex_unlock(&crew->lock);
    return verdict;
}

uint32_t clv_workers_load_permille(clv_workers *crew)
{
    (void)pthread_mutex_lock(&crew->lock);
    uint32_t load = clv_admission_load_permille(&crew->admission);
    (void)pthread_mutex_unlock(&crew->lock);
    return load;
}

/* The moment @p timeout_us from now, for a condition that waits by the monotonic clock. */
static struct timespec after(uint64_t timeout_us)
{
    const uint64_t most_us = UINT64_C(1000000) * 3600 * 24 * 365;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t nanos = (uint64_t)t.tv_nsec + (timeout_us < most_us ? timeout_us : most_us) * 1000;
    t.tv_sec += (time_t)(nanos / 1000000000u);
    t.tv_nsec = (long)(nanos % 1000000000u);
    return t;
}

static bool take_waiting(clv_workers *crew, queued_job *out)
{
    (void)pthread_mutex_lock(&crew->lock);
    bool taken = crew->admission.waiting > 0;
    if (taken)
        *out = pop(crew);
    (void)pthread_mutex_unlock(&crew->lock);
    return taken;
}

static void wait_until_idle(clv_workers *crew, uint64_t timeout_us)
{
    struct timespec until = after(timeout_us);
    int code = 0;

    (void)pthread_mutex_lock(&crew->lock);
    crew->admission.closing = true;
    while (crew->admission.waiting + crew->admission.running > 0 && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&crew->is_idle, &crew->lock, &until);
    (void)pthread_mutex_unlock(&crew->lock);
}

static void stop_workers(clv_workers *crew)
{
    (void)pthread_mutex_lock(&crew->lock);
    crew->stopping = true;
    (void)pthread_cond_broadcast(&crew->has_work);
    (void)pthread_mutex_unlock(&crew->lock);
    for (; crew->n_started > 0; crew->n_started--)
        (void)pthread_join(crew->workers[crew->n_started - 1].thread, NULL);
}

uint32_t clv_workers_drain(clv_workers *crew, uint64_t timeout_us)
{
    uint32_t n_refused = 0;
    queued_job queued;

    wait_until_idle(crew, timeout_us);
    for (; take_waiting(crew, &queued); n_refused++)
        refuse(crew, &queued, CLV_VERDICT_CLOSING);
    stop_workers(crew);
    return n_refused;
}

static void init_locks(clv_workers *crew)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&crew->lock, NULL);
    (void)pthread_cond_init(&crew->has_work, NULL);
    (void)pthread_cond_init(&crew->is_idle, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

static clv_status start_workers(clv_workers *crew, clv_error *err)
{
    for (uint32_t i = 0; i < crew->options.workers; i++) {
        worker *self = &crew->workers[i];
        *self = (worker){.crew = crew, .index = i};
        int code = pthread_create(&self->thread, NULL, run_worker, self);
        if (code != 0)
            return clv_fail(err, CLV_EINTERNAL, NULL, "cannot start worker %u of %u: %s", i + 1,
                            crew->options.workers, strerror(code));
        crew->n_started++;
    }
    return CLV_OK;
}

clv_status clv_workers_create(clv_workers **out, const clv_workers_options *options, clv_error *err)
{
    clv_workers *crew = clv_calloc(1, sizeof *crew);
    if (crew == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    init_locks(crew);
    crew->options = *options;
    crew->admission = (clv_admission){.workers = options->workers, .queue = options->queue};
    crew->ring_size = options->workers + options->queue;
    crew->ring = clv_calloc(crew->ring_size, sizeof *crew->ring);
    crew->workers = clv_calloc(options->workers, sizeof *crew->workers);

    clv_status status = crew->ring && crew->workers
                            ? start_workers(crew, err)
                            : clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    if (status != CLV_OK) {
        clv_workers_free(crew);
        return status;
    }
    *out = crew;
    return CLV_OK;
}

void clv_workers_free(clv_workers *crew)
{
    if (crew == NULL)
        return;
    (void)clv_workers_drain(crew, 0);
    (void)pthread_cond_destroy(&crew->is_idle);
    (void)pthread_cond_destroy(&crew->has_work);
    (void)pthread_mutex_destroy(&crew->lock);
    clv_free(crew->workers);
    clv_free(crew->ring);
    clv_free(crew);
}
