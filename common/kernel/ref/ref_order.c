/* SPDX-License-Identifier: Apache-2.0 */
/* ArgMax, ArgMin, TopK: which elements along an axis are the largest or smallest. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_axes.h"
#include "kernel/ref/ref_number.h"

/* Below, at or above 0 as a is less than, equal to or greater than b. A NaN is the greatest. */
typedef int compare_fn(const void *line, size_t a, size_t b);

#define COMPARE_FLOATS(unused, s, dtype, type)                                                     \
    static int compare_##s(const void *line, size_t a, size_t b)                                   \
    {                                                                                              \
        const type x = ((const type *)line)[a], y = ((const type *)line)[b];                       \
        if (isnan(x) || isnan(y))                                                                  \
            return (isnan(x) != 0) - (isnan(y) != 0);                                              \
        return (x > y) - (x < y);                                                                  \
    }
#define COMPARE_INTS(unused, s, dtype, type)                                                       \
    static int compare_##s(const void *line, size_t a, size_t b)                                   \
    {                                                                                              \
        const type x = ((const type *)line)[a], y = ((const type *)line)[b];                       \
        return (x > y) - (x < y);                                                                  \
    }
REF_FLOATS(COMPARE_FLOATS, )
REF_SIGNED(COMPARE_INTS, )
REF_UNSIGNED(COMPARE_INTS, )

static compare_fn *const compares[CLV_DTYPE_COUNT] = {
    REF_FLOATS(REF_ENTRY, compare) REF_SIGNED(REF_ENTRY, compare) REF_UNSIGNED(REF_ENTRY, compare)};

/* Elements of one line, step apart, and which of them comes first. */
typedef struct order {
    compare_fn *compare;
    const void *line;
    size_t step;
    bool largest;
} order;

static int compare_at(const order *o, size_t i, size_t j)
{
    int c = o->compare(o->line, i * o->step, j * o->step);
    return o->largest ? -c : c;
}

clv_status ref_arg(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    bool last = clv_node_attr_int(node, "select_last_index", 0) != 0;
    order o = {.compare = compares[inputs[0].dtype], .largest = node->op == CLV_OP_ARG_MAX};
    size_t bytes = clv_dtype_bytes(inputs[0].dtype);
    int64_t *y = outputs[0].data;
    uint32_t axis;
    (void)graph;

    if (o.compare == NULL)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), shape->rank, node, NULL));
    ref_axis a = ref_axis_of(shape, axis);
    o.step = a.inner;
    for (size_t i = 0; i < a.outer * a.inner; i++) {
        size_t first = i / a.inner * a.n * a.inner + i % a.inner, best = 0;
        o.line = (const char *)inputs[0].data + first * bytes;
        for (size_t j = 1; j < a.n; j++) {
            int c = compare_at(&o, j, best);
            best = c < 0 || (c == 0 && last) ? j : best;
        }
        y[i] = (int64_t)best;
    }
    return CLV_OK;
}

/* --- TopK ---------------------------------------------------------------------------------- */

/* A heap of indices, its worst at the top, that lies step apart in the output. */
typedef struct heap {
    order order;
    int64_t *index;
    size_t n;
} heap;

static int64_t *at(const heap *h, size_t i)
{
    return &h->index[i * h->order.step];
}

/* Of equal elements the earlier one is the better. */
static bool is_worse(const heap *h, int64_t i, int64_t j)
{
    int c = compare_at(&h->order, (size_t)i, (size_t)j);
    return c > 0 || (c == 0 && i > j);
}

static void swap(int64_t *a, int64_t *b)
{
    int64_t held = *a;
    *a = *b;
    *b = held;
}

static void sift_up(heap *h, size_t i)
{
    while (i > 0 && is_worse(h, *at(h, i), *at(h, (i - 1) / 2))) {
        swap(at(h, i), at(h, (i - 1) / 2));
        i = (i - 1) / 2;
    }
}

static void sift_down(heap *h)
{
    for (size_t i = 0;;) {
        size_t worst = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->n; child++)
            worst = is_worse(h, *at(h, child), *at(h, worst)) ? child : worst;
        if (worst == i)
            return;
        swap(at(h, i), at(h, worst));
        i = worst;
    }
}

/* The best k of n, the very best first. */
static void choose(heap *h, size_t k, size_t n)
{
    h->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (h->n < k) {
            *at(h, h->n) = (int64_t)i;
            sift_up(h, h->n++);
        } else if (is_worse(h, *at(h, 0), (int64_t)i)) {
            *at(h, 0) = (int64_t)i;
            sift_down(h);
        }
    }
    while (h->n > 1) { /* the worst goes to the end */
        swap(at(h, 0), at(h, --h->n));
        sift_down(h);
    }
}

/* Sorted even where that isn't asked for: any order will do then. */
clv_status ref_top_k(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    heap h = {.order = {.compare = compares[inputs[0].dtype],
                        .largest = clv_node_attr_int(node, "largest", 1) != 0}};
    size_t bytes = clv_dtype_bytes(inputs[0].dtype);
    uint32_t axis;
    (void)graph;

    if (h.order.compare == NULL)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), shape->rank, node, NULL));
    ref_axis a = ref_axis_of(shape, axis);
    size_t k = (size_t)outputs[1].shape.dim[axis];
    h.order.step = a.inner;
    for (size_t i = 0; i < a.outer * a.inner; i++) {
        const char *x =
            (const char *)inputs[0].data + (i / a.inner * a.n * a.inner + i % a.inner) * bytes;
        size_t to = i / a.inner * k * a.inner + i % a.inner;
        h.order.line = x;
        h.index = (int64_t *)outputs[1].data + to;
        choose(&h, k, a.n);
        for (size_t j = 0; outputs[0].data != NULL && j < k; j++)
            memcpy((char *)outputs[0].data + (to + j * a.inner) * bytes,
                   x + (size_t)*at(&h, j) * a.inner * bytes, bytes);
    }
    return CLV_OK;
}
