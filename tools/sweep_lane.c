/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sweep_lane.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

#define SURE_SCORE 0.4f

clv_status sweep_lane_init(sweep_lane *lane, size_t images)
{
    lane->bytes = clv_calloc(images, sizeof *lane->bytes);
    return lane->bytes != NULL ? CLV_OK : CLV_ENOMEM;
}

void sweep_lane_done(sweep_lane *lane)
{
    clv_free(lane->bytes);
    detection_set_done(&lane->found);
    detection_set_done(&lane->sure);
    *lane = (sweep_lane){0};
}

clv_status sweep_add_boxes(detection_set *found, detection_set *sure, size_t image,
                           const clv_boxes *boxes)
{
    uint32_t n = 0;

    while (n < boxes->count && boxes->items[n].score >= SURE_SCORE) /* the best come first */
        n++;
    CLV_TRY(detection_set_add(sure, (uint32_t)image, boxes->items, n));
    return detection_set_add(found, (uint32_t)image, boxes->items, boxes->count);
}

clv_status sweep_lane_add(sweep_lane *lane, const sweep_truth *truth, const sweep_answer *answer,
                          double bytes, int64_t class_output)
{
    size_t image = lane->n++;

    lane->bytes[image] = bytes;
    if (truth->detector)
        return sweep_add_boxes(&lane->found, &lane->sure, image, answer->boxes);
    lane->agreed += answer->best == truth->expected->best;
    lane->right += answer->best == class_output;
    return CLV_OK;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static clv_status compare_boxes(sweep_lane *lane, const sweep_truth *truth)
{
    detection_precision precision;
    detection_difference d;

    CLV_TRY(detection_ap50(&precision, &truth->objects, &lane->found));
    CLV_TRY(detection_compare(&d, &truth->sure, &lane->sure));
    size_t all = 2 * d.matched + d.only_a + d.only_b;
    lane->row.agreement = all > 0 ? 2 * (double)d.matched / (double)all : 1;
    lane->row.ap50 = precision.ap50;
    lane->row.box_error = d.box_error;
    lane->row.score_error = d.score_error;
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
