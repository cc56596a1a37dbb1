/* SPDX-License-Identifier: Apache-2.0 */
#include "demo_raster.h"

#include <assert.h>
#include <stddef.h>

enum { SAMPLES = 4, ONE = 65536 }; /* samples along each axis of a pixel; 1.0 in a matrix */

/* Picture to sprite: u = (ux * dx + uy * dy) / ONE with dx, dy in 1/CLV_DEMO_PX pixels. */
typedef struct matrix {
    int64_t ux, uy, vx, vy;
} matrix;

/* The sum of a pixel's covered samples. */
typedef struct coverage {
    int32_t n, r, g, b;
} coverage;

/* 16384 * sin over a quarter of a turn, in 64 steps. */
static const int16_t quarter_sine[65] = {
    0,     402,   804,   1205,  1606,  2006,  2404,  2801,  3196,  3590,  3981,  4370,  4756,
    5139,  5520,  5897,  6270,  6639,  7005,  7366,  7723,  8076,  8423,  8765,  9102,  9434,
    9760,  10080, 10394, 10702, 11003, 11297, 11585, 11866, 12140, 12406, 12665, 12916, 13160,
    13395, 13623, 13842, 14053, 14256, 14449, 14635, 14811, 14978, 15137, 15286, 15426, 15557,
    15679, 15791, 15893, 15986, 16069, 16143, 16207, 16261, 16305, 16340, 16364, 16379, 16384,
};

static int32_t sine(int32_t turn)
{
    uint32_t angle = (uint32_t)turn & 255U;
    uint32_t step = angle & 63U;

    switch (angle >> 6) {
    case 0:
        return quarter_sine[step];
    case 1:
        return quarter_sine[64 - step];
    case 2:
        return -quarter_sine[step];
    default:
        return -quarter_sine[64 - step];
    }
}

static int32_t min_of(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max_of(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

void clv_demo_sprite_init(clv_demo_sprite *sprite, clv_demo_pose pose)
{
    sprite->pose = pose;
    sprite->opacity = CLV_DEMO_OPAQUE;
    sprite->shade = 0;
    sprite->n_shapes = 0;
}

static clv_demo_shape *add_shape(clv_demo_sprite *sprite, clv_demo_kind kind,
                                 clv_demo_colour colour, clv_demo_box bounds)
{
    assert(sprite->n_shapes < CLV_DEMO_MAX_SHAPES);
    clv_demo_shape *shape = &sprite->shapes[sprite->n_shapes++];

    shape->kind = kind;
    shape->colour = colour;
    shape->bounds = bounds;
    shape->width = 0;
    shape->n_points = 0;
    return shape;
}

void clv_demo_add_box(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box box)
{
    add_shape(sprite, CLV_DEMO_BOX, colour, box);
}

void clv_demo_add_ellipse(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box bounds)
{
    add_shape(sprite, CLV_DEMO_ELLIPSE, colour, bounds);
}

void clv_demo_add_ring(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box bounds,
                       int32_t width)
{
    add_shape(sprite, CLV_DEMO_RING, colour, bounds)->width = width;
}

void clv_demo_add_line(clv_demo_sprite *sprite, clv_demo_colour colour, clv_demo_box from_to,
                       int32_t radius)
{
    clv_demo_box bounds = {
        min_of(from_to.left, from_to.right) - radius, min_of(from_to.top, from_to.bottom) - radius,
        max_of(from_to.left, from_to.right) + radius, max_of(from_to.top, from_to.bottom) + radius};
    clv_demo_shape *shape = add_shape(sprite, CLV_DEMO_LINE, colour, bounds);

    shape->width = radius;
    shape->n_points = 2;
    shape->points[0] = (clv_demo_point){from_to.left, from_to.top};
    shape->points[1] = (clv_demo_point){from_to.right, from_to.bottom};
}

void clv_demo_add_polygon(clv_demo_sprite *sprite, clv_demo_colour colour, int32_t n_points,
                          const clv_demo_point *points)
{
    assert(n_points >= 3 && n_points <= CLV_DEMO_MAX_POINTS);
    clv_demo_box bounds = {points[0].x, points[0].y, points[0].x, points[0].y};
    clv_demo_shape *shape = add_shape(sprite, CLV_DEMO_POLYGON, colour, bounds);

    shape->n_points = n_points;
    for (int32_t i = 0; i < n_points; i++) {
        shape->points[i] = points[i];
        shape->bounds.left = min_of(shape->bounds.left, points[i].x);
        shape->bounds.top = min_of(shape->bounds.top, points[i].y);
        shape->bounds.right = max_of(shape->bounds.right, points[i].x);
        shape->bounds.bottom = max_of(shape->bounds.bottom, points[i].y);
    }
}

static bool in_box(const clv_demo_box *box, int32_t u, int32_t v)
{
    return u >= box->left && u <= box->right && v >= box->top && v <= box->bottom;
}

/* The ellipse that fills the box `inset` inside of bounds. */
static bool in_ellipse(const clv_demo_box *bounds, int32_t inset, int32_t u, int32_t v)
{
    int64_t w = bounds->right - bounds->left - 2 * inset;
    int64_t h = bounds->bottom - bounds->top - 2 * inset;
    int64_t x = 2 * u - bounds->left - bounds->right;
    int64_t y = 2 * v - bounds->top - bounds->bottom;

    return w > 0 && h > 0 && x * x * h * h + y * y * w * w <= w * w * h * h;
}

static bool in_line(const clv_demo_shape *shape, int32_t u, int32_t v)
{
    int64_t r2 = (int64_t)shape->width * shape->width;
    int64_t dx = shape->points[1].x - shape->points[0].x;
    int64_t dy = shape->points[1].y - shape->points[0].y;
    int64_t x = u - shape->points[0].x;
    int64_t y = v - shape->points[0].y;
    int64_t len = dx * dx + dy * dy;
    int64_t dot = x * dx + y * dy;

    if (dot <= 0)
        return x * x + y * y <= r2;
    if (dot >= len)
        return (x - dx) * (x - dx) + (y - dy) * (y - dy) <= r2;
    int64_t cross = x * dy - y * dx;
    return cross * cross <= r2 * len;
}

static bool in_polygon(const clv_demo_shape *shape, int32_t u, int32_t v)
{
    bool left = false, right = false;

    for (int32_t i = 0; i < shape->n_points; i++) {
        const clv_demo_point *a = &shape->points[i];
        const clv_demo_point *b = &shape->points[i + 1 < shape->n_points ? i + 1 : 0];
        int64_t side = (int64_t)(u - a->x) * (b->y - a->y) - (int64_t)(v - a->y) * (b->x - a->x);

        left = left || side > 0;
        right = right || side < 0;
    }
    return !(left && right);
}

static bool in_shape(const clv_demo_shape *shape, int32_t u, int32_t v)
{
    if (!in_box(&shape->bounds, u, v))
        return false;
    switch (shape->kind) {
    case CLV_DEMO_BOX:
        return true;
    case CLV_DEMO_ELLIPSE:
        return in_ellipse(&shape->bounds, 0, u, v);
    case CLV_DEMO_RING:
        return in_ellipse(&shape->bounds, 0, u, v) &&
               !in_ellipse(&shape->bounds, shape->width, u, v);
    case CLV_DEMO_LINE:
        return in_line(shape, u, v);
    case CLV_DEMO_POLYGON:
        return in_polygon(shape, u, v);
    }
    return false;
}

static matrix matrix_of(const clv_demo_pose *pose)
{
    int64_t scale = (int64_t)CLV_DEMO_UNIT * (ONE / 16384);
    int64_t c = sine(pose->turn + CLV_DEMO_TURN / 4) * scale;
    int64_t s = sine(pose->turn) * scale;
    int64_t flip = pose->mirror ? -pose->radius : pose->radius;
    int64_t tall = (int64_t)pose->radius * pose->squash;

    return (matrix){c / flip, s / flip, -s * 256 / tall, c * 256 / tall};
}

static clv_demo_box bounds_of(const clv_demo_sprite *sprite)
{
    clv_demo_box all = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN};

    for (int32_t i = 0; i < sprite->n_shapes; i++) {
        const clv_demo_box *box = &sprite->shapes[i].bounds;
        all.left = min_of(all.left, box->left);
        all.top = min_of(all.top, box->top);
        all.right = max_of(all.right, box->right);
        all.bottom = max_of(all.bottom, box->bottom);
    }
    return all;
}

/* How far from its centre a sprite may paint, in pixels, whatever its turn. */
static int32_t reach_of(const clv_demo_sprite *sprite, const clv_demo_box *all)
{
    int64_t across = max_of(max_of(all->right, -all->left), 0);
    int64_t along = max_of(max_of(all->bottom, -all->top), 0);
    int64_t units = across + along * sprite->pose.squash / 256;

    return (int32_t)(units * sprite->pose.radius / (CLV_DEMO_UNIT * CLV_DEMO_PX)) + 1;
}

static void cover(coverage *sum, const clv_demo_sprite *sprite, int32_t u, int32_t v)
{
    for (int32_t i = sprite->n_shapes - 1; i >= 0; i--) {
        const clv_demo_shape *shape = &sprite->shapes[i];
        if (!in_shape(shape, u, v))
            continue;
        int32_t light = 256 - v * sprite->shade / CLV_DEMO_UNIT;
        sum->n += 1;
        sum->r += shape->colour.r * light;
        sum->g += shape->colour.g * light;
        sum->b += shape->colour.b * light;
        return;
    }
}

static coverage cover_pixel(const clv_demo_sprite *sprite, const clv_demo_box *all, const matrix *m,
                            clv_demo_point pixel)
{
    coverage sum = {0, 0, 0, 0};

    for (int32_t i = 0; i < SAMPLES * SAMPLES; i++) {
        int64_t dx = pixel.x * CLV_DEMO_PX + 2 * (i % SAMPLES) + 1 - sprite->pose.x;
        int64_t dy = pixel.y * CLV_DEMO_PX + 2 * (i / SAMPLES) + 1 - sprite->pose.y;
        int32_t u = (int32_t)((m->ux * dx + m->uy * dy) / ONE);
        int32_t v = (int32_t)((m->vx * dx + m->vy * dy) / ONE);

        if (in_box(all, u, v))
            cover(&sum, sprite, u, v);
    }
    return sum;
}

static uint8_t blend(uint8_t under, int32_t sum, int32_t n, int32_t opacity)
{
    int32_t total = SAMPLES * SAMPLES * CLV_DEMO_OPAQUE;
    int32_t over = min_of(sum / 256, 255 * n); /* of n samples; light may exceed 1 */

    return (uint8_t)((under * (total - n * opacity) + over * opacity + total / 2) / total);
}

void clv_demo_paint(uint8_t rgb[CLV_DEMO_BYTES], const clv_demo_sprite *sprite)
{
    matrix m = matrix_of(&sprite->pose);
    clv_demo_box all = bounds_of(sprite);
    int32_t x = sprite->pose.x / CLV_DEMO_PX;
    int32_t y = sprite->pose.y / CLV_DEMO_PX;
    int32_t reach = sprite->n_shapes > 0 ? reach_of(sprite, &all) : 0;
    int32_t right = min_of(x + reach, CLV_DEMO_WIDTH - 1);
    int32_t bottom = min_of(y + reach, CLV_DEMO_HEIGHT - 1);

    for (int32_t py = max_of(y - reach, 0); py <= bottom; py++) {
        for (int32_t px = max_of(x - reach, 0); px <= right; px++) {
            coverage sum = cover_pixel(sprite, &all, &m, (clv_demo_point){px, py});
            uint8_t *at = &rgb[(py * CLV_DEMO_WIDTH + px) * 3];

            at[0] = blend(at[0], sum.r, sum.n, sprite->opacity);
            at[1] = blend(at[1], sum.g, sum.n, sprite->opacity);
            at[2] = blend(at[2], sum.b, sum.n, sprite->opacity);
        }
    }
}
