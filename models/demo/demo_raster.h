/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DEMO_RASTER_H
#define CLV_DEMO_RASTER_H

/** @file demo_raster.h: paints sprites, which are stacks of flat shapes, into a picture.
 *  A sprite is drawn in a square of its own, -1024..1024 on both axes, x to the right and y down;
 *  its pose then turns, mirrors, squashes and places it. 16 samples a pixel. Integers only. */
#include <stdbool.h>
#include <stdint.h>

#include "demo_images.h"

enum {
    CLV_DEMO_UNIT = 1024, /* half a sprite's side, in its own coordinates */
    CLV_DEMO_PX = 8,      /* poses count in eighths of a pixel */
    CLV_DEMO_TURN = 256,  /* angles count in 256ths of a turn, clockwise */
    CLV_DEMO_OPAQUE = 256,
    CLV_DEMO_MAX_SHAPES = 32,
    CLV_DEMO_MAX_POINTS = 6
};

typedef struct clv_demo_colour {
    uint8_t r, g, b;
} clv_demo_colour;

typedef struct clv_demo_point {
    int32_t x, y;
} clv_demo_point;

typedef struct clv_demo_box {
    int32_t left, top, right, bottom;
} clv_demo_box;

typedef enum clv_demo_kind {
    CLV_DEMO_BOX,
    CLV_DEMO_ELLIPSE, /* fills its bounds */
    CLV_DEMO_RING,    /* an ellipse less the one that lies `width` further in */
    CLV_DEMO_LINE,    /* points[0] to points[1], round ends of radius `width` */
    CLV_DEMO_POLYGON  /* convex, either way round */
} clv_demo_kind;

typedef struct clv_demo_shape {
    clv_demo_kind kind;
    clv_demo_colour colour;
    clv_demo_box bounds;
    int32_t width;
    int32_t n_points;
    clv_demo_point points[CLV_DEMO_MAX_POINTS];
} clv_demo_shape;

typedef struct clv_demo_pose {
    int32_t x, y;   /* centre, in 1/CLV_DEMO_PX pixels */
    int32_t radius; /* length of CLV_DEMO_UNIT, in 1/CLV_DEMO_PX pixels; > 0 */
    int32_t turn;   /* in 1/CLV_DEMO_TURN, any value */
    int32_t squash; /* height against width, in 1/256; > 0 */
    bool mirror;
} clv_demo_pose;

typedef struct clv_demo_sprite {
    clv_demo_pose pose;
    int32_t opacity; /* 0..CLV_DEMO_OPAQUE */
    int32_t shade;   /* light at the top, dark at the bottom, in 1/256 */
    int32_t n_shapes;
    clv_demo_shape shapes[CLV_DEMO_MAX_SHAPES]; /* later ones lie over earlier ones */
} clv_demo_sprite;

/** An empty opaque sprite. */
void clv_demo_sprite_init(clv_demo_sprite *sprite, clv_demo_pose pose);

/* Each adds a shape on top; beyond CLV_DEMO_MAX_SHAPES is a bug of ours (assert). */
void clv_demo_add_box(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box box);
void clv_demo_add_ellipse(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box bounds);
void clv_demo_add_ring(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box bounds,
                       int32_t width);
void clv_demo_add_line(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box from_to,
                       int32_t radius);
void clv_demo_add_polygon(clv_demo_sprite *sprite, clv_demo_colour colour, int32_t n_points,
                          const clv_demo_point *points);

/** Blend @p sprite into @p rgb; what falls outside of the picture is cut off. */
void clv_demo_paint(uint8_t rgb[CLV_DEMO_BYTES], const clv_demo_sprite *sprite);

#endif
