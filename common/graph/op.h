/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_OP_H
#define CLV_OP_H

/** @file op.h: the operators of a graph, one line each.
 *
 *  An operator means what ONNX opset 21 says it means (https://onnx.ai/onnx/operators/): the
 *  importer rewrites older forms into that one, so nothing behind it knows of opsets.
 *  What the passes add to a node is in clv_fusion (graph.h), never a new operator. */

#include <stdint.h>

#include <cleave/status.h>

/** Every operator: X(NAME, "OnnxName", min inputs, max inputs, min outputs, max outputs, rule).
 *  `rule` names the shape rule infer_<rule>() (infer.h). CLV_MANY: no upper limit. */
#define CLV_MANY 65535u
/* clang-format off */
#define CLV_OP_LIST(X)                                                            \
    X(ADD,                  "Add",                  2, 2,        1, 1, broadcast)  \
    X(AVERAGE_POOL,         "AveragePool",          1, 1,        1, 1, pool)       \
    X(BATCH_NORMALIZATION,  "BatchNormalization",   5, 5,        1, 1, same)       \
    X(CAST,                 "Cast",                 1, 1,        1, 1, cast)       \
    X(CLIP,                 "Clip",                 1, 3,        1, 1, same)       \
    X(CONCAT,               "Concat",               1, CLV_MANY, 1, 1, concat)     \
    X(CONSTANT_OF_SHAPE,    "ConstantOfShape",      1, 1,        1, 1, fill)       \
    X(CONV,                 "Conv",                 2, 4,        1, 1, conv)       \
    X(DIV,                  "Div",                  2, 2,        1, 1, broadcast)  \
    X(DROPOUT,              "Dropout",              1, 3,        1, 2, dropout)    \
    X(ELU,                  "Elu",                  1, 1,        1, 1, same)       \
    X(EXP,                  "Exp",                  1, 1,        1, 1, same)       \
    X(EXPAND,               "Expand",               2, 2,        1, 1, expand)     \
    X(FLATTEN,              "Flatten",              1, 1,        1, 1, flatten)    \
    X(GATHER,               "Gather",               2, 2,        1, 1, gather)     \
    X(GEMM,                 "Gemm",                 2, 3,        1, 1, gemm)       \
    X(GLOBAL_AVERAGE_POOL,  "GlobalAveragePool",    1, 1,        1, 1, global_pool)\
    X(GLOBAL_MAX_POOL,      "GlobalMaxPool",        1, 1,        1, 1, global_pool)\
    X(HARD_SIGMOID,         "HardSigmoid",          1, 1,        1, 1, same)       \
    X(HARD_SWISH,           "HardSwish",            1, 1,        1, 1, same)       \
    X(IDENTITY,             "Identity",             1, 1,        1, 1, same)       \
    X(LEAKY_RELU,           "LeakyRelu",            1, 1,        1, 1, same)       \
    X(LRN,                  "LRN",                  1, 1,        1, 1, same)       \
    X(MATMUL,               "MatMul",               2, 2,        1, 1, matmul)     \
    X(MAX_POOL,             "MaxPool",              1, 1,        1, 1, pool)       \
    X(MUL,                  "Mul",                  2, 2,        1, 1, broadcast)  \
    X(NEG,                  "Neg",                  1, 1,        1, 1, same)       \
    X(PAD,                  "Pad",                  2, 4,        1, 1, pad)        \
    X(POW,                  "Pow",                  2, 2,        1, 1, broadcast)  \
    X(PRELU,                "PRelu",                2, 2,        1, 1, same)       \
    X(REDUCE_MEAN,          "ReduceMean",           1, 2,        1, 1, reduce)     \
    X(RELU,                 "Relu",                 1, 1,        1, 1, same)       \
    X(RESHAPE,              "Reshape",              2, 2,        1, 1, reshape)    \
    X(SHAPE,                "Shape",                1, 1,        1, 1, shape)      \
    X(SIGMOID,              "Sigmoid",              1, 1,        1, 1, same)       \
    X(SLICE,                "Slice",                3, 5,        1, 1, slice)      \
    X(SOFTMAX,              "Softmax",              1, 1,        1, 1, same)       \
    X(SPLIT,                "Split",                1, 2,        1, CLV_MANY, split) \
    X(SQRT,                 "Sqrt",                 1, 1,        1, 1, same)       \
    X(SQUEEZE,              "Squeeze",              1, 2,        1, 1, squeeze)    \
    X(SUB,                  "Sub",                  2, 2,        1, 1, broadcast)  \
    X(TANH,                 "Tanh",                 1, 1,        1, 1, same)       \
    X(TRANSPOSE,            "Transpose",            1, 1,        1, 1, transpose)  \
    X(UNSQUEEZE,            "Unsqueeze",            2, 2,        1, 1, unsqueeze)
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

/** The table's line for @p op, static. @p op must be a member of the enum. */
const clv_op_info *clv_op_describe(clv_op op);

/** Find an operator by its ONNX name. @return CLV_OK, CLV_EUNSUPPORTED. */
CLV_NODISCARD clv_status clv_op_find(clv_op *out, const char *name);

#endif
