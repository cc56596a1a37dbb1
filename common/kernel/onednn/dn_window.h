/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_WINDOW_H
#define CLV_DN_WINDOW_H

/** @file dn_window.h: sliding windows in oneDNN's terms. */

#include <oneapi/dnnl/dnnl.h>

#include "graph/params.h"

typedef struct clv_dn_window {
    dnnl_dims_t kernel, stride, dilation, pad_begin, pad_end;
} clv_dn_window;

/** @param x  Shape of the input, [n, c, spatial...].
 *  @return false where oneDNN can't be trusted with it: where a window lies in the padding
 *          altogether (2.6 loses the residual there and crashes in activations), or where a
 *          number is so large that the ints inside of oneDNN might not hold it. */
bool clv_dn_window_of(clv_dn_window *out, const clv_window *window, const clv_shape *x);

#endif
