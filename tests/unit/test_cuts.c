/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "graph/frontier.h"
#include "partitioner/cuts.h"
#include "support/graph_builder.h"

enum { MAX_NODES = 14, MAX_TENSORS = 3 * MAX_NODES };

/* A random problem with memory of its own. */
typedef struct random_problem {
    clv_cut_problem p;
    uint64_t device[MAX_NODES], server[MAX_NODES];
    bool pinned[MAX_NODES];
    clv_cut_tensor tensors[MAX_TENSORS];
    uint32_t consumers[MAX_TENSORS][MAX_NODES];
} random_problem;

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void add_consumers(clv_cut_tensor *tensor, uint32_t *consumers, uint32_t first, uint32_t n,
                          uint32_t density, uint32_t *state)
{
    tensor->consumers = consumers;
    for (uint32_t c = first; c < n; c++) {
        if (next_random(state) % 8 < density)
            consumers[tensor->n_consumers++] = c;
    }
}

/* @p shape chooses how dense it is, whether some node is faster on the device, and pins. */
static void make_problem(random_problem *r, uint32_t n, bool device_is_slower, bool pins,
                         uint32_t *state)
{
    uint32_t density = 1 + next_random(state) % 4, t = 0;

    memset(r, 0, sizeof *r);
    for (uint32_t i = 0; i < n; i++) {
        r->server[i] = next_random(state) % 50;
        r->device[i] = next_random(state) % 100 + (device_is_slower ? r->server[i] : 0);
        r->pinned[i] = pins && next_random(state) % 8 == 0;
    }
    for (uint32_t i = 0; i < 2; i++, t++) {
        r->tensors[t] = (clv_cut_tensor){CLV_CUT_OUTSIDE, 0, NULL, next_random(state) % 60, false};
        add_consumers(&r->tensors[t], r->consumers[t], 0, n, density, state);
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = next_random(state) % 8 == 0 ? 2 : 1; k > 0; k--, t++) {
            bool answer = i + 1 == n || next_random(state) % 12 == 0;
            r->tensors[t] = (clv_cut_tensor){i, 0, NULL, next_random(state) % 60, answer};
            add_consumers(&r->tensors[t], r->consumers[t], i + 1, n, density, state);
        }
    }
    r->p = (clv_cut_problem){n, t, r->device, r->server, pins ? r->pinned : NULL, r->tensors};
}

/* Whether the set @p mask holds all that its nodes need, and what is pinned. */
static bool is_possible(const random_problem *r, uint32_t mask)
{
    for (uint32_t i = 0; i < r->p.n_nodes; i++) {
        if (r->pinned[i] && (mask >> i & 1u) == 0)
            return false;
    }
    for (uint32_t t = 0; t < r->p.n_tensors; t++) {
        const clv_cut_tensor *tensor = &r->tensors[t];
        if (tensor->producer == CLV_CUT_OUTSIDE || (mask >> tensor->producer & 1u) != 0)
            continue;
        for (uint32_t c = 0; c < tensor->n_consumers; c++) {
            if ((mask >> tensor->consumers[c] & 1u) != 0)
                return false;
        }
    }
    return true;
}

/* Costs by the definition in cuts.h, without the code under test. */
static clv_cut_cost cost_of_mask(const random_problem *r, uint32_t mask)
{
    clv_cut_cost cost = {0, 0};

    for (uint32_t i = 0; i < r->p.n_nodes; i++)
        cost.compute_ns += (mask >> i & 1u) != 0 ? r->device[i] : r->server[i];
    for (uint32_t t = 0; t < r->p.n_tensors; t++) {
        const clv_cut_tensor *tensor = &r->tensors[t];
        bool made = tensor->producer == CLV_CUT_OUTSIDE || (mask >> tensor->producer & 1u) != 0;
        bool needed = tensor->is_answer;
        for (uint32_t c = 0; c < tensor->n_consumers; c++)
            needed = needed || (mask >> tensor->consumers[c] & 1u) == 0;
        cost.bytes += made && needed ? tensor->bytes : 0;
    }
    return cost;
}

static uint64_t least_of_all(const random_problem *r, uint64_t ns_per_byte)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t mask = 0; mask < 1u << r->p.n_nodes; mask++) {
        if (!is_possible(r, mask))
            continue;
        clv_cut_cost cost = cost_of_mask(r, mask);
        uint64_t value = cost.compute_ns + ns_per_byte * cost.bytes;
        least = value < least ? value : least;
    }
    return least;
}

static uint32_t mask_of(const bool *on_device, uint32_t n)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < n; i++)
        mask |= on_device[i] ? 1u << i : 0;
    return mask;
}

static void check_best(const random_problem *r, uint64_t ns_per_byte)
{
    bool on_device[MAX_NODES];
    clv_cut_cost cost;

    assert_int_equal(clv_cut_best(on_device, &cost, &r->p, (double)ns_per_byte), CLV_OK);
    uint32_t mask = mask_of(on_device, r->p.n_nodes);
    assert_true(is_possible(r, mask));
    clv_cut_cost true_cost = cost_of_mask(r, mask);
    clv_cut_cost told = clv_cut_cost_of(&r->p, on_device);
    assert_int_equal(cost.compute_ns, true_cost.compute_ns);
    assert_int_equal(cost.bytes, true_cost.bytes);
    assert_int_equal(told.compute_ns, true_cost.compute_ns);
    assert_int_equal(told.bytes, true_cost.bytes);
    assert_int_equal(cost.compute_ns + ns_per_byte * cost.bytes, least_of_all(r, ns_per_byte));
}

static void test_cuts__the_best_split_is_that_of_brute_force(void **unused)
{
    (void)unused;
    random_problem r;
    uint32_t state = 1;

    for (int round = 0; round < 10000; round++) {
        make_problem(&r, next_random(&state) % 10, round % 2 == 0, round % 5 == 0, &state);
        check_best(&r, next_random(&state) % 6);
    }
    for (int round = 0; round < 40; round++) {
        make_problem(&r, MAX_NODES, round % 2 == 0, round % 5 == 0, &state);
        check_best(&r, next_random(&state) % 6);
    }
}

static uint64_t least_of_sweep(const clv_cut_sweep *sweep, uint64_t ns_per_byte)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t k = 0; k < sweep->n_sets; k++) {
        uint64_t value = sweep->costs[k].compute_ns + ns_per_byte * sweep->costs[k].bytes;
        least = value < least ? value : least;
    }
    return least;
}

static void test_cuts__a_sweep_has_the_best_split_for_every_bandwidth(void **unused)
{
    (void)unused;
    static const uint64_t rates[] = {0, 1, 2, 3, 5, 8, 20, 1000};
    random_problem r;
    uint32_t state = 2;
    size_t sets = 0;

    for (int round = 0; round < 1000; round++) {
        clv_cut_sweep *sweep;
        make_problem(&r, next_random(&state) % 10, round % 2 == 0, round % 5 == 0, &state);
        assert_int_equal(clv_cut_sweep_create(&sweep, &r.p), CLV_OK);
        for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
            assert_int_equal(least_of_sweep(sweep, rates[i]), least_of_all(&r, rates[i]));
        for (uint32_t k = 1; k < sweep->n_sets; k++) {
            assert_true(sweep->costs[k - 1].compute_ns < sweep->costs[k].compute_ns);
            assert_true(sweep->costs[k - 1].bytes > sweep->costs[k].bytes);
        }
        sets += sweep->n_sets;
        clv_cut_sweep_free(sweep);
    }
    assert_true(sets > 1500); /* many have several */
}

/* Whether @p order is one, and set @p k of the sweep is a prefix of it. */
static bool is_prefix(const uint32_t *order, const clv_cut_sweep *sweep, uint32_t k)
{
    const bool *set = sweep->on_device + (size_t)k * sweep->n_nodes;
    for (uint32_t i = 1; i < sweep->n_nodes; i++) {
        if (set[order[i]] && !set[order[i - 1]])
            return false;
    }
    return true;
}

static void check_topological(const uint32_t *order, const clv_cut_problem *p)
{
    uint32_t place[MAX_NODES];
    bool there[MAX_NODES] = {false};

    for (uint32_t i = 0; i < p->n_nodes; i++) {
        assert_true(order[i] < p->n_nodes && !there[order[i]]);
        there[order[i]] = true;
        place[order[i]] = i;
    }
    for (uint32_t t = 0; t < p->n_tensors; t++) {
        for (uint32_t c = 0; c < p->tensors[t].n_consumers; c++) {
            if (p->tensors[t].producer != CLV_CUT_OUTSIDE)
                assert_true(place[p->tensors[t].producer] < place[p->tensors[t].consumers[c]]);
        }
    }
}

/* One round of make_problem() and clv_cut_order(). @return sets that are no prefixes. */
static uint32_t order_one(bool device_is_slower, uint32_t *state)
{
    random_problem r;
    clv_cut_sweep *sweep;
    uint32_t order[MAX_NODES], n_chained = 0, prefixes = 0;

    make_problem(&r, 1 + next_random(state) % MAX_NODES, device_is_slower, false, state);
    assert_int_equal(clv_cut_sweep_create(&sweep, &r.p), CLV_OK);
    assert_int_equal(clv_cut_order(order, &n_chained, sweep), CLV_OK);
    check_topological(order, &r.p);
    for (uint32_t k = 0; k < sweep->n_sets; k++)
        prefixes += is_prefix(order, sweep, k) ? 1 : 0;
    assert_true(prefixes >= n_chained && n_chained >= 1);
    uint32_t others = sweep->n_sets - prefixes;
    clv_cut_sweep_free(sweep);
    return others;
}

static void test_cuts__with_a_slower_device_the_best_splits_are_nested(void **unused)
{
    (void)unused;
    uint32_t state = 3;

    for (int round = 0; round < 5000; round++)
        assert_int_equal(order_one(true, &state), 0);
}

static void test_cuts__an_order_has_a_chain_of_splits_where_they_are_not_nested(void **unused)
{
    (void)unused;
    uint32_t state = 4, others = 0;

    for (int round = 0; round < 5000; round++)
        others += order_one(false, &state);
    assert_true(others > 0); /* where nodes are faster on the device, splits do cross */
}

static void test_cuts__a_tensor_with_two_readers_is_shipped_once(void **unused)
{
    (void)unused;
    static const uint32_t readers[] = {1, 2}, last[] = {3};
    const uint64_t device[] = {1, 100, 100, 100}, server[] = {1, 1, 1, 1};
    const clv_cut_tensor tensors[] = {{CLV_CUT_OUTSIDE, 1, (const uint32_t[]){0}, 50, false},
                                      {0, 2, readers, 10, false},
                                      {1, 1, last, 10, false},
                                      {2, 1, last, 10, false},
                                      {3, 0, NULL, 1, true}};
    const clv_cut_problem p = {4, 5, device, server, NULL, tensors};
    bool on_device[4];
    clv_cut_cost cost;

    assert_int_equal(clv_cut_best(on_device, &cost, &p, 1.0), CLV_OK);
    assert_int_equal(mask_of(on_device, 4), 1);
    assert_int_equal(cost.compute_ns, 4);
    assert_int_equal(cost.bytes, 10);
}

static void test_cuts__what_is_pinned_stays_with_all_it_needs(void **unused)
{
    (void)unused;
    const uint64_t device[] = {9, 9, 9}, server[] = {1, 1, 1};
    const bool pinned[] = {false, true, false};
    const clv_cut_tensor tensors[] = {{0, 1, (const uint32_t[]){1}, 0, false},
                                      {1, 1, (const uint32_t[]){2}, 0, false},
                                      {2, 0, NULL, 0, true}};
    clv_cut_problem p = {3, 3, device, server, pinned, tensors};
    bool on_device[3];
    clv_cut_cost cost;

    assert_int_equal(clv_cut_best(on_device, &cost, &p, 0.0), CLV_OK);
    assert_int_equal(mask_of(on_device, 3), 3);
    p.pinned = NULL;
    assert_int_equal(clv_cut_best(on_device, &cost, &p, 0.0), CLV_OK);
    assert_int_equal(mask_of(on_device, 3), 0);
}

static void test_cuts__impossible_problems_are_refused(void **unused)
{
    (void)unused;
    uint64_t device[] = {1, 1}, server[] = {1, 1};
    uint32_t reader = 0;
    clv_cut_tensor tensor = {0, 1, &reader, 1, false};
    clv_cut_problem p = {2, 1, device, server, NULL, &tensor};
    bool on_device[2];
    clv_cut_cost cost = {7, 7};

    assert_int_equal(clv_cut_best(on_device, &cost, &p, 1.0), CLV_EINVAL); /* reads itself */
    reader = 2;
    assert_int_equal(clv_cut_best(on_device, &cost, &p, 1.0), CLV_EINVAL); /* no such node */
    reader = 1;
    assert_int_equal(clv_cut_best(on_device, &cost, &p, -1.0), CLV_EINVAL);
    tensor.producer = 2;
    assert_int_equal(clv_cut_best(on_device, &cost, &p, 1.0), CLV_EINVAL);
    tensor.producer = 0;
    device[1] = UINT64_MAX;
    assert_int_equal(clv_cut_best(on_device, &cost, &p, 1.0), CLV_EINVAL);
    device[1] = 1;
    tensor.bytes = CLV_CUT_MAX_TOTAL + 1;
    assert_int_equal(clv_cut_best(on_device, &cost, &p, 1.0), CLV_EINVAL);
    assert_int_equal(cost.bytes, 7);
    tensor.bytes = 1;
    assert_int_equal(clv_cut_best(on_device, &cost, &p, 1.0), CLV_OK);
}

static void test_cuts__no_memory_is_an_error_and_no_leak(void **unused)
{
    (void)unused;
    random_problem r;
    uint32_t state = 5;
    clv_status status = CLV_ENOMEM;

    make_problem(&r, MAX_NODES, true, false, &state);
    for (uint64_t n = 1; status != CLV_OK; n++) {
        clv_cut_sweep *sweep = NULL;
        assert_true(n < 200);
        clv_memory_fail_after(n);
        status = clv_cut_sweep_create(&sweep, &r.p);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || (status == CLV_ENOMEM && sweep == NULL));
        clv_cut_sweep_free(sweep);
    }
}

/* The bytes at a prefix of a graph are those of its frontier. */
static void test_cuts__a_graph_has_the_bytes_of_its_frontiers(void **unused)
{
    (void)unused;
    clv_graph *graph = gb_create();
    gb_input(graph, "x", (gb_dims){{1, 3, 4, 4}});
    gb_lines(graph, "a = Relu x; b = Sigmoid a; c = Tanh a; d = Add b c; e = Add d a; f = Relu e");
    gb_output(graph, "f");
    gb_output(graph, "b");
    gb_prepare(graph);
    uint64_t ns[8] = {0};
    clv_cut_problem p;
    void *memory;
    clv_frontiers *frontiers;
    assert_int_equal(clv_cut_problem_of_graph(&p, &memory, graph, ns, ns), CLV_OK);
    assert_int_equal(clv_frontiers_create(&frontiers, graph), CLV_OK);
    for (uint32_t cut = 0; cut <= graph->n_nodes; cut++) {
        bool on_device[8];
        for (uint32_t i = 0; i < graph->n_nodes; i++)
            on_device[i] = i < cut;
        assert_int_equal(clv_cut_cost_of(&p, on_device).bytes,
                         clv_frontiers_at(frontiers, cut).count * 3 * 16 * sizeof(float));
    }
    clv_frontiers_free(frontiers);
    clv_free(memory);
    clv_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts__the_best_split_is_that_of_brute_force),
        cmocka_unit_test(test_cuts__a_sweep_has_the_best_split_for_every_bandwidth),
        cmocka_unit_test(test_cuts__with_a_slower_device_the_best_splits_are_nested),
        cmocka_unit_test(test_cuts__an_order_has_a_chain_of_splits_where_they_are_not_nested),
        cmocka_unit_test(test_cuts__a_tensor_with_two_readers_is_shipped_once),
        cmocka_unit_test(test_cuts__what_is_pinned_stays_with_all_it_needs),
        cmocka_unit_test(test_cuts__impossible_problems_are_refused),
        cmocka_unit_test(test_cuts__no_memory_is_an_error_and_no_leak),
        cmocka_unit_test(test_cuts__a_graph_has_the_bytes_of_its_frontiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
