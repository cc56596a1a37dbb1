/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "tools/eval_forms.h"
#include "tools/text_table.h"
#include "tools/tool.h"
#include "tools/tool_json.h"

static const text_column class_columns[] = {
    {"precision", false, 0}, {"top-1", true, 0},  {"top-5", true, 0},
    {"agreement", true, 0},  {"SNR dB", true, 0}, {"ms a run", true, 0},
    {"weights", true, 0},    {"scales", true, 0}, {"activations", true, 0},
};

static const text_column box_columns[] = {
    {"precision", false, 0}, {"AP50", true, 0},        {"boxes only here", true, 0},
    {"missing", true, 0},    {"box px", true, 0},      {"score", true, 0},
    {"SNR dB", true, 0},     {"ms a run", true, 0},    {"weights", true, 0},
    {"scales", true, 0},     {"activations", true, 0},
};

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

static double percent(size_t part, size_t all)
{
    return 100.0 * (double)part / (double)all;
}

static clv_status add_quality(text_table *t, const eval_forms_result *r, const eval_form *form)
{
    const detection_difference *d = &form->different;

    if (!r->detector) {
        CLV_TRY(text_table_cell(t, "%.2f%%", percent(form->top1, r->images)));
        CLV_TRY(text_table_cell(t, "%.2f%%", percent(form->top5, r->images)));
        return text_table_cell(t, "%.2f%%", percent(form->agreed, r->images));
    }
    CLV_TRY(text_table_cell(t, "%.2f%%", 100.0 * form->detection.ap50));
    CLV_TRY(text_table_cell(t, "%zu", d->only_b));
    CLV_TRY(text_table_cell(t, "%zu", d->only_a));
    CLV_TRY(text_table_cell(t, "%.2f", d->box_error));
    return text_table_cell(t, "%.4f", d->score_error);
}

static clv_status add_form(text_table *t, const eval_forms_result *r, const eval_form *form)
{
    bool first = form == r->forms;

    CLV_TRY(text_table_row(t));
    CLV_TRY(text_table_cell(t, "%s", clv_precision_name(form->precision)));
    CLV_TRY(add_quality(t, r, form));
    CLV_TRY(first ? text_table_cell(t, "-") : text_table_cell(t, "%.1f", form->snr_db));
    CLV_TRY(text_table_cell(t, "%.2f", (double)form->run_us / 1000.0));
    CLV_TRY(text_table_cell(t, "%zu", form->weight_bytes));
    CLV_TRY(text_table_cell(t, "%zu", form->scale_bytes));
    return text_table_cell(t, "%zu", form->activation_bytes);
}

clv_status eval_forms_print(const eval_forms_result *result, const char *path, clv_error *err)
{
    text_table *table = NULL;

    clv_status status = result->detector
                            ? text_table_create(&table, box_columns, COUNT(box_columns))
                            : text_table_create(&table, class_columns, COUNT(class_columns));
    for (uint32_t i = 0; i < result->n_forms && status == CLV_OK; i++)
        status = add_form(table, result, &result->forms[i]);
    if (status == CLV_OK) {
        tool_line(stdout,
                  "%s: %zu images; compared with %s; weights, scales and activations in bytes",
                  path, result->images, clv_precision_name(result->forms[0].precision));
        text_table_print(table, stdout);
    } else {
        status = clv_fail(err, status, NULL, "out of memory");
    }
    text_table_free(table);
    return status;
}

static json_t *quality_json(const eval_forms_result *r, const eval_form *form)
{
    const detection_difference *d = &form->different;
    double n = (double)r->images;

    if (!r->detector)
        return json_pack("{s:f, s:f, s:f}", "top1", (double)form->top1 / n, "top5",
                         (double)form->top5 / n, "agreement", (double)form->agreed / n);
    return json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "ap50", tool_json_real(form->detection.ap50),
                     "boxes_matched", (json_int_t)d->matched, "boxes_added", (json_int_t)d->only_b,
                     "boxes_missing", (json_int_t)d->only_a, "box_error",
                     tool_json_real(d->box_error), "score_error", tool_json_real(d->score_error));
}

static json_t *form_json(const eval_forms_result *r, const eval_form *form)
{
    json_t *item =
        json_pack("{s:s, s:I, s:I, s:I, s:I}", "precision", clv_precision_name(form->precision),
                  "run_us_median", (json_int_t)form->run_us, "weight_bytes",
                  (json_int_t)form->weight_bytes, "scale_bytes", (json_int_t)form->scale_bytes,
                  "activation_bytes", (json_int_t)form->activation_bytes);
    json_t *quality = quality_json(r, form);

    if (form != r->forms)
        (void)json_object_set_new(item, "snr_db", tool_json_real(form->snr_db));
    (void)json_object_update(item, quality);
    json_decref(quality);
    return item;
}

clv_status eval_forms_print_json(const eval_forms_result *result, const char *path, clv_error *err)
{
    json_t *forms = json_array();

    for (uint32_t i = 0; i < result->n_forms; i++)
        (void)json_array_append_new(forms, form_json(result, &result->forms[i]));
    json_t *root = json_pack("{s:o, s:I, s:s, s:o}", "model", tool_json_text(path), "images",
                             (json_int_t)result->images, "reference",
                             clv_precision_name(result->forms[0].precision), "forms", forms);
    return tool_json_print(root, err);
}
