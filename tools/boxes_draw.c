/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/boxes_draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "media/image_draw.h"

#define CROWD 16u     /* boxes */
#define MAX_TAGS 256u /* labels that others keep clear of */

typedef struct canvas {
    clv_image *image;
    uint32_t line; /* pixels; of a frame */
    uint32_t dot;  /* of a letter */
    bool is_crowded;
    clv_rect tags[MAX_TAGS];
    uint32_t n_tags;
} canvas;

/* --- colours ------------------------------------------------------------------------------ */

static uint8_t channel(double hue, double shift, double light)
{
    double x = fmod(hue + shift, 6.0), level = fmin(fmax(fabs(x - 3.0) - 1.0, 0.0), 1.0);
    return (uint8_t)lround(255.0 * light * (0.15 + 0.85 * level));
}

/* Hues a golden angle apart, so that the first classes differ most; darker after 13 of them, where
 * they come close to the first again. */
static clv_colour class_colour(uint32_t class_index)
{
    static const double lights[] = {1.0, 0.8, 0.6};
    double hue = 6.0 * fmod(0.33 + 0.61803398875 * class_index, 1.0);
    double light = lights[class_index / 13 % 3];

    return (clv_colour){channel(hue, 0.0, light), channel(hue, 4.0, light),
                        channel(hue, 2.0, light)};
}

/* Black or white, whichever is read more easily on it. */
static clv_colour ink_on(clv_colour paper)
{
    double light = 0.299 * paper.r + 0.587 * paper.g + 0.114 * paper.b;
    return light > 120.0 ? (clv_colour){0, 0, 0} : (clv_colour){255, 255, 255};
}

/* --- frames ------------------------------------------------------------------------------- */

static clv_rect rect_of(const clv_box *box)
{
    int64_t x = llroundf(box->x0), y = llroundf(box->y0);
    return (clv_rect){x, y, llroundf(box->x1) - x, llroundf(box->y1) - y};
}

/* A line of the class's colour with a thin dark one inside: seen on any ground. */
static void draw_frame(canvas *c, const clv_box *box)
{
    int64_t t = c->line, edge = (c->line + 1) / 2;
    clv_rect r = rect_of(box), inner = {r.x + t, r.y + t, r.width - 2 * t, r.height - 2 * t};

    if (inner.width > 4 * edge && inner.height > 4 * edge)
        clv_image_frame(c->image, inner, (uint32_t)edge, (clv_colour){0, 0, 0});
    clv_image_frame(c->image, r, c->line, class_colour(box->class_index));
}

/* --- tags --------------------------------------------------------------------------------- */

static bool overlap(clv_rect a, clv_rect b)
{
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
           b.y < a.y + a.height;
}

static bool is_free(const canvas *c, clv_rect r)
{
    if (r.x < 0 || r.y < 0 || r.x + r.width > c->image->width || r.y + r.height > c->image->height)
        return false;
    for (uint32_t i = 0; i < c->n_tags; i++) {
        if (overlap(c->tags[i], r))
            return false;
    }
    return true;
}

/* Above the box, inside of it, below it, at its left or right end or the picture's: the first place
 * that is free. */
static bool place_tag(clv_rect *out, const canvas *c, const clv_box *box, int64_t width,
                      int64_t height)
{
    clv_rect r = rect_of(box);
    const int64_t xs[] = {r.x, r.x + r.width - width, (int64_t)c->image->width - width, 0};
    const int64_t ys[] = {r.y - height, r.y, r.y + r.height - height, r.y + r.height};

    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            clv_rect at = {xs[i], ys[j], width, height};
            bool touches = at.x < r.x + r.width && r.x < at.x + width;
            if (touches && is_free(c, at)) {
                *out = at;
                return true;
            }
        }
    }
    return false;
}

/* Pixels of a tag with this text. */
static int64_t tag_width(const canvas *c, const char *text)
{
    return (int64_t)c->dot * (CLV_GLYPH_ADVANCE * (int64_t)strlen(text) + 3);
}

/* @return false where it has no place. */
static bool try_tag(canvas *c, const clv_box *box, const char *text)
{
    clv_colour paper = class_colour(box->class_index);
    int64_t dot = c->dot;
    clv_rect tag;

    if (!place_tag(&tag, c, box, tag_width(c, text), dot * (CLV_GLYPH_HEIGHT + 4)))
        return false;
    clv_image_fill(c->image, tag, paper);
    clv_image_text(c->image, tag.x + 2 * dot, tag.y + 2 * dot, c->dot, text, ink_on(paper));
    if (c->n_tags < MAX_TAGS)
        c->tags[c->n_tags++] = tag;
    return true;
}

/* Name and score; the score alone where a name finds no place or would hide a crowd of small boxes;
 * nothing rather than two tags over each other. */
static void draw_tag(canvas *c, const clv_box *box, const char *label)
{
    char text[64], score[32];

    (void)snprintf(score, sizeof score, "%.2f", (double)box->score);
    if (label != NULL)
        (void)snprintf(text, sizeof text, "%.40s %s", label, score);
    else
        (void)snprintf(text, sizeof text, "class %u %s", box->class_index, score);
    bool hides = c->is_crowded && tag_width(c, text) > 2 * rect_of(box).width;
    if (hides || !try_tag(c, box, text))
        (void)try_tag(c, box, score);
}

void boxes_draw(clv_image *image, const detector *d)
{
    const clv_boxes *boxes = detector_boxes(d);
    uint32_t side = image->width < image->height ? image->width : image->height;
    canvas c = {.image = image,
                .line = (side + 160) / 240,
                .dot = (side + 80) / 320,
                .is_crowded = boxes->count > CROWD};

    c.line = c.line < 1 ? 1 : c.line;
    c.dot = c.dot < 1 ? 1 : c.dot;
    for (uint32_t i = boxes->count; i-- > 0;) /* the best lie on top, and choose places first */
        draw_frame(&c, &boxes->items[i]);
    for (uint32_t i = 0; i < boxes->count; i++)
        draw_tag(&c, &boxes->items[i], detector_label(d, boxes->items[i].class_index));
}
