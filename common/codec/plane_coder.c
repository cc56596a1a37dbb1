/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/plane_coder.h"

#include <string.h>

#include "base/error.h"
#include "codec/plane_batch.h"

#define LANES CLV_PLANE_LANES
#define STATE_BYTES (LANES * 4u)
#define ESCAPE 15u              /* upper symbol: not among the 15 levels around the zero */
#define STEP_BYTES (LANES * 4u) /* most that one symbol of every lane takes: two words each */
#define STRETCH 64u             /* columns that are decoded at a time */

size_t clv_plane_scratch_bytes(const clv_plane_model *model)
{
    size_t n = clv_plane_elems(model);
    return model->planes + n + 2 * LANES * (model->cols + (size_t)2) + model->planes * n;
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

/* --- encoding ----------------------------------------------------------------------------- */

typedef struct encoder {
    const clv_plane_model *model;
    const uint8_t *symbols;
    const uint8_t *empty;
    uint8_t *contexts;
    uint32_t states[LANES];
    uint8_t *at;    /* the first word written */
    uint8_t *start; /* where the room begins */
} encoder;

/* Planes of a batch. */
typedef struct lanes {
    const clv_plane_group *groups[LANES];
    const uint8_t *symbols[LANES];
    uint8_t *contexts[LANES];
    bool wide; /* some plane has over 16 levels */
} lanes;

static void set_lanes(lanes *out, const clv_plane_batch *b, const clv_plane_model *model,
                      const uint8_t *symbols, uint8_t *contexts)
{
    size_t n = clv_plane_elems(model);

    out->wide = false;
    for (uint32_t i = 0; i < b->count; i++) {
        out->groups[i] = clv_plane_group_at(model, b->planes[i]);
        out->symbols[i] = symbols + b->planes[i] * n;
        out->contexts[i] = contexts + b->planes[i] * n;
        out->wide |= out->groups[i]->levels > CLV_RANS_LEVELS;
    }
}

static inline uint32_t put_symbol(uint32_t state, uint8_t **at, const clv_plane_group *group,
                                  unsigned symbol, unsigned context, bool wide)
{
    if (!wide || group->levels <= CLV_RANS_LEVELS)
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

/* Steps [from, to) of a batch, backwards. @p count and @p wide are constants where this is called.
 */
static inline __attribute__((always_inline)) void put_steps(encoder *e, const lanes *l, size_t from,
                                                            size_t to, uint32_t count, bool wide)
{
    uint32_t states[LANES];
    uint8_t *at = e->at;

    memcpy(states, e->states, sizeof states);
    for (size_t k = to; k-- > from;) {
#pragma GCC unroll 8
        for (uint32_t i = count; i-- > 0;)
            states[i] =
                put_symbol(states[i], &at, l->groups[i], l->symbols[i][k], l->contexts[i][k], wide);
    }
    memcpy(e->states, states, sizeof states);
    e->at = at;
}

static clv_status put_batch(encoder *e, const clv_plane_batch *b)
{
    size_t n = clv_plane_elems(e->model), left = n;
    lanes l;

    set_lanes(&l, b, e->model, e->symbols, e->contexts);
    while (left > 0) { /* as many steps as there is surely room for */
        size_t safe = (size_t)(e->at - e->start) / STEP_BYTES;
        if (safe == 0)
            return CLV_ENOSPC;
        size_t from = left > safe ? left - safe : 0;
        if (b->count < LANES)
            put_steps(e, &l, from, left, b->count, true);
        else if (l.wide)
            put_steps(e, &l, from, left, LANES, true);
        else
            put_steps(e, &l, from, left, LANES, false);
        left = from;
    }
    return CLV_OK;
}

/* The last planes before @p end that aren't empty, @p count of them. @return the first one's
 * number. */
static uint32_t last_batch(clv_plane_batch *out, const uint8_t *empty, uint32_t end, uint32_t count)
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
    clv_plane_batch b;

    for (uint32_t p = 0; p < model->planes; p++)
        left += !e->empty[p];
    for (; left > 0; left -= b.count) {
        end = last_batch(&b, e->empty, end, left % LANES != 0 ? left % LANES : LANES);
        CLV_TRY(put_batch(e, &b));
    }
    for (uint32_t p = model->planes; p-- > 0;) {
        clv_frequencies f = empty_table(clv_plane_group_at(model, p));
        if ((size_t)(e->at - e->start) < 2)
            return CLV_ENOSPC;
        e->states[p % LANES] = clv_rans_put(e->states[p % LANES], &e->at, &f, e->empty[p]);
    }
    return CLV_OK;
}

/* Contexts of row @p y of a lane's plane; its classes are left in the other line. */
static void row_contexts(const clv_plane_workspace *w, const clv_plane_model *model, const lanes *l,
                         uint32_t lane, uint32_t y)
{
    const clv_plane_group *group = l->groups[lane];
    const uint8_t *above = w->lines[y % 2] + lane * w->width;
    uint8_t *line = w->lines[(y + 1) % 2] + lane * w->width;
    size_t at = (size_t)y * model->cols;
    uint16_t sums[STRETCH];

    clv_plane_classify(line + 1, l->symbols[lane] + at, group, model->cols);
    for (uint32_t x = 0; x < model->cols; x += STRETCH) {
        uint32_t cols = model->cols - x < STRETCH ? model->cols - x : STRETCH;
        uint8_t *out = l->contexts[lane] + at + x;
        clv_plane_sums_above(sums, above + x, w->activity + at + x, cols);
        for (uint32_t i = 0; i < cols; i++)
            sums[i] = (uint16_t)(sums[i] + clv_plane_sums_left(line[x + i]));
        for (uint32_t i = 0; i < cols; i++)
            out[i] = (uint8_t)clv_plane_context(group, sums[i]);
    }
}

/* Contexts of all planes that aren't empty. */
static void find_contexts(const clv_plane_workspace *w, const clv_plane_model *model,
                          const uint8_t *symbols)
{
    lanes l;
    clv_plane_batch b;

    for (uint32_t next = clv_plane_next_batch(&b, model, w->empty, 0); b.count > 0;
         next = clv_plane_next_batch(&b, model, w->empty, next)) {
        set_lanes(&l, &b, model, symbols, w->contexts);
        clv_plane_begin_lines(w, &b, model);
        for (uint32_t y = 0; y < model->rows; y++) {
            for (uint32_t i = 0; i < b.count; i++)
                row_contexts(w, model, &l, i, y);
            clv_plane_pass_activity(w->activity + (size_t)y * model->cols,
                                    w->lines[(y + 1) % 2] + 1, w->width, b.count, model->cols);
        }
    }
}

/* Which planes are empty. @return whether neighbours matter to any of the others. */
static bool find_empty(uint8_t *empty, const clv_plane_model *model, const uint8_t *symbols)
{
    size_t n = clv_plane_elems(model);
    bool near = false;

    for (uint32_t p = 0; p < model->planes; p++) {
        empty[p] = clv_plane_is_full_of(symbols + p * n, n, clv_plane_group_at(model, p)->zero);
        near |= !empty[p] && clv_plane_group_at(model, p)->contexts > 1;
    }
    return near;
}

clv_status clv_planes_encode(size_t *bytes_out, const clv_plane_model *model,
                             const uint8_t *symbols, uint8_t *scratch, uint8_t *dst, size_t cap)
{
    size_t all = model->planes * clv_plane_elems(model);
    uint32_t checksum = clv_symbols_checksum(symbols, all);
    clv_plane_workspace w = clv_plane_divide(model, scratch);
    encoder e = {.model = model, .symbols = symbols, .empty = w.empty, .contexts = w.contexts};

    if (cap < STATE_BYTES)
        return CLV_ENOSPC;
    if (find_empty(w.empty, model, symbols))
        find_contexts(&w, model, symbols);
    else
        memset(w.contexts, 0, all);
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

/* Some columns of a row of each lane's plane. */
typedef struct stretch {
    const clv_plane_group *groups[LANES];
    uint32_t count;
    bool wide;                      /* some plane has over 16 levels */
    bool near;                      /* to some plane neighbours matter */
    uint16_t left[LANES];           /* what the column before adds to the sums */
    uint16_t above[LANES][STRETCH]; /* what the row above and other planes add */
    uint8_t out[LANES][STRETCH];
    uint16_t steps[LANES][CLV_PLANE_MAX_LEVELS]; /* clv_plane_sums_left() of each symbol */
} stretch;

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

/* Columns [from, to) of a stretch. @p count, @p wide and @p near are constants where this is
 * called.
 */
static inline __attribute__((always_inline)) const uint8_t *
get_columns(decoder *d, stretch *t, uint32_t from, uint32_t to, uint32_t count, bool wide,
            bool near, const uint8_t *at)
{
    uint32_t states[LANES], left[LANES];

    memcpy(states, d->states, sizeof states);
    for (uint32_t i = 0; i < count; i++)
        left[i] = t->left[i];
    for (uint32_t x = from; x < to; x++) {
#pragma GCC unroll 8
        for (uint32_t i = 0; i < count; i++) {
            const clv_plane_group *group = t->groups[i];
            uint32_t context = near ? clv_plane_context(group, t->above[i][x] + left[i]) : 0;
            unsigned s = get_symbol(&states[i], &at, group, context, wide);
            t->out[i][x] = (uint8_t)s;
            if (near)
                left[i] = t->steps[i][s];
        }
    }
    memcpy(d->states, states, sizeof states);
    for (uint32_t i = 0; i < count; i++)
        t->left[i] = (uint16_t)left[i];
    return at;
}

/* The same, by the form that was compiled for such planes. */
static const uint8_t *get_some(decoder *d, stretch *t, uint32_t from, uint32_t to,
                               const uint8_t *at)
{
    if (t->count < LANES)
        return get_columns(d, t, from, to, t->count, true, true, at);
    if (t->wide)
        return get_columns(d, t, from, to, LANES, true, true, at);
    if (t->near)
        return get_columns(d, t, from, to, LANES, false, true, at);
    return get_columns(d, t, from, to, LANES, false, false, at);
}

/* As many columns as cannot read beyond the end; near it from a copy with zeros behind, which
 * shows whether they would have. @return false: too few bytes. */
static bool get_stretch(decoder *d, stretch *t, uint32_t cols)
{
    uint32_t x = 0, step = t->count * (t->wide ? 4 : 2);

    while (x < cols) {
        size_t left = (size_t)(d->end - d->at);
        size_t safe = left / step < cols - x ? left / step : cols - x;
        if (safe > 0) {
            d->at = get_some(d, t, x, x + (uint32_t)safe, d->at);
            x += (uint32_t)safe;
            continue;
        }
        uint8_t tail[STEP_BYTES + 2] = {0};
        memcpy(tail, d->at, left);
        size_t used = (size_t)(get_some(d, t, x, x + 1, tail) - tail);
        if (used > left)
            return false;
        d->at += used;
        x++;
    }
    return true;
}

/* The planes of a batch where neighbours matter to none: nothing to do between rows. */
static bool get_flat(decoder *d, stretch *t, uint8_t *const *out)
{
    size_t n = clv_plane_elems(d->model);

    for (size_t x = 0; x < n; x += STRETCH) {
        uint32_t cols = n - x < STRETCH ? (uint32_t)(n - x) : STRETCH;
        if (!get_stretch(d, t, cols))
            return false;
        for (uint32_t i = 0; i < t->count; i++)
            memcpy(out[i] + x, t->out[i], cols);
    }
    return true;
}

static bool get_row(decoder *d, stretch *t, const clv_plane_workspace *w, uint8_t *const *out,
                    uint32_t y)
{
    uint32_t all = d->model->cols;
    size_t at = (size_t)y * all;
    const uint8_t *above = w->lines[y % 2];
    uint8_t *line = w->lines[(y + 1) % 2];

    for (uint32_t i = 0; i < t->count; i++)
        t->left[i] = clv_plane_sums_left(line[i * w->width]);
    for (uint32_t x = 0; x < all; x += STRETCH) {
        uint32_t cols = all - x < STRETCH ? all - x : STRETCH;
        for (uint32_t i = 0; i < t->count; i++)
            clv_plane_sums_above(t->above[i], above + i * w->width + x, w->activity + at + x, cols);
        if (!get_stretch(d, t, cols))
            return false;
        for (uint32_t i = 0; i < t->count; i++) {
            memcpy(out[i] + at + x, t->out[i], cols);
            clv_plane_classify(line + i * w->width + x + 1, t->out[i], t->groups[i], cols);
        }
    }
    clv_plane_pass_activity(w->activity + at, line + 1, w->width, t->count, all);
    return true;
}

static void find_steps(uint16_t *restrict steps, const clv_plane_group *group)
{
    for (uint32_t s = 0; s < group->levels; s++)
        steps[s] = clv_plane_sums_left(group->classes[s]);
}

static bool get_batch(decoder *d, const clv_plane_batch *b, uint8_t *symbols,
                      const clv_plane_workspace *w)
{
    const clv_plane_model *model = d->model;
    size_t n = clv_plane_elems(model);
    uint8_t *out[LANES];
    stretch t;

    t.count = b->count;
    t.wide = t.near = false;
    for (uint32_t i = 0; i < b->count; i++) {
        const clv_plane_group *group = clv_plane_group_at(model, b->planes[i]);
        t.groups[i] = group;
        out[i] = symbols + b->planes[i] * n;
        t.wide |= group->levels > CLV_RANS_LEVELS;
        t.near |= group->contexts > 1;
        t.left[i] = 0;
    }
    if (b->count == LANES && !t.wide && !t.near) {
        for (size_t k = 0; k < n; k++)
            w->activity[k] = clv_plane_activity(w->activity[k], 0);
        return get_flat(d, &t, out);
    }
    clv_plane_begin_lines(w, b, model);
    for (uint32_t i = 0; i < b->count; i++)
        find_steps(t.steps[i], t.groups[i]);
    for (uint32_t y = 0; y < model->rows; y++) {
        if (!get_row(d, &t, w, out, y))
            return false;
    }
    return true;
}

static bool get_flags(decoder *d, uint8_t *empty)
{
    for (uint32_t p = 0; p < d->model->planes; p++) {
        uint8_t word[2] = {0};
        const uint8_t *at = word;
        uint32_t *state = &d->states[p % LANES];
        clv_frequencies f = empty_table(clv_plane_group_at(d->model, p));

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
    clv_plane_workspace w = clv_plane_divide(model, scratch);
    size_t n = clv_plane_elems(model);
    clv_plane_batch b;

    if (!get_flags(d, w.empty))
        return false;
    for (uint32_t p = 0; p < model->planes; p++) {
        if (w.empty[p])
            memset(symbols + p * n, clv_plane_group_at(model, p)->zero, n);
    }
    for (uint32_t next = clv_plane_next_batch(&b, model, w.empty, 0); b.count > 0;
         next = clv_plane_next_batch(&b, model, w.empty, next)) {
        if (!get_batch(d, &b, symbols, &w))
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
    uint32_t checksum = clv_symbols_checksum(symbols, model->planes * clv_plane_elems(model));
    for (unsigned i = 0; i < LANES; i++) {
        if (d.states[i] != start_of(i, checksum))
            return CLV_EFORMAT;
    }
    return CLV_OK;
}
