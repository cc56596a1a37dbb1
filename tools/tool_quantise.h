/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOOL_QUANTISE_H
#define CLV_TOOL_QUANTISE_H

/** @file tool_quantise.h: --calibrate and the flags around it. */

#include <jansson.h>

#include "compress/calibration_images.h"
#include "compress/post_training.h"
#include "tools/tool_model.h"

typedef struct tool_quantise_settings {
    const char *calibrate;   /* a folder of images; NULL: no quantisation, no points */
    const char *calibration; /* how ranges are estimated */
    const char *precision;
    uint64_t images, weight_bits;
    double max_drop;
    const char *codec_points; /* cuts, or "auto"; NULL: none */
    const char *report;
} tool_quantise_settings;

#define TOOL_QUANTISE_SETTINGS_INIT                                                                \
    {                                                                                              \
        .calibration = "auto", .images = 256, .weight_bits = 8, .max_drop = 0.0025                 \
    }

/* Rows of a command's option table; `type` has a member `quantise` of the type above. */
/* clang-format off */
#define TOOL_QUANTISE_OPTION_(type, flag, kind, member, low, high, word, text)                     \
    {flag, NULL, kind, offsetof(type, quantise.member), low, high, word, text}

#define TOOL_QUANTISE_OPTIONS(type)                                                                \
    TOOL_QUANTISE_OPTION_(type, "calibrate", CLV_OPTION_STRING, calibrate, 0, 0, "DIR",            \
        "quantise to int8, with the images of this folder"),                                       \
    TOOL_QUANTISE_OPTION_(type, "codec-points", CLV_OPTION_STRING, codec_points, 0, 0, "CUTS",     \
        "design the activation codec's points for these cuts (`3,17`; `auto`: the good ones) with "  \
        "the images of --calibrate"),                                       \
    TOOL_QUANTISE_OPTION_(type, "precision", CLV_OPTION_STRING, precision, 0, 0, "NAME",           \
        "float, int8, or both (default: int8 with --calibrate, else float)"),                             \
    TOOL_QUANTISE_OPTION_(type, "calibration", CLV_OPTION_STRING, calibration, 0, 0, "METHOD",     \
        "auto (the best of them), minmax, percentile, entropy or mse (default: auto)"),            \
    TOOL_QUANTISE_OPTION_(type, "calibration-images", CLV_OPTION_UINT, images, 1, 65536, "N",      \
        "at most so many of the folder's images, by name (default: 256)"),                         \
    TOOL_QUANTISE_OPTION_(type, "weight-bits", CLV_OPTION_UINT, weight_bits, 7, 8, "N",            \
        "8, or 7 for processors without VNNI (default: 8)"),                                       \
    TOOL_QUANTISE_OPTION_(type, "max-drop", CLV_OPTION_DOUBLE, max_drop, 0, 0, "PART",             \
        "how far answers may differ from float; nodes stay float for it "                            \
        "(default: 0.0025)"),                                                                      \
    TOOL_QUANTISE_OPTION_(type, "report", CLV_OPTION_STRING, report, 0, 0, "FILE.json",            \
        "write what was chosen for each node, and why, and what the codec's points cost and spare")
/* clang-format on */

/** Whether int8 is wanted. @return CLV_OK; CLV_EINVAL with @p err for flags that don't fit. */
CLV_NODISCARD clv_status tool_quantise_wanted(bool *out, const tool_quantise_settings *settings,
                                              clv_error *err);

/** Whether the float form is to be kept beside the quantised one. */
bool tool_quantise_keeps_float(const tool_quantise_settings *settings);

/** For long work: progress on stderr, until a signal. */
clv_watcher tool_watcher(void);

/** Read the folder of --calibrate for @p model, and say on stderr what was left out.
 *  @return CLV_OK; errors of clv_calibration_images_open(). */
CLV_NODISCARD clv_status tool_calibration_open(clv_calibration_images **out,
                                               const tool_model *model,
                                               const tool_quantise_settings *settings,
                                               const char *command, clv_error *err);

/** Quantise @p model with the images, and print what was chosen to stdout.
 *  @param out     For clv_quantised_done(); it borrows from @p model.
 *  @param report  The report is added to this object; NULL: none is wanted. */
CLV_NODISCARD clv_status tool_quantise(clv_quantised *out, json_t *report, const tool_model *model,
                                       clv_calibration_images *images,
                                       const tool_quantise_settings *settings, clv_error *err);

#endif
