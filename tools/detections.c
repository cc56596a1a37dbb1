/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/detections.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define MATCH_IOU 0.5f
#define RECALLS 100u

clv_status detection_set_add(detection_set *set, uint32_t image, const clv_box *boxes, size_t n)
{
    if (n > set->room - set->count) {
        size_t room = 2 * (set->count + n);
        detection *items = clv_realloc_array(set->items, room, sizeof *items);
        if (items == NULL)
            return CLV_ENOMEM;
        set->items = items;
        set->room = room;
    }
    for (size_t i = 0; i < n; i++)
        set->items[set->count++] = (detection){image, boxes[i]};
    return CLV_OK;
}

void detection_set_done(detection_set *set)
{
    clv_free(set->items);
    *set = (detection_set){0};
}

/* --- sorted views --------------------------------------------------------------------------- */

static int compare_uint(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

/* By class, then picture. Behind them by address, so that the order is the set's. */
static int by_place(const void *a, const void *b)
{
    const detection *x = *(const detection *const *)a, *y = *(const detection *const *)b;
    int order = compare_uint(x->box.class_index, y->box.class_index);

    order = order != 0 ? order : compare_uint(x->image, y->image);
    return order != 0 ? order : (x > y) - (x < y);
}

/* By class, then the best score. */
static int by_score(const void *a, const void *b)
{
    const detection *x = *(const detection *const *)a, *y = *(const detection *const *)b;
    int order = compare_uint(x->box.class_index, y->box.class_index);

    order = order != 0 ? order : (x->box.score < y->box.score) - (x->box.score > y->box.score);
    return order != 0 ? order : by_place(a, b);
}

typedef int (*detection_order)(const void *a, const void *b);

static const detection **sorted(const detection_set *set, detection_order order)
{
    const detection **view = clv_calloc(set->count + 1, sizeof *view);

    for (size_t i = 0; view != NULL && i < set->count; i++)
        view[i] = &set->items[i];
    if (view != NULL && set->count > 0)
        qsort(view, set->count, sizeof *view, order);
    return view;
}

/* --- pairs -------------------------------------------------------------------------------- */

/* Boxes that may be taken once each, sorted by class and picture. */
typedef struct target_list {
    const detection **items;
    bool *taken;
    size_t count;
} target_list;

static void target_list_done(target_list *t)
{
    clv_free(t->items);
    clv_free(t->taken);
}

static clv_status target_list_init(target_list *t, const detection_set *set)
{
    t->count = set->count;
    t->items = sorted(set, by_place);
    t->taken = clv_calloc(set->count + 1, sizeof *t->taken);
    return t->items != NULL && t->taken != NULL ? CLV_OK : CLV_ENOMEM;
}

/* The first target that isn't in front of this class and picture. */
static size_t find_place(const target_list *t, const detection *d)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const detection *m = t->items[mid];
        int order = compare_uint(m->box.class_index, d->box.class_index);
        order = order != 0 ? order : compare_uint(m->image, d->image);
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Take the free target that @p d overlaps most; NULL when it overlaps none enough. */
static const detection *take(target_list *t, const detection *d)
{
    size_t best = t->count;
    float best_iou = 0.0f;

    for (size_t i = find_place(t, d); i < t->count; i++) {
        const detection *m = t->items[i];
        if (m->box.class_index != d->box.class_index || m->image != d->image)
            break;
        float iou = t->taken[i] ? 0.0f : clv_box_iou(&m->box, &d->box);
        if (iou >= MATCH_IOU && iou > best_iou) {
            best = i;
            best_iou = iou;
        }
    }
    if (best == t->count)
        return NULL;
    t->taken[best] = true;
    return t->items[best];
}

/* --- precision ---------------------------------------------------------------------------- */

/* @param right  For the n boxes of a class, best first: how many up to each are right. */
static double average_precision(const size_t *right, size_t n, size_t n_truth)
{
    double best = 0.0, sum = 0.0;
    size_t i = n;

    for (size_t r = RECALLS + 1; r-- > 0;) {
        /* precision at this recall or higher, from the last box on */
        while (i > 0 && right[i - 1] * RECALLS >= r * n_truth) {
            best = fmax(best, (double)right[i - 1] / (double)i);
            i--;
        }
        sum += best;
    }
    return sum / (RECALLS + 1);
}

/* The index behind the last item of the class of item @p from. */
static size_t class_end(const detection *const *items, size_t count, size_t from)
{
    size_t i = from;
    while (i < count && items[i]->box.class_index == items[from]->box.class_index)
        i++;
    return i;
}

static void sum_classes(detection_precision *out, target_list *t, const detection **found,
                        size_t n_found, size_t *right)
{
    double sum = 0.0;
    uint32_t classes = 0;
    size_t at = 0;

    for (size_t from = 0, to; from < t->count; from = to) {
        uint32_t class_index = t->items[from]->box.class_index;
        size_t n = 0, n_right = 0;
        to = class_end(t->items, t->count, from);
        while (at < n_found && found[at]->box.class_index < class_index)
            at++;
        for (; at < n_found && found[at]->box.class_index == class_index; at++) {
            n_right += take(t, found[at]) != NULL;
            right[n++] = n_right;
        }
        sum += average_precision(right, n, to - from);
        classes++;
    }
    *out = (detection_precision){classes > 0 ? sum / classes : NAN, classes};
}

clv_status detection_ap50(detection_precision *out, const detection_set *truth,
                          const detection_set *found)
{
    target_list targets = {0};
    const detection **view = sorted(found, by_score);
    size_t *right = clv_calloc(found->count + 1, sizeof *right);
    clv_status status = target_list_init(&targets, truth);

    if (view == NULL || right == NULL)
        status = CLV_ENOMEM;
    if (status == CLV_OK)
        sum_classes(out, &targets, view, found->count, right);
    target_list_done(&targets);
    clv_free(view);
    clv_free(right);
    return status;
}

/* --- difference --------------------------------------------------------------------------- */

static double box_difference(const clv_box *a, const clv_box *b)
{
    return (fabs((double)a->x0 - (double)b->x0) + fabs((double)a->y0 - (double)b->y0) +
            fabs((double)a->x1 - (double)b->x1) + fabs((double)a->y1 - (double)b->y1)) /
           4.0;
}

clv_status detection_compare(detection_difference *out, const detection_set *a,
                             const detection_set *b)
{
    target_list targets = {0};
    double box_sum = 0.0, score_sum = 0.0;
    size_t n = 0;
    const detection **view = sorted(a, by_score);
    clv_status status = target_list_init(&targets, b);

    if (view == NULL)
        status = CLV_ENOMEM;
    for (size_t i = 0; status == CLV_OK && i < a->count; i++) {
        const detection *match = take(&targets, view[i]);
        if (match == NULL)
            continue;
        box_sum += box_difference(&view[i]->box, &match->box);
        score_sum += fabs((double)view[i]->box.score - (double)match->box.score);
        n++;
    }
    if (status == CLV_OK)
        *out = (detection_difference){.matched = n,
                                      .only_a = a->count - n,
                                      .only_b = b->count - n,
                                      .box_error = n > 0 ? box_sum / (double)n : NAN,
                                      .score_error = n > 0 ? score_sum / (double)n : NAN};
    target_list_done(&targets);
    clv_free(view);
    return status;
}
