/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "runtime/bundle.h"
#include "runtime/program.h"

#define MAX_OUTPUT ((size_t)1 << 24)

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double resident_kib(void)
{
    char line[256];
    double kib = 0.0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtod(line + 6, NULL);
    }
    if (file != NULL)
        (void)fclose(file);
    return kib;
}

/* --- the side that asks ----------------------------------------------------------------------- */

int bench_worker_start(bench_worker *worker, char *const *argv)
{
    int to[2], from[2];

    *worker = (bench_worker){0};
    if (pipe(to) != 0 || pipe(from) != 0)
        return -1;
    worker->pid = fork();
    if (worker->pid == 0) {
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        (void)close(to[1]);
        (void)close(from[0]);
        (void)execvp(argv[0], argv);
        _exit(127);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    worker->to = fdopen(to[1], "w");
    worker->from = fdopen(from[0], "r");
    if (worker->pid < 0 || worker->to == NULL || worker->from == NULL ||
        fscanf(worker->from, " ready %lf", &worker->baseline_kib) != 1) {
        bench_worker_stop(worker);
        return -1;
    }
    return 0;
}

int bench_worker_run(bench_worker *worker, unsigned n, double *times_us)
{
    if (fprintf(worker->to, "run %u\n", n) < 0 || fflush(worker->to) != 0)
        return -1;
    for (unsigned i = 0; i < n; i++) {
        if (fscanf(worker->from, "%lf", &times_us[i]) != 1)
            return -1;
    }
    return fscanf(worker->from, " rss %lf", &worker->resident_kib) == 1 ? 0 : -1;
}

double *bench_worker_output(bench_worker *worker, size_t *n_out)
{
    size_t n = 0;

    if (fprintf(worker->to, "output\n") < 0 || fflush(worker->to) != 0 ||
        fscanf(worker->from, " output %zu", &n) != 1 || n == 0 || n > MAX_OUTPUT)
        return NULL;
    double *output = calloc(n, sizeof *output);
    for (size_t i = 0; i < n && output != NULL; i++) {
        if (fscanf(worker->from, "%lf", &output[i]) != 1) {
            free(output);
            return NULL;
        }
    }
    *n_out = n;
    return output;
}

void bench_worker_stop(bench_worker *worker)
{
    if (worker->to != NULL)
        (void)fclose(worker->to);
    if (worker->from != NULL)
        (void)fclose(worker->from);
    if (worker->pid > 0) {
        (void)kill(worker->pid, SIGTERM);
        (void)waitpid(worker->pid, NULL, 0);
    }
    *worker = (bench_worker){0};
}

/* --- our side that answers -------------------------------------------------------------------- */

typedef struct model_run {
    clv_bundle *bundle;
    clv_program *program;
    clv_exec *exec;
    const clv_graph *graph;
    void *input;  /* largest input, filled */
    void *output; /* room for the largest output */
} model_run;

static bool keeps(const void *program, uint32_t value)
{
    return clv_program_keeps_constant(program, value);
}

/* The tensor of @p value as float32 where it stands for real numbers. */
static clv_tensor tensor_of(const clv_graph *graph, uint32_t value)
{
    clv_tensor tensor = graph->values[value].tensor;
    if (graph->values[value].quant != NULL)
        tensor.dtype = CLV_F32;
    return tensor;
}

static size_t largest(const clv_graph *graph, const uint32_t *values, uint32_t n)
{
    size_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        const clv_tensor tensor = tensor_of(graph, values[i]);
        size_t bytes = 0;
        if (clv_tensor_bytes(&bytes, &tensor) == CLV_OK && bytes > most)
            most = bytes;
    }
    return most;
}

static clv_status open_model(model_run *m, const char *path, unsigned threads, clv_error *err)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    options.threads = threads;

    clv_status status = clv_bundle_open(&m->bundle, path, err);
    if (status != CLV_OK)
        return status;
    const clv_model *model = clv_bundle_main(m->bundle);
    m->graph = model->int8 != NULL ? model->int8 : model->graph;
    status = clv_program_compile(&m->program, m->graph, &options, err);
    if (status != CLV_OK)
        return status;
    clv_bundle_drop_packed(m->bundle, m->graph, keeps, m->program);
    size_t bytes = largest(m->graph, m->graph->inputs, m->graph->n_inputs);
    m->input = clv_alloc_aligned(bytes);
    m->output = clv_alloc_aligned(largest(m->graph, m->graph->outputs, m->graph->n_outputs));
    if (m->input == NULL || m->output == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < bytes / sizeof(float); i++) /* the same values as the yardstick's */
        ((float *)m->input)[i] = (float)(i % 255) / 127.5f - 1.0f;
    return clv_exec_create(&m->exec, m->program, err);
}

static void load(model_run *m, uint32_t value)
{
    clv_tensor tensor = tensor_of(m->graph, value);
    tensor.data = m->input;
    clv_exec_load(m->exec, value, &tensor);
}

static void store(model_run *m, uint32_t value)
{
    clv_tensor tensor = tensor_of(m->graph, value);
    tensor.data = m->output;
    clv_exec_store(m->exec, value, &tensor);
}

static clv_status run_once(model_run *m)
{
    for (uint32_t i = 0; i < m->graph->n_inputs; i++)
        load(m, m->graph->inputs[i]);
    clv_status status = clv_exec_run(m->exec, 0, m->graph->n_nodes);
    for (uint32_t i = 0; i < m->graph->n_outputs; i++)
        store(m, m->graph->outputs[i]);
    return status;
}

static int answer_run(model_run *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        double start = now_us();
        if (run_once(m) != CLV_OK)
            return 1;
        (void)printf("%.1f\n", now_us() - start);
    }
    (void)printf("rss %.0f\n", resident_kib());
    return 0;
}

static void answer_output(model_run *m)
{
    const clv_tensor tensor = tensor_of(m->graph, m->graph->outputs[0]);
    size_t n = 0;

    store(m, m->graph->outputs[0]);
    if (tensor.dtype != CLV_F32 || clv_shape_elems(&n, &tensor.shape) != CLV_OK)
        n = 0;
    (void)printf("output %zu\n", n);
    for (size_t i = 0; i < n; i++)
        (void)printf("%.9g\n", (double)((const float *)m->output)[i]);
}

int bench_worker_main(const char *bundle, unsigned threads)
{
    clv_error err = {CLV_OK, "", ""};
    model_run m = {0};
    char line[64];
    int failed = 0;
    double baseline = resident_kib();

    if (open_model(&m, bundle, threads, &err) != CLV_OK) {
        (void)fprintf(stderr, "bench: %s: %s\n", err.location, err.message);
        return 1;
    }
    (void)printf("ready %.0f\n", baseline);
    (void)fflush(stdout);
    while (!failed && fgets(line, sizeof line, stdin) != NULL) {
        if (strncmp(line, "run ", 4) == 0)
            failed = answer_run(&m, (unsigned)strtoul(line + 4, NULL, 10));
        else
            answer_output(&m);
        (void)fflush(stdout);
    }
    clv_exec_free(m.exec);
    clv_program_free(m.program);
    clv_bundle_free(m.bundle);
    clv_free(m.input);
    clv_free(m.output);
    return failed;
}
