/* SPDX-License-Identifier: Apache-2.0 */
#include "support/zoo.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph/prepare.h"
#include "kernel/ref/ref.h"

const zoo_classifier zoo_classifiers[] = {
    {"squeezenet1.1-7", "imagenet", 0},
    {"mobilenetv2-1.0-224", "tf", 1},
    {"mobilenetv1-0.25-128", "tf", 1},
    {"mobilenetv1-0.5-160", "tf", 1},
    {"resnet20-cifar10", NULL, 0},
    {"resnet8-cifar10-mlperftiny", NULL, 0},
    {"mnist-8", NULL, 0},
    {"vww96-mobilenetv1-0.25-mlperftiny", NULL, 0},
    {"kws-dscnn-mlperftiny", NULL, 0},
};
const unsigned zoo_n_classifiers = sizeof zoo_classifiers / sizeof zoo_classifiers[0];

const char *const zoo_others[] = {
    "deeplabv3-mnv2",      "fastestdet-352",      "nanodet-m-320",     "person-reid-retail-0288",
    "silero-vad-16k-op15", "super-resolution-10", "ultraface-rfb-320",
};
const unsigned zoo_n_others = sizeof zoo_others / sizeof zoo_others[0];

const char *const zoo_backends[2] = {"ref", "onednn"};

unsigned zoo_n_backends(void)
{
    return clv_backend_onednn() != NULL ? 2 : 1;
}

const char *zoo_folder(void)
{
    const char *folder = getenv("CLEAVE_ZOO");

    if (folder == NULL)
        folder = CLV_SOURCE_DIR "/../shared/zoo";
    if (access(folder, R_OK) == 0)
        return folder;
    (void)printf("skipped: no models at %s; set CLEAVE_ZOO\n", folder);
    return NULL;
}

const char *zoo_path(const char *fmt, ...)
{
    static char paths[4][2048];
    static unsigned next;
    char what[1024];
    char *path = paths[next++ % 4];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    (void)snprintf(path, sizeof paths[0], "%s/%s", zoo_folder(), what);
    return path;
}

/* Shapes that models leave open: 576 samples of sound and the state of the recurrent layers. */
static const clv_onnx_shape speech_shapes[] = {{"input", {2, {1, 576}}},
                                               {"state", {3, {2, 1, 128}}}};

void zoo_options(clv_onnx_options *out, const char *name)
{
    *out = (clv_onnx_options)CLV_ONNX_OPTIONS_INIT;
    out->evaluate = clv_ref_evaluate;
    if (strstr(name, "silero-vad") != NULL) {
        out->shapes = speech_shapes;
        out->n_shapes = sizeof speech_shapes / sizeof speech_shapes[0];
    }
}

clv_graph *zoo_open(const char *name)
{
    clv_onnx_options options;
    clv_graph *graph = NULL;
    clv_error err = CLV_ERROR_INIT;

    zoo_options(&options, name);
    if (clv_onnx_import(&graph, zoo_path("models/%s.onnx", name), &options, &err) != CLV_OK ||
        clv_graph_prepare(graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate}, NULL, NULL,
                          &err) != CLV_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", name, err.location, err.message);
        abort();
    }
    return graph;
}
