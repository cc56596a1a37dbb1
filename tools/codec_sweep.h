/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CODEC_SWEEP_H
#define CLV_CODEC_SWEEP_H

/** @file codec_sweep.h: rate and fidelity: what each codec makes of what crosses each candidate
 *  cut, in bytes a frame, and how often the answer stays the float network's; and JPEG of the
 *  picture as what cut 0 costs.
 *
 *  Bytes are those of a request's whole message (docs/wire-protocol.md): prologue, header, payload.
 *  TLS adds 21 to 29 bytes for each 16 KiB on the wire; it is not counted.
 *  Ways to send, by the names of their rows: float, uint8, zstd, lz4, rans (point: the rung of the
 *  bundle's ladder, 0 is the finest); at cut 0 also
 *    camera    the file as it is
 *    jpeg      the picture in its own size, encoded again (point: quality)
 *    jpeg-fit  the picture brought to the network's size first (point: quality) */

#include "base/buffer.h"
#include "codec/activation.h"
#include "tools/detector.h"
#include "tools/sweep_images.h"

typedef struct codec_sweep_row {
    uint32_t cut;
    double macs_fraction;         /**< of the network, in front of the cut */
    const char *codec;            /**< static */
    double point;                 /**< NAN: the codec has none */
    double bits_per_element;      /**< of the message, by the elements that cross uncoded */
    double bytes_mean, bytes_p95; /**< of a message */
    /** Classifiers: part of images with the float network's best class. Detectors: of the boxes of
     *  0.4 and more, the float network's and this one's, the part that the other has too (same
     *  class, IoU 0.5, a score of 0.2 and more); 1 where there are none. */
    double agreement;
    double top1; /**< part of the labelled images; NAN: there are none, or it is a detector */
    /** Detectors only. Errors are those of the float network's boxes of 0.4 and more that are
     * there, in pixels of the picture; NAN where none is. */
    double ap50, box_error, score_error;
} codec_sweep_row;

/** Another way to send what crosses @c cut, for benchmarks. */
typedef struct codec_sweep_extra {
    uint32_t cut;
    const char *codec;
    double point;
    /** Replace the tensors by what would come out behind it.
     *  @param[out] payload_bytes  What it would take. */
    clv_status (*through)(void *context, clv_tensor *tensors, uint32_t n, double *payload_bytes);
    void *context;
} codec_sweep_extra;

typedef struct codec_sweep_job {
    const char *path;
    const tool_model_settings *model;
    const sweep_images *images;
    int64_t label_offset;
    const char *boxes; /**< a detector's folder (box_files.h), or NULL: no AP50 */
    detector_settings decode;
    uint32_t only_cut;             /**< SPLIT_RUN_WHOLE: all candidates. Cut 0 is always there */
    const clv_cut_ladder *ladders; /**< instead of the bundle's, with n_ladders; or NULL */
    uint32_t n_ladders;
    const codec_sweep_extra *extras;
    size_t n_extras;
} codec_sweep_job;

typedef struct codec_sweep_result {
    codec_sweep_row *rows; /**< by cut, then codec, then point */
    size_t n_rows;
    size_t images, labelled;
    bool detector;
    clv_precision prefix, suffix;
} codec_sweep_result; /* all zero is empty */

/** Run it, with progress on stderr, until a signal that tool_hold_signals() holds. Candidates are
 * the cuts with fewer bytes than any before, and those with a ladder or an extra; but not behind
 * the last node.
 *  @param command  The program's name, for notes on stderr.
 *  @return CLV_OK, or what failed with @p err. @p out is left untouched on failure. */
CLV_NODISCARD clv_status codec_sweep(codec_sweep_result *out, const codec_sweep_job *job,
                                     const char *command, clv_error *err);
void codec_sweep_done(codec_sweep_result *result); /* idempotent */

/** A table on stdout. @return CLV_OK, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status codec_sweep_print(const codec_sweep_result *result, const char *path,
                                           clv_error *err);

/** Print the rows as JSON: a list of objects with the members cut .. top1 of a row; a detector's
 *  also have ap50, box_error and score_error. What is NAN is null. */
CLV_NODISCARD clv_status codec_sweep_print_json(const codec_sweep_result *result, clv_error *err);

/** The same list, owned by the caller; NULL: out of memory. */
struct json_t *codec_sweep_json(const codec_sweep_result *result);

/** Draw bytes against agreement: append an SVG, headed by @p title, to @p out.
 *  @return CLV_OK; CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status codec_sweep_plot(clv_buffer *out, const codec_sweep_result *result,
                                          const char *title);

#endif
