/* SPDX-License-Identifier: Apache-2.0 */
/* The graph as a row of nodes in the order in which they run, with arcs for what isn't read by the
 * next one, and below it the bytes that a split in front of each node ships. */
#include <math.h>
#include <string.h>

#include "tools/plan_plots.h"

#define WIDTH 1000.0
#define LEFT 62.0
#define RIGHT 16.0
#define HIGHEST_ARC 118.0
#define BYTES_HEIGHT 94.0

typedef struct layout {
    const plan_view *view;
    const clv_profile_run *run; /* of the device, whose bytes and times are shown */
    double slot, radius;
    double row, bytes_bottom; /* where the nodes are, and where bars stand */
    uint32_t cut;             /* CLV_PLAN_NONE: nothing can be done */
} layout;

static double x_of(const layout *l, double node)
{
    return LEFT + l->slot * (node + 0.5);
}

static double arc_height(double span)
{
    double high = 9.0 * sqrt(span) + 4.0;
    return high < HIGHEST_ARC ? high : HIGHEST_ARC;
}

/* The most nodes from one that makes a tensor to one that reads it. */
static double longest_span(const clv_graph *g)
{
    double longest = 1.0;

    for (uint32_t i = 0; i < g->n_nodes; i++) {
        for (uint32_t j = 0; j < g->nodes[i].n_inputs; j++) {
            uint32_t v = g->nodes[i].inputs[j];
            if (v == CLV_NO_VALUE || clv_value_is_constant(&g->values[v]))
                continue;
            uint32_t producer = g->values[v].producer;
            longest = fmax(longest, producer == CLV_NO_NODE ? i + 1.0 : (double)(i - producer));
        }
    }
    return longest;
}

static layout lay_out(const plan_view *view)
{
    layout l = {.view = view, .run = &view->device->runs[0], .cut = CLV_PLAN_NONE};

    l.slot = (WIDTH - LEFT - RIGHT) / (double)(view->graph->n_nodes + 1);
    l.radius = l.slot * 0.36 < 7.0 ? l.slot * 0.36 : 7.0;
    l.row = 48.0 + arc_height(longest_span(view->graph));
    l.bytes_bottom = l.row + 46.0 + BYTES_HEIGHT;
    if (view->choice.candidate == CLV_PLAN_NONE)
        return l;
    const clv_plan_candidate *c = clv_plan_at(view->plan, view->choice.candidate);
    const clv_profile_run *run = clv_profile_find_run(view->device, c->device_precision, 1);
    l.run = run != NULL ? run : l.run;
    l.cut = c->cut;
    return l;
}

/* From node @p from (-1: an input) to @p to. Those that the cut crosses are what is shipped. */
static void edge(html_out *out, const layout *l, int64_t from, uint32_t to)
{
    bool ships = l->cut != CLV_PLAN_NONE && from < (int64_t)l->cut && to >= l->cut;
    double left = x_of(l, (double)from), right = x_of(l, to), span = (double)to - (double)from;
    const char *class = ships ? "edge shipped" : "edge";

    if (span < 1.5) {
        html_put(out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"/>\n",
                 class, left, right, l->row, l->row);
        return;
    }
    double high = arc_height(span);
    html_put(out, "<path class=\"%s\" d=\"M%.1f %.0fC%.1f %.1f %.1f %.1f %.1f %.0f\"/>\n", class,
             left, l->row, left + (right - left) * 0.1, l->row - high * 1.33,
             right - (right - left) * 0.1, l->row - high * 1.33, right, l->row);
}

/* Each pair of nodes once, those that the cut crosses above the others. */
static void edges(html_out *out, const layout *l, bool shipped)
{
    const clv_graph *g = l->view->graph;

    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const clv_node *node = &g->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            uint32_t v = node->inputs[j];
            if (v == CLV_NO_VALUE || clv_value_is_constant(&g->values[v]))
                continue;
            uint32_t producer = g->values[v].producer;
            int64_t from = producer == CLV_NO_NODE ? -1 : (int64_t)producer;
            bool crosses = l->cut != CLV_PLAN_NONE && from < (int64_t)l->cut && i >= l->cut;
            if (crosses == shipped)
                edge(out, l, from, i);
        }
    }
}

static void nodes(html_out *out, const layout *l)
{
    const clv_graph *g = l->view->graph;

    html_put(out,
             "<circle class=\"input\" cx=\"%.1f\" cy=\"%.0f\" r=\"%.1f\"><title>input</title>"
             "</circle>\n",
             x_of(l, -1.0), l->row, l->radius);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const char *side = l->cut != CLV_PLAN_NONE && i < l->cut ? "device" : "server";
        html_put(out,
                 "<circle class=\"%s node\" cx=\"%.1f\" cy=\"%.0f\" r=\"%.1f\"><title>%u: ", side,
                 x_of(l, i), l->row, l->radius, i);
        html_text(out, g->nodes[i].name);
        html_put(out, "\n");
        html_text(out, l->view->device->nodes[i].op);
        html_put(out, ", %.4g ms on the device, %.2f MMACs</title></circle>\n",
                 (double)l->run->nodes[i].min_ns * 1e-6,
                 (double)l->view->device->nodes[i].macs * 1e-6);
    }
}

/* Uncoded bytes at each cut, from the least to the most, logarithmically. */
static void bytes(html_out *out, const layout *l)
{
    uint32_t n = l->view->graph->n_nodes;
    double most = 1.0;

    for (uint32_t k = 0; k <= n; k++)
        most = fmax(most, (double)l->run->cut_bytes[k]);
    for (uint32_t k = 0; k <= n; k++) {
        double value = (double)l->run->cut_bytes[k];
        double part = value > 64.0 ? log(value / 64.0) / log(most / 64.0 + 1.0) : 0.02;
        double high = part * BYTES_HEIGHT;
        html_put(out,
                 "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" y=\"%.1f\" height=\"%.1f\" "
                 "rx=\"1.5\"><title>cut %u: %.4g KiB uncoded</title></rect>\n",
                 k == l->cut ? "network" : "bytes", x_of(l, k - 0.5) - l->slot * 0.36,
                 l->slot * 0.72, l->bytes_bottom - high, high, k, value / 1024.0);
    }
    html_put(out,
             "<text class=\"unit\" x=\"%.0f\" y=\"%.0f\">uncoded bytes at each cut, logarithmic; "
             "at most %.4g KiB</text>\n",
             LEFT, l->bytes_bottom + 20.0, most / 1024.0);
}

static void cut_line(html_out *out, const layout *l)
{
    const clv_plan_cost *cost = &l->view->choice.cost;

    if (l->cut == CLV_PLAN_NONE)
        return;
    double x = x_of(l, (double)l->cut - 0.5);
    bool to_left = x > WIDTH * 0.6;
    html_put(out,
             "<line class=\"cutline\" x1=\"%.1f\" x2=\"%.1f\" y1=\"14\" y2=\"%.0f\"/>"
             "<text class=\"cutname\" x=\"%.1f\" y=\"22\" text-anchor=\"%s\">cut %u: ",
             x, x, l->bytes_bottom, x + (to_left ? -8.0 : 8.0), to_left ? "end" : "start", l->cut);
    if (cost->bytes > 0.0)
        html_put(out, "%.4g KiB cross it</text>\n", cost->bytes / 1024.0);
    else
        html_put(out, "nothing is shipped</text>\n");
    html_put(out,
             "<text class=\"side devicename\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"end\">%s</text>",
             x - 8.0, l->row + 30.0, l->cut > 0 ? "device" : "");
    html_put(out, "<text class=\"side servername\" x=\"%.1f\" y=\"%.0f\">%s</text>\n", x + 8.0,
             l->row + 30.0, l->cut < l->view->graph->n_nodes ? "server" : "");
}

void plot_graph(html_out *out, const plan_view *view)
{
    layout l = lay_out(view);

    html_put(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"the graph\">\n", WIDTH,
             l.bytes_bottom + 28.0);
    bytes(out, &l);
    edges(out, &l, false);
    edges(out, &l, true);
    cut_line(out, &l);
    nodes(out, &l);
    html_put(out, "</svg>\n");
}
