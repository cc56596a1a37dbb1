/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/cuts.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "partitioner/cut_solver.h"

static bool is_shipped(const clv_cut_tensor *tensor, const bool *on_device)
{
    if (tensor->producer != CLV_CUT_OUTSIDE && !on_device[tensor->producer])
        return false;
    for (uint32_t c = 0; c < tensor->n_consumers; c++) {
        if (!on_device[tensor->consumers[c]])
            return true;
    }
    return tensor->is_answer;
}

clv_cut_cost clv_cut_cost_of(const clv_cut_problem *problem, const bool *on_device)
{
    clv_cut_cost cost = {0, 0};

    for (uint32_t i = 0; i < problem->n_nodes; i++)
        cost.compute_ns += on_device[i] ? problem->device_ns[i] : problem->server_ns[i];
    for (uint32_t t = 0; t < problem->n_tensors; t++)
        cost.bytes += is_shipped(&problem->tensors[t], on_device) ? problem->tensors[t].bytes : 0;
    return cost;
}

clv_status clv_cut_best(bool *on_device_out, clv_cut_cost *cost_out, const clv_cut_problem *problem,
                        double ns_per_byte)
{
    clv_cut_solver *solver;

    if (!(ns_per_byte >= 0.0) || isinf(ns_per_byte))
        return CLV_EINVAL;
    CLV_TRY(clv_cut_solver_create(&solver, problem));
    *cost_out = clv_cut_solver_best(on_device_out, solver, 1.0, ns_per_byte);
    clv_cut_solver_free(solver);
    return CLV_OK;
}

/* --- all bandwidths ------------------------------------------------------------------------- */

/* Sets as they are found: neighbours in out, and those that may have sets between them waiting. */
typedef struct sweeper {
    const clv_cut_problem *problem;
    clv_cut_solver *solver;
    clv_cut_sweep *out;
    clv_cut_cost *waiting; /* a stack: sets with less bandwidth than all that are in out */
    bool *waiting_sets;
    uint32_t n_waiting, cap;
} sweeper;

static bool *row(bool *sets, uint32_t index, const clv_cut_problem *p)
{
    return sets + (size_t)index * p->n_nodes;
}

/* Room for one more set in both lists. */
static clv_status grow(sweeper *s)
{
    uint32_t needed = s->out->n_sets + s->n_waiting + 2;

    if (needed <= s->cap)
        return CLV_OK;
    uint32_t cap = 2 * needed;
    size_t nodes = (size_t)s->problem->n_nodes + 1;
    if (needed > CLV_CUT_MAX_SETS)
        return CLV_ELIMIT;
    void *costs = clv_realloc_array(s->out->costs, cap, sizeof *s->out->costs);
    s->out->costs = costs != NULL ? costs : s->out->costs;
    void *sets = clv_realloc_array(s->out->on_device, cap * nodes, sizeof *s->out->on_device);
    s->out->on_device = sets != NULL ? sets : s->out->on_device;
    void *waiting = clv_realloc_array(s->waiting, cap, sizeof *s->waiting);
    s->waiting = waiting != NULL ? waiting : s->waiting;
    void *waiting_sets = clv_realloc_array(s->waiting_sets, cap * nodes, sizeof *s->waiting_sets);
    s->waiting_sets = waiting_sets != NULL ? waiting_sets : s->waiting_sets;
    if (costs == NULL || sets == NULL || waiting == NULL || waiting_sets == NULL)
        return CLV_ENOMEM;
    s->cap = cap;
    return CLV_OK;
}

/* Solve and put the answer on the stack. */
static clv_cut_cost solve_to_stack(sweeper *s, double time_weight, double byte_weight)
{
    clv_cut_cost cost = clv_cut_solver_best(row(s->waiting_sets, s->n_waiting, s->problem),
                                            s->solver, time_weight, byte_weight);
    s->waiting[s->n_waiting++] = cost;
    return cost;
}

static void settle_top(sweeper *s)
{
    s->n_waiting--;
    s->out->costs[s->out->n_sets] = s->waiting[s->n_waiting];
    memcpy(row(s->out->on_device, s->out->n_sets, s->problem),
           row(s->waiting_sets, s->n_waiting, s->problem), s->problem->n_nodes);
    s->out->n_sets++;
}

/* Whether @p c lies below the line through @p a and @p b, which is where both cost the same. */
static bool is_below(clv_cut_cost c, clv_cut_cost a, double time_weight, double byte_weight)
{
    double value = time_weight * (double)c.compute_ns + byte_weight * (double)c.bytes;
    double known = time_weight * (double)a.compute_ns + byte_weight * (double)a.bytes;
    return value < known * (1.0 - 1e-12);
}

/* M. Eisner and D. Severance, "Mathematical Techniques for Efficient Record Segmentation in Large
 * Shared Databases", 1976: where two neighbours' lines meet, either some set lies below, or none
 * is between them. */
static clv_status find_sets(sweeper *s, double most_ns, double most_bytes)
{
    CLV_TRY(grow(s));
    (void)solve_to_stack(s, 1.0, most_ns + 1.0); /* the fewest bytes */
    CLV_TRY(grow(s));
    clv_cut_cost left = solve_to_stack(s, most_bytes + 1.0, 1.0); /* the least time */
    settle_top(s);
    while (s->n_waiting > 0) {
        clv_cut_cost right = s->waiting[s->n_waiting - 1];
        if (left.compute_ns >= right.compute_ns || left.bytes <= right.bytes) {
            s->n_waiting--; /* the same costs */
            continue;
        }
        double time_weight = (double)(left.bytes - right.bytes);
        double byte_weight = (double)(right.compute_ns - left.compute_ns);
        CLV_TRY(grow(s));
        clv_cut_cost between = solve_to_stack(s, time_weight, byte_weight);
        if (is_below(between, left, time_weight, byte_weight) && between.bytes < left.bytes &&
            between.bytes > right.bytes)
            continue;
        s->n_waiting--;
        settle_top(s);
        left = right;
    }
    return CLV_OK;
}

static void sum_totals(double *ns_out, double *bytes_out, const clv_cut_problem *p)
{
    uint64_t ns = 0, bytes = 0;

    for (uint32_t i = 0; i < p->n_nodes; i++)
        ns += p->device_ns[i] + p->server_ns[i];
    for (uint32_t t = 0; t < p->n_tensors; t++)
        bytes += p->tensors[t].bytes;
    *ns_out = (double)ns;
    *bytes_out = (double)bytes;
}

clv_status clv_cut_sweep_create(clv_cut_sweep **out, const clv_cut_problem *problem)
{
    double ns, bytes;
    sweeper s = {.problem = problem};

    CLV_TRY(clv_cut_solver_create(&s.solver, problem));
    clv_status status = CLV_ENOMEM;
    s.out = clv_calloc(1, sizeof *s.out);
    if (s.out == NULL)
        goto done;
    s.out->n_nodes = problem->n_nodes;
    sum_totals(&ns, &bytes, problem);
    status = find_sets(&s, ns, bytes);
    if (status != CLV_OK)
        goto done;
    *out = s.out;
    s.out = NULL;
done:
    clv_cut_sweep_free(s.out);
    clv_cut_solver_free(s.solver);
    clv_free(s.waiting);
    clv_free(s.waiting_sets);
    return status;
}

void clv_cut_sweep_free(clv_cut_sweep *sweep)
{
    if (sweep == NULL)
        return;
    clv_free(sweep->costs);
    clv_free(sweep->on_device);
    clv_free(sweep);
}
