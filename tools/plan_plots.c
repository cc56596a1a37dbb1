/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/plan_plots.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"

#define WIDTH 1000.0 /* of every plot's view box */
#define LEFT 62.0
#define RIGHT 16.0

void html_put(html_out *out, const char *fmt, ...)
{
    char text[2048];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (out->status == CLV_OK && (n < 0 || (size_t)n >= sizeof text))
        out->status = CLV_EINTERNAL;
    if (out->status == CLV_OK)
        out->status = clv_buffer_append(&out->buffer, text, (size_t)n);
}

void html_text(html_out *out, const char *text)
{
    char safe[512];

    (void)clv_escape(safe, sizeof safe, text, false);
    for (const char *c = safe; *c != '\0'; c++) {
        if (*c == '<' || *c == '>' || *c == '&' || *c == '"' || *c == '\'')
            html_put(out, "&#%d;", (int)*c);
        else
            html_put(out, "%c", *c);
    }
}

/* A linear map from numbers (or their logarithms) to places. */
typedef struct axis {
    double from, to, at_from, at_to;
    bool logarithmic;
} axis;

static double place(const axis *a, double value)
{
    double part = a->logarithmic ? log(value / a->from) / log(a->to / a->from)
                                 : (value - a->from) / (a->to - a->from);
    return a->at_from + part * (a->at_to - a->at_from);
}

/* "0.2", "50", "1.2k": three digits are enough for a tick. */
static const char *number(char dst[32], double value)
{
    if (value >= 999.5)
        (void)snprintf(dst, 32, "%.3gk", value / 1000.0);
    else
        (void)snprintf(dst, 32, "%.3g", value);
    return dst;
}

static void open_svg(html_out *out, double height, const char *label)
{
    html_put(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n", WIDTH, height,
             label);
}

/* Grid lines at 1, 2 and 5 of each decade of @p y, left to right. */
static void logarithmic_rows(html_out *out, const axis *y, const char *unit)
{
    static const double steps[] = {1.0, 2.0, 5.0};
    char text[32];

    for (double decade = pow(10.0, floor(log10(y->from))); decade <= y->to; decade *= 10.0) {
        for (int i = 0; i < 3; i++) {
            double value = decade * steps[i];
            if (value < y->from * 0.999 || value > y->to * 1.001)
                continue;
            html_put(out,
                     "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                     "<text class=\"tick\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                     LEFT, WIDTH - RIGHT, place(y, value), place(y, value), LEFT - 8.0,
                     place(y, value) + 4.0, number(text, value));
        }
    }
    html_put(out, "<text class=\"unit\" x=\"%.0f\" y=\"14\" text-anchor=\"end\">%s</text>\n",
             LEFT - 8.0, unit);
}

/* --- latency over bandwidth ----------------------------------------------------------------- */

#define CURVE_HEIGHT 398.0
#define CURVE_BOTTOM 330.0
#define STRIP_TOP 366.0
#define STRIP_HEIGHT 26.0
#define SAMPLES 96

static double latency_ms(const plan_view *view, const clv_plan *plan, uint32_t candidate,
                         double bytes_per_s)
{
    clv_world world = view->world;
    world.bytes_per_s = bytes_per_s;
    return clv_plan_cost_in(plan, candidate, &world).latency_us * 1e-3;
}

/* One candidate's curve from @p from to @p to, while it is inside. */
static void curve(html_out *out, const plan_view *view, const clv_plan *plan, uint32_t candidate,
                  double from, double to, const axis *x, const axis *y, const char *class)
{
    bool open = false;

    html_put(out, "<path class=\"%s\" d=\"", class);
    for (int i = 0; i <= SAMPLES; i++) {
        double at = from * pow(to / from, (double)i / SAMPLES);
        double ms = latency_ms(view, plan, candidate, at);
        if (ms > y->to || ms < y->from)
            continue;
        html_put(out, "%c%.1f %.1f", open ? 'L' : 'M', place(x, at), place(y, ms));
        open = true;
    }
    html_put(out, "\"/>\n");
}

static void bandwidth_columns(html_out *out, const axis *x)
{
    static const double ticks[] = {0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
    char text[32];

    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++)
        html_put(out,
                 "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"20\" y2=\"%.0f\"/>"
                 "<text class=\"tick\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>\n",
                 place(x, ticks[i] * 125e3), place(x, ticks[i] * 125e3), CURVE_BOTTOM,
                 place(x, ticks[i] * 125e3), CURVE_BOTTOM + 18.0, number(text, ticks[i]));
    html_put(out, "<text class=\"unit\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">Mbit/s</text>\n",
             WIDTH - RIGHT, CURVE_BOTTOM - 6.0);
}

/* Which candidate is the best where, below the axis. */
static void strip(html_out *out, const plan_view *view, const axis *x)
{
    for (uint32_t i = 0; i < view->n_pieces; i++) {
        const clv_plan_piece *p = &view->pieces[i];
        char text[PLAN_VIEW_TEXT_BYTES];
        double from = place(x, p->from_bytes_per_s), to = place(x, p->to_bytes_per_s);
        (void)plan_view_describe(text, view->plan, p->candidate);
        html_put(out, "<g><title>%s: %.3g to %.3g Mbit/s</title>", text, p->from_bytes_per_s * 8e-6,
                 p->to_bytes_per_s * 8e-6);
        html_put(out,
                 "<rect class=\"strip%u\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" "
                 "rx=\"4\"/>",
                 i % 2, from + 1.0, STRIP_TOP, to - from > 3.0 ? to - from - 2.0 : 1.0,
                 STRIP_HEIGHT);
        if (to - from > 7.0 * (double)strlen(text))
            html_put(out,
                     "<text class=\"stripname\" x=\"%.1f\" y=\"%.0f\" "
                     "text-anchor=\"middle\">%s</text>",
                     (from + to) / 2.0, STRIP_TOP + 17.0, text);
        html_put(out, "</g>\n");
    }
}

static void envelope(html_out *out, const plan_view *view, const axis *x, const axis *y)
{
    for (uint32_t i = 0; i < view->n_pieces; i++) {
        const clv_plan_piece *p = &view->pieces[i];
        if (p->candidate != CLV_PLAN_NONE)
            curve(out, view, view->plan, p->candidate, p->from_bytes_per_s, p->to_bytes_per_s, x, y,
                  "best");
    }
    for (uint32_t i = 1; i < view->n_pieces; i++) {
        const clv_plan_piece *p = &view->pieces[i];
        if (p->candidate == CLV_PLAN_NONE)
            continue;
        double ms = latency_ms(view, view->plan, p->candidate, p->from_bytes_per_s);
        html_put(out,
                 "<circle class=\"break\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%.3g Mbit/s: "
                 "%.3g ms</title></circle>\n",
                 place(x, p->from_bytes_per_s), place(y, ms), p->from_bytes_per_s * 8e-6, ms);
    }
}

static axis latency_axis(const plan_view *view)
{
    double least = INFINITY, most = 0.0;

    for (uint32_t i = 0; i < view->n_pieces; i++) {
        const clv_plan_piece *p = &view->pieces[i];
        if (p->candidate == CLV_PLAN_NONE)
            continue;
        least = fmin(least, latency_ms(view, view->plan, p->candidate, p->to_bytes_per_s));
        most = fmax(most, latency_ms(view, view->plan, p->candidate, p->from_bytes_per_s));
    }
    least = isfinite(least) && least > 1e-3 ? least : 1e-3;
    most = most > 4.0 * least ? most : 4.0 * least;
    return (axis){least * 0.75, most * 3.0, CURVE_BOTTOM, 20.0, true};
}

static void marker(html_out *out, const plan_view *view, const axis *x, const axis *y)
{
    double at = view->world.bytes_per_s;

    if (view->choice.candidate == CLV_PLAN_NONE || at < x->from || at > x->to)
        return;
    double ms = view->choice.cost.latency_us * 1e-3;
    html_put(out,
             "<line class=\"here\" x1=\"%.1f\" x2=\"%.1f\" y1=\"20\" y2=\"%.0f\"/>"
             "<circle class=\"heredot\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"/>"
             "<text class=\"herename\" x=\"%.1f\" y=\"%.1f\">%.4g ms</text>\n",
             place(x, at), place(x, at), CURVE_BOTTOM, place(x, at), place(y, ms),
             place(x, at) + 8.0, 34.0, ms);
}

void plot_bandwidth(html_out *out, const plan_view *view)
{
    axis x = {view->from_bytes_per_s, view->to_bytes_per_s, LEFT, WIDTH - RIGHT, true};
    axis y = latency_axis(view);

    open_svg(out, CURVE_HEIGHT, "latency over bandwidth");
    logarithmic_rows(out, &y, "ms");
    bandwidth_columns(out, &x);
    for (uint32_t i = 0; i < view->n_pieces; i++) {
        if (view->pieces[i].candidate != CLV_PLAN_NONE)
            curve(out, view, view->plan, view->pieces[i].candidate, x.from, x.to, &x, &y, "other");
    }
    for (unsigned b = 0; b < PLAN_BASELINE_COUNT; b++) {
        char class[16];
        (void)snprintf(class, sizeof class, "base%u", b);
        if (view->baselines[b] != CLV_PLAN_NONE)
            curve(out, view, view->all, view->baselines[b], x.from, x.to, &x, &y, class);
    }
    envelope(out, view, &x, &y);
    marker(out, view, &x, &y);
    strip(out, view, &x);
    html_put(out, "</svg>\n");
}

/* --- each cut ------------------------------------------------------------------------------- */

#define BARS_HEIGHT 330.0
#define BARS_BOTTOM 292.0

/* The top of the bars: all on the device, or a few times the best, whichever is more. */
static double highest_ms(const plan_view *view)
{
    double best = view->choice.candidate != CLV_PLAN_NONE ? view->choice.cost.latency_us : 1e3;
    double top = 2.5 * best;
    uint32_t local = view->baselines[PLAN_BASELINE_DEVICE];

    if (local != CLV_PLAN_NONE) {
        double alone = clv_plan_cost_in(view->all, local, &view->world).latency_us * 1.08;
        top = alone > top && alone < 8.0 * best ? alone : top;
    }
    return top * 1e-3;
}

static double round_step(double top)
{
    double step = pow(10.0, floor(log10(top / 4.0)));
    return top / step > 20.0 ? 5.0 * step : top / step > 8.0 ? 2.0 * step : step;
}

static void linear_rows(html_out *out, const axis *y)
{
    double step = round_step(y->to);
    char text[32];

    for (double value = 0.0; value <= y->to; value += step)
        html_put(out,
                 "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                 "<text class=\"tick\" x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                 LEFT, WIDTH - RIGHT, place(y, value), place(y, value), LEFT - 8.0,
                 place(y, value) + 4.0, number(text, value));
    html_put(out, "<text class=\"unit\" x=\"%.0f\" y=\"14\" text-anchor=\"end\">ms</text>\n",
             LEFT - 8.0);
}

static void bar(html_out *out, const plan_view *view, uint32_t cut, double x, double width,
                const axis *y)
{
    static const char *const classes[] = {"device", "encode", "network", "server"};
    uint32_t candidate = view->best_at[cut];
    clv_plan_cost cost = clv_plan_cost_in(view->all, candidate, &view->world);
    const double parts[] = {cost.device_us, cost.encode_us, cost.link_us + cost.rtt_us,
                            cost.server_us};
    char text[PLAN_VIEW_TEXT_BYTES];
    double sum = 0.0;

    html_put(out, "<g%s><title>%s: %.4g ms\ndevice %.4g, encode %.4g, network %.4g, server %.4g, ",
             cost.within ? "" : " class=\"outside\"",
             plan_view_describe(text, view->all, candidate), cost.latency_us * 1e-3,
             parts[0] * 1e-3, parts[1] * 1e-3, parts[2] * 1e-3, parts[3] * 1e-3);
    html_put(out, "%.4g KiB</title>", cost.bytes / 1024.0);
    for (int i = 0; i < 4; i++) {
        double low = sum, high = sum + parts[i] * 1e-3;
        sum = high;
        high = high < y->to ? high : y->to;
        if (!(high > low))
            continue;
        html_put(out, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" y=\"%.2f\" height=\"%.2f\"/>",
                 classes[i], x, width, place(y, high), place(y, low) - place(y, high));
    }
    if (sum > y->to) /* it goes on */
        html_put(out, "<path class=\"torn\" d=\"M%.2f %.2fl%.2f -7l%.2f 7\"/>", x, y->at_to + 2.0,
                 width / 2.0, width / 2.0);
    html_put(out, "</g>\n");
}

void plot_cuts(html_out *out, const plan_view *view)
{
    uint32_t n = view->graph->n_nodes, chosen = CLV_PLAN_NONE;
    axis y = {0.0, highest_ms(view), BARS_BOTTOM, 22.0, false};
    double slot = (WIDTH - LEFT - RIGHT) / (n + 1.0), gap = slot > 6.0 ? 2.0 : slot * 0.1;
    uint32_t every = 1;

    if (view->choice.candidate != CLV_PLAN_NONE)
        chosen = clv_plan_at(view->plan, view->choice.candidate)->cut;
    while (slot * every < 26.0)
        every *= every == 1 || every == 10 || every == 100 ? 5 : 2;
    open_svg(out, BARS_HEIGHT, "latency at each cut");
    linear_rows(out, &y);
    for (uint32_t k = 0; k <= n; k++) {
        double x = LEFT + slot * k;
        if (k == chosen)
            html_put(out,
                     "<rect class=\"chosen\" x=\"%.2f\" width=\"%.2f\" y=\"16\" height=\"%.0f\" "
                     "rx=\"3\"/>\n",
                     x - 1.0, slot + 2.0, BARS_BOTTOM - 12.0);
        if (view->best_at[k] != CLV_PLAN_NONE)
            bar(out, view, k, x + gap / 2.0, slot - gap, &y);
        if (k == n || (k % every == 0 && slot * (n - k) > 84.0))
            html_put(out,
                     "<text class=\"tick\" x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">%u%s</text>\n",
                     x + slot / 2.0, BARS_BOTTOM + 17.0, k == n ? "end" : "middle", k,
                     k == n ? ": all here" : "");
    }
    html_put(out, "<text class=\"unit\" x=\"%.0f\" y=\"%.0f\">cut: nodes on the device</text>\n",
             LEFT, BARS_BOTTOM + 34.0);
    html_put(out, "</svg>\n");
}
