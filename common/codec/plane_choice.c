/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/plane_choice.h"

#include <math.h>
#include <string.h>

#include "codec/plane_context.h"

#define PARTS 64.0f /* of a step */
#define ESCAPE 15u  /* plane_coder.h */
#define REACH ((int)CLV_CHOICE_REACH)

/* --- prices ----------------------------------------------------------------------------------- */

static float bits_of(const clv_frequencies *f, unsigned symbol)
{
    return (float)CLV_RANS_BITS - log2f(f->count[symbol] > 0 ? f->count[symbol] : 0.5f);
}

/* What @p symbol costs in a context. */
static float cost_of(const clv_plane_group *group, uint32_t context, uint32_t symbol)
{
    const clv_frequencies *high = &group->high[context];

    if (group->levels <= CLV_RANS_LEVELS)
        return bits_of(high, symbol);
    if (group->levels > CLV_PLANE_MAX_ESCAPED)
        return bits_of(high, symbol >> 4) + bits_of(&group->low[symbol >> 4], symbol & 15u);
    unsigned near = symbol - (group->zero - ESCAPE / 2); /* wraps below */
    if (near < ESCAPE)
        return bits_of(high, near);
    return bits_of(high, ESCAPE) +
           bits_of(&group->low[0], symbol < group->zero ? symbol : symbol - ESCAPE);
}

/* Numbers of one sign, by magnitude: what they stand for, and of two of them where their errors are
 * the same, and how far a bit moves that. */
typedef struct side {
    int sign, most; /* the largest magnitude that is a symbol, up to REACH */
    float middle[CLV_CHOICE_REACH + 1][CLV_CHOICE_REACH + 1];
    float by_bit[CLV_CHOICE_REACH + 1][CLV_CHOICE_REACH + 1];
} side;

static void look_at_side(side *out, const clv_plane_group *group, const int8_t *centre, float price,
                         int sign)
{
    int room = sign < 0 ? group->zero : (int)group->levels - 1 - group->zero;
    float means[CLV_CHOICE_REACH + 1];

    out->sign = sign;
    out->most = room < REACH ? room : REACH;
    for (int n = 0; n <= out->most; n++) {
        means[n] = (float)n + (float)(sign * centre[group->zero + sign * n]) / 128.0f;
        for (int k = 0; k < n; k++) {
            float apart = means[n] - means[k];
            out->middle[n][k] = apart > 0 ? (means[n] + means[k]) / 2 : 0;
            out->by_bit[n][k] = apart > 0 ? price / (2 * apart) : 0;
        }
    }
}

/* A number goes one nearer to zero where any that is nearer to zero costs less. */
static void make_side(uint8_t *least, const clv_plane_group *group, uint32_t context, const side *s)
{
    float bits[CLV_CHOICE_REACH + 1];

    for (int n = 0; n <= s->most; n++) {
        float most = 0;
        bits[n] = cost_of(group, context, (uint32_t)(group->zero + s->sign * n));
        for (int k = 0; k < n; k++) {
            float at = s->middle[n][k] + s->by_bit[n][k] * (bits[n] - bits[k]);
            most = at > most ? at : most;
        }
        float parts = (most - (float)(n - 1)) * PARTS + 0.5f;
        parts = parts > 0 ? parts : 0;
        least[REACH + s->sign * n] = (uint8_t)(parts < UINT8_MAX ? parts : UINT8_MAX);
    }
}

void clv_plane_choice_make(clv_plane_choice *out, const clv_plane_group *group,
                           const int8_t *centre, double price)
{
    side below, above;

    memset(out, 0, sizeof *out);
    look_at_side(&below, group, centre, (float)price, -1);
    look_at_side(&above, group, centre, (float)price, 1);
    for (uint32_t context = 0; context < group->contexts; context++) {
        make_side(out->least[context], group, context, &below);
        make_side(out->least[context], group, context, &above);
    }
}

/* --- symbols ---------------------------------------------------------------------------------- */

size_t clv_plane_places_bytes(uint32_t rows, uint32_t cols)
{
    return 2 * (size_t)rows * cols + cols + 2;
}

void clv_plane_places_begin(clv_plane_places *out, uint32_t rows, uint32_t cols, uint8_t *scratch)
{
    size_t n = (size_t)rows * cols;

    *out = (clv_plane_places){rows, cols, scratch, scratch + n, scratch + 2 * n, 0};
    memset(out->activity, CLV_PLANE_FIRST_ACTIVITY, n);
    memset(out->sums, 0, n);
}

/* From the nearest number, of magnitude @p n, towards zero while that is cheaper. */
static inline int choose(float magnitude, int n, int sign, const uint8_t *least)
{
    int parts = (int)(magnitude * PARTS);

    while (n > 0 && parts < (n - 1) * (int)PARTS + least[REACH + sign * n])
        n--;
    return n;
}

/* Whether a plane's symbols aren't all zero. */
static bool choose_rows(uint8_t *restrict symbols, const float *restrict numbers,
                        const clv_plane_places *p, const clv_plane_group *group,
                        const clv_plane_choice *choice)
{
    int zero = group->zero, lowest = -zero, highest = (int)group->levels - 1 - zero, any = 0;
    uint8_t outside = group->classes[group->outside], *line = p->line;
    const uint8_t *activity = p->activity;

    memset(line, outside, p->cols + 2u);
    for (uint32_t y = 0; y < p->rows; y++, activity += p->cols) {
        uint8_t left = outside, up_left = line[0];
        for (uint32_t x = 0; x < p->cols; x++) {
            float v = *numbers++, magnitude = v < 0 ? -v : v;
            uint8_t up = line[x + 1];
            int sign = v < 0 ? -1 : 1, most = v < 0 ? -lowest : highest;
            magnitude = magnitude < CLV_PLANE_MAX_LEVELS ? magnitude : CLV_PLANE_MAX_LEVELS;
            int n = (int)(magnitude + 0.5f);
            n = n < most ? n : most;
            if (n > 0 && n <= REACH) {
                unsigned sums = clv_plane_sums(left, up, up_left, line[x + 2], activity[x]);
                n = choose(magnitude, n, sign, choice->least[clv_plane_context(group, sums)]);
            }
            any |= n;
            *symbols++ = (uint8_t)(zero + sign * n);
            left = group->classes[zero + sign * n];
            up_left = up;
            line[x + 1] = left;
        }
    }
    return any != 0;
}

/* As the coder does it, every CLV_PLANE_LANES planes that aren't empty. */
static void add_to_places(clv_plane_places *p, const uint8_t *symbols, const uint8_t *classes)
{
    size_t n = (size_t)p->rows * p->cols;

    for (size_t i = 0; i < n; i++)
        p->sums[i] = (uint8_t)(p->sums[i] + clv_plane_deviation(classes[symbols[i]]));
    if (++p->count < CLV_PLANE_LANES)
        return;
    p->count = 0;
    for (size_t i = 0; i < n; i++) {
        p->activity[i] = clv_plane_activity(p->activity[i], p->sums[i]);
        p->sums[i] = 0;
    }
}

void clv_plane_choose(uint8_t *symbols, const float *numbers, clv_plane_places *places,
                      const clv_plane_group *group, const clv_plane_choice *choice)
{
    if (choose_rows(symbols, numbers, places, group, choice))
        add_to_places(places, symbols, group->classes);
}
