/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLANE_BATCH_H
#define CLV_PLANE_BATCH_H

/** @file plane_batch.h: the order in which planes are coded, and the sums of plane_context.h a row
 * at a time. For the coder and for who chooses symbols for it; docs/activation-format.md has the
 * rules. */

#include <string.h>

#include "codec/plane_context.h"

/* Planes that are coded side by side, those that aren't empty, in order; the last ones may be fewer
 * than CLV_PLANE_LANES. */
typedef struct clv_plane_batch {
    uint32_t planes[CLV_PLANE_LANES];
    uint32_t count;
} clv_plane_batch;

static inline size_t clv_plane_elems(const clv_plane_model *model)
{
    return (size_t)model->rows * model->cols;
}

/* Scratch memory: a flag for each plane; the activity of each place; of every lane's last two rows
 * the classes, with one more on each side; when encoding the contexts of all symbols. */
typedef struct workspace {
    uint8_t *empty, *activity, *lines[2], *contexts;
    size_t width; /* of a line */
} clv_plane_workspace;

static inline clv_plane_workspace clv_plane_divide(const clv_plane_model *model, uint8_t *scratch)
{
    clv_plane_workspace w = {.empty = scratch, .width = model->cols + (size_t)2};

    w.activity = w.empty + model->planes;
    w.lines[0] = w.activity + clv_plane_elems(model);
    w.lines[1] = w.lines[0] + CLV_PLANE_LANES * w.width;
    w.contexts = w.lines[1] + CLV_PLANE_LANES * w.width;
    memset(w.activity, CLV_PLANE_FIRST_ACTIVITY, clv_plane_elems(model));
    return w;
}

static inline const clv_plane_group *clv_plane_group_at(const clv_plane_model *model,
                                                        uint32_t plane)
{
    return &model->groups[model->group_of[plane]];
}

/* The next planes from @p from on that aren't empty. @return where to go on. */
static inline uint32_t clv_plane_next_batch(clv_plane_batch *out, const clv_plane_model *model,
                                            const uint8_t *empty, uint32_t from)
{
    out->count = 0;
    while (from < model->planes && out->count < CLV_PLANE_LANES) {
        if (!empty[from])
            out->planes[out->count++] = from;
        from++;
    }
    return from;
}

/* The sums of plane_context.h in one number: that of positions, and 256 times that of deviations.
 * Here what the row above and other planes add, of @p cols columns. @p above has the row's classes
 * from one column before. */
static inline void clv_plane_sums_above(uint16_t *restrict out, const uint8_t *restrict above,
                                        const uint8_t *restrict activity, uint32_t cols)
{
    for (uint32_t x = 0; x < cols; x++) {
        unsigned left = above[x], up = above[x + 1], right = above[x + 2];
        unsigned positions = 4 * (up & 15u) + 15 - (left & 15u) + (right & 15u);
        unsigned deviations = (left >> 4) + 2 * (up >> 4) + (right >> 4) + activity[x];
        out[x] = (uint16_t)(positions + (deviations << 8));
    }
}

/* What the left neighbour adds. */
static inline uint16_t clv_plane_sums_left(uint8_t class)
{
    return (uint16_t)(5u * (class & 15u) + ((class & 0xf0u) << 5));
}

static inline void clv_plane_classify(uint8_t *restrict line, const uint8_t *restrict symbols,
                                      const clv_plane_group *group, uint32_t cols)
{
    for (uint32_t x = 0; x < cols; x++)
        line[x] = group->classes[symbols[x]];
}

/* Outside of the planes of a batch: what lies above them, and left and right of every row. */
static inline void clv_plane_begin_lines(const clv_plane_workspace *w, const clv_plane_batch *b,
                                         const clv_plane_model *model)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const clv_plane_group *group = clv_plane_group_at(model, b->planes[i]);
        uint8_t *other = w->lines[1] + i * w->width;
        memset(w->lines[0] + i * w->width, group->classes[group->outside], w->width);
        other[0] = other[w->width - 1] = group->classes[group->outside];
    }
}

/* The places of a row, after @p count planes whose classes are in lines. */
static inline void clv_plane_pass_activity(uint8_t *restrict activity,
                                           const uint8_t *restrict lines, size_t width,
                                           uint32_t count, uint32_t cols)
{
    if (count == CLV_PLANE_LANES) {
        for (uint32_t x = 0; x < cols; x++) {
            unsigned sum = 0;
#pragma GCC unroll 8
            for (uint32_t i = 0; i < CLV_PLANE_LANES; i++)
                sum += lines[i * width + x] >> 4;
            activity[x] = clv_plane_activity(activity[x], sum);
        }
    }
}

static inline bool clv_plane_is_full_of(const uint8_t *symbols, size_t n, uint8_t zero)
{
    return n == 0 || (symbols[0] == zero && memcmp(symbols, symbols + 1, n - 1) == 0);
}

#endif
