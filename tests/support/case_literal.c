/* SPDX-License-Identifier: Apache-2.0 */
/* Small cases worked out by hand, mostly after the examples in the ONNX operator pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/case_families.h"
#include "support/case_literal.h"

#define MAX_VALUES 64

/* clang-format off */
static const literal table[] = {
    {CLV_OP_SLICE, "steps", {"f 4x2: 1 2 3 4 5 6 7 8", "I 2: 1 0", "I 2: 4 2", "I 2: 0 1", "I 2: 2 1"}, {0}, {"f 2x2: 3 4 7 8"}},
    {CLV_OP_SLICE, "no axes", {"f 2x4: 1 2 3 4 5 6 7 8", "I 2: 0 1", "I 2: -1 1000"}, {0}, {"f 1x3: 2 3 4"}},
    {CLV_OP_SLICE, "negative step", {"i 6: 0 1 2 3 4 5", "I 1: -1", "I 1: -1000", "I 1: 0", "I 1: -2"}, {0}, {"i 3: 5 3 1"}},
    {CLV_OP_SLICE, "negative step inside", {"f 2x5: 0 1 2 3 4 5 6 7 8 9", "I 1: 3", "I 1: 0", "I 1: -1", "I 1: -1"}, {0}, {"f 2x3: 3 2 1 8 7 6"}},
    {CLV_OP_SLICE, "one element, huge step", {"f 5: 0 1 2 3 4", "I 1: 2", "I 1: 9223372036854775807", "I 1: 0", "I 1: 9223372036854775807"}, {0}, {"f 1: 2"}},
    {CLV_OP_SLICE, "nothing", {"f 5: 0 1 2 3 4", "I 1: 3", "I 1: 2"}, {0}, {"f 0:"}},
    {CLV_OP_GATHER, "rows", {"f 3x2: 1 2 3 4 5 6", "i 2x2: 0 1 1 -1"}, {0}, {"f 2x2x2: 1 2 3 4 3 4 5 6"}},
    {CLV_OP_GATHER, "columns", {"i 2x3: 1 2 3 4 5 6", "i 2: 2 -3"}, {"axis=1"}, {"i 2x2: 3 1 6 4"}},
    {CLV_OP_GATHER, "a scalar index drops the axis", {"I 4: 7 8 9 10", "i : 2"}, {0}, {"i : 9"}},
    {CLV_OP_GATHER, "no indices", {"f 3: 1 2 3", "i 0:"}, {0}, {"f 0:"}},
    {CLV_OP_SOFTPLUS, "far below zero", {"f 2: -20 -15"}, {0}, {"f 2: 2.0611537e-09 3.0590227e-07"}},
    {CLV_OP_LOG, "of one", {"f 2: 1 1"}, {0}, {"f 2: 0 0"}},
    {CLV_OP_CONCAT, "axis 0", {"f 1x2: 1 2", "f 2x2: 3 4 5 6"}, {"axis=0"}, {"f 3x2: 1 2 3 4 5 6"}},
    {CLV_OP_CONCAT, "last axis, a constant", {"i 2x1: 1 2", "I 2x2: 3 4 5 6"}, {"axis=-1"}, {"i 2x3: 1 3 4 2 5 6"}},
    {CLV_OP_SPLIT, "equal parts", {"f 6: 1 2 3 4 5 6"}, {0}, {"f 2: 1 2", "f 2: 3 4", "f 2: 5 6"}},
    {CLV_OP_SPLIT, "the last part is smaller", {"f 5: 1 2 3 4 5"}, {"num_outputs=3"}, {"f 2: 1 2", "f 2: 3 4", "f 1: 5"}},
    {CLV_OP_SPLIT, "sizes", {"i 2x4: 1 2 3 4 5 6 7 8", "I 2: 1 3"}, {"axis=1"}, {"i 2x1: 1 5", "i 2x3: 2 3 4 6 7 8"}},
    {CLV_OP_TRANSPOSE, "reversed", {"f 2x3: 1 2 3 4 5 6"}, {0}, {"f 3x2: 1 4 2 5 3 6"}},
    {CLV_OP_TRANSPOSE, "perm", {"f 1x2x3: 1 2 3 4 5 6"}, {"perm=2,0,1"}, {"f 3x1x2: 1 4 2 5 3 6"}},
    {CLV_OP_EXPAND, "a column", {"f 3x1: 1 2 3", "I 2: 3 4"}, {0}, {"f 3x4: 1 1 1 1 2 2 2 2 3 3 3 3"}},
    {CLV_OP_EXPAND, "more dimensions", {"i 3x1: 1 2 3", "I 3: 2 1 2"}, {0}, {"i 2x3x2: 1 1 2 2 3 3 1 1 2 2 3 3"}},
    {CLV_OP_EXPAND, "a scalar", {"b : 1", "I 1: 3"}, {0}, {"b 3: 1 1 1"}},
    {CLV_OP_PAD, "constant", {"f 3x2: 1 2 3 4 5 6", "I 4: 0 2 0 0", "F : 9"}, {0}, {"f 3x4: 9 9 1 2 9 9 3 4 9 9 5 6"}},
    {CLV_OP_PAD, "zeros all round", {"i 1x2: 1 2", "I 4: 1 1 1 1"}, {"mode:constant"}, {"i 3x4: 0 0 0 0 0 1 2 0 0 0 0 0"}},
    {CLV_OP_PAD, "negative pads crop", {"f 2x4: 1 2 3 4 5 6 7 8", "I 4: 0 -1 -1 1"}, {0}, {"f 1x4: 2 3 4 0"}},
    {CLV_OP_PAD, "axes", {"f 2x2: 1 2 3 4", "I 2: 1 0", "-", "I 1: -1"}, {0}, {"f 2x3: 0 1 2 0 3 4"}},
    {CLV_OP_PAD, "reflect", {"f 2x3: 1 2 3 4 5 6", "I 4: 0 2 0 1"}, {"mode:reflect"}, {"f 2x6: 3 2 1 2 3 2 6 5 4 5 6 5"}},
    {CLV_OP_PAD, "reflect further than the input is wide", {"f 3: 1 2 3", "I 2: 5 4"}, {"mode:reflect"}, {"f 12: 2 1 2 3 2 1 2 3 2 1 2 3"}},
    {CLV_OP_PAD, "reflect one element", {"f 1: 7", "I 2: 2 1"}, {"mode:reflect"}, {"f 4: 7 7 7 7"}},
    {CLV_OP_PAD, "edge", {"f 2x2: 1 2 3 4", "I 4: 1 2 0 1"}, {"mode:edge"}, {"f 3x5: 1 1 1 2 2 1 1 1 2 2 3 3 3 4 4"}},
    {CLV_OP_PAD, "wrap", {"i 3: 1 2 3", "I 2: 4 2"}, {"mode:wrap"}, {"i 9: 3 1 2 3 1 2 3 1 2"}},
    {CLV_OP_SHAPE, "all", {"f 2x3x4: 0"}, {0}, {"i 3: 2 3 4"}},
    {CLV_OP_SHAPE, "a part", {"f 2x3x4: 0"}, {"start=-2", "end=2"}, {"i 1: 3"}},
    {CLV_OP_SHAPE, "clamped", {"f 2x3x4: 0"}, {"start=-9", "end=9"}, {"i 3: 2 3 4"}},
    {CLV_OP_SHAPE, "of a scalar", {"f : 1"}, {0}, {"i 0:"}},
    {CLV_OP_CONSTANT_OF_SHAPE, "zeros", {"I 2: 2 3"}, {0}, {"f 2x3: 0 0 0 0 0 0"}},
    {CLV_OP_RESHAPE, "with the rest", {"f 2x3: 1 2 3 4 5 6", "I 2: -1 2"}, {0}, {"f 3x2: 1 2 3 4 5 6"}},
    {CLV_OP_RESHAPE, "of a constant", {"I 4: 1 2 3 4", "I 2: 2 2"}, {0}, {"i 2x2: 1 2 3 4"}},
    {CLV_OP_FLATTEN, "in the middle", {"f 2x1x3: 1 2 3 4 5 6"}, {"axis=2"}, {"f 2x3: 1 2 3 4 5 6"}},
    {CLV_OP_SQUEEZE, "axes", {"f 1x3x1: 1 2 3", "I 1: -1"}, {0}, {"f 1x3: 1 2 3"}},
    {CLV_OP_SQUEEZE, "all ones", {"i 1x3x1: 1 2 3"}, {0}, {"i 3: 1 2 3"}},
    {CLV_OP_UNSQUEEZE, "both ends", {"f 3: 1 2 3", "I 2: 0 -1"}, {0}, {"f 1x3x1: 1 2 3"}},
    {CLV_OP_IDENTITY, "of booleans", {"b 3: 1 0 1"}, {0}, {"b 3: 1 0 1"}},
    {CLV_OP_DROPOUT, "alone", {"f 3: 1 2 3"}, {0}, {"f 3: 1 2 3"}},
    {CLV_OP_DROPOUT, "with its mask", {"f 3: 1 2 3", "F : 1", "B : 0"}, {0}, {"f 3: 1 2 3", "b 3: 1 1 1"}},
    {CLV_OP_CAST, "to int64", {"f 4: 1 -2 3 0"}, {"to=11"}, {"i 4: 1 -2 3 0"}},
    {CLV_OP_CAST, "to float32", {"i 3: 5 -7 16777217"}, {"to=1"}, {"f 3: 5 -7 16777216"}},
    {CLV_OP_ADD, "int64", {"i 2x2: 1 2 3 4", "I 2: 10 -10"}, {0}, {"i 2x2: 11 -8 13 -6"}},
    {CLV_OP_SUB, "int64", {"i 2: 1 2", "i : 3"}, {0}, {"i 2: -2 -1"}},
    {CLV_OP_MUL, "int64", {"i 2: 1 -2", "i 2x1: 3 4"}, {0}, {"i 2x2: 3 -6 4 -8"}},
    {CLV_OP_DIV, "int64 goes towards zero", {"i 4: 7 -7 7 -7", "I 4: 2 2 -2 -2"}, {0}, {"i 4: 3 -3 -3 3"}},
    {CLV_OP_NEG, "int64", {"i 3: 1 0 -5"}, {0}, {"i 3: -1 0 5"}},
    {CLV_OP_CLIP, "only a maximum", {"f 4: -3 1 5 9", "-", "F : 5"}, {0}, {"f 4: -3 1 5 5"}},
    {CLV_OP_CLIP, "a bound from another node", {"f 4: -3 1 5 9", "f : 0"}, {0}, {"f 4: 0 1 5 9"}},
    {CLV_OP_CLIP, "minimum above maximum", {"f 3: -3 1 9", "F : 4", "F : 2"}, {0}, {"f 3: 2 2 2"}},
    {CLV_OP_REDUCE_MEAN, "no axes, and none wanted", {"f 2x2: 1 2 3 4"}, {"noop_with_empty_axes=1"}, {"f 2x2: 1 2 3 4"}},
    {CLV_OP_GEMM, "by hand", {"f 2x2: 1 2 3 4", "F 2x2: 1 0 1 1", "F 2: 10 20"}, {"transB=1"}, {"f 2x2: 11 23 13 27"}},
    {CLV_OP_MATMUL, "by hand", {"f 2x2: 1 2 3 4", "F 2x1: 5 6"}, {0}, {"f 2x1: 17 39"}},
    {CLV_OP_CONV, "by hand", {"f 1x1x3x3: 1 2 3 4 5 6 7 8 9", "F 1x1x2x2: 1 0 0 1", "F 1: 100"}, {0}, {"f 1x1x2x2: 106 108 112 114"}},
    {CLV_OP_MAX_POOL, "by hand", {"f 1x1x2x4: 1 2 3 4 -5 6 -7 8"}, {"kernel_shape=2,2", "strides=2,2"}, {"f 1x1x1x2: 6 8"}},
    {CLV_OP_AVERAGE_POOL, "by hand, pads don't count", {"f 1x1x3: 2 4 9"}, {"kernel_shape=2", "pads=1,0"}, {"f 1x1x3: 2 3 6.5"}},
    {CLV_OP_SOFTMAX, "by hand, over the last axis", {"f 1x2x2: 0 0 5 5"}, {0}, {"f 1x2x2: 0.5 0.5 0.5 0.5"}},
    {CLV_OP_GATHER_ELEMENTS, "fewer rows than the data has", {"f 3x2: 1 2 3 4 5 6", "i 1x2: 2 -3"}, {"axis=0"}, {"f 1x2: 5 2"}},
    {CLV_OP_GATHER_ND, "a batch", {"i 2x2x2: 0 1 2 3 4 5 6 7", "i 2x1: 1 0"}, {"batch_dims=1"}, {"i 2x2: 2 3 4 5"}},
    {CLV_OP_SCATTER_ELEMENTS, "add", {"f 1x5: 1 2 3 4 5", "i 1x2: 1 1", "f 1x2: 1.5 2"}, {"axis=1", "reduction:add"}, {"f 1x5: 1 5.5 3 4 5"}},
    {CLV_OP_SCATTER_ELEMENTS, "multiply", {"i 3: 1 2 3", "i 2: -1 0", "i 2: 5 -2"}, {"reduction:mul"}, {"i 3: -2 2 15"}},
    {CLV_OP_SCATTER_ELEMENTS, "maximum", {"f 3: 1 2 3", "i 3: 0 0 2", "f 3: 4 0 -1"}, {"reduction:max"}, {"f 3: 4 2 3"}},
    {CLV_OP_SCATTER_ELEMENTS, "minimum", {"u 3: 1 2 3", "i 3: 0 1 2", "u 3: 4 0 255"}, {"reduction:min"}, {"u 3: 1 0 3"}},
    {CLV_OP_SCATTER_ND, "slices, the maximum", {"f 2x2: 1 2 3 4", "i 2x1: 1 1", "f 2x2: 9 0 0 5"}, {"reduction:max"}, {"f 2x2: 1 2 9 5"}},
    {CLV_OP_ONE_HOT, "indices out of range are off", {"i 3: 1 -1 7", "I : 3", "i 2: 5 8"}, {0}, {"i 3x3: 5 8 5 5 5 8 5 5 5"}},
    {CLV_OP_TILE, "two axes", {"u 2x2: 1 2 3 4", "I 2: 2 2"}, {0}, {"u 4x4: 1 2 1 2 3 4 3 4 1 2 1 2 3 4 3 4"}},
    {CLV_OP_TILE, "no times", {"f 2: 1 2", "I 1: 0"}, {0}, {"f 0:"}},
    {CLV_OP_TRILU, "far diagonals", {"f 2x2: 1 2 3 4", "I : 9223372036854775807"}, {"upper=0"}, {"f 2x2: 1 2 3 4"}},
    {CLV_OP_TRILU, "a batch", {"i 2x1x2: 1 2 3 4", "i : 1"}, {0}, {"i 2x1x2: 0 2 0 4"}},
    {CLV_OP_EYE_LIKE, "above the diagonal", {"f 2x3: 7 7 7 7 7 7"}, {"k=1"}, {"f 2x3: 0 1 0 0 0 1"}},
    {CLV_OP_RANGE, "downwards", {"I : 5", "I : -2", "I : -3"}, {0}, {"i 3: 5 2 -1"}},
    {CLV_OP_RANGE, "from end to end", {"I : -9223372036854775807", "I : 9223372036854775807", "I : 9223372036854775807"}, {0}, {"i 2: -9223372036854775807 0"}},
    {CLV_OP_RANGE, "nothing", {"F : 1", "F : 1", "F : 0.5"}, {0}, {"f 0:"}},
    {CLV_OP_SIZE, "of a matrix", {"f 2x3: 0"}, {0}, {"i : 6"}},
    {CLV_OP_DEPTH_TO_SPACE, "depth first", {"f 1x8x1x1: 1 2 3 4 5 6 7 8"}, {"blocksize=2", "mode:DCR"}, {"f 1x2x2x2: 1 3 5 7 2 4 6 8"}},
    {CLV_OP_DEPTH_TO_SPACE, "columns first", {"f 1x8x1x1: 1 2 3 4 5 6 7 8"}, {"blocksize=2", "mode:CRD"}, {"f 1x2x2x2: 1 2 3 4 5 6 7 8"}},
    {CLV_OP_SPACE_TO_DEPTH, "by hand", {"f 1x2x2x2: 1 3 5 7 2 4 6 8"}, {"blocksize=2"}, {"f 1x8x1x1: 1 2 3 4 5 6 7 8"}},
    {CLV_OP_REVERSE_SEQUENCE, "batch first", {"f 2x3: 1 2 3 4 5 6", "i 2: 2 0"}, {"batch_axis=0", "time_axis=1"}, {"f 2x3: 2 1 3 4 5 6"}},
    {CLV_OP_CENTER_CROP_PAD, "both at once", {"f 1x5: 1 2 3 4 5", "I 2: 3 3"}, {0}, {"f 3x3: 0 0 0 2 3 4 0 0 0"}},
    {CLV_OP_COL2IM, "one block a row", {"f 1x2x2: 1 3 2 4", "I 2: 2 2", "I 2: 1 2"}, {0}, {"f 1x1x2x2: 1 2 3 4"}},
    {CLV_OP_COL2IM, "overlap and pads", {"f 1x2x4: 1 2 3 4 5 6 7 8", "I 1: 3", "I 1: 2"}, {"pads=1,1"}, {"f 1x1x3: 7 9 11"}},
    {CLV_OP_AFFINE_GRID, "as it is", {"f 1x2x3: 1 0 0 0 1 0", "I 4: 1 1 2 2"}, {0}, {"f 1x2x2x2: -0.5 -0.5 0.5 -0.5 -0.5 0.5 0.5 0.5"}},
    {CLV_OP_AFFINE_GRID, "mirrored and moved", {"f 1x2x3: -1 0 1 0 1 0", "I 4: 1 1 1 3"}, {"align_corners=1"}, {"f 1x1x3x2: 2 0 1 0 0 0"}},
    {CLV_OP_GRID_SAMPLE, "beyond the border", {"f 1x1x1x3: 1 2 3", "f 1x1x3x2: -9 0 nan 0 9 0"}, {"padding_mode:border"}, {"f 1x1x1x3: 1 1 3"}},
    {CLV_OP_GRID_SAMPLE, "zeros, not a number", {"f 1x1x1x3: 1 2 3", "f 1x1x3x2: -9 0 nan 0 inf 0"}, {"mode:cubic"}, {"f 1x1x1x3: 0 0 0"}},
    {CLV_OP_GRID_SAMPLE, "reflected, in one dimension", {"f 1x1x3: 1 2 4", "f 1x2x1: 1.5 -2"}, {"padding_mode:reflection", "align_corners=1"}, {"f 1x1x2: 3 2"}},
    {CLV_OP_ROI_ALIGN, "mean", {"f 1x1x2x2: 1 2 3 4", "f 1x4: 0 0 2 2", "i 1: 0"}, {"sampling_ratio=1"}, {"f 1x1x1x1: 2.5"}},
    {CLV_OP_ROI_ALIGN, "maximum", {"f 1x1x2x2: 1 2 3 4", "f 1x4: 0 0 2 2", "i 1: 0"}, {"sampling_ratio=1", "mode:max"}, {"f 1x1x1x1: 1"}},
    {CLV_OP_DFT, "one side", {"f 1x4x1: 1 2 3 4"}, {"onesided=1"}, {"f 1x3x2: 10 0 -2 2 -2 0"}},
    {CLV_OP_DFT, "longer than the signal", {"f 1x2x1: 1 1", "I : 4"}, {0}, {"f 1x4x2: 2 0 1 -1 0 0 1 1"}},
    {CLV_OP_HANN_WINDOW, "symmetric", {"I : 3"}, {"periodic=0"}, {"f 3: 0 1 0"}},
    {CLV_OP_RESIZE, "nearest, bytes", {"u 1x1x1x2: 7 9", "-", "F 4: 1 1 2 2"}, {0}, {"u 1x1x2x4: 7 7 9 9 7 7 9 9"}},
    {CLV_OP_RESIZE, "linear, bytes", {"u 1x1x1x2: 0 255", "-", "-", "I 4: 1 1 1 3"}, {"mode:linear", "coordinate_transformation_mode:align_corners"}, {"u 1x1x1x3: 0 128 255"}},
    {CLV_OP_RESIZE, "linear, antialias", {"f 1x1x4x4: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "-", "F 4: 1 1 0.6 0.6"}, {"mode:linear", "antialias=1"}, {"f 1x1x2x2: 2.875 4.5 9.375 11"}},
    {CLV_OP_RESIZE, "cubic, antialias", {"f 1x1x4x4: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "-", "F 4: 1 1 0.6 0.6"}, {"mode:cubic", "antialias=1"}, {"f 1x1x2x2: 2.5180721 4.2858863 9.589329 11.357142"}},
    {CLV_OP_RESIZE, "linear, antialias, sizes", {"f 1x1x4x4: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "-", "-", "I 4: 1 1 3 3"}, {"mode:linear", "antialias=1"}, {"f 1x1x3x3: 2.3636363 3.590909 4.818182 7.2727275 8.5 9.727273 12.181818 13.409091 14.636364"}},
    {CLV_OP_RESIZE, "about the centre", {"f 1x1x1x4: 1 2 3 4", "-", "F 4: 1 1 1 0.6"}, {"mode:linear", "coordinate_transformation_mode:half_pixel_symmetric"}, {"f 1x1x1x2: 1.6666667 3.3333333"}},
    {CLV_OP_RESIZE, "not larger", {"f 1x2x2: 1 2 3 4", "-", "-", "I 2: 3 4"}, {"axes=1,2", "keep_aspect_ratio_policy:not_larger"}, {"f 1x3x3: 1 1 2 1 1 2 3 3 4"}},
    {CLV_OP_RESIZE, "not smaller", {"f 1x2x2: 1 2 3 4", "-", "-", "I 2: 3 1"}, {"axes=-2,-1", "keep_aspect_ratio_policy:not_smaller"}, {"f 1x3x3: 1 1 2 1 1 2 3 3 4"}},
    {CLV_OP_BLACKMAN_WINDOW, "symmetric", {"I : 3"}, {"periodic=0"}, {"f 3: 0 1 0"}},
    {CLV_OP_HAMMING_WINDOW, "symmetric", {"I : 3"}, {"periodic=0"}, {"f 3: 0.0869565217 1 0.0869565217"}},
    {CLV_OP_MEL_WEIGHT_MATRIX, "one triangle", {"I : 1", "I : 4", "I : 1000", "F : 0", "F : 500"}, {0}, {"f 3x1: 1 0 0"}},
    {CLV_OP_STFT, "two frames", {"f 1x4x1: 1 2 3 5", "I : 2", "f 2: 1 2"}, {0}, {"f 1x2x2x2: 5 0 -3 0 13 0 -7 0"}},
    {CLV_OP_COMPRESS, "a short condition", {"f 2x3: 1 2 3 4 5 6", "B 2: 1 1"}, {"axis=1"}, {"f 2x2: 1 2 4 5"}},
    {CLV_OP_NON_ZERO, "all of them", {"F 1x2: -1 2"}, {0}, {"i 2x2: 0 0 0 1"}},
    {CLV_OP_UNIQUE, "sorted", {"I 3: 3 -1 2"}, {0}, {"i 3: -1 2 3", "i 3: 1 2 0", "i 3: 2 0 1"}},
    {CLV_OP_UNIQUE, "as they come, along an axis", {"U 2x2: 3 1 4 1"}, {"axis=1", "sorted=0"}, {"u 2x2: 3 1 4 1", "i 2: 0 1", "i 2: 0 1"}},
    {CLV_OP_NON_MAX_SUPPRESSION, "boxes apart", {"F 1x2x4: 0 0 1 1 6 6 5 5", "F 1x1x2: 0.25 0.5", "I : 2", "F : 0.5"}, {0}, {"i 2x3: 0 0 1 0 0 0"}},
    {CLV_OP_ABS, "by hand", {"f 3: -2.5 0 3"}, {0}, {"f 3: 2.5 0 3"}},
    {CLV_OP_ACOS, "by hand", {"f 3: -1 0.25 1"}, {0}, {"f 3: 3.14159265 1.31811607 0"}},
    {CLV_OP_ACOSH, "by hand", {"f 3: 1 2 10"}, {0}, {"f 3: 0 1.3169579 2.99322285"}},
    {CLV_OP_ASIN, "by hand", {"f 3: -1 0.25 1"}, {0}, {"f 3: -1.57079633 0.252680255 1.57079633"}},
    {CLV_OP_ASINH, "by hand", {"f 3: -2 0.5 10"}, {0}, {"f 3: -1.44363548 0.481211825 2.99822295"}},
    {CLV_OP_ATAN, "by hand", {"f 3: -2 0.5 10"}, {0}, {"f 3: -1.10714872 0.463647609 1.47112767"}},
    {CLV_OP_ATANH, "by hand", {"f 3: -0.5 0.25 0.9"}, {0}, {"f 3: -0.549306144 0.255412812 1.47221949"}},
    {CLV_OP_CEIL, "by hand", {"f 3: -1.5 1.2 2"}, {0}, {"f 3: -1 2 2"}},
    {CLV_OP_CELU, "by hand", {"f 3: -3 -0.5 2"}, {"alpha~2"}, {"f 3: -1.55373968 -0.442398434 2"}},
    {CLV_OP_COS, "by hand", {"f 3: -2 0 1"}, {0}, {"f 3: -0.416146837 1 0.540302306"}},
    {CLV_OP_COSH, "by hand", {"f 3: -2 0 1"}, {0}, {"f 3: 3.76219569 1 1.54308063"}},
    {CLV_OP_ERF, "by hand", {"f 3: -2 0 0.5"}, {0}, {"f 3: -0.995322265 0 0.520499878"}},
    {CLV_OP_FLOOR, "by hand", {"f 3: -1.5 1.2 2"}, {0}, {"f 3: -2 1 2"}},
    {CLV_OP_GELU, "by hand", {"f 4: -2 -0.5 1 3"}, {0}, {"f 4: -0.0455002639 -0.154268769 0.841344746 2.99595031"}},
    {CLV_OP_GELU, "by tanh", {"f 4: -2 -0.5 1 3"}, {"approximate:tanh"}, {"f 4: -0.0454023059 -0.15428599 0.841191991 2.99636261"}},
    {CLV_OP_LOG, "by hand", {"f 3: 0.5 1 10"}, {0}, {"f 3: -0.693147181 0 2.30258509"}},
    {CLV_OP_MISH, "by hand", {"f 3: -3 0.5 50"}, {0}, {"f 3: -0.145647461 0.375245211 50"}},
    {CLV_OP_RECIPROCAL, "by hand", {"f 3: -2 0.5 10"}, {0}, {"f 3: -0.5 2 0.1"}},
    {CLV_OP_ROUND, "halves to even", {"f 6: -2.5 -1.5 0.5 1.5 2.5 2.6"}, {0}, {"f 6: -2 -2 0 2 2 3"}},
    {CLV_OP_SELU, "by hand", {"f 3: -3 -0.5 2"}, {0}, {"f 3: -1.67056873 -0.691758188 2.10140197"}},
    {CLV_OP_SHRINK, "by hand", {"f 5: -2 -0.5 0 0.5 2"}, {"lambd~1", "bias~0.5"}, {"f 5: -1.5 0 0 0 1.5"}},
    {CLV_OP_SIGN, "by hand", {"f 3: -2.5 0 7"}, {0}, {"f 3: -1 0 1"}},
    {CLV_OP_SIN, "by hand", {"f 3: -2 0 1"}, {0}, {"f 3: -0.909297427 0 0.841470985"}},
    {CLV_OP_SINH, "by hand", {"f 3: -2 0 1"}, {0}, {"f 3: -3.62686041 0 1.17520119"}},
    {CLV_OP_SOFTPLUS, "by hand", {"f 5: -50 -1 0 1 50"}, {0}, {"f 5: 1.92874985e-22 0.313261688 0.693147181 1.31326169 50"}},
    {CLV_OP_SOFTSIGN, "by hand", {"f 3: -3 0 1"}, {0}, {"f 3: -0.75 0 0.5"}},
    {CLV_OP_TAN, "by hand", {"f 3: -1 0 1.2"}, {0}, {"f 3: -1.55740772 0 2.57215162"}},
    {CLV_OP_THRESHOLDED_RELU, "by hand", {"f 4: -1 1.5 2 3"}, {"alpha~2"}, {"f 4: 0 0 0 3"}},
    {CLV_OP_ABS, "int64", {"i 3: -5 0 7"}, {0}, {"i 3: 5 0 7"}},
    {CLV_OP_SIGN, "int64", {"i 3: -5 0 7"}, {0}, {"i 3: -1 0 1"}},
    {CLV_OP_AND, "broadcast", {"b 2x2: 0 1 0 1", "b 2: 1 0"}, {0}, {"b 2x2: 0 0 0 0"}},
    {CLV_OP_AND, "by hand", {"b 4: 0 0 1 1", "b 4: 0 1 0 1"}, {0}, {"b 4: 0 0 0 1"}},
    {CLV_OP_OR, "by hand", {"b 4: 0 0 1 1", "b 4: 0 1 0 1"}, {0}, {"b 4: 0 1 1 1"}},
    {CLV_OP_XOR, "by hand", {"b 4: 0 0 1 1", "b 4: 0 1 0 1"}, {0}, {"b 4: 0 1 1 0"}},
    {CLV_OP_NOT, "by hand", {"b 2: 0 1"}, {0}, {"b 2: 1 0"}},
    {CLV_OP_BITWISE_AND, "int64", {"i 3: 12 -1 5", "I : 6"}, {0}, {"i 3: 4 6 4"}},
    {CLV_OP_BITWISE_OR, "int64", {"i 3: 12 -1 5", "I : 6"}, {0}, {"i 3: 14 -1 7"}},
    {CLV_OP_BITWISE_XOR, "int64", {"i 3: 12 -1 5", "I : 6"}, {0}, {"i 3: 10 -7 3"}},
    {CLV_OP_BITWISE_NOT, "int64", {"i 3: 0 -1 5"}, {0}, {"i 3: -1 0 -6"}},
    {CLV_OP_BIT_SHIFT, "left, also by all bits", {"u 3: 1 129 255", "u 3: 4 1 8"}, {"direction:LEFT"}, {"u 3: 16 2 0"}},
    {CLV_OP_BIT_SHIFT, "right", {"u 3: 16 129 255", "u 3: 4 1 8"}, {"direction:RIGHT"}, {"u 3: 1 64 0"}},
    {CLV_OP_EQUAL, "int64", {"i 3: 1 2 3", "I : 2"}, {0}, {"b 3: 0 1 0"}},
    {CLV_OP_EQUAL, "bool", {"b 2: 0 1", "b 2: 1 1"}, {0}, {"b 2: 0 1"}},
    {CLV_OP_GREATER, "a NaN is never", {"f 4: 1 2 3 nan", "F : 2"}, {0}, {"b 4: 0 0 1 0"}},
    {CLV_OP_GREATER_OR_EQUAL, "by hand", {"f 4: 1 2 3 nan", "F : 2"}, {0}, {"b 4: 0 1 1 0"}},
    {CLV_OP_LESS, "by hand", {"f 4: 1 2 3 nan", "F : 2"}, {0}, {"b 4: 1 0 0 0"}},
    {CLV_OP_LESS_OR_EQUAL, "by hand", {"f 4: 1 2 3 nan", "F : 2"}, {0}, {"b 4: 1 1 0 0"}},
    {CLV_OP_IS_NAN, "by hand", {"f 4: 0 nan inf -inf"}, {0}, {"b 4: 0 1 0 0"}},
    {CLV_OP_IS_INF, "by hand", {"f 4: 0 nan inf -inf"}, {0}, {"b 4: 0 0 1 1"}},
    {CLV_OP_IS_INF, "positive only", {"f 4: 0 nan inf -inf"}, {"detect_negative=0"}, {"b 4: 0 0 1 0"}},
    {CLV_OP_WHERE, "three shapes", {"b 2x1: 1 0", "f 3: 1 2 3", "F : 9"}, {0}, {"f 2x3: 1 2 3 9 9 9"}},
    {CLV_OP_WHERE, "int64", {"b 2: 1 0", "i 2: 1 2", "i 2: 3 4"}, {0}, {"i 2: 1 4"}},
    {CLV_OP_CAST_LIKE, "to int64", {"f 2: 1.5 -2", "i : 0"}, {0}, {"i 2: 1 -2"}},
    {CLV_OP_MAX, "three, broadcast", {"f 2x1: 1 5", "f 2: 2 3", "F : 2.5"}, {0}, {"f 2x2: 2.5 3 5 5"}},
    {CLV_OP_MIN, "three, broadcast", {"f 2x1: 1 5", "f 2: 2 3", "F : 2.5"}, {0}, {"f 2x2: 1 1 2 2.5"}},
    {CLV_OP_MAX, "alone", {"i 2: 1 2"}, {0}, {"i 2: 1 2"}},
    {CLV_OP_MEAN, "three", {"f 2: 1 2", "f 2: 3 4", "F : 2"}, {0}, {"f 2: 2 2.66666667"}},
    {CLV_OP_MOD, "the sign of the divisor", {"i 4: 7 -7 7 -7", "I 4: 3 3 -3 -3"}, {0}, {"i 4: 1 2 -2 -1"}},
    {CLV_OP_MOD, "the sign of the dividend", {"f 4: 7.5 -7.5 7.5 -7.5", "F 4: 3 3 -3 -3"}, {"fmod=1"}, {"f 4: 1.5 -1.5 1.5 -1.5"}},
    {CLV_OP_POW, "int64 to int64", {"i 3: 2 -3 5", "I 3: 10 3 0"}, {0}, {"i 3: 1024 -27 1"}},
    {CLV_OP_POW, "float to int64", {"f 3: 2 -3 5", "I 3: -1 3 0"}, {0}, {"f 3: 0.5 -27 1"}},
    {CLV_OP_REDUCE_L1, "an axis", {"f 2x3: 1 -2 3 -4 5 -6", "I 1: 1"}, {0}, {"f 2x1: 6 15"}},
    {CLV_OP_REDUCE_L2, "an axis, not kept", {"f 2x2: 3 4 5 12", "I 1: -1"}, {"keepdims=0"}, {"f 2: 5 13"}},
    {CLV_OP_REDUCE_LOG_SUM, "all", {"f 2x2: 1 2 3 4"}, {0}, {"f 1x1: 2.30258509"}},
    {CLV_OP_REDUCE_LOG_SUM_EXP, "large numbers", {"f 2x2: 1000 1000 -1000 -1000", "I 1: 1"}, {0}, {"f 2x1: 1000.69315 -999.306853"}},
    {CLV_OP_REDUCE_MAX, "axis 0", {"f 2x3: 1 -2 3 -4 5 -6", "I 1: 0"}, {0}, {"f 1x3: 1 5 3"}},
    {CLV_OP_REDUCE_MIN, "axis 0", {"f 2x3: 1 -2 3 -4 5 -6", "I 1: 0"}, {0}, {"f 1x3: -4 -2 -6"}},
    {CLV_OP_REDUCE_PROD, "all, int64", {"i 2x2: 1 -2 3 4"}, {"keepdims=0"}, {"i : -24"}},
    {CLV_OP_REDUCE_SUM, "two axes", {"f 2x2x2: 1 2 3 4 5 6 7 8", "I 2: 0 2"}, {0}, {"f 1x2x1: 14 22"}},
    {CLV_OP_REDUCE_SUM, "of nothing", {"f 2x0:", "I 1: 1"}, {0}, {"f 2x1: 0 0"}},
    {CLV_OP_REDUCE_PROD, "of nothing", {"f 2x0:", "I 1: 1"}, {0}, {"f 2x1: 1 1"}},
    {CLV_OP_REDUCE_MAX, "of nothing", {"i 2x0:", "I 1: 1"}, {0}, {"i 2x1: -9223372036854775808 -9223372036854775808"}},
    {CLV_OP_REDUCE_SUM_SQUARE, "an axis", {"f 2x3: 1 -2 3 -4 5 -6", "I 1: 1"}, {0}, {"f 2x1: 14 77"}},
    {CLV_OP_REDUCE_MEAN, "int64 goes towards zero", {"i 3: 1 2 5"}, {0}, {"i 1: 2"}},
    {CLV_OP_ARG_MAX, "the first of equals", {"f 2x3: 1 3 3 5 4 5"}, {"axis=1"}, {"i 2x1: 1 0"}},
    {CLV_OP_ARG_MAX, "the last of equals", {"f 2x3: 1 3 3 5 4 5"}, {"axis=1", "keepdims=0", "select_last_index=1"}, {"i 2: 2 2"}},
    {CLV_OP_ARG_MIN, "axis 0", {"i 2x3: 1 3 3 0 4 3"}, {0}, {"i 1x3: 1 0 0"}},
    {CLV_OP_TOP_K, "the largest, earlier ones first", {"f 2x4: 1 4 3 4 9 7 8 7", "I 1: 3"}, {0}, {"f 2x3: 4 4 3 9 8 7", "i 2x3: 1 3 2 0 2 1"}},
    {CLV_OP_TOP_K, "the smallest along axis 0", {"i 3x2: 5 1 3 2 4 0", "I 1: 2"}, {"axis=0", "largest=0"}, {"i 2x2: 3 0 4 1", "i 2x2: 1 2 2 0"}},
    {CLV_OP_CUM_SUM, "by hand", {"f 2x3: 1 2 3 4 5 6", "I : 1"}, {0}, {"f 2x3: 1 3 6 4 9 15"}},
    {CLV_OP_CUM_SUM, "from the end, exclusive", {"i 4: 1 2 3 4", "i : -1"}, {"exclusive=1", "reverse=1"}, {"i 4: 9 7 4 0"}},
    {CLV_OP_HARDMAX, "the first of equals", {"f 2x3: 1 3 3 5 4 5"}, {0}, {"f 2x3: 0 1 0 1 0 0"}},
    {CLV_OP_LOG_SOFTMAX, "by hand", {"f 2x2: 0 0 1000 0"}, {0}, {"f 2x2: -0.693147181 -0.693147181 0 -1000"}},
    {CLV_OP_LP_NORMALIZATION, "2", {"f 2x2: 3 4 0 0"}, {0}, {"f 2x2: 0.6 0.8 0 0"}},
    {CLV_OP_LP_NORMALIZATION, "1, axis 0", {"f 2x2: 1 -4 3 4"}, {"axis=0", "p=1"}, {"f 2x2: 0.25 -0.5 0.75 0.5"}},
    {CLV_OP_MEAN_VARIANCE_NORMALIZATION, "by hand", {"f 2x2: 1 3 -10 10"}, {"axes=1"}, {"f 2x2: -1 1 -1 1"}},
    {CLV_OP_INSTANCE_NORMALIZATION, "by hand", {"f 1x2x2: 1 3 -10 10", "F 2: 1 2", "F 2: 0 5"}, {"epsilon~0"}, {"f 1x2x2: -1 1 3 7"}},
    {CLV_OP_GROUP_NORMALIZATION, "a scale for each channel", {"f 1x2x2: 1 1 3 3", "F 2: 1 2", "F 2: 0 5"}, {"num_groups=1", "epsilon~0"}, {"f 1x2x2: -1 -1 7 7"}},
    {CLV_OP_GROUP_NORMALIZATION, "a scale for each group", {"f 1x4x1: 1 3 -10 10", "F 2: 1 2", "F 2: 0 5"}, {"num_groups=2", "epsilon~0"}, {"f 1x4x1: -1 1 3 7"}},
    {CLV_OP_LAYER_NORMALIZATION, "with statistics", {"f 2x2: 1 3 -10 10", "F 2: 1 2", "F 2: 0 5"}, {"epsilon~0"}, {"f 2x2: -1 7 -1 7", "f 2x1: 2 0", "f 2x1: 1 0.1"}},
    {CLV_OP_EINSUM, "matrix product", {"f 2x2: 1 2 3 4", "f 2x2: 5 6 7 8"}, {"equation:ij,jk->ik"}, {"f 2x2: 19 22 43 50"}},
    {CLV_OP_EINSUM, "trace", {"f 2x2: 1 2 3 4"}, {"equation:ii->"}, {"f : 5"}},
    {CLV_OP_EINSUM, "implied output, dots", {"f 1x2x2: 1 2 3 4", "F 2: 10 1"}, {"equation:...j,j"}, {"f 1x2: 12 34"}},
    {CLV_OP_EINSUM, "int64, transposed", {"i 2x3: 1 2 3 4 5 6"}, {"equation: ba -> ab"}, {"i 3x2: 1 4 2 5 3 6"}},
    {CLV_OP_DET, "with a swap of rows", {"f 2x2x2: 0 1 2 3 1 2 3 4"}, {0}, {"f 2: -2 -2"}},
    {CLV_OP_NEGATIVE_LOG_LIKELIHOOD_LOSS, "each", {"f 2x3: -1 -2 -3 -4 -5 -6", "i 2: 2 0", "F 3: 1 10 100"}, {"reduction:none"}, {"f 2: 300 4"}},
    {CLV_OP_NEGATIVE_LOG_LIKELIHOOD_LOSS, "mean by weights, one ignored", {"f 1x2x3: -1 -2 -3 -4 -5 -6", "i 1x3: 0 7 1", "F 2: 1 3"}, {"ignore_index=7"}, {"f : 4.75"}},
    {CLV_OP_SOFTMAX_CROSS_ENTROPY_LOSS, "with log probabilities", {"f 2x2: 0 0 1000 1000", "i 2: 1 0"}, {"reduction:sum"}, {"f : 1.38629436", "f 2x2: -0.693147181 -0.693147181 -0.693147181 -0.693147181"}},
};
/* clang-format on */

#define N_TABLE (sizeof table / sizeof table[0])

typedef struct parsed {
    clv_tensor tensor; /* data: none */
    bool constant;
    double floats[MAX_VALUES];
    int64_t ints[MAX_VALUES];
} parsed;

static clv_dtype dtype_of(char letter)
{
    switch (letter) {
    case 'f':
    case 'F':
        return CLV_F32;
    case 'i':
    case 'I':
        return CLV_I64;
    case 'b':
    case 'B':
        return CLV_BOOL;
    case 'u':
    case 'U':
        return CLV_U8;
    case 'c':
    case 'C':
        return CLV_I8;
    case 'w':
    case 'W':
        return CLV_I32;
    default:
        return CLV_NONE;
    }
}

static parsed parse(const char *text)
{
    parsed p = {.tensor.dtype = dtype_of(text[0]), .constant = text[0] < 'a'};
    char *at = NULL;

    if (p.tensor.dtype == CLV_NONE)
        return p;
    for (const char *dim = text + 2; *dim != ':'; dim = *at == 'x' ? at + 1 : at)
        p.tensor.shape.dim[p.tensor.shape.rank++] = strtoll(dim, &at, 10);
    const char *values = strchr(text, ':') + 1;
    for (size_t i = 0; *values != '\0'; i++) {
        assert_true(i < MAX_VALUES);
        p.floats[i] = strtod(values, NULL);
        p.ints[i] = strtoll(values, &at, 10);
        (void)strtod(values, &at);
        values = at;
    }
    return p;
}

static void store(void *data, const parsed *p)
{
    for (size_t i = 0; i < case_elems(&p->tensor); i++) {
        if (p->tensor.dtype == CLV_F32)
            ((float *)data)[i] = (float)p->floats[i];
        else if (p->tensor.dtype == CLV_I64)
            ((int64_t *)data)[i] = p->ints[i];
        else if (p->tensor.dtype == CLV_I32)
            ((int32_t *)data)[i] = (int32_t)p->ints[i];
        else if (p->tensor.dtype == CLV_U8)
            ((uint8_t *)data)[i] = (uint8_t)p->ints[i];
        else if (p->tensor.dtype == CLV_I8)
            ((int8_t *)data)[i] = (int8_t)p->ints[i];
        else
            ((uint8_t *)data)[i] = p->ints[i] != 0;
    }
}

static void add_input(node_case *c, const char *text)
{
    parsed p = parse(text);
    if (p.tensor.dtype == CLV_NONE) {
        case_absent_input(c);
        return;
    }
    store(case_input(c, p.tensor.dtype, p.tensor.shape, NULL), &p);
    if (p.constant)
        case_make_constant(c);
}

/* An attribute's name and numbers, which outlive the building of the case's graph. */
typedef struct attr_memory {
    char name[32];
    int64_t ints[8];
    float floats[8];
} attr_memory;

static void add_floats(node_case *c, const char *value, attr_memory *memory)
{
    uint32_t count = 0;
    for (char *at; *value != '\0'; value = *at == ',' ? at + 1 : at)
        memory->floats[count++] = strtof(value, &at);
    if (strncmp(memory->name, "activation", strlen("activation")) == 0)
        case_floats(c, memory->name, memory->floats, count);
    else
        case_float(c, memory->name, memory->floats[0]);
}

static void add_ints(node_case *c, const char *value, attr_memory *memory)
{
    static const char *const lists[] = {"perm",           "axes",        "pads",
                                        "strides",        "dilations",   "kernel_shape",
                                        "output_padding", "output_shape"};
    uint32_t count = 0;
    bool is_list = false;

    for (char *at; *value != '\0'; value = *at == ',' ? at + 1 : at)
        memory->ints[count++] = strtoll(value, &at, 10);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        is_list = is_list || strcmp(memory->name, lists[i]) == 0;
    if (is_list)
        case_ints(c, memory->name, memory->ints, count);
    else
        case_int(c, memory->name, memory->ints[0]);
}

static void add_attr(node_case *c, const char *text, attr_memory *memory)
{
    size_t n = strcspn(text, "=~:");

    assert_true(n < sizeof memory->name);
    memcpy(memory->name, text, n);
    memory->name[n] = '\0';
    if (text[n] == ':')
        case_string(c, memory->name, text + n + 1);
    else if (text[n] == '~')
        add_floats(c, text + n + 1, memory);
    else
        add_ints(c, text + n + 1, memory);
}

/* All of @p line but what is expected. */
static node_case *start(const literal *line, size_t i, attr_memory *memory)
{
    node_case *c = case_create(line->op, "literal %zu: %s, %s", i, clv_op_describe(line->op)->name,
                               line->name);

    for (size_t j = 0; j < CASE_MAX_INPUTS && line->inputs[j] != NULL; j++)
        add_input(c, line->inputs[j]);
    for (size_t j = 0; j < LITERAL_MAX_ATTRS && line->attrs[j] != NULL; j++)
        add_attr(c, line->attrs[j], &memory[j]);
    for (c->n_outputs = 0; c->n_outputs < 3 && line->outputs[c->n_outputs] != NULL;)
        c->n_outputs++;
    return c;
}

node_case *literal_make(const literal *line, size_t i)
{
    attr_memory memory[LITERAL_MAX_ATTRS];
    node_case *c = start(line, i, memory);

    case_must_build(c);
    for (uint32_t j = 0; j < c->n_outputs; j++) {
        parsed p = parse(line->outputs[j]);
        if (p.tensor.dtype != c->expected[j].dtype ||
            !clv_shape_equal(&p.tensor.shape, &c->expected[j].shape))
            fail_msg("%s: output %u has another type or shape", c->name, j);
        store(c->expected[j].data, &p);
    }
    return c;
}

clv_status literal_infer(const literal *line, clv_error *err)
{
    attr_memory memory[LITERAL_MAX_ATTRS];
    node_case *c = start(line, 0, memory);
    clv_status status = case_build(c, err);

    case_free(c);
    return status;
}

static node_case *make(size_t i)
{
    return literal_make(&table[i], i);
}

const case_family case_literal = {"by hand", N_TABLE, make};
