/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/verify.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* Tensors of the whole run and of one cut, for every value of the graph that travels. */
typedef struct verifier {
    const clv_program *program;
    const clv_graph *graph;
    clv_exec *prefix, *suffix;
    clv_tensor *expected;   /* n_outputs */
    void *got;              /* room for the largest output */
    clv_tensor *travelling; /* n_values: a value of the frontier; no data where it isn't in it */
} verifier;

static size_t bytes_of(const clv_graph *graph, uint32_t value)
{
    size_t bytes = 0;
    return clv_tensor_bytes(&bytes, &graph->values[value].tensor) == CLV_OK ? bytes : 0;
}

/* Memory for the planned shape of @p value. */
static clv_status allocate_tensor(clv_tensor *out, const verifier *v, uint32_t value,
                                  clv_error *err)
{
    *out = v->graph->values[value].tensor;
    out->data = clv_alloc_aligned(bytes_of(v->graph, value));
    return out->data ? CLV_OK : clv_fail(err, CLV_ENOMEM, v->graph->name, "out of memory");
}

static clv_status allocate(verifier *v, clv_error *err)
{
    size_t largest = 0;

    CLV_TRY(clv_exec_create(&v->prefix, v->program, err));
    CLV_TRY(clv_exec_create(&v->suffix, v->program, err));
    v->expected = clv_calloc(v->graph->n_outputs, sizeof *v->expected);
    v->travelling = clv_calloc(v->graph->n_values, sizeof *v->travelling);
    if (v->expected == NULL || v->travelling == NULL)
        return clv_fail(err, CLV_ENOMEM, v->graph->name, "out of memory");
    for (uint32_t i = 0; i < v->graph->n_outputs; i++) {
        size_t bytes = bytes_of(v->graph, v->graph->outputs[i]);
        largest = bytes > largest ? bytes : largest;
        CLV_TRY(allocate_tensor(&v->expected[i], v, v->graph->outputs[i], err));
    }
    v->got = clv_alloc_aligned(largest);
    return v->got != NULL ? CLV_OK : clv_fail(err, CLV_ENOMEM, v->graph->name, "out of memory");
}

static void release(verifier *v)
{
    for (uint32_t i = 0; v->expected != NULL && i < v->graph->n_outputs; i++)
        clv_free(v->expected[i].data);
    for (uint32_t i = 0; v->travelling != NULL && i < v->graph->n_values; i++)
        clv_free(v->travelling[i].data);
    clv_free(v->expected);
    clv_free(v->travelling);
    clv_free(v->got);
    clv_exec_free(v->prefix);
    clv_exec_free(v->suffix);
}

/* splitmix64 (S. Vigna, public domain): the same input on every machine. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill_random(void *data, clv_dtype dtype, size_t bytes, uint64_t *state)
{
    size_t size = clv_dtype_bytes(dtype);
    uint8_t *p = data;

    for (size_t at = 0; at < bytes; at += size) {
        uint64_t r = next_random(state);
        float f = (float)(r >> 40) / (float)(1 << 23) - 1.0f;
        double d = (double)f;
        uint64_t bit = r & 1u;
        const void *from = dtype == CLV_F32   ? (const void *)&f
                           : dtype == CLV_F64 ? (const void *)&d
                                              : (const void *)&bit;
        memcpy(p + at, from, size);
    }
}

/* What crosses the cut lives from one cut to the next: made or loaded once, freed when it no
 * longer travels. */
static clv_status take_frontier(verifier *v, uint32_t cut, clv_error *err)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(v->program), cut);

    for (uint32_t i = 0; i < frontier.count; i++) {
        uint32_t value = frontier.values[i];
        if (v->travelling[value].data == NULL)
            CLV_TRY(allocate_tensor(&v->travelling[value], v, value, err));
        clv_exec_store(v->prefix, value, &v->travelling[value]);
    }
    for (uint32_t value = 0, i = 0; value < v->graph->n_values; value++) {
        if (i < frontier.count && frontier.values[i] == value) {
            i++;
            continue;
        }
        clv_free(v->travelling[value].data);
        v->travelling[value].data = NULL;
    }
    return CLV_OK;
}

/* The largest difference of two floats; 0 for other types, negative when all bits agree. */
static double difference(const clv_tensor *a, const clv_tensor *b)
{
    const float *x = a->data, *y = b->data;
    double worst = 0.0;
    size_t bytes;

    if (!clv_shape_equal(&a->shape, &b->shape) || clv_tensor_bytes(&bytes, a) != CLV_OK)
        return INFINITY;
    if (memcmp(x, y, bytes) == 0)
        return -1.0;
    for (size_t i = 0; a->dtype == CLV_F32 && i < bytes / sizeof(float); i++) {
        double d = fabs((double)x[i] - (double)y[i]);
        if (isnan(d) && memcmp(&x[i], &y[i], sizeof x[i]) != 0)
            return INFINITY;
        worst = d > worst ? d : worst;
    }
    return worst;
}

/* Run the suffix from @p cut with nothing but the frontier and compare. */
static clv_status check_cut(clv_verify_result *result, verifier *v, uint32_t cut)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(v->program), cut);
    bool same = true;

    clv_exec_poison(v->suffix);
    for (uint32_t i = 0; i < frontier.count; i++)
        clv_exec_load(v->suffix, frontier.values[i], &v->travelling[frontier.values[i]]);
    CLV_TRY(clv_exec_run(v->suffix, cut, v->graph->n_nodes));
    for (uint32_t i = 0; i < v->graph->n_outputs; i++) {
        uint32_t value = v->graph->outputs[i];
        clv_tensor got = {v->expected[i].dtype, {0}, v->got};
        clv_exec_store(v->suffix, value, &got);
        double d = difference(&got, &v->expected[i]);
        if (d < 0.0)
            continue;
        result->worst_difference = d > result->worst_difference ? d : result->worst_difference;
        same = false;
    }
    if (!same && result->mismatches++ == 0)
        result->first_mismatch = cut;
    result->cuts++;
    return CLV_OK;
}

static clv_status run_whole(verifier *v, uint64_t seed, clv_error *err)
{
    uint64_t state = seed;

    clv_exec_poison(v->prefix);
    for (uint32_t i = 0; i < v->graph->n_inputs; i++) {
        uint32_t value = v->graph->inputs[i];
        size_t bytes = bytes_of(v->graph, value);
        CLV_TRY(allocate_tensor(&v->travelling[value], v, value, err));
        fill_random(v->travelling[value].data, v->travelling[value].dtype, bytes, &state);
        clv_exec_load(v->prefix, value, &v->travelling[value]);
    }
    CLV_TRY(clv_exec_run(v->prefix, 0, v->graph->n_nodes));
    for (uint32_t i = 0; i < v->graph->n_outputs; i++)
        clv_exec_store(v->prefix, v->graph->outputs[i], &v->expected[i]);
    for (uint32_t i = 0; i < v->graph->n_inputs; i++) /* the run may have reused their place */
        clv_exec_load(v->prefix, v->graph->inputs[i], &v->travelling[v->graph->inputs[i]]);
    return CLV_OK;
}

static clv_status run_all(clv_verify_result *result, verifier *v, uint64_t seed, clv_error *err)
{
    CLV_TRY(allocate(v, err));
    CLV_TRY(run_whole(v, seed, err));
    for (uint32_t cut = 0; cut <= v->graph->n_nodes; cut++) {
        if (cut > 0)
            CLV_TRY(clv_exec_run(v->prefix, cut - 1, cut));
        CLV_TRY(take_frontier(v, cut, err));
        CLV_TRY(check_cut(result, v, cut));
    }
    return CLV_OK;
}

clv_status clv_verify_cuts(clv_verify_result *out, const clv_program *program, uint64_t seed,
                           clv_error *err)
{
    verifier v = {.program = program, .graph = clv_program_graph(program)};
    clv_verify_result result = {0};

    clv_status status = run_all(&result, &v, seed, err);
    release(&v);
    if (status != CLV_OK)
        return clv_fail(err, status, v.graph->name, "a run failed: %s", clv_status_text(status));
    *out = result;
    return CLV_OK;
}
