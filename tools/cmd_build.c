/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "tools/detector.h"
#include "tools/tool.h"
#include "tools/tool_model.h"
#include "tools/tool_order.h"
#include "tools/tool_points.h"
#include "tools/tool_quantise.h"

typedef struct settings {
    tool_model_settings model;
    const char *output;
    const char *student;
    tool_quantise_settings quantise;
    detector_settings decode;
    const char *weights;
    bool reorder;
} settings;

static const clv_option options[] = {
    {"output", NULL, CLV_OPTION_STRING, offsetof(settings, output), 0, 0, "FILE",
     "the bundle to write (needed; -o FILE is the same)"},
    {"student", NULL, CLV_OPTION_STRING, offsetof(settings, student), 0, 0, "MODEL",
     "a small ONNX model that answers on the device when no server does"},
    TOOL_QUANTISE_OPTIONS(settings),
    DETECTOR_OPTIONS(settings, "with --codec-points: boxes that count (default: 0.4)"),
    {"weights", NULL, CLV_OPTION_STRING, offsetof(settings, weights), 0, 0, "FORM",
     "how weights are stored: float32, float16, int8 or int4 (default: float32; int8 where "
     "--calibrate leaves a node in float)"},
    {"reorder", NULL, CLV_OPTION_FLAG, offsetof(settings, reorder), 0, 0, NULL,
     "put the nodes of a branchy network in an order in which its best splits are cuts"},
    TOOL_LABELS_OPTION(settings),
    TOOL_IMAGE_OPTIONS(settings),
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave build",
    "MODEL.onnx",
    "Make the file that is deployed to devices and servers.",
    "The input's flags describe the student too, at its own size.\n"
    "Example:\n  cleave build big.onnx --student small.onnx --preset tf -o m.clv\n"
    "  cleave build net.onnx --calibrate photos --preset tf --report chosen.json -o m.clv\n"
    "  cleave build net.onnx --calibrate photos --precision both --codec-points auto -o m.clv",
    options,
    sizeof options / sizeof options[0]};

/* Both models must answer the same question. */
static clv_status check_student(const tool_model *main, const tool_model *student, clv_error *err)
{
    const clv_graph *a = main->model.graph, *b = student->model.graph;

    if (a->n_outputs != b->n_outputs)
        return clv_fail(err, CLV_ESHAPE, student->path, "it has %u outputs, the main model %u",
                        b->n_outputs, a->n_outputs);
    for (uint32_t i = 0; i < a->n_outputs; i++) {
        const clv_tensor *x = &a->values[a->outputs[i]].tensor;
        const clv_tensor *y = &b->values[b->outputs[i]].tensor;
        size_t n = 0, m = 0;
        if (x->dtype != y->dtype || clv_shape_elems(&n, &x->shape) != CLV_OK ||
            clv_shape_elems(&m, &y->shape) != CLV_OK || n != m)
            return clv_fail(err, CLV_ESHAPE, student->path,
                            "its output %u has another type or size than the main model's", i);
    }
    return CLV_OK;
}

static clv_status open_student(tool_model *student, const settings *s, const tool_model *main,
                               clv_error *err)
{
    tool_model_settings own = s->model;

    if (s->student == NULL)
        return CLV_OK;
    own.shapes = (clv_string_list){0}; /* they name inputs of the main model */
    CLV_TRY(tool_model_open(student, s->student, &own, err));
    return check_student(main, student, err);
}

/* What calibration images are for: what is made with them, and the report on it. */
typedef struct calibrated {
    clv_calibration_images *images;
    clv_quantised both;
    clv_codec_ladders ladders;
    json_t *report; /* NULL: none is wanted */
} calibrated;

static void calibrated_done(calibrated *c)
{
    clv_codec_ladders_done(&c->ladders);
    clv_quantised_done(&c->both);
    clv_calibration_images_free(c->images);
    json_decref(c->report);
}

static clv_status quantise(clv_model *model, calibrated *c, const tool_model *main,
                           const settings *s, clv_error *err)
{
    CLV_TRY(tool_quantise(&c->both, c->report, main, c->images, &s->quantise, err));
    model->int8 = c->both.int8;
    model->weights[CLV_PRECISION_INT8] = c->both.stored;
    model->graph = tool_quantise_keeps_float(&s->quantise) ? c->both.plain : c->both.int8;
    model->ladders = NULL; /* a bundle's are for its own form */
    model->n_ladders = 0;
    return CLV_OK;
}

static clv_status make_points(clv_model *model, calibrated *c, const settings *s, clv_error *err)
{
    tool_points_job job = {.cuts = s->quantise.codec_points,
                           .decode = &s->decode,
                           .input = &model->input,
                           .samples = clv_calibration_images_samples(c->images),
                           .plain = model->int8 != NULL ? c->both.plain : model->graph,
                           .int8 = model->int8,
                           .keeps_float = clv_model_graph(model, CLV_PRECISION_FLOAT) != NULL};

    CLV_TRY(tool_points_make(&c->ladders, &job, err));
    model->ladders = c->ladders.items;
    model->n_ladders = c->ladders.count;
    CLV_TRY(tool_points_print(model, err));
    tool_line(stdout, "codec: %u cuts' points, designed on %zu images, measured on %zu",
              model->n_ladders, c->ladders.designed_on, c->ladders.measured_on);
    if (c->report != NULL)
        (void)json_object_set_new(c->report, "ladders", tool_points_json(model));
    return CLV_OK;
}

static clv_status write_report(const calibrated *c, const settings *s, clv_error *err)
{
    if (c->report == NULL)
        return CLV_OK;
    char *text = json_dumps(c->report, JSON_INDENT(2));
    clv_status status = text != NULL
                            ? clv_file_write(s->quantise.report, text, strlen(text), 0644, err)
                            : clv_fail(err, CLV_ENOMEM, s->quantise.report, "out of memory");
    free(text);
    return status;
}

/* The forms and points that are written, in @p model, which borrows from @p c. */
static clv_status calibrate(clv_model *model, calibrated *c, const tool_model *main, bool int8,
                            const settings *s, clv_error *err)
{
    const char *const inputs[] = {main->path, s->student, s->model.input.labels, s->output};

    if (s->quantise.report != NULL) {
        CLV_TRY(tool_check_output("--report", s->quantise.report, inputs, 4, err));
        c->report = json_object();
        if (c->report == NULL)
            return clv_fail(err, CLV_ENOMEM, s->quantise.report, "out of memory");
    }
    if (s->quantise.codec_points != NULL)
        CLV_TRY(tool_points_check(s->quantise.codec_points, main->model.graph->n_nodes, err));
    CLV_TRY(tool_calibration_open(&c->images, main, &s->quantise, set.program, err));
    if (int8)
        CLV_TRY(quantise(model, c, main, s, err));
    if (s->quantise.codec_points != NULL)
        CLV_TRY(make_points(model, c, s, err));
    return write_report(c, s, err);
}

static clv_status write_bundle(const tool_model *main, const tool_model *student, bool int8,
                               const settings *s, clv_digest *digest, clv_error *err)
{
    clv_model model = main->model;
    calibrated made = {0};
    clv_status status = CLV_OK;

    if (s->quantise.calibrate != NULL)
        status = calibrate(&model, &made, main, int8, s, err);
    if (status == CLV_OK)
        status =
            clv_bundle_write(s->output, &model, s->student ? &student->model : NULL, digest, err);
    calibrated_done(&made);
    return status;
}

/* Both models' weights. Computing is in float32 whatever their form. Who wants int8 wants few
 * bytes: what stays float has its weights in bytes, too. */
static clv_status choose_form(tool_model *main, tool_model *student, const settings *s, bool int8,
                              clv_error *err)
{
    clv_weight_form form = CLV_WEIGHT_FLOAT32;

    if (s->weights != NULL && clv_weight_form_find(&form, s->weights) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--weights",
                        "'%s' is none of float32, float16, int8, int4", s->weights);
    for (int p = 0; p < CLV_PRECISION_COUNT; p++)
        main->model.weights[p] = student->model.weights[p] = form;
    if (s->weights == NULL && int8)
        main->model.weights[CLV_PRECISION_INT8] = CLV_WEIGHT_INT8;
    return CLV_OK;
}

/* Before anything counts cuts. */
static clv_status reorder(tool_model *main, clv_error *err)
{
    uint32_t n_moved;

    if (main->graph == NULL)
        return clv_fail(err, CLV_EINVAL, "--reorder", "%s is a bundle: its cuts have their numbers",
                        main->path);
    CLV_TRY(tool_order_nodes(&n_moved, main->graph, err));
    tool_line(stdout, "%u of %u nodes moved", n_moved, main->graph->n_nodes);
    return CLV_OK;
}

static clv_status build(tool_model *main, tool_model *student, const settings *s, const char *path,
                        clv_error *err)
{
    const char *const inputs[] = {path, s->student, s->model.input.labels};
    bool int8;
    char id[CLV_DIGEST_HEX_BYTES];
    clv_digest digest;

    CLV_TRY(tool_check_output("--output", s->output, inputs, 3, err));
    CLV_TRY(tool_quantise_wanted(&int8, &s->quantise, err));
    if (s->decode.decoder != NULL && s->quantise.codec_points == NULL)
        return clv_fail(err, CLV_EINVAL, "--decode", "it is for --codec-points");
    CLV_TRY(tool_model_open(main, path, &s->model, err));
    if (s->reorder)
        CLV_TRY(reorder(main, err));
    CLV_TRY(open_student(student, s, main, err));
    CLV_TRY(choose_form(main, student, s, int8, err));
    tool_model_note(main, &s->model, set.program);
    tool_hold_signals();
    CLV_TRY(write_bundle(main, student, int8, s, &digest, err));
    const char *forms = tool_quantise_keeps_float(&s->quantise) ? ", float and int8" : ", int8";
    tool_line(stdout, "%s: %u nodes%s%s%s, id %s", s->output, main->model.graph->n_nodes,
              s->student ? ", student " : "", s->student ? s->student : "", int8 ? forms : "",
              clv_digest_format(id, &digest));
    return CLV_OK;
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    tool_model main = {0}, student = {0};

    if (s->output == NULL)
        return tool_usage(set.program, "-o FILE is missing");
    clv_status status = build(&main, &student, s, path, &err);
    tool_model_done(&student);
    tool_model_done(&main);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

int cmd_build(int argc, char **argv)
{
    static char long_output[] = "--output";
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT,
                  .quantise = TOOL_QUANTISE_SETTINGS_INIT,
                  .decode = DETECTOR_SETTINGS_INIT};
    clv_parsed parsed;
    int code;

    for (int i = 1; i < argc; i++) { /* the one short flag that everybody types */
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = long_output;
    }
    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, parsed.positional.items[0]);
    clv_parsed_done(&parsed);
    return code;
}
