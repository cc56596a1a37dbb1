/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_window.h"

#define LARGEST ((int64_t)1 << 24)

/* Of the window along spatial dimension i. */
static bool is_modest(const clv_window *w, uint32_t i)
{
    return w->kernel[i] <= LARGEST && w->dilation[i] <= LARGEST / w->kernel[i] &&
           w->stride[i] <= LARGEST && w->pad_begin[i] <= LARGEST && w->pad_end[i] <= LARGEST;
}

/* Whether a window along spatial dimension i, of extent `in`, meets padding only. */
static bool has_blind_window(const clv_window *w, uint32_t i, int64_t in)
{
    for (int64_t o = 0; o < w->out[i]; o++) {
        int64_t begin = o * w->stride[i] - w->pad_begin[i];
        int64_t skipped = begin < 0 ? (-begin + w->dilation[i] - 1) / w->dilation[i] : 0;
        if (skipped >= w->kernel[i] || begin + skipped * w->dilation[i] >= in)
            return true;
    }
    return false;
}

bool clv_dn_window_of(clv_dn_window *out, const clv_window *window, const clv_shape *x)
{
    for (uint32_t i = 0; i < window->n; i++) {
        if (!is_modest(window, i) || has_blind_window(window, i, x->dim[2 + i]))
            return false;
        out->kernel[i] = window->kernel[i];
        out->stride[i] = window->stride[i];
        out->dilation[i] = window->dilation[i] - 1; /* oneDNN counts the holes */
        out->pad_begin[i] = window->pad_begin[i];
        out->pad_end[i] = window->pad_end[i];
    }
    return true;
}
