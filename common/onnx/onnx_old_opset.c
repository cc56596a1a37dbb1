/* SPDX-License-Identifier: Apache-2.0 */
/* Opsets before the oldest that is supported: a model of operators that have not changed since
 * then may say any opset, and some writers say the lowest that they can. */
#include <string.h>

#include "onnx/onnx_internal.h"

/* The opset from which on an operator is as it was in CLV_ONNX_MIN_OPSET. */
static const struct {
    const char *name;
    int since;
} unchanged[] = {
    {"Abs", 6},
    {"ArgMax", 1},
    {"ArgMin", 1},
    {"Cast", 6},
    {"Ceil", 6},
    {"Clip", 6},
    {"Concat", 4},
    {"Constant", 1},
    {"Conv", 1},
    {"ConvTranspose", 1},
    {"DepthToSpace", 1},
    {"Elu", 6},
    {"Exp", 6},
    {"Flatten", 1},
    {"Floor", 6},
    {"Gather", 1},
    {"GlobalAveragePool", 1},
    {"GlobalMaxPool", 1},
    {"HardSigmoid", 6},
    {"Hardmax", 1},
    {"Identity", 1},
    {"InstanceNormalization", 6},
    {"LRN", 1},
    {"LeakyRelu", 6},
    {"Log", 6},
    {"LogSoftmax", 1},
    {"LpNormalization", 1},
    {"MatMul", 1},
    {"MaxPool", 1},
    {"Neg", 6},
    {"Not", 1},
    {"Pad", 2},
    {"Reciprocal", 6},
    {"ReduceL1", 1},
    {"ReduceL2", 1},
    {"ReduceLogSum", 1},
    {"ReduceLogSumExp", 1},
    {"ReduceMax", 1},
    {"ReduceMean", 1},
    {"ReduceMin", 1},
    {"ReduceProd", 1},
    {"ReduceSum", 1},
    {"ReduceSumSquare", 1},
    {"Relu", 6},
    {"Reshape", 5},
    {"Selu", 6},
    {"Shape", 1},
    {"Sigmoid", 6},
    {"Size", 1},
    {"Slice", 1},
    {"Softmax", 1},
    {"Softplus", 1},
    {"Softsign", 1},
    {"SpaceToDepth", 1},
    {"Split", 2},
    {"Sqrt", 6},
    {"Squeeze", 1},
    {"Tanh", 6},
    {"TopK", 1},
    {"Transpose", 1},
    {"Unsqueeze", 1},
};

static bool is_unchanged(const Clv__Onnx__NodeProto *node, int64_t opset)
{
    if (!clv_onnx_is_standard(clv_onnx_text(node->domain)))
        return false;
    for (size_t i = 0; i < sizeof unchanged / sizeof unchanged[0]; i++) {
        if (strcmp(unchanged[i].name, clv_onnx_text(node->op_type)) == 0)
            return opset >= unchanged[i].since;
    }
    return false;
}

bool clv_onnx_takes_opset(const clv_onnx_block *block, int64_t opset)
{
    if (opset >= CLV_ONNX_MIN_OPSET)
        return opset <= CLV_ONNX_MAX_OPSET;
    for (uint32_t i = 0; i < block->n_nodes; i++) {
        if (!is_unchanged(block->nodes[i], opset))
            return false;
    }
    return opset > 0;
}
