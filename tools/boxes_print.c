/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/boxes_print.h"

#include "base/error.h"
#include "tools/text_table.h"
#include "tools/tool_json.h"

json_t *boxes_json(const detector *d)
{
    const clv_boxes *boxes = detector_boxes(d);
    json_t *list = json_array();

    for (uint32_t i = 0; i < boxes->count; i++) {
        const clv_box *b = &boxes->items[i];
        (void)json_array_append_new(
            list, json_pack("{s:[f, f, f, f], s:f, s:I, s:o}", "box", (double)b->x0, (double)b->y0,
                            (double)b->x1, (double)b->y1, "score", (double)b->score, "class",
                            (json_int_t)b->class_index, "label",
                            tool_json_text(detector_label(d, b->class_index))));
    }
    return list;
}

static clv_status add_row(text_table *table, const clv_box *b, const char *label)
{
    CLV_TRY(text_table_row(table));
    CLV_TRY(text_table_cell(table, "%.3f", (double)b->score));
    CLV_TRY(text_table_cell(table, "%u", b->class_index));
    CLV_TRY(text_table_cell(table, "%s", label != NULL ? label : ""));
    CLV_TRY(text_table_cell(table, "%.1f", (double)b->x0));
    CLV_TRY(text_table_cell(table, "%.1f", (double)b->y0));
    CLV_TRY(text_table_cell(table, "%.1f", (double)b->x1));
    return text_table_cell(table, "%.1f", (double)b->y1);
}

clv_status boxes_print(FILE *out, const detector *d)
{
    static const text_column columns[] = {
        {"score", true, 0}, {"class", true, 0}, {"label", false, 32}, {"x0", true, 0},
        {"y0", true, 0},    {"x1", true, 0},    {"y1", true, 0}};
    const clv_boxes *boxes = detector_boxes(d);
    clv_status status = CLV_OK;
    text_table *table;

    if (boxes->count == 0)
        return CLV_OK;
    CLV_TRY(text_table_create(&table, columns, sizeof columns / sizeof columns[0]));
    for (uint32_t i = 0; i < boxes->count && status == CLV_OK; i++)
        status = add_row(table, &boxes->items[i], detector_label(d, boxes->items[i].class_index));
    if (status == CLV_OK)
        text_table_print(table, out);
    text_table_free(table);
    return status;
}
