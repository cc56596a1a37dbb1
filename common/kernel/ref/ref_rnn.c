/* SPDX-License-Identifier: Apache-2.0 */
/* RNN, GRU and LSTM: one sequence after the other, each step by step. */
#include <math.h>
#include <string.h>

#include "graph/params_rnn.h"
#include "kernel/ref/ref_kernels.h"

/* One direction of the network. Weights are [gates * hidden, ...], row by row. */
typedef struct layer {
    const clv_rnn_params *p;
    const clv_rnn_activation *activations;
    const float *w, *r;
    const float *w_bias, *r_bias; /* NULL: none */
    const float *peepholes;       /* of LSTM: input, output, forget; NULL: none */
    size_t hidden, inputs;
    /* the kernel's scratch memory */
    float *gates; /* [gates, hidden] */
    float *h;     /* the state */
    float *extra; /* LSTM: the cells; GRU: reset * state */
} layer;

size_t ref_scratch_bytes(const clv_graph *graph, const clv_node *node)
{
    clv_rnn_params p;

    if (node->op != CLV_OP_RNN && node->op != CLV_OP_GRU && node->op != CLV_OP_LSTM)
        return 0;
    if (clv_rnn_params_of(&p, graph, node, NULL) != CLV_OK)
        return 0; /* and the kernel won't run */
    return (size_t)((p.gates + 2) * p.hidden) * sizeof(float);
}

static float activate(clv_rnn_activation f, float clip, float x)
{
    x = x > clip ? clip : x < -clip ? -clip : x;
    switch (f.function) {
    case CLV_RNN_AFFINE:
        return f.alpha * x + f.beta;
    case CLV_RNN_ELU:
        return x < 0.0f ? f.alpha * expm1f(x) : x;
    case CLV_RNN_HARD_SIGMOID:
        return fmaxf(0.0f, fminf(1.0f, f.alpha * x + f.beta));
    case CLV_RNN_LEAKY_RELU:
        return x < 0.0f ? f.alpha * x : x;
    case CLV_RNN_RELU:
        return x < 0.0f ? 0.0f : x;
    case CLV_RNN_SCALED_TANH:
        return f.alpha * tanhf(f.beta * x);
    case CLV_RNN_SIGMOID:
        return 1.0f / (1.0f + expf(-x));
    case CLV_RNN_SOFTPLUS:
        return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)));
    case CLV_RNN_SOFTSIGN:
        return x / (1.0f + fabsf(x));
    case CLV_RNN_THRESHOLDED_RELU:
        return x > f.alpha ? x : 0.0f;
    default: /* CLV_RNN_TANH */
        return tanhf(x);
    }
}

/* What the input, and what a state, give to row @p i of the gates. */
static float from_input(const layer *l, size_t i, const float *x)
{
    return ref_dot(l->w + i * l->inputs, 1, x, l->inputs) + (l->w_bias ? l->w_bias[i] : 0.0f);
}

static float from_state(const layer *l, size_t i, const float *h)
{
    return ref_dot(l->r + i * l->hidden, 1, h, l->hidden) + (l->r_bias ? l->r_bias[i] : 0.0f);
}

static float gate(const layer *l, uint32_t activation, float x)
{
    return activate(l->activations[activation], l->p->clip, x);
}

static void step_rnn(layer *l, const float *x)
{
    for (size_t i = 0; i < l->hidden; i++)
        l->gates[i] = gate(l, 0, from_input(l, i, x) + from_state(l, i, l->h));
    memcpy(l->h, l->gates, l->hidden * sizeof *l->h);
}

/* Gates: update, reset, hidden. */
static void step_gru(layer *l, const float *x)
{
    size_t n = l->hidden;
    const float *update = l->gates, *reset = l->gates + n;
    float *candidate = l->gates + 2 * n;

    for (size_t i = 0; i < 2 * n; i++)
        l->gates[i] = gate(l, 0, from_input(l, i, x) + from_state(l, i, l->h));
    for (size_t i = 0; i < n; i++)
        l->extra[i] = reset[i] * l->h[i];
    for (size_t i = 0; i < n; i++) {
        float state = l->p->linear_before_reset ? reset[i] * from_state(l, 2 * n + i, l->h)
                                                : from_state(l, 2 * n + i, l->extra);
        candidate[i] = gate(l, 1, from_input(l, 2 * n + i, x) + state);
    }
    for (size_t i = 0; i < n; i++)
        l->h[i] = (1.0f - update[i]) * candidate[i] + update[i] * l->h[i];
}

/* Gates: input, output, forget, cell. */
static void step_lstm(layer *l, const float *x)
{
    size_t n = l->hidden;
    const float *peep = l->peepholes;
    float *cells = l->extra;

    for (size_t i = 0; i < 4 * n; i++)
        l->gates[i] = from_input(l, i, x) + from_state(l, i, l->h);
    for (size_t i = 0; i < n; i++) {
        float old = cells[i], forget_peep = peep ? peep[2 * n + i] * old : 0.0f;
        float input = gate(l, 0, l->gates[i] + (peep ? peep[i] * old : 0.0f));
        float forget =
            l->p->input_forget ? 1.0f - input : gate(l, 0, l->gates[2 * n + i] + forget_peep);
        cells[i] = forget * old + input * gate(l, 1, l->gates[3 * n + i]);
        float output = gate(l, 0, l->gates[n + i] + (peep ? peep[n + i] * cells[i] : 0.0f));
        l->h[i] = output * gate(l, 2, cells[i]);
    }
}

static void step(layer *l, const float *x)
{
    if (l->p->gates == 4)
        step_lstm(l, x);
    else if (l->p->gates == 3)
        step_gru(l, x);
    else
        step_rnn(l, x);
}

/* Where the states of a direction and a sample begin: [directions, batch, hidden] or, batch first,
 * [batch, directions, hidden]. */
static size_t state_at(const clv_rnn_params *p, size_t direction, size_t sample)
{
    size_t i = p->batch_first ? sample * (size_t)p->directions + direction
                              : direction * (size_t)p->batch + sample;
    return i * (size_t)p->hidden;
}

/* The same in y: [steps, directions, batch, hidden] or [batch, steps, directions, hidden]. */
static size_t output_at(const clv_rnn_params *p, size_t t, size_t direction, size_t sample)
{
    size_t steps = (size_t)p->steps, directions = (size_t)p->directions, batch = (size_t)p->batch;
    size_t i = p->batch_first ? (sample * steps + t) * directions + direction
                              : (t * directions + direction) * batch + sample;
    return i * (size_t)p->hidden;
}

static void load_state(float *state, const clv_tensor *first, size_t at, size_t n)
{
    if (first != NULL)
        memcpy(state, (const float *)first->data + at, n * sizeof *state);
    else
        memset(state, 0, n * sizeof *state);
}

static void store_state(clv_tensor *out, size_t at, const float *state, size_t n)
{
    if (out != NULL && state != NULL && out->data != NULL)
        memcpy((float *)out->data + at, state, n * sizeof *state);
}

/* One sequence of @p length steps in one direction; steps behind its end give zeros. */
static void run_sequence(layer *l, const clv_tensor *x, clv_tensor *y, size_t direction,
                         size_t sample, size_t length)
{
    const clv_rnn_params *p = l->p;
    size_t steps = (size_t)p->steps, batch = (size_t)p->batch;
    bool reverse = p->reverse || direction == 1;

    for (size_t i = 0; i < length; i++) {
        size_t t = reverse ? length - 1 - i : i;
        size_t at = p->batch_first ? sample * steps + t : t * batch + sample;
        step(l, (const float *)x->data + at * l->inputs);
        store_state(y, output_at(p, t, direction, sample), l->h, l->hidden);
    }
    for (size_t t = length; y != NULL && y->data != NULL && t < steps; t++)
        memset((float *)y->data + output_at(p, t, direction, sample), 0, l->hidden * sizeof(float));
}

static layer layer_of(const clv_rnn_params *p, const clv_node *node, const clv_tensor *inputs,
                      float *scratch, size_t direction)
{
    size_t hidden = (size_t)p->hidden, rows = (size_t)p->gates * hidden;
    const clv_tensor *bias = ref_optional(node, inputs, CLV_RNN_B);
    const clv_tensor *peepholes = ref_optional(node, inputs, CLV_RNN_P);
    layer l = {.p = p,
               .activations = p->activations[direction],
               .hidden = hidden,
               .inputs = (size_t)p->inputs,
               .gates = scratch,
               .h = scratch + rows,
               .extra = scratch + rows + hidden};

    l.w = (const float *)inputs[CLV_RNN_W].data + direction * rows * l.inputs;
    l.r = (const float *)inputs[CLV_RNN_R].data + direction * rows * hidden;
    if (bias != NULL) {
        l.w_bias = (const float *)bias->data + direction * 2 * rows;
        l.r_bias = l.w_bias + rows;
    }
    if (peepholes != NULL)
        l.peepholes = (const float *)peepholes->data + direction * 3 * hidden;
    return l;
}

/* The length of sequence @p sample. @return CLV_ESHAPE when it has more steps than there are. */
static clv_status length_of(size_t *out, const clv_rnn_params *p, const clv_tensor *lengths,
                            size_t sample)
{
    int64_t length = lengths != NULL ? ((const int32_t *)lengths->data)[sample] : p->steps;
    if (length < 0 || length > p->steps)
        return CLV_ESHAPE;
    *out = (size_t)length;
    return CLV_OK;
}

clv_status ref_rnn(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    clv_rnn_params p;
    CLV_TRY(clv_rnn_params_of(&p, graph, node, NULL));
    const clv_tensor *lengths = ref_optional(node, inputs, CLV_RNN_LENGTHS);
    const clv_tensor *first_h = ref_optional(node, inputs, CLV_RNN_FIRST_H);
    const clv_tensor *first_c = ref_optional(node, inputs, CLV_RNN_FIRST_C);
    bool lstm = node->op == CLV_OP_LSTM;

    for (size_t direction = 0; direction < (size_t)p.directions; direction++) {
        layer l = layer_of(&p, node, inputs, outputs[node->n_outputs].data, direction);
        for (size_t sample = 0; sample < (size_t)p.batch; sample++) {
            size_t at = state_at(&p, direction, sample), length;
            CLV_TRY(length_of(&length, &p, lengths, sample));
            load_state(l.h, first_h, at, l.hidden);
            load_state(l.extra, first_c, at, l.hidden);
            run_sequence(&l, &inputs[CLV_RNN_X], node->n_outputs > 0 ? &outputs[0] : NULL,
                         direction, sample, length);
            store_state(node->n_outputs > 1 ? &outputs[1] : NULL, at, l.h, l.hidden);
            store_state(node->n_outputs > 2 ? &outputs[2] : NULL, at, lstm ? l.extra : NULL,
                        l.hidden);
        }
    }
    return CLV_OK;
}
