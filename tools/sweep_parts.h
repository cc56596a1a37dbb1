/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SWEEP_PARTS_H
#define CLV_SWEEP_PARTS_H

/** @file sweep_parts.h: a codec sweep at work: codec_sweep.c sets it up and sums it up,
 *  sweep_pictures.c runs the pictures. */

#include "runtime/tensor_set.h"
#include "tools/box_files.h"
#include "tools/model_facts.h"
#include "tools/sweep_lane.h"

/* A cut that is measured. */
typedef struct sweep_station {
    uint32_t cut;
    clv_frontier values;
    clv_tensor_set frontier; /* what crossed it, of the picture at hand */
    clv_codec_tables tables; /* of its ladder; n_points 0: none */
    sweep_lane *lanes;       /* among the sweep's */
    size_t n_lanes;
} sweep_station;

typedef struct codec_sweep_state {
    const codec_sweep_job *job;
    session session; /* of the form in front of the cut; reads pictures */
    const clv_program *device, *server, *reference;
    clv_program *compiled; /* the reference, where it is neither of the others */
    clv_exec *device_exec, *server_exec, *reference_exec;
    detector *detector; /* NULL: a classifier */
    model_facts facts;
    sweep_station *stations;
    size_t n_stations;
    sweep_lane *lanes;
    size_t n_lanes;
    /* of the picture at hand */
    clv_tensor_set decoded, outputs, inputs;
    clv_image picture, fitted;
    clv_buffer jpeg;
    uint8_t *payload;
    size_t payload_room;
    sweep_answer expected, exact, now;
    bool exact_is_known; /* what comes of the lossless frontier, at the station at hand */
    size_t image;
    sweep_truth truth;
    box_files pictures;
    clv_arena memory;
} codec_sweep_state;

static inline const clv_graph *sweep_graph(const codec_sweep_state *s)
{
    return s->session.model.form;
}

/** The precision behind the cut. */
clv_precision sweep_suffix(const codec_sweep_state *s);

/** Run every picture through every lane. */
CLV_NODISCARD clv_status sweep_pictures(codec_sweep_state *s, clv_error *err);

#endif
