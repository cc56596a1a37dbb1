/* SPDX-License-Identifier: Apache-2.0 */
/* NegativeLogLikelihoodLoss; SoftmaxCrossEntropyLoss, which is that of a LogSoftmax. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

/* log(exp(x) / the sum of all exp(x)) = (x - max) - log_sum: in this order nothing is lost where
 * the scores are large. Both are 0 for scores that are log probabilities already. */
typedef struct shift {
    float max, log_sum;
} shift;

/* Over @p n scores that lie @p step apart. */
static shift softmax_shift(const float *x, size_t n, size_t step)
{
    float max = -INFINITY, sum = 0.0f;

    for (size_t i = 0; i < n; i++)
        max = x[i * step] > max ? x[i * step] : max;
    for (size_t i = 0; i < n; i++)
        sum += expf(x[i * step] - max);
    return (shift){max, logf(sum)};
}

typedef struct loss {
    bool is_softmax;
    size_t classes, area;
    const float *weights; /* or NULL */
    bool has_ignored;
    int64_t ignored; /* a target that counts for nothing */
} loss;

/* The loss of one place, whose class is @p target; its weight is added to @p weight. */
static clv_status place(float *out, double *weight, const loss *l, const float *x, int64_t target,
                        float *log_probabilities)
{
    shift s = l->is_softmax ? softmax_shift(x, l->classes, l->area) : (shift){0.0f, 0.0f};

    for (size_t c = 0; log_probabilities != NULL && c < l->classes; c++)
        log_probabilities[c * l->area] = x[c * l->area] - s.max - s.log_sum;
    *out = 0.0f;
    if (l->has_ignored && target == l->ignored)
        return CLV_OK;
    if (target < 0 || (size_t)target >= l->classes)
        return CLV_ESHAPE;
    float w = l->weights != NULL ? l->weights[target] : 1.0f;
    *out = -w * (x[(size_t)target * l->area] - s.max - s.log_sum);
    *weight += (double)w;
    return CLV_OK;
}

clv_status ref_loss(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    const char *reduction = clv_node_attr_string(node, "reduction", "mean");
    loss l = {.is_softmax = node->op == CLV_OP_SOFTMAX_CROSS_ENTROPY_LOSS,
              .classes = (size_t)shape->dim[1],
              .area = ref_extent(shape, 2, shape->rank),
              .weights = node->n_inputs > 2 ? inputs[2].data : NULL,
              .has_ignored = clv_node_attr(node, "ignore_index", CLV_ATTR_INT) != NULL,
              .ignored = clv_node_attr_int(node, "ignore_index", 0)};
    float *log_probabilities = node->n_outputs > 1 ? outputs[1].data : NULL, *y = outputs[0].data;
    bool each = strcmp(reduction, "none") == 0;
    size_t n = ref_elems(&inputs[1]);
    double sum = 0.0, weight = 0.0;
    (void)graph;

    for (size_t i = 0; i < n; i++) {
        size_t at = i / l.area * l.classes * l.area + i % l.area;
        int64_t target = (int64_t)ref_number_load(inputs[1].data, inputs[1].dtype, i).bits;
        float here;
        CLV_TRY(place(&here, &weight, &l, (const float *)inputs[0].data + at, target,
                      log_probabilities != NULL ? log_probabilities + at : NULL));
        if (each && y != NULL)
            y[i] = here;
        sum += (double)here;
    }
    if (!each && y != NULL)
        y[0] = (float)(strcmp(reduction, "mean") == 0 ? sum / weight : sum);
    return CLV_OK;
}
