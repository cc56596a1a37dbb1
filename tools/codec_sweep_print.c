/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/error.h"
#include "tools/codec_sweep.h"
#include "tools/text_table.h"
#include "tools/tool.h"
#include "tools/tool_json.h"

static const text_column class_columns[] = {
    {"cut", true, 0},   {"MACs", true, 0},      {"codec", false, 0},
    {"point", true, 0}, {"bits/elem", true, 0}, {"bytes", true, 0},
    {"p95", true, 0},   {"agreement", true, 0}, {"top-1", true, 0},
};

static const text_column box_columns[] = {
    {"cut", true, 0},       {"MACs", true, 0},   {"codec", false, 0}, {"point", true, 0},
    {"bits/elem", true, 0}, {"bytes", true, 0},  {"p95", true, 0},    {"agreement", true, 0},
    {"AP50", true, 0},      {"box px", true, 0}, {"score", true, 0},
};

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

/* @p scale times @p value with @p digits places and @p unit; "-" where there is none. */
static clv_status add_real(text_table *t, double value, double scale, int digits, const char *unit)
{
    if (isnan(value))
        return text_table_cell(t, "-");
    return text_table_cell(t, "%.*f%s", digits, scale * value, unit);
}

static clv_status add_row(text_table *t, const codec_sweep_result *r, const codec_sweep_row *row)
{
    CLV_TRY(text_table_row(t));
    CLV_TRY(text_table_cell(t, "%u", row->cut));
    CLV_TRY(add_real(t, row->macs_fraction, 100, 1, "%"));
    CLV_TRY(text_table_cell(t, "%s", row->codec));
    CLV_TRY(isnan(row->point) ? text_table_cell(t, "-") : text_table_cell(t, "%g", row->point));
    CLV_TRY(add_real(t, row->bits_per_element, 1, 3, ""));
    CLV_TRY(add_real(t, row->bytes_mean, 1, 0, ""));
    CLV_TRY(add_real(t, row->bytes_p95, 1, 0, ""));
    CLV_TRY(add_real(t, row->agreement, 100, 2, "%"));
    if (!r->detector)
        return add_real(t, row->top1, 100, 2, "%");
    CLV_TRY(add_real(t, row->ap50, 100, 2, "%"));
    CLV_TRY(add_real(t, row->box_error, 1, 2, ""));
    return add_real(t, row->score_error, 1, 4, "");
}

clv_status codec_sweep_print(const codec_sweep_result *result, const char *path, clv_error *err)
{
    text_table *table = NULL;

    clv_status status = result->detector
                            ? text_table_create(&table, box_columns, COUNT(box_columns))
                            : text_table_create(&table, class_columns, COUNT(class_columns));
    for (size_t i = 0; i < result->n_rows && status == CLV_OK; i++)
        status = add_row(table, result, &result->rows[i]);
    if (status == CLV_OK) {
        tool_line(stdout, "%s: %zu images, %zu with a label; %s in front of the cut, %s behind it",
                  path, result->images, result->labelled, clv_precision_name(result->prefix),
                  clv_precision_name(result->suffix));
        tool_line(stdout,
                  "bytes of a whole message, without TLS; agreement with the float network");
        text_table_print(table, stdout);
    } else {
        status = clv_fail(err, status, NULL, "out of memory");
    }
    text_table_free(table);
    return status;
}

/* A whole number where it is one, so that rungs and qualities look like what they are. */
static json_t *point_json(double point)
{
    bool whole = fabs(point) < 1e9 && point >= floor(point) && point <= floor(point);
    return whole ? json_integer((json_int_t)point) : tool_json_real(point);
}

static json_t *row_json(const codec_sweep_result *result, const codec_sweep_row *row)
{
    json_t *item = json_pack(
        "{s:I, s:f, s:s, s:o, s:f, s:f, s:f, s:f, s:o}", "cut", (json_int_t)row->cut,
        "macs_fraction", row->macs_fraction, "codec", row->codec, "point", point_json(row->point),
        "bits_per_element", row->bits_per_element, "bytes_mean", row->bytes_mean, "bytes_p95",
        row->bytes_p95, "agreement", row->agreement, "top1", tool_json_real(row->top1));

    if (result->detector && item != NULL) {
        (void)json_object_set_new(item, "ap50", tool_json_real(row->ap50));
        (void)json_object_set_new(item, "box_error", tool_json_real(row->box_error));
        (void)json_object_set_new(item, "score_error", tool_json_real(row->score_error));
    }
    return item;
}

json_t *codec_sweep_json(const codec_sweep_result *result)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < result->n_rows; i++)
        (void)json_array_append_new(rows, row_json(result, &result->rows[i]));
    return rows;
}

clv_status codec_sweep_print_json(const codec_sweep_result *result, clv_error *err)
{
    return tool_json_print(codec_sweep_json(result), err);
}
