/* SPDX-License-Identifier: Apache-2.0 */
/* NonMaxSuppression, whose output is as long as the data makes it (ref_kernels.h). It needs no
 * memory of its own: candidates are fetched in portions, best first. */
#include <math.h>

#include "kernel/ref/ref_kernels.h"

#define PORTION 256u

typedef struct candidate {
    float score;
    int64_t box;
} candidate;

/* A box by its corners, low <= high. */
typedef struct corners {
    float y1, x1, y2, x2;
} corners;

typedef struct nms {
    const float *boxes;  /* [n, 4] of one picture */
    const float *scores; /* [n] of one class */
    int64_t n, limit;
    bool by_centre;
    float overlap, threshold;
} nms;

static corners corners_of(const nms *s, int64_t box)
{
    const float *b = s->boxes + 4 * box;

    if (s->by_centre) /* x, y, width, height */
        return (corners){b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
    return (corners){fminf(b[0], b[2]), fminf(b[1], b[3]), fmaxf(b[0], b[2]), fmaxf(b[1], b[3])};
}

static bool overlaps(const nms *s, int64_t i, int64_t j)
{
    corners a = corners_of(s, i), b = corners_of(s, j);
    float height = fminf(a.y2, b.y2) - fmaxf(a.y1, b.y1);
    float width = fminf(a.x2, b.x2) - fmaxf(a.x1, b.x1);
    float area_a = (a.y2 - a.y1) * (a.x2 - a.x1), area_b = (b.y2 - b.y1) * (b.x2 - b.x1);

    if (!(height > 0) || !(width > 0) || !(area_a > 0) || !(area_b > 0))
        return false;
    float both = height * width;
    return both / (area_a + area_b - both) > s->overlap;
}

/* Higher scores first, then lower indices. */
static bool precedes(candidate a, candidate b)
{
    return a.score > b.score || (a.score == b.score && a.box < b.box);
}

/* A heap whose top is the last of those that it holds. */
static void sink(candidate *heap, uint32_t n)
{
    for (uint32_t i = 0, child = 1; child < n; i = child, child = 2 * i + 1) {
        if (child + 1 < n && precedes(heap[child], heap[child + 1]))
            child++;
        if (!precedes(heap[i], heap[child]))
            return;
        candidate kept = heap[i];
        heap[i] = heap[child];
        heap[child] = kept;
    }
}

static void rise(candidate *heap, uint32_t i)
{
    while (i > 0 && precedes(heap[(i - 1) / 2], heap[i])) {
        candidate kept = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = kept;
        i = (i - 1) / 2;
    }
}

/* The best candidates behind @p last (NULL: of all), in order. @return how many there are. */
static uint32_t fetch(candidate *portion, const nms *s, const candidate *last)
{
    uint32_t n = 0;

    for (int64_t box = 0; box < s->n; box++) {
        candidate c = {s->scores[box], box};
        if (!(c.score > s->threshold) || (last != NULL && !precedes(*last, c)))
            continue;
        if (n < PORTION) {
            portion[n] = c;
            rise(portion, n++);
        } else if (precedes(c, portion[0])) {
            portion[0] = c;
            sink(portion, n);
        }
    }
    for (uint32_t left = n; left > 1;) {
        candidate kept = portion[--left];
        portion[left] = portion[0];
        portion[0] = kept;
        sink(portion, left);
    }
    return n;
}

/* Append (batch, class, box) for each box that is kept. @return the end of what was written. */
static int64_t *select_boxes(int64_t *rows, const nms *s, int64_t batch, int64_t class)
{
    candidate portion[PORTION], last;
    int64_t *end = rows;
    uint32_t n = fetch(portion, s, NULL);

    while (n > 0) {
        for (uint32_t i = 0; i < n; i++) {
            bool suppressed = false;
            if ((end - rows) / 3 >= s->limit)
                return end;
            for (const int64_t *row = rows; row < end && !suppressed; row += 3)
                suppressed = overlaps(s, portion[i].box, row[2]);
            if (suppressed)
                continue;
            end[0] = batch;
            end[1] = class;
            end[2] = portion[i].box;
            end += 3;
        }
        last = portion[n - 1];
        n = n < PORTION ? 0 : fetch(portion, s, &last);
    }
    return end;
}

static float read_limit(const clv_node *node, const clv_tensor *inputs, uint32_t i, float fallback)
{
    return node->n_inputs > i && inputs[i].data != NULL ? *(const float *)inputs[i].data : fallback;
}

clv_status ref_nms(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    const int64_t *dim = inputs[1].shape.dim; /* [batches, classes, boxes] */
    int64_t *rows = outputs[0].data, *end = rows;
    nms s = {.n = dim[2],
             .by_centre = clv_node_attr_int(node, "center_point_box", 0) != 0,
             .overlap = read_limit(node, inputs, 3, 0.0f),
             .threshold = read_limit(node, inputs, 4, -INFINITY)};
    (void)graph;

    if (node->n_inputs > 2 && inputs[2].data != NULL)
        s.limit = *(const int64_t *)inputs[2].data;
    s.limit = s.limit < s.n ? s.limit : s.n; /* so that there is room: infer_nms() */
    for (int64_t batch = 0; batch < dim[0]; batch++) {
        for (int64_t class = 0; class < dim[1]; class ++) {
            s.boxes = (const float *)inputs[0].data + batch * s.n * 4;
            s.scores = (const float *)inputs[1].data + (batch * dim[1] + class) * s.n;
            end = select_boxes(end, &s, batch, class);
        }
    }
    outputs[0].shape.dim[0] = (end - rows) / 3;
    return CLV_OK;
}
