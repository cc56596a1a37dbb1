/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_kernels.h"

/* One region of one picture, in its elements. */
typedef struct region {
    const float *plane; /* [height, width] of one channel */
    int64_t height, width;
    double y, x;         /* where it begins */
    double bin_h, bin_w; /* of an output element */
    int64_t rows, cols;  /* samples in a bin */
    bool takes_max;
} region;

/* The weighted four neighbours of a point; outside of the picture they are 0. */
static void sample(double values[4], const region *r, double y, double x)
{
    memset(values, 0, 4 * sizeof *values);
    if (!(y >= -1 && y <= (double)r->height && x >= -1 && x <= (double)r->width))
        return;
    y = fmin(fmax(y, 0), (double)(r->height - 1));
    x = fmin(fmax(x, 0), (double)(r->width - 1));
    int64_t top = (int64_t)y, left = (int64_t)x;
    int64_t bottom = top + 1 < r->height ? top + 1 : top,
            right = left + 1 < r->width ? left + 1 : left;
    double dy = y - (double)top, dx = x - (double)left;
    values[0] = (1 - dy) * (1 - dx) * (double)r->plane[top * r->width + left];
    values[1] = (1 - dy) * dx * (double)r->plane[top * r->width + right];
    values[2] = dy * (1 - dx) * (double)r->plane[bottom * r->width + left];
    values[3] = dy * dx * (double)r->plane[bottom * r->width + right];
}

/* The mean of the samples, or, as ONNX's own implementation has it, the largest of all of their
 * weighted neighbours. */
static float pool_bin(const region *r, int64_t row, int64_t col)
{
    double sum = 0, largest = -(double)INFINITY, values[4];

    for (int64_t i = 0; i < r->rows; i++) {
        double y = r->y + ((double)row + ((double)i + 0.5) / (double)r->rows) * r->bin_h;
        for (int64_t j = 0; j < r->cols; j++) {
            double x = r->x + ((double)col + ((double)j + 0.5) / (double)r->cols) * r->bin_w;
            sample(values, r, y, x);
            for (int k = 0; k < 4; k++) {
                sum += values[k];
                largest = fmax(largest, values[k]);
            }
        }
    }
    return (float)(r->takes_max ? largest : sum / (double)(r->rows * r->cols));
}

/* Samples along a bin of @p extent elements. A region that reaches far beyond the picture, which
 * is 0 there, needs no more than the picture has. */
static int64_t count_samples(int64_t given, double extent, int64_t picture)
{
    if (given > 0)
        return given;
    if (!(extent > 1))
        return 1;
    return extent < (double)picture ? (int64_t)ceil(extent) : picture;
}

static void place_region(region *r, const clv_node *node, const float *roi, const clv_shape *out)
{
    bool half_pixel =
        strcmp(clv_node_attr_string(node, "coordinate_transformation_mode", "half_pixel"),
               "half_pixel") == 0;
    double scale = (double)clv_node_attr_float(node, "spatial_scale", 1.0f);
    int64_t given = clv_node_attr_int(node, "sampling_ratio", 0);
    double offset = half_pixel ? 0.5 : 0;

    r->x = (double)roi[0] * scale - offset;
    r->y = (double)roi[1] * scale - offset;
    double width = (double)roi[2] * scale - offset - r->x;
    double height = (double)roi[3] * scale - offset - r->y;
    if (!half_pixel) {
        width = fmax(width, 1);
        height = fmax(height, 1);
    }
    r->bin_h = height / (double)out->dim[2];
    r->bin_w = width / (double)out->dim[3];
    r->rows = count_samples(given, r->bin_h, r->height);
    r->cols = count_samples(given, r->bin_w, r->width);
}

clv_status ref_roi_align(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                         clv_tensor *outputs)
{
    const clv_shape *in = &inputs[0].shape, *out = &outputs[0].shape;
    const int64_t *pictures = inputs[2].data;
    int64_t channels = in->dim[1];
    float *dst = outputs[0].data;
    region r = {.height = in->dim[2],
                .width = in->dim[3],
                .takes_max = strcmp(clv_node_attr_string(node, "mode", "avg"), "max") == 0};
    (void)graph;

    for (int64_t n = 0; n < out->dim[0]; n++) {
        if (pictures[n] < 0 || pictures[n] >= in->dim[0])
            return CLV_ESHAPE;
        place_region(&r, node, (const float *)inputs[1].data + 4 * n, out);
        for (int64_t c = 0; c < channels; c++) {
            r.plane =
                (const float *)inputs[0].data + (pictures[n] * channels + c) * r.height * r.width;
            for (int64_t row = 0; row < out->dim[2]; row++) {
                for (int64_t col = 0; col < out->dim[3]; col++)
                    *dst++ = pool_bin(&r, row, col);
            }
        }
    }
    return CLV_OK;
}
