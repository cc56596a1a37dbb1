/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/topk.h"
#include "tools/boxes_draw.h"
#include "tools/boxes_print.h"
#include "tools/session.h"
#include "tools/tensor_file.h"
#include "tools/tool.h"
#include "tools/tool_json.h"

#define MAX_TOP 100u
#define MAX_PATH_BYTES 4096u

typedef struct settings {
    tool_model_settings model;
    clv_string_list inputs;
    clv_string_list tensors;
    const char *save;
    uint64_t top;
    detector_settings decode;
    const char *draw;
    bool json;
} settings;

static const clv_option options[] = {
    {"input", NULL, CLV_OPTION_LIST, offsetof(settings, inputs), 0, 0, "FILE",
     "images (JPEG, PNG) for a model that takes one"},
    {"tensor", NULL, CLV_OPTION_LIST, offsetof(settings, tensors), 0, 0, "NAME=FILE",
     "an input as .npy, ONNX .pb, or raw little-endian elements"},
    {"save", NULL, CLV_OPTION_STRING, offsetof(settings, save), 0, 0, "DIR",
     "write each output as DIR/NAME.npy (DIR/IMAGE/NAME.npy for several images); what isn't a "
     "letter, digit, dot or dash in NAME becomes _"},
    {"top", NULL, CLV_OPTION_UINT, offsetof(settings, top), 1, MAX_TOP, "N",
     "classes to print (default: 5)"},
    DETECTOR_OPTIONS(settings, "boxes below this score are left out (default: 0.4)"),
    {"draw", NULL, CLV_OPTION_STRING, offsetof(settings, draw), 0, 0, "OUT.png",
     "with --decode: write the picture with its boxes (DIR/IMAGE.png for several images)"},
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
    "  cleave run net.clv --tensor image=x.npy --save out\n"
    "  cleave run detector.clv --decode yolo --draw boxes.png --input street.jpg",
    options,
    sizeof options / sizeof options[0]};

/* One command at work. */
typedef struct runner {
    const settings *s;
    session session;
    detector *detector; /* NULL: no --decode */
    json_t *runs;       /* NULL: text */
} runner;

/* --- what is printed ------------------------------------------------------------------------ */

/* Smallest, mean and largest of a float tensor; NaN where it is empty. */
typedef struct range {
    double min, mean, max;
} range;

static range range_of(const clv_tensor *tensor)
{
    const float *x = tensor->data;
    range r = {NAN, NAN, NAN};
    double sum = 0.0;
    size_t n = 0;

    if (clv_shape_elems(&n, &tensor->shape) != CLV_OK || n == 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        r.min = fmin(r.min, (double)x[i]);
        r.max = fmax(r.max, (double)x[i]);
        sum += (double)x[i];
    }
    r.mean = sum / (double)n;
    return r;
}

static json_t *top_json(const runner *r, const clv_tensor *tensor)
{
    clv_top top[MAX_TOP];
    uint32_t n = clv_topk(top, (uint32_t)r->s->top, tensor);
    json_t *list = json_array();

    for (uint32_t i = 0; i < n; i++) {
        const char *label = tool_model_label(&r->session.model, top[i].index);
        json_t *item = json_pack("{s:i, s:o, s:o}", "class", (int)top[i].index, "score",
                                 tool_json_real((double)top[i].score), "confidence",
                                 tool_json_real((double)top[i].confidence));
        if (label != NULL)
            (void)json_object_set_new(item, "label", tool_json_text(label));
        (void)json_array_append_new(list, item);
    }
    return list;
}

static json_t *output_json(const runner *r, uint32_t i, const clv_tensor *tensor)
{
    json_t *out = tool_json_tensor(session_output_name(&r->session, i), tensor);

    if (clv_topk_applies(tensor)) {
        (void)json_object_set_new(out, "top", top_json(r, tensor));
    } else if (tensor->dtype == CLV_F32) {
        range values = range_of(tensor);
        (void)json_object_set_new(out, "min", tool_json_real(values.min));
        (void)json_object_set_new(out, "mean", tool_json_real(values.mean));
        (void)json_object_set_new(out, "max", tool_json_real(values.max));
    }
    return out;
}

static void add_json(const runner *r, const char *input, uint64_t us)
{
    uint32_t n;
    const clv_tensor *outputs = session_outputs(&r->session, &n);
    json_t *list = json_array();

    for (uint32_t i = 0; i < n; i++)
        (void)json_array_append_new(list, output_json(r, i, &outputs[i]));
    json_t *item = json_pack("{s:o, s:I, s:o}", "input", tool_json_text(input), "run_us",
                             (json_int_t)us, "outputs", list);
    if (r->detector != NULL) {
        (void)json_object_set_new(item, "width", json_integer(r->session.image.width));
        (void)json_object_set_new(item, "height", json_integer(r->session.image.height));
        (void)json_object_set_new(item, "boxes", boxes_json(r->detector));
    }
    (void)json_array_append_new(r->runs, item);
}

static void print_top(const runner *r, const clv_tensor *tensor)
{
    clv_top top[MAX_TOP];
    uint32_t n = clv_topk(top, (uint32_t)r->s->top, tensor);

    for (uint32_t i = 0; i < n; i++) {
        const char *label = tool_model_label(&r->session.model, top[i].index);
        tool_line(stdout, "  %5.1f%%  %u%s%s", 100.0 * (double)top[i].confidence, top[i].index,
                  label ? " " : "", label ? label : "");
    }
}

static void print_tensor(const char *name, const clv_tensor *tensor)
{
    char shape[96], values[96] = "";

    if (tensor->dtype == CLV_F32) {
        range r = range_of(tensor);
        (void)snprintf(values, sizeof values, ", min %g, mean %g, max %g", r.min, r.mean, r.max);
    }
    tool_line(stdout, "  %s: %s %s%s", name, clv_dtype_name(tensor->dtype),
              clv_shape_format(shape, sizeof shape, &tensor->shape), values);
}

static clv_status print_boxes(const runner *r, const char *input, uint64_t us, clv_error *err)
{
    const clv_image *image = &r->session.image;
    uint32_t n = detector_boxes(r->detector)->count;

    tool_line(stdout, "%s (%.2f ms), %u x %u: %u box%s", input, (double)us / 1000.0, image->width,
              image->height, n, n == 1 ? "" : "es");
    clv_status status = boxes_print(stdout, r->detector);
    return status == CLV_OK ? CLV_OK : clv_fail(err, status, NULL, "out of memory");
}

static void print_text(const runner *r, const char *input, uint64_t us)
{
    uint32_t n;
    const clv_tensor *outputs = session_outputs(&r->session, &n);

    tool_line(stdout, "%s (%.2f ms)", input ? input : r->session.model.path, (double)us / 1000.0);
    for (uint32_t i = 0; i < n; i++) {
        if (clv_topk_applies(&outputs[i]))
            print_top(r, &outputs[i]);
        else
            print_tensor(session_output_name(&r->session, i), &outputs[i]);
    }
}

/* --- what is saved -------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Before anything is run: what is written for an image has its name, so no two may share it. */
static clv_status check_names(const runner *r, const char *flag, clv_error *err)
{
    const clv_string_list *images = &r->s->inputs;

    for (size_t i = 0; i < images->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(base_name(images->items[i]), base_name(images->items[j])) == 0)
                return clv_fail(err, CLV_EINVAL, flag,
                                "the outputs of %s and %s would be in the same place",
                                images->items[j], images->items[i]);
        }
    }
    return CLV_OK;
}

static clv_status check_save(const runner *r, clv_error *err)
{
    uint32_t n;

    if (r->s->save == NULL)
        return CLV_OK;
    (void)session_outputs(&r->session, &n);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            const char *a = session_output_name(&r->session, i);
            const char *b = session_output_name(&r->session, j);
            if (tensor_file_same_name(a, b))
                return clv_fail(err, CLV_EINVAL, "--save",
                                "the outputs '%s' and '%s' would be the same file", b, a);
        }
    }
    return check_names(r, "--save", err);
}

/* "FOLDER", or "FOLDER/IMAGE<suffix>" where there are several images. */
static clv_status path_for(char *dst, size_t cap, const runner *r, const char *folder,
                           const char *input, const char *suffix, clv_error *err)
{
    bool own = input != NULL && r->s->inputs.count > 1;
    int length = snprintf(dst, cap, "%s%s%s%s", folder, own ? "/" : "", own ? base_name(input) : "",
                          own ? suffix : "");

    return length >= 0 && (size_t)length < cap
               ? CLV_OK
               : clv_fail(err, CLV_ELIMIT, folder, "the path is too long");
}

static clv_status save_outputs(const runner *r, const char *input, clv_error *err)
{
    char dir[MAX_PATH_BYTES];
    uint32_t n;
    const clv_tensor *outputs = session_outputs(&r->session, &n);

    if (r->s->save == NULL)
        return CLV_OK;
    CLV_TRY(path_for(dir, sizeof dir, r, r->s->save, input, "", err));
    for (uint32_t i = 0; i < n; i++)
        CLV_TRY(tensor_file_save(dir, session_output_name(&r->session, i), &outputs[i], err));
    return CLV_OK;
}

/* --- what is drawn -------------------------------------------------------------------------- */

static clv_status check_draw(const runner *r, clv_error *err)
{
    const clv_string_list *images = &r->s->inputs;
    char path[MAX_PATH_BYTES];

    if (r->s->draw == NULL)
        return CLV_OK;
    for (size_t i = 0; i < images->count; i++) {
        CLV_TRY(path_for(path, sizeof path, r, r->s->draw, images->items[i], ".png", err));
        CLV_TRY(tool_check_output("--draw", path, images->items, images->count, err));
        CLV_TRY(tool_check_output("--draw", path, &r->session.model.path, 1, err));
    }
    return check_names(r, "--draw", err);
}

static clv_status draw(runner *r, const char *input, clv_error *err)
{
    char path[MAX_PATH_BYTES];

    if (r->s->draw == NULL)
        return CLV_OK;
    CLV_TRY(path_for(path, sizeof path, r, r->s->draw, input, ".png", err));
    if (r->s->inputs.count > 1)
        CLV_TRY(tool_make_folders(r->s->draw, err));
    boxes_draw(&r->session.image, r->detector);
    return clv_image_write_png(&r->session.image, path, err);
}

/* --- what is run ---------------------------------------------------------------------------- */

/* @param input  The image, or NULL for tensors. */
static clv_status run_once(runner *r, const char *input, clv_error *err)
{
    uint64_t us;

    CLV_TRY(tool_go_on(err));
    CLV_TRY(session_go(&r->session, &us, NULL, err));
    if (r->detector != NULL)
        CLV_TRY(detector_go(r->detector, err));
    if (r->runs != NULL)
        add_json(r, input, us);
    else if (r->detector != NULL)
        CLV_TRY(print_boxes(r, input, us, err));
    else
        print_text(r, input, us);
    CLV_TRY(draw(r, input, err));
    return save_outputs(r, input, err);
}

static clv_status run_images(runner *r, clv_error *err)
{
    CLV_TRY(session_needs_image(&r->session, err));
    if (r->s->decode.decoder != NULL)
        CLV_TRY(detector_create(&r->detector, &r->session, &r->s->decode, err));
    tool_model_note(&r->session.model, &r->s->model, set.program);
    for (size_t i = 0; i < r->s->inputs.count; i++) {
        CLV_TRY(session_read_image(&r->session, r->s->inputs.items[i], err));
        CLV_TRY(run_once(r, r->s->inputs.items[i], err));
    }
    return CLV_OK;
}

static clv_status run_tensors(runner *r, clv_error *err)
{
    uint32_t n;
    clv_tensor *inputs = split_run_inputs(r->session.run, &n);

    CLV_TRY(tensor_file_read_inputs(inputs, r->session.model.model.graph, &r->s->tensors, err));
    return run_once(r, NULL, err);
}

static clv_status run_all(runner *r, const char *path, clv_error *err)
{
    CLV_TRY(session_open(&r->session, path, &r->s->model, SPLIT_RUN_WHOLE, CLV_CODEC_FLOAT, err));
    CLV_TRY(check_save(r, err));
    CLV_TRY(check_draw(r, err));
    tool_hold_signals();
    CLV_TRY(r->s->tensors.count > 0 ? run_tensors(r, err) : run_images(r, err));
    if (r->runs == NULL)
        return CLV_OK;
    return tool_json_print(json_pack("{s:o, s:O}", "model", tool_json_text(path), "runs", r->runs),
                           err);
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    runner r = {.s = s};

    if ((s->inputs.count > 0) == (s->tensors.count > 0))
        return tool_usage(set.program, "give either --input or --tensor");
    if (s->draw != NULL && s->decode.decoder == NULL)
        return tool_usage(set.program, "--draw needs --decode: how outputs become boxes");
    if (s->decode.decoder != NULL && s->inputs.count == 0)
        return tool_usage(set.program, "--decode needs --input: boxes are places on a picture");
    r.runs = s->json ? json_array() : NULL;
    clv_status status = run_all(&r, path, &err);
    json_decref(r.runs);
    detector_free(r.detector);
    session_done(&r.session);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

int cmd_run(int argc, char **argv)
{
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT, .top = 5, .decode = DETECTOR_SETTINGS_INIT};
    clv_parsed parsed;
    int code;

    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, parsed.positional.items[0]);
    clv_parsed_done(&parsed);
    return code;
}
