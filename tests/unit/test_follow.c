/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "partitioner/follow.h"
#include "partitioner/residual.h"

enum { NODES = 12, SETTLING = 20, AFTER = 80, MAX_CANDIDATES = 64 };

/* --- a network ------------------------------------------------------------------------------ */

/* 68 ms on the device, most of it in late nodes, 4.5 ms on the server; tensors shrink. */
static clv_profile *make_profile(bool is_server)
{
    static const uint64_t bytes[NODES + 1] = {602112, 401408, 401408, 301056, 200704,
                                              150528, 100352, 50176,  40000,  20000,
                                              10000,  5120,   4000};
    static const uint64_t device_ms[NODES] = {2, 2, 3, 3, 4, 4, 5, 6, 8, 8, 10, 10};
    clv_profile *p;
    uint32_t run;

    assert_int_equal(clv_profile_create(&p, NODES), CLV_OK);
    assert_int_equal(clv_profile_add_run(&run, p, 0, 1), CLV_OK);
    p->preprocess.min_ns = is_server ? 300000 : 3000000;
    memcpy(p->runs[0].cut_bytes, bytes, sizeof bytes);
    for (uint32_t i = 0; i < NODES; i++)
        p->runs[0].nodes[i].min_ns = is_server ? 350000 : device_ms[i] * 1000000;
    for (uint32_t cut = 0; cut < NODES; cut++) {
        clv_profile_point point = {
            .cut = cut, .codec = "jpeg", .mean_bytes = 25000.0, .lossless = true, .agreement = 1.0};
        point.decode.min_ns = 1000000;
        if (cut == 0)
            assert_int_equal(clv_profile_add_point(p, &point), CLV_OK);
        (void)snprintf(point.codec, sizeof point.codec, "rans");
        point.mean_bytes = (double)bytes[cut] / 8.0;
        point.encode.min_ns = bytes[cut] * (is_server ? 1 : 40);
        point.decode.min_ns = bytes[cut];
        assert_int_equal(clv_profile_add_point(p, &point), CLV_OK);
    }
    return p;
}

static clv_plan *make_plan(const clv_plan_options *options)
{
    clv_profile *device = make_profile(false), *server = make_profile(true);
    clv_plan *plan = NULL;
    clv_error err;

    assert_int_equal(clv_plan_create(&plan, device, server, options, &err), CLV_OK);
    clv_profile_free(device);
    clv_profile_free(server);
    return plan;
}

/* --- a world -------------------------------------------------------------------------------- */

/* What is true, and what the profile doesn't know of it. */
typedef struct truth {
    double bytes_per_s, rtt_us, load, slowdown, waited_us, encode_factor;
    bool tells;     /* echoes tell how busy the server is, nodes are run while the device waits */
    double others;  /* requests at the server for each worker, ours aside */
    double payload; /* of rans, over the profile's: frames that follow one by the same candidate */
} truth;

typedef struct simulation {
    const clv_plan *plan;
    clv_follow *follow;
    truth world;
    uint64_t now_us;
    uint32_t random;
    bool up;
    uint32_t last;                  /* candidate of the last frame that was shipped */
    double factors[MAX_CANDIDATES]; /* of payloads, where frames follow each other */
} simulation;

/* A factor around 1. */
static double noise(simulation *s, double size)
{
    s->random = s->random * 1664525u + 1013904223u;
    return 1.0 + size * ((double)(s->random >> 8) / 8388608.0 - 1.0);
}

static clv_plan_cost true_cost(const simulation *s, uint32_t candidate)
{
    const truth *t = &s->world;
    clv_world w = {s->up ? t->bytes_per_s : 0.0, t->rtt_us + t->waited_us, t->load, t->slowdown,
                   s->factors};
    clv_plan_cost cost = clv_plan_cost_in(s->plan, candidate, &w);
    double more_us = cost.encode_us * (t->encode_factor - 1.0);

    cost.encode_us += more_us;
    cost.latency_us += more_us;
    return cost;
}

static void change_world(simulation *s, truth world)
{
    s->world = world;
    for (uint32_t i = 0; i < clv_plan_count(s->plan); i++) {
        bool is_rans = strcmp(clv_plan_at(s->plan, i)->codec, "rans") == 0;
        s->factors[i] = is_rans ? world.payload : 1.0;
    }
}

static double hindsight(const simulation *s)
{
    double best = INFINITY;
    for (uint32_t i = 0; i < clv_plan_count(s->plan); i++)
        best = fmin(best, true_cost(s, i).latency_us);
    return best;
}

static void echo(simulation *s, uint32_t bytes, bool alone)
{
    double all = bytes + 100.0, queue_us = alone ? 0.0 : 3000.0 * noise(s, 1.0);
    double us = s->world.rtt_us * noise(s, 0.03) + all / s->world.bytes_per_s * 1e6 + queue_us;
    clv_link_sample sample = {s->now_us, s->now_us + (uint64_t)us, 0.0, all, alone};

    clv_follow_echoed(s->follow, &sample, s->world.tells ? s->world.others * noise(s, 0.05) : -1.0);
}

/* One frame. @return what it costs in truth; the device alone where the link fails it. */
static double step(simulation *s)
{
    clv_follow_choice c = clv_follow_next(s->follow);
    assert_true(c.candidate < clv_plan_count(s->plan));
    bool ships = clv_plan_at(s->plan, c.candidate)->ships;
    bool is_first = ships && s->last != c.candidate; /* nothing to be coded after */
    double factor = s->factors[c.candidate];
    s->factors[c.candidate] = is_first ? 1.0 : factor;
    clv_plan_cost cost = true_cost(s, c.candidate);
    s->factors[c.candidate] = factor;

    if (c.echo && s->up)
        echo(s, c.echo_bytes, !ships);
    if (c.check_device && s->world.tells)
        clv_follow_checked(s->follow, s->world.slowdown * noise(s, 0.05));
    clv_follow_frame f = {.candidate = c.candidate};
    f.device_us = cost.device_us * noise(s, 0.04);
    f.encode_us = cost.encode_us * noise(s, 0.04);
    s->now_us += (uint64_t)(f.device_us + f.encode_us);
    if (ships) {
        f.server_us = cost.server_us * noise(s, 0.05);
        f.waited_us = s->world.waited_us * noise(s, 0.1);
        f.link.sent_us = s->now_us;
        f.tells_others = s->world.tells;
        f.others = s->world.others * noise(s, 0.05);
        f.payload_bytes =
            is_first ? 0.0
                     : clv_plan_at(s->plan, c.candidate)->payload_bytes * factor * noise(s, 0.05);
        s->last = c.candidate;
        f.link.bytes = cost.bytes;
        f.link.alone = true;
        s->now_us += (uint64_t)(f.server_us + f.waited_us + cost.link_us * noise(s, 0.05) +
                                s->world.rtt_us * noise(s, 0.03));
        f.link.answered_us = s->now_us;
    }
    clv_follow_answered(s->follow, &f);
    s->now_us += 1000;
    return cost.latency_us;
}

static void start_by(simulation *s, const clv_plan *plan, truth world, uint32_t seed,
                     const clv_follow_options *options)
{
    assert_in_range(clv_plan_count(plan), 1, MAX_CANDIDATES);
    *s = (simulation){
        .plan = plan, .now_us = 1000000, .random = seed, .up = true, .last = CLV_PLAN_NONE};
    change_world(s, world);
    assert_int_equal(clv_follow_create(&s->follow, plan, options), CLV_OK);
    clv_follow_link_up(s->follow, world.rtt_us * 1.1);
}

static void start(simulation *s, const clv_plan *plan, truth world, uint32_t seed)
{
    clv_follow_options options = CLV_FOLLOW_OPTIONS_INIT;
    start_by(s, plan, world, seed, &options);
}

/* The mean of AFTER frames, SETTLING frames after the world became as it is, over the best. */
static double regret(simulation *s)
{
    double sum = 0.0;

    for (int i = 0; i < SETTLING; i++)
        (void)step(s);
    for (int i = 0; i < AFTER; i++)
        sum += step(s);
    return sum / AFTER / hindsight(s);
}

/* --- steps ---------------------------------------------------------------------------------- */

#define FAST 6.25e6 /* 50 Mbit/s */
#define SLOW 6.25e4

static const struct {
    const char *name;
    truth before, after;
} traces[] = {
    {"bandwidth falls to a tenth",
     {FAST, 1e4, 1, 1, 0, 1, true, 0, 1},
     {FAST / 10, 1e4, 1, 1, 0, 1, true, 0, 1}},
    {"bandwidth falls to a hundredth",
     {FAST, 1e4, 1, 1, 0, 1, true, 0, 1},
     {SLOW, 1e4, 1, 1, 0, 1, true, 0, 1}},
    {"bandwidth rises from a hundredth",
     {SLOW, 1e4, 1, 1, 0, 1, true, 0, 1},
     {FAST, 1e4, 1, 1, 0, 1, true, 0, 1}},
    {"the round trip rises",
     {FAST, 5e3, 1, 1, 0, 1, true, 0, 1},
     {FAST, 8e4, 1, 1, 0, 1, true, 0, 1}},
    {"the round trip falls",
     {FAST, 8e4, 1, 1, 0, 1, true, 0, 1},
     {FAST, 5e3, 1, 1, 0, 1, true, 0, 1}},
    {"the server gets busy",
     {FAST, 5e3, 1, 1, 0, 1, true, 0, 1},
     {FAST, 5e3, 16, 1, 20000, 1, true, 4, 1}},
    {"the server is free again",
     {FAST, 5e3, 16, 1, 20000, 1, true, 4, 1},
     {FAST, 5e3, 1, 1, 0, 1, true, 0, 1}},
    {"the device gets hot",
     {SLOW * 4, 2e4, 1, 0.3, 0, 1, true, 0, 1},
     {SLOW * 4, 2e4, 1, 2, 0, 1, true, 0, 1}},
    {"the device cools down",
     {SLOW * 4, 2e4, 1, 4, 0, 1, true, 0, 1},
     {SLOW * 4, 2e4, 1, 0.8, 0, 1, true, 0, 1}},
    {"a slow codec, and a faster link",
     {SLOW, 1e4, 1, 1, 0, 4, true, 0, 1},
     {FAST / 4, 1e4, 1, 1, 0, 4, true, 0, 1}},
};

static void test_follow__twenty_frames_after_a_step_it_is_within_five_percent(void **unused)
{
    (void)unused;
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_plan *plan = make_plan(&options);
    bool failed = false;

    for (size_t t = 0; t < sizeof traces / sizeof traces[0]; t++) {
        for (uint32_t seed = 1; seed <= 20; seed++) {
            simulation s;
            start(&s, plan, traces[t].before, seed);
            double first = regret(&s);
            change_world(&s, traces[t].after);
            double second = regret(&s);
            if (first > 1.05 || second > 1.05) {
                print_error("%s, seed %u: %.3f before, %.3f after\n", traces[t].name, seed, first,
                            second);
                failed = true;
            }
            clv_follow_free(s.follow);
        }
    }
    assert_false(failed);
    clv_plan_free(plan);
}

/* Where nothing but frames tells of the other side. */
static void check_returns(truth before, truth after)
{
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_plan *plan = make_plan(&options);

    for (uint32_t seed = 1; seed <= 20; seed++) {
        simulation s;
        start(&s, plan, before, seed);
        for (int i = 0; i < 300; i++)
            (void)step(&s);
        change_world(&s, after);
        for (int i = 0; i < 100; i++)
            (void)step(&s);
        double r = regret(&s);
        if (r > 1.05)
            fail_msg("seed %u: %.3f", seed, r);
        clv_follow_free(s.follow);
    }
    clv_plan_free(plan);
}

static void test_follow__it_never_stays_on_one_side_for_lack_of_news(void **unused)
{
    (void)unused;
    check_returns((truth){FAST, 5e3, 30, 1, 20000, 1, false, 0, 1},
                  (truth){FAST, 5e3, 1, 1, 0, 1, false, 0, 1});
    check_returns((truth){SLOW * 4, 2e4, 1, 4, 0, 1, false, 0, 1},
                  (truth){SLOW * 4, 2e4, 1, 0.8, 0, 1, false, 0, 1});
}

/* Frames that go no more to a busy server bring no news of it, and there are no trials. */
static void test_follow__what_a_server_says_of_its_load_is_news(void **unused)
{
    (void)unused;
    static const truth busy = {FAST, 5e3, 16, 1, 20000, 1, true, 4, 1};
    static const truth idle = {FAST, 5e3, 1, 1, 0, 1, true, 0, 1};
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_follow_options no_trials = CLV_FOLLOW_OPTIONS_INIT;
    clv_plan *plan = make_plan(&options);

    no_trials.trial_frames = 1000000;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        simulation s;
        start_by(&s, plan, idle, seed, &no_trials);
        double first = regret(&s);
        change_world(&s, busy);
        double second = regret(&s);
        change_world(&s, idle);
        double third = regret(&s);
        if (first > 1.05 || second > 1.05 || third > 1.05)
            fail_msg("seed %u: %.3f, busy %.3f, idle again %.3f", seed, first, second, third);
        change_world(&s, busy);
        (void)regret(&s);
        assert_false(clv_plan_at(plan, clv_follow_next(s.follow).candidate)->ships);
        s.world.tells = false; /* without what it says nothing would bring it back */
        change_world(&s, (truth){FAST, 5e3, 1, 1, 0, 1, false, 0, 1});
        assert_true(regret(&s) > 1.5);
        clv_follow_free(s.follow);
    }
    clv_plan_free(plan);
}

/* Differences take 0.45 of what the profile says of key frames, or the camera moves again. */
static void test_follow__it_learns_what_frames_that_follow_each_other_take(void **unused)
{
    (void)unused;
    static const double rates[] = {SLOW, SLOW * 2, SLOW * 4, SLOW * 6, SLOW * 8, FAST / 4};
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_follow_options following = CLV_FOLLOW_OPTIONS_INIT;
    bool mattered = false, failed = false;

    options.payloads_vary = true;
    following.following = "rans";
    clv_plan *plan = make_plan(&options);
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        for (uint32_t seed = 1; seed <= 20; seed++) {
            truth still = {rates[i], 1e4, 1, 1, 0, 1, true, 0, 0.45};
            truth moving = {rates[i], 1e4, 1, 1, 0, 1, true, 0, 1};
            simulation s;
            start_by(&s, plan, still, seed, &following);
            clv_world by_profile = {rates[i], 1e4, 1.0, 1.0, NULL};
            uint32_t naive = clv_plan_best(plan, &by_profile).candidate;
            mattered = mattered || true_cost(&s, naive).latency_us > 1.05 * hindsight(&s);
            double first = regret(&s);
            change_world(&s, moving);
            double second = regret(&s);
            change_world(&s, still);
            for (int k = 0; k < 100; k++) /* where it ships otherwise, only a trial tells */
                (void)step(&s);
            double third = regret(&s);
            if (first > 1.05 || second > 1.05 || third > 1.05) {
                print_error("%.0f bytes/s, seed %u: %.3f, moving %.3f, still again %.3f\n",
                            rates[i], seed, first, second, third);
                failed = true;
            }
            clv_follow_free(s.follow);
        }
    }
    assert_true(mattered); /* or it would prove nothing */
    assert_false(failed);
    clv_plan_free(plan);
}

static void test_follow__it_does_not_flap(void **unused)
{
    (void)unused;
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_plan *plan = make_plan(&options);
    clv_world w = {0.0, 1e4, 1.0, 1.0, NULL};
    clv_plan_piece pieces[32];
    uint32_t n = clv_plan_pieces(pieces, 32, plan, &w, 1e4, 1e8);

    assert_in_range(n, 3, 32);
    for (uint32_t i = 1; i < n; i++) { /* where two are equally good */
        simulation s;
        uint32_t changes = 0, last = CLV_PLAN_NONE;
        start(&s, plan, (truth){pieces[i].from_bytes_per_s, 1e4, 1, 1, 0, 1, true, 0, 1}, i);
        for (int k = 0; k < 40; k++)
            (void)step(&s);
        for (int k = 0; k < 300; k++) {
            clv_follow_choice c = clv_follow_next(s.follow);
            changes += !c.trial && last != CLV_PLAN_NONE && c.candidate != last ? 1 : 0;
            last = c.trial ? last : c.candidate;
            (void)step(&s);
        }
        assert_in_range(changes, 0, 10);
        clv_follow_free(s.follow);
    }
    clv_plan_free(plan);
}

static void test_follow__without_a_link_it_is_alone_and_comes_back(void **unused)
{
    (void)unused;
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_plan *plan = make_plan(&options);
    simulation s;

    start(&s, plan, (truth){FAST, 1e4, 1, 1, 0, 1, true, 0, 1}, 1);
    assert_true(regret(&s) < 1.05);
    clv_follow_link_down(s.follow);
    s.up = false;
    for (int i = 0; i < 50; i++)
        assert_true(step(&s) < 1e6); /* infinite if it shipped */
    clv_follow_link_up(s.follow, 0.0);
    s.up = true;
    assert_true(regret(&s) < 1.05);
    double rate = clv_follow_world(s.follow).bytes_per_s;
    clv_follow_lost(s.follow);
    assert_true(clv_follow_world(s.follow).bytes_per_s <= rate / 2.0);
    clv_follow_free(s.follow);
    clv_plan_free(plan);
}

/* The encoder takes eight times as long as in the profile: the plan alone is wrong then. */
static void test_follow__what_the_model_misses_is_learned(void **unused)
{
    (void)unused;
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_plan *plan = make_plan(&options);
    simulation s;

    start(&s, plan, (truth){SLOW * 6.6, 1e4, 1, 1, 0, 8, true, 0, 1}, 1);
    clv_world w = {s.world.bytes_per_s, s.world.rtt_us, s.world.load, s.world.slowdown, NULL};
    double naive_us = true_cost(&s, clv_plan_best(plan, &w).candidate).latency_us;
    assert_true(naive_us > 1.1 * hindsight(&s));
    assert_true(regret(&s) < 1.05);
    clv_follow_free(s.follow);
    clv_plan_free(plan);
}

static void test_follow__limits_are_kept_as_the_world_changes(void **unused)
{
    (void)unused;
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    options.objective = CLV_OBJECTIVE_BYTES;
    options.limits.deadline_us = 40000;
    clv_plan *plan = make_plan(&options);
    simulation s;

    start(&s, plan, (truth){FAST, 5e3, 1, 0.5, 0, 1, true, 0, 1}, 1);
    for (int i = 0; i < 20; i++)
        (void)step(&s);
    assert_true(step(&s) < 40000.0); /* all on the device: 31.5 ms, no bytes */
    assert_false(clv_plan_at(plan, clv_follow_next(s.follow).candidate)->ships);
    s.world.slowdown = 1.0;
    for (int i = 0; i < 20; i++)
        (void)step(&s);
    clv_follow_choice c = clv_follow_next(s.follow);
    assert_true(c.within && clv_plan_at(plan, c.candidate)->ships);
    assert_true(c.expected_us > 0.0 && c.expected_us < 40000.0);
    clv_follow_free(s.follow);
    clv_plan_free(plan);
}

static void test_follow__nothing_is_allocated_and_nonsense_is_ignored(void **unused)
{
    (void)unused;
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_follow_options follow_options = CLV_FOLLOW_OPTIONS_INIT;
    clv_plan *plan = make_plan(&options);
    simulation s;

    start(&s, plan, (truth){FAST, 1e4, 1, 1, 0, 1, true, 0, 1}, 1);
    clv_memory_fail_after(2);
    for (int i = 0; i < 40; i++)
        (void)step(&s);
    void *first = clv_calloc(1, 1);
    clv_memory_fail_after(0);
    assert_non_null(first);
    clv_free(first);
    clv_world before = clv_follow_world(s.follow);
    clv_follow_frame frame = {.candidate = clv_plan_count(plan), .device_us = 1e9};
    clv_follow_answered(s.follow, &frame);
    frame = (clv_follow_frame){.candidate = 0, .device_us = NAN, .server_us = INFINITY};
    clv_follow_answered(s.follow, &frame);
    clv_follow_echoed(s.follow, &(clv_link_sample){100, 50, 0.0, 1e9, true}, -1.0);
    clv_follow_checked(s.follow, NAN);
    clv_world after = clv_follow_world(s.follow);
    assert_memory_equal(&before, &after, sizeof before);
    clv_follow_free(s.follow);
    s.follow = NULL;
    follow_options.margin = 1.0;
    assert_int_equal(clv_follow_create(&s.follow, plan, &follow_options), CLV_EINVAL);
    assert_null(s.follow);
    clv_plan_free(plan);
}

/* --- the parts ------------------------------------------------------------------------------ */

/* Five messages at once: each waits for those before it, over a link of 1 MB/s and 20 ms. */
static void test_follow__its_own_queue_is_no_slow_link(void **unused)
{
    (void)unused;
    clv_link_estimate link;

    clv_link_estimate_init(&link, 0.0, 0.0);
    clv_link_estimate_add(&link, &(clv_link_sample){1000, 21100, 0.0, 100.0, true});
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t left_us = 50000 + 100000 * (i + 1);
        clv_link_sample sample = {50000, left_us + 20000 + 7000, 7000.0, 100000.0, i == 0};
        clv_link_estimate_add(&link, &sample);
        assert_true(fabs(link.bytes_per_s / 1e6 - 1.0) < 0.01);
    }
    assert_true(fabs(link.rtt_us - 20000.0) < 200.0);
    clv_link_estimate_add(&link,
                          &(clv_link_sample){60000, 400000, 0.0, 100.0, false}); /* behind them */
    assert_true(fabs(link.rtt_us - 20000.0) < 200.0);
    clv_link_estimate_lost(&link);
    assert_true(fabs(link.bytes_per_s / 5e5 - 1.0) < 0.01);
}

static void test_follow__a_residual_is_by_how_much_each_part_is_wrong(void **unused)
{
    (void)unused;
    static const double contexts[][CLV_RESIDUAL_PARTS] = {
        {0.7, 0.1, 0.1, 0.1}, {0.1, 0.6, 0.2, 0.1}, {0.2, 0.1, 0.6, 0.1}, {0.1, 0.2, 0.2, 0.5}};
    static const double wrong[CLV_RESIDUAL_PARTS] = {0.0, 0.5, -0.1, 0.2};
    clv_residual r;

    clv_residual_init(&r);
    double doubt = clv_residual_doubt(&r, contexts[1]);
    for (int round = 0; round < 200; round++) {
        const double *x = contexts[round % 4];
        double missed = 0.0;
        for (unsigned i = 0; i < CLV_RESIDUAL_PARTS; i++)
            missed += x[i] * wrong[i];
        clv_residual_learn(&r, x, missed);
    }
    for (int k = 0; k < 4; k++) {
        double missed = 0.0;
        for (unsigned i = 0; i < CLV_RESIDUAL_PARTS; i++)
            missed += contexts[k][i] * wrong[i];
        assert_true(fabs(clv_residual_expect(&r, contexts[k]) - missed) < 0.03);
    }
    double known = clv_residual_doubt(&r, contexts[1]);
    assert_true(known < 0.6 * doubt && known > 0.0);
    for (int round = 0; round < 500; round++) /* nothing of the second part any more */
        clv_residual_learn(&r, (const double[]){1.0, 0.0, 0.0, 0.0}, 0.0);
    assert_true(clv_residual_doubt(&r, contexts[1]) > 1.2 * known);
    assert_true(fabs(clv_residual_expect(&r, (const double[]){0, 1, 0, 0})) < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follow__twenty_frames_after_a_step_it_is_within_five_percent),
        cmocka_unit_test(test_follow__it_never_stays_on_one_side_for_lack_of_news),
        cmocka_unit_test(test_follow__what_a_server_says_of_its_load_is_news),
        cmocka_unit_test(test_follow__it_learns_what_frames_that_follow_each_other_take),
        cmocka_unit_test(test_follow__it_does_not_flap),
        cmocka_unit_test(test_follow__without_a_link_it_is_alone_and_comes_back),
        cmocka_unit_test(test_follow__what_the_model_misses_is_learned),
        cmocka_unit_test(test_follow__limits_are_kept_as_the_world_changes),
        cmocka_unit_test(test_follow__nothing_is_allocated_and_nonsense_is_ignored),
        cmocka_unit_test(test_follow__its_own_queue_is_no_slow_link),
        cmocka_unit_test(test_follow__a_residual_is_by_how_much_each_part_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
