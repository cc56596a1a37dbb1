/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "media/image.h"
#include "runtime/topk.h"
#include "tools/labelled_files.h"
#include "tools/split_run.h"
#include "tools/tool.h"
#include "tools/tool_model.h"

typedef struct settings {
    tool_model_settings model;
    const char *data;
    const char *labels;
    uint64_t label_offset;
    uint64_t cut;
    const char *codec;
    uint64_t limit;
    const char *predictions;
    bool json;
} settings;

#define WHOLE UINT32_MAX

static const clv_option options[] = {
    {"data", NULL, CLV_OPTION_STRING, offsetof(settings, data), 0, 0, "DIR",
     "the folder that the images lie in (needed)"},
    {"labels", NULL, CLV_OPTION_STRING, offsetof(settings, labels), 0, 0, "CSV",
     "a CSV file with the columns file and class_index (needed)"},
    {"label-offset", NULL, CLV_OPTION_UINT, offsetof(settings, label_offset), 0, 1000, "N",
     "output N is class 0: 1 for a model with a background class (default: 0)"},
    {"cut", NULL, CLV_OPTION_UINT, offsetof(settings, cut), 0, UINT32_MAX - 1, "K",
     "evaluate through a split in front of node K (default: whole)"},
    {"codec", NULL, CLV_OPTION_STRING, offsetof(settings, codec), 0, 0, "NAME",
     "at the cut: float (lossless) or uint8 (default: float)"},
    {"limit", NULL, CLV_OPTION_UINT, offsetof(settings, limit), 1, UINT32_MAX, "N",
     "only the first N images"},
    {"predictions", NULL, CLV_OPTION_STRING, offsetof(settings, predictions), 0, 0, "OUT.csv",
     "write file, predicted class and confidence of each image"},
    {"json", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    TOOL_IMAGE_OPTIONS(settings),
    TOOL_COMPILE_OPTIONS(settings),
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave eval",
    "MODEL",
    "Measure a classifier over labelled images, whole or through a split.",
    "Example:\n  cleave eval net.onnx --preset tf --label-offset 1 --data photos --labels "
    "photos.csv "
    "--cut 12 --codec uint8",
    options,
    sizeof options / sizeof options[0]};

/* One evaluation. */
typedef struct evaluation {
    const settings *s;
    tool_model model;
    clv_program *program;
    split_run *run;
    labelled_files files;
    clv_image image, fitted, scratch;
    FILE *predictions;
    size_t images, top1, top5;
    uint64_t run_us, total_us, payload_bytes;
} evaluation;

static clv_status classify(evaluation *e, const labelled_file *file, clv_error *err)
{
    char path[4096];
    uint32_t n;
    size_t bytes;
    clv_top top[5];
    clv_tensor *inputs = split_run_inputs(e->run, &n);
    const clv_input_spec *spec = &e->model.model.input;

    (void)snprintf(path, sizeof path, "%s/%s", e->s->data, file->file);
    CLV_TRY(clv_image_load(&e->image, path, err));
    clv_status status = clv_image_fit(&e->fitted, &e->scratch, &e->image, spec);
    if (status != CLV_OK)
        return clv_fail(err, status, path, "it can't be resized: %s", clv_status_text(status));
    clv_image_normalise(inputs[0].data, e->fitted.rgb.data, spec);
    uint64_t start = clv_clock_now_us();
    CLV_TRY(split_run_go(e->run, &bytes, err));
    e->run_us += clv_clock_now_us() - start;
    e->payload_bytes += bytes;

    uint32_t found = clv_topk(top, 5, &split_run_outputs(e->run, &n)[0]);
    for (uint32_t i = 0; i < found; i++) {
        if ((int64_t)top[i].index - (int64_t)e->s->label_offset == file->class_index) {
            e->top1 += i == 0;
            e->top5++;
        }
    }
    if (e->predictions != NULL)
        (void)fprintf(e->predictions, "%s,%lld,%.6f\n", file->file,
                      (long long)top[0].index - (long long)e->s->label_offset,
                      (double)top[0].confidence);
    e->images++;
    return CLV_OK;
}

static clv_status classify_all(evaluation *e, clv_error *err)
{
    size_t count = e->files.count < e->s->limit ? e->files.count : (size_t)e->s->limit;
    uint64_t start = clv_clock_now_us();
    clv_status status = CLV_OK;

    for (size_t i = 0; i < count && status == CLV_OK; i++) {
        tool_progress("image", i + 1, count);
        status = classify(e, &e->files.items[i], err);
    }
    tool_progress("", 0, 0);
    e->total_us = clv_clock_now_us() - start;
    return status;
}

static clv_status check_model(const evaluation *e, clv_error *err)
{
    const clv_graph *graph = e->model.model.graph;

    if (!e->model.model.has_input_spec || graph->n_inputs != 1)
        return clv_fail(err, CLV_EINVAL, e->model.path, "the model takes no image");
    if (!clv_topk_applies(&graph->values[graph->outputs[0]].tensor))
        return clv_fail(err, CLV_EINVAL, e->model.path,
                        "its first output is no list of class scores: this is no classifier");
    return CLV_OK;
}

static clv_status open_predictions(evaluation *e, clv_error *err)
{
    if (e->s->predictions == NULL)
        return CLV_OK;
    e->predictions = fopen(e->s->predictions, "w");
    if (e->predictions == NULL)
        return clv_fail(err, CLV_EIO, e->s->predictions, "cannot be written");
    (void)fprintf(e->predictions, "file,predicted,confidence\n");
    return CLV_OK;
}

static clv_status evaluate(evaluation *e, const char *path, clv_error *err)
{
    clv_codec codec;
    uint32_t cut = e->s->cut == UINT64_MAX ? WHOLE : (uint32_t)e->s->cut;

    if (clv_codec_find(&codec, e->s->codec) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--codec", "'%s' is none of float, uint8", e->s->codec);
    CLV_TRY(labelled_files_read(&e->files, e->s->labels, err));
    CLV_TRY(tool_model_open(&e->model, path, &e->s->model, err));
    CLV_TRY(check_model(e, err));
    if (tool_model_assumed_preset(&e->model, &e->s->model))
        (void)fprintf(stderr, "%s: note: no --preset was given; using imagenet\n", set.program);
    CLV_TRY(tool_model_compile(&e->program, &e->model, &e->s->model, err));
    CLV_TRY(split_run_create(&e->run, e->program, cut, codec, err));
    CLV_TRY(open_predictions(e, err));
    CLV_TRY(classify_all(e, err));
    if (e->predictions != NULL && (ferror(e->predictions) || fflush(e->predictions) != 0))
        return clv_fail(err, CLV_EIO, e->s->predictions, "cannot be written");
    return CLV_OK;
}

static void print_result(const evaluation *e)
{
    double n = (double)e->images;
    double per_second = e->total_us ? n * 1e6 / (double)e->total_us : 0.0;
    bool split = e->s->cut != UINT64_MAX;

    if (!e->s->json) {
        (void)printf("%s: %zu images, top-1 %.2f%% (%zu), top-5 %.2f%% (%zu), %.1f images/s, "
                     "%.2f ms a run\n",
                     e->model.path, e->images, 100.0 * (double)e->top1 / n, e->top1,
                     100.0 * (double)e->top5 / n, e->top5, per_second,
                     (double)e->run_us / n / 1000.0);
        if (split)
            (void)printf("cut %llu, codec %s: %.0f bytes an image\n", (unsigned long long)e->s->cut,
                         e->s->codec, (double)e->payload_bytes / n);
        return;
    }
    json_t *root = json_pack("{s:s, s:i, s:f, s:f, s:i, s:i, s:f, s:f, s:i}", "model",
                             e->model.path, "images", (int)e->images, "top1", (double)e->top1 / n,
                             "top5", (double)e->top5 / n, "top1_count", (int)e->top1, "top5_count",
                             (int)e->top5, "images_per_second", per_second, "run_us_mean",
                             (double)e->run_us / n, "label_offset", (int)e->s->label_offset);
    if (split) {
        (void)json_object_set_new(root, "cut", json_integer((json_int_t)e->s->cut));
        (void)json_object_set_new(root, "codec", json_string(e->s->codec));
        (void)json_object_set_new(root, "bytes_mean", json_real((double)e->payload_bytes / n));
    }
    (void)json_dumpf(root, stdout, JSON_INDENT(1));
    (void)printf("\n");
    json_decref(root);
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    evaluation e = {.s = s};

    if (s->data == NULL || s->labels == NULL)
        return tool_usage(set.program, "--data and --labels are needed");
    clv_image_init(&e.image);
    clv_image_init(&e.fitted);
    clv_image_init(&e.scratch);
    clv_status status = evaluate(&e, path, &err);
    if (status == CLV_OK)
        print_result(&e);
    if (e.predictions != NULL)
        (void)fclose(e.predictions);
    split_run_free(e.run);
    clv_program_free(e.program);
    tool_model_done(&e.model);
    labelled_files_done(&e.files);
    clv_image_done(&e.image);
    clv_image_done(&e.fitted);
    clv_image_done(&e.scratch);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

int cmd_eval(int argc, char **argv)
{
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT,
                  .cut = UINT64_MAX,
                  .codec = "float",
                  .limit = UINT32_MAX};
    clv_parsed parsed;
    int code;

    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, parsed.positional.items[0]);
    clv_parsed_done(&parsed);
    return code;
}
