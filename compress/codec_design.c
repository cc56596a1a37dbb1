/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/codec_design.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/codec_groups.h"
#include "compress/linear_algebra.h"

#define MAX_TRANSFORM 1024u
#define MOST_SIGNED 15 /* numbers are -15..15, or 0..15 where none is negative */
#define MOST_UNSIGNED 15
#define MOST_WIDE 127
#define WIDE_ZERO 128
#define CLIPPED 0.0005 /* of a plane's numbers, so many may be clipped to keep its step small */
#define RIDGE 1e-5
#define ROUNDS 3      /* of tables, and of the symbols that encoders choose by them */
#define FAST_ROUNDS 2 /* without and with the planes that are dropped */

typedef struct design {
    const clv_features *f;
    const clv_design_options *o;
    uint32_t channels, planes;
    size_t elems, n; /* of a channel: on one image, on all */
    bool is_signed;
    double step;
    double *mean, *covariance; /* [channels], [channels, channels] */
    double *metric;            /* [channels, channels] */
    float *offset;             /* [channels] */
    uint32_t *source;          /* [planes], no transform */
    int8_t *forward;           /* [planes, channels] */
    float *forward_scale;      /* [planes] */
    float *steps;              /* [planes] */
    float *values;             /* [planes, n] in steps */
    int16_t *numbers;          /* [planes, n] */
    uint8_t *group_of;
    double *bits;
    clv_plane_group groups[CLV_PLANE_MAX_GROUPS];
    clv_point_quantiser quantisers[CLV_PLANE_MAX_GROUPS];
    uint32_t n_groups;
    clv_arena memory;
} design;

static clv_status make_room(design *d)
{
    size_t channels = d->channels, matrix = channels * channels;
    clv_arena *memory = &d->memory;

    d->mean = clv_arena_alloc(memory, channels, sizeof *d->mean);
    d->offset = clv_arena_alloc(memory, channels, sizeof *d->offset);
    d->covariance = clv_arena_alloc(memory, matrix, sizeof *d->covariance);
    d->metric = clv_arena_alloc(memory, matrix, sizeof *d->metric);
    d->source = clv_arena_alloc(memory, channels, sizeof *d->source);
    d->forward = clv_arena_alloc(memory, matrix, sizeof *d->forward);
    d->forward_scale = clv_arena_alloc(memory, channels, sizeof *d->forward_scale);
    d->steps = clv_arena_alloc(memory, channels, sizeof *d->steps);
    d->values = clv_arena_alloc(memory, channels * d->n, sizeof *d->values);
    d->numbers = clv_arena_alloc(memory, channels * d->n, sizeof *d->numbers);
    d->group_of = clv_arena_alloc(memory, channels, 1);
    d->bits = clv_arena_alloc(memory, channels, sizeof *d->bits);
    return d->mean != NULL && d->offset != NULL && d->covariance != NULL && d->metric != NULL &&
                   d->source != NULL && d->forward != NULL && d->forward_scale != NULL &&
                   d->steps != NULL && d->values != NULL && d->numbers != NULL &&
                   d->group_of != NULL && d->bits != NULL
               ? CLV_OK
               : CLV_ENOMEM;
}

/* Channel @p c on image @p i. */
static const float *channel_at(const design *d, size_t i, uint32_t c)
{
    return d->f->data + (i * d->channels + c) * d->elems;
}

/* --- what the channels are like -------------------------------------------------------------- */

static double product_of(const float *a, double mean_a, const float *b, double mean_b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (a[i] - mean_a) * (b[i] - mean_b);
    return sum;
}

static void find_moments(design *d)
{
    float least = 0;

    for (size_t i = 0; i < d->f->count; i++) {
        for (uint32_t c = 0; c < d->channels; c++) {
            const float *x = channel_at(d, i, c);
            for (size_t k = 0; k < d->elems; k++) {
                d->mean[c] += x[k] / (double)d->n;
                least = x[k] < least ? x[k] : least;
            }
        }
    }
    d->is_signed = d->o->transform || least < 0;
    for (uint32_t a = 0; a < d->channels; a++) {
        for (uint32_t b = 0; b <= a && (d->o->transform || b == a); b++) {
            double sum = 0;
            if (!d->o->transform)
                b = a;
            for (size_t i = 0; i < d->f->count; i++)
                sum += product_of(channel_at(d, i, a), d->mean[a], channel_at(d, i, b), d->mean[b],
                                  d->elems);
            d->covariance[(size_t)a * d->channels + b] = sum / (double)d->n;
            d->covariance[(size_t)b * d->channels + a] = sum / (double)d->n;
        }
    }
}

/* The metric, and the step in its units. Energy of the output's error when all that the channels
 * vary is lost: the sum over pairs of metric times covariance. */
static void find_step(design *d)
{
    size_t n = d->channels;
    double energy = 0;

    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            double m = d->o->metric != NULL ? d->o->metric[a * n + b] : (a == b);
            if (!d->o->transform && a != b)
                m = 0;
            d->metric[a * n + b] = m;
            energy += m * d->covariance[a * n + b];
        }
    }
    d->step = d->o->step * sqrt(energy > 0 ? energy : 1);
}

/* --- planes ---------------------------------------------------------------------------------- */

/* What makes up plane @p p, in whole 127ths of the largest. */
static void keep_row(design *d, uint32_t p, const double *row)
{
    double most = 0;

    for (uint32_t c = 0; c < d->channels; c++)
        most = fmax(most, fabs(row[c]));
    d->forward_scale[p] = (float)(most > 0 ? most / 127 : 1);
    for (uint32_t c = 0; c < d->channels; c++)
        d->forward[(size_t)p * d->channels + c] =
            (int8_t)lrint(row[c] / (most > 0 ? most / 127 : 1));
}

/* With metric = L L^T an error e costs |L^T e|^2: the Karhunen-Loeve transform of L^T x. */
static clv_status find_transform(design *d)
{
    uint32_t n = d->channels;
    size_t matrix = (size_t)n * n;
    clv_status status = CLV_ENOMEM;
    double *l = clv_calloc(matrix, sizeof *l), *s = clv_calloc(matrix, sizeof *s);
    double *half = clv_calloc(matrix, sizeof *half), *turned = clv_calloc(matrix, sizeof *turned);
    double *variances = clv_calloc(n, sizeof *variances), *row = clv_calloc(n, sizeof *row);

    if (l == NULL || s == NULL || half == NULL || turned == NULL || variances == NULL ||
        row == NULL)
        goto done;
    memcpy(l, d->metric, matrix * sizeof *l);
    clv_cholesky(l, n);
    for (uint32_t a = 0; a < n; a++) { /* half = covariance * L */
        for (uint32_t k = 0; k < n; k++) {
            double factor = d->covariance[(size_t)a * n + k];
            for (uint32_t b = 0; b <= k; b++)
                half[(size_t)a * n + b] += factor * l[(size_t)k * n + b];
        }
    }
    for (uint32_t k = 0; k < n; k++) { /* s = L^T * half */
        for (uint32_t a = 0; a <= k; a++) {
            double factor = l[(size_t)k * n + a];
            for (uint32_t b = 0; b < n; b++)
                s[(size_t)a * n + b] += factor * half[(size_t)k * n + b];
        }
    }
    clv_eigen_symmetric(variances, turned, s, n);
    for (uint32_t p = 0; p < n; p++) {
        for (uint32_t c = 0; c < n; c++) {
            row[c] = 0;
            for (uint32_t k = 0; k <= c; k++)
                row[c] += turned[(size_t)p * n + k] * l[(size_t)c * n + k];
        }
        keep_row(d, p, row);
        d->steps[p] = (float)d->step;
    }
    status = CLV_OK;
done:
    clv_free(l);
    clv_free(s);
    clv_free(half);
    clv_free(turned);
    clv_free(variances);
    clv_free(row);
    return status;
}

/* Each channel a plane, its step by its weight. */
static void find_steps(design *d)
{
    double most = 0;

    for (uint32_t c = 0; c < d->channels; c++)
        most = fmax(most, d->metric[(size_t)c * d->channels + c]);
    for (uint32_t c = 0; c < d->channels; c++) {
        double weight = fmax(d->metric[(size_t)c * d->channels + c], most * 1e-9);
        d->source[c] = c;
        d->steps[c] = (float)(d->step / sqrt(weight > 0 ? weight : 1));
    }
}

static void find_values(const design *d, uint32_t p)
{
    float *out = d->values + p * d->n;

    for (size_t i = 0; i < d->f->count; i++, out += d->elems) {
        memset(out, 0, d->elems * sizeof *out);
        for (uint32_t c = 0; c < d->channels; c++) {
            double factor = d->o->transform ? (double)d->forward[(size_t)p * d->channels + c] *
                                                  d->forward_scale[p]
                                            : (d->source[p] == c);
            const float *x = channel_at(d, i, c);
            float scaled = (float)(factor / d->steps[p]);
            for (size_t k = 0; scaled != 0 && k < d->elems; k++)
                out[k] += (x[k] - d->offset[c]) * scaled;
        }
    }
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The magnitude that all but CLIPPED of a plane's numbers keep under. */
static float reach_of(const design *d, uint32_t p, float *scratch)
{
    for (size_t i = 0; i < d->n; i++)
        scratch[i] = fabsf(d->values[p * d->n + i]);
    qsort(scratch, d->n, sizeof *scratch, compare_floats);
    return scratch[d->n - 1 - (size_t)((double)d->n * CLIPPED)];
}

static int most_of(const design *d)
{
    if (d->o->wide)
        return MOST_WIDE;
    return d->is_signed ? MOST_SIGNED : MOST_UNSIGNED;
}

/* Planes that reach too far get a larger step. */
static void limit_reach(design *d, uint32_t p, float *scratch)
{
    float most = (float)most_of(d) + 0.5f, reach = reach_of(d, p, scratch);

    if (reach <= most)
        return;
    d->steps[p] *= reach / most;
    for (size_t i = 0; i < d->n; i++)
        d->values[p * d->n + i] *= most / reach;
}

static void round_plane(const design *d, uint32_t p)
{
    float add = (float)d->o->rounding / 256.0f, most = (float)most_of(d);
    float least = d->is_signed ? -most : 0;

    for (size_t i = 0; i < d->n; i++) {
        float v = d->values[p * d->n + i];
        float shifted = v < 0 ? v - add : v + add;
        shifted = shifted > least ? shifted : least;
        d->numbers[p * d->n + i] = (int16_t)(shifted < most ? shifted : most);
    }
}

static clv_status make_planes(design *d)
{
    float *scratch = clv_calloc(d->n, sizeof *scratch);

    if (scratch == NULL)
        return CLV_ENOMEM;
    for (uint32_t c = 0; c < d->channels; c++)
        d->offset[c] = d->is_signed ? (float)d->mean[c] : 0;
    clv_status status = CLV_OK;
    if (d->o->transform)
        status = find_transform(d);
    else
        find_steps(d);
    d->planes = d->channels;
    for (uint32_t p = 0; p < d->planes && status == CLV_OK; p++) {
        find_values(d, p);
        limit_reach(d, p, scratch);
        round_plane(d, p);
    }
    clv_free(scratch);
    return status;
}

/* --- groups and dropped planes --------------------------------------------------------------- */

static clv_status group(design *d)
{
    const uint8_t wide_zero = WIDE_ZERO; /* their symbols are coded as bytes are */
    clv_plane_samples samples = {d->numbers, d->planes,   d->f->rows,
                                 d->f->cols, d->f->count, d->o->wide ? &wide_zero : NULL};
    return clv_codec_group(d->groups, d->group_of, d->bits, &d->n_groups, &samples, d->o->groups,
                           d->o->contexts);
}

/* The mean of what became each symbol of a group. */
static void find_centres(design *d, uint32_t g)
{
    const clv_plane_group *group = &d->groups[g];
    double sum[CLV_PLANE_MAX_LEVELS] = {0}, seen[CLV_PLANE_MAX_LEVELS] = {0};

    for (uint32_t p = 0; p < d->planes; p++) {
        for (size_t i = p * d->n; i < (p + 1) * d->n && d->group_of[p] == g; i++) {
            sum[d->numbers[i] + group->zero] += (double)d->values[i] - d->numbers[i];
            seen[d->numbers[i] + group->zero]++;
        }
    }
    d->quantisers[g].rounding = d->o->rounding;
    for (uint32_t s = 0; s < group->levels; s++) {
        double centre = seen[s] > 0 ? 128 * sum[s] / seen[s] : 0;
        d->quantisers[g].centre[s] = (int8_t)lrint(fmin(fmax(centre, -127), 127));
    }
}

/* What number @p i of plane @p p comes back as, in steps. */
static double comes_back(const design *d, uint32_t p, size_t i)
{
    int number = d->numbers[p * d->n + i];
    uint32_t g = d->group_of[p];
    return number + d->quantisers[g].centre[number + d->groups[g].zero] / 128.0;
}

/* Units of the output's error for a step of plane @p p, in steps of the point: 1, but where the
 * plane's step was enlarged. */
static double scale_of(const design *d, uint32_t p)
{
    double scale = d->steps[p] / d->step;
    if (!d->o->transform)
        scale *= sqrt(d->metric[(size_t)d->source[p] * (d->channels + 1)]);
    return scale;
}

/* Squared steps of output error that coding plane @p p saves. */
static double saving_of(const design *d, uint32_t p)
{
    double lost = 0, mean = 0, kept = 0;

    for (size_t i = 0; i < d->n; i++) {
        double v = d->values[p * d->n + i], e = v - comes_back(d, p, i);
        mean += v;
        lost += v * v;
        kept += e * e;
    }
    double scale = scale_of(d, p);
    return (lost - mean * mean / (double)d->n - kept) * scale * scale;
}

static void move_plane(design *d, uint32_t to, uint32_t from)
{
    if (to == from)
        return;
    memcpy(d->forward + (size_t)to * d->channels, d->forward + (size_t)from * d->channels,
           d->channels);
    memcpy(d->values + to * d->n, d->values + from * d->n, d->n * sizeof *d->values);
    memcpy(d->numbers + to * d->n, d->numbers + from * d->n, d->n * sizeof *d->numbers);
    d->forward_scale[to] = d->forward_scale[from];
    d->steps[to] = d->steps[from];
    d->source[to] = d->source[from];
    d->group_of[to] = d->group_of[from];
}

/* Planes that cost more than they save go. */
static void drop_planes(design *d)
{
    uint32_t kept = 0;

    for (uint32_t p = 0; p < d->planes; p++) {
        if (saving_of(d, p) > d->o->price * d->bits[p]) {
            move_plane(d, kept++, p);
        } else if (!d->o->transform) {
            d->offset[d->source[p]] = (float)d->mean[d->source[p]];
        }
    }
    d->planes = kept;
}

/* What a bit may cost, in squared steps of the group's planes. The fast mode has no time for it. */
static void find_price(design *d, uint32_t g)
{
    double weight = 0, planes = 0;

    for (uint32_t p = 0; p < d->planes; p++) {
        if (d->group_of[p] == g) {
            weight += scale_of(d, p) * scale_of(d, p);
            planes++;
        }
    }
    double price = weight > 0 && d->o->contexts ? 256 * d->o->price * planes / weight : 0;
    d->quantisers[g].price = (uint8_t)lrint(fmin(price, UINT8_MAX));
}

static clv_plane_model model_of(const design *d)
{
    return (clv_plane_model){d->planes,   d->f->rows, d->f->cols,
                             d->group_of, d->groups,  d->n_groups};
}

/* The numbers that an encoder will choose by the tables there are, on one image. */
static void choose_on_image(design *d, size_t image, const clv_plane_choice *choices,
                            uint8_t *symbols, uint8_t *parts, uint8_t *scratch)
{
    clv_plane_model model = model_of(d);
    size_t elems = d->elems;

    for (uint32_t p = 0; p < d->planes; p++)
        clv_plane_nearest(symbols + p * elems, parts + p * elems,
                          d->values + p * d->n + image * elems, elems, &d->groups[d->group_of[p]]);
    clv_planes_choose(symbols, parts, &model, choices, scratch);
    for (uint32_t p = 0; p < d->planes; p++) {
        int zero = d->groups[d->group_of[p]].zero;
        for (size_t k = 0; k < elems; k++)
            d->numbers[p * d->n + image * elems + k] = (int16_t)(symbols[p * elems + k] - zero);
    }
}

static clv_status choose_numbers(design *d)
{
    clv_plane_model model = model_of(d);
    size_t symbols = d->planes * d->elems;
    clv_plane_choice *choices = clv_calloc(d->n_groups + 1u, sizeof *choices);
    uint8_t *room = clv_calloc(2 * symbols + clv_plane_scratch_bytes(&model), 1);
    clv_status status = choices != NULL && room != NULL ? CLV_OK : CLV_ENOMEM;

    for (uint32_t g = 0; g < d->n_groups && status == CLV_OK; g++)
        clv_plane_choice_make(&choices[g], &d->groups[g], d->quantisers[g].centre,
                              d->quantisers[g].price / 256.0);
    for (size_t image = 0; image < d->f->count && status == CLV_OK; image++)
        choose_on_image(d, image, choices, room, room + symbols, room + 2 * symbols);
    clv_free(choices);
    clv_free(room);
    return status;
}

static clv_status sort_planes(design *d)
{
    /* Tables and choices make each other. */
    for (int round = 0, rounds = d->o->contexts ? ROUNDS : FAST_ROUNDS; round < rounds; round++) {
        CLV_TRY(group(d));
        for (uint32_t g = 0; g < d->n_groups; g++) {
            find_centres(d, g);
            find_price(d, g);
        }
        if (round == 0)
            drop_planes(d);
        if (d->o->contexts && round + 1 < rounds)
            CLV_TRY(choose_numbers(d));
    }
    return CLV_OK;
}

/* --- the way back ---------------------------------------------------------------------------- */

/* Least squares: what of each plane tells most about every channel. */
static void fit_inverse(design *d, clv_point *point, double *a, double *b, float *back)
{
    uint32_t planes = d->planes, channels = d->channels;

    for (uint32_t p = 0; p < planes; p++) {
        for (size_t i = 0; i < d->n; i++)
            back[p * d->n + i] = (float)(comes_back(d, p, i) * d->steps[p]);
    }
    for (uint32_t p = 0; p < planes; p++) {
        for (uint32_t q = 0; q <= p; q++)
            a[(size_t)p * planes + q] = a[(size_t)q * planes + p] =
                product_of(back + p * d->n, 0, back + q * d->n, 0, d->n);
        a[(size_t)p * planes + p] *= 1 + RIDGE;
    }
    clv_cholesky(a, planes);
    for (uint32_t c = 0; c < channels; c++) {
        double *row = b + (size_t)c * planes;
        for (uint32_t p = 0; p < planes; p++) {
            for (size_t i = 0; i < d->f->count; i++)
                row[p] += product_of(channel_at(d, i, c), d->mean[c],
                                     back + p * d->n + i * d->elems, 0, d->elems);
        }
        clv_cholesky_solve(row, a, planes);
    }
    for (uint32_t p = 0; p < planes; p++) {
        double most = 0;
        for (uint32_t c = 0; c < channels; c++)
            most = fmax(most, fabs(b[(size_t)c * planes + p]));
        most = most > 0 ? most / INT16_MAX : 1;
        point->inverse_scale[p] = (float)most;
        for (uint32_t c = 0; c < channels; c++)
            point->inverse[(size_t)c * planes + p] =
                (int16_t)lrint(b[(size_t)c * planes + p] / most);
    }
}

static clv_status make_inverse(design *d, clv_point *point)
{
    double *a = clv_calloc((size_t)d->planes * d->planes + 1, sizeof *a);
    double *b = clv_calloc((size_t)d->channels * d->planes + 1, sizeof *b);
    float *back = clv_calloc(d->planes * d->n + 1, sizeof *back);
    bool good = a != NULL && b != NULL && back != NULL;

    if (good)
        fit_inverse(d, point, a, b, back);
    clv_free(a);
    clv_free(b);
    clv_free(back);
    return good ? CLV_OK : CLV_ENOMEM;
}

static clv_status make_point(clv_point **out, design *d)
{
    clv_point like = {.transform = d->o->transform,
                      .bytes = d->o->bytes,
                      .channels = d->channels,
                      .rows = d->f->rows,
                      .cols = d->f->cols,
                      .planes = d->planes,
                      .n_groups = d->n_groups};
    clv_point *point;

    CLV_TRY(clv_point_create(&point, &like));
    memcpy(point->group_of, d->group_of, d->planes);
    memcpy(point->groups, d->groups, d->n_groups * sizeof *d->groups);
    memcpy(point->quantisers, d->quantisers, d->n_groups * sizeof *d->quantisers);
    memcpy(point->step, d->steps, d->planes * sizeof *d->steps);
    memcpy(point->offset, d->offset, d->channels * sizeof *d->offset);
    for (uint32_t p = 0; p < d->planes && !d->o->transform; p++)
        point->source[p] = (uint16_t)d->source[p];
    clv_point_price(point);
    clv_status status = CLV_OK;
    if (d->o->transform) {
        memcpy(point->forward, d->forward, (size_t)d->planes * d->channels);
        memcpy(point->forward_scale, d->forward_scale, d->planes * sizeof *d->forward_scale);
        status = make_inverse(d, point);
    }
    if (status == CLV_OK)
        *out = point;
    else
        clv_point_free(point);
    return status;
}

static bool options_are_sane(const clv_features *f, const clv_design_options *o)
{
    return f->count > 0 && f->channels > 0 && f->rows > 0 && f->cols > 0 && o->step > 0 &&
           o->groups > 0 && o->groups <= CLV_PLANE_MAX_GROUPS && o->rounding <= 128;
}

clv_status clv_codec_design(clv_point **out, const clv_features *features,
                            const clv_design_options *options)
{
    if (!options_are_sane(features, options))
        return CLV_EINVAL;
    if (features->channels > (options->transform ? MAX_TRANSFORM : CLV_POINT_MAX_CHANNELS))
        return CLV_ELIMIT;
    design *d = clv_calloc(1, sizeof *d);
    if (d == NULL)
        return CLV_ENOMEM;
    d->f = features;
    d->o = options;
    d->channels = features->channels;
    d->elems = (size_t)features->rows * features->cols;
    d->n = d->elems * features->count;
    clv_status status = make_room(d);
    if (status == CLV_OK) {
        find_moments(d);
        find_step(d);
        status = make_planes(d);
    }
    if (status == CLV_OK)
        status = sort_planes(d);
    if (status == CLV_OK)
        status = make_point(out, d);
    clv_arena_done(&d->memory);
    clv_free(d);
    return status;
}

/* --- lossless -------------------------------------------------------------------------------- */

static uint8_t most_frequent(const uint8_t *data, size_t n)
{
    uint64_t seen[256] = {0};
    unsigned best = 0;

    for (size_t i = 0; i < n; i++)
        seen[data[i]]++;
    for (unsigned i = 0; i < 256; i++)
        best = seen[i] > seen[best] ? i : best;
    return (uint8_t)best;
}

clv_status clv_codec_design_lossless(clv_point **out, const uint8_t *data, size_t count,
                                     uint32_t channels, uint32_t rows, uint32_t cols,
                                     uint32_t groups)
{
    clv_point like = {.lossless = true,
                      .channels = channels,
                      .rows = rows,
                      .cols = cols,
                      .planes = channels,
                      .n_groups = groups < channels ? groups : channels};
    size_t elems = (size_t)rows * cols;
    clv_point *point;

    if (count == 0 || groups == 0)
        return CLV_EINVAL;
    CLV_TRY(clv_point_create(&point, &like));
    uint8_t zero = most_frequent(data, count * channels * elems);
    int16_t *numbers = clv_calloc(count * channels * elems, sizeof *numbers);
    double *bits = clv_calloc(channels, sizeof *bits);
    clv_status status = numbers != NULL && bits != NULL ? CLV_OK : CLV_ENOMEM;
    for (size_t i = 0; i < count * channels && status == CLV_OK; i++) {
        size_t image = i / channels, c = i % channels;
        for (size_t k = 0; k < elems; k++)
            numbers[(c * count + image) * elems + k] = (int16_t)(data[i * elems + k] - zero);
    }
    clv_plane_samples samples = {numbers, channels, rows, cols, count, &zero};
    if (status == CLV_OK)
        status = clv_codec_group(point->groups, point->group_of, bits, &point->n_groups, &samples,
                                 like.n_groups, true);
    if (status == CLV_OK)
        *out = point;
    else
        clv_point_free(point);
    clv_free(numbers);
    clv_free(bits);
    return status;
}
