/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DETECTOR_H
#define CLV_DETECTOR_H

/** @file detector.h: a session's outputs as boxes on the picture that it read: what `--decode` of
 *  `cleave run` and `cleave eval` share. One thread. */

#include "base/options.h"
#include "decode/decode.h"
#include "tools/session.h"

typedef struct detector_settings {
    const char *decoder; /* "yolo", "ssd:yxyx,pixels"; NULL: not wanted */
    double score, iou;
    uint64_t most;
} detector_settings;

/* Rows of a command's option table; `type` has a member `decode` of type detector_settings. */
/* clang-format off */
#define DETECTOR_OPTION_(type, flag, kind, member, low, high, word, text)                          \
    {flag, NULL, kind, offsetof(type, decode.member), low, high, word, text}

#define DETECTOR_OPTIONS(type, score_help)                                                         \
    DETECTOR_OPTION_(type, "decode", CLV_OPTION_STRING, decoder, 0, 0, "NAME",                     \
                     "the model is a detector; how its outputs become boxes: yolo, ssd, "          \
                     "ultraface, nanodet or fastestdet, with words as in ssd:pixels,yxyx where "   \
                     "shapes don't tell the form (docs/detection.md)"),                            \
    DETECTOR_OPTION_(type, "score", CLV_OPTION_DOUBLE, score, 0, 0, "S", score_help),              \
    DETECTOR_OPTION_(type, "iou", CLV_OPTION_DOUBLE, iou, 0, 0, "I",                               \
                     "of two boxes of a class that overlap by more, only the better one is kept "  \
                     "(default: 0.5)"),                                                            \
    DETECTOR_OPTION_(type, "max-boxes", CLV_OPTION_UINT, most, 1, CLV_MAX_BOXES, "N",              \
                     "the best of a picture (default: 100)")
/* clang-format on */

#define DETECTOR_SETTINGS_INIT                                                                     \
    {                                                                                              \
        NULL, 0.4, 0.5, 100                                                                        \
    }

typedef struct detector detector;

/** What the flags say, but for the input's size. @return CLV_OK; CLV_EINVAL with @p err naming the
 *  flag, @p out undefined. */
CLV_NODISCARD clv_status detector_read_settings(clv_decode_options *out,
                                                const detector_settings *settings, clv_error *err);

/** @param s  Outlives the detector; session_needs_image() has said yes.
 *  @return CLV_OK; CLV_EINVAL with @p err naming the flag; CLV_ENOMEM. */
CLV_NODISCARD clv_status detector_create(detector **out, const session *s,
                                         const detector_settings *settings, clv_error *err);
void detector_free(detector *d); /* NULL is a no-op */

/** Decode the outputs of the session's last run.
 *  @return CLV_OK; CLV_ESHAPE with @p err when they don't fit the decoder. */
CLV_NODISCARD clv_status detector_go(detector *d, clv_error *err);

/** Decode outputs of another run of the model on the picture that the session has read. */
CLV_NODISCARD clv_status detector_go_with(detector *d, const clv_tensor *outputs, uint32_t n,
                                          clv_error *err);

/** The boxes of the last detector_go(), in pixels of the picture, best first. */
const clv_boxes *detector_boxes(const detector *d);

/** The name of a class, or NULL. */
const char *detector_label(const detector *d, uint32_t class_index);

#endif
