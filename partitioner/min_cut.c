/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/min_cut.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

#define NO_ARC UINT32_MAX

/* Arcs come in pairs: the reverse of arc a is a ^ 1. */
typedef struct arc {
    uint32_t to, next;
    double residual;
} arc;

typedef struct vertex {
    uint32_t first;   /* arc, or NO_ARC */
    uint32_t current; /* arc that is tried next */
    uint32_t height;  /* n_vertices: the sink can't be reached */
    bool queued;
    double excess;
} vertex;

struct clv_min_cut {
    vertex *vertices;
    arc *arcs;
    uint32_t *queue;     /* a ring of those with excess; also of the breadth-first search */
    uint32_t *at_height; /* how many vertices have each height */
    uint32_t n_vertices, n_arcs, max_vertices, max_arcs;
    uint32_t queue_head, queue_count;
    uint32_t relabels; /* since the last global one */
};

clv_status clv_min_cut_create(clv_min_cut **out, uint32_t max_vertices, uint32_t max_arcs)
{
    clv_min_cut *cut = clv_calloc(1, sizeof *cut);
    if (cut == NULL)
        return CLV_ENOMEM;
    cut->max_vertices = max_vertices;
    cut->max_arcs = max_arcs;
    cut->vertices = clv_calloc(max_vertices, sizeof *cut->vertices);
    cut->arcs = clv_calloc(max_arcs, 2 * sizeof *cut->arcs);
    cut->queue = clv_calloc(max_vertices, sizeof *cut->queue);
    cut->at_height = clv_calloc((size_t)max_vertices + 1, sizeof *cut->at_height);
    if (cut->vertices == NULL || (cut->arcs == NULL && max_arcs > 0) || cut->queue == NULL ||
        cut->at_height == NULL) {
        clv_min_cut_free(cut);
        return CLV_ENOMEM;
    }
    clv_min_cut_reset(cut);
    *out = cut;
    return CLV_OK;
}

void clv_min_cut_free(clv_min_cut *cut)
{
    if (cut == NULL)
        return;
    clv_free(cut->vertices);
    clv_free(cut->arcs);
    clv_free(cut->queue);
    clv_free(cut->at_height);
    clv_free(cut);
}

void clv_min_cut_reset(clv_min_cut *cut)
{
    cut->n_vertices = 0;
    cut->n_arcs = 0;
    (void)clv_min_cut_vertex(cut);
    (void)clv_min_cut_vertex(cut);
}

uint32_t clv_min_cut_vertex(clv_min_cut *cut)
{
    assert(cut->n_vertices < cut->max_vertices);
    cut->vertices[cut->n_vertices] = (vertex){.first = NO_ARC};
    return cut->n_vertices++;
}

static void add_half(clv_min_cut *cut, uint32_t from, uint32_t to, double capacity)
{
    cut->arcs[cut->n_arcs] = (arc){to, cut->vertices[from].first, capacity};
    cut->vertices[from].first = cut->n_arcs++;
}

void clv_min_cut_arc(clv_min_cut *cut, uint32_t from, uint32_t to, double capacity,
                     double back_capacity)
{
    assert(cut->n_arcs / 2 < cut->max_arcs);
    add_half(cut, from, to, capacity);
    add_half(cut, to, from, back_capacity);
}

static void enqueue(clv_min_cut *cut, uint32_t v)
{
    uint32_t at = cut->queue_head + cut->queue_count++;
    cut->queue[at < cut->n_vertices ? at : at - cut->n_vertices] = v;
    cut->vertices[v].queued = true;
}

static uint32_t dequeue(clv_min_cut *cut)
{
    uint32_t v = cut->queue[cut->queue_head++];
    if (cut->queue_head == cut->n_vertices)
        cut->queue_head = 0;
    cut->queue_count--;
    cut->vertices[v].queued = false;
    return v;
}

/* Heights become distances to the sink over arcs with room. */
static void measure_distances(clv_min_cut *cut)
{
    uint32_t n = cut->n_vertices, found = 0;

    memset(cut->at_height, 0, ((size_t)n + 1) * sizeof *cut->at_height);
    for (uint32_t v = 0; v < n; v++) {
        cut->vertices[v].height = n;
        cut->vertices[v].current = cut->vertices[v].first;
    }
    cut->vertices[CLV_MIN_CUT_SINK].height = 0;
    cut->queue[found++] = CLV_MIN_CUT_SINK;
    for (uint32_t i = 0; i < found; i++) {
        const vertex *v = &cut->vertices[cut->queue[i]];
        cut->at_height[v->height]++;
        for (uint32_t a = v->first; a != NO_ARC; a = cut->arcs[a].next) {
            uint32_t u = cut->arcs[a].to;
            if (cut->arcs[a ^ 1u].residual <= 0.0 || cut->vertices[u].height < n ||
                u == CLV_MIN_CUT_SOURCE)
                continue;
            cut->vertices[u].height = v->height + 1;
            cut->queue[found++] = u;
        }
    }
    cut->relabels = 0;
}

/* The queue is lost in measuring: whoever has excess and a way to the sink is queued again. */
static void relabel_all(clv_min_cut *cut)
{
    measure_distances(cut);
    cut->queue_head = 0;
    cut->queue_count = 0;
    for (uint32_t v = 2; v < cut->n_vertices; v++) {
        cut->vertices[v].queued = false;
        if (cut->vertices[v].excess > 0.0 && cut->vertices[v].height < cut->n_vertices)
            enqueue(cut, v);
    }
}

static void push(clv_min_cut *cut, uint32_t from, uint32_t a)
{
    arc *along = &cut->arcs[a];
    vertex *v = &cut->vertices[from], *u = &cut->vertices[along->to];
    double amount = v->excess < along->residual ? v->excess : along->residual;

    v->excess -= amount;
    along->residual -= amount;
    cut->arcs[a ^ 1u].residual += amount;
    u->excess += amount;
    if (!u->queued && along->to > CLV_MIN_CUT_SINK && u->height < cut->n_vertices)
        enqueue(cut, along->to);
}

/* Nobody is left at @p height: from above it the sink can't be reached any more. */
static void close_gap(clv_min_cut *cut, uint32_t height)
{
    for (uint32_t v = 2; v < cut->n_vertices; v++) {
        if (cut->vertices[v].height > height && cut->vertices[v].height < cut->n_vertices) {
            cut->at_height[cut->vertices[v].height]--;
            cut->vertices[v].height = cut->n_vertices;
        }
    }
}

static void relabel(clv_min_cut *cut, uint32_t index)
{
    vertex *v = &cut->vertices[index];
    uint32_t old = v->height, lowest = cut->n_vertices;

    for (uint32_t a = v->first; a != NO_ARC; a = cut->arcs[a].next) {
        uint32_t height = cut->vertices[cut->arcs[a].to].height;
        if (cut->arcs[a].residual > 0.0 && height + 1 < lowest)
            lowest = height + 1;
    }
    v->height = lowest;
    v->current = v->first;
    cut->relabels++;
    if (lowest < cut->n_vertices)
        cut->at_height[lowest]++;
    if (--cut->at_height[old] == 0)
        close_gap(cut, old);
}

/* Push until the excess is gone or stuck. */
static void discharge(clv_min_cut *cut, uint32_t index)
{
    vertex *v = &cut->vertices[index];

    while (v->excess > 0.0 && v->height < cut->n_vertices) {
        uint32_t a = v->current;
        if (a == NO_ARC) {
            relabel(cut, index);
            continue;
        }
        if (cut->arcs[a].residual > 0.0 && v->height == cut->vertices[cut->arcs[a].to].height + 1)
            push(cut, index, a);
        if (v->excess > 0.0)
            v->current = cut->arcs[a].next;
    }
}

void clv_min_cut_solve(clv_min_cut *cut)
{
    for (uint32_t a = cut->vertices[CLV_MIN_CUT_SOURCE].first; a != NO_ARC; a = cut->arcs[a].next) {
        double amount = cut->arcs[a].residual;
        assert(isfinite(amount));
        cut->arcs[a].residual = 0.0;
        cut->arcs[a ^ 1u].residual += amount;
        cut->vertices[cut->arcs[a].to].excess += amount;
    }
    relabel_all(cut);
    while (cut->queue_count > 0) {
        discharge(cut, dequeue(cut));
        if (cut->relabels > cut->n_vertices)
            relabel_all(cut);
    }
    measure_distances(cut);
}

bool clv_min_cut_with_source(const clv_min_cut *cut, uint32_t v)
{
    return cut->vertices[v].height >= cut->n_vertices;
}
