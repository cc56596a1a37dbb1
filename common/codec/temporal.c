/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/temporal.h"

#include <string.h>

#include "base/error.h"

#define LANES CLV_TEMPORAL_LANES
#define STATE_BYTES (LANES * 4u)
#define STEP_BYTES (LANES * 4u) /* most that one symbol of every lane takes: two words each */

/* What neighbours did, summed: 2 left + 2 up + up left + up right, of classes 0..2. */
#define MAX_STIR 12u
#define STIRS 5u
/* What the reference is at this place: zero among zeros, zero, another symbol. */
#define PLACES 3u
#define CONTEXTS (STIRS * PLACES)

#define SPAN_SYMBOLS 256u /* tables are made again after at least so many */
#define LEARN 16u         /* what one symbol counts, against 64 for what tables begin with */

static const uint8_t stir_of[MAX_STIR + 1] = {0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4};

static const uint8_t first_counts[2][CLV_RANS_LEVELS] = {
    {60, 1, 1, 1, 1},             /* nothing moves around here */
    {44, 6, 6, 2, 2, 1, 1, 1, 1}, /* something does */
};

/* Ranks by bucket: the first one, and the bits that say which. */
static const struct {
    uint8_t first, bits;
} buckets[CLV_RANS_LEVELS] = {{0, 0},  {1, 0},  {2, 0},  {3, 0},  {4, 0},  {5, 0},
                              {6, 0},  {7, 0},  {8, 0},  {9, 0},  {10, 1}, {12, 2},
                              {16, 3}, {24, 4}, {40, 6}, {104, 8}};

static size_t plane_elems(const clv_plane_model *model)
{
    return (size_t)model->rows * model->cols;
}

/* Flags of a row, with one more on each side; sums of rows, for each lane. */
static size_t line_bytes(const clv_plane_model *model)
{
    return (size_t)LANES * 2 * (model->cols + 2);
}

size_t clv_temporal_scratch_bytes(const clv_plane_model *model)
{
    /* Ranks and contexts of all symbols (encoding); contexts of a batch (decoding). */
    size_t all = 2 * model->planes * plane_elems(model), batch = LANES * plane_elems(model);
    return line_bytes(model) + (all > batch ? all : batch);
}

/* Where a lane's state begins: as in plane_coder.c the 16 bits that nobody needs carry half of the
 * checksum. */
static uint32_t start_of(unsigned lane, uint32_t checksum)
{
    return CLV_RANS_START | (lane % 2 == 0 ? checksum & 0xffffu : checksum >> 16);
}

/* Planes between two makings of tables: whole batches. */
static uint32_t span_planes(const clv_plane_model *model)
{
    size_t batch = LANES * plane_elems(model);
    size_t batches = batch > 0 ? (SPAN_SYMBOLS + batch - 1) / batch : 1;
    return LANES * (uint32_t)batches;
}

/* --- ranks ---------------------------------------------------------------------------------- */

/* The symbols by their distance from the reference's, 0 .. levels - 1: of two at the same distance
 * the one towards the zero comes first; beyond the end of one side only the other one is left. */
typedef struct ruler {
    uint32_t towards, away; /* symbols on the side of the zero, and on the other one */
    int32_t sign;           /* of the way towards the zero */
} ruler;

static inline ruler ruler_of(uint32_t reference, const clv_plane_group *group)
{
    uint32_t above = group->levels - 1 - reference;

    if (reference > group->zero)
        return (ruler){reference, above, -1};
    return (ruler){above, reference, 1};
}

static inline uint32_t rank_of(uint32_t symbol, uint32_t reference, const clv_plane_group *group)
{
    if (symbol == reference)
        return 0;
    ruler r = ruler_of(reference, group);
    int32_t d = ((int32_t)symbol - (int32_t)reference) * r.sign;
    uint32_t far = (uint32_t)(d > 0 ? d : -d), both = r.towards < r.away ? r.towards : r.away;
    return far > both ? both + far : 2 * far - (d > 0);
}

/* @p rank is under the group's levels. */
static inline uint32_t symbol_of(uint32_t rank, uint32_t reference, const clv_plane_group *group)
{
    if (rank == 0)
        return reference;
    ruler r = ruler_of(reference, group);
    uint32_t both = r.towards < r.away ? r.towards : r.away;
    bool towards = rank > 2 * both ? r.towards > r.away : rank % 2 == 1;
    int32_t far = (int32_t)(rank > 2 * both ? rank - both : (rank + 1) / 2);
    return (uint32_t)((int32_t)reference + (towards ? far : -far) * r.sign);
}

static inline unsigned bucket_of(uint32_t rank)
{
    unsigned bucket = rank < 10 ? rank : 10;
    while (bucket >= 10 && bucket < CLV_RANS_LEVELS - 1 && buckets[bucket + 1].first <= rank)
        bucket++;
    return bucket;
}

/* What a neighbour of this rank adds. */
static inline uint8_t class_of(uint32_t rank)
{
    return (uint8_t)(rank > 2 ? 2 : rank > 0);
}

/* --- contexts ------------------------------------------------------------------------------- */

/* Of every symbol of the reference's plane: STIRS * what it is there. @p columns has room for
 * cols + 2. */
static void plane_places(uint8_t *restrict out, const uint8_t *reference,
                         const clv_plane_model *model, uint8_t zero, uint8_t *restrict columns)
{
    uint32_t cols = model->cols;

    columns[0] = columns[cols + 1] = 0; /* symbols other than zero in three rows, of each column */
    for (uint32_t y = 0; y < model->rows; y++) {
        const uint8_t *row = reference + (size_t)y * cols;
        const uint8_t *up = y > 0 ? row - cols : NULL;
        const uint8_t *down = y + 1 < model->rows ? row + cols : NULL;
        for (uint32_t x = 0; x < cols; x++)
            columns[x + 1] = row[x] != zero;
        for (uint32_t x = 0; up != NULL && x < cols; x++)
            columns[x + 1] = (uint8_t)(columns[x + 1] + (up[x] != zero));
        for (uint32_t x = 0; down != NULL && x < cols; x++)
            columns[x + 1] = (uint8_t)(columns[x + 1] + (down[x] != zero));
        for (uint32_t x = 0; x < cols; x++) {
            uint32_t others = (uint32_t)columns[x] + columns[x + 1] + columns[x + 2];
            uint32_t place = row[x] != zero ? 2 : others > 1;
            out[(size_t)y * cols + x] = (uint8_t)(STIRS * place);
        }
    }
}

/* Of a row: what the row above adds, 2 up + up left + up right. */
static void row_above(uint8_t *restrict out, const uint8_t *restrict above, uint32_t cols)
{
    for (uint32_t x = 0; x < cols; x++)
        out[x] = (uint8_t)(above[x] + 2 * above[x + 1] + above[x + 2]);
}

/* --- tables ---------------------------------------------------------------------------------- */

typedef struct learner {
    uint32_t counts[CONTEXTS][CLV_RANS_LEVELS];
    clv_frequencies tables[CONTEXTS];
} learner;

static void learner_init(learner *l)
{
    for (unsigned c = 0; c < CONTEXTS; c++) {
        for (unsigned i = 0; i < CLV_RANS_LEVELS; i++)
            l->counts[c][i] = first_counts[c % STIRS > 0][i];
    }
}

/* Shares of 4096 by the counts, 1 for each to begin with; what rounding leaves is the first one's.
 */
static void make_tables(learner *l)
{
    const uint32_t shared = CLV_RANS_TOTAL - CLV_RANS_LEVELS;

    for (unsigned c = 0; c < CONTEXTS; c++) {
        const uint32_t *counts = l->counts[c];
        clv_frequencies *f = &l->tables[c];
        uint32_t sum = 0, given = 0;
        for (unsigned i = 0; i < CLV_RANS_LEVELS; i++)
            sum += counts[i];
        for (unsigned i = 1; i < CLV_RANS_LEVELS; i++) {
            f->count[i] = (uint16_t)(1 + (uint64_t)counts[i] * shared / sum);
            given += f->count[i];
        }
        f->count[0] = (uint16_t)(CLV_RANS_TOTAL - given);
        f->start[0] = 0;
        for (unsigned i = 1; i < CLV_RANS_LEVELS; i++)
            f->start[i] = (uint16_t)(f->start[i - 1] + f->count[i - 1]);
    }
}

/* --- encoding ------------------------------------------------------------------------------- */

typedef struct encoder {
    const clv_plane_model *model;
    const uint8_t *ranks, *contexts;
    learner learnt;
    uint32_t states[LANES];
    uint8_t *at;    /* the first word written */
    uint8_t *start; /* where the room begins */
} encoder;

/* @p context has the places, and gets the stirs. */
static void plane_ranks(uint8_t *restrict ranks, uint8_t *restrict context, const uint8_t *symbols,
                        const uint8_t *reference, const clv_plane_model *model,
                        const clv_plane_group *group, uint8_t *restrict line)
{
    uint32_t cols = model->cols;
    uint8_t *restrict above = line + cols + 2;

    memset(line, 0, cols + 2);
    for (uint32_t y = 0; y < model->rows; y++) {
        row_above(above, line, cols);
        for (uint32_t x = 0; x < cols; x++, ranks++, context++) {
            *ranks = (uint8_t)rank_of(*symbols++, *reference++, group);
            line[x + 1] = class_of(*ranks);
            *context = (uint8_t)(*context + stir_of[above[x] + 2 * line[x]]);
        }
    }
}

static void look_at_planes(const clv_plane_model *model, const uint8_t *symbols,
                           const uint8_t *reference, uint8_t *line, uint8_t *ranks,
                           uint8_t *contexts)
{
    size_t n = plane_elems(model);

    for (uint32_t p = 0; p < model->planes; p++, symbols += n, reference += n) {
        const clv_plane_group *group = &model->groups[model->group_of[p]];
        plane_places(contexts + p * n, reference, model, group->zero, line);
        plane_ranks(ranks + p * n, contexts + p * n, symbols, reference, model, group, line);
    }
}

static uint32_t put_bits(uint32_t state, uint8_t **at, uint32_t value, unsigned bits)
{
    /* As one of 2^bits symbols that are all as likely. */
    clv_frequencies f = {{(uint16_t)(value << (CLV_RANS_BITS - bits))},
                         {(uint16_t)(CLV_RANS_TOTAL >> bits)}};
    return clv_rans_put(state, at, &f, 0);
}

static clv_status put_batch(encoder *e, uint32_t first, uint32_t count)
{
    size_t n = plane_elems(e->model);

    for (size_t k = n; k-- > 0;) {
        if ((size_t)(e->at - e->start) < STEP_BYTES + 2)
            return CLV_ENOSPC;
        for (uint32_t i = count; i-- > 0;) {
            size_t at = (first + i) * n + k;
            uint32_t rank = e->ranks[at];
            unsigned bucket = bucket_of(rank);
            if (buckets[bucket].bits > 0)
                e->states[i] = put_bits(e->states[i], &e->at, rank - buckets[bucket].first,
                                        buckets[bucket].bits);
            e->states[i] =
                clv_rans_put(e->states[i], &e->at, &e->learnt.tables[e->contexts[at]], bucket);
        }
    }
    return CLV_OK;
}

/* Note, or forget again, what planes [from, to) were. */
static void learn(encoder *e, uint32_t from, uint32_t to, uint32_t weight)
{
    size_t n = plane_elems(e->model);

    for (size_t k = from * n; k < to * n; k++)
        e->learnt.counts[e->contexts[k]][bucket_of(e->ranks[k])] += weight;
}

/* What is decoded first is encoded last, with what was known by then. */
static clv_status put_all(encoder *e)
{
    uint32_t planes = e->model->planes, span = span_planes(e->model);

    learner_init(&e->learnt);
    learn(e, 0, planes, LEARN);
    for (uint32_t end = planes; end > 0;) {
        uint32_t from = (end - 1) / span * span;
        learn(e, from, end, 0u - LEARN);
        make_tables(&e->learnt);
        for (uint32_t at = end; at > from;) {
            uint32_t first = (at - 1) / LANES * LANES;
            CLV_TRY(put_batch(e, first, at - first));
            at = first;
        }
        end = from;
    }
    return CLV_OK;
}

clv_status clv_temporal_encode(size_t *bytes_out, const clv_plane_model *model,
                               const uint8_t *symbols, const uint8_t *reference, uint8_t *scratch,
                               uint8_t *dst, size_t cap)
{
    size_t all = model->planes * plane_elems(model);
    uint8_t *ranks = scratch + line_bytes(model), *contexts = ranks + all;
    uint32_t checksum = clv_symbols_checksum(symbols, all);
    encoder e = {.model = model, .ranks = ranks, .contexts = contexts};

    if (cap < STATE_BYTES)
        return CLV_ENOSPC;
    look_at_planes(model, symbols, reference, scratch, ranks, contexts);
    e.start = dst + STATE_BYTES;
    e.at = dst + cap;
    for (unsigned i = 0; i < LANES; i++)
        e.states[i] = start_of(i, checksum);
    CLV_TRY(put_all(&e));

    size_t words_bytes = (size_t)(dst + cap - e.at);
    memmove(e.start, e.at, words_bytes);
    for (unsigned i = 0; i < LANES; i++)
        clv_write_u32(dst + (size_t)4 * i, e.states[i]);
    *bytes_out = STATE_BYTES + words_bytes;
    return CLV_OK;
}

/* --- decoding ------------------------------------------------------------------------------- */

typedef struct decoder {
    const clv_plane_model *model;
    learner learnt;
    uint32_t states[LANES];
    const uint8_t *at, *end;
    uint8_t tail[2 * STEP_BYTES]; /* the last bytes, with zeros behind */
    bool in_tail;
} decoder;

typedef struct lane {
    const clv_plane_group *group;
    const uint8_t *reference;
    uint8_t *out;
    const uint8_t *places;
    uint8_t *line, *above;
} lane;

/* Near the end go on in a copy that can be read beyond it. */
static void watch_end(decoder *d)
{
    size_t left = (size_t)(d->end - d->at);

    if (d->in_tail || left >= STEP_BYTES)
        return;
    memset(d->tail, 0, sizeof d->tail);
    memcpy(d->tail, d->at, left);
    d->at = d->tail;
    d->end = d->tail + left;
    d->in_tail = true;
}

static uint32_t get_bits(uint32_t *state, const uint8_t **at, unsigned bits)
{
    uint32_t slot = *state & (CLV_RANS_TOTAL - 1), value = slot >> (CLV_RANS_BITS - bits);
    uint32_t count = CLV_RANS_TOTAL >> bits;

    *state = clv_rans_refill(count * (*state >> CLV_RANS_BITS) + (slot & (count - 1)), at);
    return value;
}

/* Column @p x of a lane's row. @return false: such a rank doesn't exist. */
static inline bool get_symbol(decoder *d, uint32_t *state, const lane *l, uint32_t x)
{
    unsigned context = (unsigned)l->places[x] + stir_of[l->above[x] + 2 * l->line[x]];
    unsigned bucket = clv_rans_get(state, &d->learnt.tables[context]);
    uint32_t rank = buckets[bucket].first;

    *state = clv_rans_refill(*state, &d->at);
    if (buckets[bucket].bits > 0)
        rank += get_bits(state, &d->at, buckets[bucket].bits);
    if (rank >= l->group->levels)
        return false;
    d->learnt.counts[context][bucket] += LEARN;
    l->line[x + 1] = class_of(rank);
    l->out[x] = (uint8_t)symbol_of(rank, l->reference[x], l->group);
    return true;
}

static bool get_row(decoder *d, lane *lanes, uint32_t count)
{
    uint32_t cols = d->model->cols;

    for (uint32_t i = 0; i < count; i++)
        row_above(lanes[i].above, lanes[i].line, cols);
    for (uint32_t x = 0; x < cols; x++) {
        watch_end(d);
        for (uint32_t i = 0; i < count; i++) {
            if (!get_symbol(d, &d->states[i], &lanes[i], x))
                return false;
        }
        if (d->at > d->end)
            return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        lanes[i].out += cols;
        lanes[i].reference += cols;
        lanes[i].places += cols;
    }
    return true;
}

static bool get_batch(decoder *d, uint8_t *symbols, const uint8_t *reference, uint32_t first,
                      uint32_t count, uint8_t *scratch)
{
    const clv_plane_model *model = d->model;
    uint8_t *places = scratch + line_bytes(model);
    size_t n = plane_elems(model), width = model->cols + 2;
    lane lanes[LANES];

    for (uint32_t i = 0; i < count; i++) {
        uint8_t *line = scratch + (size_t)i * 2 * width;
        lane *l = &lanes[i];
        *l = (lane){.group = &model->groups[model->group_of[first + i]],
                    .reference = reference + (first + i) * n,
                    .out = symbols + (first + i) * n,
                    .places = places + i * n,
                    .line = line,
                    .above = line + width};
        plane_places(places + i * n, l->reference, model, l->group->zero, line);
        memset(line, 0, width);
    }
    for (uint32_t y = 0; y < model->rows; y++) {
        if (!get_row(d, lanes, count))
            return false;
    }
    return true;
}

static bool get_all(decoder *d, uint8_t *symbols, const uint8_t *reference, uint8_t *scratch)
{
    uint32_t planes = d->model->planes, span = span_planes(d->model);

    learner_init(&d->learnt);
    for (uint32_t first = 0; first < planes; first += LANES) {
        uint32_t left = planes - first, count = left < LANES ? left : LANES;
        if (first % span == 0)
            make_tables(&d->learnt);
        if (!get_batch(d, symbols, reference, first, count, scratch))
            return false;
    }
    return true;
}

clv_status clv_temporal_decode(uint8_t *symbols, const clv_plane_model *model,
                               const uint8_t *reference, uint8_t *scratch, const uint8_t *src,
                               size_t bytes)
{
    decoder d = {.model = model, .at = src + STATE_BYTES, .end = src + bytes};

    if (bytes < STATE_BYTES)
        return CLV_EFORMAT;
    for (unsigned i = 0; i < LANES; i++) {
        d.states[i] = clv_read_u32(src + (size_t)4 * i);
        if (d.states[i] < CLV_RANS_START)
            return CLV_EFORMAT;
    }
    if (!get_all(&d, symbols, reference, scratch) || d.at != d.end)
        return CLV_EFORMAT;
    uint32_t checksum = clv_symbols_checksum(symbols, model->planes * plane_elems(model));
    for (unsigned i = 0; i < LANES; i++) {
        if (d.states[i] != start_of(i, checksum))
            return CLV_EFORMAT;
    }
    return CLV_OK;
}
