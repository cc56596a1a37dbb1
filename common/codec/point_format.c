/* SPDX-License-Identifier: Apache-2.0 */
/* Operating points as bytes (docs/activation-format.md), and their memory. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/tensor_point.h"

#define FORMAT_VERSION 3u
#define FLAG_LOSSLESS 1u
#define FLAG_TRANSFORM 2u
#define FLAG_BYTES 4u  /* lossless ones are of bytes anyway */
#define MEAN_SUMS 256u /* that clv_plane_group has buckets of */
#define SPREAD_SUMS 128u

/* --- memory --------------------------------------------------------------------------------- */

static bool counts_are_sane(const clv_point *p)
{
    uint64_t elems = (uint64_t)p->rows * p->cols * p->channels;
    return p->channels > 0 && p->channels <= CLV_POINT_MAX_CHANNELS && p->rows > 0 && p->cols > 0 &&
           p->rows <= CLV_POINT_MAX_ELEMS && p->cols <= CLV_POINT_MAX_ELEMS &&
           (uint64_t)p->rows * p->cols <= CLV_POINT_MAX_ELEMS && elems <= CLV_POINT_MAX_ELEMS &&
           p->planes <= p->channels && p->n_groups <= CLV_PLANE_MAX_GROUPS &&
           (p->n_groups > 0 || p->planes == 0) &&
           (!p->lossless || (p->planes == p->channels && !p->transform));
}

static bool make_room(clv_point *p)
{
    size_t planes = p->planes + 1u, channels = p->channels, groups = p->n_groups + 1u;
    size_t entries = p->transform ? planes * channels : 1;
    clv_arena *memory = &p->memory;

    p->group_of = clv_arena_alloc(memory, planes, 1);
    p->groups = clv_alloc_aligned(groups * sizeof *p->groups);
    p->quantisers = clv_arena_alloc(memory, groups, sizeof *p->quantisers);
    p->choices = clv_arena_alloc(memory, p->lossless ? 1 : groups, sizeof *p->choices);
    p->step = clv_arena_alloc(memory, planes, sizeof *p->step);
    p->offset = clv_arena_alloc(memory, channels, sizeof *p->offset);
    p->source = clv_arena_alloc(memory, planes, sizeof *p->source);
    p->forward = clv_arena_alloc(memory, entries, sizeof *p->forward);
    p->forward_scale = clv_arena_alloc(memory, planes, sizeof *p->forward_scale);
    p->inverse = clv_arena_alloc(memory, entries, sizeof *p->inverse);
    p->inverse_scale = clv_arena_alloc(memory, planes, sizeof *p->inverse_scale);
    return p->group_of != NULL && p->groups != NULL && p->quantisers != NULL &&
           p->choices != NULL && p->step != NULL && p->offset != NULL && p->source != NULL &&
           p->forward != NULL && p->forward_scale != NULL && p->inverse != NULL &&
           p->inverse_scale != NULL;
}

clv_status clv_point_create(clv_point **out, const clv_point *like)
{
    if (!counts_are_sane(like))
        return CLV_ELIMIT;
    clv_point *p = clv_calloc(1, sizeof *p);
    if (p == NULL)
        return CLV_ENOMEM;
    *p = (clv_point){.lossless = like->lossless,
                     .transform = like->transform,
                     .bytes = like->lossless || like->bytes,
                     .channels = like->channels,
                     .rows = like->rows,
                     .cols = like->cols,
                     .planes = like->planes,
                     .n_groups = like->n_groups};
    if (!make_room(p)) {
        clv_point_free(p);
        return CLV_ENOMEM;
    }
    *out = p;
    return CLV_OK;
}

void clv_point_free(clv_point *point)
{
    if (point == NULL)
        return;
    clv_free(point->groups);
    clv_arena_done(&point->memory);
    clv_free(point);
}

void clv_point_price(clv_point *point)
{
    for (uint32_t g = 0; g < point->n_groups && !point->lossless; g++) {
        const clv_point_quantiser *q = &point->quantisers[g];
        clv_plane_choice_make(&point->choices[g], &point->groups[g], q->centre, q->price / 256.0);
        point->priced |= q->price > 0;
    }
}

/* --- writing -------------------------------------------------------------------------------- */

/* What is appended; the first failure stays. */
typedef struct writer {
    clv_buffer *out;
    clv_status status;
} writer;

static void put(writer *w, const void *data, size_t bytes)
{
    if (w->status == CLV_OK)
        w->status = clv_buffer_append(w->out, data, bytes);
}

/* Seven bits a byte, the lowest first; the highest bit says that more follow. */
static void put_number(writer *w, uint32_t number)
{
    uint8_t bytes[5];
    size_t n = 0;

    for (; number >= 0x80; number >>= 7)
        bytes[n++] = (uint8_t)(number | 0x80u);
    bytes[n++] = (uint8_t)number;
    put(w, bytes, n);
}

/* The last one's is what is left of 4096. */
static void put_table(writer *w, const clv_frequencies *f, unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++)
        put_number(w, f->count[i]);
}

/* What the tables of a group are for: symbols of each upper one, and of each of the lower ones. */
static unsigned upper_symbols(uint32_t levels)
{
    if (levels <= CLV_PLANE_MAX_ESCAPED)
        return levels < CLV_RANS_LEVELS ? levels : CLV_RANS_LEVELS;
    return (levels + CLV_RANS_LEVELS - 1) / CLV_RANS_LEVELS;
}

static unsigned lower_tables(uint32_t levels)
{
    if (levels <= CLV_RANS_LEVELS)
        return 0;
    return levels <= CLV_PLANE_MAX_ESCAPED ? 1 : upper_symbols(levels);
}

static unsigned lower_symbols(uint32_t levels, unsigned upper)
{
    if (levels <= CLV_PLANE_MAX_ESCAPED)
        return levels - (CLV_RANS_LEVELS - 1);
    unsigned left = levels - CLV_RANS_LEVELS * upper;
    return left < CLV_RANS_LEVELS ? left : CLV_RANS_LEVELS;
}

/* Where each bucket of sums but the first begins, after where the one before it did. */
static void put_buckets(writer *w, const uint8_t *bucket_of, unsigned sums, unsigned buckets,
                        unsigned scale)
{
    unsigned last = 0;

    for (unsigned bucket = 1; bucket < buckets; bucket++) {
        unsigned first = last;
        while (first < sums && bucket_of[first] < scale * bucket)
            first++;
        put_number(w, first - last);
        last = first;
    }
}

static void put_group(writer *w, const clv_plane_group *g)
{
    unsigned upper = upper_symbols(g->levels);

    put_number(w, g->levels);
    put_number(w, g->zero);
    put_number(w, g->empty);
    put_number(w, g->contexts);
    if (g->contexts > 1) {
        put_number(w, g->outside);
        put(w, g->classes, g->levels);
        put_buckets(w, g->mean_of, MEAN_SUMS, CLV_PLANE_MEANS, CLV_PLANE_SPREADS);
        put_buckets(w, g->spread_of, SPREAD_SUMS, CLV_PLANE_SPREADS, 1);
    }
    for (uint32_t i = 0; i < g->contexts; i++)
        put_table(w, &g->high[i], upper);
    for (unsigned i = 0; i < lower_tables(g->levels); i++)
        put_table(w, &g->low[i], lower_symbols(g->levels, i));
}

clv_status clv_point_write(clv_buffer *out, const clv_point *p)
{
    writer w = {out, CLV_OK};
    size_t entries = (size_t)p->planes * p->channels;
    uint32_t last = 0;

    put_number(&w, FORMAT_VERSION);
    put_number(&w, (p->lossless ? FLAG_LOSSLESS : 0) | (p->transform ? FLAG_TRANSFORM : 0) |
                       (p->bytes && !p->lossless ? FLAG_BYTES : 0));
    put_number(&w, p->channels);
    put_number(&w, p->rows);
    put_number(&w, p->cols);
    put_number(&w, p->planes);
    put_number(&w, p->n_groups);
    for (uint32_t g = 0; g < p->n_groups; g++)
        put_group(&w, &p->groups[g]);
    put(&w, p->group_of, p->planes);
    if (p->lossless)
        return w.status;
    for (uint32_t g = 0; g < p->n_groups; g++) {
        put(&w, &p->quantisers[g].rounding, 1);
        put(&w, &p->quantisers[g].price, 1);
        put(&w, p->quantisers[g].centre, p->groups[g].levels);
    }
    put(&w, p->step, p->planes * sizeof *p->step);
    put(&w, p->offset, p->channels * sizeof *p->offset);
    for (uint32_t i = 0; !p->transform && i < p->planes; i++) {
        put_number(&w, p->source[i] - last);
        last = p->source[i] + 1u;
    }
    if (p->transform) {
        put(&w, p->forward_scale, p->planes * sizeof *p->forward_scale);
        put(&w, p->forward, entries * sizeof *p->forward);
        put(&w, p->inverse_scale, p->planes * sizeof *p->inverse_scale);
        put(&w, p->inverse, entries * sizeof *p->inverse);
    }
    return w.status;
}

/* --- parsing -------------------------------------------------------------------------------- */

typedef struct reader {
    const uint8_t *start, *at, *end;
    clv_error *err;
} reader;

static clv_status bad(const reader *r, const char *what)
{
    char where[48];
    (void)snprintf(where, sizeof where, "codec point, byte %zu", (size_t)(r->at - r->start));
    return clv_fail(r->err, CLV_EFORMAT, where, "%s", what);
}

static clv_status take(void *out, reader *r, size_t bytes)
{
    if ((size_t)(r->end - r->at) < bytes)
        return bad(r, "it is cut off");
    if (bytes > 0)
        memcpy(out, r->at, bytes);
    r->at += bytes;
    return CLV_OK;
}

/* A number from @p least to @p most. */
static clv_status take_number(uint32_t *out, reader *r, uint32_t least, uint32_t most)
{
    uint64_t number = 0;
    uint8_t byte = 0x80;

    for (unsigned shift = 0; byte >= 0x80; shift += 7) {
        if (shift > 28)
            return bad(r, "a number is too long");
        CLV_TRY(take(&byte, r, 1));
        number |= (uint64_t)(byte & 0x7fu) << shift;
    }
    if (number < least || number > most)
        return bad(r, "a number is out of range");
    *out = (uint32_t)number;
    return CLV_OK;
}

static clv_status take_table(clv_frequencies *f, reader *r, unsigned n)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < CLV_RANS_LEVELS; i++) {
        uint32_t count = i < n ? CLV_RANS_TOTAL - sum : 0; /* the last one */
        if (i + 1 < n)
            CLV_TRY(take_number(&count, r, 1, CLV_RANS_TOTAL));
        if (i < n && (count == 0 || count > CLV_RANS_TOTAL - sum))
            return bad(r, "frequencies don't add up to 4096");
        f->start[i] = (uint16_t)sum;
        f->count[i] = (uint16_t)count;
        sum += count;
    }
    return CLV_OK;
}

static clv_status take_buckets(uint8_t *bucket_of, reader *r, unsigned sums, unsigned buckets,
                               unsigned scale)
{
    uint32_t first = 0, step;

    for (unsigned bucket = 1; bucket < buckets; bucket++) {
        CLV_TRY(take_number(&step, r, 0, sums - first));
        first += step;
        for (uint32_t sum = first; sum < sums; sum++)
            bucket_of[sum] = (uint8_t)(scale * bucket);
    }
    return CLV_OK;
}

static clv_status take_classes(clv_plane_group *g, reader *r)
{
    uint32_t outside;

    CLV_TRY(take_number(&outside, r, 0, g->levels - 1));
    g->outside = (uint8_t)outside;
    CLV_TRY(take(g->classes, r, g->levels));
    for (uint32_t s = 0; s < g->levels; s++) {
        if (g->classes[s] >= 128)
            return bad(r, "there is no such class");
    }
    CLV_TRY(take_buckets(g->mean_of, r, MEAN_SUMS, CLV_PLANE_MEANS, CLV_PLANE_SPREADS));
    return take_buckets(g->spread_of, r, SPREAD_SUMS, CLV_PLANE_SPREADS, 1);
}

static clv_status take_group(clv_plane_group *g, reader *r)
{
    uint32_t zero, empty;

    CLV_TRY(take_number(&g->levels, r, 2, CLV_PLANE_MAX_LEVELS));
    CLV_TRY(take_number(&zero, r, 0, g->levels - 1));
    CLV_TRY(take_number(&empty, r, 1, CLV_RANS_TOTAL - 1));
    CLV_TRY(take_number(&g->contexts, r, 1, CLV_PLANE_CONTEXTS));
    g->zero = (uint8_t)zero;
    g->empty = (uint16_t)empty;
    if (lower_tables(g->levels) == 1 && (zero < 7 || zero > g->levels - 8))
        return bad(r, "the levels around zero aren't there");
    if (g->contexts != 1 && g->contexts != CLV_PLANE_CONTEXTS)
        return bad(r, "there are no such contexts");
    if (g->contexts > 1)
        CLV_TRY(take_classes(g, r));
    unsigned upper = upper_symbols(g->levels);
    for (uint32_t i = 0; i < g->contexts; i++)
        CLV_TRY(take_table(&g->high[i], r, upper));
    for (unsigned i = 0; i < lower_tables(g->levels); i++)
        CLV_TRY(take_table(&g->low[i], r, lower_symbols(g->levels, i)));
    return CLV_OK;
}

/* Finite floats, none under @p least. */
static clv_status take_floats(float *out, reader *r, size_t n, float least)
{
    CLV_TRY(take(out, r, n * sizeof *out));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(out[i]) || out[i] < least)
            return bad(r, "a number isn't finite, or is out of range");
    }
    return CLV_OK;
}

static clv_status take_quantisers(clv_point *p, reader *r)
{
    uint32_t next = 0;

    for (uint32_t g = 0; g < p->n_groups; g++) {
        CLV_TRY(take(&p->quantisers[g].rounding, r, 1));
        CLV_TRY(take(&p->quantisers[g].price, r, 1));
        CLV_TRY(take(p->quantisers[g].centre, r, p->groups[g].levels));
    }
    CLV_TRY(take_floats(p->step, r, p->planes, 0));
    CLV_TRY(take_floats(p->offset, r, p->channels, -INFINITY));
    for (uint32_t i = 0; !p->transform && i < p->planes; i++) {
        uint32_t skipped;
        if (next >= p->channels)
            return bad(r, "there is no such channel");
        CLV_TRY(take_number(&skipped, r, 0, p->channels - 1 - next));
        p->source[i] = (uint16_t)(next + skipped);
        next += skipped + 1;
    }
    return CLV_OK;
}

static clv_status take_rest(clv_point *p, reader *r)
{
    size_t entries = (size_t)p->planes * p->channels;

    for (uint32_t g = 0; g < p->n_groups; g++)
        CLV_TRY(take_group(&p->groups[g], r));
    CLV_TRY(take(p->group_of, r, p->planes));
    for (uint32_t i = 0; i < p->planes; i++) {
        if (p->group_of[i] >= p->n_groups)
            return bad(r, "there is no such group");
    }
    if (!p->lossless)
        CLV_TRY(take_quantisers(p, r));
    if (p->transform) {
        CLV_TRY(take_floats(p->forward_scale, r, p->planes, 0));
        CLV_TRY(take(p->forward, r, entries * sizeof *p->forward));
        CLV_TRY(take_floats(p->inverse_scale, r, p->planes, 0));
        CLV_TRY(take(p->inverse, r, entries * sizeof *p->inverse));
    }
    return r->at == r->end ? CLV_OK : bad(r, "bytes follow its end");
}

static clv_status take_head(clv_point *like, reader *r)
{
    uint32_t flags, version;

    CLV_TRY(take_number(&version, r, FORMAT_VERSION, FORMAT_VERSION));
    CLV_TRY(take_number(&flags, r, 0, FLAG_LOSSLESS | FLAG_TRANSFORM | FLAG_BYTES));
    CLV_TRY(take_number(&like->channels, r, 1, CLV_POINT_MAX_CHANNELS));
    CLV_TRY(take_number(&like->rows, r, 1, CLV_POINT_MAX_ELEMS));
    CLV_TRY(take_number(&like->cols, r, 1, CLV_POINT_MAX_ELEMS));
    CLV_TRY(take_number(&like->planes, r, 0, like->channels));
    CLV_TRY(take_number(&like->n_groups, r, 0, CLV_PLANE_MAX_GROUPS));
    like->lossless = (flags & FLAG_LOSSLESS) != 0;
    like->transform = (flags & FLAG_TRANSFORM) != 0;
    like->bytes = (flags & FLAG_BYTES) != 0;
    if (like->lossless && like->bytes)
        return bad(r, "its flags don't go together");
    if (!counts_are_sane(like))
        return bad(r, "its counts don't go together");
    /* Memory only for what can be there. */
    size_t least = like->planes + (like->transform ? 3 * (size_t)like->planes * like->channels : 0);
    return (size_t)(r->end - r->at) >= least ? CLV_OK : bad(r, "it is cut off");
}

clv_status clv_point_parse(clv_point **out, const uint8_t *src, size_t bytes, clv_error *err)
{
    reader r = {src, src, src + bytes, err};
    clv_point like = {0}, *p;

    if (bytes > CLV_POINT_MAX_BYTES)
        return clv_fail(err, CLV_ELIMIT, "codec point", "it is over %u bytes", CLV_POINT_MAX_BYTES);
    CLV_TRY(take_head(&like, &r));
    CLV_TRY(clv_point_create(&p, &like));
    clv_status status = take_rest(p, &r);
    if (status != CLV_OK) {
        clv_point_free(p);
        return status;
    }
    clv_point_price(p);
    *out = p;
    return CLV_OK;
}
