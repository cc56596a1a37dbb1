/* SPDX-License-Identifier: Apache-2.0 */
/* Scan, from opset 9 on: its body is entered once for each element along the scanned dimensions. */
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
    uint32_t n_states, n_scanned, n_results;
    direction in, out;
    int64_t length;
    uint32_t *inputs; /* of the node: states, scanned values */
    uint32_t *args;   /* of the body: states, an element of each */
    uint32_t *made;   /* by the body, all iterations: states, parts of the results */
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

static clv_status read_attrs(scan *s)
{
    const Clv__Onnx__NodeProto *node = s->node;
    const Clv__Onnx__AttributeProto *count;

    if (s->im->opset < 9)
        return clv_fail(s->im->err, CLV_EUNSUPPORTED, s->where,
                        "Scan as before opset 9 is not supported");
    CLV_TRY(clv_onnx_find_body(&s->body, s->im, node, "body", s->where));
    CLV_TRY(clv_onnx_find_attr(&count, s->im, node, "num_scan_inputs", s->where));
    if (count == NULL || count->i < 1 || (uint64_t)count->i > node->n_input)
        return clv_fail(s->im->err, CLV_EFORMAT, s->where, "num_scan_inputs is missing or wrong");
    s->n_scanned = (uint32_t)count->i;
    s->n_states = (uint32_t)(node->n_input - s->n_scanned);
    if (s->body->n_inputs != node->n_input || s->body->n_outputs != node->n_output ||
        node->n_output < s->n_states)
        return clv_fail(s->im->err, CLV_EFORMAT, s->where,
                        "%zu inputs and %zu outputs; its body has %u and %u", node->n_input,
                        node->n_output, s->body->n_inputs, s->body->n_outputs);
    s->n_results = (uint32_t)node->n_output - s->n_states;
    CLV_TRY(read_list(&s->in.axes, s, "scan_input_axes", s->n_scanned));
    CLV_TRY(read_list(&s->in.reversed, s, "scan_input_directions", s->n_scanned));
    CLV_TRY(read_list(&s->out.axes, s, "scan_output_axes", s->n_results));
    return read_list(&s->out.reversed, s, "scan_output_directions", s->n_results);
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

static clv_status init_scan(scan *s)
{
    clv_onnx_importer *im = s->im;

    CLV_TRY(read_attrs(s));
    CLV_TRY(clv_onnx_resolve_inputs(&s->inputs, im, s->node, 0, s->where));
    for (size_t i = 0; i < s->node->n_input; i++) {
        if (s->inputs[i] == CLV_NO_VALUE)
            return clv_fail(im->err, CLV_EFORMAT, s->where, "an input is absent");
    }
    CLV_TRY(find_length(s));
    /* Charged before memory is taken: the length alone may be large. */
    if ((uint64_t)s->length > CLV_ONNX_MAX_EFFORT / s->body->effort)
        return clv_onnx_charge(im, CLV_ONNX_MAX_EFFORT + 1, s->where);
    s->args = clv_arena_alloc(&im->scratch, s->node->n_input, sizeof *s->args);
    s->made = clv_arena_alloc(&im->scratch, (size_t)s->length * s->node->n_output, sizeof *s->made);
    if (s->args == NULL || s->made == NULL)
        return clv_onnx_no_memory(im, s->where);
    memcpy(s->args, s->inputs, s->n_states * sizeof *s->args);
    return CLV_OK;
}

static clv_status iterate(scan *s, int64_t iteration)
{
    uint32_t *made = s->made + (size_t)iteration * s->node->n_output;

    for (uint32_t i = 0; i < s->n_scanned; i++) {
        bool reversed = s->in.reversed != NULL && s->in.reversed[i] != 0;
        int64_t index = reversed ? s->length - 1 - iteration : iteration;
        clv_attr axis = {.name = "axis", .type = CLV_ATTR_INT};
        uint32_t inputs[2] = {s->inputs[s->n_states + i]};
        axis.v.i = s->in.axes ? s->in.axes[i] : 0;
        CLV_TRY(clv_onnx_make_number(&inputs[1], s->im, CLV_I64, false, index, "index"));
        CLV_TRY(clv_onnx_make(&s->args[s->n_states + i], s->im, CLV_OP_GATHER,
                              s->body->inputs[s->n_states + i], inputs, 2, &axis));
    }
    CLV_TRY(clv_onnx_enter(made, s->im, s->body, s->args, NULL, s->where));
    if (s->n_states > 0)
        memcpy(s->args, made, s->n_states * sizeof *s->args);
    return CLV_OK;
}

clv_status clv_onnx_add_scan(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                             const char *where)
{
    scan s = {.im = im, .node = node, .where = where};

    CLV_TRY(init_scan(&s));
    for (int64_t i = 0; i < s.length; i++)
        CLV_TRY(iterate(&s, i));
    for (uint32_t i = 0; i < node->n_output; i++) {
        uint32_t value, result = i - s.n_states;
        if (!clv_onnx_is_read(im, node->output[i]))
            continue;
        if (i < s.n_states)
            value = s.args[i];
        else
            CLV_TRY(clv_onnx_stack(&value, im, s.made + i, (size_t)s.length, node->n_output,
                                   s.out.axes ? s.out.axes[result] : 0,
                                   s.out.reversed != NULL && s.out.reversed[result] != 0,
                                   node->output[i], where));
        CLV_TRY(clv_onnx_bind(im, node->output[i], value, where));
    }
    return CLV_OK;
}
