/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "kernel/ref/ref.h"
#include "onnx/onnx_import.h"

#define MAX_LABELS_BYTES ((size_t)16 << 20)
#define MAX_SHAPES 64u

/* "input=1,3,224,224" */
static clv_status parse_shape(clv_onnx_shape *out, clv_arena *memory, const char *text,
                              clv_error *err)
{
    const char *equals = strrchr(text, '=');
    clv_onnx_shape shape = {0};

    if (equals == NULL || equals == text)
        return clv_fail(err, CLV_EINVAL, "--shape", "'%s' is not INPUT=N,C,H,W", text);
    char *name = clv_arena_strndup(memory, text, (size_t)(equals - text));
    if (name == NULL)
        return clv_fail(err, CLV_ENOMEM, "--shape", "out of memory");
    shape.input = name;
    for (const char *p = equals + 1; *p != '\0';) {
        char *end;
        errno = 0;
        long long dim = strtoll(p, &end, 10);
        if (end == p || errno != 0 || dim < 1 || shape.shape.rank == CLV_MAX_RANK ||
            (*end != '\0' && *end != ',') || (*end == ',' && end[1] == '\0'))
            return clv_fail(err, CLV_EINVAL, "--shape",
                            "'%s': dimensions are up to 8 positive numbers with commas", text);
        shape.shape.dim[shape.shape.rank++] = dim;
        p = *end == ',' ? end + 1 : end;
    }
    *out = shape;
    return CLV_OK;
}

static clv_status import_onnx(tool_model *m, const tool_model_settings *settings, clv_error *err)
{
    clv_onnx_shape shapes[MAX_SHAPES];
    clv_onnx_options options = CLV_ONNX_OPTIONS_INIT;

    if (settings->shapes.count > MAX_SHAPES)
        return clv_fail(err, CLV_EINVAL, "--shape", "at most %u are taken", MAX_SHAPES);
    for (size_t i = 0; i < settings->shapes.count; i++)
        CLV_TRY(parse_shape(&shapes[i], &m->memory, settings->shapes.items[i], err));
    options.shapes = shapes;
    options.n_shapes = settings->shapes.count;
    options.batch = (int64_t)settings->batch;
    CLV_TRY(clv_onnx_import(&m->graph, m->path, &options, err));
    clv_status status = clv_graph_prepare(m->graph, clv_ref_evaluate, m->passes, &m->n_passes, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, m->path);
    m->model.graph = m->graph;
    return CLV_OK;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

static clv_status open_file(tool_model *m, const tool_model_settings *settings, clv_error *err)
{
    if (!ends_with(m->path, CLV_BUNDLE_SUFFIX))
        return import_onnx(m, settings, err);
    if (settings->shapes.count > 0 || settings->batch != 1)
        return clv_fail(
            err, CLV_EINVAL, m->path,
            "a bundle's shapes are fixed: --shape and --batch belong to `cleave build`");
    CLV_TRY(clv_bundle_open(&m->bundle, m->path, err));
    m->model = *clv_bundle_main(m->bundle);
    clv_status status = clv_bundle_verify(m->bundle, err);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, m->path);
}

static clv_status read_labels(tool_model *m, const char *path, clv_error *err)
{
    clv_mapping file;
    CLV_TRY(clv_mapping_open(&file, path, MAX_LABELS_BYTES, err));
    const char *text = (const char *)file.data;
    size_t lines = 0;

    for (size_t i = 0; i < file.size; i++)
        lines += text[i] == '\n';
    const char **labels = clv_arena_alloc(&m->memory, lines + 1, sizeof *labels);
    uint32_t n = 0;
    clv_status status = labels != NULL ? CLV_OK : CLV_ENOMEM;
    for (size_t at = 0; status == CLV_OK && at < file.size;) {
        const char *end = memchr(text + at, '\n', file.size - at);
        size_t length = end ? (size_t)(end - (text + at)) : file.size - at;
        size_t shown = length > 0 && text[at + length - 1] == '\r' ? length - 1 : length;
        labels[n] = clv_arena_strndup(&m->memory, text + at, shown);
        status = labels[n++] != NULL ? CLV_OK : CLV_ENOMEM;
        at += length + 1;
    }
    clv_mapping_done(&file);
    if (status != CLV_OK)
        return clv_fail(err, status, path, "out of memory");
    m->model.labels = n > 0 ? labels : NULL;
    m->model.n_labels = n;
    return CLV_OK;
}

static bool has_input_flags(const tool_input_settings *s)
{
    const clv_input_texts *t = &s->texts;
    return s->preset || t->channels || t->mean || t->std || t->fit || t->crop_ratio;
}

/* Models that take no image (audio, features) are fine as long as nobody asked for one. */
static clv_status apply_input_flags(tool_model *m, const tool_input_settings *s, clv_error *err)
{
    clv_input_spec spec = m->model.input;
    bool asked = has_input_flags(s);

    if (m->model.graph->n_inputs == 0)
        return asked ? clv_fail(err, CLV_EINVAL, m->path, "the model has no input") : CLV_OK;
    if (!m->model.has_input_spec || s->preset != NULL) {
        if (clv_input_spec_preset(&spec, s->preset ? s->preset : "imagenet") != CLV_OK)
            return clv_fail(err, CLV_EINVAL, "--preset", "'%s' is none of %s", s->preset,
                            clv_input_spec_preset_names());
    }
    CLV_TRY(clv_input_spec_override(&spec, &s->texts, err));
    const clv_tensor *input = &m->model.graph->values[m->model.graph->inputs[0]].tensor;
    clv_status status = clv_input_spec_fit_shape(&spec, input, err);
    if (status != CLV_OK)
        return asked ? clv_error_prefix(err, status, m->path) : CLV_OK;
    m->model.input = spec;
    m->model.has_input_spec = true;
    return CLV_OK;
}

clv_status tool_model_open(tool_model *out, const char *path, const tool_model_settings *settings,
                           clv_error *err)
{
    *out = (tool_model){.path = path};
    CLV_TRY(open_file(out, settings, err));
    CLV_TRY(apply_input_flags(out, &settings->input, err));
    if (settings->input.labels != NULL)
        CLV_TRY(read_labels(out, settings->input.labels, err));
    return CLV_OK;
}

void tool_model_done(tool_model *model)
{
    clv_bundle_free(model->bundle);
    clv_graph_free(model->graph);
    clv_arena_done(&model->memory);
    *model = (tool_model){0};
}

bool tool_model_assumed_preset(const tool_model *model, const tool_model_settings *settings)
{
    bool from_bundle = model->bundle != NULL && clv_bundle_main(model->bundle)->has_input_spec;
    return model->model.has_input_spec && !from_bundle && !has_input_flags(&settings->input);
}

clv_status tool_model_compile(clv_program **out, const tool_model *model,
                              const tool_model_settings *settings, clv_error *err)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;

    if (clv_backend_find(&options.backend, settings->backend) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--backend", "'%s' is none of auto, onednn, ref",
                        settings->backend);
    options.threads = (unsigned)settings->threads;
    clv_status status = clv_program_compile(out, model->model.graph, &options, err);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, model->path);
}

const char *tool_model_label(const tool_model *model, int64_t index)
{
    if (index < 0 || index >= (int64_t)model->model.n_labels)
        return NULL;
    return model->model.labels[index];
}
