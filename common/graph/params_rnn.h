/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PARAMS_RNN_H
#define CLV_PARAMS_RNN_H

/** @file params_rnn.h: RNN, GRU and LSTM, their attributes decoded and their shapes checked.
 *
 *  The attribute `activations` is one string, "Sigmoid,Tanh,..." (graph.h: clv_attr). */

#include "graph/params.h"

/** Every activation: X(NAME, "OnnxName", alpha, beta), NAN where there is no such number. */
#define CLV_RNN_FUNCTION_LIST(X)                                                                   \
    X(AFFINE, "Affine", 1.0f, 0.0f)                                                                \
    X(ELU, "Elu", 1.0f, NAN)                                                                       \
    X(HARD_SIGMOID, "HardSigmoid", 0.2f, 0.5f)                                                     \
    X(LEAKY_RELU, "LeakyRelu", 0.01f, NAN)                                                         \
    X(RELU, "Relu", NAN, NAN)                                                                      \
    X(SCALED_TANH, "ScaledTanh", 1.0f, 1.0f)                                                       \
    X(SIGMOID, "Sigmoid", NAN, NAN)                                                                \
    X(SOFTPLUS, "Softplus", NAN, NAN)                                                              \
    X(SOFTSIGN, "Softsign", NAN, NAN)                                                              \
    X(TANH, "Tanh", NAN, NAN)                                                                      \
    X(THRESHOLDED_RELU, "ThresholdedRelu", 1.0f, NAN)

typedef enum clv_rnn_function {
#define CLV_RNN_FUNCTION_ENUM(name, text, alpha, beta) CLV_RNN_##name,
    CLV_RNN_FUNCTION_LIST(CLV_RNN_FUNCTION_ENUM)
#undef CLV_RNN_FUNCTION_ENUM
        CLV_RNN_FUNCTION_COUNT
} clv_rnn_function;

typedef struct clv_rnn_activation {
    clv_rnn_function function;
    float alpha, beta;
} clv_rnn_activation;

#define CLV_RNN_MAX_ACTIVATIONS 3u

/** x [steps, batch, inputs], w [directions, gates * hidden, inputs],
 *  r [directions, gates * hidden, hidden], b [directions, 2 * gates * hidden], lengths [batch],
 *  first h and c [directions, batch, hidden], p [directions, 3 * hidden]; y [steps, directions,
 *  batch, hidden], last h and c as the first. batch_first puts batch before steps and directions.
 */
typedef struct clv_rnn_params {
    int64_t steps, batch, inputs, hidden, directions, gates;
    bool reverse; /**< the first direction goes from the last step to the first */
    bool batch_first;
    bool linear_before_reset; /**< GRU */
    bool input_forget;        /**< LSTM: the forget gate is 1 - the input gate */
    float clip;               /**< of what goes into activations; INFINITY: none */
    clv_rnn_activation activations[2][CLV_RNN_MAX_ACTIVATIONS]; /**< by direction */
} clv_rnn_params;

/** Inputs of all three; the last two are LSTM's alone. */
enum {
    CLV_RNN_X,
    CLV_RNN_W,
    CLV_RNN_R,
    CLV_RNN_B,
    CLV_RNN_LENGTHS,
    CLV_RNN_FIRST_H,
    CLV_RNN_FIRST_C,
    CLV_RNN_P
};

/** @return CLV_OK; CLV_ESHAPE, CLV_EFORMAT, CLV_EUNSUPPORTED (an unknown activation). */
CLV_NODISCARD clv_status clv_rnn_params_of(clv_rnn_params *out, const clv_graph *graph,
                                           const clv_node *node, clv_error *err);

#endif
