/* SPDX-License-Identifier: Apache-2.0 */
/* The order of nodes that has the best sets as prefixes. */
#include "base/memory.h"
#include "partitioner/cuts.h"

static const bool *set_at(const clv_cut_sweep *sweep, uint32_t index)
{
    return sweep->on_device + (size_t)index * sweep->n_nodes;
}

static bool is_within(const clv_cut_sweep *sweep, uint32_t small, uint32_t large)
{
    const bool *a = set_at(sweep, small), *b = set_at(sweep, large);
    for (uint32_t i = 0; i < sweep->n_nodes; i++) {
        if (a[i] && !b[i])
            return false;
    }
    return true;
}

/* The longest chain that ends in each set: its length, and the set before it. Sets come in order of
 * fewer bytes; a set is only ever within later ones when the sweep is nested, and where it isn't,
 * looking forward loses no chain that serves rising bandwidths. */
static uint32_t chain(uint32_t *length, uint32_t *before, const clv_cut_sweep *sweep)
{
    uint32_t last = 0;

    for (uint32_t k = 0; k < sweep->n_sets; k++) {
        length[k] = 1;
        before[k] = k;
        for (uint32_t j = k; j-- > 0;) {
            if (length[j] + 1 > length[k] && is_within(sweep, j, k)) {
                length[k] = length[j] + 1;
                before[k] = j;
            }
        }
        last = length[k] > length[last] ? k : last;
    }
    return last;
}

clv_status clv_cut_order(uint32_t *order_out, uint32_t *n_chained_out, const clv_cut_sweep *sweep)
{
    uint32_t n_ranks, at = 0;
    clv_status status = CLV_ENOMEM;
    uint32_t *length = clv_calloc((size_t)sweep->n_sets + 1, sizeof *length);
    uint32_t *before = clv_calloc((size_t)sweep->n_sets + 1, sizeof *before);
    uint32_t *rank = clv_calloc((size_t)sweep->n_nodes + 1, sizeof *rank);
    if (length == NULL || before == NULL || rank == NULL)
        goto done;
    uint32_t k = chain(length, before, sweep);
    n_ranks = sweep->n_sets > 0 ? length[k] : 0;
    for (uint32_t i = 0; i < sweep->n_nodes; i++)
        rank[i] = n_ranks;
    for (uint32_t r = n_ranks; r-- > 0; k = before[k]) {
        for (uint32_t i = 0; i < sweep->n_nodes; i++)
            rank[i] = set_at(sweep, k)[i] ? r : rank[i];
    }
    /* A set has what its nodes need, so ranks never fall along the graph, and nodes of one rank
     * stay in their order. */
    for (uint32_t r = 0; r <= n_ranks; r++) {
        for (uint32_t i = 0; i < sweep->n_nodes; i++) {
            if (rank[i] == r)
                order_out[at++] = i;
        }
    }
    if (n_chained_out != NULL)
        *n_chained_out = n_ranks;
    status = CLV_OK;
done:
    clv_free(length);
    clv_free(before);
    clv_free(rank);
    return status;
}
