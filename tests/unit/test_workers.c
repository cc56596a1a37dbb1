/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/memory.h"
#include "server/workers.h"

/* The queue never looks into a request, so here one is a number. */
struct clv_incoming {
    int number;
};

#define MAX_JOBS 4096

typedef struct fixture {
    clv_workers *workers;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate_open;   /* workers stop in work() until it is */
    bool runs_to_end; /* what work() returns */
    uint32_t n_started, n_released, n_refused;
    int order[MAX_JOBS]; /* numbers in the order of starting */
    int ends[MAX_JOBS];  /* how often each number was worked on or refused */
    uint32_t busy[16];   /* of each worker */
    clv_verdict last_refusal;
    uint64_t estimate_us;
    struct clv_incoming requests[MAX_JOBS];
} fixture;

static bool work(void *context, uint32_t worker, const clv_job *job)
{
    fixture *f = context;
    int number = job->request->number;

    (void)pthread_mutex_lock(&f->lock);
    assert_int_equal(f->busy[worker]++, 0);
    f->order[f->n_started++] = number;
    f->ends[number]++;
    (void)pthread_cond_broadcast(&f->changed);
    while (!f->gate_open)
        (void)pthread_cond_wait(&f->changed, &f->lock);
    f->busy[worker]--;
    (void)pthread_mutex_unlock(&f->lock);
    return f->runs_to_end;
}

static void refuse(void *context, const clv_job *job, clv_verdict verdict)
{
    fixture *f = context;
    (void)pthread_mutex_lock(&f->lock);
    f->n_refused++;
    f->last_refusal = verdict;
    f->ends[job->request->number]++;
    (void)pthread_mutex_unlock(&f->lock);
}

static void release(void *context, const clv_job *job)
{
    fixture *f = context;
    (void)pthread_mutex_lock(&f->lock);
    assert_int_equal(f->ends[job->request->number], 1);
    f->n_released++;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
}

static fixture *start(uint32_t n_workers, uint32_t queue, bool gate_open)
{
    fixture *f = clv_calloc(1, sizeof *f);
    assert_non_null(f);
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->changed, NULL);
    f->gate_open = gate_open;
    f->runs_to_end = true;
    for (int i = 0; i < MAX_JOBS; i++)
        f->requests[i].number = i;
    clv_workers_options options = {n_workers, queue, work, refuse, release, f};
    assert_int_equal(clv_workers_create(&f->workers, &options, NULL), CLV_OK);
    return f;
}

static void finish(fixture *f)
{
    clv_workers_free(f->workers);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->changed);
    clv_free(f);
}

static clv_verdict submit(fixture *f, int number, uint64_t deadline_at_us)
{
    clv_job job = {.request = &f->requests[number],
                   .deadline_at_us = deadline_at_us,
                   .estimate_us = &f->estimate_us};
    return clv_workers_submit(f->workers, &job);
}

static void wait_for(fixture *f, const uint32_t *counter, uint32_t value)
{
    (void)pthread_mutex_lock(&f->lock);
    while (*counter < value)
        (void)pthread_cond_wait(&f->changed, &f->lock);
    (void)pthread_mutex_unlock(&f->lock);
}

static void open_gate(fixture *f)
{
    (void)pthread_mutex_lock(&f->lock);
    f->gate_open = true;
    (void)pthread_cond_broadcast(&f->changed);
    (void)pthread_mutex_unlock(&f->lock);
}

static void test_workers__jobs_run_in_order(void **state)
{
    (void)state;
    fixture *f = start(1, 100, false);
    for (int i = 0; i < 101; i++)
        assert_int_equal(submit(f, i, 0), CLV_VERDICT_ACCEPT);
    open_gate(f);
    wait_for(f, &f->n_released, 101);
    for (int i = 0; i < 101; i++)
        assert_int_equal(f->order[i], i);
    finish(f);
}

static void test_workers__overflow_is_refused_at_the_door(void **state)
{
    (void)state;
    fixture *f = start(2, 3, false);
    for (int i = 0; i < 5; i++)
        assert_int_equal(submit(f, i, 0), CLV_VERDICT_ACCEPT);
    assert_int_equal(submit(f, 5, 0), CLV_VERDICT_QUEUE_FULL);
    wait_for(f, &f->n_started, 2);
    assert_int_equal(submit(f, 5, 0), CLV_VERDICT_QUEUE_FULL);
    open_gate(f);
    wait_for(f, &f->n_released, 5);
    assert_int_equal(f->n_refused, 0); /* what is accepted is answered */
    assert_int_equal(f->ends[5], 0);
    finish(f);
}

static void test_workers__run_at_the_same_time(void **state)
{
    (void)state;
    fixture *f = start(4, 0, false);
    for (int i = 0; i < 4; i++)
        assert_int_equal(submit(f, i, 0), CLV_VERDICT_ACCEPT);
    wait_for(f, &f->n_started, 4); /* none can end before the gate opens */
    open_gate(f);
    wait_for(f, &f->n_released, 4);
    finish(f);
}

static void test_workers__deadline_that_passed_in_the_queue_is_refused(void **state)
{
    (void)state;
    fixture *f = start(1, 10, false);
    assert_int_equal(submit(f, 0, 0), CLV_VERDICT_ACCEPT);
    wait_for(f, &f->n_started, 1);
    uint64_t deadline_us = clv_clock_now_us() + 2000;
    assert_int_equal(submit(f, 1, deadline_us), CLV_VERDICT_ACCEPT);
    assert_int_equal(submit(f, 2, 0), CLV_VERDICT_ACCEPT);
    while (clv_clock_now_us() < deadline_us)
        ;
    open_gate(f);
    wait_for(f, &f->n_released, 3);
    assert_int_equal(f->n_refused, 1);
    assert_int_equal(f->last_refusal, CLV_VERDICT_TOO_LATE);
    assert_int_equal(f->order[1], 2);
    finish(f);
}

static void test_workers__learns_only_from_what_ran_to_its_end(void **state)
{
    (void)state;
    fixture *f = start(1, 10, true);
    f->runs_to_end = false;
    assert_int_equal(submit(f, 0, 0), CLV_VERDICT_ACCEPT);
    wait_for(f, &f->n_released, 1);
    assert_int_equal(f->estimate_us, 0);

    (void)pthread_mutex_lock(&f->lock);
    f->runs_to_end = true;
    f->gate_open = false;
    (void)pthread_mutex_unlock(&f->lock);
    assert_int_equal(submit(f, 1, 0), CLV_VERDICT_ACCEPT);
    wait_for(f, &f->n_started, 2);
    uint64_t start_us = clv_clock_now_us();
    while (clv_clock_now_us() < start_us + 1000)
        ;
    open_gate(f);
    wait_for(f, &f->n_released, 2);
    assert_true(f->estimate_us >= 1000);
    finish(f);
}

static void test_workers__drain_answers_what_was_accepted(void **state)
{
    (void)state;
    fixture *f = start(2, 50, true);
    for (int i = 0; i < 50; i++)
        assert_int_equal(submit(f, i, 0), CLV_VERDICT_ACCEPT);
    assert_int_equal(clv_workers_drain(f->workers, UINT64_MAX), 0);
    assert_int_equal(f->n_started, 50);
    assert_int_equal(f->n_released, 50);
    assert_int_equal(submit(f, 50, 0), CLV_VERDICT_CLOSING);
    assert_int_equal(clv_workers_drain(f->workers, 0), 0);
    finish(f);
}

static void *open_when_closing(void *context)
{
    fixture *f = context;
    while (submit(f, 9, 0) != CLV_VERDICT_CLOSING)
        ;
    wait_for(f, &f->n_released, 3); /* the waiting ones, refused */
    open_gate(f);
    return NULL;
}

static void test_workers__drain_refuses_what_is_left_in_the_end(void **state)
{
    (void)state;
    fixture *f = start(1, 3, false);
    pthread_t thread;
    for (int i = 0; i < 4; i++)
        assert_int_equal(submit(f, i, 0), CLV_VERDICT_ACCEPT);
    wait_for(f, &f->n_started, 1); /* the queue is full: the thread can't slip a job in */
    assert_int_equal(pthread_create(&thread, NULL, open_when_closing, f), 0);
    assert_int_equal(clv_workers_drain(f->workers, 1000), 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(f->last_refusal, CLV_VERDICT_CLOSING);
    assert_int_equal(f->n_started, 1);
    assert_int_equal(f->n_released, 4);
    finish(f);
}

static void *submit_many(void *context)
{
    fixture *f = context;
    static int next;
    static pthread_mutex_t next_lock = PTHREAD_MUTEX_INITIALIZER;

    for (;;) {
        (void)pthread_mutex_lock(&next_lock);
        int number = next < MAX_JOBS ? next++ : -1;
        (void)pthread_mutex_unlock(&next_lock);
        if (number < 0)
            return NULL;
        while (submit(f, number, 0) == CLV_VERDICT_QUEUE_FULL)
            ;
    }
}

static void test_workers__many_submitters_lose_nothing(void **state)
{
    (void)state;
    fixture *f = start(3, 5, true);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, f), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(clv_workers_drain(f->workers, UINT64_MAX), 0);
    for (int i = 0; i < MAX_JOBS; i++)
        assert_int_equal(f->ends[i], 1);
    assert_int_equal(f->n_released, MAX_JOBS);
    finish(f);
}

static void test_workers__out_of_memory_is_reported(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        clv_workers_options options = {1, 1, work, refuse, release, NULL};
        clv_workers *workers;
        clv_memory_fail_after(n);
        clv_status status = clv_workers_create(&workers, &options, NULL);
        clv_memory_fail_after(0);
        assert_int_equal(status, CLV_ENOMEM);
    }
    clv_workers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers__jobs_run_in_order),
        cmocka_unit_test(test_workers__overflow_is_refused_at_the_door),
        cmocka_unit_test(test_workers__run_at_the_same_time),
        cmocka_unit_test(test_workers__deadline_that_passed_in_the_queue_is_refused),
        cmocka_unit_test(test_workers__learns_only_from_what_ran_to_its_end),
        cmocka_unit_test(test_workers__drain_answers_what_was_accepted),
        cmocka_unit_test(test_workers__drain_refuses_what_is_left_in_the_end),
        cmocka_unit_test(test_workers__many_submitters_lose_nothing),
        cmocka_unit_test(test_workers__out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
