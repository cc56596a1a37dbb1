/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params_rnn.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

/* So that products of two extents stay far from overflow. */
#define MAX_HIDDEN ((int64_t)1 << 24)

static clv_status bad(clv_error *err, const clv_node *node, clv_status code, const char *what)
{
    char where[160];
    return clv_fail(err, code, clv_node_describe(where, sizeof where, node), "%s", what);
}

/* --- activations --------------------------------------------------------------------------- */

/* ONNX's names, which some writers don't capitalise. */
static bool find_function(clv_rnn_activation *out, const char *name, size_t length)
{
    static const struct {
        const char *name;
        float alpha, beta;
    } known[CLV_RNN_FUNCTION_COUNT] = {
#define KNOWN(name, text, alpha, beta) [CLV_RNN_##name] = {text, alpha, beta},
        CLV_RNN_FUNCTION_LIST(KNOWN)
#undef KNOWN
    };
    for (size_t i = 0; i < CLV_RNN_FUNCTION_COUNT; i++) {
        if (strlen(known[i].name) != length || strncasecmp(known[i].name, name, length) != 0)
            continue;
        *out = (clv_rnn_activation){(clv_rnn_function)i, known[i].alpha, known[i].beta};
        return true;
    }
    return false;
}

/* How many activations one direction has. */
static uint32_t count_activations(clv_op op)
{
    return op == CLV_OP_LSTM ? 3 : op == CLV_OP_GRU ? 2 : 1;
}

static const char *default_activations(clv_op op, bool both)
{
    if (op == CLV_OP_LSTM)
        return both ? "Sigmoid,Tanh,Tanh,Sigmoid,Tanh,Tanh" : "Sigmoid,Tanh,Tanh";
    if (op == CLV_OP_GRU)
        return both ? "Sigmoid,Tanh,Sigmoid,Tanh" : "Sigmoid,Tanh";
    return both ? "Tanh,Tanh" : "Tanh";
}

/* Functions take their numbers from the lists in turn, those that have none skip them. */
static void take_number(float *number, const clv_attr *list, uint32_t *taken)
{
    if (!isnan(*number) && list != NULL && *taken < list->count)
        *number = list->v.floats[(*taken)++];
}

static clv_status read_activations(clv_rnn_params *p, const clv_node *node, clv_error *err)
{
    const clv_attr *alphas = clv_node_attr(node, "activation_alpha", CLV_ATTR_FLOATS);
    const clv_attr *betas = clv_node_attr(node, "activation_beta", CLV_ATTR_FLOATS);
    const char *list = clv_node_attr_string(node, "activations", "");
    uint32_t n = count_activations(node->op), n_alphas = 0, n_betas = 0;

    if (list[0] == '\0')
        list = default_activations(node->op, p->directions == 2);
    for (uint32_t i = 0; i < n * (uint32_t)p->directions; i++) {
        clv_rnn_activation *activation = &p->activations[i / n][i % n];
        size_t length = strcspn(list, ",");
        if (!find_function(activation, list, length))
            return bad(err, node, CLV_EUNSUPPORTED, "an activation is missing or not a known one");
        take_number(&activation->alpha, alphas, &n_alphas);
        take_number(&activation->beta, betas, &n_betas);
        list += length;
        list += *list == ',';
    }
    if (*list != '\0')
        return bad(err, node, CLV_EFORMAT, "there are too many activations");
    return CLV_OK;
}

/* --- shapes -------------------------------------------------------------------------------- */

/* Input @p i, when it is there, must have this type and shape. */
static clv_status expect(const clv_graph *graph, const clv_node *node, uint32_t i, clv_dtype dtype,
                         clv_shape shape, clv_error *err)
{
    const clv_tensor *input = clv_node_input(graph, node, i);
    if (input == NULL)
        return CLV_OK;
    if (input->dtype != dtype)
        return bad(err, node, CLV_EUNSUPPORTED, "takes float32, and int32 for sequence_lens");
    if (!clv_shape_equal(&input->shape, &shape))
        return bad(err, node, CLV_ESHAPE, "the inputs' shapes do not fit each other");
    return CLV_OK;
}

static clv_shape matrix(int64_t a, int64_t b)
{
    return (clv_shape){.rank = 2, .dim = {a, b}};
}

static clv_shape cube(int64_t a, int64_t b, int64_t c)
{
    return (clv_shape){.rank = 3, .dim = {a, b, c}};
}

static clv_status check_shapes(const clv_rnn_params *p, const clv_graph *graph,
                               const clv_node *node, clv_error *err)
{
    int64_t rows = p->gates * p->hidden;
    clv_shape x =
        p->batch_first ? cube(p->batch, p->steps, p->inputs) : cube(p->steps, p->batch, p->inputs);
    clv_shape state = p->batch_first ? cube(p->batch, p->directions, p->hidden)
                                     : cube(p->directions, p->batch, p->hidden);
    clv_shape lengths = {.rank = 1, .dim = {p->batch}};

    CLV_TRY(expect(graph, node, CLV_RNN_X, CLV_F32, x, err));
    CLV_TRY(expect(graph, node, CLV_RNN_W, CLV_F32, cube(p->directions, rows, p->inputs), err));
    CLV_TRY(expect(graph, node, CLV_RNN_R, CLV_F32, cube(p->directions, rows, p->hidden), err));
    CLV_TRY(expect(graph, node, CLV_RNN_B, CLV_F32, matrix(p->directions, 2 * rows), err));
    CLV_TRY(expect(graph, node, CLV_RNN_LENGTHS, CLV_I32, lengths, err));
    CLV_TRY(expect(graph, node, CLV_RNN_FIRST_H, CLV_F32, state, err));
    CLV_TRY(expect(graph, node, CLV_RNN_FIRST_C, CLV_F32, state, err));
    return expect(graph, node, CLV_RNN_P, CLV_F32, matrix(p->directions, 3 * p->hidden), err);
}

static clv_status read_direction(clv_rnn_params *p, const clv_node *node, clv_error *err)
{
    const char *direction = clv_node_attr_string(node, "direction", "forward");

    p->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    p->reverse = strcmp(direction, "reverse") == 0;
    if (p->directions == 1 && !p->reverse && strcmp(direction, "forward") != 0)
        return bad(err, node, CLV_EFORMAT, "the direction is not one that ONNX knows");
    return CLV_OK;
}

clv_status clv_rnn_params_of(clv_rnn_params *out, const clv_graph *graph, const clv_node *node,
                             clv_error *err)
{
    const clv_shape *x = &clv_node_input(graph, node, CLV_RNN_X)->shape;
    const clv_shape *r = &clv_node_input(graph, node, CLV_RNN_R)->shape;
    clv_rnn_params p = {.gates = node->op == CLV_OP_LSTM  ? 4
                                 : node->op == CLV_OP_GRU ? 3
                                                          : 1,
                        .batch_first = clv_node_attr_int(node, "layout", 0) != 0,
                        .linear_before_reset =
                            clv_node_attr_int(node, "linear_before_reset", 0) != 0,
                        .input_forget = clv_node_attr_int(node, "input_forget", 0) != 0,
                        .clip = clv_node_attr_float(node, "clip", INFINITY)};

    if (x->rank != 3 || r->rank != 3)
        return bad(err, node, CLV_ESHAPE, "the input and the recurrent weights have rank 3");
    p.steps = x->dim[p.batch_first ? 1 : 0];
    p.batch = x->dim[p.batch_first ? 0 : 1];
    p.inputs = x->dim[2];
    p.hidden = r->dim[2];
    if (p.hidden < 1 || p.hidden > MAX_HIDDEN ||
        clv_node_attr_int(node, "hidden_size", p.hidden) != p.hidden)
        return bad(err, node, CLV_ESHAPE,
                   "hidden_size is out of range, or not that of the weights");
    if (!(p.clip >= 0.0f))
        return bad(err, node, CLV_EFORMAT, "clip must not be negative");
    CLV_TRY(read_direction(&p, node, err));
    CLV_TRY(read_activations(&p, node, err));
    CLV_TRY(check_shapes(&p, graph, node, err));
    *out = p;
    return CLV_OK;
}
