/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/plane_coder.h"

#include <string.h>

#include "base/error.h"

#define LANES CLV_PLANE_LANES
#define STATE_BYTES (LANES * 4u)
#define ESCAPE 15u              /* upper symbol: not among the 15 levels around the zero */
#define STEP_BYTES (LANES * 4u) /* most that one symbol of every lane takes: two words each */

/* Planes that are coded side by side, those that aren't empty, in order; the last ones may be fewer
 * than LANES. */
typedef struct batch {
    uint32_t planes[LANES];
    uint32_t count;
} batch;

static size_t plane_elems(const clv_plane_model *model)
{
    return (size_t)model->rows * model->cols;
}

size_t clv_plane_scratch_bytes(const clv_plane_model *model)
{
    /* A flag for each plane and rows of classes; then the contexts of all symbols (encoding) or of
     * a row for each lane (decoding). */
    size_t all = model->planes * plane_elems(model), rows = (size_t)LANES * model->cols;
    return model->planes + (size_t)LANES * (model->cols + 2) + (all > rows ? all : rows);
}

uint32_t clv_symbols_checksum(const uint8_t *symbols, size_t n)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = k, word;

    for (; n >= sizeof word; n -= sizeof word, symbols += sizeof word) {
        h = (h ^ clv_read_u64(symbols)) * k;
        h ^= h >> 32;
    }
    word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)symbols[i] << 8 * i;
    h = (h ^ word) * k;
    return (uint32_t)(h ^ h >> 32);
}

/* Where a lane's state begins. A fresh state has 16 bits that nobody needs: they carry half of the
 * checksum, so that it costs no byte. */
static uint32_t start_of(unsigned lane, uint32_t checksum)
{
    return CLV_RANS_START | (lane % 2 == 0 ? checksum & 0xffffu : checksum >> 16);
}

static const clv_plane_group *group_at(const clv_plane_model *model, uint32_t plane)
{
    return &model->groups[model->group_of[plane]];
}

/* The next planes from @p from on that aren't empty. @return where to go on. */
static uint32_t next_batch(batch *out, const clv_plane_model *model, const uint8_t *empty,
                           uint32_t from)
{
    out->count = 0;
    while (from < model->planes && out->count < LANES) {
        if (!empty[from])
            out->planes[out->count++] = from;
        from++;
    }
    return from;
}

static clv_frequencies empty_table(const clv_plane_group *group)
{
    clv_frequencies f;

    for (unsigned i = 0; i < CLV_RANS_LEVELS; i++)
        f.start[i] = CLV_RANS_TOTAL, f.count[i] = 0;
    f.start[0] = 0;
    f.start[1] = f.count[0] = (uint16_t)(CLV_RANS_TOTAL - group->empty);
    f.count[1] = group->empty;
    return f;
}

/* --- contexts ----------------------------------------------------------------------------- */

/* Of a row: what the row above adds, 2 up + up left + up right. @p above has its classes, with one
 * more on each side. */
static void row_above(uint8_t *restrict out, const uint8_t *restrict above, uint32_t cols)
{
    for (uint32_t x = 0; x < cols; x++)
        out[x] = (uint8_t)(above[x] + 2 * above[x + 1] + above[x + 2]);
}

/* Of every symbol of a plane. @p line has room for cols + 2. */
static void plane_contexts(uint8_t *restrict out, const uint8_t *symbols,
                           const clv_plane_model *model, const clv_plane_group *group,
                           uint8_t *restrict line)
{
    uint8_t outside = group->classes[group->zero];

    memset(line, outside, model->cols + 2);
    for (uint32_t y = 0; y < model->rows; y++) {
        row_above(out, line, model->cols);
        for (uint32_t x = 0; x < model->cols; x++)
            line[x + 1] = group->classes[symbols[x]];
        for (uint32_t x = 0; x < model->cols; x++)
            out[x] = (uint8_t)(out[x] + 2 * line[x]);
        out += model->cols;
        symbols += model->cols;
    }
}

/* --- encoding ----------------------------------------------------------------------------- */

typedef struct encoder {
    const clv_plane_model *model;
    const uint8_t *symbols;
    const uint8_t *empty;
    const uint8_t *contexts;
    uint32_t states[LANES];
    uint8_t *at;    /* the first word written */
    uint8_t *start; /* where the room begins */
} encoder;

static inline uint32_t put_symbol(uint32_t state, uint8_t **at, const clv_plane_group *group,
                                  unsigned symbol, unsigned context)
{
    if (group->levels <= CLV_RANS_LEVELS)
        return clv_rans_put(state, at, &group->high[context], symbol);
    if (group->levels > CLV_PLANE_MAX_ESCAPED) {
        state = clv_rans_put(state, at, &group->low[symbol >> 4], symbol & 15u);
        return clv_rans_put(state, at, &group->high[context], symbol >> 4);
    }
    unsigned near = symbol - (group->zero - ESCAPE / 2); /* wraps below */
    if (near < ESCAPE)
        return clv_rans_put(state, at, &group->high[context], near);
    unsigned far = symbol < group->zero ? symbol : symbol - ESCAPE;
    state = clv_rans_put(state, at, &group->low[0], far);
    return clv_rans_put(state, at, &group->high[context], ESCAPE);
}

static clv_status put_batch(encoder *e, const batch *b)
{
    const clv_plane_group *groups[LANES];
    const uint8_t *symbols[LANES], *contexts[LANES];
    size_t n = plane_elems(e->model);
    uint32_t states[LANES];
    uint8_t *at = e->at;

    memcpy(states, e->states, sizeof states);
    for (uint32_t i = 0; i < b->count; i++) {
        groups[i] = group_at(e->model, b->planes[i]);
        symbols[i] = e->symbols + b->planes[i] * n;
        contexts[i] = e->contexts + b->planes[i] * n;
    }
    for (size_t k = n; k-- > 0;) {
        if ((size_t)(at - e->start) < STEP_BYTES + 2)
            return CLV_ENOSPC;
        for (uint32_t i = b->count; i-- > 0;)
            states[i] = put_symbol(states[i], &at, groups[i], symbols[i][k], contexts[i][k]);
    }
    memcpy(e->states, states, sizeof states);
    e->at = at;
    return CLV_OK;
}

/* The last planes before @p end that aren't empty, @p count of them. @return the first one's
 * number. */
static uint32_t last_batch(batch *out, const uint8_t *empty, uint32_t end, uint32_t count)
{
    out->count = count;
    while (count > 0) {
        if (!empty[--end])
            out->planes[--count] = end;
    }
    return end;
}

/* What is decoded first is encoded last. */
static clv_status put_all(encoder *e)
{
    const clv_plane_model *model = e->model;
    uint32_t left = 0, end = model->planes;
    batch b;

    for (uint32_t p = 0; p < model->planes; p++)
        left += !e->empty[p];
    for (; left > 0; left -= b.count) {
        end = last_batch(&b, e->empty, end, left % LANES != 0 ? left % LANES : LANES);
        CLV_TRY(put_batch(e, &b));
    }
    for (uint32_t p = model->planes; p-- > 0;) {
        clv_frequencies f = empty_table(group_at(model, p));
        if ((size_t)(e->at - e->start) < 2)
            return CLV_ENOSPC;
        e->states[p % LANES] = clv_rans_put(e->states[p % LANES], &e->at, &f, e->empty[p]);
    }
    return CLV_OK;
}

static bool is_full_of(const uint8_t *symbols, size_t n, uint8_t zero)
{
    return n == 0 || (symbols[0] == zero && memcmp(symbols, symbols + 1, n - 1) == 0);
}

/* Which planes are empty, and the contexts of the others. */
static void look_at_planes(const clv_plane_model *model, const uint8_t *symbols, uint8_t *empty,
                           uint8_t *line, uint8_t *contexts)
{
    size_t n = plane_elems(model);

    for (uint32_t p = 0; p < model->planes; p++, symbols += n, contexts += n) {
        const clv_plane_group *group = group_at(model, p);
        empty[p] = is_full_of(symbols, n, group->zero);
        if (empty[p])
            continue;
        if (group->contexts > 1)
            plane_contexts(contexts, symbols, model, group, line);
        else
            memset(contexts, 0, n);
    }
}

clv_status clv_planes_encode(size_t *bytes_out, const clv_plane_model *model,
                             const uint8_t *symbols, uint8_t *scratch, uint8_t *dst, size_t cap)
{
    uint8_t *line = scratch + model->planes;
    uint8_t *contexts = line + (size_t)LANES * (model->cols + 2);
    encoder e = {.model = model, .symbols = symbols, .empty = scratch, .contexts = contexts};
    uint32_t checksum = clv_symbols_checksum(symbols, model->planes * plane_elems(model));

    if (cap < STATE_BYTES)
        return CLV_ENOSPC;
    look_at_planes(model, symbols, scratch, line, contexts);
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

/* --- decoding ----------------------------------------------------------------------------- */

typedef struct decoder {
    const clv_plane_model *model;
    uint32_t states[LANES];
    const uint8_t *at, *end;
} decoder;

/* One row of each lane's plane. */
typedef struct row_of_planes {
    const clv_plane_group *groups[LANES];
    uint8_t *out[LANES];
    uint8_t *above[LANES]; /* what the row above adds to each context */
    uint8_t *line[LANES];  /* classes of this row, with one more on each side */
    uint32_t mask[LANES];  /* 0 where neighbours don't matter */
    uint32_t count, cols;
    bool wide; /* some plane has over 16 levels */
    bool near; /* to some plane neighbours matter */
} row_of_planes;

static inline unsigned get_symbol(uint32_t *state, const uint8_t **at, const clv_plane_group *group,
                                  uint32_t context, bool wide)
{
    unsigned s = clv_rans_get(state, &group->high[context]);
    *state = clv_rans_refill(*state, at);
    if (!wide || group->levels <= CLV_RANS_LEVELS)
        return s;
    bool escaped = group->levels <= CLV_PLANE_MAX_ESCAPED;
    if (escaped && s < ESCAPE)
        return group->zero - ESCAPE / 2 + s;
    unsigned low = clv_rans_get(state, &group->low[escaped ? 0 : s]);
    *state = clv_rans_refill(*state, at);
    if (escaped)
        return low < group->zero - ESCAPE / 2 ? low : low + ESCAPE;
    return s << 4 | low;
}

/* Columns [from, to) of a row. @p count, @p wide and @p near, whether neighbours matter to any
 * plane, are constants where this is called. */
static inline __attribute__((always_inline)) const uint8_t *
get_columns(decoder *d, const row_of_planes *row, uint32_t from, uint32_t to, uint32_t count,
            bool wide, bool near, const uint8_t *at)
{
    uint32_t states[LANES], left[LANES];

    memcpy(states, d->states, sizeof states);
    for (uint32_t i = 0; i < count; i++)
        left[i] = near ? row->line[i][from] : 0;
    for (uint32_t x = from; x < to; x++) {
#pragma GCC unroll 8
        for (uint32_t i = 0; i < count; i++) {
            const clv_plane_group *group = row->groups[i];
            uint32_t context = near ? (row->above[i][x] + 2 * left[i]) & row->mask[i] : 0;
            unsigned s = get_symbol(&states[i], &at, group, context, wide);
            row->out[i][x] = (uint8_t)s;
            if (near) {
                left[i] = group->classes[s];
                row->line[i][x + 1] = (uint8_t)left[i];
            }
        }
    }
    memcpy(d->states, states, sizeof states);
    return at;
}

/* The same, by the form that was compiled for such planes. */
static const uint8_t *get_some(decoder *d, const row_of_planes *row, uint32_t from, uint32_t to,
                               const uint8_t *at)
{
    if (row->count < LANES)
        return get_columns(d, row, from, to, row->count, row->wide, true, at);
    if (row->wide)
        return get_columns(d, row, from, to, LANES, true, true, at);
    if (row->near)
        return get_columns(d, row, from, to, LANES, false, true, at);
    return get_columns(d, row, from, to, LANES, false, false, at);
}

/* As many columns as cannot read beyond the end; near it from a copy with zeros behind, which
 * shows whether they would have. @return false: too few bytes. */
static bool get_row(decoder *d, const row_of_planes *row)
{
    uint32_t x = 0, step = row->count * (row->wide ? 4 : 2);

    while (x < row->cols) {
        size_t left = (size_t)(d->end - d->at);
        size_t safe = left / step < row->cols - x ? left / step : row->cols - x;
        if (safe > 0) {
            d->at = get_some(d, row, x, x + (uint32_t)safe, d->at);
            x += (uint32_t)safe;
            continue;
        }
        uint8_t tail[STEP_BYTES + 2] = {0};
        memcpy(tail, d->at, left);
        size_t used = (size_t)(get_some(d, row, x, x + 1, tail) - tail);
        if (used > left)
            return false;
        d->at += used;
        x++;
    }
    return true;
}

static bool get_batch(decoder *d, const batch *b, uint8_t *symbols, uint8_t *lines, uint8_t *above)
{
    const clv_plane_model *model = d->model;
    row_of_planes row = {.count = b->count, .cols = model->cols};
    size_t n = plane_elems(model);

    for (uint32_t i = 0; i < b->count; i++) {
        const clv_plane_group *group = group_at(model, b->planes[i]);
        row.groups[i] = group;
        row.out[i] = symbols + b->planes[i] * n;
        row.line[i] = lines + (size_t)i * (model->cols + 2);
        row.above[i] = above + (size_t)i * model->cols;
        row.mask[i] = group->contexts > 1 ? UINT32_MAX : 0;
        memset(row.line[i], group->classes[group->zero], model->cols + 2);
        row.wide |= group->levels > CLV_RANS_LEVELS;
        row.near |= group->contexts > 1;
    }
    /* The fast form has nothing to do between rows: the plane is one of them. */
    bool is_flat = b->count == LANES && !row.wide && !row.near;
    if (is_flat)
        row.cols = model->rows * model->cols;
    for (uint32_t y = 0; y < (is_flat ? 1 : model->rows); y++) {
        for (uint32_t i = 0; row.near && i < b->count; i++)
            row_above(row.above[i], row.line[i], model->cols);
        if (!get_row(d, &row))
            return false;
        for (uint32_t i = 0; i < b->count; i++)
            row.out[i] += model->cols;
    }
    return true;
}

static bool get_flags(decoder *d, uint8_t *empty)
{
    for (uint32_t p = 0; p < d->model->planes; p++) {
        uint8_t word[2] = {0};
        const uint8_t *at = word;
        uint32_t *state = &d->states[p % LANES];
        clv_frequencies f = empty_table(group_at(d->model, p));

        empty[p] = (uint8_t)clv_rans_get(state, &f);
        bool any = d->end - d->at >= 2;
        if (any)
            memcpy(word, d->at, 2);
        *state = clv_rans_refill(*state, &at);
        if (at != word && !any)
            return false;
        d->at += at - word;
    }
    return true;
}

static bool get_all(decoder *d, uint8_t *symbols, uint8_t *scratch)
{
    const clv_plane_model *model = d->model;
    uint8_t *empty = scratch, *lines = scratch + model->planes;
    uint8_t *above = lines + (size_t)LANES * (model->cols + 2);
    size_t n = plane_elems(model);
    batch b;

    if (!get_flags(d, empty))
        return false;
    for (uint32_t p = 0; p < model->planes; p++) {
        if (empty[p])
            memset(symbols + p * n, group_at(model, p)->zero, n);
    }
    for (uint32_t next = next_batch(&b, model, empty, 0); b.count > 0;
         next = next_batch(&b, model, empty, next)) {
        if (!get_batch(d, &b, symbols, lines, above))
            return false;
    }
    return true;
}

clv_status clv_planes_decode(uint8_t *symbols, const clv_plane_model *model, uint8_t *scratch,
                             const uint8_t *src, size_t bytes)
{
    decoder d = {.model = model, .at = src + STATE_BYTES, .end = src + bytes};

    if (bytes < STATE_BYTES)
        return CLV_EFORMAT;
    for (unsigned i = 0; i < LANES; i++) {
        d.states[i] = clv_read_u32(src + (size_t)4 * i);
        if (d.states[i] < CLV_RANS_START)
            return CLV_EFORMAT;
    }
    if (!get_all(&d, symbols, scratch) || d.at != d.end)
        return CLV_EFORMAT;
    uint32_t checksum = clv_symbols_checksum(symbols, model->planes * plane_elems(model));
    for (unsigned i = 0; i < LANES; i++) {
        if (d.states[i] != start_of(i, checksum))
            return CLV_EFORMAT;
    }
    return CLV_OK;
}
