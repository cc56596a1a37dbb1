/* SPDX-License-Identifier: Apache-2.0 */
/* The report: one page with its plots inside, without scripts. */
#include <math.h>

#include "split.h"

static const char *const colours[SPLIT_N_WAYS] = {"#8a6d3b", "#9aa0a6", "#4f8fc0", "#b05fa8",
                                                  "#c8102e"};

static void put_head(FILE *out, const char *machine)
{
    (void)fprintf(
        out,
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>./dev bench "
        "split</title>\n"
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 "
        "1em;"
        "color:#222}h1{font-size:1.6em}h2{font-size:1.2em;margin-top:2em}table{border-collapse:"
        "collapse;font-size:13px}td,th{padding:2px 8px;border-bottom:1px solid "
        "#ddd;text-align:right}"
        "td:first-child,th:first-child{text-align:left}svg{max-width:100%%;height:auto}svg "
        "text{font:"
        "11px system-ui,sans-serif;fill:#333}.key span{margin-right:1.4em}.bad{color:#b00}"
        "</style>\n<h1>Where splitting pays: ./dev bench split</h1>\n<p>%s</p>\n",
        machine);
}

static void put_key(FILE *out)
{
    (void)fprintf(out, "<p class=\"key\">");
    for (int way = 0; way < SPLIT_N_WAYS; way++)
        (void)fprintf(out,
                      "<span><svg width=\"12\" height=\"12\"><circle cx=\"6\" cy=\"6\" r=\"5\" "
                      "fill=\"%s\"/></svg> %s</span>",
                      colours[way], split_way_names[way]);
    (void)fprintf(out, "</p>\n");
}

static void put_text(FILE *out, double x, double y, const char *anchor, const char *text)
{
    (void)fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
                  text);
}

/* --- the summary ------------------------------------------------------------------------------ */

static void put_summary_row(FILE *out, const char *title, const split_summary *s)
{
    if (s->cells == 0) {
        (void)fprintf(out, "<tr><td>%s<td colspan=\"8\">none", title);
        return;
    }
    (void)fprintf(out, "<tr><td>%s<td>%u", title, s->cells);
    for (split_way way = SPLIT_DEVICE; way < SPLIT_CLEAVE; way++)
        (void)fprintf(out, "<td>%.2f", s->over[way]);
    (void)fprintf(out,
                  "<td>%.2f<td>%+.1f%%<td style=\"text-align:left\">%s, %g Mbit/s, %g ms, %g times "
                  "slower<td>%u\n",
                  s->over_simple, (s->worst - 1) * 100, s->worst_net->name,
                  split_rate(s->worst_cell), split_rtt(s->worst_cell), split_slow(s->worst_cell),
                  s->behind);
}

/* What is compared, for a reader who doesn't trust it. */
static void put_rules(FILE *out)
{
    (void)fprintf(
        out,
        "<h2>What is compared</h2>\n<p>A frame is a photograph of about 500 x 375 pixels (four "
        "whose JPEGs are "
        "nearest to the mean of a hundred in size). Every "
        "way "
        "gives at least 97%% of the float network's best classes (of a detector: boxes), or it "
        "isn't "
        "in the race.</p><ul>\n"
        "<li><b>Device only</b>: everything there, in the faster of float32 and int8.\n"
        "<li><b>Raw</b>: the picture in the network's size, as 8-bit numbers.\n"
        "<li><b>JPEG</b>: the better, in each cell, of two. The camera's own, of the camera's "
        "size, "
        "<i>at no cost for the device</i> and of the least quality that agrees enough (MobileNetV2 "
        "85, SqueezeNet 97, NanoDet 40); the server decodes and resizes. And one that the device "
        "resizes to the network's size and encodes, at the processor time that this takes there "
        "(MobileNetV2 at 96, NanoDet at 75; SqueezeNet reaches 97%% at no quality that was "
        "measured, so has none). "
        "The graphs of ResNet-50 and ShuffleNet have made-up weights; they get MobileNetV2's.\n"
        "<li><b>Best fixed split</b>: the one cut and codec that is best in hindsight for the "
        "whole "
        "grid of a network.\n"
        "<li><b>Cleave</b>: the planner's choice among all of these and every cut, with codec "
        "points "
        "that agree on 97%% of ImageNet photographs, as JPEGs do; of made-up weights only the "
        "plain "
        "elements "
        "in 32 or 8 bits.</ul>\n<p>All remote ways ship the same answer back, as it is: 4 kB, but "
        "919 KiB of NanoDet's raw outputs. Bytes are slow devices' work too (encryption): that "
        "cost "
        "is measured and in the model, for all ways alike.</p>\n");
}

static void put_summary(FILE *out, const split_net *nets, const split_net *camera, uint32_t n)
{
    split_summary s = split_summarise(nets, n, false);

    (void)fprintf(out, "<h2>How much faster an answer is</h2>\n<p>Geometric means of each way's "
                       "latency over Cleave's, and Cleave's worst cell against the best of device "
                       "only, raw and JPEG.</p>\n<table><tr><th><th>cells");
    for (split_way way = SPLIT_DEVICE; way < SPLIT_CLEAVE; way++)
        (void)fprintf(out, "<th>%s", split_way_names[way]);
    (void)fprintf(out, "<th>best of three<th>worst cell<th><th>cells &gt; 2%% worse\n");
    put_summary_row(out, "modelled", &s);
    for (uint32_t i = 0; i < n; i++) {
        s = split_summarise(&nets[i], 1, false);
        put_summary_row(out, nets[i].name, &s);
    }
    s = split_summarise(camera, n, false);
    put_summary_row(out, "modelled, the camera's files as they are (103 kB)", &s);
    s = split_summarise(nets, n, true);
    put_summary_row(out, "<b>measured</b>", &s);
    (void)fprintf(out, "</table>\n");
}

static void put_errors(FILE *out, const split_net *nets, uint32_t n)
{
    (void)fprintf(out, "<table><tr><th>the model against what was measured<th>measured<th>median "
                       "error<th>9 of 10 within<th>model / measured\n");
    for (int way = -1; way < SPLIT_N_WAYS; way++) {
        split_error e = split_error_of(nets, n, way);
        if (e.count > 0)
            (void)fprintf(out, "<tr><td>%s<td>%u<td>%.1f%%<td>%.1f%%<td>%.3f\n",
                          way < 0 ? "all" : split_way_names[way], e.count, e.median * 100,
                          e.p90 * 100, e.bias);
    }
    split_error e = split_rate_error(nets, n);
    if (e.count > 0)
        (void)fprintf(out, "<tr><td>Cleave's frames a second<td>%u<td>%.1f%%<td>%.1f%%<td>%.3f\n",
                      e.count, e.median * 100, e.p90 * 100, 1 / e.bias);
    (void)fprintf(out, "</table>\n");
}

/* --- maps: the gain over the best simple way, for each network and slowdown ---------------------
 */

enum { BOX_W = 26, BOX_H = 20, MAP_W = SPLIT_RATES * BOX_W, MAP_H = SPLIT_RTTS * BOX_H };

/* White where Cleave is as good as the best simple way, to red at eight times as good; grey-blue
 * where it is worse. */
static void put_box(FILE *out, double x, double y, double gain, bool measured)
{
    double part = fmin(fmax(log2(gain) / 3, 0), 1);
    int red = (int)(255 - 55 * part), other = (int)(255 - 225 * part);

    if (gain < 0.98)
        (void)fprintf(out,
                      "<rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" fill=\"#89a\" "
                      "stroke=\"#fff\"/>",
                      x, y, BOX_W, BOX_H);
    else
        (void)fprintf(out,
                      "<rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" "
                      "fill=\"rgb(%d,%d,%d)\" stroke=\"%s\"/>",
                      x, y, BOX_W, BOX_H, red, other, other, measured ? "#222" : "#ddd");
    (void)fprintf(out,
                  "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\" style=\"font-size:9px;"
                  "fill:%s\">%.*f</text>\n",
                  x + BOX_W / 2.0, y + 14, part > 0.6 ? "#fff" : "#333", gain < 9.95 ? 1 : 0, gain);
}

static void put_map(FILE *out, const split_net *net, uint32_t index, uint32_t n, uint32_t slow,
                    double x, double y)
{
    char text[96];

    for (uint32_t rate = 0; rate < SPLIT_RATES; rate++) {
        for (uint32_t rtt = 0; rtt < SPLIT_RTTS; rtt++) {
            uint32_t cell = (rate * SPLIT_RTTS + rtt) * SPLIT_SLOWS + slow;
            double gain =
                split_simple_ms(net, cell, false) / split_ms(net, cell, SPLIT_CLEAVE, false);
            put_box(out, x + rate * BOX_W, y + rtt * BOX_H, gain, net->in_lab[cell]);
        }
    }
    for (uint32_t rate = 0; index + 1 == n && rate < SPLIT_RATES; rate++) {
        (void)snprintf(text, sizeof text, "%g", split_rates_mbit[rate]);
        put_text(out, x + (rate + 0.5) * BOX_W, y + MAP_H + 13, "middle", text);
    }
    for (uint32_t rtt = 0; slow == 0 && rtt < SPLIT_RTTS; rtt++) {
        (void)snprintf(text, sizeof text, "%g ms", split_rtts_ms[rtt]);
        put_text(out, x - 4, y + (rtt + 0.7) * BOX_H, "end", text);
    }
}

static void put_maps(FILE *out, const split_net *nets, uint32_t n)
{
    double left = 50, top = 34, gap_x = 18, gap_y = 26;
    char text[96];

    (void)fprintf(
        out,
        "<h2>Where it pays</h2>\n<p>The best of device only, raw and JPEG over Cleave, by "
        "the model: bandwidth in Mbit/s across, round trip down. 1.0: Cleave does what the "
        "best of them does. Cells with a dark edge were also run in the laboratory.</p>\n"
        "<svg viewBox=\"0 0 %.0f %.0f\" width=\"1100\">\n",
        left + SPLIT_SLOWS * (MAP_W + gap_x), top + n * (MAP_H + gap_y) + 20);
    for (uint32_t slow = 0; slow < SPLIT_SLOWS; slow++) {
        double x = left + slow * (MAP_W + gap_x);
        (void)snprintf(text, sizeof text, "device %g times slower", split_slows[slow]);
        put_text(out, x + MAP_W / 2.0, 10, "middle", text);
        for (uint32_t i = 0; i < n; i++) {
            double y = top + i * (MAP_H + gap_y);
            put_text(out, x, y - 4, "start", nets[i].name);
            put_map(out, &nets[i], i, n, slow, x, y);
        }
    }
    (void)fprintf(out, "</svg>\n");
}

/* --- latency over bandwidth ----------------------------------------------------------------------
 */

typedef struct axes {
    double x, y, w, h;                 /* of the plot's area */
    double x_from, x_to, y_from, y_to; /* logarithms to the base 10 */
} axes;

static double at_x(const axes *a, double value)
{
    return a->x + (log10(value) - a->x_from) / (a->x_to - a->x_from) * a->w;
}

static double at_y(const axes *a, double value)
{
    return a->y + a->h - (log10(value) - a->y_from) / (a->y_to - a->y_from) * a->h;
}

static void put_axes(FILE *out, const axes *a, const double *x_ticks, int n_ticks)
{
    char text[32];

    (void)fprintf(out,
                  "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" fill=\"none\" "
                  "stroke=\"#bbb\"/>\n",
                  a->x, a->y, a->w, a->h);
    for (int power = (int)a->y_from; power <= (int)a->y_to; power++) {
        double y = at_y(a, pow(10, power));
        (void)snprintf(text, sizeof text, "%g", pow(10, power));
        (void)fprintf(out,
                      "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#eee\"/>\n",
                      a->x, a->x + a->w, y, y);
        put_text(out, a->x - 4, y + 4, "end", text);
    }
    for (int i = 0; i < n_ticks; i++) {
        (void)snprintf(text, sizeof text, "%g", x_ticks[i]);
        put_text(out, at_x(a, x_ticks[i]), a->y + a->h + 13, "middle", text);
    }
}

static void put_curve(FILE *out, const axes *a, const split_net *net, split_way way, uint32_t rtt,
                      uint32_t slow)
{
    (void)fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" points=\"",
                  colours[way], way == SPLIT_CLEAVE ? "3" : "1.5");
    for (uint32_t rate = 0; rate < SPLIT_RATES; rate++) {
        uint32_t cell = (rate * SPLIT_RTTS + rtt) * SPLIT_SLOWS + slow;
        (void)fprintf(out, "%.1f,%.1f ", at_x(a, split_rates_mbit[rate]),
                      at_y(a, split_ms(net, cell, way, false)));
    }
    (void)fprintf(out, "\"/>\n");
}

static void put_curves(FILE *out, const split_net *nets, uint32_t n)
{
    static const double ticks[] = {0.5, 2, 10, 50, 200};
    char text[128];
    double step = 1100.0 / n;

    (void)fprintf(out,
                  "<h2>Latency over bandwidth</h2>\n<p>Milliseconds over Mbit/s, round trip 20 "
                  "ms, by the model.</p>\n");
    put_key(out);
    (void)fprintf(out, "<svg viewBox=\"0 0 1110 470\" width=\"1110\">\n");
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t row = 0; row < 2; row++) {
            axes a = {44 + i * step, 22 + row * 232, step - 52, 180,
                      log10(0.5),    log10(200),     1,         4.5};
            (void)snprintf(text, sizeof text, "%s, %g times slower", nets[i].name,
                           split_slows[1 + row]);
            put_text(out, a.x, a.y - 5, "start", text);
            put_axes(out, &a, ticks, 5);
            for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
                if (split_way_is_there(&nets[i], way))
                    put_curve(out, &a, &nets[i], way, 1, 1 + row);
        }
    }
    (void)fprintf(out, "</svg>\n");
}

/* --- what was measured ---------------------------------------------------------------------------
 */

static void put_scatter(FILE *out, const split_net *nets, uint32_t n)
{
    static const double ticks[] = {10, 100, 1000, 10000};
    axes a = {60, 10, 420, 420, 1, 4, 1, 4};

    (void)fprintf(out, "<svg viewBox=\"0 0 520 470\" width=\"520\">\n");
    put_axes(out, &a, ticks, 4);
    (void)fprintf(out, "<line x1=\"60\" y1=\"430\" x2=\"480\" y2=\"10\" stroke=\"#aaa\"/>\n");
    put_text(out, 270, 462, "middle", "measured, ms");
    (void)fprintf(out,
                  "<text transform=\"translate(14,220) rotate(-90)\" text-anchor=\"middle\">by "
                  "the model, ms</text>\n");
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++)
            for (int way = 0; way < SPLIT_N_WAYS; way++)
                if (nets[i].measured[cell][way].frames > 0)
                    (void)fprintf(out,
                                  "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\" "
                                  "fill-opacity=\"0.7\"/>\n",
                                  at_x(&a, nets[i].measured[cell][way].latency_ms),
                                  at_y(&a, split_ms(&nets[i], cell, (split_way)way, false)),
                                  colours[way]);
    (void)fprintf(out, "</svg>\n");
}

static void put_measured_row(FILE *out, const split_net *net, uint32_t cell)
{
    double best = split_simple_ms(net, cell, true), own = split_ms(net, cell, SPLIT_CLEAVE, true);
    char text[96];

    (void)fprintf(out, "<tr><td>%s<td>%g<td>%g<td>%g", net->name, split_rate(cell), split_rtt(cell),
                  split_slow(cell));
    for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++) {
        if (split_way_is_there(net, way))
            (void)fprintf(out, "<td>%.0f <small>(%.0f)</small>", split_ms(net, cell, way, true),
                          split_ms(net, cell, way, false));
        else
            (void)fprintf(out, "<td>");
    }
    const split_measured *m = &net->measured[cell][SPLIT_CLEAVE];
    (void)fprintf(out, "<td%s>%.2f<td>%.0f<td>%.2f", own > 1.02 * best ? " class=\"bad\"" : "",
                  best / own, m->bytes, m->joules);
    if (m->frames_per_s > 0)
        (void)fprintf(out, "<td>%.1f <small>(%.1f)</small>", m->frames_per_s,
                      split_frames_per_s(net, cell, SPLIT_CLEAVE));
    else
        (void)fprintf(out, "<td>");
    (void)fprintf(out, "<td style=\"text-align:left\">%s\n",
                  split_describe(text, net, cell, SPLIT_CLEAVE));
}

static void put_measured(FILE *out, const split_net *nets, uint32_t n)
{
    (void)fprintf(out,
                  "<h2>In the laboratory</h2>\n<p>Real runs of cleave-edge and cleave-server: "
                  "medians in ms, in brackets what the model says. Frames a second with %d on "
                  "their way, in a run of its own, where something is shipped. Cells in which some "
                  "way takes more than 4.5 s "
                  "by the model are not run.</p>\n",
                  SPLIT_IN_FLIGHT);
    put_errors(out, nets, n);
    put_key(out);
    put_scatter(out, nets, n);
    (void)fprintf(out, "<table><tr><th>network<th>Mbit/s<th>rtt ms<th>slower");
    for (int way = 0; way < SPLIT_N_WAYS; way++)
        (void)fprintf(out, "<th>%s", split_way_names[way]);
    (void)fprintf(out, "<th>best of three / Cleave<th>bytes<th>joules<th>frames/s<th>Cleave's "
                       "choice\n");
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++)
            if (nets[i].measured[cell][SPLIT_CLEAVE].frames > 0)
                put_measured_row(out, &nets[i], cell);
    (void)fprintf(out, "</table>\n");
}

static double mean_log(const split_net *net, split_way way, int what)
{
    double sum = 0;

    for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
        const clv_plan_cost *c = &net->cost[cell][way];
        sum += what == 0   ? log(c->device_mj / 1000)
               : what == 1 ? c->bytes
                           : log(split_frames_per_s(net, cell, way));
    }
    return what == 1 ? sum / SPLIT_CELLS : exp(sum / SPLIT_CELLS);
}

static void put_others(FILE *out, const split_net *nets, uint32_t n)
{
    static const char *const titles[] = {"joules a frame", "bytes a frame", "frames a second"};

    (void)fprintf(out,
                  "<h2>Energy, bytes, frames a second</h2>\n<p>Means over the grid (geometric "
                  "but for bytes), by the model, of what was chosen for latency. Joules are of "
                  "a declared device: 6 W computing, 2.5 W waiting, 0.4 J a megabyte. Frames a "
                  "second are those of the pipeline device | link | server with 4 on their "
                  "way.</p>\n<table><tr><th>"
                  "<th>network");
    for (int way = 0; way < SPLIT_N_WAYS; way++)
        (void)fprintf(out, "<th>%s", split_way_names[way]);
    for (int what = 0; what < 3; what++) {
        for (uint32_t i = 0; i < n; i++) {
            (void)fprintf(out, "\n<tr><td>%s<td>%s", i == 0 ? titles[what] : "", nets[i].name);
            for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
                if (split_way_is_there(&nets[i], way))
                    (void)fprintf(out, what == 1 ? "<td>%.0f" : "<td>%.2f",
                                  mean_log(&nets[i], way, what));
                else
                    (void)fprintf(out, "<td>");
        }
    }
    (void)fprintf(out, "</table>\n");
}

void split_write_page(FILE *out, const split_net *nets, const split_net *camera, uint32_t n,
                      const char *machine)
{
    put_head(out, machine);
    put_rules(out);
    put_summary(out, nets, camera, n);
    put_maps(out, nets, n);
    put_curves(out, nets, n);
    put_measured(out, nets, n);
    put_others(out, nets, n);
    (void)fprintf(out, "</html>\n");
}
