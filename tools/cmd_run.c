/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "media/image.h"
#include "runtime/topk.h"
#include "tools/split_run.h"
#include "tools/tensor_file.h"
#include "tools/tool.h"
#include "tools/tool_model.h"

#define MAX_TOP 100u

typedef struct settings {
    tool_model_settings model;
    clv_string_list inputs;
    clv_string_list tensors;
    const char *save;
    uint64_t top;
    bool json;
} settings;

static const clv_option options[] = {
    {"input", NULL, CLV_OPTION_LIST, offsetof(settings, inputs), 0, 0, "FILE...",
     "images (JPEG, PNG) for a model that takes one"},
    {"tensor", NULL, CLV_OPTION_LIST, offsetof(settings, tensors), 0, 0, "NAME=FILE...",
     "an input as .npy, ONNX .pb, or raw little-endian elements"},
    {"save", NULL, CLV_OPTION_STRING, offsetof(settings, save), 0, 0, "DIR",
     "write each output as DIR/NAME.npy (DIR/IMAGE/NAME.npy for several images)"},
    {"top", NULL, CLV_OPTION_UINT, offsetof(settings, top), 1, MAX_TOP, "N",
     "classes to print (default: 5)"},
    {"json", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    TOOL_LABELS_OPTION(settings),
    TOOL_IMAGE_OPTIONS(settings),
    TOOL_COMPILE_OPTIONS(settings),
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave run",
    "MODEL",
    "Run a whole model here, on images or tensors.",
    "Examples:\n  cleave run net.onnx --preset tf --labels classes.txt --input cat.jpg dog.png\n"
    "  cleave run net.clv --tensor image=x.npy --save out",
    options,
    sizeof options / sizeof options[0]};

/* One command at work. */
typedef struct runner {
    const settings *s;
    tool_model model;
    clv_program *program;
    split_run *run;
    clv_image image, fitted, scratch;
    json_t *runs; /* NULL: text */
} runner;

static const char *output_name(const runner *r, uint32_t i)
{
    const clv_graph *graph = r->model.model.graph;
    return graph->values[graph->outputs[i]].name;
}

/* --- what is printed ------------------------------------------------------------------------ */

static json_t *top_json(const runner *r, const clv_top *top, uint32_t n)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < n; i++) {
        const char *label = tool_model_label(&r->model, top[i].index);
        json_t *item = json_pack("{s:i, s:f, s:f}", "class", (int)top[i].index, "score",
                                 (double)top[i].score, "confidence", (double)top[i].confidence);
        if (label != NULL)
            (void)json_object_set_new(item, "label", json_string(label));
        (void)json_array_append_new(list, item);
    }
    return list;
}

/* Smallest, mean and largest of a float tensor. */
static void range_of(double out[3], const clv_tensor *tensor)
{
    const float *x = tensor->data;
    size_t n = 0;

    out[0] = INFINITY;
    out[1] = 0.0;
    out[2] = -INFINITY;
    (void)!clv_shape_elems(&n, &tensor->shape);
    for (size_t i = 0; i < n; i++) {
        out[0] = fmin(out[0], (double)x[i]);
        out[2] = fmax(out[2], (double)x[i]);
        out[1] += (double)x[i] / (double)n;
    }
}

static json_t *output_json(const runner *r, uint32_t i, const clv_tensor *tensor)
{
    clv_top top[MAX_TOP];
    json_t *shape = json_array();

    for (uint32_t d = 0; d < tensor->shape.rank; d++)
        (void)json_array_append_new(shape, json_integer(tensor->shape.dim[d]));
    json_t *out = json_pack("{s:s, s:s, s:o}", "name", output_name(r, i), "type",
                            clv_dtype_name(tensor->dtype), "shape", shape);
    if (clv_topk_applies(tensor))
        (void)json_object_set_new(out, "top",
                                  top_json(r, top, clv_topk(top, (uint32_t)r->s->top, tensor)));
    return out;
}

static void print_output(const runner *r, uint32_t i, const clv_tensor *tensor)
{
    clv_top top[MAX_TOP];
    char shape[96];
    double range[3];

    if (!clv_topk_applies(tensor)) {
        (void)printf("  %s: %s %s", output_name(r, i), clv_dtype_name(tensor->dtype),
                     clv_shape_format(shape, sizeof shape, &tensor->shape));
        if (tensor->dtype == CLV_F32) {
            range_of(range, tensor);
            (void)printf(", min %g, mean %g, max %g", range[0], range[1], range[2]);
        }
        (void)printf("\n");
        return;
    }
    uint32_t n = clv_topk(top, (uint32_t)r->s->top, tensor);
    for (uint32_t k = 0; k < n; k++) {
        const char *label = tool_model_label(&r->model, top[k].index);
        (void)printf("  %5.1f%%  %u%s%s\n", 100.0 * (double)top[k].confidence, top[k].index,
                     label ? " " : "", label ? label : "");
    }
}

static void report(const runner *r, const char *input, uint64_t us)
{
    uint32_t n;
    const clv_tensor *outputs = split_run_outputs(r->run, &n);

    if (r->runs == NULL) {
        (void)printf("%s (%.2f ms)\n", input ? input : r->model.path, (double)us / 1000.0);
        for (uint32_t i = 0; i < n; i++)
            print_output(r, i, &outputs[i]);
        return;
    }
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        (void)json_array_append_new(list, output_json(r, i, &outputs[i]));
    json_t *item = json_pack("{s:I, s:o}", "run_us", (json_int_t)us, "outputs", list);
    if (input != NULL)
        (void)json_object_set_new(item, "input", json_string(input));
    (void)json_array_append_new(r->runs, item);
}

/* --- what is run ---------------------------------------------------------------------------- */

static clv_status save_outputs(const runner *r, const char *input, clv_error *err)
{
    char dir[4096];
    uint32_t n;
    const clv_tensor *outputs = split_run_outputs(r->run, &n);

    if (r->s->save == NULL)
        return CLV_OK;
    (void)snprintf(dir, sizeof dir, "%s", r->s->save);
    if (input != NULL && r->s->inputs.count > 1) {
        const char *base = strrchr(input, '/');
        (void)snprintf(dir, sizeof dir, "%s/%s", r->s->save, base ? base + 1 : input);
    }
    for (uint32_t i = 0; i < n; i++)
        CLV_TRY(tensor_file_save(dir, output_name(r, i), &outputs[i], err));
    return CLV_OK;
}

static clv_status run_once(runner *r, const char *input, clv_error *err)
{
    uint64_t start = clv_clock_now_us();
    CLV_TRY(split_run_go(r->run, NULL, err));
    report(r, input, clv_clock_now_us() - start);
    return save_outputs(r, input, err);
}

static clv_status run_image(runner *r, const char *path, clv_error *err)
{
    uint32_t n;
    clv_tensor *inputs = split_run_inputs(r->run, &n);
    const clv_input_spec *spec = &r->model.model.input;

    CLV_TRY(clv_image_load(&r->image, path, err));
    clv_status status = clv_image_fit(&r->fitted, &r->scratch, &r->image, spec);
    if (status != CLV_OK)
        return clv_fail(err, status, path, "it can't be resized: %s", clv_status_text(status));
    clv_image_normalise(inputs[0].data, r->fitted.rgb.data, spec);
    return run_once(r, path, err);
}

/* "NAME=FILE" into the input of that name; marks it in @p given. */
static clv_status read_tensor(runner *r, const char *text, bool *given, clv_error *err)
{
    const clv_graph *graph = r->model.model.graph;
    uint32_t n;
    clv_tensor *inputs = split_run_inputs(r->run, &n);

    for (uint32_t i = 0; i < n; i++) {
        const char *name = graph->values[graph->inputs[i]].name;
        size_t length = strlen(name);
        if (strncmp(text, name, length) == 0 && text[length] == '=') {
            given[i] = true;
            return tensor_file_read(&inputs[i], text + length + 1, err);
        }
    }
    return clv_fail(err, CLV_EINVAL, "--tensor", "'%s' is not INPUT=FILE; the first input is '%s'",
                    text, n > 0 ? graph->values[graph->inputs[0]].name : "(none)");
}

static clv_status run_tensors(runner *r, clv_error *err)
{
    const clv_graph *graph = r->model.model.graph;
    clv_status status = CLV_OK;
    bool *given = clv_calloc(graph->n_inputs, sizeof *given);
    if (given == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");

    for (size_t i = 0; i < r->s->tensors.count && status == CLV_OK; i++)
        status = read_tensor(r, r->s->tensors.items[i], given, err);
    for (uint32_t i = 0; i < graph->n_inputs && status == CLV_OK; i++) {
        if (!given[i])
            status = clv_fail(err, CLV_EINVAL, "--tensor", "input '%s' is missing",
                              graph->values[graph->inputs[i]].name);
    }
    clv_free(given);
    return status == CLV_OK ? run_once(r, NULL, err) : status;
}

static clv_status run_inputs(runner *r, clv_error *err)
{
    if (r->s->tensors.count > 0)
        return run_tensors(r, err);
    if (!r->model.model.has_input_spec || r->model.model.graph->n_inputs != 1)
        return clv_fail(err, CLV_EINVAL, r->model.path,
                        "the model takes no image: give its inputs with --tensor NAME=FILE");
    if (tool_model_assumed_preset(&r->model, &r->s->model))
        (void)fprintf(stderr, "%s: note: no --preset was given; using imagenet\n", set.program);
    for (size_t i = 0; i < r->s->inputs.count; i++)
        CLV_TRY(run_image(r, r->s->inputs.items[i], err));
    return CLV_OK;
}

static clv_status run_all(runner *r, const char *path, clv_error *err)
{
    CLV_TRY(tool_model_open(&r->model, path, &r->s->model, err));
    CLV_TRY(tool_model_compile(&r->program, &r->model, &r->s->model, err));
    CLV_TRY(split_run_create(&r->run, r->program, UINT32_MAX, CLV_CODEC_FLOAT, err));
    return run_inputs(r, err);
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    runner r = {.s = s};

    if ((s->inputs.count > 0) == (s->tensors.count > 0))
        return tool_usage(set.program, "give either --input or --tensor");
    clv_image_init(&r.image);
    clv_image_init(&r.fitted);
    clv_image_init(&r.scratch);
    r.runs = s->json ? json_array() : NULL;
    clv_status status = run_all(&r, path, &err);
    if (status == CLV_OK && s->json) {
        json_t *root = json_pack("{s:s, s:O}", "model", path, "runs", r.runs);
        (void)json_dumpf(root, stdout, JSON_INDENT(1));
        (void)printf("\n");
        json_decref(root);
    }
    json_decref(r.runs);
    split_run_free(r.run);
    clv_program_free(r.program);
    tool_model_done(&r.model);
    clv_image_done(&r.image);
    clv_image_done(&r.fitted);
    clv_image_done(&r.scratch);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

int cmd_run(int argc, char **argv)
{
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT, .top = 5};
    clv_parsed parsed;
    int code;

    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, parsed.positional.items[0]);
    clv_parsed_done(&parsed);
    return code;
}
