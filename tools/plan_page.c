/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/plan_page.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "runtime/precision.h"
#include "tools/plan_plots.h"

#define MAX_PAGE_BYTES ((size_t)64 << 20)

static const char *const style[] = {
    ":root{--bg:#f7f8fa;--card:#fff;--ink:#1a2230;--soft:#5d6878;--line:#e3e7ee;--device:#3b74e0;"
    "--encode:#e2a412;--network:#12a594;--server:#8a5bd9;--best:#d6336c;--muted:#c3cad6;"
    "--chosen:#fdeaf1}\n",
    "@media(prefers-color-scheme:dark){:root{--bg:#11151c;--card:#1a202b;--ink:#e8ecf3;"
    "--soft:#98a4b7;--line:#2b3443;--device:#6d9dff;--encode:#f2c14e;--network:#34cdb9;"
    "--server:#b590f5;--best:#ff6b9d;--muted:#475266;--chosen:#3a2230}}\n",
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}"
    "h1{font-size:24px;margin:0}h2{font-size:16px;margin:0 0 2px}p{margin:0;color:var(--soft)}"
    "section{background:var(--card);border:1px solid var(--line);border-radius:12px;"
    "padding:20px 22px;margin-top:18px}svg{display:block;width:100%;height:auto;margin-top:12px}\n",
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:14px;"
    "margin-top:18px}.fact{background:var(--card);border:1px solid var(--line);"
    "border-radius:12px;padding:14px 18px}.fact b{display:block;font-size:24px;line-height:1.3;"
    "font-weight:650;font-variant-numeric:tabular-nums}.fact.top{border-color:var(--best)}"
    ".fact.top b{color:var(--best)}.fact span{color:var(--soft);font-size:13px}\n",
    "text{font-family:inherit;font-size:12px;fill:var(--ink)}.tick,.unit{fill:var(--soft);"
    "font-size:11px}.grid{stroke:var(--line);stroke-width:1}"
    ".other{fill:none;stroke:var(--muted);stroke-width:1;opacity:.7}"
    ".best{fill:none;stroke:var(--best);stroke-width:3.5;stroke-linecap:round}"
    ".base0,.base1,.base2{fill:none;stroke-width:2;stroke-dasharray:6 "
    "5}.base0{stroke:var(--device)}"
    ".base1{stroke:var(--server)}.base2{stroke:var(--network)}\n",
    ".break{fill:var(--card);stroke:var(--best);stroke-width:2.5}.here{stroke:var(--ink);"
    "stroke-dasharray:2 4;opacity:.6}.heredot{fill:var(--best)}.herename{font-weight:650}"
    ".strip0{fill:var(--best);opacity:.16}.strip1{fill:var(--best);opacity:.30}"
    ".stripname{font-size:11px}.chosen{fill:var(--chosen);stroke:var(--best);stroke-width:1}\n",
    ".device{fill:var(--device)}.encode{fill:var(--encode)}.network{fill:var(--network)}"
    ".server{fill:var(--server)}.bytes{fill:var(--muted);opacity:.55}.input{fill:var(--soft)}"
    ".outside{opacity:.3}.torn{fill:none;stroke:var(--soft);stroke-width:1.2}"
    ".node{stroke:var(--card);stroke-width:1.2}.edge{fill:none;stroke:var(--muted);"
    "stroke-width:1.4}.shipped{stroke:var(--network);stroke-width:2.6}"
    ".cutline{stroke:var(--best);stroke-width:2;stroke-dasharray:5 4}"
    ".cutname{fill:var(--best);font-weight:650;font-size:13px}.side{font-size:12px;font-weight:600}"
    ".devicename{fill:var(--device)}.servername{fill:var(--server)}\n",
    ".key{display:flex;flex-wrap:wrap;gap:6px 18px;margin-top:10px;font-size:13px;"
    "color:var(--soft)}.key i{display:inline-block;width:12px;height:12px;border-radius:3px;"
    "margin-right:6px;vertical-align:-1px}.key i.dash{height:0;width:20px;border-radius:0;"
    "border-top:2px dashed;vertical-align:4px}.key i.solid{height:4px;width:20px;"
    "vertical-align:2px}\n",
    "div.scroll{overflow-x:auto;margin-top:10px}table{border-collapse:collapse;width:100%;"
    "font-size:13.5px;font-variant-numeric:tabular-nums}th,td{padding:6px 10px;text-align:right;"
    "border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}"
    "th:first-child,td:first-child{text-align:left}tr.is td{font-weight:650;color:var(--best)}\n",
};

static void head(html_out *out, const plan_view *view)
{
    html_put(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\"><title>Plan of ");
    html_text(out, view->model);
    html_put(out, "</title>\n<style>\n");
    for (size_t i = 0; i < sizeof style / sizeof style[0]; i++)
        html_put(out, "%s", style[i]);
    html_put(out, "</style></head><body><main>\n<h1>Where to split ");
    const char *name = strrchr(view->model, '/');
    html_text(out, name != NULL ? name + 1 : view->model);
    html_put(out, "</h1>\n<p>device ");
    html_text(out, view->device->processor);
    html_put(out, " (%.3g times its profile&#39;s time), server ", view->world.device_slowdown);
    html_text(out, view->server != NULL ? view->server->processor : "none");
    html_put(out, " (load %.3g), link %.4g Mbit/s, round trip %.4g ms, for %s</p>\n",
             view->world.server_load, view->world.bytes_per_s * 8e-6, view->world.rtt_us * 1e-3,
             clv_objective_name(clv_plan_options_of(view->plan)->objective));
}

static void fact(html_out *out, const char *class, double ms, const char *what, double times)
{
    html_put(out, "<div class=\"fact%s\">", class);
    if (isfinite(ms))
        html_put(out, "<b>%.4g ms</b>", ms);
    else
        html_put(out, "<b>no link</b>");
    html_put(out, "<span>%s", what);
    if (isfinite(times) && times > 1.0)
        html_put(out, ", %.3g times as long", times);
    html_put(out, "</span></div>\n");
}

static void facts(html_out *out, const plan_view *view)
{
    char text[PLAN_VIEW_TEXT_BYTES];
    double best = view->choice.cost.latency_us;

    html_put(out, "<div class=\"facts\">\n");
    if (view->choice.candidate != CLV_PLAN_NONE)
        fact(out, " top", best * 1e-3, plan_view_describe(text, view->plan, view->choice.candidate),
             0.0);
    for (unsigned b = 0; b < PLAN_BASELINE_COUNT; b++) {
        if (view->baselines[b] == CLV_PLAN_NONE)
            continue;
        double us = clv_plan_cost_in(view->all, view->baselines[b], &view->world).latency_us;
        fact(out, "", us * 1e-3, plan_baseline_name((plan_baseline)b), us / best);
    }
    html_put(out, "</div>\n");
}

static void key(html_out *out, const char *style_of, const char *variable, const char *what)
{
    if (strcmp(style_of, "dash") == 0)
        html_put(out, "<span><i class=\"dash\" style=\"border-color:var(--%s)\"></i>%s</span>",
                 variable, what);
    else
        html_put(out, "<span><i class=\"%s\" style=\"background:var(--%s)\"></i>%s</span>",
                 style_of, variable, what);
}

static void parts_key(html_out *out)
{
    html_put(out, "<div class=\"key\">");
    key(out, "box", "device", "device");
    key(out, "box", "encode", "encode");
    key(out, "box", "network", "network");
    key(out, "box", "server", "server");
    html_put(out, "</div>\n");
}

static void curves_key(html_out *out, const plan_view *view)
{
    static const char *const variables[] = {"device", "server", "network"};

    html_put(out, "<div class=\"key\">");
    key(out, "solid", "best", "the plan");
    for (unsigned b = 0; b < PLAN_BASELINE_COUNT; b++) {
        if (view->baselines[b] != CLV_PLAN_NONE)
            key(out, "dash", variables[b], plan_baseline_name((plan_baseline)b));
    }
    key(out, "solid", "muted", "its candidates elsewhere");
    html_put(out, "</div>\n");
}

static void piece_row(html_out *out, const plan_view *view, const clv_plan_piece *p)
{
    clv_world world = view->world;
    char text[PLAN_VIEW_TEXT_BYTES];

    if (p->candidate == CLV_PLAN_NONE)
        return;
    world.bytes_per_s = sqrt(p->from_bytes_per_s) * sqrt(p->to_bytes_per_s);
    const clv_plan_candidate *c = clv_plan_at(view->plan, p->candidate);
    clv_plan_cost cost = clv_plan_cost_in(view->plan, p->candidate, &world);
    html_put(out, "<tr%s><td>%s</td><td>%s</td><td>%.4g &ndash; %.4g</td>",
             p->candidate == view->choice.candidate ? " class=\"is\"" : "",
             plan_view_describe(text, view->plan, p->candidate),
             clv_precision_name((clv_precision)c->device_precision), p->from_bytes_per_s * 8e-6,
             p->to_bytes_per_s * 8e-6);
    html_put(out,
             "<td>%.1f</td><td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%.2f</td><td>%.2f</td>"
             "<td>%.1f</td><td>%.1f</td></tr>\n",
             cost.bytes / 1024.0, cost.device_us * 1e-3, cost.encode_us * 1e-3,
             (cost.link_us + cost.rtt_us) * 1e-3, cost.server_us * 1e-3, cost.latency_us * 1e-3,
             1e6 / cost.stage_us, cost.device_mj);
}

static void pieces(html_out *out, const plan_view *view)
{
    html_put(out,
             "<section><h2>The pieces of the plan</h2><p>Each at the middle of its bandwidths. "
             "%u ways to run the network were considered, %u can be needed.</p>"
             "<div class=\"scroll\"><table><tr><th>what</th><th>device</th><th>best at "
             "Mbit/s</th><th>KiB</th><th>device ms</th><th>encode</th><th>network</th>"
             "<th>server</th><th>latency</th><th>frames/s</th><th>mJ</th></tr>\n",
             clv_plan_considered(view->plan), clv_plan_count(view->plan));
    for (uint32_t i = 0; i < view->n_pieces; i++)
        piece_row(out, view, &view->pieces[i]);
    html_put(out, "</table></div></section>\n");
}

static void body(html_out *out, const plan_view *view)
{
    facts(out, view);
    html_put(out,
             "<section><h2>Latency over bandwidth</h2><p>The lower envelope of all candidates, "
             "and where it breaks. Below: what is best where.</p>\n");
    curves_key(out, view);
    plot_bandwidth(out, view);
    html_put(out,
             "</section>\n<section><h2>Each cut at %.4g Mbit/s</h2><p>The best way to ship what "
             "crosses it.</p>\n",
             view->world.bytes_per_s * 8e-6);
    parts_key(out);
    plot_cuts(out, view);
    html_put(out,
             "</section>\n<section><h2>The graph</h2><p>%u nodes in the order in which they run; "
             "what isn&#39;t read by the next one is an arc.</p>\n",
             view->graph->n_nodes);
    plot_graph(out, view);
    html_put(out, "</section>\n");
    pieces(out, view);
    html_put(out, "</main></body></html>\n");
}

clv_status plan_page_write(const char *path, const plan_view *view, clv_error *err)
{
    html_out out = {.status = CLV_OK};

    clv_buffer_init(&out.buffer, MAX_PAGE_BYTES);
    head(&out, view);
    body(&out, view);
    clv_status status = out.status;
    if (status == CLV_OK)
        status = clv_file_write(path, out.buffer.data, out.buffer.size, 0644, err);
    else
        status = clv_fail(err, status, path, "%s", clv_status_text(status));
    clv_buffer_done(&out.buffer);
    return status;
}
