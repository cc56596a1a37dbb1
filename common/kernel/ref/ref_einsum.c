/* SPDX-License-Identifier: Apache-2.0 */
/* Einsum, by loops over its labels; Det. */
#include <math.h>
#include <string.h>

#include "graph/params_einsum.h"
#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

/* Loops [from, to) over labels; where each input is. */
typedef struct loops {
    const clv_einsum_params *p;
    uint32_t n_inputs, from, to;
    int64_t index[CLV_EINSUM_MAX_LABELS];
    int64_t offset[CLV_EINSUM_MAX_INPUTS];
} loops;

/* @return false after the last element, when all is as it was at first. */
static bool advance(loops *l)
{
    for (uint32_t label = l->to; label-- > l->from;) {
        bool wraps = ++l->index[label] == l->p->dim[label];
        int64_t move = wraps ? 1 - l->p->dim[label] : 1;
        for (uint32_t i = 0; i < l->n_inputs; i++)
            l->offset[i] += move * l->p->step[i][label];
        if (!wraps)
            return true;
        l->index[label] = 0;
    }
    return false;
}

static ref_number multiply(ref_number a, ref_number b)
{
    a.f *= b.f;
    a.bits *= b.bits;
    return a;
}

/* The sum over all labels that the output doesn't have. */
static ref_number contract(loops l, const clv_tensor *inputs)
{
    ref_number sum = {0};

    l.from = l.p->n_out;
    l.to = l.p->n_labels;
    do {
        ref_number x = ref_number_load(inputs[0].data, inputs[0].dtype, (size_t)l.offset[0]);
        for (uint32_t i = 1; i < l.n_inputs; i++)
            x = multiply(x, ref_number_load(inputs[i].data, inputs[i].dtype, (size_t)l.offset[i]));
        sum = (ref_number){x.kind, sum.f + x.f, sum.bits + x.bits};
    } while (advance(&l));
    return sum;
}

clv_status ref_einsum(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    clv_einsum_params p;
    loops l = {.p = &p, .n_inputs = node->n_inputs};
    size_t at = 0;

    CLV_TRY(clv_einsum_params_of(&p, graph, node, NULL));
    l.to = p.n_out;
    for (uint32_t i = p.n_out; i < p.n_labels; i++) {
        if (p.dim[i] == 0) { /* sums of nothing */
            memset(outputs[0].data, 0, ref_bytes(&outputs[0]));
            return CLV_OK;
        }
    }
    do {
        ref_number_store(outputs[0].data, outputs[0].dtype, at++, contract(l, inputs));
    } while (advance(&l));
    return CLV_OK;
}

/* --- Det ----------------------------------------------------------------------------------- */

/* Bring the row with the largest element of column k to row k. @return the change of sign. */
static double pivot(double m[CLV_MAX_DET][CLV_MAX_DET], size_t n, size_t k)
{
    size_t best = k;
    for (size_t i = k + 1; i < n; i++)
        best = fabs(m[i][k]) > fabs(m[best][k]) ? i : best;
    for (size_t j = 0; best != k && j < n; j++) {
        double held = m[k][j];
        m[k][j] = m[best][j];
        m[best][j] = held;
    }
    return best != k ? -1.0 : 1.0;
}

/* Gauss, with partial pivoting. */
static double determinant(const float *x, size_t n)
{
    double m[CLV_MAX_DET][CLV_MAX_DET], det = 1.0;

    for (size_t i = 0; i < n * n; i++)
        m[i / n][i % n] = (double)x[i];
    for (size_t k = 0; k < n; k++) {
        det *= pivot(m, n, k) * m[k][k];
        for (size_t i = k + 1; i < n && m[k][k] != 0.0; i++) {
            double factor = m[i][k] / m[k][k];
            for (size_t j = k; j < n; j++)
                m[i][j] -= factor * m[k][j];
        }
    }
    return det;
}

clv_status ref_det(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    size_t n = (size_t)shape->dim[shape->rank - 1], count = ref_elems(&outputs[0]);
    (void)graph;
    (void)node;

    for (size_t i = 0; i < count; i++)
        ((float *)outputs[0].data)[i] =
            (float)determinant((const float *)inputs[0].data + i * n * n, n);
    return CLV_OK;
}
