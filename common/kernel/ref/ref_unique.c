/* SPDX-License-Identifier: Apache-2.0 */
/* Unique, whose outputs are as long as the data makes them (ref_kernels.h). It needs no memory of
 * its own: slices are sorted where they are given out. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

/* Slices along one axis of a dense tensor: slice i is [outer] lines of [inner] elements. */
typedef struct slices {
    char *data;
    clv_dtype dtype;
    size_t outer, n, inner;
} slices;

static int compare_numbers(ref_number a, ref_number b)
{
    if (a.kind == REF_FLOATING) {
        if (isnan(a.f) || isnan(b.f))
            return isnan(a.f) - isnan(b.f); /* behind all others, and equal */
        return (a.f > b.f) - (a.f < b.f);
    }
    if (a.kind == REF_SIGNED_INT)
        return ((int64_t)a.bits > (int64_t)b.bits) - ((int64_t)a.bits < (int64_t)b.bits);
    return (a.bits > b.bits) - (a.bits < b.bits);
}

static int compare(const slices *a, size_t i, const slices *b, size_t j)
{
    for (size_t row = 0; row < a->outer; row++) {
        for (size_t k = 0; k < a->inner; k++) {
            size_t at_a = (row * a->n + i) * a->inner + k, at_b = (row * b->n + j) * b->inner + k;
            int order = compare_numbers(ref_number_load(a->data, a->dtype, at_a),
                                        ref_number_load(b->data, b->dtype, at_b));
            if (order != 0)
                return order;
        }
    }
    return 0;
}

static char *line(const slices *s, size_t row, size_t i)
{
    return s->data + (row * s->n + i) * s->inner * clv_dtype_bytes(s->dtype);
}

static void copy(const slices *to, size_t i, const slices *from, size_t j)
{
    for (size_t row = 0; row < to->outer; row++)
        memmove(line(to, row, i), line(from, row, j), to->inner * clv_dtype_bytes(to->dtype));
}

static void swap(const slices *s, size_t i, size_t j)
{
    size_t bytes = s->inner * clv_dtype_bytes(s->dtype);

    for (size_t row = 0; row < s->outer; row++) {
        char *a = line(s, row, i), *b = line(s, row, j);
        for (size_t k = 0; k < bytes; k++) {
            char kept = a[k];
            a[k] = b[k];
            b[k] = kept;
        }
    }
}

/* Let slice @p i of the heap [0, n) sink to where it belongs. */
static void sink(const slices *s, size_t i, size_t n)
{
    for (size_t child = 2 * i + 1; child < n; i = child, child = 2 * i + 1) {
        if (child + 1 < n && compare(s, child, s, child + 1) < 0)
            child++;
        if (compare(s, i, s, child) >= 0)
            return;
        swap(s, i, child);
    }
}

/* Sort @p y in place and drop what is there twice. @return how many are left. */
static size_t sort_unique(const slices *y)
{
    size_t kept = 1;

    for (size_t i = y->n / 2; i-- > 0;)
        sink(y, i, y->n);
    for (size_t n = y->n; n-- > 1;) {
        swap(y, 0, n);
        sink(y, 0, n);
    }
    for (size_t i = 1; i < y->n; i++) {
        if (compare(y, kept - 1, y, i) != 0)
            copy(y, kept++, y, i);
    }
    return kept;
}

/* Keep the first of each kind of slice of @p y, in their order. */
static size_t keep_first(const slices *y)
{
    size_t kept = 0;

    for (size_t i = 0; i < y->n; i++) {
        size_t j = 0;
        while (j < kept && compare(y, i, y, j) != 0)
            j++;
        if (j == kept)
            copy(y, kept++, y, i);
    }
    return kept;
}

/* Which of the first @p n slices of @p y is slice @p i of @p x: it is there. */
static size_t find(const slices *y, size_t n, const slices *x, size_t i, bool sorted)
{
    size_t low = 0, high = n;

    if (!sorted) {
        while (low + 1 < n && compare(y, low, x, i) != 0)
            low++;
        return low;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (compare(y, middle, x, i) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Say of each slice of @p x which one it is (1: first places, 2: inverse, 3: counts). */
static void describe(clv_tensor *outputs, uint32_t n_outputs, const slices *x, const slices *y,
                     size_t kept, bool sorted)
{
    int64_t *list[4] = {NULL};

    for (uint32_t i = 1; i < n_outputs && i < 4; i++)
        list[i] = outputs[i].data;
    for (size_t i = 0; i < kept; i++) {
        if (list[1] != NULL)
            list[1][i] = -1;
        if (list[3] != NULL)
            list[3][i] = 0;
    }
    for (size_t i = 0; i < x->n; i++) {
        size_t at = find(y, kept, x, i, sorted);
        if (list[1] != NULL && list[1][at] < 0)
            list[1][at] = (int64_t)i;
        if (list[2] != NULL)
            list[2][i] = (int64_t)at;
        if (list[3] != NULL)
            list[3][at]++;
    }
    for (uint32_t i = 1; i < n_outputs && i < 4; i += 2)
        outputs[i].shape.dim[0] = (int64_t)kept;
}

clv_status ref_unique(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    const clv_attr *along = clv_node_attr(node, "axis", CLV_ATTR_INT);
    bool sorted = clv_node_attr_int(node, "sorted", 1) != 0;
    clv_shape shape = inputs[0].shape;
    uint32_t axis = 0;
    (void)graph;

    if (along != NULL)
        CLV_TRY(clv_axis_of(&axis, along->v.i, shape.rank, node, NULL));
    else
        shape = (clv_shape){.rank = 1, .dim = {(int64_t)ref_elems(&inputs[0])}};
    slices x = {inputs[0].data, inputs[0].dtype, ref_extent(&shape, 0, axis),
                (size_t)shape.dim[axis], ref_extent(&shape, axis + 1, shape.rank)};
    slices y = x;
    y.data = outputs[0].data;
    if (x.outer * x.n * x.inner == 0)
        return CLV_ESHAPE; /* how many different slices of nothing are there? */
    memcpy(y.data, x.data, ref_bytes(&inputs[0]));
    size_t kept = sorted ? sort_unique(&y) : keep_first(&y);
    describe(outputs, node->n_outputs, &x, &y, kept, sorted);
    for (size_t row = 1; row < y.outer; row++) /* the lines move together */
        memmove(y.data + row * kept * y.inner * clv_dtype_bytes(y.dtype), line(&y, row, 0),
                kept * y.inner * clv_dtype_bytes(y.dtype));
    outputs[0].shape.dim[axis] = (int64_t)kept;
    return CLV_OK;
}
