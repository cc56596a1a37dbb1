/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "partitioner/plan.h"

enum { MAX_NODES = 9, MAX_PIECES = 64, MAX_CANDIDATES = 2048 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static uint64_t below(uint32_t n, uint32_t *state)
{
    return next_random(state) % n;
}

/* --- profiles ------------------------------------------------------------------------------- */

static void add_run(clv_profile *p, unsigned precision, uint32_t batch, uint32_t scale,
                    uint32_t *state)
{
    uint32_t index;

    assert_int_equal(clv_profile_add_run(&index, p, precision, batch), CLV_OK);
    clv_profile_run *run = &p->runs[index];
    for (uint32_t i = 0; i <= p->n_nodes; i++) {
        run->nodes[i].min_ns = i < p->n_nodes ? scale * below(1000, state) : 0;
        run->cut_bytes[i] = below(40000, state);
        run->peak_bytes[i] = 1000 * (i + 1) + below(500, state);
    }
}

static void add_point(clv_profile *p, uint32_t cut, unsigned precision, const char *codec,
                      uint32_t point, bool lossless, uint32_t *state)
{
    clv_profile_point one = {.cut = cut,
                             .precision = precision,
                             .point = point,
                             .mean_bytes = (double)below(20000, state),
                             .encode.min_ns = below(40000, state),
                             .decode.min_ns = below(10000, state),
                             .lossless = lossless,
                             .agreement = lossless ? 1.0 : 0.5 + (double)below(50, state) / 100.0};

    (void)snprintf(one.codec, sizeof one.codec, "%s", codec);
    one.p95_bytes = one.mean_bytes + (double)below(below(3, state) ? 5000 : 80000, state);
    assert_int_equal(clv_profile_add_point(p, &one), CLV_OK);
}

/* The server lacks some of the device's points. */
static clv_profile *make_profile(uint32_t n, bool is_server, uint32_t *state)
{
    clv_profile *p;

    assert_int_equal(clv_profile_create(&p, n), CLV_OK);
    p->preprocess.min_ns = below(50000, state);
    for (uint32_t i = 0; i < n; i++)
        p->nodes[i].macs = below(1000000, state);
    for (unsigned precision = 0; precision < 2; precision++) {
        add_run(p, precision, 1, is_server ? 40 : 900, state);
        add_run(p, precision, 4, is_server ? 100 : 3000, state);
    }
    for (uint32_t cut = 0; cut <= n; cut++) {
        for (unsigned precision = 0; precision < 2; precision++) {
            if (cut == 0 && !is_server)
                add_point(p, cut, precision, "jpeg", 0, true, state);
            if (!is_server || cut % 2 == 0)
                add_point(p, cut, precision, "zstd", 0, true, state);
            add_point(p, cut, precision, "rans", 0, false, state);
            add_point(p, cut, precision, "rans", 1, false, state);
        }
    }
    clv_error err;
    assert_int_equal(clv_profile_check(p, &err), CLV_OK);
    return p;
}

typedef struct setting {
    clv_profile *device, *server;
    clv_plan_options o;
} setting;

static void make_setting(setting *s, uint32_t *state)
{
    uint32_t n = 1 + (uint32_t)below(MAX_NODES, state);

    *s = (setting){.o = CLV_PLAN_OPTIONS_INIT};
    s->device = make_profile(n, false, state);
    s->server = make_profile(n, true, state);
    s->o.objective = (clv_objective)below(CLV_OBJECTIVE_COUNT, state);
    s->o.device_precisions = below(4, state);
    s->o.server_precisions = below(4, state);
    s->o.server_batch = below(2, state) ? 4 : 1;
    s->o.energy.joules_per_mac = below(2, state) ? 1e-10 : 0.0;
    if (below(3, state) == 0)
        s->o.limits.min_cut = (uint32_t)below(n + 1, state);
    if (below(4, state) == 0)
        s->o.limits.device_memory_bytes = 1000 + 1000 * below(n + 2, state);
    if (below(3, state) == 0)
        s->o.limits.min_agreement = 0.75;
    if (below(4, state) == 0)
        s->o.limits.bytes_per_s = (double)below(200000, state);
    if (below(3, state) == 0)
        s->o.limits.deadline_us = 1 + below(20000, state);
    if (below(4, state) == 0)
        s->o.limits.device_mj = 1.0 + (double)below(60, state);
}

static void free_setting(setting *s)
{
    clv_profile_free(s->device);
    clv_profile_free(s->server);
}

static clv_world random_world(uint32_t *state)
{
    return (clv_world){
        .bytes_per_s = below(12, state) == 0 ? 0.0 : exp((double)below(900, state) / 100.0 + 8.0),
        .rtt_us = (double)below(40000, state),
        .server_load = 0.5 + (double)below(80, state) / 10.0,
        .device_slowdown = 0.5 + (double)below(40, state) / 10.0};
}

/* --- brute force ---------------------------------------------------------------------------- */

typedef struct found {
    double within_value, fastest_us; /* INFINITY: there is none */
    uint32_t possible;               /* that keep what doesn't depend on the world */
} found;

/* From what a way to run costs, in any units but the header's own steps. */
static void weigh(found *f, const setting *s, const clv_world *w, double device_us, double bytes,
                  double p95, double server_us, bool ships, double macs)
{
    const clv_plan_options *o = &s->o;
    double a = device_us * w->device_slowdown, c = server_us * w->server_load, b = 0.0, wait = 0.0;

    f->possible++;
    if (ships && w->bytes_per_s <= 0.0)
        return;
    if (ships) {
        b = bytes * 1e6 / w->bytes_per_s;
        wait = b + w->rtt_us + c;
    }
    double late = a + wait + (ships ? (p95 - bytes) * 1e6 / w->bytes_per_s : 0.0);
    double joules = (o->energy.busy_watts * a + o->energy.idle_watts * wait) / 1e6 +
                    (ships ? bytes * o->energy.joules_per_byte : 0.0) +
                    macs * o->energy.joules_per_mac;
    double values[] = {a + wait, fmax(a, fmax(b, ships ? c / o->server_batch : 0.0)), joules * 1e3,
                       ships ? bytes : 0.0};
    f->fastest_us = fmin(f->fastest_us, a + wait);
    if ((o->limits.deadline_us > 0 && late > (double)o->limits.deadline_us) ||
        (o->limits.device_mj > 0.0 && joules * 1e3 > o->limits.device_mj))
        return;
    f->within_value = fmin(f->within_value, values[o->objective]);
}

static bool allowed(uint64_t mask, unsigned precision)
{
    return mask == 0 || mask == 3 || mask == 1u + precision;
}

static void try_point(found *f, const setting *s, const clv_world *w, const clv_profile_run *front,
                      const clv_profile_run *back, const clv_profile_point *p)
{
    const clv_plan_options *o = &s->o;
    uint32_t n = s->device->n_nodes;
    double device = 0.0, server = 0.0, macs = 0.0, decode = (double)p->decode.min_ns;
    double more = (double)o->message_bytes + (double)back->cut_bytes[n];
    bool jpeg = strcmp(p->codec, "jpeg") == 0;

    for (uint32_t i = 0; i < n; i++) {
        device += i < p->cut ? (double)front->nodes[i].min_ns : 0.0;
        macs += i < p->cut ? (double)s->device->nodes[i].macs : 0.0;
        server += i >= p->cut ? (double)back->nodes[i].min_ns : 0.0;
    }
    for (uint32_t i = 0; i < s->server->n_points; i++) {
        const clv_profile_point *q = &s->server->points[i];
        if (q->cut == p->cut && q->precision == p->precision && q->point == p->point &&
            strcmp(q->codec, p->codec) == 0)
            decode = (double)q->decode.min_ns;
    }
    if (jpeg)
        decode += (double)s->server->preprocess.min_ns;
    else
        device += (double)s->device->preprocess.min_ns;
    if (p->cut < o->limits.min_cut || (!p->lossless && p->agreement < o->limits.min_agreement) ||
        (o->limits.device_memory_bytes > 0 &&
         front->peak_bytes[p->cut] > o->limits.device_memory_bytes) ||
        (o->limits.bytes_per_s > 0.0 &&
         (p->mean_bytes + more) * o->frames_per_s > o->limits.bytes_per_s))
        return;
    weigh(f, s, w, (device + (double)p->encode.min_ns) / 1e3, p->mean_bytes + more,
          p->p95_bytes + more, (server + (double)back->batch * decode) / 1e3, true, macs);
}

static void try_local(found *f, const setting *s, const clv_world *w, const clv_profile_run *front)
{
    uint32_t n = s->device->n_nodes;
    double device = (double)s->device->preprocess.min_ns, macs = 0.0;

    for (uint32_t i = 0; i < n; i++) {
        device += (double)front->nodes[i].min_ns;
        macs += (double)s->device->nodes[i].macs;
    }
    if (s->o.limits.device_memory_bytes == 0 ||
        front->peak_bytes[n] <= s->o.limits.device_memory_bytes)
        weigh(f, s, w, device / 1e3, 0.0, 0.0, 0.0, false, macs);
}

static found brute_force(const setting *s, const clv_world *w)
{
    found f = {INFINITY, INFINITY, 0};

    for (uint32_t i = 0; i < s->device->n_runs; i++) {
        const clv_profile_run *front = &s->device->runs[i];
        if (front->batch != 1 || !allowed(s->o.device_precisions, front->precision))
            continue;
        try_local(&f, s, w, front);
        for (uint32_t j = 0; j < s->server->n_runs; j++) {
            const clv_profile_run *back = &s->server->runs[j];
            if (back->batch != s->o.server_batch ||
                !allowed(s->o.server_precisions, back->precision))
                continue;
            for (uint32_t k = 0; k < s->device->n_points; k++) {
                const clv_profile_point *p = &s->device->points[k];
                if (p->precision == front->precision && p->cut < s->device->n_nodes)
                    try_point(&f, s, w, front, back, p);
            }
            for (uint32_t cut = 0; cut < s->device->n_nodes; cut++) {
                double bytes = (double)front->cut_bytes[cut];
                clv_profile_point raw = {.cut = cut,
                                         .mean_bytes = bytes,
                                         .p95_bytes = bytes,
                                         .codec = "float",
                                         .precision = front->precision,
                                         .lossless = true};
                try_point(&f, s, w, front, back, &raw);
            }
        }
    }
    return f;
}

static void check_close(double a, double b)
{
    if (fabs(a - b) > 1e-9 * (fabs(a) + fabs(b)))
        fail_msg("%.17g is not %.17g", a, b);
}

static uint32_t check_world(const clv_plan *plan, const setting *s, const clv_world *w)
{
    found f = brute_force(s, w);
    clv_plan_choice choice = clv_plan_best(plan, w);

    if (isinf(f.fastest_us)) {
        assert_int_equal(choice.candidate, CLV_PLAN_NONE);
        return 0;
    }
    assert_true(choice.candidate < clv_plan_count(plan));
    assert_int_equal(choice.within, isfinite(f.within_value));
    if (choice.within)
        check_close(choice.cost.value, f.within_value);
    else
        check_close(choice.cost.latency_us, f.fastest_us);
    return choice.within;
}

static void test_plan__the_choice_is_that_of_brute_force(void **unused)
{
    (void)unused;
    uint32_t state = 1, planned = 0, within = 0;

    for (int round = 0; round < 1500; round++) {
        setting s;
        clv_plan *plan = NULL;
        clv_error err;
        make_setting(&s, &state);
        clv_world w = random_world(&state);
        clv_status status = clv_plan_create(&plan, s.device, s.server, &s.o, &err);
        assert_int_equal(status, brute_force(&s, &w).possible > 0 ? CLV_OK : CLV_ENOENT);
        for (int i = 0; i < 12 && plan != NULL; i++, w = random_world(&state), planned++)
            within += check_world(plan, &s, &w);
        clv_plan_free(plan);
        free_setting(&s);
    }
    assert_true(planned > 10000 && within > planned / 2 && within < planned);
}

static double factor_of(const clv_plan_candidate *c, const double by_codec[4])
{
    return by_codec[strcmp(c->codec, "rans") == 0   ? 0
                    : strcmp(c->codec, "zstd") == 0 ? 1
                    : strcmp(c->codec, "jpeg") == 0 ? 2
                                                    : 3];
}

static void set_factors(double *out, const clv_plan *plan, const double by_codec[4])
{
    assert_in_range(clv_plan_count(plan), 1, MAX_CANDIDATES);
    for (uint32_t i = 0; i < clv_plan_count(plan); i++)
        out[i] = factor_of(clv_plan_at(plan, i), by_codec);
}

/* With payloads that turn out otherwise nothing that was dropped would be better than what is left.
 */
static void test_plan__payloads_may_turn_out_otherwise(void **unused)
{
    (void)unused;
    static double few_factors[MAX_CANDIDATES], all_factors[MAX_CANDIDATES];
    uint32_t state = 9, n_fewer = 0, n_plans = 0;

    for (int round = 0; round < 300; round++) {
        setting s;
        clv_plan *few = NULL, *all = NULL;
        clv_error err;
        make_setting(&s, &state);
        s.o.payloads_vary = true;
        clv_status status = clv_plan_create(&few, s.device, s.server, &s.o, &err);
        s.o.keep_dominated = true;
        assert_int_equal(clv_plan_create(&all, s.device, s.server, &s.o, &err), status);
        n_plans += few != NULL;
        for (int i = 0; i < 6 && few != NULL; i++) {
            double by_codec[4];
            clv_world w = random_world(&state);
            for (int k = 0; k < 4; k++)
                by_codec[k] = 0.1 + (double)below(200, &state) / 100.0;
            set_factors(few_factors, few, by_codec);
            set_factors(all_factors, all, by_codec);
            w.payload_factors = few_factors;
            clv_plan_choice a = clv_plan_best(few, &w);
            w.payload_factors = all_factors;
            clv_plan_choice b = clv_plan_best(all, &w);
            assert_int_equal(a.candidate == CLV_PLAN_NONE, b.candidate == CLV_PLAN_NONE);
            if (a.candidate == CLV_PLAN_NONE)
                continue;
            assert_int_equal(a.within, b.within);
            check_close(a.within ? a.cost.value : a.cost.latency_us,
                        a.within ? b.cost.value : b.cost.latency_us);
            const clv_plan_candidate *c = clv_plan_at(few, a.candidate);
            double more = (factor_of(c, by_codec) - 1.0) * c->payload_bytes;
            check_close(a.cost.bytes, c->ships ? c->bytes + more : 0.0);
        }
        n_fewer += few != NULL && clv_plan_count(few) < clv_plan_count(all);
        clv_plan_free(few);
        clv_plan_free(all);
        free_setting(&s);
    }
    assert_true(n_fewer > n_plans / 2);
}

/* --- the world in pieces -------------------------------------------------------------------- */

static void check_pieces(const clv_plan *plan, clv_world w, const clv_plan_piece *p, uint32_t n)
{
    assert_true(p[0].from_bytes_per_s == 1e3 && p[n - 1].to_bytes_per_s == 1e8);
    for (uint32_t i = 0; i < n; i++) {
        w.bytes_per_s = sqrt(p[i].from_bytes_per_s * p[i].to_bytes_per_s);
        check_close(clv_plan_cost_in(plan, p[i].candidate, &w).value,
                    clv_plan_best(plan, &w).cost.value);
        if (i == 0)
            continue;
        assert_true(p[i].from_bytes_per_s == p[i - 1].to_bytes_per_s);
        assert_true(p[i].candidate != p[i - 1].candidate);
        w.bytes_per_s = p[i].from_bytes_per_s; /* there both cost the same */
        double a = clv_plan_cost_in(plan, p[i].candidate, &w).value;
        double b = clv_plan_cost_in(plan, p[i - 1].candidate, &w).value;
        assert_true(fabs(a - b) <= 1e-5 * (a + b));
    }
}

static void test_plan__pieces_of_bandwidth_are_the_lower_envelope(void **unused)
{
    (void)unused;
    uint32_t state = 2, pieces = 0;

    for (int round = 0; round < 300; round++) {
        setting s;
        clv_plan *plan;
        clv_plan_piece out[MAX_PIECES];
        clv_error err;
        make_setting(&s, &state);
        s.o.objective = CLV_OBJECTIVE_LATENCY;
        s.o.limits = (clv_plan_limits){0};
        clv_world w = random_world(&state);
        w.rtt_us /= 40.0;
        assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_OK);
        uint32_t n = clv_plan_pieces(out, MAX_PIECES, plan, &w, 1e3, 1e8);
        assert_in_range(n, 1, MAX_PIECES);
        check_pieces(plan, w, out, n);
        for (int i = 0; i < 200; i++) { /* and no line lies below */
            uint32_t at = 0;
            w.bytes_per_s = exp(log(1e3) + (double)below(10000, &state) / 1e4 * log(1e5));
            while (at + 1 < n && out[at].to_bytes_per_s < w.bytes_per_s)
                at++;
            double value = clv_plan_cost_in(plan, out[at].candidate, &w).value;
            assert_true(value <= clv_plan_best(plan, &w).cost.value * (1 + 1e-5));
        }
        assert_int_equal(clv_plan_pieces(out, 0, plan, &w, 1e3, 1e8), n);
        pieces += n;
        clv_plan_free(plan);
        free_setting(&s);
    }
    assert_true(pieces > 600);
}

static bool dominates(const clv_plan_candidate *a, const clv_plan_candidate *b)
{
    return a->device_ns + a->encode_ns <= b->device_ns + b->encode_ns && a->bytes <= b->bytes &&
           a->p95_bytes <= b->p95_bytes && a->server_ns <= b->server_ns && (b->ships || !a->ships);
}

static void test_plan__what_another_beats_everywhere_is_dropped(void **unused)
{
    (void)unused;
    uint32_t state = 3, left = 0, considered = 0;

    for (int round = 0; round < 100; round++) {
        setting s;
        clv_plan *plan;
        clv_error err;
        make_setting(&s, &state);
        s.o.limits = (clv_plan_limits){0};
        s.o.energy.joules_per_mac = 0.0;
        assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_OK);
        uint32_t n = clv_plan_count(plan);
        left += n;
        considered += clv_plan_considered(plan);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(i == 0 || clv_plan_at(plan, i - 1)->cut <= clv_plan_at(plan, i)->cut);
            for (uint32_t j = 0; j < n; j++)
                assert_true(i == j || !dominates(clv_plan_at(plan, i), clv_plan_at(plan, j)));
        }
        clv_plan_free(plan);
        free_setting(&s);
    }
    assert_true(left < considered / 2);
}

/* --- by hand -------------------------------------------------------------------------------- */

/* Two nodes of 10 ms on the device and 1 ms on the server; 100,000 bytes in, 10,000 between, and
 * 1,000 out. */
static setting by_hand(void)
{
    setting s = {.o = CLV_PLAN_OPTIONS_INIT};
    const uint64_t bytes[] = {100000, 10000, 1000};
    uint32_t index;

    for (int side = 0; side < 2; side++) {
        clv_profile *p;
        assert_int_equal(clv_profile_create(&p, 2), CLV_OK);
        assert_int_equal(clv_profile_add_run(&index, p, 0, 1), CLV_OK);
        for (uint32_t i = 0; i < 2; i++)
            p->runs[0].nodes[i].min_ns = side == 0 ? 10000000 : 1000000;
        memcpy(p->runs[0].cut_bytes, bytes, sizeof bytes);
        *(side == 0 ? &s.device : &s.server) = p;
    }
    s.o.message_bytes = 0;
    return s;
}

static clv_plan *plan_of(const setting *s)
{
    clv_plan *plan = NULL;
    clv_error err;
    assert_int_equal(clv_plan_create(&plan, s->device, s->server, &s->o, &err), CLV_OK);
    return plan;
}

static void test_plan__each_bandwidth_has_its_cut(void **unused)
{
    (void)unused;
    setting s = by_hand();
    clv_plan *plan = plan_of(&s);
    clv_world w = CLV_WORLD_INIT;

    assert_int_equal(clv_plan_count(plan), 3);
    w.rtt_us = 2000.0;
    w.bytes_per_s = 1e8; /* 1.01 ms + 2 + 2 */
    clv_plan_choice c = clv_plan_best(plan, &w);
    assert_int_equal(clv_plan_at(plan, c.candidate)->cut, 0);
    check_close(c.cost.latency_us, 1010.0 + 2000.0 + 2000.0);
    w.bytes_per_s = 2e6; /* 10 + 5.5 + 2 + 1 */
    c = clv_plan_best(plan, &w);
    assert_int_equal(clv_plan_at(plan, c.candidate)->cut, 1);
    check_close(c.cost.latency_us, 18500.0);
    check_close(c.cost.device_mj, 6.0 * 10.0 + 2.5 * 8.5 + 4e-7 * 11000 * 1e3);
    w.server_load = 3.0; /* 2 ms more: all here takes 20 */
    c = clv_plan_best(plan, &w);
    assert_false(clv_plan_at(plan, c.candidate)->ships);
    check_close(c.cost.latency_us, 20000.0);
    w.device_slowdown = 1.2; /* 24 ms against 12 + 5.5 + 2 + 3 */
    assert_int_equal(clv_plan_at(plan, clv_plan_best(plan, &w).candidate)->cut, 1);
    clv_plan_free(plan);
    free_setting(&s);
}

static void test_plan__without_a_link_or_a_server_the_device_is_alone(void **unused)
{
    (void)unused;
    setting s = by_hand();
    clv_world w = CLV_WORLD_INIT;
    clv_plan *plan = plan_of(&s);

    assert_false(clv_plan_at(plan, clv_plan_best(plan, &w).candidate)->ships);
    clv_plan_free(plan);
    s.device->runs[0].peak_bytes[2] = 50;
    s.o.limits.device_memory_bytes = 40;
    plan = plan_of(&s);
    assert_int_equal(clv_plan_best(plan, &w).candidate, CLV_PLAN_NONE);
    clv_plan_free(plan);
    s.o.limits.device_memory_bytes = 0;
    clv_profile_free(s.server);
    s.server = NULL;
    plan = plan_of(&s);
    assert_int_equal(clv_plan_count(plan), 1);
    w.bytes_per_s = 1e9;
    assert_false(clv_plan_at(plan, clv_plan_best(plan, &w).candidate)->ships);
    clv_plan_free(plan);
    free_setting(&s);
}

static void test_plan__where_no_limit_can_be_kept_the_fastest_is_chosen(void **unused)
{
    (void)unused;
    setting s = by_hand();
    clv_world w = {2e6, 2000.0, 1.0, 1.0, NULL};

    s.o.objective = CLV_OBJECTIVE_BYTES;
    s.o.limits.deadline_us = 19000;
    clv_plan *plan = plan_of(&s);
    clv_plan_choice c = clv_plan_best(plan, &w);
    assert_true(c.within && clv_plan_at(plan, c.candidate)->cut == 1);
    w.bytes_per_s = 1e6;
    c = clv_plan_best(plan, &w);
    assert_false(c.within);
    assert_false(clv_plan_at(plan, c.candidate)->ships); /* 20 ms; the others take 24 and 105 */
    clv_plan_free(plan);
    free_setting(&s);
}

static void test_plan__what_does_not_fit_together_is_refused(void **unused)
{
    (void)unused;
    setting s = by_hand();
    clv_plan *plan = NULL;
    clv_error err;

    s.o.server_batch = 4;
    assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_EINVAL);
    s.o.server_batch = 1;
    s.o.device_precisions = 2;
    assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_EINVAL);
    s.o.device_precisions = 0;
    s.o.energy.busy_watts = 1.0;
    assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_EINVAL);
    s.o.energy.busy_watts = NAN;
    assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_EINVAL);
    s.o.energy.busy_watts = 6.0;
    s.server->bundle.bytes[31] ^= 1;
    assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_EINVAL);
    s.server->bundle.bytes[31] ^= 1;
    s.o.limits.device_memory_bytes = 1;
    for (uint32_t k = 0; k <= 2; k++)
        s.device->runs[0].peak_bytes[k] = 2;
    assert_int_equal(clv_plan_create(&plan, s.device, s.server, &s.o, &err), CLV_ENOENT);
    assert_null(plan);
    free_setting(&s);
}

static void test_plan__choosing_allocates_nothing_and_planning_may_fail(void **unused)
{
    (void)unused;
    uint32_t state = 4;
    setting s;
    clv_world w = {1e6, 1000.0, 1.0, 1.0, NULL};
    clv_status status = CLV_ENOMEM;
    clv_plan *plan = NULL;

    make_setting(&s, &state);
    s.o.limits = (clv_plan_limits){0};
    for (uint64_t n = 1; status != CLV_OK; n++) {
        clv_error err;
        assert_true(n < 50 && plan == NULL);
        clv_memory_fail_after(n);
        status = clv_plan_create(&plan, s.device, s.server, &s.o, &err);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || status == CLV_ENOMEM);
    }
    clv_memory_fail_after(2);
    clv_plan_choice c = clv_plan_best(plan, &w);
    void *first = clv_calloc(1, 1);
    clv_memory_fail_after(0);
    assert_non_null(first);
    assert_true(c.candidate < clv_plan_count(plan));
    clv_free(first);
    clv_plan_free(plan);
    free_setting(&s);
}

static void test_plan__profiles_that_cannot_be_are_refused(void **unused)
{
    (void)unused;
    setting s = by_hand();
    clv_profile_point point = {.cut = 1, .codec = "zstd", .mean_bytes = 5.0, .agreement = 1.0};
    clv_profile *p = s.device;
    clv_error err;

    assert_int_equal(clv_profile_add_point(p, &point), CLV_OK);
    point.cut = 0;
    assert_int_equal(clv_profile_add_point(p, &point), CLV_EINVAL);
    point.cut = 3;
    assert_int_equal(clv_profile_add_point(p, &point), CLV_EINVAL);
    assert_int_equal(clv_profile_check(p, &err), CLV_OK);
    p->points[0].mean_bytes = NAN;
    assert_int_equal(clv_profile_check(p, &err), CLV_ELIMIT);
    p->points[0].mean_bytes = 5.0;
    p->points[0].agreement = 1.5;
    assert_int_equal(clv_profile_check(p, &err), CLV_EFORMAT);
    p->points[0].agreement = 0.5;
    p->points[0].codec[0] = '\0';
    assert_int_equal(clv_profile_check(p, &err), CLV_EFORMAT);
    p->points[0].codec[0] = 'z';
    p->runs[0].nodes[1].min_ns = CLV_PROFILE_MAX_VALUE;
    assert_int_equal(clv_profile_check(p, &err), CLV_ELIMIT);
    p->runs[0].nodes[1].min_ns = 1;
    uint32_t index;
    assert_int_equal(clv_profile_add_run(&index, p, 0, 0), CLV_EINVAL);
    assert_int_equal(clv_profile_add_run(&index, p, 0, 1), CLV_OK);
    assert_int_equal(clv_profile_check(p, &err), CLV_EFORMAT); /* that run is there twice */
    free_setting(&s);
}

static void test_plan__objectives_have_names(void **unused)
{
    (void)unused;
    clv_objective o;

    for (unsigned i = 0; i < CLV_OBJECTIVE_COUNT; i++) {
        assert_int_equal(clv_objective_find(&o, clv_objective_name((clv_objective)i)), CLV_OK);
        assert_int_equal(o, i);
    }
    assert_int_equal(clv_objective_find(&o, "speed"), CLV_ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__the_choice_is_that_of_brute_force),
        cmocka_unit_test(test_plan__pieces_of_bandwidth_are_the_lower_envelope),
        cmocka_unit_test(test_plan__what_another_beats_everywhere_is_dropped),
        cmocka_unit_test(test_plan__each_bandwidth_has_its_cut),
        cmocka_unit_test(test_plan__without_a_link_or_a_server_the_device_is_alone),
        cmocka_unit_test(test_plan__where_no_limit_can_be_kept_the_fastest_is_chosen),
        cmocka_unit_test(test_plan__what_does_not_fit_together_is_refused),
        cmocka_unit_test(test_plan__choosing_allocates_nothing_and_planning_may_fail),
        cmocka_unit_test(test_plan__profiles_that_cannot_be_are_refused),
        cmocka_unit_test(test_plan__payloads_may_turn_out_otherwise),
        cmocka_unit_test(test_plan__objectives_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
