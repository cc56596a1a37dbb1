/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/quant_search.h"

#include <stdlib.h>

#include "base/error.h"

/* The most accuracy for the least work first. */
static int by_price(const void *a, const void *b)
{
    const clv_search_node *x = a, *y = b;
    double p = x->cost * y->gain, q = y->cost * x->gain;

    if (p != q)
        return p > q ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

static int by_gain(const void *a, const void *b)
{
    const clv_search_node *x = a, *y = b;

    if (x->gain != y->gain)
        return x->gain > y->gain ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

static clv_status try_beginning(bool *good, bool *keep_float, const clv_search_node *nodes,
                                uint32_t n, uint32_t length, clv_search_measure_fn measure,
                                void *context)
{
    for (uint32_t i = 0; i < n; i++)
        keep_float[nodes[i].node] = i < length;
    return measure(context, keep_float, good);
}

clv_status clv_quant_search(bool *keep_float, clv_search_node *nodes, uint32_t n, uint32_t returns,
                            clv_search_measure_fn measure, void *context)
{
    uint32_t bad = 0, good = n; /* all float is as good as float */

    qsort(nodes, n, sizeof *nodes, by_price);
    while (good > bad + 1) {
        uint32_t middle = bad + (good - bad) / 2;
        bool fits;
        CLV_TRY(try_beginning(&fits, keep_float, nodes, n, middle, measure, context));
        *(fits ? &good : &bad) = middle;
    }
    for (uint32_t i = 0; i < n; i++)
        keep_float[nodes[i].node] = i < good;
    if (good == 0)
        return CLV_OK;
    qsort(nodes, good, sizeof *nodes, by_gain);
    for (uint32_t i = 0; i < good && i < returns && good > 1; i++) {
        bool fits;
        keep_float[nodes[i].node] = false;
        CLV_TRY(measure(context, keep_float, &fits));
        keep_float[nodes[i].node] = !fits;
    }
    return CLV_OK;
}
