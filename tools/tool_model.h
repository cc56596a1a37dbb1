/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOOL_MODEL_H
#define CLV_TOOL_MODEL_H

/** @file tool_model.h: a model from an .onnx file or a bundle, by the flags that commands share. */

#include <stddef.h>

#include "base/options.h"
#include "graph/prepare.h"
#include "runtime/bundle.h"
#include "runtime/program.h"

/** How pixels become the input (docs/preprocessing.md); NULL: as the bundle or preset says. */
typedef struct tool_input_settings {
    const char *preset;
    clv_input_texts texts;
    const char *labels; /* a file with one class name a line */
} tool_input_settings;

/** What is compiled, and how. */
typedef struct tool_model_settings {
    clv_string_list shapes; /* "input=1,3,224,224" */
    uint64_t batch;
    clv_string_list skip;  /* passes */
    const char *precision; /* of a bundle; NULL: int8 if it has it */
    const char *suffix;    /* the same of what runs behind a cut; NULL: float if it has it */
    const char *backend;
    uint64_t threads;
    tool_input_settings input;
} tool_model_settings;

#define TOOL_MODEL_SETTINGS_INIT                                                                   \
    {                                                                                              \
        .batch = 1, .backend = "auto", .threads = 1                                                \
    }

/* Rows of a command's option table; `type` has a member `model` of type tool_model_settings. */
/* clang-format off */
#define TOOL_OPTION_(type, flag, kind, member, low, high, word, text)                              \
    {flag, NULL, kind, offsetof(type, model.member), low, high, word, text}

#define TOOL_SHAPE_OPTIONS(type)                                                                   \
    TOOL_OPTION_(type, "shape", CLV_OPTION_LIST, shapes, 0, 0, "INPUT=N,C,H,W",                    \
                 "shape of an input whose dimensions the model leaves open"),                      \
    TOOL_OPTION_(type, "batch", CLV_OPTION_UINT, batch, 1, 4096, "N",                              \
                 "an open first dimension (default: 1)"),                                          \
    TOOL_OPTION_(type, "skip-pass", CLV_OPTION_LIST, skip, 0, 0, "NAME",                           \
                 "leave out a pass over an ONNX model (cleave inspect --passes names them)")

#define TOOL_COMPILE_OPTIONS(type)                                                                 \
    TOOL_OPTION_(type, "backend", CLV_OPTION_STRING, backend, 0, 0, "NAME",                        \
                 "auto, onednn or ref (default: auto)"),                                           \
    TOOL_OPTION_(type, "precision", CLV_OPTION_STRING, precision, 0, 0, "NAME",                    \
                 "float or int8: the form of a bundle's network (default: int8 if it is there)"),  \
    TOOL_OPTION_(type, "threads", CLV_OPTION_UINT, threads, 1, 256, "N",                           \
                 "threads of one run (default: 1)")

#define TOOL_SUFFIX_OPTION(type)                                                                   \
    TOOL_OPTION_(type, "suffix", CLV_OPTION_STRING, suffix, 0, 0, "NAME",                          \
                 "float or int8: the form behind the cut (default: float if it is there)")

#define TOOL_IMAGE_OPTIONS(type)                                                                   \
    TOOL_OPTION_(type, "preset", CLV_OPTION_STRING, input.preset, 0, 0, "NAME",                    \
                 "preprocessing: imagenet, tf, caffe or raw (default: the bundle's, or imagenet)"),\
    TOOL_OPTION_(type, "channels", CLV_OPTION_STRING, input.texts.channels, 0, 0, "ORDER",               \
                 "rgb, bgr or gray instead of the preset's"),                                      \
    TOOL_OPTION_(type, "mean", CLV_OPTION_STRING, input.texts.mean, 0, 0, "A,B,C",                       \
                 "subtracted from pixels 0..255, in the order of the channels"),                   \
    TOOL_OPTION_(type, "std", CLV_OPTION_STRING, input.texts.std, 0, 0, "A,B,C",                         \
                 "pixels are divided by it after the mean"),                                       \
    TOOL_OPTION_(type, "fit", CLV_OPTION_STRING, input.texts.fit, 0, 0, "HOW",                           \
                 "crop, stretch or letterbox to the model's size"),                                \
    TOOL_OPTION_(type, "crop-ratio", CLV_OPTION_STRING, input.texts.crop_ratio, 0, 0, "R",               \
                 "crop: the model's size over the scaled short side, in (0, 1]")

#define TOOL_LABELS_OPTION(type)                                                                   \
    TOOL_OPTION_(type, "labels", CLV_OPTION_STRING, input.labels, 0, 0, "FILE",                    \
                 "class names, one a line (default: the bundle's)")
/* clang-format on */

typedef struct tool_model {
    clv_model model;         /* borrows from the bundle, or from below */
    clv_graph *form;         /* of it, that is run */
    clv_precision precision; /* of that form */
    const char *path;
    clv_bundle *bundle; /* NULL for an .onnx file */
    clv_graph *graph;   /* owned for an .onnx file, else NULL */
    clv_arena memory;   /* labels read from a file */
    clv_pass_report passes[CLV_MAX_PASSES];
    uint32_t n_passes;
} tool_model;

/** Open @p path, an .onnx file (imported and prepared) or a bundle (checked and verified), and put
 *  the flags over its input spec.
 *  @return CLV_OK, or what failed with @p err. @p out is good for tool_model_done() in any case. */
CLV_NODISCARD clv_status tool_model_open(tool_model *out, const char *path,
                                         const tool_model_settings *settings, clv_error *err);
void tool_model_done(tool_model *model);

/** Say on stderr what was guessed or looks like a slip: a preset that nobody gave, labels that are
 *  fewer or more than the classes. For commands that take images. */
void tool_model_note(const tool_model *model, const tool_model_settings *settings,
                     const char *command);

/** Compile @p form of @p model for the backend that was asked for. */
CLV_NODISCARD clv_status tool_model_compile(clv_program **out, const tool_model *model,
                                            const clv_graph *form,
                                            const tool_model_settings *settings, clv_error *err);

/** The label of class @p index, or NULL. */
const char *tool_model_label(const tool_model *model, uint32_t index);

#endif
