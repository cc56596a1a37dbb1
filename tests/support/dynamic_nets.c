/* SPDX-License-Identifier: Apache-2.0 */
#include "support/dynamic_nets.h"

#include "support/graph_builder.h"

static const int64_t zero[] = {0}, one[] = {1}, two[] = {2}, four[] = {4};

clv_graph *dynamic_points_create(void)
{
    clv_graph *g = gb_create();

    (void)gb_input(g, "x", (gb_dims){{1, 1, 6, 6}});
    (void)gb_constant(g, "w", (gb_dims){{1, 1, 1, 1}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "y");
    (void)gb_node(g, CLV_OP_SIGMOID, "y", "s");
    (void)gb_floats(g, "half", (float[]){0.5f}, 1);
    (void)gb_node(g, CLV_OP_GREATER, "s half", "mask");
    (void)gb_node(g, CLV_OP_NON_ZERO, "mask", "where");
    (void)gb_node(g, CLV_OP_TRANSPOSE, "where", "positions"); /* [n, 4] */
    gb_attr_ints(g, "perm", (int64_t[]){1, 0}, 2);
    (void)gb_node(g, CLV_OP_GATHER_ND, "s positions", "found");
    (void)gb_node(g, CLV_OP_SHAPE, "positions", "shape");
    (void)gb_ints(g, "zero", zero, 1);
    (void)gb_ints(g, "two", two, 1);
    (void)gb_node(g, CLV_OP_GATHER, "shape zero", "n");
    (void)gb_node(g, CLV_OP_TOP_K, "found n", "scores order");
    (void)gb_node(g, CLV_OP_DIV, "n two", "n_half");
    (void)gb_node(g, CLV_OP_SLICE, "scores zero n_half", "best");
    (void)gb_ints(g, "pair", (int64_t[]){-1, 2}, 2);
    (void)gb_node(g, CLV_OP_RESHAPE, "positions pair", "pairs");
    (void)gb_node(g, CLV_OP_SPLIT, "positions", "upper lower"); /* in the middle */
    (void)gb_node(g, CLV_OP_CONCAT, "lower upper", "swapped");
    gb_attr_int(g, "axis", 0);
    (void)gb_node(g, CLV_OP_CAST, "swapped", "numbers");
    gb_attr_int(g, "to", CLV_F32);
    (void)gb_node(g, CLV_OP_REDUCE_SUM, "numbers", "sum");
    gb_attr_int(g, "keepdims", 0);
    gb_output(g, "scores");
    gb_output(g, "positions");
    gb_output(g, "pairs");
    gb_output(g, "best");
    gb_output(g, "shape");
    gb_output(g, "sum");
    gb_prepare(g);
    return g;
}

/* Four channels of boxes, [16, 4] and [1, 16, 4]; two of scores, [1, 2, 16]. */
static void add_heads(clv_graph *g)
{
    (void)gb_ints(g, "zero", zero, 1);
    (void)gb_ints(g, "one", one, 1);
    (void)gb_ints(g, "two", two, 1);
    (void)gb_ints(g, "four", four, 1);
    (void)gb_ints(g, "six", (int64_t[]){6}, 1);
    (void)gb_node(g, CLV_OP_SLICE, "y zero four one", "box_channels");
    (void)gb_node(g, CLV_OP_SLICE, "y four six one", "class_channels");
    (void)gb_ints(g, "to_boxes", (int64_t[]){1, 4, 16}, 3);
    (void)gb_node(g, CLV_OP_RESHAPE, "box_channels to_boxes", "box_columns");
    (void)gb_node(g, CLV_OP_TRANSPOSE, "box_columns", "boxes");
    gb_attr_ints(g, "perm", (int64_t[]){0, 2, 1}, 3);
    (void)gb_node(g, CLV_OP_SQUEEZE, "boxes zero", "box_rows");
    (void)gb_node(g, CLV_OP_SIGMOID, "class_channels", "s");
    (void)gb_ints(g, "to_scores", (int64_t[]){1, 2, 16}, 3);
    (void)gb_node(g, CLV_OP_RESHAPE, "s to_scores", "scores");
}

clv_graph *dynamic_detector_create(void)
{
    clv_graph *g = gb_create();

    (void)gb_input(g, "x", (gb_dims){{1, 6, 4, 4}});
    (void)gb_constant(g, "w", (gb_dims){{6, 1, 1, 1}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "y");
    gb_attr_int(g, "group", 6);
    add_heads(g);
    (void)gb_ints(g, "limit", (int64_t[]){5}, 1);
    (void)gb_floats(g, "overlap", (float[]){0.99f}, 1);
    (void)gb_floats(g, "threshold", (float[]){0.5f}, 1);
    (void)gb_node(g, CLV_OP_NON_MAX_SUPPRESSION, "boxes scores limit overlap threshold", "rows");
    (void)gb_node(g, CLV_OP_GATHER, "rows two", "box_column");
    gb_attr_int(g, "axis", 1);
    (void)gb_node(g, CLV_OP_SQUEEZE, "box_column one", "box");
    (void)gb_node(g, CLV_OP_GATHER, "box_rows box", "found");
    (void)gb_floats(g, "image", (float[]){640, 480, 640, 480}, 4);
    (void)gb_node(g, CLV_OP_MUL, "found image", "pixels");
    (void)gb_node(g, CLV_OP_GATHER_ND, "scores rows", "score");
    (void)gb_node(g, CLV_OP_UNSQUEEZE, "score one", "score_column");
    (void)gb_node(g, CLV_OP_GATHER, "rows one", "class_column");
    gb_attr_int(g, "axis", 1);
    (void)gb_node(g, CLV_OP_CAST, "class_column", "class");
    gb_attr_int(g, "to", CLV_F32);
    (void)gb_node(g, CLV_OP_CONCAT, "pixels class score_column", "detections");
    gb_attr_int(g, "axis", 1);
    gb_output(g, "detections");
    gb_prepare(g);
    return g;
}

/* Each channel of the convolution has one weight, so the input decides the signs. */
uint32_t dynamic_input(float *data, const clv_graph *graph, dynamic_find find)
{
    const clv_shape *shape = &graph->values[graph->inputs[0]].tensor.shape;
    const float *w = graph->values[clv_graph_find_value(graph, "w")].tensor.data;
    int64_t area = shape->dim[2] * shape->dim[3];
    uint32_t n = 0;

    for (int64_t i = 0; i < shape->dim[1] * area; i++) {
        float magnitude = 0.5f + (float)(i * 7 % 31) / 31.0f;
        bool positive = find == DYNAMIC_ALL || (find == DYNAMIC_SOME && i % 5 == 1);
        bool is_score = shape->dim[1] == 1 || i >= 4 * area;
        data[i] = (w[i / area] > 0.0f) == positive || !is_score ? magnitude : -magnitude;
        n += positive && is_score;
    }
    return n;
}
