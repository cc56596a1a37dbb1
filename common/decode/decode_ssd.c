/* SPDX-License-Identifier: Apache-2.0 */
/* SSD and its likes: boxes [1, N, 4] and scores [1, N, C] in two outputs, the background in front
 * of the classes. UltraFace is one of them. */
#include <math.h>

#include "base/error.h"
#include "decode/decode_parts.h"

#define CENTRE_VARIANCE 0.1f
#define SIZE_VARIANCE 0.2f

typedef struct ssd_outputs {
    clv_decode_matrix boxes, scores, priors; /* priors: by the word `offsets` */
    bool background;
} ssd_outputs;

/* The first matrix of 4 columns has the boxes, the next one the priors where they are wanted; the
 * one that is left has the scores. */
static clv_status find_outputs(ssd_outputs *s, const clv_decode_job *job)
{
    uint32_t wanted = clv_decode_has(job, CLV_DECODE_WORD(OFFSETS)) ? 2 : 1, fours = 0, others = 0;

    if (job->n_outputs != wanted + 1)
        return clv_decode_misfit(job, NULL);
    for (uint32_t i = 0; i < job->n_outputs; i++) {
        clv_decode_matrix m;
        if (!clv_decode_as_matrix(&m, job, i))
            return clv_decode_misfit(job, NULL);
        if (m.columns == 4 && fours < wanted)
            *(fours++ == 0 ? &s->boxes : &s->priors) = m;
        else if (others++ == 0)
            s->scores = m;
    }
    if (fours != wanted || others != 1)
        return clv_decode_misfit(job, NULL);
    if (s->scores.rows != s->boxes.rows || (wanted == 2 && s->priors.rows != s->boxes.rows))
        return clv_decode_misfit(job, "they differ in N");
    return CLV_OK;
}

/* The probability of column @p c: of all of them by softmax when the background is one, else each
 * by its own sigmoid. */
static float score_at(const ssd_outputs *s, size_t r, size_t c, const clv_decode_job *job)
{
    float score = clv_decode_at(&s->scores, r, c), sum = 0.0f;

    if (!clv_decode_has(job, CLV_DECODE_WORD(LOGITS)))
        return score;
    if (!s->background)
        return clv_decode_sigmoid(score);
    for (size_t i = 0; i < s->scores.columns; i++)
        sum += expf(clv_decode_at(&s->scores, r, i) - score); /* inf: a probability of 0 */
    return 1.0f / sum;
}

static clv_box box_at(const ssd_outputs *s, size_t r, const clv_decode_job *job)
{
    float v[4], p[4];
    clv_box box;

    for (size_t i = 0; i < 4; i++)
        v[i] = clv_decode_at(&s->boxes, r, i);
    if (clv_decode_has(job, CLV_DECODE_WORD(OFFSETS))) {
        for (size_t i = 0; i < 4; i++)
            p[i] = clv_decode_at(&s->priors, r, i);
        box = clv_box_centred(p[0] + v[0] * CENTRE_VARIANCE * p[2],
                              p[1] + v[1] * CENTRE_VARIANCE * p[3],
                              p[2] * expf(v[2] * SIZE_VARIANCE), p[3] * expf(v[3] * SIZE_VARIANCE));
    } else if (clv_decode_has(job, CLV_DECODE_WORD(CENTRE))) {
        box = clv_box_centred(v[0], v[1], v[2], v[3]);
    } else if (clv_decode_has(job, CLV_DECODE_WORD(YXYX))) {
        box = (clv_box){.x0 = v[1], .y0 = v[0], .x1 = v[3], .y1 = v[2]};
    } else {
        box = (clv_box){.x0 = v[0], .y0 = v[1], .x1 = v[2], .y1 = v[3]};
    }
    if (!clv_decode_has(job, CLV_DECODE_WORD(PIXELS))) {
        box.x0 *= (float)job->options->width;
        box.x1 *= (float)job->options->width;
        box.y0 *= (float)job->options->height;
        box.y1 *= (float)job->options->height;
    }
    return box;
}

static void offer_all(clv_boxes *out, const ssd_outputs *s, const clv_decode_job *job)
{
    size_t first = s->background ? 1 : 0;

    out->count = 0;
    for (size_t r = 0; r < s->scores.rows; r++) {
        size_t best = clv_decode_best(&s->scores, r, first, s->scores.columns);
        if (best == s->scores.columns)
            continue;
        clv_box box = box_at(s, r, job);
        box.score = score_at(s, r, best, job);
        box.class_index = (uint32_t)(best - first);
        clv_boxes_offer(out, &box, job->options);
    }
}

clv_status clv_decode_ssd(clv_boxes *out, const clv_decode_job *job)
{
    ssd_outputs s = {.background = !clv_decode_has(job, CLV_DECODE_WORD(NO_BACKGROUND))};

    CLV_TRY(find_outputs(&s, job));
    if (s.scores.columns < (s.background ? 2u : 1u))
        return clv_decode_misfit(job, "no column is left for a class");
    offer_all(out, &s, job);
    return CLV_OK;
}

clv_status clv_decode_ultraface(clv_boxes *out, const clv_decode_job *job)
{
    ssd_outputs s = {.background = true};

    CLV_TRY(find_outputs(&s, job));
    if (s.scores.columns != 2)
        return clv_decode_misfit(job, NULL);
    offer_all(out, &s, job);
    return CLV_OK;
}
