/* SPDX-License-Identifier: Apache-2.0 */
/* MaxPool, AveragePool and their global forms, which are one window over everything. */
#include <math.h>

#include "kernel/ref/ref_kernels.h"

typedef struct pool {
    ref_window window;
    bool is_max;
    bool count_include_pad;
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

static float pool_one(const pool *p, const float *x, const int64_t *o)
{
    const ref_window *w = &p->window;
    ref_range taps[3];
    double sum = 0.0;
    float max = -INFINITY;

    for (uint32_t d = 0; d < 3; d++)
        taps[d] = ref_window_taps(w, d, o[d], 0, w->in[d]);
    for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {
        int64_t iz = ref_window_at(w, 0, o[0], kz);
        for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {
            const float *row = x + (iz * w->in[1] + ref_window_at(w, 1, o[1], ky)) * w->in[2];
            for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++) {
                float v = row[ref_window_at(w, 2, o[2], kx)];
                sum += (double)v;
                max = max < v || isnan(v) ? v : max; /* a NaN stays */
            }
        }
    }
    if (p->is_max)
        return max;
    int64_t n = window_size(p, taps, o);
    return n > 0 ? (float)(sum / (double)n) : 0.0f;
}

static bool is_global(const clv_node *node)
{
    return node->op == CLV_OP_GLOBAL_MAX_POOL || node->op == CLV_OP_GLOBAL_AVERAGE_POOL;
}

static clv_status pool_of(pool *out, const clv_graph *graph, const clv_node *node,
                          const clv_tensor *x)
{
    clv_pool_params params = {.window.n = 0};
    pool p = {.is_max = node->op == CLV_OP_MAX_POOL || node->op == CLV_OP_GLOBAL_MAX_POOL};

    if (!is_global(node))
        CLV_TRY(clv_pool_params_of(&params, graph, node, NULL));
    p.window = ref_window_of(&params.window, &x->shape);
    p.count_include_pad = params.count_include_pad;
    if (is_global(node)) /* of any rank: all of a channel is one row */
        p.window.in[2] = p.window.kernel[2] = (int64_t)ref_extent(&x->shape, 2, x->shape.rank);
    *out = p;
    return CLV_OK;
}

clv_status ref_pool(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    pool p;
    CLV_TRY(pool_of(&p, graph, node, &inputs[0]));
    const int64_t *out = p.window.out, *in = p.window.in;
    size_t planes = ref_extent(&inputs[0].shape, 0, 2);
    const float *x = inputs[0].data;
    float *y = outputs[0].data;

    for (size_t i = 0; i < planes; i++) {
        for (int64_t z = 0; z < out[0]; z++) {
            for (int64_t r = 0; r < out[1]; r++) {
                for (int64_t c = 0; c < out[2]; c++)
                    *y++ = pool_one(&p, x, (const int64_t[3]){z, r, c});
            }
        }
        x += in[0] * in[1] * in[2];
    }
    return CLV_OK;
}
