/* SPDX-License-Identifier: Apache-2.0 */
#include "demo_images.h"

#include "demo_objects.h"
#include "demo_random.h"
#include "demo_raster.h"

enum { WIDTH = CLV_DEMO_WIDTH, HEIGHT = CLV_DEMO_HEIGHT, PX = CLV_DEMO_PX };

/* What lies behind everything: ground in two colours, mixed by noise or stripes, below a sky. */
typedef struct backdrop {
    clv_demo_colour low, high; /* the ground's two colours */
    clv_demo_colour sky;
    int32_t horizon;            /* row where the sky ends; negative for a view straight down */
    int32_t slope;              /* how the horizon tilts, in rows in 256 columns */
    int32_t cell_x, cell_y;     /* size of the coarsest noise, in pixels */
    int32_t stripe_x, stripe_y; /* direction of the stripes */
    int32_t stripes;            /* how much they count, 0..256 */
    uint64_t noise;             /* the noise's seed */
} backdrop;

#define NAME(name) #name,
static const char *const class_names[] = {CLV_DEMO_CLASS_LIST(NAME)};
#undef NAME

_Static_assert(sizeof class_names / sizeof class_names[0] == CLV_DEMO_CLASSES, "one name a class");

const char *clv_demo_class_name(uint32_t label)
{
    return label < CLV_DEMO_CLASSES ? class_names[label] : "?";
}

static uint8_t clamp_u8(int32_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static int32_t mix(int32_t a, int32_t b, int32_t t) /* t = 0..256 */
{
    return a + (b - a) * t / 256;
}

/* Noise on a lattice, smoothly interpolated: 0..255. */
static int32_t value_noise(uint64_t seed, int32_t x, int32_t y, clv_demo_point cell)
{
    int32_t left = x / cell.x, top = y / cell.y;
    int32_t tx = x % cell.x * 256 / cell.x, ty = y % cell.y * 256 / cell.y;
    int32_t corner[4];

    for (int32_t i = 0; i < 4; i++) {
        uint64_t at = (uint64_t)(left + i % 2) << 32 | (uint64_t)(top + i / 2);
        corner[i] = (int32_t)(clv_demo_hash(seed + at * UINT64_C(0x9e3779b97f4a7c15)) & 255U);
    }
    tx = tx * tx * (768 - 2 * tx) / 65536;
    ty = ty * ty * (768 - 2 * ty) / 65536;
    return mix(mix(corner[0], corner[1], tx), mix(corner[2], corner[3], tx), ty);
}

/* Three octaves: 0..255. */
static int32_t fractal_noise(const backdrop *b, int32_t x, int32_t y)
{
    int32_t sum = 0;

    for (int32_t octave = 0; octave < 3; octave++) {
        clv_demo_point cell = {b->cell_x >> octave, b->cell_y >> octave};
        sum += value_noise(b->noise + (uint64_t)octave, x, y, cell) * (4 >> octave);
    }
    return sum / 7;
}

static clv_demo_colour natural_colour(clv_demo_rng *rng, const clv_demo_colour *palette, int32_t n)
{
    if (clv_demo_chance(rng, 15))
        return clv_demo_random_colour(rng);
    return clv_demo_vary_colour(rng, palette[clv_demo_range(rng, 0, n - 1)]);
}

static backdrop random_backdrop(clv_demo_rng *rng)
{
    static const clv_demo_colour ground[8] = {
        {80, 125, 60},  {125, 100, 70},  {100, 100, 105}, {195, 175, 130},
        {50, 100, 145}, {215, 220, 225}, {45, 80, 50},    {75, 70, 95},
    };
    static const clv_demo_colour skies[4] = {
        {140, 190, 235}, {200, 205, 210}, {235, 180, 130}, {60, 80, 130}};
    backdrop b;

    b.low = natural_colour(rng, ground, 8);
    b.high = clv_demo_chance(rng, 60) ? clv_demo_vary_colour(rng, b.low)
                                      : natural_colour(rng, ground, 8);
    b.sky = natural_colour(rng, skies, 4);
    b.horizon = clv_demo_chance(rng, 45) ? clv_demo_range(rng, 8, 80) : -WIDTH;
    b.slope = clv_demo_range(rng, -60, 60);
    b.cell_x = clv_demo_range(rng, 8, 48);
    b.cell_y = clv_demo_chance(rng, 50) ? b.cell_x : clv_demo_range(rng, 6, 16);
    b.stripe_x = clv_demo_range(rng, -32, 32);
    b.stripe_y = clv_demo_range(rng, -32, 32);
    b.stripes = clv_demo_chance(rng, 25) ? clv_demo_range(rng, 60, 256) : 0;
    b.noise = clv_demo_next(rng);
    return b;
}

static clv_demo_colour backdrop_at(const backdrop *b, int32_t x, int32_t y)
{
    int32_t edge = b->horizon + (x - WIDTH / 2) * b->slope / 256;
    int32_t noise = fractal_noise(b, x, y);

    if (y < edge) { /* the sky pales towards the horizon; thin clouds */
        int32_t t = 90 * y / (edge + 1) + noise / 4;
        return (clv_demo_colour){clamp_u8(mix(b->sky.r, 245, t)), clamp_u8(mix(b->sky.g, 245, t)),
                                 clamp_u8(mix(b->sky.b, 245, t))};
    }
    int32_t phase = (x * b->stripe_x + y * b->stripe_y + 8192) / 256 % 2 * 255;
    int32_t t = mix(noise, phase, b->stripes);
    return (clv_demo_colour){clamp_u8(mix(b->low.r, b->high.r, t)),
                             clamp_u8(mix(b->low.g, b->high.g, t)),
                             clamp_u8(mix(b->low.b, b->high.b, t))};
}

static void paint_backdrop(uint8_t *rgb, clv_demo_rng *rng)
{
    backdrop b = random_backdrop(rng);

    for (int32_t i = 0; i < WIDTH * HEIGHT; i++) {
        clv_demo_colour c = backdrop_at(&b, i % WIDTH, i / WIDTH);
        rgb[3 * i] = c.r;
        rgb[3 * i + 1] = c.g;
        rgb[3 * i + 2] = c.b;
    }
}

static clv_demo_pose random_pose(clv_demo_rng *rng, int32_t radius, int32_t tilt)
{
    clv_demo_pose pose;
    int32_t margin = radius * 3 / 4;

    pose.x = clv_demo_range(rng, margin, WIDTH * PX - margin);
    pose.y = clv_demo_range(rng, margin, HEIGHT * PX - margin);
    pose.radius = radius;
    pose.turn = clv_demo_range(rng, -tilt, tilt);
    pose.squash = clv_demo_range(rng, 205, 300);
    pose.mirror = clv_demo_chance(rng, 50);
    return pose;
}

static void paint_clutter(uint8_t *rgb, clv_demo_rng *rng, clv_demo_pose pose)
{
    clv_demo_sprite sprite;

    clv_demo_sprite_init(&sprite, pose);
    sprite.shade = clv_demo_range(rng, 0, 70);
    sprite.opacity = clv_demo_chance(rng, 20) ? clv_demo_range(rng, 100, 220) : CLV_DEMO_OPAQUE;
    clv_demo_add_clutter(&sprite, rng);
    clv_demo_paint(rgb, &sprite);
}

static void paint_clutter_behind(uint8_t *rgb, clv_demo_rng *rng)
{
    for (int32_t n = clv_demo_range(rng, 1, 5); n > 0; n--) {
        int32_t radius = clv_demo_range(rng, 4 * PX, 16 * PX);
        paint_clutter(rgb, rng, random_pose(rng, radius, 128));
    }
}

/* At the rim of the object rather than over its middle. */
static void paint_clutter_before(uint8_t *rgb, clv_demo_rng *rng, const clv_demo_pose *object)
{
    for (int32_t n = clv_demo_range(rng, 0, 2); n > 0; n--) {
        int32_t share = clv_demo_range(rng, 50, 115); /* in 1/256 of the object's radius */
        clv_demo_pose pose = random_pose(rng, object->radius * share / 256, 128);
        int32_t far = clv_demo_range(rng, 110, 270);
        int32_t near = clv_demo_range(rng, -200, 200);
        bool sideways = clv_demo_chance(rng, 50);

        far = clv_demo_chance(rng, 50) ? far : -far;
        pose.x = object->x + object->radius * (sideways ? far : near) / 256;
        pose.y = object->y + object->radius * (sideways ? near : far) / 256;
        paint_clutter(rgb, rng, pose);
    }
}

static void paint_shadow(uint8_t *rgb, clv_demo_rng *rng, const clv_demo_sprite *object)
{
    clv_demo_sprite shadow = *object;

    shadow.opacity = clv_demo_range(rng, 30, 130);
    shadow.pose.x += clv_demo_range(rng, -object->pose.radius / 4, object->pose.radius / 4);
    shadow.pose.y += clv_demo_range(rng, 0, object->pose.radius / 4);
    for (int32_t i = 0; i < shadow.n_shapes; i++)
        shadow.shapes[i].colour = (clv_demo_colour){10, 10, 20};
    clv_demo_paint(rgb, &shadow);
}

static void paint_object(uint8_t *rgb, clv_demo_rng *rng, uint32_t label)
{
    int32_t radius = clv_demo_range(rng, 20 * PX, 42 * PX);
    int32_t tilt = clv_demo_seen_from_above(label) ? CLV_DEMO_TURN / 4 : CLV_DEMO_TURN / 14;
    clv_demo_sprite sprite;

    clv_demo_sprite_init(&sprite, random_pose(rng, radius, tilt));
    sprite.shade = clv_demo_range(rng, 0, 80);
    clv_demo_add_object(&sprite, rng, label);
    if (clv_demo_chance(rng, 60))
        paint_shadow(rgb, rng, &sprite);
    clv_demo_paint(rgb, &sprite);
    paint_clutter_before(rgb, rng, &sprite.pose);
}

/* [1, 2, 1] / 4 along one line of a channel. */
static void blur_line(uint8_t *at, int32_t n, int32_t stride)
{
    int32_t before = at[0];

    for (int32_t i = 0; i < n; i++) {
        int32_t here = at[i * stride];
        int32_t after = i + 1 < n ? at[(i + 1) * stride] : here;
        at[i * stride] = (uint8_t)((before + 2 * here + after + 2) / 4);
        before = here;
    }
}

/* Different passes along x and y look like motion. */
static void blur(uint8_t *rgb, int32_t passes_x, int32_t passes_y)
{
    for (; passes_x > 0; passes_x--)
        for (int32_t i = 0; i < HEIGHT * 3; i++)
            blur_line(rgb + i / 3 * WIDTH * 3 + i % 3, WIDTH, 3);
    for (; passes_y > 0; passes_y--)
        for (int32_t i = 0; i < WIDTH * 3; i++)
            blur_line(rgb + i, HEIGHT, WIDTH * 3);
}

/* Haze, exposure and the colour of the light; sometimes a camera without colour. */
static void expose(uint8_t *rgb, clv_demo_rng *rng)
{
    int32_t haze = clv_demo_chance(rng, 35) ? clv_demo_range(rng, 20, 130) : 0;
    int32_t veil = clv_demo_range(rng, 140, 235);
    int32_t gain = clv_demo_range(rng, 160, 320);
    int32_t tint[3];
    bool colourless = clv_demo_chance(rng, 10);

    for (int32_t c = 0; c < 3; c++)
        tint[c] = clv_demo_range(rng, 225, 285);
    for (int32_t i = 0; i < WIDTH * HEIGHT; i++) {
        uint8_t *at = rgb + 3 * i;
        int32_t luma = (77 * at[0] + 150 * at[1] + 29 * at[2]) / 256;
        for (int32_t c = 0; c < 3; c++) {
            int32_t v = mix(colourless ? luma : at[c], veil, haze);
            at[c] = clamp_u8(v * gain / 256 * (colourless ? 256 : tint[c]) / 256);
        }
    }
}

/* The sensor's: the sum of two uniform bytes for each channel. */
static void add_noise(uint8_t *rgb, clv_demo_rng *rng)
{
    int32_t strength = clv_demo_range(rng, 0, 34); /* standard deviation: 0.41 of this */

    for (int32_t i = 0; i < WIDTH * HEIGHT; i++) {
        uint64_t bits = clv_demo_next(rng);
        for (int32_t c = 0; c < 3; c++, bits >>= 16) {
            int32_t pair = (int32_t)((bits & 255U) + (bits >> 8 & 255U)) - 255;
            rgb[3 * i + c] = clamp_u8(rgb[3 * i + c] + pair * strength / 256);
        }
    }
}

void clv_demo_draw(uint8_t rgb[CLV_DEMO_BYTES], uint32_t *label_out, uint64_t seed)
{
    clv_demo_rng rng = {clv_demo_hash(seed ^ UINT64_C(0x636c65617665))};
    uint32_t label = (uint32_t)clv_demo_range(&rng, 0, CLV_DEMO_CLASSES - 1);

    paint_backdrop(rgb, &rng);
    paint_clutter_behind(rgb, &rng);
    paint_object(rgb, &rng, label);

    int32_t passes_x = clv_demo_range(&rng, 0, 2);
    int32_t passes_y = clv_demo_chance(&rng, 75) ? passes_x : clv_demo_range(&rng, 0, 5);
    blur(rgb, passes_x, passes_y);
    expose(rgb, &rng);
    add_noise(rgb, &rng);
    *label_out = label;
}
