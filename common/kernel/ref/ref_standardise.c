/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisations by the mean and variance of the input itself. */
#include <math.h>

#include "kernel/ref/ref_axes.h"

typedef struct statistics {
    double mean, variance;
} statistics;

static statistics measure(const float *x, size_t n)
{
    statistics s = {0.0, 0.0};

    for (size_t i = 0; i < n; i++)
        s.mean += (double)x[i];
    s.mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        s.variance += ((double)x[i] - s.mean) * ((double)x[i] - s.mean);
    s.variance /= (double)n;
    return s;
}

static void apply(float *y, const float *x, size_t n, double mean, double factor, double shift)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(((double)x[i] - mean) * factor + shift);
}

/* InstanceNormalization is a GroupNormalization of groups of one channel. */
clv_status ref_group_norm(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                          clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    size_t channels = (size_t)shape->dim[1], area = ref_extent(shape, 2, shape->rank);
    size_t groups = node->op == CLV_OP_GROUP_NORMALIZATION
                        ? (size_t)clv_node_attr_int(node, "num_groups", 1)
                        : channels;
    double epsilon = (double)clv_node_attr_float(node, "epsilon", 1e-5f);
    const float *scale = inputs[1].data, *bias = inputs[2].data, *x = inputs[0].data;
    size_t size = channels / groups; /* channels of a group */
    size_t shared = channels / ref_elems(&inputs[1]);
    float *y = outputs[0].data;
    (void)graph;

    for (size_t i = 0; i < (size_t)shape->dim[0] * groups; i++) {
        statistics s = measure(x, size * area);
        double factor = 1.0 / sqrt(s.variance + epsilon);
        for (size_t j = 0; j < size; j++, x += area, y += area) {
            size_t c = (i % groups * size + j) / shared;
            apply(y, x, area, s.mean, factor * (double)scale[c], (double)bias[c]);
        }
    }
    return CLV_OK;
}

/* y = y * scale + bias, which are broadcast to it. */
static void scale_and_shift(clv_tensor *output, const clv_tensor *scale, const clv_tensor *bias)
{
    static const float zero = 0.0f;
    const clv_shape scalar = {.rank = 0};
    bool biased = bias != NULL && bias->data != NULL;
    const float *shifts = biased ? bias->data : &zero, *factors = scale->data;
    float *y = output->data;
    ref_walk walk;

    ref_walk_broadcast(&walk, &output->shape, &scale->shape, biased ? &bias->shape : &scalar);
    size_t n = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    for (size_t line = 0; line < lines; line++, y += n) {
        const float *factor = factors + walk.offset[0], *shift = shifts + walk.offset[1];
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
            y[i] = y[i] * factor[i * ref_walk_step(&walk, 0)] + shift[i * ref_walk_step(&walk, 1)];
        ref_walk_next(&walk);
    }
}

static float *floats_of(const clv_node *node, clv_tensor *outputs, uint32_t i)
{
    return i < node->n_outputs ? outputs[i].data : NULL;
}

clv_status ref_layer_norm(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                          clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    double epsilon = (double)clv_node_attr_float(node, "epsilon", 1e-5f);
    float *means = floats_of(node, outputs, 1), *factors = floats_of(node, outputs, 2);
    const float *x = inputs[0].data;
    float *y = outputs[0].data;
    uint32_t axis;
    (void)graph;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), shape->rank, node, NULL));
    size_t n = ref_extent(shape, axis, shape->rank), rows = ref_extent(shape, 0, axis);
    if (n == 0)
        return CLV_ESHAPE; /* the mean of nothing */
    for (size_t i = 0; i < rows; i++) {
        statistics s = measure(x + i * n, n);
        double factor = 1.0 / sqrt(s.variance + epsilon);
        if (y != NULL)
            apply(y + i * n, x + i * n, n, s.mean, factor, 0.0);
        if (means != NULL)
            means[i] = (float)s.mean;
        if (factors != NULL)
            factors[i] = (float)factor;
    }
    if (y != NULL)
        scale_and_shift(&outputs[0], &inputs[1], node->n_inputs > 2 ? &inputs[2] : NULL);
    return CLV_OK;
}

/* --- MeanVarianceNormalization: over any axes ----------------------------------------------- */

/* The sum over all reduced elements of (x - mean)^power. */
static double moment(ref_axes axes, const float *x, double mean, int power)
{
    size_t n = ref_walk_length(&axes.reduced), lines = ref_walk_lines(&axes.reduced);
    double sum = 0.0;

    for (size_t line = 0; line < lines; line++) {
        const float *from = x + axes.reduced.offset[0];
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
            double d = (double)from[i * ref_walk_step(&axes.reduced, 0)] - mean;
            sum += power == 2 ? d * d : d;
        }
        ref_walk_next(&axes.reduced);
    }
    return sum;
}

static void standardise(ref_axes axes, float *y, const float *x)
{
    size_t n = ref_walk_length(&axes.reduced), lines = ref_walk_lines(&axes.reduced);
    double mean = moment(axes, x, 0.0, 1) / (double)axes.count;
    double deviation = sqrt(moment(axes, x, mean, 2) / (double)axes.count);

    for (size_t line = 0; line < lines; line++) {
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
            ptrdiff_t at = axes.reduced.offset[0] + i * ref_walk_step(&axes.reduced, 0);
            y[at] = (float)(((double)x[at] - mean) / (deviation + 1e-9));
        }
        ref_walk_next(&axes.reduced);
    }
}

clv_status ref_mean_variance(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                             clv_tensor *outputs)
{
    uint32_t mask;

    CLV_TRY(clv_mvn_axes_of(&mask, graph, node, NULL));
    ref_axes axes = ref_axes_of(&inputs[0].shape, mask);
    size_t n = ref_walk_length(&axes.kept), lines = ref_walk_lines(&axes.kept);
    for (size_t line = 0; line < lines; line++) {
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
            ptrdiff_t at = axes.kept.offset[0] + i * ref_walk_step(&axes.kept, 0);
            standardise(axes, (float *)outputs[0].data + at, (const float *)inputs[0].data + at);
        }
        ref_walk_next(&axes.kept);
    }
    return CLV_OK;
}
