/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernel/ref/ref_kernels.h"

#define OUTSIDE (-1)

/* Each mode says which input position an output position beyond [0, n), n > 0, takes its value
 * from, or OUTSIDE: the constant. */
typedef int64_t source_fn(int64_t i, int64_t n);

static int64_t from_constant(int64_t i, int64_t n)
{
    (void)i;
    (void)n;
    return OUTSIDE;
}

static int64_t from_edge(int64_t i, int64_t n)
{
    return i < 0 ? 0 : n - 1;
}

static int64_t from_wrap(int64_t i, int64_t n)
{
    return (i % n + n) % n;
}

/* 2 1 | 0 1 2 3 | 2 1 0: there and back again, without repeating the ends. */
static int64_t from_reflect(int64_t i, int64_t n)
{
    if (n == 1)
        return 0;
    i = from_wrap(i, 2 * (n - 1));
    return i < n ? i : 2 * (n - 1) - i;
}

static source_fn *find_mode(const char *name)
{
    static const struct {
        const char *name;
        source_fn *source;
    } modes[] = {{"constant", from_constant},
                 {"edge", from_edge},
                 {"reflect", from_reflect},
                 {"wrap", from_wrap}};

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) == 0)
            return modes[i].source;
    }
    return NULL;
}

typedef struct pad {
    source_fn *source;
    const clv_shape *in, *out;
    int64_t begin[CLV_MAX_RANK];
    size_t elem_bytes;
    const void *constant;
} pad;

/* @p n times the constant. @return the end of it. */
static char *fill_constant(char *dst, const pad *p, size_t n)
{
    static const uint64_t zero = 0;

    if (memcmp(p->constant, &zero, p->elem_bytes) == 0) {
        memset(dst, 0, n * p->elem_bytes);
        return dst + n * p->elem_bytes;
    }
    for (size_t i = 0; i < n; i++, dst += p->elem_bytes)
        memcpy(dst, p->constant, p->elem_bytes);
    return dst;
}

/* Fill what lies at output positions of axis @p axis and inside of it. @p src is the input that
 * belongs there, NULL where it is all constant. @return the end of what was filled. */
static char *fill_axis(char *dst, const char *src, const pad *p, uint32_t axis)
{
    if (src == NULL)
        return fill_constant(dst, p, ref_extent(p->out, axis, p->out->rank));
    if (axis == p->out->rank) {
        memcpy(dst, src, p->elem_bytes);
        return dst + p->elem_bytes;
    }
    int64_t n = p->in->dim[axis], out = p->out->dim[axis], run = 1;
    size_t bytes = ref_extent(p->in, axis + 1, p->in->rank) * p->elem_bytes;
    for (int64_t o = 0; o < out; o += run) {
        int64_t i = o - p->begin[axis];
        run = 1;
        if (axis + 1 == p->out->rank && i >= 0 && i < n) { /* a line */
            run = n - i < out - o ? n - i : out - o;
            memcpy(dst, src + (size_t)i * bytes, (size_t)run * bytes);
            dst += (size_t)run * bytes;
            continue;
        }
        if (i < 0 || i >= n)
            i = p->source(i, n);
        dst = fill_axis(dst, i != OUTSIDE ? src + (size_t)i * bytes : NULL, p, axis + 1);
    }
    return dst;
}

clv_status ref_pad(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    static const uint64_t zero = 0;
    int64_t end[CLV_MAX_RANK];
    pad p = {.source = find_mode(clv_node_attr_string(node, "mode", "constant")),
             .in = &inputs[0].shape,
             .out = &outputs[0].shape,
             .elem_bytes = clv_dtype_bytes(inputs[0].dtype),
             .constant = &zero};

    if (p.source == NULL)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_pad_params_of(p.begin, end, graph, node, NULL));
    if (node->n_inputs > 2 && inputs[2].data != NULL) {
        if (inputs[2].dtype != inputs[0].dtype || ref_elems(&inputs[2]) != 1)
            return CLV_ESHAPE;
        p.constant = inputs[2].data;
    }
    if (ref_elems(&inputs[0]) == 0 && p.source != from_constant)
        return CLV_ESHAPE; /* there is nothing to repeat */
    (void)fill_axis(outputs[0].data, inputs[0].data, &p, 0);
    return CLV_OK;
}
