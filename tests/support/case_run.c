/* SPDX-License-Identifier: Apache-2.0 */
#include "support/case_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GUARD_BYTES 64u
#define POISON 0xff /* as a float32 it is a NaN */

/* Memory with a guard behind its last byte. */
typedef struct guarded {
    unsigned char *data;
    size_t bytes;
} guarded;

typedef struct run {
    const clv_backend *backend;
    const node_case *c;
    clv_layout in_layouts[CASE_MAX_INPUTS], out_layouts[CASE_MAX_OUTPUTS];
    clv_kernel_io io;
    clv_kernel *kernel;
    void *state;
    clv_tensor inputs[CASE_MAX_INPUTS], outputs[CASE_MAX_OUTPUTS];
    guarded in[CASE_MAX_INPUTS], out[CASE_MAX_OUTPUTS], scratch;
    unsigned char *first_result; /* of output 0 */
} run;

static guarded guarded_alloc(size_t bytes, int fill)
{
    guarded g = {NULL, bytes};
    assert_int_equal(posix_memalign((void **)&g.data, CLV_ALIGN, bytes + GUARD_BYTES), 0);
    memset(g.data, fill, bytes);
    memset(g.data + bytes, POISON, GUARD_BYTES);
    return g;
}

static void check_guard(const run *r, const guarded *g, const char *what)
{
    for (size_t i = 0; g->data != NULL && i < GUARD_BYTES; i++) {
        if (g->data[g->bytes + i] != POISON)
            fail_msg("%s: %s wrote past the end of its %s", r->c->name, r->backend->name, what);
    }
}

static bool is_runtime_input(const run *r, uint32_t i)
{
    return r->c->inputs[i].dtype != CLV_NONE && !r->c->constant[i];
}

static size_t bytes_in(const clv_layout *layout, const clv_tensor *tensor)
{
    size_t bytes = 0;
    assert_int_equal(clv_layout_bytes(&bytes, layout, tensor), CLV_OK);
    return bytes;
}

/* False: the backend doesn't want this node. */
static bool compile(run *r, bool channels_last, unsigned threads)
{
    const clv_backend_options options = {.threads = threads};
    clv_error err = CLV_ERROR_INIT;

    if (!r->backend->supports(r->c->graph, case_node(r->c)))
        return false;
    for (uint32_t i = 0; i < CASE_MAX_INPUTS; i++) {
        uint32_t rank = r->c->inputs[i].shape.rank;
        r->in_layouts[i] =
            channels_last && rank >= 3 ? clv_layout_channels_last(rank) : clv_layout_plain();
    }
    for (uint32_t i = 0; i < CASE_MAX_OUTPUTS; i++)
        r->out_layouts[i] = clv_layout_plain();
    r->io = (clv_kernel_io){
        .inputs = r->in_layouts, .outputs = r->out_layouts, .inplace_input = CLV_NO_VALUE};
    clv_status status =
        r->backend->compile(&r->kernel, &r->io, r->c->graph, case_node(r->c), &options, &err);
    if (status == CLV_EUNSUPPORTED)
        return false;
    if (status != CLV_OK)
        fail_msg("%s: %s can't compile it: %s: %s", r->c->name, r->backend->name, err.location,
                 err.message);
    return true;
}

/* Constants go in as the graph has them, destroyed where the kernel has said that it packed them.
 */
static void give_constant(run *r, uint32_t i)
{
    clv_tensor *tensor = &r->c->graph->values[case_node(r->c)->inputs[i]].tensor;
    clv_layout plain = clv_layout_plain();

    if ((r->io.keeps_constants >> i & 1u) == 0)
        memset(tensor->data, POISON, bytes_in(&plain, tensor));
    r->inputs[i].data = tensor->data;
}

static void give_memory(run *r)
{
    for (uint32_t i = 0; i < r->c->n_inputs; i++) {
        r->inputs[i] = r->c->inputs[i];
        if (r->c->constant[i])
            give_constant(r, i);
        if (!is_runtime_input(r, i))
            continue;
        r->in[i] = guarded_alloc(bytes_in(&r->in_layouts[i], &r->inputs[i]), POISON);
        r->inputs[i].data = r->in[i].data;
    }
    for (uint32_t i = 0; i < r->c->n_outputs; i++) {
        r->outputs[i] = r->c->expected[i];
        r->out[i] = guarded_alloc(bytes_in(&r->out_layouts[i], &r->outputs[i]), POISON);
        r->outputs[i].data = r->out[i].data;
    }
    r->scratch = guarded_alloc(r->io.scratch_bytes, POISON);
}

/* Put input @p i into @p dst in @p layout, as its producer or the runtime would. */
static void put_input(const run *r, uint32_t i, void *dst, const clv_layout *layout)
{
    const clv_tensor *x = &r->c->inputs[i];
    clv_layout plain = clv_layout_plain();
    clv_layout_reorder(dst, layout, x->data, &plain, &x->shape, clv_dtype_bytes(x->dtype));
}

/* In place: output 0 holds the input as the kernel wants that. */
static void put_in_place(const run *r)
{
    uint32_t i = r->io.inplace_input;

    assert_true(is_runtime_input(r, i));
    assert_int_equal(r->in[i].bytes, r->out[0].bytes);
    put_input(r, i, r->out[0].data, &r->in_layouts[i]);
    memset(r->in[i].data, POISON, r->in[i].bytes);
}

static void run_once(run *r, int garbage)
{
    memset(r->scratch.data, garbage, r->scratch.bytes);
    for (uint32_t i = 0; i < r->c->n_outputs; i++)
        memset(r->out[i].data, garbage, r->out[i].bytes);
    for (uint32_t i = 0; i < r->c->n_inputs; i++) {
        if (is_runtime_input(r, i))
            put_input(r, i, r->in[i].data, &r->in_layouts[i]);
    }
    if (r->io.inplace_input != CLV_NO_VALUE)
        put_in_place(r);
    clv_status status = r->backend->run(r->kernel, r->state);
    if (status != CLV_OK)
        fail_msg("%s: %s fails: %s", r->c->name, r->backend->name, clv_status_text(status));
}

static void check_memory(const run *r)
{
    for (uint32_t i = 0; i < r->c->n_inputs; i++) {
        check_guard(r, &r->in[i], "input");
        if (!is_runtime_input(r, i) || i == r->io.inplace_input)
            continue;
        unsigned char *copy = calloc(r->in[i].bytes + 1, 1);
        assert_non_null(copy);
        put_input(r, i, copy, &r->in_layouts[i]);
        if (memcmp(copy, r->in[i].data, r->in[i].bytes) != 0)
            fail_msg("%s: %s changed input %u", r->c->name, r->backend->name, i);
        free(copy);
    }
    for (uint32_t i = 0; i < r->c->n_outputs; i++)
        check_guard(r, &r->out[i], "output");
    check_guard(r, &r->scratch, "scratch");
}

static void compare_floats(const run *r, uint32_t output, const float *got)
{
    const float *want = r->c->expected[output].data;
    size_t n = case_elems(&r->c->expected[output]);
    double largest = 1e-3;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)got[i] - (double)want[i]);
        if (!(error <= r->c->tolerance * largest))
            fail_msg("%s: %s: element %zu of output %u is %.9g, not %.9g", r->c->name,
                     r->backend->name, i, output, (double)got[i], (double)want[i]);
    }
}

/* Bytes: ref may round to the other neighbour only where it is nearly as near; other backends have
 * one step of freedom. */
static void compare_bytes(const run *r, uint32_t output, const void *got)
{
    const double *want = r->c->steps[output];
    const clv_tensor *tensor = &r->c->expected[output];
    size_t n = case_elems(tensor);
    bool strict = r->backend == &clv_backend_ref;

    for (size_t i = 0; i < n; i++) {
        double v = tensor->dtype == CLV_I8 ? ((const int8_t *)got)[i] : ((const uint8_t *)got)[i];
        double error = fabs(v - (strict ? want[i] : rint(want[i])));
        if (!(error <= (strict ? 0.5 + r->c->slack : 1.0)))
            fail_msg("%s: %s: element %zu of output %u is byte %g, not %.9g", r->c->name,
                     r->backend->name, i, output, v, want[i]);
    }
}

/* Also that the output is what its layout says and nothing else: padding is zero. */
static void compare(const run *r, uint32_t output)
{
    const clv_tensor *want = &r->c->expected[output];
    clv_layout plain = clv_layout_plain();
    size_t elem_bytes = clv_dtype_bytes(want->dtype), bytes = bytes_in(&plain, want);
    unsigned char *got = calloc(bytes + 1, 1);
    unsigned char *again = calloc(r->out[output].bytes + 1, 1);

    assert_non_null(got);
    assert_non_null(again);
    clv_layout_reorder(got, &plain, r->out[output].data, &r->out_layouts[output], &want->shape,
                       elem_bytes);
    clv_layout_reorder(again, &r->out_layouts[output], got, &plain, &want->shape, elem_bytes);
    if (memcmp(again, r->out[output].data, r->out[output].bytes) != 0)
        fail_msg("%s: %s leaves garbage in the padding of its output", r->c->name,
                 r->backend->name);
    if (want->dtype == CLV_F32)
        compare_floats(r, output, (const float *)(void *)got);
    else if (r->c->steps[output] != NULL)
        compare_bytes(r, output, got);
    else if (memcmp(got, want->data, bytes) != 0)
        fail_msg("%s: %s: output %u is wrong", r->c->name, r->backend->name, output);
    free(got);
    free(again);
}

static void run_and_compare(run *r)
{
    clv_status status =
        r->backend->bind(&r->state, r->kernel, r->inputs, r->outputs, r->scratch.data);
    if (status != CLV_OK)
        fail_msg("%s: %s can't bind it: %s", r->c->name, r->backend->name, clv_status_text(status));
    run_once(r, POISON);
    check_memory(r);
    for (uint32_t i = 0; i < r->c->n_outputs; i++)
        compare(r, i);
    r->first_result = malloc(r->out[0].bytes + 1);
    assert_non_null(r->first_result);
    memcpy(r->first_result, r->out[0].data, r->out[0].bytes);
    run_once(r, 0x01);
    if (memcmp(r->first_result, r->out[0].data, r->out[0].bytes) != 0)
        fail_msg("%s: %s: two runs differ", r->c->name, r->backend->name);
}

/* The graph is as it was before give_constant(). */
static void restore_constants(const run *r)
{
    clv_layout plain = clv_layout_plain();
    for (uint32_t i = 0; i < r->c->n_inputs; i++) {
        if (r->c->constant[i])
            put_input(r, i, r->inputs[i].data, &plain);
    }
}

bool case_check(const clv_backend *backend, const node_case *c, bool channels_last,
                unsigned threads)
{
    run r = {.backend = backend, .c = c};

    bool ran = compile(&r, channels_last, threads);
    if (ran) {
        give_memory(&r);
        run_and_compare(&r);
        restore_constants(&r);
    }
    backend->unbind(r.state);
    backend->free_kernel(r.kernel);
    for (uint32_t i = 0; i < CASE_MAX_INPUTS; i++)
        free(r.in[i].data);
    for (uint32_t i = 0; i < CASE_MAX_OUTPUTS; i++)
        free(r.out[i].data);
    free(r.scratch.data);
    free(r.first_result);
    return ran;
}
