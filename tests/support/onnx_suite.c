/* SPDX-License-Identifier: Apache-2.0 */
#include "support/onnx_suite.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "kernel/ref/ref_number.h"
#include "onnx.pb-c.h"
#include "onnx/onnx_import.h"
#include "runtime/program.h"

#define FOLDER "/usr/share/libonnx-testdata/data/node"
#define MAX_INPUTS 32u
#define RTOL 1e-3
#define ATOL 1e-7
#define TIME_LIMIT_S 60u

/* One case under way; the process ends after it, so nothing is freed. */
typedef struct suite_case {
    char folder[1024];
    const char *backend;
    clv_tensor inputs[MAX_INPUTS];
    char *names[MAX_INPUTS]; /* of the model's inputs */
    uint32_t n_inputs;
    clv_graph *graph;
    clv_program *program;
    clv_exec *exec;
    suite_result *result;
} suite_case;

const char *suite_folder(void)
{
    const char *folder = getenv("CLEAVE_ONNX_NODE_TESTS");
    folder = folder ? folder : FOLDER;
    return access(folder, R_OK) == 0 ? folder : NULL;
}

CLV_PRINTF(3, 4)
static bool end(suite_case *c, suite_outcome outcome, const char *fmt, ...)
{
    va_list args;
    c->result->outcome = outcome;
    va_start(args, fmt);
    (void)vsnprintf(c->result->reason, sizeof c->result->reason, fmt, args);
    va_end(args);
    return false;
}

/* What the library refused: unsupported when it says so, a failure otherwise. The reason leaves
 * out where the suite lies. */
static bool refuse(suite_case *c, clv_status status, const clv_error *err)
{
    static const char file[] = "model.onnx";
    const char *path = strstr(err->location, file), *where = err->location;

    if (path != NULL)
        where = path[sizeof file - 1] == ':' ? path + sizeof file + 1 : "";
    return end(c, status == CLV_EUNSUPPORTED ? SUITE_UNSUPPORTED : SUITE_FAILED, "%.100s%s%.300s",
               where, where[0] ? ": " : "", err->message);
}

static bool read_tensor(clv_tensor *out, suite_case *c, const char *kind, uint32_t i)
{
    char path[1200];
    clv_mapping file;
    clv_error err = CLV_ERROR_INIT;

    (void)snprintf(path, sizeof path, "%s/test_data_set_0/%s_%u.pb", c->folder, kind, i);
    if (clv_mapping_open(&file, path, (size_t)1 << 28, &err) != CLV_OK)
        return end(c, SUITE_FAILED, "%s: %s", path, err.message);
    clv_status status = clv_onnx_read_tensor(out, file.data, file.size, &err);
    return status == CLV_OK || refuse(c, status, &err);
}

/* Which inputs become constants: none, then those that could be indices, then all small ones. */
static bool is_constant(const clv_tensor *tensor, unsigned attempt)
{
    if (attempt == 0 || tensor->shape.rank > 1)
        return false;
    return attempt > 1 || tensor->dtype == CLV_I64;
}

static clv_status import(suite_case *c, unsigned attempt, clv_error *err)
{
    clv_onnx_options options = CLV_ONNX_OPTIONS_INIT;
    clv_onnx_shape shapes[MAX_INPUTS];
    clv_onnx_constant constants[MAX_INPUTS];
    char path[1200];

    for (uint32_t i = 0; i < c->n_inputs; i++) {
        if (is_constant(&c->inputs[i], attempt))
            constants[options.n_constants++] = (clv_onnx_constant){c->names[i], c->inputs[i]};
        else
            shapes[options.n_shapes++] = (clv_onnx_shape){c->names[i], c->inputs[i].shape};
    }
    options.evaluate = clv_ref_evaluate;
    options.shapes = shapes;
    options.constants = constants;
    c->result->constants = (unsigned)options.n_constants;
    (void)snprintf(path, sizeof path, "%s/model.onnx", c->folder);
    CLV_TRY(clv_onnx_import(&c->graph, path, &options, err));
    return clv_graph_prepare(c->graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate}, NULL,
                             NULL, err);
}

/* The names of a model's inputs where it can't be imported without them: a loop's trip count. */
static bool names_of(suite_case *c, const char *path)
{
    clv_mapping file;

    if (clv_mapping_open(&file, path, (size_t)1 << 28, NULL) != CLV_OK)
        return false;
    const Clv__Onnx__ModelProto *model = clv__onnx__model_proto__unpack(NULL, file.size, file.data);
    if (model == NULL || model->graph == NULL || model->graph->n_input > MAX_INPUTS)
        return false;
    for (size_t i = 0; i < model->graph->n_input; i++) {
        const Clv__Onnx__TypeProto *type = model->graph->input[i]->type;
        if (type == NULL || type->tensor_type == NULL)
            return false;
        c->names[c->n_inputs++] = model->graph->input[i]->name;
    }
    return true;
}

/* The names of the inputs, in the order of the files. */
static bool read_inputs(suite_case *c)
{
    char path[1200];
    clv_onnx_options options = CLV_ONNX_OPTIONS_INIT;
    clv_graph *graph;
    clv_error err = CLV_ERROR_INIT;

    options.evaluate = clv_ref_evaluate;
    (void)snprintf(path, sizeof path, "%s/model.onnx", c->folder);
    clv_status status = clv_onnx_import(&graph, path, &options, &err);
    if (status == CLV_EUNSUPPORTED && strstr(err.message, "depends on data") != NULL) {
        if (!names_of(c, path))
            return refuse(c, status, &err);
    } else if (status != CLV_OK) {
        return refuse(c, status, &err);
    } else {
        if (graph->n_inputs > MAX_INPUTS)
            return end(c, SUITE_UNSUPPORTED, "more than %u inputs", MAX_INPUTS);
        for (; c->n_inputs < graph->n_inputs; c->n_inputs++)
            c->names[c->n_inputs] = clv_strdup(graph->values[graph->inputs[c->n_inputs]].name);
        clv_graph_free(graph);
    }
    for (uint32_t i = 0; i < c->n_inputs; i++) {
        if (!read_tensor(&c->inputs[i], c, "input", i))
            return false;
    }
    return true;
}

static bool compile(suite_case *c)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;
    clv_status status = CLV_EUNSUPPORTED;

    for (unsigned attempt = 0; attempt < 3 && status == CLV_EUNSUPPORTED; attempt++) {
        status = import(c, attempt, &err);
        if (status == CLV_OK && clv_backend_find(&options.backend, c->backend) == CLV_OK)
            status = clv_program_compile(&c->program, c->graph, &options, &err);
    }
    if (status == CLV_OK)
        status = clv_exec_create(&c->exec, c->program, &err);
    return status == CLV_OK || refuse(c, status, &err);
}

static double element(const clv_tensor *t, size_t i)
{
    switch (t->dtype) {
#define CASE(name, type)                                                                           \
    case CLV_##name:                                                                               \
        return (double)((const type *)t->data)[i];
        CASE(F32, float)
        CASE(F64, double)
        CASE(U8, uint8_t)
        CASE(I8, int8_t)
        CASE(U16, uint16_t)
        CASE(I16, int16_t)
        CASE(U32, uint32_t)
        CASE(I32, int32_t)
        CASE(U64, uint64_t)
        CASE(I64, int64_t)
        CASE(BOOL, uint8_t)
#undef CASE
    case CLV_F16:
        return ref_half_to_double(((const uint16_t *)t->data)[i]);
    default:
        return (double)NAN;
    }
}

static bool close_enough(double got, double want)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got))
        return isinf(want) && isinf(got) && (want > 0) == (got > 0);
    return fabs(got - want) <= ATOL + RTOL * fabs(want);
}

static bool compare(suite_case *c, uint32_t i)
{
    const clv_value *value = &c->graph->values[c->graph->outputs[i]];
    clv_tensor want, got = value->tensor;
    char have[96], need[96];
    size_t bytes, elems;

    if (!read_tensor(&want, c, "output", i))
        return false;
    if (clv_tensor_bytes(&bytes, &got) != CLV_OK || clv_shape_elems(&elems, &want.shape) != CLV_OK)
        return end(c, SUITE_FAILED, "output %u has no size", i);
    got.data = clv_alloc_aligned(bytes);
    clv_exec_store(c->exec, c->graph->outputs[i], &got);
    if (got.dtype != want.dtype || !clv_shape_equal(&got.shape, &want.shape))
        return end(c, SUITE_FAILED, "output %u is %s %s, not %s %s", i, clv_dtype_name(got.dtype),
                   clv_shape_format(have, sizeof have, &got.shape), clv_dtype_name(want.dtype),
                   clv_shape_format(need, sizeof need, &want.shape));
    for (size_t e = 0; e < elems; e++) {
        if (!close_enough(element(&got, e), element(&want, e)))
            return end(c, SUITE_FAILED, "output %u, element %zu is %.9g, not %.9g", i, e,
                       element(&got, e), element(&want, e));
    }
    return true;
}

static bool run(suite_case *c)
{
    clv_exec_poison(c->exec);
    for (uint32_t i = 0; i < c->graph->n_inputs; i++) {
        const char *name = c->graph->values[c->graph->inputs[i]].name;
        for (uint32_t j = 0; j < c->n_inputs; j++) {
            if (strcmp(name, c->names[j]) == 0)
                clv_exec_load(c->exec, c->graph->inputs[i], &c->inputs[j]);
        }
    }
    clv_status status = clv_exec_run(c->exec, 0, c->graph->n_nodes);
    if (status != CLV_OK)
        return end(c, status == CLV_EUNSUPPORTED ? SUITE_UNSUPPORTED : SUITE_FAILED, "run: %s",
                   clv_status_text(status));
    for (uint32_t i = 0; i < c->graph->n_outputs; i++) {
        if (!compare(c, i))
            return false;
    }
    c->result->outcome = SUITE_PASSED;
    return true;
}

suite_result suite_run(const char *folder, const char *name, const char *backend)
{
    suite_result result = {.outcome = SUITE_FAILED};
    int ends[2], exit_status = 0;

    if (pipe(ends) != 0)
        return result;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        suite_case c = {.backend = backend, .result = &result};
        (void)alarm(TIME_LIMIT_S);
        (void)snprintf(c.folder, sizeof c.folder, "%s/%s", folder, name);
        if (read_inputs(&c) && compile(&c))
            (void)run(&c);
        _exit(write(ends[1], &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1);
    }
    (void)close(ends[1]);
    bool told = child > 0 && read(ends[0], &result, sizeof result) == (ssize_t)sizeof result;
    (void)close(ends[0]);
    (void)waitpid(child, &exit_status, 0);
    if (!told)
        (void)snprintf(result.reason, sizeof result.reason, "the process died (signal %d)",
                       WIFSIGNALED(exit_status) ? WTERMSIG(exit_status) : 0);
    return result;
}
