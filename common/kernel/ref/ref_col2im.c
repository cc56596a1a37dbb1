/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/params_col2im.h"
#include "kernel/ref/ref_kernels.h"

/* Where element @p tap of window @p block lies in a picture, or -1 in its padding. Both count row
 * by row. */
static int64_t locate(const clv_col2im_params *p, int64_t tap, int64_t block)
{
    int64_t at = 0, stride = 1;

    for (uint32_t d = p->window.n; d-- > 0;) {
        const clv_window *w = &p->window;
        int64_t i = block % w->out[d] * w->stride[d] + tap % w->kernel[d] * w->dilation[d] -
                    w->pad_begin[d];
        if (i < 0 || i >= p->image[d])
            return -1;
        at += i * stride;
        stride *= p->image[d];
        tap /= w->kernel[d];
        block /= w->out[d];
    }
    return at;
}

clv_status ref_col2im(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    const float *src = inputs[0].data;
    float *picture = outputs[0].data;
    clv_col2im_params p;
    int64_t taps = 1;

    CLV_TRY(clv_col2im_params_of(&p, graph, node, NULL));
    for (uint32_t d = 0; d < p.window.n; d++)
        taps *= p.window.kernel[d];
    int64_t blocks = inputs[0].shape.dim[2], planes = inputs[0].shape.dim[0] * p.channels;
    size_t elems = ref_extent(&outputs[0].shape, 2, outputs[0].shape.rank);
    memset(picture, 0, ref_bytes(&outputs[0]));
    for (int64_t plane = 0; plane < planes; plane++, picture += elems) {
        for (int64_t tap = 0; tap < taps; tap++) {
            for (int64_t block = 0; block < blocks; block++, src++) {
                int64_t at = locate(&p, tap, block);
                if (at >= 0)
                    picture[at] += *src;
            }
        }
    }
    return CLV_OK;
}
