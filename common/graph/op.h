/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_OP_H
#define CLV_OP_H

/** @file op.h: the operators of a graph, one line each.
 *
 *  An operator means what ONNX opset 21 says it means (https://onnx.ai/onnx/operators/): the
 *  importer rewrites older forms into that one, so nothing behind it knows of opsets.
 *  What the passes add to a node is in clv_fusion (graph.h). Two operators are theirs alone, no
 *  file of these opsets has them (clv_op_is_internal()):
 *    Swish           y = x * sigmoid(alpha * x), attribute alpha (float, 1), as opset 24 has it
 *    ChannelShuffle  x [n, c, ...] with attribute groups (int, divides c): channel
 *                    i * (c / groups) + j of x is channel j * groups + i of y */

#include <stdbool.h>
#include <stdint.h>

#include <cleave/status.h>

/** Every operator: X(NAME, "OnnxName", min inputs, max inputs, min outputs, max outputs, rule).
 *  `rule` names the shape rule infer_<rule>() (infer.h). CLV_MANY: no upper limit. */
#define CLV_MANY 65535u
/* clang-format off */
#define CLV_OP_LIST(X)                                                                                   \
    X(ABS,                          "Abs",                       1, 1,        1, 1,        same)               \
    X(ACOS,                         "Acos",                      1, 1,        1, 1,        same)               \
    X(ACOSH,                        "Acosh",                     1, 1,        1, 1,        same)               \
    X(ADD,                          "Add",                       2, 2,        1, 1,        broadcast)          \
    X(AFFINE_GRID,                  "AffineGrid",                2, 2,        1, 1,        affine_grid)        \
    X(AND,                          "And",                       2, 2,        1, 1,        broadcast)          \
    X(ARG_MAX,                      "ArgMax",                    1, 1,        1, 1,        arg)                \
    X(ARG_MIN,                      "ArgMin",                    1, 1,        1, 1,        arg)                \
    X(ASIN,                         "Asin",                      1, 1,        1, 1,        same)               \
    X(ASINH,                        "Asinh",                     1, 1,        1, 1,        same)               \
    X(ATAN,                         "Atan",                      1, 1,        1, 1,        same)               \
    X(ATANH,                        "Atanh",                     1, 1,        1, 1,        same)               \
    X(AVERAGE_POOL,                 "AveragePool",               1, 1,        1, 1,        pool)               \
    X(BATCH_NORMALIZATION,          "BatchNormalization",        5, 5,        1, 1,        same)               \
    X(BITWISE_AND,                  "BitwiseAnd",                2, 2,        1, 1,        broadcast)          \
    X(BITWISE_NOT,                  "BitwiseNot",                1, 1,        1, 1,        same)               \
    X(BITWISE_OR,                   "BitwiseOr",                 2, 2,        1, 1,        broadcast)          \
    X(BITWISE_XOR,                  "BitwiseXor",                2, 2,        1, 1,        broadcast)          \
    X(BIT_SHIFT,                    "BitShift",                  2, 2,        1, 1,        broadcast)          \
    X(BLACKMAN_WINDOW,              "BlackmanWindow",            1, 1,        1, 1,        signal_window)      \
    X(CAST,                         "Cast",                      1, 1,        1, 1,        cast)               \
    X(CAST_LIKE,                    "CastLike",                  2, 2,        1, 1,        cast_like)          \
    X(CEIL,                         "Ceil",                      1, 1,        1, 1,        same)               \
    X(CELU,                         "Celu",                      1, 1,        1, 1,        same)               \
    X(CENTER_CROP_PAD,              "CenterCropPad",             2, 2,        1, 1,        center_crop_pad)    \
    X(CHANNEL_SHUFFLE,              "ChannelShuffle",            1, 1,        1, 1,        channel_shuffle)    \
    X(CLIP,                         "Clip",                      1, 3,        1, 1,        same)               \
    X(COL2IM,                       "Col2Im",                    3, 3,        1, 1,        col2im)             \
    X(COMPRESS,                     "Compress",                  2, 2,        1, 1,        compress)           \
    X(CONCAT,                       "Concat",                    1, CLV_MANY, 1, 1,        concat)             \
    X(CONSTANT_OF_SHAPE,            "ConstantOfShape",           1, 1,        1, 1,        fill)               \
    X(CONV,                         "Conv",                      2, 4,        1, 1,        conv)               \
    X(CONV_INTEGER,                 "ConvInteger",               2, 4,        1, 1,        conv_integer)       \
    X(CONV_TRANSPOSE,               "ConvTranspose",             2, 3,        1, 1,        conv_transpose)     \
    X(COS,                          "Cos",                       1, 1,        1, 1,        same)               \
    X(COSH,                         "Cosh",                      1, 1,        1, 1,        same)               \
    X(CUM_SUM,                      "CumSum",                    2, 2,        1, 1,        cum_sum)            \
    X(DEPTH_TO_SPACE,               "DepthToSpace",              1, 1,        1, 1,        depth_to_space)     \
    X(DEQUANTIZE_LINEAR,            "DequantizeLinear",          2, 3,        1, 1,        dequantize)         \
    X(DET,                          "Det",                       1, 1,        1, 1,        det)                \
    X(DFT,                          "DFT",                       1, 3,        1, 1,        dft)                \
    X(DIV,                          "Div",                       2, 2,        1, 1,        broadcast)          \
    X(DROPOUT,                      "Dropout",                   1, 3,        1, 2,        dropout)            \
    X(DYNAMIC_QUANTIZE_LINEAR,      "DynamicQuantizeLinear",     1, 1,        3, 3,        dynamic_quantize)   \
    X(EINSUM,                       "Einsum",                    1, CLV_MANY, 1, 1,        einsum)             \
    X(ELU,                          "Elu",                       1, 1,        1, 1,        same)               \
    X(EQUAL,                        "Equal",                     2, 2,        1, 1,        compare)            \
    X(ERF,                          "Erf",                       1, 1,        1, 1,        same)               \
    X(EXP,                          "Exp",                       1, 1,        1, 1,        same)               \
    X(EXPAND,                       "Expand",                    2, 2,        1, 1,        expand)             \
    X(EYE_LIKE,                     "EyeLike",                   1, 1,        1, 1,        eye_like)           \
    X(FLATTEN,                      "Flatten",                   1, 1,        1, 1,        flatten)            \
    X(FLOOR,                        "Floor",                     1, 1,        1, 1,        same)               \
    X(GATHER,                       "Gather",                    2, 2,        1, 1,        gather)             \
    X(GATHER_ELEMENTS,              "GatherElements",            2, 2,        1, 1,        gather_elements)    \
    X(GATHER_ND,                    "GatherND",                  2, 2,        1, 1,        gather_nd)          \
    X(GELU,                         "Gelu",                      1, 1,        1, 1,        same)               \
    X(GEMM,                         "Gemm",                      2, 3,        1, 1,        gemm)               \
    X(GLOBAL_AVERAGE_POOL,          "GlobalAveragePool",         1, 1,        1, 1,        global_pool)        \
    X(GLOBAL_LP_POOL,               "GlobalLpPool",              1, 1,        1, 1,        global_pool)        \
    X(GLOBAL_MAX_POOL,              "GlobalMaxPool",             1, 1,        1, 1,        global_pool)        \
    X(GREATER,                      "Greater",                   2, 2,        1, 1,        compare)            \
    X(GREATER_OR_EQUAL,             "GreaterOrEqual",            2, 2,        1, 1,        compare)            \
    X(GRID_SAMPLE,                  "GridSample",                2, 2,        1, 1,        grid_sample)        \
    X(GROUP_NORMALIZATION,          "GroupNormalization",        3, 3,        1, 1,        group_norm)         \
    X(GRU,                          "GRU",                       3, 6,        0, 2,        rnn)                \
    X(HAMMING_WINDOW,               "HammingWindow",             1, 1,        1, 1,        signal_window)      \
    X(HANN_WINDOW,                  "HannWindow",                1, 1,        1, 1,        signal_window)      \
    X(HARDMAX,                      "Hardmax",                   1, 1,        1, 1,        along_axis)         \
    X(HARD_SIGMOID,                 "HardSigmoid",               1, 1,        1, 1,        same)               \
    X(HARD_SWISH,                   "HardSwish",                 1, 1,        1, 1,        same)               \
    X(IDENTITY,                     "Identity",                  1, 1,        1, 1,        same)               \
    X(INSTANCE_NORMALIZATION,       "InstanceNormalization",     3, 3,        1, 1,        instance_norm)      \
    X(IS_INF,                       "IsInf",                     1, 1,        1, 1,        predicate)          \
    X(IS_NAN,                       "IsNaN",                     1, 1,        1, 1,        predicate)          \
    X(LAYER_NORMALIZATION,          "LayerNormalization",        2, 3,        1, 3,        layer_norm)         \
    X(LEAKY_RELU,                   "LeakyRelu",                 1, 1,        1, 1,        same)               \
    X(LESS,                         "Less",                      2, 2,        1, 1,        compare)            \
    X(LESS_OR_EQUAL,                "LessOrEqual",               2, 2,        1, 1,        compare)            \
    X(LOG,                          "Log",                       1, 1,        1, 1,        same)               \
    X(LOG_SOFTMAX,                  "LogSoftmax",                1, 1,        1, 1,        along_axis)         \
    X(LP_NORMALIZATION,             "LpNormalization",           1, 1,        1, 1,        along_axis)         \
    X(LP_POOL,                      "LpPool",                    1, 1,        1, 1,        pool)               \
    X(LRN,                          "LRN",                       1, 1,        1, 1,        same)               \
    X(LSTM,                         "LSTM",                      3, 8,        0, 3,        rnn)                \
    X(MATMUL,                       "MatMul",                    2, 2,        1, 1,        matmul)             \
    X(MATMUL_INTEGER,               "MatMulInteger",             2, 4,        1, 1,        matmul_integer)     \
    X(MAX,                          "Max",                       1, CLV_MANY, 1, 1,        variadic)           \
    X(MAX_POOL,                     "MaxPool",                   1, 1,        1, 2,        max_pool)           \
    X(MAX_UNPOOL,                   "MaxUnpool",                 2, 3,        1, 1,        max_unpool)         \
    X(MEAN,                         "Mean",                      1, CLV_MANY, 1, 1,        variadic)           \
    X(MEAN_VARIANCE_NORMALIZATION,  "MeanVarianceNormalization", 1, 1,        1, 1,        mean_variance)      \
    X(MEL_WEIGHT_MATRIX,            "MelWeightMatrix",           5, 5,        1, 1,        mel)                \
    X(MIN,                          "Min",                       1, CLV_MANY, 1, 1,        variadic)           \
    X(MISH,                         "Mish",                      1, 1,        1, 1,        same)               \
    X(MOD,                          "Mod",                       2, 2,        1, 1,        broadcast)          \
    X(MUL,                          "Mul",                       2, 2,        1, 1,        broadcast)          \
    X(NEG,                          "Neg",                       1, 1,        1, 1,        same)               \
    X(NEGATIVE_LOG_LIKELIHOOD_LOSS, "NegativeLogLikelihoodLoss", 2, 3,        1, 1,        loss)               \
    X(NON_MAX_SUPPRESSION,          "NonMaxSuppression",         2, 5,        1, 1,        nms)                \
    X(NON_ZERO,                     "NonZero",                   1, 1,        1, 1,        non_zero)           \
    X(NOT,                          "Not",                       1, 1,        1, 1,        same)               \
    X(ONE_HOT,                      "OneHot",                    3, 3,        1, 1,        one_hot)            \
    X(OR,                           "Or",                        2, 2,        1, 1,        broadcast)          \
    X(PAD,                          "Pad",                       2, 4,        1, 1,        pad)                \
    X(POW,                          "Pow",                       2, 2,        1, 1,        pow)                \
    X(PRELU,                        "PRelu",                     2, 2,        1, 1,        same)               \
    X(QLINEAR_CONV,                 "QLinearConv",               8, 9,        1, 1,        qlinear_conv)       \
    X(QLINEAR_MATMUL,               "QLinearMatMul",             8, 8,        1, 1,        qlinear_matmul)     \
    X(QUANTIZE_LINEAR,              "QuantizeLinear",            2, 3,        1, 1,        quantize)           \
    X(RANGE,                        "Range",                     3, 3,        1, 1,        range)              \
    X(RECIPROCAL,                   "Reciprocal",                1, 1,        1, 1,        same)               \
    X(REDUCE_L1,                    "ReduceL1",                  1, 2,        1, 1,        reduce)             \
    X(REDUCE_L2,                    "ReduceL2",                  1, 2,        1, 1,        reduce)             \
    X(REDUCE_LOG_SUM,               "ReduceLogSum",              1, 2,        1, 1,        reduce)             \
    X(REDUCE_LOG_SUM_EXP,           "ReduceLogSumExp",           1, 2,        1, 1,        reduce)             \
    X(REDUCE_MAX,                   "ReduceMax",                 1, 2,        1, 1,        reduce)             \
    X(REDUCE_MEAN,                  "ReduceMean",                1, 2,        1, 1,        reduce)             \
    X(REDUCE_MIN,                   "ReduceMin",                 1, 2,        1, 1,        reduce)             \
    X(REDUCE_PROD,                  "ReduceProd",                1, 2,        1, 1,        reduce)             \
    X(REDUCE_SUM,                   "ReduceSum",                 1, 2,        1, 1,        reduce)             \
    X(REDUCE_SUM_SQUARE,            "ReduceSumSquare",           1, 2,        1, 1,        reduce)             \
    X(RELU,                         "Relu",                      1, 1,        1, 1,        same)               \
    X(RESHAPE,                      "Reshape",                   2, 2,        1, 1,        reshape)            \
    X(RESIZE,                       "Resize",                    1, 4,        1, 1,        resize)             \
    X(REVERSE_SEQUENCE,             "ReverseSequence",           2, 2,        1, 1,        reverse_sequence)   \
    X(RNN,                          "RNN",                       3, 6,        0, 2,        rnn)                \
    X(ROI_ALIGN,                    "RoiAlign",                  3, 3,        1, 1,        roi_align)          \
    X(ROUND,                        "Round",                     1, 1,        1, 1,        same)               \
    X(SCATTER_ELEMENTS,             "ScatterElements",           3, 3,        1, 1,        scatter_elements)   \
    X(SCATTER_ND,                   "ScatterND",                 3, 3,        1, 1,        scatter_nd)         \
    X(SELU,                         "Selu",                      1, 1,        1, 1,        same)               \
    X(SHAPE,                        "Shape",                     1, 1,        1, 1,        shape)              \
    X(SHRINK,                       "Shrink",                    1, 1,        1, 1,        same)               \
    X(SIGMOID,                      "Sigmoid",                   1, 1,        1, 1,        same)               \
    X(SIGN,                         "Sign",                      1, 1,        1, 1,        same)               \
    X(SIN,                          "Sin",                       1, 1,        1, 1,        same)               \
    X(SINH,                         "Sinh",                      1, 1,        1, 1,        same)               \
    X(SIZE,                         "Size",                      1, 1,        1, 1,        size)               \
    X(SLICE,                        "Slice",                     3, 5,        1, 1,        slice)              \
    X(SOFTMAX,                      "Softmax",                   1, 1,        1, 1,        same)               \
    X(SOFTMAX_CROSS_ENTROPY_LOSS,   "SoftmaxCrossEntropyLoss",   2, 3,        1, 2,        loss)               \
    X(SOFTPLUS,                     "Softplus",                  1, 1,        1, 1,        same)               \
    X(SOFTSIGN,                     "Softsign",                  1, 1,        1, 1,        same)               \
    X(SPACE_TO_DEPTH,               "SpaceToDepth",              1, 1,        1, 1,        space_to_depth)     \
    X(SPLIT,                        "Split",                     1, 2,        1, CLV_MANY, split)              \
    X(SQRT,                         "Sqrt",                      1, 1,        1, 1,        same)               \
    X(SQUEEZE,                      "Squeeze",                   1, 2,        1, 1,        squeeze)            \
    X(STFT,                         "STFT",                      2, 4,        1, 1,        stft)               \
    X(SUB,                          "Sub",                       2, 2,        1, 1,        broadcast)          \
    X(SWISH,                        "Swish",                     1, 1,        1, 1,        same)               \
    X(TAN,                          "Tan",                       1, 1,        1, 1,        same)               \
    X(TANH,                         "Tanh",                      1, 1,        1, 1,        same)               \
    X(THRESHOLDED_RELU,             "ThresholdedRelu",           1, 1,        1, 1,        same)               \
    X(TILE,                         "Tile",                      2, 2,        1, 1,        tile)               \
    X(TOP_K,                        "TopK",                      2, 2,        2, 2,        top_k)              \
    X(TRANSPOSE,                    "Transpose",                 1, 1,        1, 1,        transpose)          \
    X(TRILU,                        "Trilu",                     1, 2,        1, 1,        trilu)              \
    X(UNIQUE,                       "Unique",                    1, 1,        1, 4,        unique)             \
    X(UNSQUEEZE,                    "Unsqueeze",                 2, 2,        1, 1,        unsqueeze)          \
    X(WHERE,                        "Where",                     3, 3,        1, 1,        where)              \
    X(XOR,                          "Xor",                       2, 2,        1, 1,        broadcast)
/* clang-format on */

typedef enum clv_op {
#define CLV_OP_ENUM(name, text, min_in, max_in, min_out, max_out, rule) CLV_OP_##name,
    CLV_OP_LIST(CLV_OP_ENUM)
#undef CLV_OP_ENUM
        CLV_OP_COUNT
} clv_op;

/** What the table says of one operator. */
typedef struct clv_op_info {
    const char *name; /**< The ONNX name. */
    uint16_t min_inputs, max_inputs;
    uint16_t min_outputs, max_outputs;
} clv_op_info;

/** No operator of ONNX up to opset 21: only the passes make it. */
static inline bool clv_op_is_internal(clv_op op)
{
    return op == CLV_OP_CHANNEL_SHUFFLE || op == CLV_OP_SWISH;
}

/** The table's line for @p op, static. @p op must be a member of the enum. */
const clv_op_info *clv_op_describe(clv_op op);

/** Find an operator by its name in the table, internal ones too. @return CLV_OK, CLV_EUNSUPPORTED.
 */
CLV_NODISCARD clv_status clv_op_find(clv_op *out, const char *name);

#endif
