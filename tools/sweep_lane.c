/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sweep_lane.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

#define SURE_SCORE 0.4f
#define LIKELY_SCORE 0.2f

clv_status sweep_lane_init(sweep_lane *lane, size_t images)
{
    lane->bytes = clv_calloc(images, sizeof *lane->bytes);
    return lane->bytes != NULL ? CLV_OK : CLV_ENOMEM;
}

void sweep_lane_done(sweep_lane *lane)
{
    clv_free(lane->bytes);
    sweep_boxes_done(&lane->found);
    *lane = (sweep_lane){0};
}

void sweep_boxes_done(sweep_boxes *boxes)
{
    detection_set_done(&boxes->all);
    detection_set_done(&boxes->likely);
    detection_set_done(&boxes->sure);
}

/* The best come first. */
static uint32_t count_from(const clv_boxes *boxes, float score)
{
    uint32_t n = 0;
    while (n < boxes->count && boxes->items[n].score >= score)
        n++;
    return n;
}

clv_status sweep_boxes_add(sweep_boxes *out, size_t image, const clv_boxes *boxes)
{
    uint32_t i = (uint32_t)image, sure = count_from(boxes, SURE_SCORE);
    uint32_t likely = count_from(boxes, LIKELY_SCORE);

    CLV_TRY(detection_set_add(&out->sure, i, boxes->items, sure));
    CLV_TRY(detection_set_add(&out->likely, i, boxes->items, likely));
    return detection_set_add(&out->all, i, boxes->items, boxes->count);
}

clv_status sweep_lane_add(sweep_lane *lane, const sweep_truth *truth, const sweep_answer *answer,
                          double bytes, int64_t class_output)
{
    size_t image = lane->n++;

    lane->bytes[image] = bytes;
    if (truth->detector)
        return sweep_boxes_add(&lane->found, image, answer->boxes);
    lane->agreed += answer->best == truth->expected->best;
    lane->right += answer->best == class_output;
    return CLV_OK;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A box that is sure in one must be likely in the other: a score that falls a little is no lost
 * box. */
static clv_status compare_boxes(sweep_lane *lane, const sweep_truth *truth)
{
    const sweep_boxes *then = &truth->found, *now = &lane->found;
    detection_precision precision;
    detection_difference kept, new;

    CLV_TRY(detection_ap50(&precision, &truth->objects, &now->all));
    CLV_TRY(detection_compare(&kept, &then->sure, &now->likely));
    CLV_TRY(detection_compare(&new, &now->sure, &then->likely));
    size_t all = then->sure.count + now->sure.count;
    lane->row.agreement = all > 0 ? (double)(kept.matched + new.matched) / (double)all : 1;
    lane->row.ap50 = precision.ap50;
    lane->row.box_error = kept.box_error;
    lane->row.score_error = kept.score_error;
    lane->row.top1 = NAN;
    return CLV_OK;
}

clv_status sweep_lane_sum_up(sweep_lane *lane, const sweep_truth *truth)
{
    codec_sweep_row *row = &lane->row;
    double n = (double)lane->n;

    for (size_t i = 0; i < lane->n; i++)
        row->bytes_mean += lane->bytes[i] / n;
    qsort(lane->bytes, lane->n, sizeof *lane->bytes, by_size);
    row->bytes_p95 = lane->bytes[(lane->n * 95 + 99) / 100 - 1];
    row->bits_per_element = 8 * row->bytes_mean / lane->elems;
    row->ap50 = row->box_error = row->score_error = NAN;
    if (truth->detector)
        return compare_boxes(lane, truth);
    row->agreement = (double)lane->agreed / n;
    row->top1 = truth->labelled > 0 ? (double)lane->right / (double)truth->labelled : NAN;
    return CLV_OK;
}
