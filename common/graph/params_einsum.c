/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params_einsum.h"

#include <string.h>

#include "base/error.h"

/* Labels while parsing: what "..." stands for (at its end what all inputs have), then A-Z, a-z, in
 * the order in which an output that isn't written has them. */
#define N_DOTS CLV_MAX_RANK
#define N_LABELS (N_DOTS + 52u)

typedef struct parser {
    const clv_graph *graph;
    const clv_node *node;
    clv_error *err;
    const char *at;        /* what is left of the equation */
    uint32_t n_dots;       /* dimensions of the longest "..." */
    int64_t dim[N_LABELS]; /* 0 is an extent, too: see used */
    uint32_t used[N_LABELS];
    int64_t step[CLV_EINSUM_MAX_INPUTS][N_LABELS];
} parser;

/* The labels of one input, or of the output, axis by axis. */
typedef struct term {
    uint32_t n;
    uint32_t label[CLV_MAX_RANK];
} term;

static clv_status fail(const parser *p, clv_status code, const char *what)
{
    char where[160];
    return clv_fail(p->err, code, clv_node_describe(where, sizeof where, p->node), "%s", what);
}

static bool letter(uint32_t *label_out, char c)
{
    if (c >= 'A' && c <= 'Z')
        *label_out = N_DOTS + (uint32_t)(c - 'A');
    else if (c >= 'a' && c <= 'z')
        *label_out = N_DOTS + 26u + (uint32_t)(c - 'a');
    else
        return false;
    return true;
}

static uint32_t count_letters(const char *at)
{
    uint32_t n = 0, label;
    for (; *at != '\0' && *at != ',' && *at != '-'; at++)
        n += letter(&label, *at);
    return n;
}

static clv_status push(const parser *p, term *t, uint32_t label)
{
    if (t->n == CLV_MAX_RANK)
        return fail(p, CLV_ESHAPE, "a term of the equation has more than 8 dimensions");
    t->label[t->n++] = label;
    return CLV_OK;
}

/* Read a term up to its comma, its arrow or the end. @param n_dots  What "..." stands for. */
static clv_status read_term(parser *p, term *out, uint32_t n_dots)
{
    bool dotted = false;
    uint32_t label;
    term t = {0};

    for (; *p->at != '\0' && *p->at != ',' && *p->at != '-'; p->at++) {
        if (*p->at == ' ')
            continue;
        if (letter(&label, *p->at)) {
            CLV_TRY(push(p, &t, label));
            continue;
        }
        if (strncmp(p->at, "...", 3) != 0 || dotted)
            return fail(p, CLV_EFORMAT, "the equation isn't one");
        dotted = true;
        p->at += 2;
        for (uint32_t i = 0; i < n_dots; i++)
            CLV_TRY(push(p, &t, N_DOTS - n_dots + i));
    }
    *out = t;
    return CLV_OK;
}

static clv_status read_input(parser *p, uint32_t input)
{
    const clv_tensor *x = clv_node_input(p->graph, p->node, input);
    uint32_t letters = count_letters(p->at);
    int64_t dense = 1;
    term t;

    if (x == NULL || x->shape.rank < letters)
        return fail(p, CLV_ESHAPE, "an input has fewer dimensions than its term");
    uint32_t n_dots = x->shape.rank - letters;
    CLV_TRY(read_term(p, &t, n_dots));
    if (t.n != x->shape.rank)
        return fail(p, CLV_ESHAPE, "an input has more dimensions than its term");
    for (uint32_t i = 0; i < t.n; i++)
        p->n_dots = t.label[i] < N_DOTS && n_dots > p->n_dots ? n_dots : p->n_dots;
    for (uint32_t i = t.n; i-- > 0;) {
        uint32_t label = t.label[i];
        int64_t dim = x->shape.dim[i], *known = &p->dim[label];
        if (p->used[label] > 0 && dim != 1 && *known != 1 && dim != *known)
            return fail(p, CLV_ESHAPE, "a label has different extents");
        *known = p->used[label] == 0 || *known == 1 ? dim : *known;
        p->used[label]++;
        p->step[input][label] += dim == 1 ? 0 : dense;
        dense *= dim;
    }
    return CLV_OK;
}

static clv_status read_inputs(parser *p)
{
    if (p->node->n_inputs > CLV_EINSUM_MAX_INPUTS)
        return fail(p, CLV_EUNSUPPORTED, "more than 8 inputs");
    for (uint32_t i = 0; i < p->node->n_inputs; i++) {
        CLV_TRY(read_input(p, i));
        if ((*p->at == ',') != (i + 1 < p->node->n_inputs))
            return fail(p, CLV_EFORMAT, "the equation has another number of terms than inputs");
        p->at += *p->at == ',';
    }
    return CLV_OK;
}

/* What isn't written: "...", then the letters that come once, in their order. */
static clv_status implied_output(parser *p, term *out)
{
    term t = {0};
    for (uint32_t label = 0; label < N_LABELS; label++) {
        if (label < N_DOTS ? p->used[label] > 0 : p->used[label] == 1)
            CLV_TRY(push(p, &t, label));
    }
    *out = t;
    return CLV_OK;
}

static clv_status read_output(parser *p, term *out)
{
    if (*p->at == '\0')
        return implied_output(p, out);
    if (strncmp(p->at, "->", 2) != 0)
        return fail(p, CLV_EFORMAT, "the equation isn't one");
    p->at += 2;
    CLV_TRY(read_term(p, out, p->n_dots));
    if (*p->at != '\0')
        return fail(p, CLV_EFORMAT, "the equation isn't one");
    for (uint32_t i = 0; i < out->n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (out->label[j] == out->label[i])
                return fail(p, CLV_EFORMAT, "the output has a label twice");
        }
        if (p->used[out->label[i]] == 0)
            return fail(p, CLV_EFORMAT, "the output has a label that no input has");
    }
    return CLV_OK;
}

static clv_status add_loop(clv_einsum_params *out, const parser *p, uint32_t label)
{
    if (out->n_labels == CLV_EINSUM_MAX_LABELS)
        return fail(p, CLV_EUNSUPPORTED, "more than 16 labels");
    uint32_t loop = out->n_labels++;
    out->dim[loop] = p->dim[label];
    for (uint32_t i = 0; i < p->node->n_inputs; i++)
        out->step[i][loop] = p->step[i][label];
    return CLV_OK;
}

/* Inputs of a few kilobytes could ask for years. */
static clv_status check_work(const clv_einsum_params *out, const parser *p)
{
    int64_t left = INT64_C(1) << 40;
    for (uint32_t i = 0; i < out->n_labels; i++) {
        if (out->dim[i] > left)
            return fail(p, CLV_ELIMIT, "it would take more than 2^40 steps");
        left /= out->dim[i] > 0 ? out->dim[i] : 1;
    }
    return CLV_OK;
}

clv_status clv_einsum_params_of(clv_einsum_params *out, const clv_graph *graph,
                                const clv_node *node, clv_error *err)
{
    parser p = {.graph = graph, .node = node, .err = err};
    clv_einsum_params params = {0};
    bool is_output[N_LABELS] = {false};
    term t;

    p.at = clv_node_attr_string(node, "equation", NULL);
    if (p.at == NULL)
        return fail(&p, CLV_EFORMAT, "the equation is missing");
    CLV_TRY(read_inputs(&p));
    CLV_TRY(read_output(&p, &t));
    for (uint32_t i = 0; i < t.n; i++) {
        is_output[t.label[i]] = true;
        CLV_TRY(add_loop(&params, &p, t.label[i]));
    }
    params.n_out = t.n;
    for (uint32_t label = 0; label < N_LABELS; label++) {
        if (p.used[label] > 0 && !is_output[label])
            CLV_TRY(add_loop(&params, &p, label));
    }
    CLV_TRY(check_work(&params, &p));
    *out = params;
    return CLV_OK;
}
