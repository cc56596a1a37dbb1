/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/cut_solver.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "partitioner/cut_blocks.h"
#include "partitioner/min_cut.h"

#define NO_VERTEX UINT32_MAX

struct clv_cut_solver {
    const clv_cut_problem *problem;
    clv_cut_blocks parts;
    clv_min_cut *network;
    uint32_t *vertices; /* n_nodes: of the block that is being solved */
    bool *trial;        /* n_nodes: its answer */
};

clv_status clv_cut_solver_create(clv_cut_solver **out, const clv_cut_problem *problem)
{
    clv_cut_solver *s = clv_calloc(1, sizeof *s);
    if (s == NULL)
        return CLV_ENOMEM;
    s->problem = problem;
    s->vertices = clv_calloc((size_t)problem->n_nodes + 1, sizeof *s->vertices);
    s->trial = clv_calloc((size_t)problem->n_nodes + 1, sizeof *s->trial);
    clv_status status = s->vertices != NULL && s->trial != NULL ? CLV_OK : CLV_ENOMEM;
    if (status == CLV_OK)
        status = clv_cut_blocks_init(&s->parts, problem);
    if (status == CLV_OK)
        status = clv_min_cut_create(&s->network, s->parts.most_vertices, s->parts.most_arcs);
    if (status == CLV_OK)
        *out = s;
    else
        clv_cut_solver_free(s);
    return status;
}

void clv_cut_solver_free(clv_cut_solver *s)
{
    if (s == NULL)
        return;
    clv_cut_blocks_done(&s->parts);
    clv_min_cut_free(s->network);
    clv_free(s->vertices);
    clv_free(s->trial);
    clv_free(s);
}

/* --- one block ------------------------------------------------------------------------------ */

/* The device's side is the source's. Pinned nodes are the source itself; another that is dearer on
 * the device pays the difference when it is there, one that is cheaper when it isn't. */
static void add_nodes(clv_cut_solver *s, const clv_cut_block *b, double time_weight)
{
    const clv_cut_problem *p = s->problem;

    for (uint32_t i = b->first; i < b->end; i++) {
        if (s->parts.pinned[i]) {
            s->vertices[i] = CLV_MIN_CUT_SOURCE;
            continue;
        }
        s->vertices[i] = clv_min_cut_vertex(s->network);
        double dearer = time_weight * ((double)p->device_ns[i] - (double)p->server_ns[i]);
        if (dearer > 0.0)
            clv_min_cut_arc(s->network, s->vertices[i], CLV_MIN_CUT_SINK, dearer, 0.0);
        else if (dearer < 0.0)
            clv_min_cut_arc(s->network, CLV_MIN_CUT_SOURCE, s->vertices[i], -dearer, 0.0);
    }
}

static bool in_block(const clv_cut_block *b, uint32_t node)
{
    return node >= b->first && node < b->end;
}

/* A tensor is a vertex between its maker and its readers, so that it is paid for once. One that is
 * read behind the block is shipped whenever it was made on the device. */
static void add_tensor(clv_cut_solver *s, const clv_cut_block *b, uint32_t t, double byte_weight)
{
    const clv_cut_tensor *tensor = &s->problem->tensors[t];
    bool before = clv_cut_made_before(tensor, b->first);
    uint32_t maker = before ? CLV_MIN_CUT_SOURCE : s->vertices[tensor->producer];
    double weight = byte_weight * (double)tensor->bytes;
    uint32_t shipped = NO_VERTEX;

    if (s->parts.last_use[t] < b->end) {
        shipped = clv_min_cut_vertex(s->network);
        clv_min_cut_arc(s->network, maker, shipped, weight, 0.0);
    } else if (maker != CLV_MIN_CUT_SOURCE) {
        clv_min_cut_arc(s->network, maker, CLV_MIN_CUT_SINK, weight, 0.0);
    }
    for (uint32_t c = 0; c < tensor->n_consumers; c++) {
        uint32_t reader = tensor->consumers[c];
        if (!in_block(b, reader) || s->parts.pinned[reader])
            continue;
        if (shipped != NO_VERTEX)
            clv_min_cut_arc(s->network, shipped, s->vertices[reader], INFINITY, 0.0);
        if (maker != CLV_MIN_CUT_SOURCE) /* no reader is on the device without the maker */
            clv_min_cut_arc(s->network, s->vertices[reader], maker, INFINITY, 0.0);
    }
}

/* Whether tensor @p t is shipped when the block is parted as s->trial says. */
static bool is_shipped(const clv_cut_solver *s, const clv_cut_block *b, uint32_t t)
{
    const clv_cut_tensor *tensor = &s->problem->tensors[t];

    if (clv_cut_made_before(tensor, b->first)) {
        if (s->parts.last_use[t] >= b->end)
            return false; /* it goes past the block: outside_bytes has it */
    } else if (!s->trial[tensor->producer]) {
        return false;
    } else if (s->parts.last_use[t] >= b->end) {
        return true;
    }
    for (uint32_t c = 0; c < tensor->n_consumers; c++) {
        if (in_block(b, tensor->consumers[c]) && !s->trial[tensor->consumers[c]])
            return true;
    }
    return false;
}

/* Part block @p b as well as can be, in s->trial. */
static clv_cut_cost solve_block(clv_cut_solver *s, const clv_cut_block *b, double time_weight,
                                double byte_weight)
{
    const clv_cut_problem *p = s->problem;
    clv_cut_cost cost = {b->outside_ns, b->outside_bytes};

    clv_min_cut_reset(s->network);
    add_nodes(s, b, time_weight);
    for (uint32_t i = 0; i < b->n_tensors; i++)
        add_tensor(s, b, b->tensors[i], byte_weight);
    clv_min_cut_solve(s->network);
    for (uint32_t i = b->first; i < b->end; i++) {
        s->trial[i] = clv_min_cut_with_source(s->network, s->vertices[i]);
        cost.compute_ns += s->trial[i] ? p->device_ns[i] : p->server_ns[i];
    }
    for (uint32_t i = 0; i < b->n_tensors; i++)
        cost.bytes += is_shipped(s, b, b->tensors[i]) ? p->tensors[b->tensors[i]].bytes : 0;
    return cost;
}

/* --- the whole ------------------------------------------------------------------------------ */

static double value_of(clv_cut_cost cost, double time_weight, double byte_weight)
{
    return time_weight * (double)cost.compute_ns + byte_weight * (double)cost.bytes;
}

/* Of equal ones the later, which has more nodes. A block of one node ends where the next begins. */
clv_cut_cost clv_cut_solver_best(bool *on_device_out, clv_cut_solver *s, double time_weight,
                                 double byte_weight)
{
    clv_cut_cost best = {0, 0};
    uint32_t whole = 0; /* nodes [0, whole) are on the device, those behind as it says */
    double least = INFINITY;
    const clv_cut_blocks *parts = &s->parts;

    memset(on_device_out, false, s->problem->n_nodes);
    for (uint32_t k = parts->first; k <= parts->n_blocks; k++) {
        const clv_cut_block *b = &parts->blocks[k];
        bool may_stop = k > parts->first || !parts->any_pinned;
        double value = value_of(b->boundary, time_weight, byte_weight);
        if (may_stop && value <= least) {
            memset(on_device_out + whole, false, b->first - whole);
            whole = b->first;
            best = b->boundary;
            least = value;
        }
        clv_cut_cost bound = {b->least_ns, b->outside_bytes};
        if (b->end - b->first < 2 || value_of(bound, time_weight, byte_weight) > least)
            continue;
        clv_cut_cost cost = solve_block(s, b, time_weight, byte_weight);
        value = value_of(cost, time_weight, byte_weight);
        if (value <= least) {
            memset(on_device_out + whole, false, b->first - whole);
            memcpy(on_device_out + b->first, s->trial + b->first, b->end - b->first);
            whole = b->first;
            best = cost;
            least = value;
        }
    }
    memset(on_device_out, true, whole);
    return best;
}
