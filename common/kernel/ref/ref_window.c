/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_kernels.h"

ref_window ref_window_of(const clv_window *window, const clv_shape *x)
{
    ref_window w = {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}};

    for (uint32_t i = 0; i < window->n; i++) {
        uint32_t d = 3 - window->n + i;
        w.in[d] = x->dim[2 + i];
        w.out[d] = window->out[i];
        w.kernel[d] = window->kernel[i];
        w.stride[d] = window->stride[i];
        w.dilation[d] = window->dilation[i];
        w.pad_begin[d] = window->pad_begin[i];
        w.pad_end[d] = window->pad_end[i];
    }
    return w;
}

void ref_window_flatten(ref_window *w)
{
    for (uint32_t d = 0; d < 3; d++) {
        if (w->kernel[d] != 1 || w->stride[d] != 1 || w->pad_begin[d] != 0 || w->pad_end[d] != 0)
            return;
    }
    w->in[2] *= w->in[0] * w->in[1];
    w->out[2] = w->in[2];
    w->in[0] = w->in[1] = w->out[0] = w->out[1] = 1;
}

/* The i in [0, n) with low <= first + i * step < high. */
static ref_range inside(int64_t first, int64_t step, int64_t n, int64_t low, int64_t high)
{
    int64_t begin = first < low ? (low - first + step - 1) / step : 0;
    int64_t end = first < high ? (high - first - 1) / step + 1 : 0;

    if (end > n)
        end = n;
    return (ref_range){begin, end > begin ? end : begin};
}

ref_range ref_window_outputs(const ref_window *window, uint32_t d, int64_t k)
{
    return inside(ref_window_at(window, d, 0, k), window->stride[d], window->out[d], 0,
                  window->in[d]);
}

ref_range ref_window_taps(const ref_window *window, uint32_t d, int64_t o, int64_t low,
                          int64_t high)
{
    return inside(ref_window_at(window, d, o, 0), window->dilation[d], window->kernel[d], low,
                  high);
}
