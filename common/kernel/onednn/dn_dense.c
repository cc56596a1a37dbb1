/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_dense.h"

#include <string.h>

#define STRIP_BYTES 49152u /* of source and output: a part of the second-level cache */
#define STRIP_PIXELS 64u   /* at least, for each time that weights are read */
#define SLACK 64u          /* bytes that vector code touches behind the last one */

#define STEP_WEIGHTS ((size_t)4 * CLV_DENSE_PANEL)
#define LANE_LIMIT 128 /* 255 * 128 is less than 2^15 */

static size_t reach(size_t kernel, size_t dilation)
{
    return (kernel - 1) * dilation + 1;
}

/* Rows of the source that @p rows rows of the output need. */
static size_t source_rows(const clv_dense *d, size_t rows)
{
    return (rows - 1) * d->stride_h + reach(d->kernel_h, d->dilation_h);
}

/* Whether no window leaves the image or the numbers that it holds. */
static bool is_direct(const clv_dense *d, size_t run_length)
{
    return d->flip == 0 && d->pad_h == 0 && d->pad_w == 0 && d->padded_w == d->w &&
           source_rows(d, d->out_h) <= d->h && run_length % 4 == 0;
}

/* What @p rows rows of the output touch. */
static size_t strip_bytes(const clv_dense *d, size_t rows)
{
    size_t each = (d->y == CLV_DENSE_F32 ? sizeof(float) : 1) + (d->residual == CLV_DENSE_NONE ? 0
                                                                 : d->residual == CLV_DENSE_F32
                                                                     ? sizeof(float)
                                                                     : 1);
    return source_rows(d, rows) * d->padded_w * d->channels +
           rows * d->out_w * d->out_channels * each;
}

bool clv_dense_plan(clv_dense *d)
{
    const size_t most = (size_t)1 << 20; /* of any extent: products stay in 64 bits */

    if (d->w > most || d->channels > most || d->out_w > most || d->kernel_w > most ||
        d->dilation_w > most || d->stride_w > most)
        return false;
    d->padded_w = (d->out_w - 1) * d->stride_w + reach(d->kernel_w, d->dilation_w);
    if (d->padded_w < d->w + d->pad_w)
        d->padded_w = d->w + d->pad_w;
    size_t row = d->padded_w * d->channels;
    bool in_rows = d->dilation_w == 1; /* a row of the window is one run */
    size_t run_length = d->channels * (in_rows ? d->kernel_w : 1);
    if (row > UINT32_MAX / reach(d->kernel_h, d->dilation_h)) /* of an offset */
        return false;
    d->n_runs = d->kernel_h * (in_rows ? 1 : d->kernel_w);
    d->run = (run_length + 3) / 4;
    d->direct = is_direct(d, run_length);
    d->strip = 1;
    while (d->strip < d->out_h &&
           (d->strip * d->out_w < STRIP_PIXELS || strip_bytes(d, d->strip + 1) <= STRIP_BYTES))
        d->strip++;
    d->strip_bytes =
        d->direct ? 0 : (source_rows(d, d->strip) * row + 2 * SLACK - 1) / SLACK * SLACK;
    return true;
}

/* --- weights ------------------------------------------------------------------------------- */

/* The steps of one panel as they are found: every four numbers of a window have one, and some have
 * a second one for the rest of their weights. */
typedef struct steps {
    size_t n;
    int8_t *weights;   /* [step, channel, 4] */
    uint32_t *offsets; /* as clv_dense says */
} steps;

size_t clv_dense_work_bytes(const clv_dense *d)
{
    return 2 * d->n_runs * d->run * (STEP_WEIGHTS + sizeof(uint32_t));
}

/* The weights of one panel's numbers [4 * quad, 4 * quad + 4). */
static void read_quad(int8_t *out, const clv_dense *d, const clv_dense_weights *w, size_t panel,
                      size_t quad)
{
    size_t taps = d->kernel_h * d->kernel_w, columns = taps / d->n_runs; /* columns: of a run */
    size_t first = quad % d->run * 4, tap = quad / d->run * columns;

    memset(out, 0, STEP_WEIGHTS);
    for (size_t k = 0; k < 4 && first + k < columns * d->channels; k++) {
        size_t column = (first + k) / d->channels, c = (first + k) % d->channels;
        const int8_t *from = w->data + (c * taps + tap + column) * w->step_each;
        for (size_t i = 0; i < CLV_DENSE_PANEL; i++) {
            size_t o = panel * CLV_DENSE_PANEL + i;
            if (o < d->out_channels)
                out[4 * i + k] = from[o * w->step];
        }
    }
}

static uint32_t offset_of(const clv_dense *d, size_t quad)
{
    size_t each = d->n_runs / d->kernel_h, run = quad / d->run;
    size_t at =
        (run / each * d->dilation_h * d->padded_w + run % each * d->dilation_w) * d->channels;
    return (uint32_t)(at + quad % d->run * 4);
}

/* Move what is too much for 16 bits from pairs of weights to @p rest.
 * @return whether there is any. */
static bool take_excess(int8_t *rest, int8_t *weights)
{
    bool any = false;

    for (size_t i = 0; i < STEP_WEIGHTS; i += 2) {
        int sum = weights[i] + weights[i + 1];
        int excess = sum > LANE_LIMIT ? sum - LANE_LIMIT : sum < -LANE_LIMIT ? sum + LANE_LIMIT : 0;
        rest[i] = rest[i + 1] = 0;
        if (excess == 0) /* or of two signs, which can't be too much */
            continue;
        rest[i] = (int8_t)excess; /* less than weights[i]: the other is at most 128 */
        weights[i] = (int8_t)(weights[i] - excess);
        any = true;
    }
    return any;
}

static void find_steps(steps *out, const clv_dense *d, const clv_dense_weights *w, size_t panel)
{
    size_t n_quads = d->n_runs * d->run;

    out->n = n_quads;
    for (size_t i = 0; i < n_quads; i++) {
        int8_t *weights = out->weights + i * STEP_WEIGHTS;
        int8_t *rest = out->weights + out->n * STEP_WEIGHTS;
        read_quad(weights, d, w, panel, i);
        out->offsets[i] = offset_of(d, i);
        if (take_excess(rest, weights))
            out->offsets[out->n++] = out->offsets[i];
    }
}

static steps steps_in(void *work, const clv_dense *d)
{
    size_t most = 2 * d->n_runs * d->run;
    int8_t *weights = work;
    return (steps){0, weights, (uint32_t *)(void *)(weights + most * STEP_WEIGHTS)};
}

/* Whether sums of any bytes by the weights of @p n steps stay in 16 bits. */
static bool fits(const int8_t *weights, size_t n)
{
    for (size_t lane = 0; lane < STEP_WEIGHTS; lane += 2) {
        int above = 0, below = 0;
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < 2; k++) {
                int weight = weights[i * STEP_WEIGHTS + lane + k];
                above += weight > 0 ? weight : 0;
                below += weight < 0 ? -weight : 0;
            }
        }
        if (above > LANE_LIMIT || below > LANE_LIMIT)
            return false;
    }
    return true;
}

/* How many steps from @p i on make a group. */
static size_t group_at(const steps *s, size_t i)
{
    const int8_t *weights = s->weights + i * STEP_WEIGHTS;

    if (s->n - i >= 4 && fits(weights, 4))
        return 4;
    return s->n - i >= 2 && fits(weights, 2) ? 2 : 1;
}

clv_dense_count clv_dense_count_steps(const clv_dense *d, const clv_dense_weights *w, void *work)
{
    steps s = steps_in(work, d);
    clv_dense_count count = {0, 0};

    for (size_t panel = 0; panel < clv_dense_n_panels(d); panel++) {
        find_steps(&s, d, w, panel);
        count.n_steps += s.n;
        for (size_t i = 0; i < s.n; i += group_at(&s, i))
            count.n_groups++;
    }
    return count;
}

/* The groups of @p size. @return how many. */
static size_t put_groups(const clv_dense_packed *out, size_t *at, const steps *s, size_t size)
{
    size_t n = 0, group;

    for (size_t i = 0; i < s->n; i += group) {
        group = group_at(s, i);
        if (group != size)
            continue;
        memcpy(out->weights + *at * STEP_WEIGHTS, s->weights + i * STEP_WEIGHTS,
               group * STEP_WEIGHTS);
        memcpy(out->offsets + *at, s->offsets + i, group * sizeof *s->offsets);
        *at += group;
        n++;
    }
    return n;
}

void clv_dense_pack(const clv_dense_packed *out, const clv_dense *d, const clv_dense_weights *w,
                    void *work)
{
    steps s = steps_in(work, d);
    size_t at = 0;

    for (size_t panel = 0; panel < clv_dense_n_panels(d); panel++) {
        clv_dense_panel *p = &out->panels[panel];
        int32_t *start = out->start + panel * CLV_DENSE_PANEL;
        find_steps(&s, d, w, panel);
        p->first = at;
        p->n_fours = put_groups(out, &at, &s, 4);
        p->n_twos = put_groups(out, &at, &s, 2);
        p->n_singles = put_groups(out, &at, &s, 1);
        memset(start, 0, CLV_DENSE_PANEL * sizeof *start);
        for (size_t i = 0; i < s.n * STEP_WEIGHTS; i++)
            start[i % STEP_WEIGHTS / 4] -= d->zero * s.weights[i];
    }
}
