/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/box_judge.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define OVERLAP 0.5f

struct box_judge {
    clv_decode_options options;
    float score; /* boxes from here on count; half of it is decoded from */
    clv_boxes then, now;
    bool taken[CLV_MAX_BOXES]; /* of now */
};

clv_status box_judge_create(box_judge **out, const detector_settings *settings,
                            const clv_input_spec *input, clv_error *err)
{
    clv_decode_options options;

    CLV_TRY(detector_read_settings(&options, settings, err));
    box_judge *judge = clv_calloc(1, sizeof *judge);
    if (judge == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    judge->options = options;
    judge->options.width = input->width;
    judge->options.height = input->height;
    judge->score = options.score;
    judge->options.score = options.score / 2;
    *out = judge;
    return CLV_OK;
}

void box_judge_free(box_judge *judge)
{
    clv_free(judge);
}

/* The free box of @p j->now that @p box overlaps most, or NULL. */
static const clv_box *take_match(box_judge *j, const clv_box *box)
{
    float most = OVERLAP;
    uint32_t best = CLV_MAX_BOXES;

    for (uint32_t i = 0; i < j->now.count; i++) {
        const clv_box *other = &j->now.items[i];
        if (j->taken[i] || other->class_index != box->class_index)
            continue;
        float overlap = clv_box_iou(box, other);
        if (overlap >= most) {
            most = overlap;
            best = i;
        }
    }
    if (best == CLV_MAX_BOXES)
        return NULL;
    j->taken[best] = true;
    return &j->now.items[best];
}

static double difference(const box_judge *j, const clv_box *a, const clv_box *b)
{
    double x = fabs((double)a->x0 - (double)b->x0) + fabs((double)a->x1 - (double)b->x1);
    double y = fabs((double)a->y0 - (double)b->y0) + fabs((double)a->y1 - (double)b->y1);
    return (x / j->options.width + y / j->options.height) / 4;
}

static void add_pair(clv_box_errors *sum, const box_judge *j, const clv_box *a, const clv_box *b)
{
    if (a->score < j->score && b->score < j->score)
        return;
    sum->box += difference(j, a, b);
    sum->boxes++;
    sum->score += fabs((double)a->score - (double)b->score);
    sum->scores++;
}

static void add_lone(clv_box_errors *sum, const box_judge *j, const clv_box *box)
{
    if (box->score < j->score)
        return;
    sum->score += (double)box->score;
    sum->scores++;
}

clv_status box_judge_compare(void *context, clv_box_errors *sum, const clv_tensor *then,
                             const clv_tensor *now, uint32_t n_outputs, clv_error *err)
{
    box_judge *j = context;

    CLV_TRY(clv_decode(&j->then, then, n_outputs, &j->options, err));
    CLV_TRY(clv_decode(&j->now, now, n_outputs, &j->options, err));
    memset(j->taken, 0, sizeof j->taken);
    for (uint32_t i = 0; i < j->then.count; i++) {
        const clv_box *match = take_match(j, &j->then.items[i]);
        if (match != NULL)
            add_pair(sum, j, &j->then.items[i], match);
        else
            add_lone(sum, j, &j->then.items[i]);
    }
    for (uint32_t i = 0; i < j->now.count; i++) {
        if (!j->taken[i])
            add_lone(sum, j, &j->now.items[i]);
    }
    return CLV_OK;
}
