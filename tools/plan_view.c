/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/plan_view.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "runtime/precision.h"
#include "tools/text_table.h"
#include "tools/tool.h"
#include "tools/tool_json.h"

static const char *const baseline_names[] = {
#define PLAN_BASELINE_TEXT(name, text) [PLAN_BASELINE_##name] = (text),
    PLAN_BASELINE_LIST(PLAN_BASELINE_TEXT)
#undef PLAN_BASELINE_TEXT
};

const char *plan_baseline_name(plan_baseline baseline)
{
    return baseline_names[baseline];
}

/* --- what is shown -------------------------------------------------------------------------- */

static bool is_codec(const clv_plan_candidate *c, const char *codec)
{
    return strcmp(c->codec, codec) == 0;
}

static bool is_baseline(const clv_plan_candidate *c, plan_baseline baseline, bool has_pixels)
{
    if (!c->ships || c->cut != 0)
        return baseline == PLAN_BASELINE_DEVICE && !c->ships;
    if (baseline == PLAN_BASELINE_RAW)
        return is_codec(c, has_pixels ? "pixels" : "float");
    return baseline == PLAN_BASELINE_JPEG && is_codec(c, "jpeg");
}

/* Whether candidate @p a is rather shown than @p b; the link's being down is no reason. */
static bool is_rather(const clv_plan *plan, uint32_t a, uint32_t b, const clv_world *world)
{
    if (b == CLV_PLAN_NONE)
        return true;
    clv_plan_cost left = clv_plan_cost_in(plan, a, world);
    clv_plan_cost right = clv_plan_cost_in(plan, b, world);
    if (left.within != right.within)
        return left.within;
    return left.value < right.value;
}

static void find_shown(plan_view *view)
{
    bool has_pixels = false;

    for (uint32_t i = 0; i <= view->graph->n_nodes; i++)
        view->best_at[i] = CLV_PLAN_NONE;
    for (unsigned b = 0; b < PLAN_BASELINE_COUNT; b++)
        view->baselines[b] = CLV_PLAN_NONE;
    for (uint32_t i = 0; i < clv_plan_count(view->all); i++)
        has_pixels = has_pixels || is_codec(clv_plan_at(view->all, i), "pixels");
    for (uint32_t i = 0; i < clv_plan_count(view->all); i++) {
        const clv_plan_candidate *c = clv_plan_at(view->all, i);
        if (is_rather(view->all, i, view->best_at[c->cut], &view->world))
            view->best_at[c->cut] = i;
        for (unsigned b = 0; b < PLAN_BASELINE_COUNT; b++) {
            if (is_baseline(c, (plan_baseline)b, has_pixels) &&
                is_rather(view->all, i, view->baselines[b], &view->world))
                view->baselines[b] = i;
        }
    }
}

clv_status plan_view_init(plan_view *view, const clv_plan_options *options, clv_error *err)
{
    clv_plan_options all = *options;

    all.keep_dominated = true;
    view->plan = NULL;
    view->all = NULL;
    view->best_at = clv_calloc((size_t)view->graph->n_nodes + 1, sizeof *view->best_at);
    if (view->best_at == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "%s", clv_status_text(CLV_ENOMEM));
    CLV_TRY(clv_plan_create(&view->plan, view->device, view->server, options, err));
    CLV_TRY(clv_plan_create(&view->all, view->device, view->server, &all, err));
    view->choice = clv_plan_best(view->plan, &view->world);
    view->n_pieces = clv_plan_pieces(view->pieces, PLAN_VIEW_MAX_PIECES, view->plan, &view->world,
                                     view->from_bytes_per_s, view->to_bytes_per_s);
    if (view->n_pieces > PLAN_VIEW_MAX_PIECES)
        view->n_pieces = PLAN_VIEW_MAX_PIECES;
    find_shown(view);
    return CLV_OK;
}

void plan_view_done(plan_view *view)
{
    clv_plan_free(view->plan);
    clv_plan_free(view->all);
    clv_free(view->best_at);
    view->plan = NULL;
    view->all = NULL;
    view->best_at = NULL;
}

/* A codec's name comes from a file and goes into a page: nothing but what names are made of. */
static void name_codec(char dst[CLV_PROFILE_CODEC_BYTES], const clv_plan_candidate *c)
{
    (void)snprintf(dst, CLV_PROFILE_CODEC_BYTES, "%s", c->codec);
    for (char *at = dst; *at != '\0'; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        *at = plain ? *at : '?';
    }
}

char *plan_view_describe(char dst[PLAN_VIEW_TEXT_BYTES], const clv_plan *plan, uint32_t candidate)
{
    if (candidate == CLV_PLAN_NONE) {
        (void)snprintf(dst, PLAN_VIEW_TEXT_BYTES, "nothing");
        return dst;
    }
    const clv_plan_candidate *c = clv_plan_at(plan, candidate);
    char codec[CLV_PROFILE_CODEC_BYTES];
    name_codec(codec, c);
    if (!c->ships)
        (void)snprintf(dst, PLAN_VIEW_TEXT_BYTES, "%s", baseline_names[PLAN_BASELINE_DEVICE]);
    else if (is_codec(c, "jpeg"))
        (void)snprintf(dst, PLAN_VIEW_TEXT_BYTES, "%s", baseline_names[PLAN_BASELINE_JPEG]);
    else if (is_codec(c, "pixels"))
        (void)snprintf(dst, PLAN_VIEW_TEXT_BYTES, "pixels to server");
    else if (is_codec(c, "rans"))
        (void)snprintf(dst, PLAN_VIEW_TEXT_BYTES, "cut %u, %s %u", c->cut, codec, c->point);
    else
        (void)snprintf(dst, PLAN_VIEW_TEXT_BYTES, "cut %u, %s", c->cut, codec);
    return dst;
}

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *candidate_json(const clv_plan *plan, uint32_t candidate, const clv_world *world)
{
    if (candidate == CLV_PLAN_NONE)
        return json_null();
    const clv_plan_candidate *c = clv_plan_at(plan, candidate);
    clv_plan_cost cost = clv_plan_cost_in(plan, candidate, world);
    const char *suffix = c->ships ? clv_precision_name((clv_precision)c->server_precision) : NULL;
    return json_pack(
        "{s:i, s:b, s:s?, s:i, s:s, s:s?, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
        "cut", (int)c->cut, "ships", (int)c->ships, "codec", c->ships ? c->codec : NULL, "point",
        (int)c->point, "precision", clv_precision_name((clv_precision)c->device_precision),
        "suffix", suffix, "agreement", c->agreement, "bytes", tool_json_real(cost.bytes),
        "device_us", tool_json_real(cost.device_us), "encode_us", tool_json_real(cost.encode_us),
        "link_us", tool_json_real(cost.link_us), "rtt_us", tool_json_real(cost.rtt_us), "server_us",
        tool_json_real(cost.server_us), "latency_us", tool_json_real(cost.latency_us),
        "frames_per_s", tool_json_real(1e6 / cost.stage_us), "device_mj",
        tool_json_real(cost.device_mj), "within_limits", (int)cost.within);
}

static json_t *pieces_json(const plan_view *view)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < view->n_pieces; i++) {
        const clv_plan_piece *p = &view->pieces[i];
        clv_world world = view->world;
        world.bytes_per_s = sqrt(p->from_bytes_per_s) * sqrt(p->to_bytes_per_s);
        (void)json_array_append_new(
            list, json_pack("{s:f, s:f, s:o}", "from_mbps", p->from_bytes_per_s * 8e-6, "to_mbps",
                            p->to_bytes_per_s * 8e-6, "best_in_the_middle",
                            candidate_json(view->plan, p->candidate, &world)));
    }
    return list;
}

static json_t *cuts_json(const plan_view *view)
{
    json_t *list = json_array();

    for (uint32_t k = 0; k <= view->graph->n_nodes; k++)
        (void)json_array_append_new(list,
                                    candidate_json(view->all, view->best_at[k], &view->world));
    return list;
}

json_t *plan_view_json(const plan_view *view)
{
    json_t *baselines = json_object();

    for (unsigned b = 0; b < PLAN_BASELINE_COUNT; b++)
        (void)json_object_set_new(baselines, baseline_names[b],
                                  candidate_json(view->all, view->baselines[b], &view->world));
    return json_pack(
        "{s:o, s:o, s:o?, s:s, s:{s:f, s:f, s:f, s:f}, s:i, s:i, s:o, s:b, s:o, s:o, s:o}", "model",
        tool_json_text(view->model), "device", tool_json_text(view->device->processor), "server",
        view->server != NULL ? tool_json_text(view->server->processor) : NULL, "objective",
        clv_objective_name(clv_plan_options_of(view->plan)->objective), "world", "mbps",
        view->world.bytes_per_s * 8e-6, "rtt_ms", view->world.rtt_us * 1e-3, "server_load",
        view->world.server_load, "device_slowdown", view->world.device_slowdown, "considered",
        (int)clv_plan_considered(view->plan), "kept", (int)clv_plan_count(view->plan), "best",
        candidate_json(view->plan, view->choice.candidate, &view->world), "within_limits",
        (int)view->choice.within, "baselines", baselines, "over_bandwidth", pieces_json(view),
        "cuts", cuts_json(view));
}

/* --- text ----------------------------------------------------------------------------------- */

static clv_status add_row(text_table *table, const plan_view *view, const clv_plan *plan,
                          uint32_t candidate, const char *mark, const clv_plan_piece *piece)
{
    const clv_plan_candidate *c = clv_plan_at(plan, candidate);
    clv_plan_cost cost = clv_plan_cost_in(plan, candidate, &view->world);
    char text[PLAN_VIEW_TEXT_BYTES];

    CLV_TRY(text_table_row(table));
    CLV_TRY(text_table_cell(table, "%s", mark));
    CLV_TRY(text_table_cell(table, "%s", plan_view_describe(text, plan, candidate)));
    CLV_TRY(
        text_table_cell(table, "%s%s%s", clv_precision_name((clv_precision)c->device_precision),
                        c->ships ? " > " : "",
                        c->ships ? clv_precision_name((clv_precision)c->server_precision) : ""));
    CLV_TRY(text_table_cell(table, "%.1f", cost.bytes / 1024.0));
    CLV_TRY(text_table_cell(table, "%.2f", cost.device_us * 1e-3));
    CLV_TRY(text_table_cell(table, "%.2f", cost.encode_us * 1e-3));
    CLV_TRY(text_table_cell(table, "%.2f", (cost.link_us + cost.rtt_us) * 1e-3));
    CLV_TRY(text_table_cell(table, "%.2f", cost.server_us * 1e-3));
    CLV_TRY(text_table_cell(table, "%.2f", cost.latency_us * 1e-3));
    CLV_TRY(text_table_cell(table, "%.1f", 1e6 / cost.stage_us));
    CLV_TRY(text_table_cell(table, "%.1f", cost.device_mj));
    if (piece == NULL)
        return CLV_OK;
    return text_table_cell(table, "%.4g .. %.4g", piece->from_bytes_per_s * 8e-6,
                           piece->to_bytes_per_s * 8e-6);
}

static clv_status add_rows(text_table *table, const plan_view *view)
{
    bool chosen = view->choice.candidate == CLV_PLAN_NONE;

    for (uint32_t i = 0; i < view->n_pieces; i++) {
        const clv_plan_piece *p = &view->pieces[i];
        bool is_best = p->candidate == view->choice.candidate;
        chosen = chosen || is_best;
        if (p->candidate != CLV_PLAN_NONE)
            CLV_TRY(add_row(table, view, view->plan, p->candidate, is_best ? "*" : "", p));
    }
    if (!chosen)
        CLV_TRY(add_row(table, view, view->plan, view->choice.candidate, "*", NULL));
    for (unsigned b = 0; b < PLAN_BASELINE_COUNT; b++) {
        if (view->baselines[b] != CLV_PLAN_NONE)
            CLV_TRY(add_row(table, view, view->all, view->baselines[b], "=", NULL));
    }
    return CLV_OK;
}

clv_status plan_view_print(const plan_view *view)
{
    static const text_column columns[] = {
        {"", false, 0},        {"what", false, 0},  {"precision", false, 0},
        {"KiB", true, 0},      {"device", true, 0}, {"encode", true, 0},
        {"network", true, 0},  {"server", true, 0}, {"ms", true, 0},
        {"frames/s", true, 0}, {"mJ", true, 0},     {"best at Mbit/s", false, 0}};
    text_table *table;
    char text[PLAN_VIEW_TEXT_BYTES];

    CLV_TRY(text_table_create(&table, columns, sizeof columns / sizeof columns[0]));
    clv_status status = add_rows(table, view);
    if (status == CLV_OK)
        text_table_print(table, stdout);
    text_table_free(table);
    CLV_TRY(status);
    tool_line(stdout, "%u candidates, %u needed; device %s, server %s",
              clv_plan_considered(view->plan), clv_plan_count(view->plan), view->device->processor,
              view->server != NULL ? view->server->processor : "none");
    tool_line(stdout, "best for %s at %.4g Mbit/s, %.4g ms: %s%s",
              clv_objective_name(clv_plan_options_of(view->plan)->objective),
              view->world.bytes_per_s * 8e-6, view->world.rtt_us * 1e-3,
              plan_view_describe(text, view->plan, view->choice.candidate),
              view->choice.within ? "" : ", the fastest: nothing keeps the limits");
    return CLV_OK;
}
