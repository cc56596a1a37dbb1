/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/codec_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define WIDTH 32u /* most different numbers, or upper halves of bytes, in all planes */
#define ROUNDS 6u
#define CONTEXTS CLV_PLANE_CONTEXTS
#define PRIOR 24.0 /* a context's table begins as this many symbols of all contexts */

/* What a neighbour says about a symbol: X(thresholds, signed). By magnitude: how many thresholds
 * |number| reaches. Signed: <= -a, <= 0, < a, or more. */
static const struct mapping {
    int16_t at[3];
    bool is_signed;
} mappings[] = {
    {{1, 2, 3}, false},  {{1, 2, 4}, false},   {{1, 3, 6}, false},    {{2, 4, 8}, false},
    {{4, 8, 16}, false}, {{8, 16, 32}, false}, {{16, 32, 64}, false}, {{1, 0, 0}, true},
    {{2, 0, 0}, true},   {{4, 0, 0}, true},    {{16, 0, 0}, true},
};
#define N_MAPPINGS (sizeof mappings / sizeof mappings[0])

typedef uint32_t histogram[CONTEXTS][WIDTH];

/* Of a plane, over all images that aren't empty. */
typedef struct plane_counts {
    histogram seen;
    uint32_t empty;    /* images on which it was */
    int16_t low, high; /* its numbers lie in [low, high], which has 0 */
} plane_counts;

typedef struct grouping {
    const clv_plane_samples *s;
    bool contexts;
    int16_t base; /* the number that column 0 of a histogram stands for */
    uint32_t n_groups;
    clv_plane_group *groups;
    uint8_t *group_of;
    plane_counts *planes;
    double (*cost)[CONTEXTS][WIDTH]; /* [n_groups]: bits of a symbol */
    uint8_t *class_line;
} grouping;

static unsigned class_of(const struct mapping *m, int16_t number)
{
    if (m->is_signed)
        return number <= -m->at[0] ? 0 : number <= 0 ? 1 : number < m->at[0] ? 2 : 3;
    int magnitude = abs(number);
    return (unsigned)(magnitude >= m->at[0]) + (magnitude >= m->at[1]) + (magnitude >= m->at[2]);
}

static size_t plane_elems(const clv_plane_samples *s)
{
    return (size_t)s->rows * s->cols;
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

/* Add a plane on one image. line: classes of a row, one more on each side. */
static void count_image(const grouping *g, histogram seen, const int16_t *numbers,
                        const struct mapping *m)
{
    uint32_t cols = g->s->cols;
    uint8_t *line = g->class_line, outside = (uint8_t)class_of(m, 0);

    memset(line, outside, cols + 2);
    for (uint32_t y = 0; y < g->s->rows; y++, numbers += cols) {
        unsigned left = outside, up_left = line[0];
        for (uint32_t x = 0; x < cols; x++) {
            unsigned up = line[x + 1], up_right = line[x + 2];
            unsigned context = g->contexts ? 2 * left + 2 * up + up_left + up_right : 0;
            seen[context][column_of(g, numbers[x])]++;
            left = class_of(m, numbers[x]);
            up_left = up;
            line[x + 1] = (uint8_t)left;
        }
    }
}

static void count_plane(const grouping *g, histogram seen, uint32_t plane, const struct mapping *m)
{
    size_t n = plane_elems(g->s);

    for (size_t i = 0; i < g->s->count; i++) {
        const int16_t *numbers = g->s->data + (plane * g->s->count + i) * n;
        if (!is_empty(numbers, n))
            count_image(g, seen, numbers, m);
    }
}

static void look_at_plane(const grouping *g, uint32_t plane)
{
    plane_counts *p = &g->planes[plane];
    size_t n = plane_elems(g->s);
    const int16_t *numbers = g->s->data + plane * g->s->count * n;

    for (size_t i = 0; i < g->s->count; i++)
        p->empty += is_empty(numbers + i * n, n);
    for (size_t i = 0; i < g->s->count * n; i++) {
        p->low = numbers[i] < p->low ? numbers[i] : p->low;
        p->high = numbers[i] > p->high ? numbers[i] : p->high;
    }
}

/* --- the tables of a group ------------------------------------------------------------------ */

/* Tables from what was seen in @p columns columns from @p first on; each context leans on all of
 * them together. */
static void fit_tables(clv_frequencies *out, histogram seen, uint32_t contexts, unsigned first,
                       unsigned columns)
{
    double all[CLV_RANS_LEVELS] = {0}, total = 0;

    for (uint32_t c = 0; c < contexts; c++) {
        for (unsigned i = 0; i < columns; i++)
            all[i] += seen[c][first + i];
    }
    for (unsigned i = 0; i < columns; i++)
        total += all[i] += 0.5;
    for (uint32_t c = 0; c < contexts; c++) {
        uint64_t weights[CLV_RANS_LEVELS];
        for (unsigned i = 0; i < columns; i++)
            weights[i] = (uint64_t)(256 * (seen[c][first + i] + PRIOR * all[i] / total)) + 1;
        clv_frequencies_fit(&out[c], weights, columns);
    }
}

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
    out->empty = (uint16_t)fmin(fmax(share, 1), CLV_RANS_TOTAL - 1);
    out->contexts = g->contexts ? CONTEXTS : 1;
    out->zero = g->s->byte_zero != NULL ? *g->s->byte_zero : (uint8_t)-low;
    out->levels = g->s->byte_zero != NULL ? CLV_PLANE_MAX_LEVELS : (uint32_t)(high - low + 1);
}

static unsigned first_column(const grouping *g, const clv_plane_group *group)
{
    return g->s->byte_zero != NULL ? 0 : (unsigned)(-group->zero - g->base);
}

static unsigned columns_of(const clv_plane_group *group)
{
    return group->levels <= CLV_PLANE_MAX_ESCAPED ? group->levels : CLV_RANS_LEVELS;
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
static void fit_escaped(const grouping *g, uint32_t group, histogram seen)
{
    clv_plane_group *out = &g->groups[group];
    unsigned first = first_column(g, out), least = out->zero - 7u, n = out->levels;
    histogram near = {{0}};
    uint64_t far[CLV_RANS_LEVELS] = {0};

    for (uint32_t c = 0; c < out->contexts; c++) {
        for (unsigned i = 0; i < n; i++) {
            uint32_t count = seen[c][first + i];
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
            g->cost[group][c][first + i] =
                is_near
                    ? cost_of(&out->high[c], i - least)
                    : cost_of(&out->high[c], 15) + cost_of(&out->low[0], i < least ? i : i - 15);
        }
    }
}

/* Fit group @p group's tables to @p seen. @return bits that this costs. */
static double fit_group(const grouping *g, uint32_t group, histogram seen)
{
    clv_plane_group *out = &g->groups[group];
    unsigned first = first_column(g, out), columns = columns_of(out);
    double bits = 0;

    for (uint32_t c = 0; c < CONTEXTS; c++) {
        for (unsigned i = 0; i < WIDTH; i++)
            g->cost[group][c][i] = INFINITY;
    }
    if (escapes(out)) {
        fit_escaped(g, group, seen);
    } else {
        fit_tables(out->high, seen, out->contexts, first, columns);
        for (uint32_t c = 0; c < out->contexts; c++) {
            for (unsigned i = 0; i < columns; i++)
                g->cost[group][c][first + i] = cost_of(&out->high[c], i);
        }
    }
    for (uint32_t c = 0; c < out->contexts; c++) {
        for (unsigned i = first; i < first + columns; i++)
            bits += seen[c][i] > 0 ? seen[c][i] * g->cost[group][c][i] : 0;
    }
    return bits;
}

static void add_counts(histogram to, histogram from)
{
    for (uint32_t c = 0; c < CONTEXTS; c++) {
        for (unsigned i = 0; i < WIDTH; i++)
            to[c][i] += from[c][i];
    }
}

static void fit_all(const grouping *g)
{
    for (uint32_t group = 0; group < g->n_groups; group++) {
        histogram seen = {{0}};
        find_levels(g, group);
        for (uint32_t p = 0; p < g->s->planes; p++) {
            if (g->group_of[p] == group)
                add_counts(seen, g->planes[p].seen);
        }
        (void)fit_group(g, group, seen);
    }
}

/* --- sorting planes into groups ------------------------------------------------------------- */

static double cost_in(const grouping *g, uint32_t plane, uint32_t group)
{
    const plane_counts *p = &g->planes[plane];
    double empty = (double)g->groups[group].empty / CLV_RANS_TOTAL;
    double bits = -(p->empty * log2(empty) + (double)(g->s->count - p->empty) * log2(1 - empty));

    for (uint32_t c = 0; c < g->groups[group].contexts; c++) {
        for (unsigned i = 0; i < WIDTH; i++) {
            if (p->seen[c][i] > 0)
                bits += p->seen[c][i] * g->cost[group][c][i];
        }
    }
    return bits;
}

/* Every plane goes to the group where it costs least. @return whether one moved. */
static bool move_planes(const grouping *g)
{
    bool moved = false;

    for (uint32_t p = 0; p < g->s->planes; p++) {
        uint32_t best = g->group_of[p];
        double least = cost_in(g, p, best);
        for (uint32_t group = 0; group < g->n_groups; group++) {
            double bits = cost_in(g, p, group);
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

/* --- the last touches ----------------------------------------------------------------------- */

/* The mapping to classes that codes the group's planes in the fewest bits. */
static void choose_mapping(const grouping *g, uint32_t group)
{
    clv_plane_group *out = &g->groups[group];
    double least = INFINITY;
    size_t best = 0;

    for (size_t m = 0; m <= N_MAPPINGS; m++) { /* the best one once more, to leave its tables */
        histogram seen = {{0}};
        size_t now = m < N_MAPPINGS ? m : best;
        for (uint32_t p = 0; p < g->s->planes; p++) {
            if (g->group_of[p] == group)
                count_plane(g, seen, p, &mappings[now]);
        }
        double bits = fit_group(g, group, seen);
        if (bits < least) {
            least = bits;
            best = now;
        }
    }
    for (uint32_t s = 0; s < out->levels; s++)
        out->classes[s] = (uint8_t)class_of(&mappings[best], (int16_t)((int)s - out->zero));
    for (uint32_t p = 0; p < g->s->planes; p++) {
        if (g->group_of[p] != group)
            continue;
        memset(g->planes[p].seen, 0, sizeof g->planes[p].seen);
        count_plane(g, g->planes[p].seen, p, &mappings[best]);
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

static clv_status group_planes(grouping *g, double *bits, ranked *order)
{
    const struct mapping *first = &mappings[g->s->byte_zero != NULL ? 4 : 0];

    for (uint32_t p = 0; p < g->s->planes; p++)
        look_at_plane(g, p);
    g->base = -7; /* escapes may need the levels around zero even where no number is there */
    for (uint32_t p = 0; p < g->s->planes; p++)
        g->base = g->planes[p].low < g->base ? g->planes[p].low : g->base;
    for (uint32_t p = 0; p < g->s->planes; p++)
        count_plane(g, g->planes[p].seen, p, first);
    first_groups(g, order);
    fit_all(g);
    for (unsigned round = 0; round < ROUNDS && move_planes(g); round++)
        fit_all(g);
    close_ranks(g);
    fit_all(g);
    for (uint32_t group = 0; group < g->n_groups; group++) {
        choose_mapping(g, group);
        if (g->s->byte_zero != NULL)
            fit_lower(g, group);
    }
    for (uint32_t p = 0; p < g->s->planes; p++)
        bits[p] = cost_in(g, p, g->group_of[p]);
    return CLV_OK;
}

clv_status clv_codec_group(clv_plane_group *groups, uint8_t *group_of, double *bits,
                           uint32_t *n_out, const clv_plane_samples *samples, uint32_t most,
                           bool contexts)
{
    clv_status status = CLV_ENOMEM;
    grouping g = {.s = samples, .contexts = contexts, .groups = groups, .group_of = group_of};
    ranked *order = clv_calloc(samples->planes + 1u, sizeof *order);

    g.n_groups = most < samples->planes ? most : samples->planes;
    g.planes = clv_calloc(samples->planes + 1u, sizeof *g.planes);
    g.cost = clv_calloc(g.n_groups + 1u, sizeof *g.cost);
    g.class_line = clv_calloc(samples->cols + 2u, 1);
    if (g.planes != NULL && g.cost != NULL && g.class_line != NULL && order != NULL) {
        status = group_planes(&g, bits, order);
        *n_out = g.n_groups;
    }
    clv_free(order);
    clv_free(g.planes);
    clv_free(g.cost);
    clv_free(g.class_line);
    return status;
}
