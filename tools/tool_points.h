/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOOL_POINTS_H
#define CLV_TOOL_POINTS_H

/** @file tool_points.h: --codec-points of `cleave build`, and how ladders are shown. */

#include <jansson.h>

#include "compress/codec_ladder.h"
#include "runtime/bundle.h"
#include "tools/detector.h"

typedef struct tool_points_job {
    const char *cuts; /* "auto" or "3,17" */
    const detector_settings *decode;
    const clv_input_spec *input;
    clv_samples samples;
    const clv_graph *plain, *int8; /* int8: NULL: only float */
    bool keeps_float;
} tool_points_job;

/** Whether @p cuts can be what --codec-points takes, for a network of @p n_nodes.
 *  @return CLV_OK; CLV_EINVAL with @p err. */
CLV_NODISCARD clv_status tool_points_check(const char *cuts, uint32_t n_nodes, clv_error *err);

/** Design and measure, with progress on stderr, until a signal.
 *  @param out  For clv_codec_ladders_done() in any case. */
CLV_NODISCARD clv_status tool_points_make(clv_codec_ladders *out, const tool_points_job *job,
                                          clv_error *err);

/** A row for each rung of @p model's ladders on stdout; nothing where it has none. */
CLV_NODISCARD clv_status tool_points_print(const clv_model *model, clv_error *err);

/** A list of ladders. */
json_t *tool_points_json(const clv_model *model);

#endif
