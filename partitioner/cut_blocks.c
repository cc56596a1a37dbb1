/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/cut_blocks.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* --- what is possible ----------------------------------------------------------------------- */

static bool add_within(uint64_t *sum, uint64_t value)
{
    if (value > CLV_CUT_MAX_TOTAL - *sum)
        return false;
    *sum += value;
    return true;
}

static clv_status check_tensor(const clv_cut_tensor *tensor, uint32_t n_nodes)
{
    bool inside = tensor->producer != CLV_CUT_OUTSIDE;

    if (inside && tensor->producer >= n_nodes)
        return CLV_EINVAL;
    for (uint32_t c = 0; c < tensor->n_consumers; c++) {
        if (tensor->consumers[c] >= n_nodes || (inside && tensor->consumers[c] <= tensor->producer))
            return CLV_EINVAL;
    }
    return CLV_OK;
}

static clv_status check(const clv_cut_problem *p)
{
    uint64_t ns = 0, bytes = 0, uses = 0;

    if (p->n_nodes > CLV_GRAPH_MAX_NODES || p->n_tensors > CLV_GRAPH_MAX_VALUES)
        return CLV_EINVAL;
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        if (!add_within(&ns, p->device_ns[i]) || !add_within(&ns, p->server_ns[i]))
            return CLV_EINVAL;
    }
    for (uint32_t t = 0; t < p->n_tensors; t++) {
        CLV_TRY(check_tensor(&p->tensors[t], p->n_nodes));
        uses += p->tensors[t].n_consumers;
        if (!add_within(&bytes, p->tensors[t].bytes))
            return CLV_EINVAL;
    }
    return uses < UINT32_MAX / 8 ? CLV_OK : CLV_EINVAL;
}

/* --- tensors by node ------------------------------------------------------------------------ */

static void count_uses(clv_cut_blocks *b, const clv_cut_problem *p)
{
    for (uint32_t t = 0; t < p->n_tensors; t++) {
        const clv_cut_tensor *tensor = &p->tensors[t];
        uint32_t last = 0;
        for (uint32_t c = 0; c < tensor->n_consumers; c++) {
            last = tensor->consumers[c] > last ? tensor->consumers[c] : last;
            b->starts[tensor->consumers[c] + 1]++;
        }
        b->last_use[t] = tensor->is_answer ? p->n_nodes : last;
        if (tensor->producer != CLV_CUT_OUTSIDE)
            b->starts[tensor->producer + 1]++;
    }
    for (uint32_t i = 0; i < p->n_nodes; i++)
        b->starts[i + 1] += b->starts[i];
}

/* What each node makes and reads, node after node. */
static clv_status list_uses(clv_cut_blocks *b, const clv_cut_problem *p)
{
    count_uses(b, p);
    b->touching = clv_calloc((size_t)b->starts[p->n_nodes] + 1, sizeof *b->touching);
    uint32_t *next = clv_calloc((size_t)p->n_nodes + 1, sizeof *next);
    if (b->touching == NULL || next == NULL) {
        clv_free(next);
        return CLV_ENOMEM;
    }
    memcpy(next, b->starts, ((size_t)p->n_nodes + 1) * sizeof *next);
    for (uint32_t t = 0; t < p->n_tensors; t++) {
        const clv_cut_tensor *tensor = &p->tensors[t];
        if (tensor->producer != CLV_CUT_OUTSIDE)
            b->touching[next[tensor->producer]++] = t;
        for (uint32_t c = 0; c < tensor->n_consumers; c++)
            b->touching[next[tensor->consumers[c]]++] = t;
    }
    clv_free(next);
    return CLV_OK;
}

static void pin_what_is_needed(clv_cut_blocks *b, const clv_cut_problem *p)
{
    for (uint32_t i = p->n_nodes; i-- > 0;) {
        b->pinned[i] = b->pinned[i] || (p->pinned != NULL && p->pinned[i]);
        b->any_pinned = b->any_pinned || b->pinned[i];
        for (uint32_t k = b->starts[i]; b->pinned[i] && k < b->starts[i + 1]; k++) {
            const clv_cut_tensor *tensor = &p->tensors[b->touching[k]];
            if (clv_cut_made_before(tensor, i) && tensor->producer != CLV_CUT_OUTSIDE)
                b->pinned[tensor->producer] = true;
        }
    }
}

/* --- where the graph parts ------------------------------------------------------------------ */

/* For each node, the first that reads what it makes (n_nodes: none), and the last that makes what
 * it reads, plus one (0: none). */
static void find_neighbours(uint32_t *first_reader, uint32_t *last_maker, const clv_cut_problem *p)
{
    for (uint32_t i = 0; i < p->n_nodes; i++)
        first_reader[i] = p->n_nodes;
    for (uint32_t t = 0; t < p->n_tensors; t++) {
        uint32_t made = p->tensors[t].producer;
        for (uint32_t c = 0; made != CLV_CUT_OUTSIDE && c < p->tensors[t].n_consumers; c++) {
            uint32_t read = p->tensors[t].consumers[c];
            first_reader[made] = read < first_reader[made] ? read : first_reader[made];
            last_maker[read] = made + 1 > last_maker[read] ? made + 1 : last_maker[read];
        }
    }
}

/* Node i is behind all of [0, i) when it is the only one of [0, i] that nobody in there reads, and
 * before all of (i, n) when it is the only one of [i, n) that reads nothing made in there. */
static clv_status find_parting(bool *parts, const clv_cut_problem *p)
{
    uint32_t n = p->n_nodes, alone = 0;
    uint32_t *memory = clv_calloc(4 * ((size_t)n + 1), sizeof *memory);
    if (memory == NULL)
        return CLV_ENOMEM;
    uint32_t *first_reader = memory, *last_maker = first_reader + n + 1;
    uint32_t *read_first = last_maker + n + 1, *made_last = read_first + n + 1;

    find_neighbours(first_reader, last_maker, p);
    for (uint32_t i = 0; i < n; i++) {
        read_first[first_reader[i]]++;
        made_last[last_maker[i]]++;
    }
    for (uint32_t i = 0; i < n; i++) {
        alone += 1 - read_first[i];
        parts[i] = alone == 1;
    }
    alone = 0;
    for (uint32_t i = n; i-- > 0;) {
        alone += 1 - made_last[i + 1];
        parts[i] = parts[i] && alone == 1;
    }
    clv_free(memory);
    return CLV_OK;
}

static void split(clv_cut_blocks *b, uint32_t *block_of, const bool *parts, uint32_t n_nodes)
{
    uint32_t first = 0;

    for (uint32_t i = 0; i < n_nodes; i++) {
        block_of[i] = b->n_blocks;
        if (b->pinned[i])
            b->first = b->n_blocks;
        if (parts[i] || i + 1 == n_nodes) {
            b->blocks[b->n_blocks++] = (clv_cut_block){.first = first, .end = i + 1};
            first = i + 1;
        }
    }
    b->blocks[b->n_blocks] = (clv_cut_block){.first = n_nodes, .end = n_nodes};
}

/* --- what each part costs ------------------------------------------------------------------- */

static void sum_times(clv_cut_blocks *b, const clv_cut_problem *p)
{
    uint64_t server_ns = 0, device_ns = 0;

    for (uint32_t i = 0; i < p->n_nodes; i++)
        server_ns += p->server_ns[i];
    for (uint32_t k = 0; k <= b->n_blocks; k++) {
        clv_cut_block *block = &b->blocks[k];
        uint64_t least = 0, here = 0;
        block->boundary.compute_ns = device_ns + server_ns;
        for (uint32_t i = block->first; i < block->end; i++) {
            server_ns -= p->server_ns[i];
            here += p->device_ns[i];
            least += p->device_ns[i] < p->server_ns[i] ? p->device_ns[i] : p->server_ns[i];
        }
        block->outside_ns = device_ns + server_ns;
        block->least_ns = block->outside_ns + least;
        device_ns += here;
    }
}

/* A tensor crosses the boundaries from behind its maker's block to its last reader's, and goes past
 * all blocks between. */
static void sum_bytes(clv_cut_blocks *b, const clv_cut_problem *p, const uint32_t *block_of)
{
    for (uint32_t t = 0; t < p->n_tensors; t++) {
        const clv_cut_tensor *tensor = &p->tensors[t];
        if (tensor->n_consumers == 0 && !tensor->is_answer)
            continue;
        uint32_t from = tensor->producer == CLV_CUT_OUTSIDE ? 0 : block_of[tensor->producer] + 1;
        uint32_t to = tensor->is_answer ? b->n_blocks : block_of[b->last_use[t]];
        if (from > to)
            continue; /* it is read in the block that makes it, and only there */
        b->blocks[from].boundary.bytes += tensor->bytes;
        b->blocks[from].outside_bytes += tensor->bytes;
        b->blocks[to].outside_bytes -= tensor->bytes;
        b->blocks[to + 1].boundary.bytes -= tensor->bytes;
    }
    for (uint32_t k = 1; k <= b->n_blocks; k++) { /* from where they begin and end to how many */
        b->blocks[k].boundary.bytes += b->blocks[k - 1].boundary.bytes;
        b->blocks[k].outside_bytes += b->blocks[k - 1].outside_bytes;
    }
}

/* The uses of a block's nodes become its tensors, each once. @p seen has n_tensors elements, 0. */
static void list_tensors(clv_cut_blocks *b, uint32_t *seen)
{
    for (uint32_t k = 0; k < b->n_blocks; k++) {
        clv_cut_block *block = &b->blocks[k];
        uint32_t start = b->starts[block->first], uses = b->starts[block->end] - start;
        uint32_t nodes = block->end - block->first;
        block->tensors = b->touching + start;
        for (uint32_t u = start; u < start + uses; u++) {
            uint32_t t = b->touching[u];
            if (seen[t] != k + 1)
                b->touching[start + block->n_tensors++] = t;
            seen[t] = k + 1;
        }
        /* A node has an arc; a tensor one; a use one for bytes and one for the order. */
        uint32_t vertices = 2 + nodes + block->n_tensors;
        uint32_t arcs = nodes + block->n_tensors + 2 * uses;
        b->most_vertices = vertices > b->most_vertices ? vertices : b->most_vertices;
        b->most_arcs = arcs > b->most_arcs ? arcs : b->most_arcs;
    }
}

static clv_status take_apart(clv_cut_blocks *b, const clv_cut_problem *p)
{
    clv_status status = CLV_ENOMEM;
    bool *parts = clv_calloc((size_t)p->n_nodes + 1, sizeof *parts);
    uint32_t *block_of = clv_calloc((size_t)p->n_nodes + 1, sizeof *block_of);
    uint32_t *seen = clv_calloc((size_t)p->n_tensors + 1, sizeof *seen);
    if (parts == NULL || block_of == NULL || seen == NULL)
        goto done;
    status = find_parting(parts, p);
    if (status != CLV_OK)
        goto done;
    split(b, block_of, parts, p->n_nodes);
    sum_times(b, p);
    sum_bytes(b, p, block_of);
    list_tensors(b, seen);
done:
    clv_free(parts);
    clv_free(block_of);
    clv_free(seen);
    return status;
}

clv_status clv_cut_blocks_init(clv_cut_blocks *out, const clv_cut_problem *problem)
{
    size_t n = (size_t)problem->n_nodes + 2;

    *out = (clv_cut_blocks){.most_vertices = 2};
    CLV_TRY(check(problem));
    out->blocks = clv_calloc(n, sizeof *out->blocks);
    out->pinned = clv_calloc(n, sizeof *out->pinned);
    out->starts = clv_calloc(n, sizeof *out->starts);
    out->last_use = clv_calloc((size_t)problem->n_tensors + 1, sizeof *out->last_use);
    if (out->blocks == NULL || out->pinned == NULL || out->starts == NULL || out->last_use == NULL)
        return CLV_ENOMEM;
    CLV_TRY(list_uses(out, problem));
    pin_what_is_needed(out, problem);
    return take_apart(out, problem);
}

void clv_cut_blocks_done(clv_cut_blocks *blocks)
{
    clv_free(blocks->blocks);
    clv_free(blocks->pinned);
    clv_free(blocks->starts);
    clv_free(blocks->last_use);
    clv_free(blocks->touching);
    *blocks = (clv_cut_blocks){0};
}
