/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/tool.h"
#include "tools/tool_model.h"

typedef struct settings {
    tool_model_settings model;
    const char *output;
    const char *student;
} settings;

static const clv_option options[] = {
    {"output", NULL, CLV_OPTION_STRING, offsetof(settings, output), 0, 0, "FILE",
     "the bundle to write (needed; -o FILE is the same)"},
    {"student", NULL, CLV_OPTION_STRING, offsetof(settings, student), 0, 0, "MODEL",
     "a small ONNX model that answers on the device when no server does"},
    TOOL_LABELS_OPTION(settings),
    TOOL_IMAGE_OPTIONS(settings),
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave build",
    "MODEL.onnx",
    "Make the file that is deployed to devices and servers.",
    "The input's flags describe the student too, at its own size.\n"
    "Example:\n  cleave build big.onnx --student small.onnx --preset tf -o m.clv",
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

static clv_status build(const settings *s, const tool_model *main, clv_error *err)
{
    char id[CLV_DIGEST_HEX_BYTES];
    tool_model student = {0};
    clv_digest digest;
    clv_status status = CLV_OK;

    if (s->student != NULL) {
        tool_model_settings own = s->model;
        own.shapes = (clv_string_list){0}; /* they name inputs of the main model */
        status = tool_model_open(&student, s->student, &own, err);
        if (status == CLV_OK)
            status = check_student(main, &student, err);
    }
    if (status == CLV_OK)
        status = clv_bundle_write(s->output, &main->model, s->student ? &student.model : NULL,
                                  &digest, err);
    if (status == CLV_OK)
        (void)printf("%s: %u nodes%s%s, id %s\n", s->output, main->model.graph->n_nodes,
                     s->student ? ", student " : "", s->student ? s->student : "",
                     clv_digest_format(id, &digest));
    tool_model_done(&student);
    return status;
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    tool_model main;
    int code = TOOL_OK;

    if (s->output == NULL)
        return tool_usage(set.program, "-o FILE is missing");
    if (tool_model_open(&main, path, &s->model, &err) != CLV_OK || build(s, &main, &err) != CLV_OK)
        code = tool_fail(set.program, &err);
    else if (tool_model_assumed_preset(&main, &s->model))
        (void)fprintf(stderr, "%s: note: no --preset was given; the bundle says imagenet\n",
                      set.program);
    tool_model_done(&main);
    return code;
}

int cmd_build(int argc, char **argv)
{
    static char long_output[] = "--output";
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT};
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
