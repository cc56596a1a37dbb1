/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "runtime/topk.h"
#include "tools/codec_sweep.h"
#include "tools/eval_boxes.h"
#include "tools/eval_forms.h"
#include "tools/labelled_files.h"
#include "tools/session.h"
#include "tools/tool.h"
#include "tools/tool_json.h"

#define MAX_PATH_BYTES 8192u

typedef struct settings {
    tool_model_settings model;
    const char *data;
    const char *labels;
    uint64_t label_offset;
    uint64_t cut; /* or SPLIT_RUN_WHOLE */
    const char *codec;
    uint64_t limit;
    const char *precisions;
    const char *predictions;
    const char *boxes;
    detector_settings decode;
    bool sweep;
    const char *svg;
    bool json;
} settings;

static const clv_option options[] = {
    {"data", NULL, CLV_OPTION_STRING, offsetof(settings, data), 0, 0, "DIR",
     "the folder that the images lie in (needed)"},
    {"labels", NULL, CLV_OPTION_STRING, offsetof(settings, labels), 0, 0, "CSV",
     "a CSV file with the columns file and class_index (needed, but not with --decode)"},
    {"label-offset", NULL, CLV_OPTION_UINT, offsetof(settings, label_offset), 0, 1000, "N",
     "output N is class 0: 1 for a model with a background class (default: 0)"},
    {"cut", NULL, CLV_OPTION_UINT, offsetof(settings, cut), 0, SPLIT_RUN_WHOLE - 1, "K",
     "evaluate through a split in front of node K (default: whole)"},
    {"codec", NULL, CLV_OPTION_STRING, offsetof(settings, codec), 0, 0, "NAME",
     "at the cut: float (lossless) or uint8 (default: float)"},
    {"limit", NULL, CLV_OPTION_UINT, offsetof(settings, limit), 1, UINT32_MAX, "N",
     "only the first N images"},
    {"precisions", NULL, CLV_OPTION_STRING, offsetof(settings, precisions), 0, 0, "NAMES",
     "float,int8: both forms of a bundle side by side; the second is compared with the first"},
    {"predictions", NULL, CLV_OPTION_STRING, offsetof(settings, predictions), 0, 0, "OUT.csv",
     "write file, predicted (a class as in the labels) and confidence of each image"},
    {"boxes", NULL, CLV_OPTION_STRING, offsetof(settings, boxes), 0, 0, "DIR",
     "with --decode: the folder of the true boxes, for IMAGE.jpg IMAGE.txt with lines "
     "'class cx cy width height' in parts of the picture (YOLO's form)"},
    DETECTOR_OPTIONS(settings,
                     "boxes below this score are left out; AP50 wants them all (default: 0.01)"),
    {"codec-sweep", NULL, CLV_OPTION_FLAG, offsetof(settings, sweep), 0, 0, NULL,
     "bytes a frame and agreement with the float network, for every candidate cut (--cut: for that "
     "one) and codec, JPEG at cut 0 included. Images are words behind the model, or --data"},
    {"svg", NULL, CLV_OPTION_STRING, offsetof(settings, svg), 0, 0, "OUT.svg",
     "with --codec-sweep: draw it"},
    {"json", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    TOOL_IMAGE_OPTIONS(settings),
    TOOL_COMPILE_OPTIONS(settings),
    TOOL_SUFFIX_OPTION(settings),
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave eval",
    "MODEL [IMAGE...]",
    "Measure a classifier or a detector over labelled images, whole or through a split.",
    "Examples:\n  cleave eval net.onnx --preset tf --label-offset 1 --data photos --labels "
    "photos.csv --cut 12 --codec uint8\n"
    "  cleave eval detector.clv --decode yolo --data images --boxes labels\n"
    "  cleave eval both.clv --precisions float,int8 --data photos --labels photos.csv\n"
    "  cleave eval net.clv photos/ --codec-sweep --svg net.svg",
    options,
    sizeof options / sizeof options[0]};

/* One evaluation. */
typedef struct evaluation {
    const settings *s;
    session session;
    labelled_files files;
    clv_file_writer *predictions; /* NULL: not wanted */
    size_t images, top1, top5;
    uint64_t run_us, total_us, payload_bytes;
    eval_boxes_result detection; /* of a detector */
} evaluation;

/* --- predictions ---------------------------------------------------------------------------- */

static clv_status open_predictions(evaluation *e, clv_error *err)
{
    static const char header[] = "file,predicted,confidence\n";
    const char *const inputs[] = {e->session.model.path, e->s->labels};

    if (e->s->predictions == NULL)
        return CLV_OK;
    CLV_TRY(tool_check_output("--predictions", e->s->predictions, inputs, 2, err));
    CLV_TRY(clv_file_writer_open(&e->predictions, e->s->predictions, 0644, err));
    return clv_file_writer_put(e->predictions, header, sizeof header - 1);
}

/* @p file as a field of a CSV file: in quotes, and those in it doubled, where it needs them. */
static size_t quote(char dst[2 * MAX_PATH_BYTES + 2], const char *file)
{
    bool quoted = strpbrk(file, ",\"\r\n") != NULL;
    size_t n = 0;

    if (quoted)
        dst[n++] = '"';
    for (; *file != '\0'; file++) {
        if (*file == '"')
            dst[n++] = '"';
        dst[n++] = *file;
    }
    if (quoted)
        dst[n++] = '"';
    return n;
}

/* @p file is shorter than MAX_PATH_BYTES. Errors of writing come when the file is finished. */
static void write_prediction(evaluation *e, const char *file, int64_t predicted, float confidence)
{
    char line[2 * MAX_PATH_BYTES + 64];

    if (e->predictions == NULL)
        return;
    size_t n = quote(line, file);
    n += (size_t)snprintf(line + n, sizeof line - n, ",%lld,%.6f\n", (long long)predicted,
                          (double)confidence);
    (void)!clv_file_writer_put(e->predictions, line, n);
}

/* --- images --------------------------------------------------------------------------------- */

static clv_status classify(evaluation *e, const labelled_file *file, clv_error *err)
{
    char path[MAX_PATH_BYTES];
    clv_top top[5];
    uint32_t n_outputs;
    uint64_t us;
    size_t bytes;

    int length = snprintf(path, sizeof path, "%s/%s", e->s->data, file->file);
    if (length < 0 || (size_t)length >= sizeof path)
        return clv_fail(err, CLV_ELIMIT, e->s->labels, "a path in it is too long");
    CLV_TRY(session_read_image(&e->session, path, err));
    CLV_TRY(session_go(&e->session, &us, &bytes, err));
    uint32_t n = clv_topk(top, 5, &session_outputs(&e->session, &n_outputs)[0]);
    for (uint32_t i = 0; i < n; i++) {
        if ((int64_t)top[i].index - (int64_t)e->s->label_offset == file->class_index) {
            e->top1 += i == 0;
            e->top5++;
        }
    }
    write_prediction(e, file->file, (int64_t)top[0].index - (int64_t)e->s->label_offset,
                     top[0].confidence);
    e->run_us += us;
    e->payload_bytes += bytes;
    e->images++;
    return CLV_OK;
}

static clv_status classify_all(evaluation *e, clv_error *err)
{
    size_t count = e->files.count < e->s->limit ? e->files.count : (size_t)e->s->limit;
    uint64_t start_us = clv_clock_now_us();
    clv_status status = CLV_OK;

    for (size_t i = 0; i < count && status == CLV_OK; i++) {
        tool_progress("image", i + 1, count);
        status = tool_go_on(err);
        if (status == CLV_OK)
            status = classify(e, &e->files.items[i], err);
    }
    tool_progress("", 0, 0);
    e->total_us = clv_clock_now_us() - start_us;
    return status;
}

static clv_status detect_all(evaluation *e, clv_error *err)
{
    eval_boxes_job job = {e->s->data, e->s->boxes, (size_t)e->s->limit, e->s->decode};

    CLV_TRY(eval_boxes(&e->detection, &e->session, &job, err));
    e->images = e->detection.images;
    e->run_us = e->detection.run_us;
    e->total_us = e->detection.total_us;
    e->payload_bytes = e->detection.payload_bytes;
    return CLV_OK;
}

static clv_status check_model(const session *s, clv_error *err)
{
    const clv_graph *graph = s->model.model.graph;

    CLV_TRY(session_needs_image(s, err));
    if (graph->n_outputs == 0 || !clv_topk_applies(&graph->values[graph->outputs[0]].tensor))
        return clv_fail(err, CLV_EINVAL, s->model.path,
                        "its first output is no list of class scores: this is no classifier");
    return CLV_OK;
}

#define CODEC_NAME_TEXT(name, text) " " text

static clv_status evaluate(evaluation *e, const char *path, clv_error *err)
{
    const settings *s = e->s;
    clv_codec codec;

    if (clv_codec_find(&codec, s->codec) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--codec",
                        "'%s' is none of" CLV_CODEC_LIST(CODEC_NAME_TEXT), s->codec);
    if (s->decode.decoder == NULL)
        CLV_TRY(labelled_files_read(&e->files, s->labels, err));
    CLV_TRY(session_open(&e->session, path, &s->model, (uint32_t)s->cut, codec, err));
    CLV_TRY(s->decode.decoder == NULL ? check_model(&e->session, err)
                                      : session_needs_image(&e->session, err));
    tool_model_note(&e->session.model, &s->model, set.program);
    tool_hold_signals();
    if (s->decode.decoder != NULL)
        return detect_all(e, err);
    CLV_TRY(open_predictions(e, err));
    return classify_all(e, err);
}

/* --- the result ----------------------------------------------------------------------------- */

static double per_second(const evaluation *e)
{
    return e->total_us > 0 ? (double)e->images * 1e6 / (double)e->total_us : 0.0;
}

/* What the model is judged by: "top-1 90.00% (9), top-5 100.00% (10)" */
static void format_quality(char *dst, size_t cap, const evaluation *e)
{
    const eval_boxes_result *d = &e->detection;
    double n = (double)e->images;

    if (e->s->decode.decoder != NULL)
        (void)snprintf(dst, cap, "AP50 %.2f%% of %u classes (%zu objects, %zu boxes)",
                       100.0 * d->precision.ap50, d->precision.classes, d->objects, d->boxes);
    else
        (void)snprintf(dst, cap, "top-1 %.2f%% (%zu), top-5 %.2f%% (%zu)",
                       100.0 * (double)e->top1 / n, e->top1, 100.0 * (double)e->top5 / n, e->top5);
}

static void print_text(const evaluation *e)
{
    double n = (double)e->images;
    char quality[160];

    format_quality(quality, sizeof quality, e);
    tool_line(stdout, "%s: %zu images, %s, %.1f images/s, %.2f ms a run", e->session.model.path,
              e->images, quality, per_second(e), (double)e->run_us / n / 1000.0);
    if (e->s->cut != SPLIT_RUN_WHOLE)
        tool_line(stdout, "cut %llu, codec %s: %.0f bytes an image", (unsigned long long)e->s->cut,
                  e->s->codec, (double)e->payload_bytes / n);
}

static json_t *quality_json(const evaluation *e)
{
    const eval_boxes_result *d = &e->detection;
    double n = (double)e->images;

    if (e->s->decode.decoder != NULL)
        return json_pack("{s:s, s:o, s:I, s:I, s:I}", "decode", e->s->decode.decoder, "ap50",
                         tool_json_real(d->precision.ap50), "classes",
                         (json_int_t)d->precision.classes, "objects", (json_int_t)d->objects,
                         "boxes", (json_int_t)d->boxes);
    return json_pack("{s:f, s:f, s:I, s:I, s:i}", "top1", (double)e->top1 / n, "top5",
                     (double)e->top5 / n, "top1_count", (json_int_t)e->top1, "top5_count",
                     (json_int_t)e->top5, "label_offset", (int)e->s->label_offset);
}

static clv_status print_json(const evaluation *e, clv_error *err)
{
    double n = (double)e->images;
    json_t *quality = quality_json(e);
    json_t *root = json_pack("{s:o, s:I, s:f, s:f}", "model", tool_json_text(e->session.model.path),
                             "images", (json_int_t)e->images, "images_per_second", per_second(e),
                             "run_us_mean", (double)e->run_us / n);
    (void)json_object_update(root, quality);
    json_decref(quality);
    if (e->s->cut != SPLIT_RUN_WHOLE) {
        (void)json_object_set_new(root, "cut", json_integer((json_int_t)e->s->cut));
        (void)json_object_set_new(root, "codec", json_string(e->s->codec));
        (void)json_object_set_new(root, "bytes_mean", json_real((double)e->payload_bytes / n));
    }
    return tool_json_print(root, err);
}

/* --- forms side by side --------------------------------------------------------------------- */

static int run_forms(const settings *s, const char *path)
{
    const eval_forms_job job = {.path = path,
                                .precisions = s->precisions,
                                .model = &s->model,
                                .data = s->data,
                                .labels = s->labels,
                                .label_offset = s->label_offset,
                                .boxes = s->boxes,
                                .decode = s->decode,
                                .limit = (size_t)s->limit};
    clv_error err = CLV_ERROR_INIT;
    eval_forms_result result;

    clv_status status = eval_forms(&result, &job, set.program, &err);
    if (status == CLV_OK)
        status = s->json ? eval_forms_print_json(&result, path, &err)
                         : eval_forms_print(&result, path, &err);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

/* --- every codec ---------------------------------------------------------------------------- */

/* One sweep. */
typedef struct sweep_run {
    const settings *s;
    const clv_string_list *words; /* the model, then images */
    sweep_images images;
    codec_sweep_result result;
    clv_file_writer *svg; /* NULL: not wanted */
} sweep_run;

/* Before hours of work: a path that can't be written says so now. */
static clv_status open_svg(sweep_run *r, clv_error *err)
{
    const char *const inputs[] = {r->words->items[0], r->s->labels};

    if (r->s->svg == NULL)
        return CLV_OK;
    CLV_TRY(tool_check_output("--svg", r->s->svg, inputs, 2, err));
    return clv_file_writer_open(&r->svg, r->s->svg, 0644, err);
}

static clv_status sweep(sweep_run *r, clv_error *err)
{
    const settings *s = r->s;
    const sweep_sources from = {r->words->items + 1, r->words->count - 1, s->data, s->labels,
                                (size_t)s->limit};
    const codec_sweep_job job = {.path = r->words->items[0],
                                 .model = &s->model,
                                 .images = &r->images,
                                 .label_offset = (int64_t)s->label_offset,
                                 .boxes = s->boxes,
                                 .decode = s->decode,
                                 .only_cut = (uint32_t)s->cut};

    CLV_TRY(sweep_images_list(&r->images, &from, err));
    tool_hold_signals(); /* before there is a temporary file */
    CLV_TRY(open_svg(r, err));
    return codec_sweep(&r->result, &job, set.program, err);
}

static clv_status draw_sweep(sweep_run *r, clv_error *err)
{
    clv_buffer svg;

    if (r->svg == NULL)
        return CLV_OK;
    clv_buffer_init(&svg, (size_t)16 << 20);
    clv_status status = codec_sweep_plot(&svg, &r->result, sweep_file_name(r->words->items[0]));
    if (status == CLV_OK)
        (void)!clv_file_writer_put(r->svg, svg.data, svg.size); /* errors come at the end */
    else
        status = clv_fail(err, status, r->s->svg, "it can't be drawn: %s", clv_status_text(status));
    clv_buffer_done(&svg);
    return status;
}

static int run_sweep(const settings *s, const clv_string_list *words)
{
    sweep_run r = {.s = s, .words = words};
    clv_error err = CLV_ERROR_INIT;

    clv_status status = sweep(&r, &err);
    if (status == CLV_OK)
        status = draw_sweep(&r, &err);
    clv_status written =
        clv_file_writer_finish(r.svg, status == CLV_OK, status == CLV_OK ? &err : NULL);
    status = status == CLV_OK ? written : status;
    if (status == CLV_OK)
        status = s->json ? codec_sweep_print_json(&r.result, &err)
                         : codec_sweep_print(&r.result, words->items[0], &err);
    codec_sweep_done(&r.result);
    sweep_images_done(&r.images);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

/* --- the command line ----------------------------------------------------------------------- */

static const char *check_sweep_flags(const settings *s)
{
    if (s->predictions != NULL || s->precisions != NULL)
        return "--predictions and --precisions are not of --codec-sweep";
    if (s->decode.decoder == NULL && s->boxes != NULL)
        return "--boxes needs --decode: how outputs become boxes";
    if (s->decode.decoder != NULL && (s->labels != NULL || s->label_offset != 0))
        return "--labels and --label-offset are of classifiers, not with --decode";
    return NULL;
}

/* Flags of the other kind of model, or of another evaluation. NULL, or what is wrong. */
static const char *check_flags(const settings *s)
{
    if (s->sweep)
        return check_sweep_flags(s);
    if (s->svg != NULL)
        return "--svg is of --codec-sweep";
    if (s->precisions != NULL && (s->cut != SPLIT_RUN_WHOLE || s->model.precision != NULL ||
                                  s->model.suffix != NULL || s->predictions != NULL))
        return "--precisions compares whole networks: not with --cut, --precision, --suffix or "
               "--predictions";
    if (s->decode.decoder == NULL) {
        if (s->boxes != NULL)
            return "--boxes needs --decode: how outputs become boxes";
        return s->data == NULL || s->labels == NULL ? "--data and --labels are needed" : NULL;
    }
    if (s->data == NULL || s->boxes == NULL)
        return "--data and --boxes are needed with --decode";
    if (s->labels != NULL || s->predictions != NULL || s->label_offset != 0)
        return "--labels, --label-offset and --predictions are of classifiers, not with --decode";
    return NULL;
}

static int run(const settings *s, const clv_string_list *words)
{
    const char *path = words->items[0];
    clv_error err = CLV_ERROR_INIT;
    evaluation e = {.s = s};

    if (!s->sweep && words->count > 1)
        return tool_usage(set.program,
                          "'%s' is one word too many (images follow the model only with "
                          "--codec-sweep)",
                          words->items[1]);
    const char *wrong = check_flags(s);
    if (wrong != NULL)
        return tool_usage(set.program, "%s", wrong);
    if (s->sweep)
        return run_sweep(s, words);
    if (s->precisions != NULL)
        return run_forms(s, path);
    clv_status status = evaluate(&e, path, &err);
    clv_status written =
        clv_file_writer_finish(e.predictions, status == CLV_OK, status == CLV_OK ? &err : NULL);
    status = status == CLV_OK ? written : status;
    if (status == CLV_OK && s->json)
        status = print_json(&e, &err);
    else if (status == CLV_OK)
        print_text(&e);
    session_done(&e.session);
    labelled_files_done(&e.files);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

int cmd_eval(int argc, char **argv)
{
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT,
                  .cut = SPLIT_RUN_WHOLE,
                  .codec = "float",
                  .limit = UINT32_MAX,
                  .decode = DETECTOR_SETTINGS_INIT};
    clv_parsed parsed;
    int code;

    s.decode.score = 0.01; /* the tail of the curve counts */
    if (tool_parse_words(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, &parsed.positional);
    clv_parsed_done(&parsed);
    return code;
}
