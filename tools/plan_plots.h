/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLAN_PLOTS_H
#define CLV_PLAN_PLOTS_H

/** @file plan_plots.h: private to plan_page.c: HTML as it grows, and a plan's three plots in SVG.
 *  Colours are classes, which the page's style sheet defines. */

#include "base/buffer.h"
#include "tools/plan_view.h"

typedef struct html_out {
    clv_buffer buffer;
    clv_status status; /**< of the first failure; nothing is written behind it */
} html_out;

CLV_PRINTF(2, 3) void html_put(html_out *out, const char *fmt, ...);

/** Text from outside, as text. */
void html_text(html_out *out, const char *text);

/** Latency over bandwidth: the envelope, its breaks, and what needs no split. */
void plot_bandwidth(html_out *out, const plan_view *view);

/** The best of each cut, as device, encode, network and server. */
void plot_cuts(html_out *out, const plan_view *view);

/** Nodes in their order, what they read, the bytes between them, and the cut. */
void plot_graph(html_out *out, const plan_view *view);

#endif
