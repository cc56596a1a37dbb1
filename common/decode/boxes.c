/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "decode/decode_parts.h"

/* --- order -------------------------------------------------------------------------------- */

/* Whether @p a goes behind @p b. A total order, so that the result depends on nothing else. */
static bool is_worse(const clv_box *a, const clv_box *b)
{
    if (a->score != b->score)
        return a->score < b->score;
    if (a->class_index != b->class_index)
        return a->class_index > b->class_index;
    if (a->x0 != b->x0)
        return a->x0 > b->x0;
    if (a->y0 != b->y0)
        return a->y0 > b->y0;
    return a->x1 != b->x1 ? a->x1 > b->x1 : a->y1 > b->y1;
}

static void swap(clv_box *a, clv_box *b)
{
    clv_box c = *a;
    *a = *b;
    *b = c;
}

/* The worst is at the root, items[0]. */
static void sift_up(clv_box *items, uint32_t at)
{
    while (at > 0 && is_worse(&items[at], &items[(at - 1) / 2])) {
        swap(&items[at], &items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(clv_box *items, uint32_t count)
{
    for (uint32_t at = 0;;) {
        uint32_t worst = at, left = 2 * at + 1, right = left + 1;
        if (left < count && is_worse(&items[left], &items[worst]))
            worst = left;
        if (right < count && is_worse(&items[right], &items[worst]))
            worst = right;
        if (worst == at)
            return;
        swap(&items[at], &items[worst]);
        at = worst;
    }
}

/* Take the worst out to the end, again and again. */
static void sort_heap(clv_boxes *boxes)
{
    for (uint32_t n = boxes->count; n > 1; n--) {
        swap(&boxes->items[0], &boxes->items[n - 1]);
        sift_down(boxes->items, n - 1);
    }
}

/* --- which are kept ------------------------------------------------------------------------- */

static bool is_box(const clv_box *box)
{
    return isfinite(box->x0) && isfinite(box->y0) && isfinite(box->x1) && isfinite(box->y1) &&
           box->x0 < box->x1 && box->y0 < box->y1;
}

void clv_boxes_offer(clv_boxes *boxes, const clv_box *box, const clv_decode_options *options)
{
    if (!isfinite(box->score) || box->score < options->score || !is_box(box))
        return;
    if (boxes->count < CLV_MAX_BOXES) {
        boxes->items[boxes->count] = *box;
        sift_up(boxes->items, boxes->count++);
    } else if (is_worse(&boxes->items[0], box)) {
        boxes->items[0] = *box;
        sift_down(boxes->items, boxes->count);
    }
}

float clv_box_iou(const clv_box *a, const clv_box *b)
{
    /* double: sides of 1e30 don't overflow in it */
    double left = fmax((double)a->x0, (double)b->x0), right = fmin((double)a->x1, (double)b->x1);
    double top = fmax((double)a->y0, (double)b->y0), bottom = fmin((double)a->y1, (double)b->y1);
    double area_a = ((double)a->x1 - (double)a->x0) * ((double)a->y1 - (double)a->y0);
    double area_b = ((double)b->x1 - (double)b->x0) * ((double)b->y1 - (double)b->y0);

    if (!(left < right && top < bottom))
        return 0.0f;
    double both = (right - left) * (bottom - top);
    return (float)(both / (area_a + area_b - both));
}

/* Greedy, per class: a box that overlaps a better one of its class goes. */
void clv_boxes_finish(clv_boxes *boxes, const clv_decode_options *options)
{
    uint32_t kept = 0;

    sort_heap(boxes);
    for (uint32_t i = 0; i < boxes->count && kept < options->most; i++) {
        const clv_box *box = &boxes->items[i];
        bool covered = false;
        for (uint32_t j = 0; j < kept && !covered; j++)
            covered = boxes->items[j].class_index == box->class_index &&
                      clv_box_iou(&boxes->items[j], box) > options->iou;
        if (!covered)
            boxes->items[kept++] = *box;
    }
    boxes->count = kept;
}

clv_box clv_box_centred(float cx, float cy, float width, float height)
{
    return (clv_box){
        .x0 = cx - width / 2, .y0 = cy - height / 2, .x1 = cx + width / 2, .y1 = cy + height / 2};
}

static float placed(float at, double scale, double offset, uint32_t side)
{
    return (float)fmin(fmax((double)at * scale + offset, 0.0), (double)side);
}

void clv_boxes_place(clv_boxes *boxes, const clv_fit_map *map, uint32_t width, uint32_t height)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < boxes->count; i++) {
        clv_box box = boxes->items[i];
        box.x0 = placed(box.x0, map->x_scale, map->x_offset, width);
        box.x1 = placed(box.x1, map->x_scale, map->x_offset, width);
        box.y0 = placed(box.y0, map->y_scale, map->y_offset, height);
        box.y1 = placed(box.y1, map->y_scale, map->y_offset, height);
        if (is_box(&box))
            boxes->items[kept++] = box;
    }
    boxes->count = kept;
}
