/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "graph/quant.h"
#include "kernel/ref/ref.h"
#include "onnx/onnx_import.h"
#include "runtime/bundle_format.h"
#include "runtime/topk.h"
#include "tools/tool.h"

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
    options.evaluate = clv_ref_evaluate;
    clv_status status = clv_onnx_import(&m->graph, m->path, &options, err);
    if (status == CLV_EINVAL) /* the options, not the file */
        return clv_error_prefix(err, status, "--shape");
    CLV_TRY(status);
    clv_prepare_options prepare = {clv_ref_evaluate, settings->skip.items, settings->skip.count};
    status = clv_graph_prepare(m->graph, &prepare, m->passes, &m->n_passes, err);
    if (status == CLV_EINVAL)
        return clv_error_prefix(err, status, "--skip-pass");
    if (status != CLV_OK)
        return clv_error_prefix(err, status, m->path);
    m->model.graph = m->graph;
    m->model.int8 = clv_graph_is_quantised(m->graph) ? m->graph : NULL;
    return CLV_OK;
}

/* By what it says, not only by its name: a bundle is a bundle wherever it was copied to. */
static clv_status looks_like_bundle(bool *out, const char *path, clv_error *err)
{
    size_t length = strlen(path), suffix = strlen(CLV_BUNDLE_SUFFIX);
    clv_mapping file;

    CLV_TRY(clv_mapping_open(&file, path, SIZE_MAX, err));
    *out = (length >= suffix && strcmp(path + length - suffix, CLV_BUNDLE_SUFFIX) == 0) ||
           (file.size >= CLV_BUNDLE_MAGIC_BYTES &&
            memcmp(file.data, CLV_BUNDLE_MAGIC, CLV_BUNDLE_MAGIC_BYTES) == 0);
    clv_mapping_done(&file);
    return CLV_OK;
}

static clv_status open_bundle(tool_model *m, const tool_model_settings *settings, clv_error *err)
{
    if (settings->shapes.count > 0 || settings->batch != 1)
        return clv_fail(err, CLV_EINVAL, settings->shapes.count > 0 ? "--shape" : "--batch",
                        "%s is a bundle, its shapes are fixed", m->path);
    if (settings->skip.count > 0)
        return clv_fail(err, CLV_EINVAL, "--skip-pass",
                        "%s is a bundle: the passes were run before", m->path);
    CLV_TRY(clv_bundle_open(&m->bundle, m->path, err));
    m->model = *clv_bundle_main(m->bundle);
    clv_status status = clv_bundle_verify(m->bundle, err);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, m->path);
}

static clv_status choose_form(tool_model *m, const tool_model_settings *settings, clv_error *err)
{
    clv_status status =
        clv_model_choose(&m->precision, &m->model, settings->precision, CLV_PRECISION_INT8, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, "--precision");
    m->form = clv_model_graph(&m->model, m->precision);
    return CLV_OK;
}

/* One name a line, in the arena; a last line may end without a newline. */
static clv_status split_labels(tool_model *m, const char *text, size_t bytes)
{
    static const char mark[] = "\xef\xbb\xbf"; /* what some editors put first */
    size_t at = bytes >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0, lines = 0;
    uint32_t n = 0;

    for (size_t i = at; i < bytes; i++)
        lines += text[i] == '\n' || i + 1 == bytes;
    if (lines == 0)
        return CLV_EFORMAT;
    if (lines > CLV_BUNDLE_MAX_LABELS)
        return CLV_ELIMIT;
    const char **labels = clv_arena_alloc(&m->memory, lines, sizeof *labels);
    if (labels == NULL)
        return CLV_ENOMEM;
    while (at < bytes) {
        const char *end = memchr(text + at, '\n', bytes - at);
        size_t length = end ? (size_t)(end - (text + at)) : bytes - at;
        size_t shown = length > 0 && text[at + length - 1] == '\r' ? length - 1 : length;
        labels[n] = clv_arena_strndup(&m->memory, text + at, shown);
        if (labels[n++] == NULL)
            return CLV_ENOMEM;
        at += length + 1;
    }
    m->model.labels = labels;
    m->model.n_labels = n;
    return CLV_OK;
}

static clv_status read_labels(tool_model *m, const char *path, clv_error *err)
{
    clv_mapping file;
    CLV_TRY(clv_mapping_open(&file, path, MAX_LABELS_BYTES, err));
    clv_status status = split_labels(m, (const char *)file.data, file.size);
    clv_mapping_done(&file);
    if (status == CLV_EFORMAT)
        return clv_fail(err, status, path, "it has no line, so no name");
    if (status == CLV_ELIMIT)
        return clv_fail(err, status, path, "more than %u lines", CLV_BUNDLE_MAX_LABELS);
    return status == CLV_OK ? CLV_OK : clv_fail(err, status, path, "%s", clv_status_text(status));
}

static bool has_input_flags(const tool_input_settings *s)
{
    const clv_input_texts *t = &s->texts;
    return s->preset || t->channels || t->mean || t->std || t->fit || t->crop_ratio;
}

/* The library names a member, "crop_ratio"; people wrote a flag, "--crop-ratio". */
static clv_status fail_flag(clv_error *err, clv_status status)
{
    char flag[sizeof err->location];

    (void)snprintf(flag, sizeof flag, "--%.64s", err->location);
    for (char *c = flag; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
    (void)snprintf(err->location, sizeof err->location, "%s", flag);
    return status;
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
    clv_status status = clv_input_spec_override(&spec, &s->texts, err);
    if (status != CLV_OK)
        return fail_flag(err, status);
    const clv_tensor *input = &m->model.graph->values[m->model.graph->inputs[0]].tensor;
    status = clv_input_spec_fit_shape(&spec, input, err);
    if (status != CLV_OK)
        return asked ? clv_error_prefix(err, status, m->path) : CLV_OK;
    m->model.input = spec;
    m->model.has_input_spec = true;
    return CLV_OK;
}

clv_status tool_model_open(tool_model *out, const char *path, const tool_model_settings *settings,
                           clv_error *err)
{
    bool is_bundle;

    *out = (tool_model){.path = path};
    CLV_TRY(looks_like_bundle(&is_bundle, path, err));
    CLV_TRY(is_bundle ? open_bundle(out, settings, err) : import_onnx(out, settings, err));
    CLV_TRY(choose_form(out, settings, err));
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

/* Classes of the first output, if it is a classifier's; else 0. */
static size_t classes_of(const clv_graph *graph)
{
    size_t n = 0;

    if (graph->n_outputs == 0)
        return 0;
    const clv_tensor *first = &graph->values[graph->outputs[0]].tensor;
    bool known = clv_topk_applies(first) && clv_shape_elems(&n, &first->shape) == CLV_OK;
    return known ? n : 0;
}

void tool_model_note(const tool_model *model, const tool_model_settings *settings,
                     const char *command)
{
    const char *labels = settings->input.labels;
    bool from_bundle = model->bundle != NULL && clv_bundle_main(model->bundle)->has_input_spec;
    size_t classes = classes_of(model->model.graph);

    if (model->model.has_input_spec && !from_bundle && !has_input_flags(&settings->input))
        tool_line(stderr, "%s: note: no --preset was given for %s: imagenet is assumed", command,
                  model->path);
    if (labels != NULL && classes != 0 && classes != model->model.n_labels)
        tool_line(stderr, "%s: note: %s has %u names for %zu classes", command, labels,
                  model->model.n_labels, classes);
}

clv_status tool_model_compile(clv_program **out, const tool_model *model, const clv_graph *form,
                              const tool_model_settings *settings, clv_error *err)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;

    if (clv_backend_find(&options.backend, settings->backend) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--backend", "'%s' is none of auto, onednn, ref",
                        settings->backend);
    options.threads = (unsigned)settings->threads;
    clv_status status = clv_program_compile(out, form, &options, err);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, model->path);
}

const char *tool_model_label(const tool_model *model, uint32_t index)
{
    return index < model->model.n_labels ? model->model.labels[index] : NULL;
}
