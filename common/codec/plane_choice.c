/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/plane_choice.h"

#include <math.h>
#include <string.h>

#include "codec/plane_batch.h"

#define PARTS 64.0f /* of a step */
#define ESCAPE 15u  /* plane_coder.h */
#define REACH ((int)CLV_CHOICE_REACH)
#define LANES CLV_PLANE_LANES
#define STRETCH 64u /* columns at a time */
#define BEYOND 31u  /* of least[]: always 0 */

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

/* Numbers of one sign, by magnitude n: where n's and n - 1's errors are the same, above n - 1, and
 * how far a bit moves that. */
typedef struct side {
    int sign, most; /* the largest magnitude that is a symbol, up to REACH */
    float middle[CLV_CHOICE_REACH + 1], by_bit[CLV_CHOICE_REACH + 1];
} side;

static side look_at_side(const clv_plane_group *group, const int8_t *centre, float price, int sign)
{
    int room = sign < 0 ? group->zero : (int)group->levels - 1 - group->zero;
    side out = {.sign = sign, .most = room < REACH ? room : REACH};

    for (int n = 1; n <= out.most; n++) {
        float before = (float)(sign * centre[group->zero + sign * (n - 1)]) / 128.0f;
        float mean = 1.0f + (float)(sign * centre[group->zero + sign * n]) / 128.0f;
        out.middle[n] = (mean + before) / 2;
        out.by_bit[n] = mean > before ? price / (2 * (mean - before)) : 0;
    }
    return out;
}

static void make_side(uint8_t *least, const clv_plane_group *group, uint32_t context, const side *s)
{
    float before = cost_of(group, context, group->zero);

    for (int n = 1; n <= s->most; n++) {
        float bits = cost_of(group, context, (uint32_t)(group->zero + s->sign * n));
        float parts = (s->middle[n] + s->by_bit[n] * (bits - before)) * PARTS + 0.5f;
        parts = parts > 0 ? parts : 0;
        least[REACH + s->sign * n] = (uint8_t)(parts < UINT8_MAX ? parts : UINT8_MAX);
        before = bits;
    }
}

void clv_plane_choice_make(clv_plane_choice *out, const clv_plane_group *group,
                           const int8_t *centre, double price)
{
    memset(out, 0, sizeof *out);
    if (!(price > 0))
        return;
    side below = look_at_side(group, centre, (float)price, -1);
    side above = look_at_side(group, centre, (float)price, 1);
    for (uint32_t context = 0; context < group->contexts; context++) {
        make_side(out->least[context], group, context, &below);
        make_side(out->least[context], group, context, &above);
    }
}

/* --- symbols ---------------------------------------------------------------------------------- */

void clv_plane_nearest(uint8_t *restrict symbols, uint8_t *restrict parts,
                       const float *restrict numbers, size_t n, const clv_plane_group *group)
{
    float least = -(float)group->zero, most = (float)(group->levels - 1u - group->zero);
    int32_t zero = group->zero;

    for (size_t i = 0; i < n; i++) {
        float v = numbers[i] > least ? numbers[i] : least; /* a NaN too */
        v = v < most ? v : most;
        int32_t whole = (int32_t)(v + copysignf(0.5f, v));
        float over = (fabsf(numbers[i]) - fabsf((float)whole)) * PARTS + PARTS;
        symbols[i] = (uint8_t)(whole + zero);
        parts[i] = (uint8_t)(int32_t)(over < (float)UINT8_MAX ? over : (float)UINT8_MAX);
    }
}

/* Planes of a batch, and what is known before a row's symbols are chosen. */
typedef struct lanes {
    const clv_plane_group *groups[LANES];
    const clv_plane_choice *choices[LANES];
    uint8_t *symbols[LANES];
    const uint8_t *parts[LANES];
    uint16_t left[LANES];           /* what the column before adds to the sums */
    uint16_t above[LANES][STRETCH]; /* what the row above and other planes add */
} lanes;

static void set_lanes(lanes *out, const clv_plane_batch *b, const clv_plane_model *model,
                      uint8_t *symbols, const uint8_t *parts, const clv_plane_choice *choices)
{
    size_t n = clv_plane_elems(model);

    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t p = b->planes[i];
        out->groups[i] = clv_plane_group_at(model, p);
        out->choices[i] = &choices[model->group_of[p]];
        out->symbols[i] = symbols + p * n;
        out->parts[i] = parts + p * n;
    }
}

/* One symbol, where its neighbours add up to @p sums. @return what it adds to the next one's. */
static inline uint16_t choose(uint8_t *symbol, unsigned parts, const clv_plane_group *group,
                              const clv_plane_choice *choice, unsigned sums)
{
    unsigned slot = *symbol - (unsigned)group->zero + CLV_CHOICE_REACH; /* wraps below */
    slot = slot < BEYOND ? slot : BEYOND;
    int nearer = slot > CLV_CHOICE_REACH ? -1 : 1;
    int goes = parts < choice->least[clv_plane_context(group, sums)][slot];
    *symbol = (uint8_t)(*symbol + nearer * goes);
    return clv_plane_sums_left(group->classes[*symbol]);
}

/* Side by side, so that the chains from symbol to symbol overlap; @p count is a constant where this
 * is called often. */
static inline __attribute__((always_inline)) void choose_columns(lanes *l, size_t at, uint32_t cols,
                                                                 uint32_t count)
{
    lanes own = *l; /* nobody else's: symbols are stored without a thought of what they change */

    for (uint32_t x = 0; x < cols; x++) {
#pragma GCC unroll 8
        for (uint32_t i = 0; i < count; i++)
            own.left[i] = choose(&own.symbols[i][at + x], own.parts[i][at + x], own.groups[i],
                                 own.choices[i], own.above[i][x] + (unsigned)own.left[i]);
    }
    memcpy(l->left, own.left, sizeof own.left);
}

static void choose_row(lanes *l, const clv_plane_workspace *w, uint32_t count, uint32_t cols,
                       uint32_t y)
{
    const uint8_t *above = w->lines[y % 2];
    uint8_t *line = w->lines[(y + 1) % 2];
    size_t at = (size_t)y * cols;

    for (uint32_t i = 0; i < count; i++)
        l->left[i] = clv_plane_sums_left(line[i * w->width]);
    for (uint32_t x = 0; x < cols; x += STRETCH) {
        uint32_t n = cols - x < STRETCH ? cols - x : STRETCH;
        for (uint32_t i = 0; i < count; i++)
            clv_plane_sums_above(l->above[i], above + i * w->width + x, w->activity + at + x, n);
        if (count == LANES)
            choose_columns(l, at + x, n, LANES);
        else
            choose_columns(l, at + x, n, count);
    }
    for (uint32_t i = 0; i < count; i++)
        clv_plane_classify(line + i * w->width + 1, l->symbols[i] + at, l->groups[i], cols);
    clv_plane_pass_activity(w->activity + at, line + 1, w->width, count, cols);
}

/* Planes that become empty by what is chosen stay in their batch: the next ones' sums are a little
 * off then, which costs bits and harms nothing. */
void clv_planes_choose(uint8_t *symbols, const uint8_t *parts, const clv_plane_model *model,
                       const clv_plane_choice *choices, uint8_t *scratch)
{
    clv_plane_workspace w = clv_plane_divide(model, scratch);
    size_t n = clv_plane_elems(model);
    clv_plane_batch b;
    lanes l;

    for (uint32_t p = 0; p < model->planes; p++)
        w.empty[p] = clv_plane_is_full_of(symbols + p * n, n, clv_plane_group_at(model, p)->zero);
    for (uint32_t next = clv_plane_next_batch(&b, model, w.empty, 0); b.count > 0;
         next = clv_plane_next_batch(&b, model, w.empty, next)) {
        set_lanes(&l, &b, model, symbols, parts, choices);
        clv_plane_begin_lines(&w, &b, model);
        for (uint32_t y = 0; y < model->rows; y++)
            choose_row(&l, &w, b.count, model->cols, y);
    }
}
