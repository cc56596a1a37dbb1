/* SPDX-License-Identifier: Apache-2.0 */
/* MaxPool, AveragePool, LpPool and their global forms, which are one window over everything. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_kernels.h"

typedef enum pool_kind { POOL_MAX, POOL_AVERAGE, POOL_LP } pool_kind;

typedef struct pool {
    ref_window window;
    pool_kind kind;
    bool count_include_pad;
    bool column_major;
    double p; /* of LpPool */
} pool;

/* What AveragePool divides by: elements of the window that are input, or declared padding. What
 * ceil_mode adds beyond that never counts. */
static int64_t window_size(const pool *p, const ref_range *taps, const int64_t *o)
{
    const ref_window *w = &p->window;
    int64_t n = 1;

    for (uint32_t d = 0; d < 3; d++) {
        ref_range counted = taps[d];
        if (p->count_include_pad)
            counted = ref_window_taps(w, d, o[d], -w->pad_begin[d], w->in[d] + w->pad_end[d]);
        n *= counted.end - counted.begin;
    }
    return n;
}

/* Where the row of depth tap kz and row tap ky begins in a channel. */
static int64_t row_at(const ref_window *w, const int64_t *o, int64_t kz, int64_t ky)
{
    return (ref_window_at(w, 0, o[0], kz) * w->in[1] + ref_window_at(w, 1, o[1], ky)) * w->in[2];
}

/* max_TYPE() puts the largest element of the window, the first of several, into y[i] and returns
 * where it lies in the channel x; -1 for a window in the padding alone. A NaN wins. */
#define POOL_MAX_OF(suffix, type, lowest)                                                          \
    static int64_t max_##suffix(type *y, const ref_window *w, const ref_range *taps,               \
                                const int64_t *o, const type *x)                                   \
    {                                                                                              \
        type max = (lowest);                                                                       \
        int64_t at = -1;                                                                           \
        for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {                                 \
            for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {                             \
                int64_t row = row_at(w, o, kz, ky);                                                \
                for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++) {                         \
                    int64_t i = row + ref_window_at(w, 2, o[2], kx);                               \
                    type v = x[i];                                                                 \
                    if (v > max || at < 0 || (v != v && max == max)) {                             \
                        max = v;                                                                   \
                        at = i;                                                                    \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        *y = max;                                                                                  \
        return at;                                                                                 \
    }

/* sum_TYPE(): the sum of the window's elements, or of what an L^p norm makes of them. */
#define POOL_SUM_OF(suffix, type)                                                                  \
    static double sum_##suffix(const pool *p, const ref_range *taps, const int64_t *o,             \
                               const type *x)                                                      \
    {                                                                                              \
        const ref_window *w = &p->window;                                                          \
        double sum = 0.0;                                                                          \
        for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {                                 \
            for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {                             \
                const type *row = x + row_at(w, o, kz, ky);                                        \
                for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++) {                         \
                    double v = (double)row[ref_window_at(w, 2, o[2], kx)];                         \
                    sum += p->kind == POOL_LP ? pow(fabs(v), p->p) : v;                            \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return sum;                                                                                \
    }

POOL_MAX_OF(f32, float, -INFINITY)
POOL_MAX_OF(f64, double, (double)-INFINITY)
POOL_MAX_OF(i8, int8_t, INT8_MIN)
POOL_MAX_OF(u8, uint8_t, 0)
POOL_SUM_OF(f32, float)
POOL_SUM_OF(f64, double)

/* What AveragePool and LpPool make of a sum. */
static double finish(const pool *p, double sum, const ref_range *taps, const int64_t *o)
{
    if (p->kind == POOL_LP)
        return pow(sum, 1.0 / p->p);
    int64_t n = window_size(p, taps, o);
    return n > 0 ? sum / (double)n : 0.0;
}

/* Output element @p i, whose window over channel number @p plane is at @p o.
 * @return where in the channel the maximum lies; meaningless for the other kinds. */
static int64_t pool_one(const pool *p, clv_tensor *y, size_t i, const clv_tensor *x, size_t plane,
                        const int64_t *o)
{
    const ref_window *w = &p->window;
    size_t first = plane * (size_t)(w->in[0] * w->in[1] * w->in[2]);
    ref_range taps[3];
    bool is_max = p->kind == POOL_MAX;

    for (uint32_t d = 0; d < 3; d++)
        taps[d] = ref_window_taps(w, d, o[d], 0, w->in[d]);
    switch (x->dtype) {
    case CLV_I8:
        return max_i8((int8_t *)y->data + i, w, taps, o, (const int8_t *)x->data + first);
    case CLV_U8:
        return max_u8((uint8_t *)y->data + i, w, taps, o, (const uint8_t *)x->data + first);
    case CLV_F64:
        if (is_max)
            return max_f64((double *)y->data + i, w, taps, o, (const double *)x->data + first);
        ((double *)y->data)[i] =
            finish(p, sum_f64(p, taps, o, (const double *)x->data + first), taps, o);
        return -1;
    default: /* CLV_F32 */
        if (is_max)
            return max_f32((float *)y->data + i, w, taps, o, (const float *)x->data + first);
        ((float *)y->data)[i] =
            (float)finish(p, sum_f32(p, taps, o, (const float *)x->data + first), taps, o);
        return -1;
    }
}

/* Indices of MaxPool count over the whole input, in column-major order within a channel where the
 * node says so. */
static int64_t index_of(const pool *p, size_t plane, int64_t at)
{
    const int64_t *in = p->window.in;
    int64_t first = (int64_t)plane * in[0] * in[1] * in[2];

    if (at < 0 || !p->column_major)
        return at < 0 ? at : first + at;
    int64_t z = at / (in[1] * in[2]), row = at / in[2] % in[1], column = at % in[2];
    return first + z + in[0] * (row + in[1] * column);
}

static bool is_global(clv_op op)
{
    return op == CLV_OP_GLOBAL_MAX_POOL || op == CLV_OP_GLOBAL_AVERAGE_POOL ||
           op == CLV_OP_GLOBAL_LP_POOL;
}

static pool_kind kind_of(clv_op op)
{
    if (op == CLV_OP_MAX_POOL || op == CLV_OP_GLOBAL_MAX_POOL)
        return POOL_MAX;
    return op == CLV_OP_LP_POOL || op == CLV_OP_GLOBAL_LP_POOL ? POOL_LP : POOL_AVERAGE;
}

static clv_status pool_of(pool *out, const clv_graph *graph, const clv_node *node,
                          const clv_tensor *x)
{
    clv_pool_params params = {.window.n = 0};
    pool p = {.kind = kind_of(node->op), .p = (double)clv_node_attr_int(node, "p", 2)};

    if (!is_global(node->op))
        CLV_TRY(clv_pool_params_of(&params, graph, node, NULL));
    p.window = ref_window_of(&params.window, &x->shape);
    p.count_include_pad = params.count_include_pad;
    p.column_major = params.column_major;
    if (is_global(node->op)) /* of any rank: all of a channel is one row */
        p.window.in[2] = p.window.kernel[2] = (int64_t)ref_extent(&x->shape, 2, x->shape.rank);
    *out = p;
    return CLV_OK;
}

clv_status ref_pool(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    pool p;
    CLV_TRY(pool_of(&p, graph, node, &inputs[0]));
    const int64_t *out = p.window.out;
    size_t planes = ref_extent(&inputs[0].shape, 0, 2), i = 0;
    int64_t *indices = node->n_outputs > 1 ? outputs[1].data : NULL;

    for (size_t plane = 0; plane < planes; plane++) {
        for (int64_t z = 0; z < out[0]; z++) {
            for (int64_t r = 0; r < out[1]; r++) {
                for (int64_t c = 0; c < out[2]; c++, i++) {
                    int64_t at = pool_one(&p, &outputs[0], i, &inputs[0], plane,
                                          (const int64_t[3]){z, r, c});
                    if (indices != NULL)
                        indices[i] = index_of(&p, plane, at);
                }
            }
        }
    }
    return CLV_OK;
}

/* Indices count over the tensor that a MaxPool of this window takes. Where output_shape asks for
 * another one, an element keeps its coordinates. Return -1 when they lie outside of @p y. */
static int64_t unpooled_at(const clv_window *w, const clv_shape *y, int64_t index)
{
    int64_t area = 1, out_area = 1, to = 0;

    for (uint32_t i = w->n; i-- > 0;) {
        int64_t at = index / area % w->out[i];
        if (at >= y->dim[2 + i])
            return -1;
        to += at * out_area;
        area *= w->out[i];
        out_area *= y->dim[2 + i];
    }
    if (index < 0 || index / area >= y->dim[0] * y->dim[1])
        return -1;
    return index / area * out_area + to;
}

clv_status ref_max_unpool(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                          clv_tensor *outputs)
{
    const float *x = inputs[0].data;
    const int64_t *indices = inputs[1].data;
    float *y = outputs[0].data;
    clv_window window;

    CLV_TRY(clv_max_unpool_params_of(&window, graph, node, NULL));
    memset(y, 0, ref_bytes(&outputs[0]));
    for (size_t i = 0; i < ref_elems(&inputs[0]); i++) {
        int64_t at = unpooled_at(&window, &outputs[0].shape, indices[i]);
        if (at < 0)
            return CLV_ESHAPE;
        y[at] = x[i];
    }
    return CLV_OK;
}
