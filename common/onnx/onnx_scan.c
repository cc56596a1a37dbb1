/* SPDX-License-Identifier: Apache-2.0 */
/* Scan: its body is entered once for each element along the scanned dimensions. */
#include <string.h>

#include "onnx/onnx_internal.h"

/* Lists of integers, one for each scanned input or output. */
typedef struct direction {
    const int64_t *axes;     /* NULL: all 0 */
    const int64_t *reversed; /* NULL: none is */
} direction;

typedef struct scan {
    clv_onnx_importer *im;
    const Clv__Onnx__NodeProto *node;
    const char *where;
    clv_onnx_block *body;
    bool has_batches; /* before opset 9: dimension 0 of everything, which the body doesn't see */
    uint32_t n_inputs, n_states, n_scanned, n_results; /* n_inputs: states and scanned values */
    direction in, out;
    int64_t length;
    uint32_t *inputs; /* states, scanned values; of one batch, if there are batches */
    uint32_t *args;   /* of the body: states, an element of each */
} scan;

static clv_status read_list(const int64_t **out, scan *s, const char *name, uint32_t n)
{
    const Clv__Onnx__AttributeProto *attr;

    *out = NULL;
    CLV_TRY(clv_onnx_find_attr(&attr, s->im, s->node, name, s->where));
    if (attr == NULL || attr->n_ints == 0)
        return CLV_OK;
    if (attr->n_ints != n)
        return clv_fail(s->im->err, CLV_EFORMAT, s->where, "%s has %zu elements, not %u", name,
                        attr->n_ints, n);
    *out = attr->ints;
    return CLV_OK;
}

static clv_status check_counts(scan *s)
{
    const Clv__Onnx__NodeProto *node = s->node;
    const Clv__Onnx__AttributeProto *count;
    size_t n_inputs = node->n_input - (s->has_batches && node->n_input > 0);

    CLV_TRY(clv_onnx_find_attr(&count, s->im, node, "num_scan_inputs", s->where));
    if (count == NULL || count->i < 1 || (uint64_t)count->i > n_inputs)
        return clv_fail(s->im->err, CLV_EFORMAT, s->where, "num_scan_inputs is missing or wrong");
    if (s->body->n_inputs != n_inputs || s->body->n_outputs != node->n_output ||
        node->n_output < n_inputs - (size_t)count->i)
        return clv_fail(s->im->err, CLV_EFORMAT, s->where,
                        "%zu inputs and %zu outputs; its body has %u and %u", n_inputs,
                        node->n_output, s->body->n_inputs, s->body->n_outputs);
    s->n_inputs = (uint32_t)n_inputs;
    s->n_scanned = (uint32_t)count->i;
    s->n_states = s->n_inputs - s->n_scanned;
    s->n_results = s->body->n_outputs - s->n_states;
    return CLV_OK;
}

static clv_status read_attrs(scan *s)
{
    s->has_batches = s->im->opset < 9;
    CLV_TRY(clv_onnx_find_body(&s->body, s->im, s->node, "body", s->where));
    CLV_TRY(check_counts(s));
    if (s->has_batches)
        return read_list(&s->in.reversed, s, "directions", s->n_scanned);
    CLV_TRY(read_list(&s->in.axes, s, "scan_input_axes", s->n_scanned));
    CLV_TRY(read_list(&s->in.reversed, s, "scan_input_directions", s->n_scanned));
    CLV_TRY(read_list(&s->out.axes, s, "scan_output_axes", s->n_results));
    return read_list(&s->out.reversed, s, "scan_output_directions", s->n_results);
}

static clv_status read_inputs(scan *s)
{
    uint32_t *inputs;

    CLV_TRY(clv_onnx_resolve_inputs(&inputs, s->im, s->node, 0, s->where));
    if (s->has_batches && *inputs++ != CLV_NO_VALUE)
        return clv_fail(s->im->err, CLV_EUNSUPPORTED, s->where,
                        "a length for each batch is not supported");
    for (uint32_t i = 0; i < s->n_inputs; i++) {
        if (inputs[i] == CLV_NO_VALUE)
            return clv_fail(s->im->err, CLV_EFORMAT, s->where, "an input is absent");
    }
    s->inputs = inputs;
    return CLV_OK;
}

/* All scanned inputs have one length. */
static clv_status find_length(scan *s)
{
    for (uint32_t i = 0; i < s->n_scanned; i++) {
        const clv_value *x = &s->im->graph->values[s->inputs[s->n_states + i]];
        int64_t rank = (int64_t)x->tensor.shape.rank, axis = s->in.axes ? s->in.axes[i] : 0;
        if (x->tensor.dtype == CLV_NONE || x->bounded)
            return clv_fail(s->im->err, CLV_EUNSUPPORTED, s->where,
                            "the length of '%.100s' isn't known", x->name);
        if (axis < -rank || axis >= rank)
            return clv_fail(s->im->err, CLV_ESHAPE, s->where, "'%.100s' has no dimension %lld",
                            x->name, (long long)axis);
        int64_t length = x->tensor.shape.dim[axis < 0 ? axis + rank : axis];
        if (i > 0 && length != s->length)
            return clv_fail(s->im->err, CLV_ESHAPE, s->where, "scans %lld and %lld elements",
                            (long long)s->length, (long long)length);
        s->length = length;
    }
    if (s->length < 1)
        return clv_fail(s->im->err, CLV_EUNSUPPORTED, s->where, "scans nothing");
    return CLV_OK;
}

/* Checked before memory is taken: a length alone may be any number. */
static clv_status check_effort(const scan *s, int64_t length)
{
    bool fits = (uint64_t)length <= CLV_ONNX_MAX_EFFORT / s->body->effort;
    return clv_onnx_charge(s->im, fits ? 0 : CLV_ONNX_MAX_EFFORT + 1, s->where);
}

/* Element @p index of @p value along @p axis. */
static clv_status pick(uint32_t *out, scan *s, uint32_t value, int64_t axis, int64_t index,
                       const char *stem)
{
    const clv_attr along = {.name = "axis", .type = CLV_ATTR_INT, .v.i = axis};
    uint32_t inputs[2] = {value};

    CLV_TRY(clv_onnx_make_number(&inputs[1], s->im, CLV_I64, false, index, "index"));
    return clv_onnx_make(out, s->im, CLV_OP_GATHER, stem, inputs, 2, &along);
}

static clv_status iterate(uint32_t *made, scan *s, int64_t iteration)
{
    for (uint32_t i = 0; i < s->n_scanned; i++) {
        bool reversed = s->in.reversed != NULL && s->in.reversed[i] != 0;
        uint32_t at = s->n_states + i;
        CLV_TRY(pick(&s->args[at], s, s->inputs[at], s->in.axes ? s->in.axes[i] : 0,
                     reversed ? s->length - 1 - iteration : iteration, s->body->inputs[at]));
    }
    CLV_TRY(clv_onnx_enter(made, s->im, s->body, s->args, NULL, s->where));
    if (s->n_states > 0)
        memcpy(s->args, made, s->n_states * sizeof *s->args);
    return CLV_OK;
}

/* The outputs for s->inputs; those that nobody reads are left out. */
static clv_status scan_once(uint32_t *outputs, scan *s)
{
    uint32_t n_outputs = s->body->n_outputs;

    CLV_TRY(find_length(s));
    CLV_TRY(check_effort(s, s->length));
    uint32_t *made = clv_arena_alloc(&s->im->scratch, (size_t)s->length * n_outputs, sizeof *made);
    s->args = clv_arena_alloc(&s->im->scratch, s->n_inputs, sizeof *s->args);
    if (made == NULL || s->args == NULL)
        return clv_onnx_no_memory(s->im, s->where);
    memcpy(s->args, s->inputs, s->n_states * sizeof *s->args);
    for (int64_t i = 0; i < s->length; i++)
        CLV_TRY(iterate(made + (size_t)i * n_outputs, s, i));
    if (s->n_states > 0)
        memcpy(outputs, s->args, s->n_states * sizeof *outputs);
    for (uint32_t i = s->n_states; i < n_outputs; i++) {
        uint32_t result = i - s->n_states;
        if (clv_onnx_is_read(s->im, s->node->output[i]))
            CLV_TRY(clv_onnx_stack(&outputs[i], s->im, made + i, (size_t)s->length, n_outputs,
                                   s->out.axes ? s->out.axes[result] : 0,
                                   s->out.reversed != NULL && s->out.reversed[result] != 0,
                                   s->node->output[i], s->where));
    }
    return CLV_OK;
}

static clv_status count_batches(int64_t *out, const scan *s)
{
    int64_t batches = 0;

    for (uint32_t i = 0; i < s->n_inputs; i++) {
        const clv_value *x = &s->im->graph->values[s->inputs[i]];
        bool known = x->tensor.dtype != CLV_NONE && !x->bounded && x->tensor.shape.rank > 0;
        if (!known || x->tensor.shape.dim[0] < 1 || (i > 0 && x->tensor.shape.dim[0] != batches))
            return clv_fail(s->im->err, CLV_EUNSUPPORTED, s->where,
                            "'%.100s' has another number of batches than the others, or none",
                            x->name);
        batches = x->tensor.shape.dim[0];
    }
    *out = batches;
    return CLV_OK;
}

/* Each batch by itself, then all of them together again. */
static clv_status scan_batches(uint32_t *outputs, scan *s)
{
    const uint32_t *whole = s->inputs;
    uint32_t n_outputs = s->body->n_outputs;
    int64_t batches;

    CLV_TRY(count_batches(&batches, s));
    CLV_TRY(check_effort(s, batches));
    uint32_t *made = clv_arena_alloc(&s->im->scratch, (size_t)batches * n_outputs, sizeof *made);
    s->inputs = clv_arena_alloc(&s->im->scratch, s->n_inputs, sizeof *s->inputs);
    if (made == NULL || s->inputs == NULL)
        return clv_onnx_no_memory(s->im, s->where);
    for (int64_t b = 0; b < batches; b++) {
        for (uint32_t i = 0; i < s->n_inputs; i++)
            CLV_TRY(pick(&s->inputs[i], s, whole[i], 0, b, s->body->inputs[i]));
        CLV_TRY(scan_once(made + (size_t)b * n_outputs, s));
    }
    for (uint32_t i = 0; i < n_outputs; i++) {
        const char *name = s->node->output[i];
        if (clv_onnx_is_read(s->im, name))
            CLV_TRY(clv_onnx_stack(&outputs[i], s->im, made + i, (size_t)batches, n_outputs, 0,
                                   false, name, s->where));
    }
    return CLV_OK;
}

clv_status clv_onnx_add_scan(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                             const char *where)
{
    scan s = {.im = im, .node = node, .where = where};

    CLV_TRY(read_attrs(&s));
    CLV_TRY(read_inputs(&s));
    uint32_t *outputs = clv_arena_alloc(&im->scratch, node->n_output, sizeof *outputs);
    if (outputs == NULL)
        return clv_onnx_no_memory(im, where);
    CLV_TRY(s.has_batches ? scan_batches(outputs, &s) : scan_once(outputs, &s));
    for (uint32_t i = 0; i < node->n_output; i++) {
        if (clv_onnx_is_read(im, node->output[i]))
            CLV_TRY(clv_onnx_bind(im, node->output[i], outputs[i], where));
    }
    return CLV_OK;
}
