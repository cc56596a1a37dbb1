/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_points.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tools/box_judge.h"
#include "tools/model_facts.h"
#include "tools/text_table.h"
#include "tools/tool.h"
#include "tools/tool_json.h"
#include "tools/tool_quantise.h"

#define MAX_CUTS 64u

/* --- which cuts ------------------------------------------------------------------------------ */

/* @p cuts has room for MAX_CUTS. Ascending, so that none is there twice. */
static clv_status parse_cuts(uint32_t *cuts, uint32_t *n_out, const char *text, clv_error *err)
{
    const char *at = text;
    uint32_t n = 0;

    for (bool more = true; more; at++) {
        char *end;
        errno = 0;
        unsigned long cut = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : ULONG_MAX;
        if (cut == ULONG_MAX || errno != 0 || cut > UINT32_MAX - 1 ||
            (*end != ',' && *end != '\0') || n == MAX_CUTS || (n > 0 && cut <= cuts[n - 1]))
            return clv_fail(err, CLV_EINVAL, "--codec-points",
                            "'%s' is neither auto nor a rising list of at most %u cuts, 3,17", text,
                            MAX_CUTS);
        cuts[n++] = (uint32_t)cut;
        more = *end == ',';
        at = end;
    }
    *n_out = n;
    return CLV_OK;
}

clv_status tool_points_check(const char *cuts, uint32_t n_nodes, clv_error *err)
{
    uint32_t list[MAX_CUTS], n;

    if (strcmp(cuts, "auto") == 0)
        return CLV_OK;
    CLV_TRY(parse_cuts(list, &n, cuts, err));
    if (list[n - 1] >= n_nodes)
        return clv_fail(err, CLV_EINVAL, "--codec-points",
                        "there is no cut %u with something behind it: they are below %u",
                        list[n - 1], n_nodes);
    return CLV_OK;
}

static clv_status choose_cuts(uint32_t *cuts, uint32_t *n_out, const tool_points_job *job,
                              clv_error *err)
{
    if (strcmp(job->cuts, "auto") == 0) {
        clv_status status = clv_ladder_cuts(cuts, n_out, job->plain);
        return status == CLV_OK ? CLV_OK
                                : clv_fail(err, status, job->plain->name, "its cuts: %s",
                                           clv_status_text(status));
    }
    return parse_cuts(cuts, n_out, job->cuts, err);
}

/* --- making them ------------------------------------------------------------------------------ */

clv_status tool_points_make(clv_codec_ladders *out, const tool_points_job *job, clv_error *err)
{
    clv_ladder_options o = {.samples = job->samples,
                            .plain = job->plain,
                            .int8 = job->int8,
                            .keeps_float = job->keeps_float,
                            .threads = 1,
                            .watcher = tool_watcher()};
    uint32_t cuts[MAX_CUTS], n_cuts;
    box_judge *judge = NULL;

    *out = (clv_codec_ladders){0};
    CLV_TRY(choose_cuts(cuts, &n_cuts, job, err));
    if (job->decode->decoder != NULL) {
        CLV_TRY(box_judge_create(&judge, job->decode, job->input, err));
        o.compare_boxes = box_judge_compare;
        o.context = judge;
    }
    clv_status status = clv_codec_ladders_make(out, &o, cuts, n_cuts, err);
    tool_progress("", 0, 0);
    box_judge_free(judge);
    return status;
}

/* --- showing them ----------------------------------------------------------------------------- */

/* What crosses uncoded, and which part of the multiplications lies in front. */
static size_t raw_bytes(const model_facts *facts, const clv_cut_ladder *ladder)
{
    return facts->cuts[ladder->cut].bytes;
}

static double macs_before(const model_facts *facts, const clv_cut_ladder *ladder)
{
    uint64_t macs = 0;

    for (uint32_t k = 0; k < ladder->cut; k++)
        macs += facts->nodes[k].macs;
    return facts->total.macs > 0 ? (double)macs / (double)facts->total.macs : 0;
}

/* Facts of the form that runs in front of each ladder's cut. */
static clv_status find_facts(model_facts facts[CLV_PRECISION_COUNT], const clv_model *model)
{
    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
        const clv_graph *graph = clv_model_graph(model, (clv_precision)p);
        if (graph != NULL)
            CLV_TRY(model_facts_init(&facts[p], graph));
    }
    return CLV_OK;
}

static void facts_done(model_facts facts[CLV_PRECISION_COUNT])
{
    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++)
        model_facts_done(&facts[p]);
}

/* With @p digits behind the point; "-" for what wasn't measured. */
static clv_status number_cell(text_table *t, int digits, double value)
{
    return isnan(value) ? text_table_cell(t, "-") : text_table_cell(t, "%.*f", digits, value);
}

static clv_status add_rung(text_table *t, const clv_cut_ladder *ladder, uint32_t r,
                           const model_facts *facts)
{
    const clv_rung *rung = &ladder->rungs[r];

    CLV_TRY(text_table_row(t));
    CLV_TRY(text_table_cell(t, "%u", ladder->cut));
    CLV_TRY(text_table_cell(t, "%s", clv_precision_name(ladder->prefix)));
    CLV_TRY(text_table_cell(t, "%.1f", 100 * macs_before(facts, ladder)));
    CLV_TRY(text_table_cell(t, "%u", r));
    CLV_TRY(text_table_cell(t, "%.0f", rung->bytes_mean));
    CLV_TRY(text_table_cell(t, "%.0f", rung->bytes_p95));
    CLV_TRY(text_table_cell(t, "%.4f", rung->bytes_mean / (double)raw_bytes(facts, ladder)));
    CLV_TRY(number_cell(t, 1, 100 * rung->agreement));
    CLV_TRY(text_table_cell(t, "%.1f", rung->snr_db));
    CLV_TRY(number_cell(t, 4, rung->box_error));
    return number_cell(t, 4, rung->score_error);
}

static clv_status add_rungs(text_table *t, const clv_model *model, const model_facts *facts)
{
    for (uint32_t i = 0; i < model->n_ladders; i++) {
        const clv_cut_ladder *ladder = &model->ladders[i];
        for (uint32_t r = 0; r < ladder->n_rungs; r++)
            CLV_TRY(add_rung(t, ladder, r, &facts[ladder->prefix]));
    }
    return CLV_OK;
}

clv_status tool_points_print(const clv_model *model, clv_error *err)
{
    static const text_column columns[] = {
        {"cut", true, 0},    {"prefix", false, 0},   {"MACs %", true, 0},     {"point", true, 0},
        {"bytes", true, 0},  {"p95", true, 0},       {"of raw", true, 0},     {"agree %", true, 0},
        {"SNR dB", true, 0}, {"box error", true, 0}, {"score error", true, 0}};
    model_facts facts[CLV_PRECISION_COUNT] = {0};
    text_table *table = NULL;

    if (model->n_ladders == 0)
        return CLV_OK;
    clv_status status = find_facts(facts, model);
    if (status == CLV_OK)
        status = text_table_create(&table, columns, sizeof columns / sizeof columns[0]);
    if (status == CLV_OK)
        status = add_rungs(table, model, facts);
    if (status == CLV_OK)
        text_table_print(table, stdout);
    text_table_free(table);
    facts_done(facts);
    return status == CLV_OK
               ? CLV_OK
               : clv_fail(err, status, NULL, "the codec's points: %s", clv_status_text(status));
}

static json_t *rung_json(const clv_rung *rung)
{
    return json_pack("{s:f, s:f, s:o, s:f, s:o, s:o}", "bytes_mean", rung->bytes_mean, "bytes_p95",
                     rung->bytes_p95, "agreement", tool_json_real(rung->agreement), "snr_db",
                     rung->snr_db, "box_error", tool_json_real(rung->box_error), "score_error",
                     tool_json_real(rung->score_error));
}

static json_t *ladder_json(const clv_cut_ladder *ladder, const model_facts *facts)
{
    json_t *rungs = json_array();

    for (uint32_t r = 0; r < ladder->n_rungs; r++)
        (void)json_array_append_new(rungs, rung_json(&ladder->rungs[r]));
    return json_pack("{s:i, s:s, s:f, s:I, s:i, s:o}", "cut", (int)ladder->cut, "prefix",
                     clv_precision_name(ladder->prefix), "macs_fraction",
                     macs_before(facts, ladder), "raw_bytes", (json_int_t)raw_bytes(facts, ladder),
                     "tensors", (int)ladder->n_tensors, "points", rungs);
}

json_t *tool_points_json(const clv_model *model)
{
    model_facts facts[CLV_PRECISION_COUNT] = {0};
    json_t *list = find_facts(facts, model) == CLV_OK ? json_array() : NULL;

    for (uint32_t i = 0; list != NULL && i < model->n_ladders; i++)
        (void)json_array_append_new(
            list, ladder_json(&model->ladders[i], &facts[model->ladders[i].prefix]));
    facts_done(facts);
    return list;
}
