/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/codec_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "codec/plane_context.h"

#define WIDTH 32u /* most different numbers, or upper halves of bytes, in all planes */
#define ROUNDS 8u
#define CONTEXTS CLV_PLANE_CONTEXTS
#define MEANS CLV_PLANE_MEANS
#define SPREADS CLV_PLANE_SPREADS
#define LANES CLV_PLANE_LANES
#define PRIOR 256.0 /* a context's table begins as this many symbols of those beside it */
#define TABLE_SYMBOLS                                                                              \
    640u /* for each table there should be so many: else there are fewer groups                    \
          */
#define FEW_GROUPS 4u
#define DEVIATIONS 2.0 /* classes of deviation for the mean one */

/* Contexts while planes are sorted: left + up is at least this; the lowest one is for all others.
 */
static const int16_t rough_at[] = {-6, -2, 0, 1, 3, 8};
#define ROUGH (sizeof rough_at / sizeof rough_at[0] + 1)

typedef uint32_t histogram[CONTEXTS][WIDTH];

/* Of a plane, over all images on which it isn't empty. */
typedef struct plane_counts {
    uint32_t seen[ROUGH][WIDTH];
    uint32_t empty;    /* images on which it was */
    int16_t low, high; /* its numbers lie in [low, high], which has 0 */
} plane_counts;

/* Of a group. */
typedef struct group_counts {
    histogram seen;
    uint64_t means[256], spreads[128]; /* sums of neighbours */
    double bits[CONTEXTS][WIDTH];      /* of a symbol */
} group_counts;

typedef struct grouping {
    const clv_plane_samples *s;
    bool contexts;
    int16_t base; /* the number that column 0 of a histogram stands for */
    uint32_t n_groups;
    clv_plane_group *groups;
    uint8_t *group_of;
    plane_counts *planes;
    group_counts *counts; /* [n_groups] */
    double *bits;         /* [planes] */
    /* Of a batch of planes: */
    uint8_t *classes; /* [LANES, rows, cols] */
    uint8_t *activity;
    uint16_t *sums;
} grouping;

static size_t plane_elems(const clv_plane_samples *s)
{
    return (size_t)s->rows * s->cols;
}

static const int16_t *numbers_of(const grouping *g, uint32_t plane, size_t image)
{
    return g->s->data + (plane * g->s->count + image) * plane_elems(g->s);
}

/* Histograms have a column for each number, or for each upper half of a byte. */
static unsigned column_of(const grouping *g, int16_t number)
{
    if (g->s->byte_zero != NULL)
        return (unsigned)(number + *g->s->byte_zero) >> 4;
    return (unsigned)(number - g->base);
}

static bool is_empty(const int16_t *numbers, size_t n)
{
    return numbers[0] == 0 && memcmp(numbers, numbers + 1, (n - 1) * sizeof *numbers) == 0;
}

static unsigned rough_context(const grouping *g, int left, int up)
{
    int both = g->s->byte_zero != NULL ? (left + up) >> 4 : left + up;
    unsigned context = 0;
    while (context + 1 < ROUGH && both >= rough_at[context])
        context++;
    return context;
}

/* The first pass over a plane: which numbers it has, and where it is empty. */
static void look_at_plane(const grouping *g, uint32_t plane)
{
    plane_counts *p = &g->planes[plane];
    size_t n = plane_elems(g->s);

    for (size_t image = 0; image < g->s->count; image++) {
        const int16_t *numbers = numbers_of(g, plane, image);
        p->empty += is_empty(numbers, n);
        for (size_t i = 0; i < n; i++) {
            p->low = numbers[i] < p->low ? numbers[i] : p->low;
            p->high = numbers[i] > p->high ? numbers[i] : p->high;
        }
    }
}

static void count_plane(const grouping *g, uint32_t plane)
{
    plane_counts *p = &g->planes[plane];
    size_t n = plane_elems(g->s), cols = g->s->cols;

    for (size_t image = 0; image < g->s->count; image++) {
        const int16_t *numbers = numbers_of(g, plane, image);
        if (is_empty(numbers, n))
            continue;
        for (size_t i = 0; i < n; i++) {
            int left = i % cols > 0 ? numbers[i - 1] : 0, up = i >= cols ? numbers[i - cols] : 0;
            unsigned context = g->contexts ? rough_context(g, left, up) : 0;
            p->seen[context][column_of(g, numbers[i])]++;
        }
    }
}

/* --- sorting planes into groups ------------------------------------------------------------- */

typedef double rough_costs[ROUGH][WIDTH]; /* bits of a symbol, by a group's rough contexts */

static void rough_cost(rough_costs out, const grouping *g, uint32_t group)
{
    for (unsigned c = 0; c < ROUGH; c++) {
        double sum = 0;
        for (unsigned i = 0; i < WIDTH; i++)
            out[c][i] = 0.1;
        for (uint32_t p = 0; p < g->s->planes; p++) {
            for (unsigned i = 0; g->group_of[p] == group && i < WIDTH; i++)
                out[c][i] += g->planes[p].seen[c][i];
        }
        for (unsigned i = 0; i < WIDTH; i++)
            sum += out[c][i];
        for (unsigned i = 0; i < WIDTH; i++)
            out[c][i] = log2(sum / out[c][i]);
    }
}

static double rough_bits(const plane_counts *p, rough_costs cost)
{
    double bits = 0;
    for (unsigned c = 0; c < ROUGH; c++) {
        for (unsigned i = 0; i < WIDTH; i++)
            bits += p->seen[c][i] * cost[c][i];
    }
    return bits;
}

/* Every plane goes to the group where it costs least. @return whether one moved. */
static bool move_planes(const grouping *g, rough_costs *costs)
{
    bool moved = false;

    for (uint32_t group = 0; group < g->n_groups; group++)
        rough_cost(costs[group], g, group);
    for (uint32_t p = 0; p < g->s->planes; p++) {
        uint32_t best = g->group_of[p];
        double least = rough_bits(&g->planes[p], costs[best]);
        for (uint32_t group = 0; group < g->n_groups; group++) {
            double bits = rough_bits(&g->planes[p], costs[group]);
            if (bits < least - 1e-9) {
                least = bits;
                best = group;
            }
        }
        moved |= best != g->group_of[p];
        g->group_of[p] = (uint8_t)best;
    }
    return moved;
}

typedef struct ranked {
    uint32_t plane;
    double size;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size ? -1 : 1) : (x->plane < y->plane ? -1 : 1);
}

/* The first groups: planes of like mean magnitude. */
static void first_groups(const grouping *g, ranked *order)
{
    size_t n = plane_elems(g->s) * g->s->count;

    for (uint32_t p = 0; p < g->s->planes; p++) {
        order[p] = (ranked){p, 0};
        for (size_t i = 0; i < n; i++)
            order[p].size += abs(g->s->data[p * n + i]);
    }
    qsort(order, g->s->planes, sizeof *order, compare_ranked);
    for (uint32_t i = 0; i < g->s->planes; i++)
        g->group_of[order[i].plane] = (uint8_t)((uint64_t)i * g->n_groups / g->s->planes);
}

/* Groups without planes go. */
static void close_ranks(grouping *g)
{
    uint8_t number[CLV_PLANE_MAX_GROUPS];
    bool used[CLV_PLANE_MAX_GROUPS] = {false};
    uint32_t n = 0;

    for (uint32_t p = 0; p < g->s->planes; p++)
        used[g->group_of[p]] = true;
    for (uint32_t group = 0; group < g->n_groups; group++) {
        number[group] = (uint8_t)n;
        n += used[group];
    }
    for (uint32_t p = 0; p < g->s->planes; p++)
        g->group_of[p] = number[g->group_of[p]];
    g->n_groups = n;
}

/* --- classes and buckets of a group ---------------------------------------------------------- */

static void find_levels(const grouping *g, uint32_t group)
{
    clv_plane_group *out = &g->groups[group];
    int low = 0, high = 1;
    uint64_t empty = 0, all = 0;

    for (uint32_t p = 0; p < g->s->planes; p++) {
        if (g->group_of[p] != group)
            continue;
        low = g->planes[p].low < low ? g->planes[p].low : low;
        high = g->planes[p].high > high ? g->planes[p].high : high;
        empty += g->planes[p].empty;
        all += g->s->count;
    }
    if (high - low + 1 > (int)CLV_RANS_LEVELS) { /* the levels around zero are always there */
        low = low < -7 ? low : -7;
        high = high > 7 ? high : 7;
    }
    double share = ((double)empty + 0.5) / ((double)all + 1.0) * CLV_RANS_TOTAL;
    *out = (clv_plane_group){.contexts = g->contexts ? CONTEXTS : 1};
    out->empty = (uint16_t)fmin(fmax(share, 1), CLV_RANS_TOTAL - 1);
    out->zero = g->s->byte_zero != NULL ? *g->s->byte_zero : (uint8_t)-low;
    out->levels = g->s->byte_zero != NULL ? CLV_PLANE_MAX_LEVELS : (uint32_t)(high - low + 1);
    out->outside = out->zero;
}

/* Mean symbol of the planes that aren't empty, and mean deviation from it. */
static void find_usual(const grouping *g, uint32_t group, double *mean, double *deviation)
{
    const clv_plane_group *out = &g->groups[group];
    uint64_t seen[CLV_PLANE_MAX_LEVELS] = {0};
    double all = 1e-9, sum = 0;
    size_t n = plane_elems(g->s);

    for (uint32_t p = 0; p < g->s->planes; p++) {
        for (size_t image = 0; g->group_of[p] == group && image < g->s->count; image++) {
            const int16_t *numbers = numbers_of(g, p, image);
            if (is_empty(numbers, n))
                continue;
            for (size_t i = 0; i < n; i++)
                seen[numbers[i] + out->zero]++;
        }
    }
    for (uint32_t s = 0; s < out->levels; s++) {
        all += (double)seen[s];
        sum += s * (double)seen[s];
    }
    *mean = sum / all;
    sum = 0;
    for (uint32_t s = 0; s < out->levels; s++)
        sum += fabs(s - *mean) * (double)seen[s];
    *deviation = fmax(sum / all, 1e-3);
}

/* What each symbol says to its neighbours. Positions are single symbols where 16 are enough, else
 * pairs, fours... around the mean, as fine as most symbols still lie among them. */
static void find_classes(const grouping *g, uint32_t group)
{
    clv_plane_group *out = &g->groups[group];
    int levels = (int)out->levels, shift = 0;
    double mean, usual;

    find_usual(g, group, &mean, &usual);
    while (16 << shift < levels && 16 << shift < 8 * usual + 1)
        shift++;
    int first = (int)lrint(mean) - (8 << shift), last = levels - (16 << shift);
    first = first > last ? last : first;
    first = first > 0 ? first : 0;
    for (int s = 0; s < levels; s++) {
        int position = s > first ? (s - first) >> shift : 0;
        int deviation = (int)(fabs(s - mean) / usual * DEVIATIONS + 0.5);
        position = position < 15 ? position : 15;
        deviation = deviation < 7 ? deviation : 7;
        out->classes[s] = (uint8_t)(position | deviation << 4);
    }
    out->outside = (uint8_t)fmin(fmax(floor(mean + 0.5), 0), levels - 1);
}

/* Buckets that are seen equally often. */
static void find_buckets(uint8_t *bucket_of, const uint64_t *seen, unsigned sums, unsigned buckets,
                         unsigned scale)
{
    double all = 1e-9, before = 0;

    for (unsigned i = 0; i < sums; i++)
        all += (double)seen[i];
    for (unsigned i = 0; i < sums; i++) {
        double middle = (before + (double)seen[i] / 2) / all * buckets;
        bucket_of[i] = (uint8_t)(scale * (unsigned)fmin(middle, buckets - 1));
        before += (double)seen[i];
    }
}

/* --- all symbols, with what surrounds them --------------------------------------------------- */

/* A plane on an image, with the sums of neighbours for each symbol. */
typedef void (*visit_fn)(const grouping *g, uint32_t plane, const int16_t *numbers,
                         const uint16_t *sums);

static void plane_sums(const grouping *g, uint32_t plane, const uint8_t *classes)
{
    const clv_plane_group *group = &g->groups[g->group_of[plane]];
    uint8_t outside = group->classes[group->outside];
    uint32_t cols = g->s->cols;
    size_t i = 0;

    for (uint32_t y = 0; y < g->s->rows; y++) {
        for (uint32_t x = 0; x < cols; x++, i++) {
            uint8_t left = x > 0 ? classes[i - 1] : outside,
                    up = y > 0 ? classes[i - cols] : outside;
            uint8_t up_left = x > 0 && y > 0 ? classes[i - cols - 1] : outside;
            uint8_t up_right = x + 1 < cols && y > 0 ? classes[i - cols + 1] : outside;
            g->sums[i] = (uint16_t)clv_plane_sums(left, up, up_left, up_right, g->activity[i]);
        }
    }
}

/* Planes that aren't empty side by side, as the coder will have them. */
static void visit_batch(const grouping *g, size_t image, const uint32_t *planes, uint32_t count,
                        visit_fn visit)
{
    size_t n = plane_elems(g->s);

    for (uint32_t k = 0; k < count; k++) {
        const int16_t *numbers = numbers_of(g, planes[k], image);
        const clv_plane_group *group = &g->groups[g->group_of[planes[k]]];
        uint8_t *classes = g->classes + k * n;
        for (size_t i = 0; i < n; i++)
            classes[i] = group->classes[numbers[i] + group->zero];
        plane_sums(g, planes[k], classes);
        visit(g, planes[k], numbers, g->sums);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned deviations = 0;
        for (uint32_t k = 0; k < count; k++)
            deviations += clv_plane_deviation(g->classes[k * n + i]);
        g->activity[i] = clv_plane_activity(g->activity[i], deviations);
    }
}

static void visit_all(const grouping *g, visit_fn visit)
{
    size_t n = plane_elems(g->s);

    for (size_t image = 0; image < g->s->count; image++) {
        uint32_t planes[LANES], count = 0;
        memset(g->activity, CLV_PLANE_FIRST_ACTIVITY, n);
        for (uint32_t p = 0; p < g->s->planes; p++) {
            if (!is_empty(numbers_of(g, p, image), n))
                planes[count++] = p;
            if (count == LANES || p + 1 == g->s->planes) {
                visit_batch(g, image, planes, count, visit);
                count = 0;
            }
        }
    }
}

static void count_sums(const grouping *g, uint32_t plane, const int16_t *numbers,
                       const uint16_t *sums)
{
    group_counts *counts = &g->counts[g->group_of[plane]];

    (void)numbers;
    for (size_t i = 0; i < plane_elems(g->s); i++) {
        counts->means[sums[i] & 255u]++;
        counts->spreads[sums[i] >> 8 & 127u]++;
    }
}

static void count_symbols(const grouping *g, uint32_t plane, const int16_t *numbers,
                          const uint16_t *sums)
{
    const clv_plane_group *group = &g->groups[g->group_of[plane]];
    histogram *seen = &g->counts[g->group_of[plane]].seen;

    for (size_t i = 0; i < plane_elems(g->s); i++)
        (*seen)[clv_plane_context(group, sums[i])][column_of(g, numbers[i])]++;
}

static void count_bits(const grouping *g, uint32_t plane, const int16_t *numbers,
                       const uint16_t *sums)
{
    const clv_plane_group *group = &g->groups[g->group_of[plane]];
    const group_counts *counts = &g->counts[g->group_of[plane]];

    for (size_t i = 0; i < plane_elems(g->s); i++)
        g->bits[plane] += counts->bits[clv_plane_context(group, sums[i])][column_of(g, numbers[i])];
}

/* --- the tables of a group ------------------------------------------------------------------ */

/* What a context leans on: what was seen in it and in those beside it, and a little of @p all. */
static void lean_on(double *out, histogram seen, uint32_t contexts, uint32_t context,
                    const double *all, unsigned first, unsigned columns)
{
    int mean = (int)(context / SPREADS), spread = (int)(context % SPREADS);
    double sum = 0;

    for (unsigned i = 0; i < columns; i++)
        out[i] = 4 * all[i];
    for (int m = mean - 1; m <= mean + 1; m++) {
        for (int s = spread - 1; s <= spread + 1; s++) {
            bool is_there = m >= 0 && m < (int)MEANS && s >= 0 && s < (int)SPREADS;
            uint32_t beside = (uint32_t)(m * (int)SPREADS + s);
            for (unsigned i = 0; is_there && beside < contexts && i < columns; i++)
                out[i] += seen[beside][first + i];
        }
    }
    for (unsigned i = 0; i < columns; i++)
        sum += out[i];
    for (unsigned i = 0; i < columns; i++)
        out[i] /= sum;
}

/* Tables from what was seen in @p columns columns from @p first on. */
static void fit_tables(clv_frequencies *out, histogram seen, uint32_t contexts, unsigned first,
                       unsigned columns)
{
    double all[CLV_RANS_LEVELS] = {0}, total = 0, beside[CLV_RANS_LEVELS];

    for (uint32_t c = 0; c < contexts; c++) {
        for (unsigned i = 0; i < columns; i++)
            all[i] += seen[c][first + i];
    }
    for (unsigned i = 0; i < columns; i++)
        total += all[i] += 0.5;
    for (unsigned i = 0; i < columns; i++)
        all[i] /= total;
    for (uint32_t c = 0; c < contexts; c++) {
        uint64_t weights[CLV_RANS_LEVELS];
        lean_on(beside, seen, contexts, c, all, first, columns);
        for (unsigned i = 0; i < columns; i++)
            weights[i] = (uint64_t)(256 * (seen[c][first + i] + PRIOR * beside[i])) + 1;
        clv_frequencies_fit(&out[c], weights, columns);
    }
}

static unsigned first_column(const grouping *g, const clv_plane_group *group)
{
    return g->s->byte_zero != NULL ? 0 : (unsigned)(-group->zero - g->base);
}

static bool escapes(const clv_plane_group *group)
{
    return group->levels > CLV_RANS_LEVELS && group->levels <= CLV_PLANE_MAX_ESCAPED;
}

static double cost_of(const clv_frequencies *f, unsigned symbol)
{
    return CLV_RANS_BITS - log2(f->count[symbol]);
}

/* With escapes: the numbers around zero, and all others as one; those in a table of their own. */
static void fit_escaped(clv_plane_group *out, group_counts *counts, unsigned first)
{
    unsigned least = out->zero - 7u, n = out->levels;
    histogram near = {{0}};
    uint64_t far[CLV_RANS_LEVELS] = {0};

    for (uint32_t c = 0; c < out->contexts; c++) {
        for (unsigned i = 0; i < n; i++) {
            uint32_t count = counts->seen[c][first + i];
            near[c][i - least < 15 ? i - least : 15] += count;
            if (i - least >= 15)
                far[i < least ? i : i - 15] += 64 * (uint64_t)count;
        }
    }
    for (unsigned i = 0; i < n - 15; i++)
        far[i] += 16;
    clv_frequencies_fit(&out->low[0], far, n - 15);
    fit_tables(out->high, near, out->contexts, 0, CLV_RANS_LEVELS);
    for (uint32_t c = 0; c < out->contexts; c++) {
        for (unsigned i = 0; i < n; i++) {
            bool is_near = i - least < 15;
            counts->bits[c][first + i] =
                is_near
                    ? cost_of(&out->high[c], i - least)
                    : cost_of(&out->high[c], 15) + cost_of(&out->low[0], i < least ? i : i - 15);
        }
    }
}

static void fit_group(const grouping *g, uint32_t group)
{
    clv_plane_group *out = &g->groups[group];
    group_counts *counts = &g->counts[group];
    unsigned first = first_column(g, out);
    unsigned columns = out->levels < CLV_RANS_LEVELS ? out->levels : CLV_RANS_LEVELS;

    if (escapes(out)) {
        fit_escaped(out, counts, first);
        return;
    }
    fit_tables(out->high, counts->seen, out->contexts, first, columns);
    for (uint32_t c = 0; c < out->contexts; c++) {
        for (unsigned i = 0; i < columns; i++)
            counts->bits[c][first + i] = cost_of(&out->high[c], i);
    }
}

/* Of bytes: the tables of lower halves. */
static void fit_lower(const grouping *g, uint32_t group)
{
    uint64_t seen[CLV_RANS_LEVELS][CLV_RANS_LEVELS] = {{0}};
    size_t n = plane_elems(g->s) * g->s->count;

    for (uint32_t p = 0; p < g->s->planes; p++) {
        for (size_t i = 0; i < n && g->group_of[p] == group; i++) {
            unsigned byte = (unsigned)(g->s->data[p * n + i] + *g->s->byte_zero);
            seen[byte >> 4][byte & 15u] += 64;
        }
    }
    for (unsigned i = 0; i < CLV_RANS_LEVELS; i++) {
        for (unsigned k = 0; k < CLV_RANS_LEVELS; k++)
            seen[i][k] += 16;
        clv_frequencies_fit(&g->groups[group].low[i], seen[i], CLV_RANS_LEVELS);
    }
}

/* Classes, buckets and tables of all groups; what planes cost by them. */
static void make_groups(const grouping *g)
{
    for (uint32_t group = 0; group < g->n_groups; group++) {
        find_levels(g, group);
        if (g->contexts)
            find_classes(g, group);
    }
    if (g->contexts)
        visit_all(g, count_sums);
    for (uint32_t group = 0; g->contexts && group < g->n_groups; group++) {
        find_buckets(g->groups[group].mean_of, g->counts[group].means, 256, MEANS, SPREADS);
        find_buckets(g->groups[group].spread_of, g->counts[group].spreads, 128, SPREADS, 1);
    }
    visit_all(g, count_symbols);
    for (uint32_t group = 0; group < g->n_groups; group++) {
        fit_group(g, group);
        if (g->s->byte_zero != NULL)
            fit_lower(g, group);
    }
    for (uint32_t p = 0; p < g->s->planes; p++) {
        double empty = (double)g->groups[g->group_of[p]].empty / CLV_RANS_TOTAL;
        g->bits[p] = -(g->planes[p].empty * log2(empty) +
                       (double)(g->s->count - g->planes[p].empty) * log2(1 - empty));
    }
    visit_all(g, count_bits);
}

static void group_planes(grouping *g, rough_costs *costs, ranked *order)
{
    for (uint32_t p = 0; p < g->s->planes; p++)
        look_at_plane(g, p);
    g->base = -7; /* escapes may need the levels around zero even where no number is there */
    for (uint32_t p = 0; p < g->s->planes; p++)
        g->base = g->planes[p].low < g->base ? g->planes[p].low : g->base;
    for (uint32_t p = 0; p < g->s->planes; p++)
        count_plane(g, p);
    first_groups(g, order);
    for (unsigned round = 0; round < ROUNDS && move_planes(g, costs); round++)
        continue;
    close_ranks(g);
    make_groups(g);
}

/* No more groups than there is something to learn their tables from, but a few at any rate, for
 * planes of quite different sizes. */
static uint32_t groups_for(const clv_plane_samples *s, uint32_t most, bool contexts)
{
    size_t symbols = plane_elems(s) * s->planes * s->count;
    size_t enough = symbols / (TABLE_SYMBOLS * (contexts ? CONTEXTS : 1)) + FEW_GROUPS;

    most = most < s->planes ? most : s->planes;
    return enough < most ? (uint32_t)enough : most;
}

clv_status clv_codec_group(clv_plane_group *groups, uint8_t *group_of, double *bits,
                           uint32_t *n_out, const clv_plane_samples *samples, uint32_t most,
                           bool contexts)
{
    clv_status status = CLV_ENOMEM;
    size_t n = plane_elems(samples) + 1;
    grouping g = {.s = samples,
                  .contexts = contexts,
                  .groups = groups,
                  .group_of = group_of,
                  .bits = bits,
                  .n_groups = groups_for(samples, most, contexts)};
    ranked *order = clv_calloc(samples->planes + 1u, sizeof *order);
    rough_costs *costs = clv_calloc(g.n_groups + 1u, sizeof *costs);

    g.planes = clv_calloc(samples->planes + 1u, sizeof *g.planes);
    g.counts = clv_calloc(g.n_groups + 1u, sizeof *g.counts);
    g.classes = clv_calloc(n, LANES);
    g.activity = clv_calloc(n, 1);
    g.sums = clv_calloc(n, sizeof *g.sums);
    if (order != NULL && costs != NULL && g.planes != NULL && g.counts != NULL &&
        g.classes != NULL && g.activity != NULL && g.sums != NULL) {
        group_planes(&g, costs, order);
        *n_out = g.n_groups;
        status = CLV_OK;
    }
    clv_free(order);
    clv_free(costs);
    clv_free(g.planes);
    clv_free(g.counts);
    clv_free(g.classes);
    clv_free(g.activity);
    clv_free(g.sums);
    return status;
}
