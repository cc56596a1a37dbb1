/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/weight_rounding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compress/linear_algebra.h"

#define DAMPING 0.01 /* of the mean diagonal: what few pictures can't tell isn't believed */

typedef struct place {
    float weight; /* of the input, in the mean square of the output */
    uint32_t index;
} place;

/* Weights [first, first + n) of each output channel of a group. */
typedef struct block {
    uint32_t first, n;
    place *order;    /* n: which weight comes where; the one that counts most is rounded first */
    double *matrix;  /* [n, n]: at last L */
    float *triangle; /* the same */
    float *error;    /* n: of the weights, times L's columns: what the others should make up for */
} block;

static int least_first(const void *a, const void *b)
{
    const place *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight < y->weight ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Element (i, j) of a symmetric matrix whose lower triangle is there. */
static float element(const float *lower, uint32_t n, uint32_t i, uint32_t j)
{
    return i > j ? lower[(size_t)i * n + j] : lower[(size_t)j * n + i];
}

static void factorise(block *b, const float *moments)
{
    double mean = 0.0;

    for (uint32_t i = 0; i < b->n; i++) {
        b->order[i] = (place){moments[(size_t)i * b->n + i], i};
        mean += (double)b->order[i].weight / b->n;
    }
    qsort(b->order, b->n, sizeof *b->order, least_first);
    for (uint32_t i = 0; i < b->n; i++) {
        double *row = b->matrix + (size_t)i * b->n;
        for (uint32_t j = 0; j <= i; j++)
            row[j] = (double)element(moments, b->n, b->order[i].index, b->order[j].index);
        row[i] += DAMPING * mean;
    }
    clv_cholesky(b->matrix, b->n);
    for (size_t i = 0; i < (size_t)b->n * b->n; i++)
        b->triangle[i] = (float)b->matrix[i];
}

/* --- one output channel --------------------------------------------------------------------- */

typedef struct channel {
    const float *weights; /* of the channel, `stride` apart */
    int8_t *bytes;
    size_t stride;
    float scale;
    int32_t limit;
    size_t largest; /* whose byte stays */
} channel;

static int8_t nearest(float x, int32_t limit)
{
    float q = rintf(x);
    return (int8_t)(q > (float)limit ? limit : q < (float)-limit ? -limit : (int32_t)q);
}

/* From the last row up: the mean squared error of the output is the sum over rows i of
 * (L[i, i] e[i] + sum over j > i of L[j, i] e[j])^2, and e[i] is free in row i. */
static void round_block(const channel *c, const block *b)
{
    memset(b->error, 0, b->n * sizeof *b->error);
    for (uint32_t i = b->n; i-- > 0;) {
        const float *row = b->triangle + (size_t)i * b->n;
        size_t at = b->first + b->order[i].index;
        float w = c->weights[at * c->stride] / c->scale;
        int8_t *byte = &c->bytes[at * c->stride];
        if (at != c->largest)
            *byte = nearest(w + b->error[i] / row[i], c->limit);
        float e = w - (float)*byte;
        for (uint32_t j = 0; j < i; j++)
            b->error[j] += row[j] * e;
    }
}

static channel open_channel(clv_int8_weights *p, const float *weights, size_t depth, size_t o,
                            int32_t limit)
{
    size_t stride = p->axis == 0 ? 1 : p->n_scales, first = p->axis == 0 ? o * depth : o;
    channel c = {weights + first, p->bytes + first, stride, p->scales[o], limit, 0};

    for (size_t i = 1; i < depth; i++) {
        if (fabsf(c.weights[i * stride]) > fabsf(c.weights[c.largest * stride]))
            c.largest = i;
    }
    return c;
}

clv_status clv_round_weights(clv_int8_weights *weights, const clv_tensor *tensor,
                             const clv_moments *m, int32_t limit)
{
    size_t most = m->size;
    size_t per_group = weights->n_scales / m->groups;
    block b = {.order = clv_calloc(most, sizeof *b.order),
               .matrix = clv_calloc(most * most, sizeof *b.matrix),
               .triangle = clv_calloc(most * most, sizeof *b.triangle),
               .error = clv_calloc(most, sizeof *b.error)};
    bool room = b.order != NULL && b.matrix != NULL && b.triangle != NULL && b.error != NULL;

    for (size_t g = 0; g < m->groups && room; g++) {
        for (uint32_t k = 0; k < m->n_blocks; k++) {
            b.first = k * m->size;
            b.n = clv_moments_block_size(m, k);
            factorise(&b, m->blocks[g * m->n_blocks + k]);
            for (size_t o = g * per_group; o < (g + 1) * per_group; o++) {
                channel c = open_channel(weights, tensor->data, m->depth, o, limit);
                round_block(&c, &b);
            }
        }
    }
    clv_free(b.order);
    clv_free(b.matrix);
    clv_free(b.triangle);
    clv_free(b.error);
    return room ? CLV_OK : CLV_ENOMEM;
}
