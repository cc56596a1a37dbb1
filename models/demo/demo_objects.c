/* SPDX-License-Identifier: Apache-2.0 */
#include "demo_objects.h"

#include <assert.h>
#include <stddef.h>

typedef clv_demo_sprite sprite;
typedef clv_demo_rng rng;
typedef clv_demo_colour colour;
typedef clv_demo_box box;
typedef clv_demo_point point;

static int32_t range(rng *r, int32_t lo, int32_t hi)
{
    return clv_demo_range(r, lo, hi);
}

static colour grey(rng *r, int32_t lo, int32_t hi)
{
    uint8_t v = (uint8_t)range(r, lo, hi);
    return (colour){v, v, v};
}

clv_demo_colour clv_demo_vary_colour(clv_demo_rng *r, clv_demo_colour base)
{
    int32_t light = range(r, 180, 300);
    int32_t red = base.r * light / 256 + range(r, 0, 24);
    int32_t green = base.g * light / 256 + range(r, 0, 24);
    int32_t blue = base.b * light / 256 + range(r, 0, 24);

    return (colour){(uint8_t)(red > 255 ? 255 : red), (uint8_t)(green > 255 ? 255 : green),
                    (uint8_t)(blue > 255 ? 255 : blue)};
}

static colour vary(rng *r, colour base)
{
    return clv_demo_vary_colour(r, base);
}

clv_demo_colour clv_demo_random_colour(clv_demo_rng *r)
{
    if (clv_demo_chance(r, 25))
        return grey(r, 25, 245);

    uint8_t high = (uint8_t)range(r, 110, 240);
    uint8_t low = (uint8_t)range(r, 25, 105);
    uint8_t mid = (uint8_t)range(r, low, high);
    switch (range(r, 0, 5)) {
    case 0:
        return (colour){high, mid, low};
    case 1:
        return (colour){high, low, mid};
    case 2:
        return (colour){mid, high, low};
    case 3:
        return (colour){low, high, mid};
    case 4:
        return (colour){mid, low, high};
    default:
        return (colour){low, mid, high};
    }
}

static colour glass(rng *r)
{
    return vary(r, clv_demo_chance(r, 70) ? (colour){120, 165, 200} : (colour){45, 50, 60});
}

static void add_person(sprite *s, rng *r)
{
    colour skin = vary(r, clv_demo_chance(r, 50) ? (colour){224, 172, 130} : (colour){120, 78, 50});
    colour trousers = clv_demo_random_colour(r);
    colour shirt = clv_demo_random_colour(r);
    int32_t half = range(r, 130, 210);
    int32_t stride = range(r, 40, 340);
    int32_t foot = range(r, -80, 80);
    int32_t reach = range(r, 60, 460);
    int32_t hand = range(r, -330, 180);
    int32_t head = range(r, 125, 165);
    int32_t hat = range(r, 0, 99);

    clv_demo_add_line(s, trousers, (box){-half / 2, 180, -stride + foot, 920}, 95);
    clv_demo_add_line(s, trousers, (box){half / 2, 180, stride + foot, 920}, 95);
    clv_demo_add_line(s, shirt, (box){-half, -420, -half - reach, hand}, 70);
    clv_demo_add_line(s, shirt, (box){half, -420, half + reach * 2 / 3, hand + 90}, 70);
    clv_demo_add_ellipse(s, skin,
                         (box){-half - reach - 65, hand - 65, -half - reach + 65, hand + 65});
    clv_demo_add_polygon(
        s, shirt, 4, (point[]){{-half - 50, -520}, {half + 50, -520}, {half, 240}, {-half, 240}});
    clv_demo_add_ellipse(s, skin, (box){-head, -860, head, -540});
    if (hat < 60)
        clv_demo_add_ellipse(s, vary(r, hat < 30 ? (colour){50, 35, 25} : shirt),
                             (box){-head - 15, -890, head + 15, -690});
}

static void add_wheel(sprite *s, colour tyre, int32_t x, int32_t y, int32_t radius)
{
    clv_demo_add_ellipse(s, tyre, (box){x - radius, y - radius, x + radius, y + radius});
    clv_demo_add_ellipse(s, (colour){165, 165, 170},
                         (box){x - radius / 2, y - radius / 2, x + radius / 2, y + radius / 2});
}

static void add_bicycle(sprite *s, rng *r)
{
    colour frame = clv_demo_random_colour(r);
    colour tyre = grey(r, 15, 60);
    colour spokes = grey(r, 120, 200);
    int32_t wheel = range(r, 330, 400);
    int32_t axle = range(r, 520, 590);
    int32_t y = range(r, 250, 350);
    int32_t top = y - range(r, 480, 600);
    int32_t pipe = range(r, 38, 62);

    for (int32_t side = -1; side <= 1; side += 2) {
        int32_t x = side * axle;
        clv_demo_add_line(s, spokes, (box){x - wheel, y, x + wheel, y}, 12);
        clv_demo_add_line(s, spokes, (box){x, y - wheel, x, y + wheel}, 12);
        clv_demo_add_ring(s, tyre, (box){x - wheel, y - wheel, x + wheel, y + wheel}, pipe + 30);
    }
    clv_demo_add_line(s, frame, (box){-axle, y, -60, y + 20}, pipe);
    clv_demo_add_line(s, frame, (box){-axle, y, -200, top + 60}, pipe);
    clv_demo_add_line(s, frame, (box){-60, y + 20, -230, top - 60}, pipe);
    clv_demo_add_line(s, frame, (box){-200, top + 60, 400, top + 40}, pipe);
    clv_demo_add_line(s, frame, (box){-60, y + 20, 410, top + 90}, pipe);
    clv_demo_add_line(s, frame, (box){axle, y, 370, top - 110}, pipe);
    clv_demo_add_line(s, tyre, (box){370, top - 110, range(r, 470, 560), top - 130}, pipe);
    clv_demo_add_line(s, tyre, (box){-340, top - 80, -130, top - 80}, pipe + 15);
}

static void add_car(sprite *s, rng *r)
{
    colour paint = clv_demo_random_colour(r);
    colour window = glass(r);
    colour tyre = grey(r, 15, 50);
    int32_t waist = range(r, -80, 0);
    int32_t roof = waist - range(r, 270, 360);
    int32_t rear = range(r, -780, -420);
    int32_t front = range(r, 120, 330);
    int32_t wheel = range(r, 165, 215);
    int32_t lean = range(r, 60, 160);
    int32_t nose = waist + range(r, 20, 120);

    clv_demo_add_polygon(s, paint, 4,
                         (point[]){{rear - lean / 2, waist + 20},
                                   {rear + lean, roof},
                                   {front, roof},
                                   {front + 2 * lean + 60, waist + 20}});
    clv_demo_add_polygon(s, window, 4,
                         (point[]){{rear + lean / 2 + 40, waist},
                                   {rear + lean + 50, roof + 60},
                                   {front - 30, roof + 60},
                                   {front + 2 * lean - 40, waist}});
    clv_demo_add_box(s, paint,
                     (box){(rear + front) / 2 - 30, roof + 30, (rear + front) / 2 + 30, waist});
    clv_demo_add_polygon(
        s, paint, 6,
        (point[]){{-940, 300}, {-920, waist}, {350, waist}, {900, nose}, {960, 200}, {930, 300}});
    clv_demo_add_box(s, (colour){250, 235, 170}, (box){850, nose + 30, 940, nose + 110});
    clv_demo_add_box(s, (colour){190, 30, 25}, (box){-930, waist + 60, -860, waist + 140});
    add_wheel(s, tyre, -560, 300, wheel);
    add_wheel(s, tyre, 560, 300, wheel);
}

static void add_truck(sprite *s, rng *r)
{
    colour cab = clv_demo_random_colour(r);
    colour load = clv_demo_random_colour(r);
    colour window = glass(r);
    colour tyre = grey(r, 15, 50);
    int32_t top = range(r, -560, -300);
    int32_t roof = range(r, -330, -200);
    int32_t gap = range(r, 330, 420);
    int32_t nose = range(r, 0, 130);
    int32_t wheel = range(r, 130, 175);

    clv_demo_add_box(s, (colour){60, 60, 60}, (box){-950, 250, 900, 340});
    clv_demo_add_box(s, load, (box){-980, top, gap - 40, 270});
    if (clv_demo_chance(r, 50)) {
        int32_t band = range(r, top + 120, 0);
        clv_demo_add_box(s, clv_demo_random_colour(r), (box){-980, band, gap - 40, band + 130});
    }
    clv_demo_add_polygon(
        s, cab, 5, (point[]){{gap, 320}, {gap, roof}, {800 - nose, roof}, {950, 40}, {960, 320}});
    clv_demo_add_polygon(
        s, window, 4,
        (point[]){{gap + 130, roof + 70}, {780 - nose, roof + 70}, {880, 30}, {gap + 130, 30}});
    add_wheel(s, tyre, -720, 370, wheel);
    if (clv_demo_chance(r, 60))
        add_wheel(s, tyre, -720 + 2 * wheel + 30, 370, wheel);
    add_wheel(s, tyre, 680, 370, wheel);
}

static void add_bus(sprite *s, rng *r)
{
    colour paint = clv_demo_random_colour(r);
    colour window = glass(r);
    colour tyre = grey(r, 15, 50);
    int32_t top = range(r, -470, -330);
    int32_t panes = range(r, 4, 7);
    int32_t sill = range(r, -80, 20);
    int32_t pitch = 1640 / panes;
    int32_t wheel = range(r, 135, 175);

    clv_demo_add_box(s, paint, (box){-980, top, 980, 330});
    if (clv_demo_chance(r, 50)) {
        colour stripe = clv_demo_random_colour(r);
        clv_demo_add_box(s, stripe, (box){-980, sill + 60, 980, sill + 150});
    }
    for (int32_t i = 0; i < panes; i++) {
        int32_t left = -900 + i * pitch;
        clv_demo_add_box(s, window, (box){left, top + 90, left + pitch - 50, sill});
    }
    clv_demo_add_box(s, window, (box){800, top + 90, 960, 260});
    add_wheel(s, tyre, -580, 340, wheel);
    add_wheel(s, tyre, 520, 340, wheel);
}

static void add_sails(sprite *s, rng *r)
{
    colour canvas = clv_demo_chance(r, 60) ? grey(r, 200, 250) : clv_demo_random_colour(r);
    int32_t mast = range(r, -120, 160);
    int32_t top = range(r, -980, -760);
    int32_t boom = range(r, 380, 620);

    clv_demo_add_line(s, (colour){80, 60, 45}, (box){mast, top, mast, 320}, 26);
    clv_demo_add_polygon(s, canvas, 3,
                         (point[]){{mast - 40, top + 40}, {mast - 40, 210}, {mast - boom, 210}});
    if (clv_demo_chance(r, 70))
        clv_demo_add_polygon(
            s, vary(r, canvas), 3,
            (point[]){{mast + 40, top + 150}, {mast + 40, 210}, {mast + boom, 230}});
}

static void add_cabin(sprite *s, rng *r)
{
    colour cabin = clv_demo_chance(r, 60) ? grey(r, 190, 245) : clv_demo_random_colour(r);
    int32_t left = range(r, -620, -200);
    int32_t right = left + range(r, 520, 800);
    int32_t roof = range(r, -180, 0);
    int32_t stack = range(r, 130, 330);

    clv_demo_add_box(s, clv_demo_random_colour(r),
                     (box){left + 90, roof - stack, left + 270, roof + 20});
    clv_demo_add_box(s, cabin, (box){left, roof, right, 320});
    for (int32_t x = left + 70; x + 110 < right; x += 190)
        clv_demo_add_box(s, (colour){60, 90, 120}, (box){x, roof + 80, x + 110, roof + 180});
}

static void add_boat(sprite *s, rng *r)
{
    colour hull = clv_demo_random_colour(r);
    int32_t bow = range(r, 850, 1000);
    int32_t stern = range(r, -940, -760);
    int32_t keel = range(r, 560, 680);

    if (clv_demo_chance(r, 55))
        add_sails(s, r);
    else
        add_cabin(s, r);
    clv_demo_add_polygon(
        s, hull, 4,
        (point[]){{stern, 300}, {bow, range(r, 240, 300)}, {bow - 320, keel}, {stern + 140, keel}});
    clv_demo_add_line(s, vary(r, hull), (box){stern + 40, 340, bow - 90, 340}, 35);
}

static void add_engines(sprite *s, rng *r, int32_t root)
{
    colour pod = grey(r, 60, 160);
    int32_t out = range(r, 300, 420);

    for (int32_t side = -1; side <= 1; side += 2) {
        int32_t x = side * out;
        clv_demo_add_line(s, pod, (box){x, root - 40, x, root + 110}, 62);
    }
}

/* Nose up. */
static void add_plane(sprite *s, rng *r)
{
    colour paint = clv_demo_chance(r, 60) ? grey(r, 150, 250) : clv_demo_random_colour(r);
    colour wing = vary(r, paint);
    int32_t root = range(r, -230, -60);
    int32_t sweep = range(r, 0, 420);
    int32_t chord = range(r, 210, 330);
    int32_t tip = range(r, 80, 180);
    int32_t span = range(r, 820, 1000);
    int32_t width = range(r, 85, 135);
    int32_t tail = range(r, 280, 400);

    add_engines(s, r, root + sweep / 3);
    for (int32_t side = -1; side <= 1; side += 2) {
        clv_demo_add_polygon(s, wing, 4,
                             (point[]){{0, root},
                                       {0, root + chord},
                                       {side * span, root + sweep + tip},
                                       {side * span, root + sweep}});
        clv_demo_add_polygon(s, wing, 4,
                             (point[]){{0, 640}, {0, 820}, {side * tail, 900}, {side * tail, 800}});
    }
    clv_demo_add_line(s, paint, (box){0, -850, 0, 850}, width);
    clv_demo_add_line(s, (colour){50, 60, 80}, (box){-width / 3, -830, width / 3, -830}, 38);
    clv_demo_add_line(s, clv_demo_random_colour(r), (box){0, 700, 0, 900}, 30);
}

/* Beak up, seen from above or below. */
static void add_bird(sprite *s, rng *r)
{
    colour body = clv_demo_chance(r, 60) ? grey(r, 20, 240) : clv_demo_random_colour(r);
    colour wing = vary(r, body);
    int32_t width = range(r, 120, 185);
    int32_t elbow = range(r, -420, -120);
    int32_t tip = range(r, -80, 460);
    int32_t span = range(r, 760, 1000);
    int32_t chord = range(r, 260, 380);
    int32_t fan = range(r, 110, 240);

    clv_demo_add_polygon(s, wing, 3, (point[]){{0, 330}, {-fan, 800}, {fan, 800}});
    for (int32_t side = -1; side <= 1; side += 2) {
        int32_t bend = side * span * 45 / 100;
        clv_demo_add_polygon(s, wing, 4,
                             (point[]){{0, -260}, {bend, elbow}, {bend, elbow + chord}, {0, 220}});
        clv_demo_add_polygon(s, wing, 3,
                             (point[]){{bend, elbow}, {side * span, tip}, {bend, elbow + chord}});
    }
    clv_demo_add_ellipse(s, body, (box){-width, -460, width, 480});
    clv_demo_add_ellipse(s, vary(r, body), (box){-115, -640, 115, -390});
    clv_demo_add_polygon(s, (colour){235, 160, 40}, 3,
                         (point[]){{-55, -610}, {55, -610}, {0, -790}});
}

static void add_windows(sprite *s, rng *r, int32_t half)
{
    colour pane = clv_demo_chance(r, 30) ? (colour){250, 220, 120} : glass(r);
    colour door = clv_demo_random_colour(r);
    int32_t x = range(r, -half + 80, half - 320);
    int32_t size = range(r, 150, 230);

    clv_demo_add_box(s, door, (box){x, 280, x + 240, 800});
    for (int32_t side = -1; side <= 1; side += 2) {
        int32_t centre = side * half * 55 / 100;
        clv_demo_add_box(s, pane, (box){centre - size / 2, 30, centre + size / 2, 30 + size});
    }
}

static void add_house(sprite *s, rng *r)
{
    colour wall = clv_demo_random_colour(r);
    colour roof =
        clv_demo_chance(r, 60) ? vary(r, (colour){165, 70, 45}) : clv_demo_random_colour(r);
    int32_t half = range(r, 560, 820);
    int32_t eaves = range(r, -200, -60);
    int32_t top = eaves - range(r, 380, 680);
    int32_t ridge = range(r, 0, half * 2 / 3);
    int32_t stack = range(r, -half * 2 / 3, half / 2);

    if (clv_demo_chance(r, 60))
        clv_demo_add_box(s, vary(r, (colour){130, 75, 60}),
                         (box){stack, top - 60, stack + 170, eaves});
    clv_demo_add_box(s, wall, (box){-half, eaves, half, 800});
    add_windows(s, r, half);
    clv_demo_add_polygon(
        s, roof, 4,
        (point[]){
            {-half - 130, eaves + 40}, {-ridge, top}, {ridge, top}, {half + 130, eaves + 40}});
}

static void add_conifer(sprite *s, rng *r, colour leaf)
{
    int32_t tiers = range(r, 2, 4);
    int32_t half = range(r, 420, 640);

    for (int32_t i = 0; i < tiers; i++) {
        int32_t low = 560 - i * 1000 / tiers;
        clv_demo_add_polygon(s, vary(r, leaf), 3,
                             (point[]){{-half, low}, {half, low}, {0, low - 820}});
        half = half * 3 / 4;
    }
}

static void add_crown(sprite *s, rng *r, colour leaf)
{
    int32_t blobs = range(r, 4, 8);

    for (int32_t i = 0; i < blobs; i++) {
        int32_t x = range(r, -380, 380);
        int32_t y = range(r, -560, 60);
        int32_t radius = range(r, 260, 430);
        clv_demo_add_ellipse(s, vary(r, leaf),
                             (box){x - radius, y - radius, x + radius, y + radius});
    }
}

static void add_tree(sprite *s, rng *r)
{
    static const colour leaves[4] = {{50, 125, 45}, {95, 140, 50}, {185, 105, 35}, {40, 95, 70}};
    colour leaf = vary(r, leaves[range(r, 0, 3)]);
    int32_t trunk = range(r, 60, 125);

    clv_demo_add_polygon(
        s, vary(r, (colour){105, 72, 45}), 4,
        (point[]){{-trunk, -100}, {trunk, -100}, {trunk + 50, 960}, {-trunk - 50, 960}});
    if (clv_demo_chance(r, 35))
        add_conifer(s, r, leaf);
    else
        add_crown(s, r, leaf);
}

#define ADDER(name) add_##name,
static void (*const adders[])(sprite *, rng *) = {CLV_DEMO_CLASS_LIST(ADDER)};
#undef ADDER

_Static_assert(sizeof adders / sizeof adders[0] == CLV_DEMO_CLASSES, "a class without a drawing");

#define LABEL(name) label_##name,
enum { CLV_DEMO_CLASS_LIST(LABEL) };
#undef LABEL

void clv_demo_add_object(clv_demo_sprite *s, clv_demo_rng *r, uint32_t label)
{
    assert(label < CLV_DEMO_CLASSES);
    adders[label](s, r);
}

bool clv_demo_seen_from_above(uint32_t label)
{
    return label == label_plane || label == label_bird;
}

/* Mostly the dull colours of stone, wood, leaves, rust and concrete. */
static colour clutter_colour(rng *r)
{
    static const colour dull[5] = {
        {120, 115, 108}, {130, 100, 70}, {85, 110, 65}, {150, 90, 65}, {175, 175, 170}};

    return clv_demo_chance(r, 30) ? clv_demo_random_colour(r) : vary(r, dull[range(r, 0, 4)]);
}

static void add_rock(sprite *s, rng *r)
{
    point corners[5] = {{-700, 300}, {-450, -500}, {200, -650}, {750, -100}, {400, 600}};

    for (int32_t i = 0; i < 5; i++) {
        corners[i].x += range(r, -150, 150);
        corners[i].y += range(r, -150, 150);
    }
    clv_demo_add_polygon(s, clutter_colour(r), 5, corners);
}

static void add_hoop(sprite *s, rng *r)
{
    colour paint = clutter_colour(r);
    int32_t width = range(r, 90, 300);

    clv_demo_add_ring(s, paint, (box){-800, -800, 800, 800}, width);
}

static void add_crate(sprite *s, rng *r)
{
    colour paint = clutter_colour(r);
    int32_t half = range(r, 300, 950);
    int32_t inset = range(r, 60, 220);

    clv_demo_add_box(s, paint, (box){-half, -500, half, 500});
    clv_demo_add_box(s, vary(r, paint),
                     (box){-half + inset, -500 + inset, half - inset, 500 - inset});
}

static void add_pole(sprite *s, rng *r)
{
    colour paint = clutter_colour(r);
    int32_t bend = range(r, -500, 500);

    clv_demo_add_line(s, paint, (box){0, 1000, 0, -700}, 60);
    clv_demo_add_line(s, paint, (box){0, -700, bend, -900}, 60);
}

void clv_demo_add_clutter(clv_demo_sprite *s, clv_demo_rng *r)
{
    colour paint = clutter_colour(r);

    switch (range(r, 0, 5)) {
    case 0:
        add_rock(s, r);
        break;
    case 1:
        add_hoop(s, r);
        break;
    case 2:
        add_crate(s, r);
        break;
    case 3:
        add_pole(s, r);
        break;
    case 4:
        clv_demo_add_ellipse(s, paint, (box){-900, -500, 900, 500});
        break;
    default:
        clv_demo_add_polygon(s, paint, 3, (point[]){{-700, 600}, {700, 500}, {-100, -700}});
        break;
    }
}
