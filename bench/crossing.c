/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/crossing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "runtime/topk.h"

void bench_die(const char *what, const clv_error *err)
{
    (void)fprintf(stderr, "bench: %s: %s: %s\n", what, err->location, err->message);
    exit(1);
}

void *bench_room(size_t count, size_t size)
{
    void *memory = clv_calloc(count + 1, size);
    if (memory == NULL)
        abort();
    return memory;
}

void bench_open_set(bench_set *set, const char *text, clv_input_spec spec)
{
    clv_error err = CLV_ERROR_INIT;
    clv_calibration_images_found found;
    const char *colon = strchr(text, ':');
    char fit[16];

    if (colon == NULL || (size_t)(colon - text) >= sizeof fit) {
        (void)fprintf(stderr, "'%s' is not FIT:DIR\n", text);
        exit(2);
    }
    (void)snprintf(fit, sizeof fit, "%.*s", (int)(colon - text), text);
    clv_input_texts texts = {.fit = fit};
    if (clv_input_spec_override(&spec, &texts, &err) != CLV_OK ||
        clv_calibration_images_open(&set->images, &found, colon + 1, &spec, 1000, NULL, &err) !=
            CLV_OK)
        bench_die(text, &err);
    set->samples = clv_calibration_images_samples(set->images);
}

size_t bench_n_seen(const bench_state *b)
{
    size_t n = 0;
    for (int i = 0; i < b->n_sets; i++)
        n += b->sets[i].samples.count;
    return n;
}

/* The set and the number in it of image @p i of all. */
static const clv_samples *locate(const bench_state *b, size_t *i)
{
    int s = 0;
    for (; *i >= b->sets[s].samples.count; s++)
        *i -= b->sets[s].samples.count;
    return &b->sets[s].samples;
}

int64_t bench_answer_of(const bench_crossing *c)
{
    clv_top top;
    (void)clv_topk(&top, 1, &c->probe.outputs.tensors[0]);
    return top.index;
}

/* Square roots of the answer's probabilities. */
static void roots_of(const bench_crossing *c, float *out)
{
    const clv_tensor *t = &c->probe.outputs.tensors[0];
    size_t n = 0;
    double sum = 0, most = -INFINITY, least = INFINITY;

    if (clv_shape_elems(&n, &t->shape) != CLV_OK)
        abort();
    for (size_t i = 0; i < n; i++) {
        out[i] = ((const float *)t->data)[i];
        sum += out[i];
        most = fmax(most, out[i]);
        least = fmin(least, out[i]);
    }
    bool are_scores = least < 0 || fabs(sum - 1) > 1e-3;
    sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += out[i] = are_scores ? (float)exp(out[i] - most) : out[i];
    for (size_t i = 0; i < n; i++)
        out[i] = sqrtf(out[i] / (float)sum);
}

double bench_distance_to(const bench_crossing *c, size_t i)
{
    float now[BENCH_MAX_CLASSES];
    double sum = 0;
    roots_of(c, now);
    for (size_t k = 0; k < BENCH_MAX_CLASSES; k++) {
        double e = k < c->classes ? now[k] - c->roots[i * BENCH_MAX_CLASSES + k] : 0;
        sum += e * e;
    }
    return sum;
}

void bench_load_crossing(bench_crossing *c, const float *x)
{
    size_t n = (size_t)c->seen.channels * c->seen.rows * c->seen.cols;
    memcpy(c->probe.frontier.tensors[0].data, x, n * sizeof *x);
}

void bench_suffix(bench_crossing *c)
{
    clv_error err = CLV_ERROR_INIT;
    if (clv_cut_probe_suffix(&c->probe, &err) != CLV_OK)
        bench_die("suffix", &err);
}

/* Run all images to the cut, and on to their answers. */
void bench_cross(bench_crossing *c, const bench_state *b, uint32_t cut)
{
    clv_error err = CLV_ERROR_INIT;
    size_t count[2] = {b->design.samples.count, bench_n_seen(b)}, elems = 0;

    if (clv_cut_probe_init(&c->probe, b->graph, cut, NULL, 1, &err) != CLV_OK)
        bench_die("cut", &err);
    const clv_tensor *t = &c->probe.frontier.tensors[0];
    if (clv_shape_elems(&elems, &t->shape) != CLV_OK)
        abort();
    clv_features like = {NULL, 0, (uint32_t)t->shape.dim[1], (uint32_t)t->shape.dim[2],
                         (uint32_t)t->shape.dim[3]};
    c->answers = bench_room(count[1], sizeof *c->answers);
    c->roots = bench_room(count[1] * BENCH_MAX_CLASSES, sizeof *c->roots);
    if (clv_shape_elems(&c->classes, &c->probe.outputs.tensors[0].shape) != CLV_OK)
        abort();
    for (int kind = 0; kind < 2; kind++) {
        float *x = bench_room(count[kind] * elems, sizeof *x);
        for (size_t i = 0; i < count[kind]; i++) {
            size_t k = i;
            const clv_samples *from = kind == 0 ? &b->design.samples : locate(b, &k);
            if (clv_cut_probe_prefix(&c->probe, from, k, &err) != CLV_OK)
                bench_die("prefix", &err);
            memcpy(x + i * elems, t->data, elems * sizeof *x);
            if (kind == 1) {
                bench_suffix(c);
                c->answers[i] = bench_answer_of(c);
                roots_of(c, c->roots + i * BENCH_MAX_CLASSES);
            }
        }
        like.data = x;
        like.count = count[kind];
        *(kind == 0 ? &c->design : &c->seen) = like;
    }
}
