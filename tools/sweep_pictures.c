/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "net/wire_header.h"
#include "runtime/topk.h"
#include "tools/sweep_parts.h"
#include "tools/tool.h"

#define TYPICAL_DEADLINE_US 100000u /* the field's bytes are part of the header */

static clv_status no_memory(clv_error *err)
{
    return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
}

/* --- answers -------------------------------------------------------------------------------- */

static clv_status read_answer(codec_sweep_state *s, sweep_answer *out, clv_error *err)
{
    const clv_tensor_set *outputs = &s->outputs;
    clv_top top = {0};

    if (s->detector != NULL) {
        CLV_TRY(detector_go_with(s->detector, outputs->tensors, outputs->count, err));
        *out->boxes = *detector_boxes(s->detector);
        return CLV_OK;
    }
    (void)clv_topk(&top, 1, &outputs->tensors[0]);
    out->best = (int64_t)top.index;
    return CLV_OK;
}

/* Run from @p cut on, with the frontier in @p tensors. */
static clv_status answer_from(codec_sweep_state *s, clv_exec *exec, uint32_t cut,
                              const uint32_t *values, const clv_tensor_set *tensors,
                              sweep_answer *out, clv_error *err)
{
    const clv_graph *graph = sweep_graph(s);

    for (uint32_t i = 0; i < tensors->count; i++)
        clv_exec_load(exec, values[i], &tensors->tensors[i]);
    clv_status status = clv_exec_run(exec, cut, graph->n_nodes);
    if (status != CLV_OK)
        return clv_fail(err, status, s->job->path, "it can't be run from cut %u on: %s", cut,
                        clv_status_text(status));
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        clv_exec_store(exec, graph->outputs[i], &s->outputs.tensors[i]);
    return read_answer(s, out, err);
}

clv_precision sweep_suffix(const codec_sweep_state *s)
{
    bool bytes = clv_program_graph(s->server) == s->session.model.model.int8;
    return bytes ? CLV_PRECISION_INT8 : CLV_PRECISION_FLOAT;
}

/* Bytes of the whole message around a payload. */
static double message_bytes(const codec_sweep_state *s, uint32_t cut, double payload_bytes)
{
    const clv_wire_header header = {.type = CLV_WIRE_REQUEST,
                                    .request = {.frame = s->image + 1,
                                                .cut = cut,
                                                .deadline_us = TYPICAL_DEADLINE_US,
                                                .prefix = s->session.model.precision,
                                                .suffix = sweep_suffix(s)}};
    return CLV_WIRE_PROLOGUE_BYTES + (double)clv_wire_packed_bytes(&header) + payload_bytes;
}

/* The output that stands for the picture's class; -1: it isn't known. */
static int64_t class_output(const codec_sweep_state *s)
{
    const sweep_image *image = &s->job->images->items[s->image];
    int64_t output = image->class_index + s->job->label_offset;
    return image->labelled && output >= 0 ? output : -1;
}

static clv_status count(codec_sweep_state *s, sweep_lane *lane, const sweep_answer *answer,
                        double payload, clv_error *err)
{
    double bytes = message_bytes(s, lane->row.cut, payload);
    clv_status status = sweep_lane_add(lane, &s->truth, answer, bytes, class_output(s));
    return status == CLV_OK ? CLV_OK : no_memory(err);
}

/* --- pictures ------------------------------------------------------------------------------- */

/* The picture in s->picture, or of the network's size as it is in there, as the input. */
static clv_status answer_picture(codec_sweep_state *s, bool is_fitted, sweep_answer *out,
                                 clv_error *err)
{
    const clv_input_spec *spec = &s->session.model.model.input;
    const clv_graph *graph = sweep_graph(s);
    clv_image *pixels = is_fitted ? &s->picture : &s->fitted;

    clv_status status =
        is_fitted ? CLV_OK : clv_image_fit(pixels, &s->session.scratch, &s->picture, spec);
    if (status != CLV_OK)
        return clv_fail(err, status, s->job->images->items[s->image].path,
                        "it can't be resized: %s", clv_status_text(status));
    clv_image_normalise(s->inputs.tensors[0].data, pixels->rgb.data, spec);
    return answer_from(s, s->server_exec, 0, graph->inputs, &s->inputs, out, err);
}

static clv_status go_jpeg(codec_sweep_state *s, sweep_lane *lane, clv_error *err)
{
    bool is_fitted = lane->way == SWEEP_JPEG_FIT;
    const clv_image *from = is_fitted ? &s->session.fitted : &s->session.image;

    clv_status status = clv_image_encode_jpeg(&s->jpeg, from, (unsigned)lane->row.point);
    if (status != CLV_OK)
        return clv_fail(err, status, s->job->images->items[s->image].path,
                        "it can't be encoded as a JPEG: %s", clv_status_text(status));
    CLV_TRY(clv_image_decode(&s->picture, s->jpeg.data, s->jpeg.size, err));
    CLV_TRY(answer_picture(s, is_fitted, &s->now, err));
    return count(s, lane, &s->now, (double)s->jpeg.size, err);
}

/* The file as it is; the pixels are those that the session has read. */
static clv_status go_camera(codec_sweep_state *s, sweep_lane *lane, clv_error *err)
{
    const char *path = s->job->images->items[s->image].path;
    struct stat facts;

    if (stat(path, &facts) != 0)
        return clv_fail(err, CLV_EIO, path, "it has gone");
    uint32_t n;
    clv_tensor input = split_run_inputs(s->session.run, &n)[0];
    size_t bytes = 0;
    if (clv_tensor_bytes(&bytes, &input) == CLV_OK)
        memcpy(s->inputs.tensors[0].data, input.data, bytes);
    CLV_TRY(answer_from(s, s->server_exec, 0, sweep_graph(s)->inputs, &s->inputs, &s->now, err));
    return count(s, lane, &s->now, (double)facts.st_size, err);
}

/* --- tensors -------------------------------------------------------------------------------- */

static clv_status copy_frontier(clv_tensor_set *out, const clv_tensor_set *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        size_t bytes;
        CLV_TRY(clv_tensor_bytes(&bytes, &from->tensors[i]));
        out->tensors[i].shape = from->tensors[i].shape;
        memcpy(out->tensors[i].data, from->tensors[i].data, bytes);
    }
    return CLV_OK;
}

static bool is_exact(const clv_tensor_set *a, const clv_tensor_set *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        size_t bytes;
        if (clv_tensor_bytes(&bytes, &a->tensors[i]) != CLV_OK ||
            !clv_shape_equal(&a->tensors[i].shape, &b->tensors[i].shape) ||
            memcmp(a->tensors[i].data, b->tensors[i].data, bytes) != 0)
            return false;
    }
    return true;
}

/* What comes out behind a lane's codec: s->decoded. */
static clv_status through(codec_sweep_state *s, const sweep_station *at, const sweep_lane *lane,
                          double *payload, clv_error *err)
{
    const clv_tensor_set *in = &at->frontier;
    clv_tensor_set *out = &s->decoded;
    size_t bytes;

    CLV_TRY(clv_tensor_set_fit(out, sweep_graph(s), at->values.values, at->values.count));
    if (lane->way == SWEEP_EXTRA) {
        CLV_TRY(copy_frontier(out, in));
        return lane->extra->through(lane->extra->context, out->tensors, out->count, payload);
    }
    clv_codec_tables tables = lane->tables != NULL ? *lane->tables : (clv_codec_tables){0};
    const clv_codec_tables *with = lane->tables != NULL ? &tables : NULL;
    tables.use = with != NULL ? (uint32_t)lane->row.point : 0;
    CLV_TRY(clv_activation_encode_by(&bytes, lane->codec, with, in->tensors, in->planned, in->count,
                                     s->payload, s->payload_room));
    *payload = (double)bytes;
    return clv_activation_decode_by(out->tensors, out->planned, out->count, with, s->payload, bytes,
                                    err);
}

static clv_status go_codec(codec_sweep_state *s, const sweep_station *at, sweep_lane *lane,
                           clv_error *err)
{
    double payload = 0;

    clv_status status = through(s, at, lane, &payload, err);
    if (status != CLV_OK)
        return clv_fail(err, status, s->job->path, "cut %u can't go through codec %s: %s", at->cut,
                        lane->row.codec, clv_status_text(status));
    bool exact = is_exact(&s->decoded, &at->frontier);
    sweep_answer *answer = exact ? &s->exact : &s->now;
    if (!exact || !s->exact_is_known)
        CLV_TRY(
            answer_from(s, s->server_exec, at->cut, at->values.values, &s->decoded, answer, err));
    s->exact_is_known |= exact;
    return count(s, lane, answer, payload, err);
}

/* --- one picture ---------------------------------------------------------------------------- */

static clv_status go_lane(codec_sweep_state *s, const sweep_station *at, sweep_lane *lane,
                          clv_error *err)
{
    switch (lane->way) {
    case SWEEP_CAMERA:
        return go_camera(s, lane, err);
    case SWEEP_JPEG:
    case SWEEP_JPEG_FIT:
        return go_jpeg(s, lane, err);
    case SWEEP_CODEC:
    case SWEEP_EXTRA:
        break;
    }
    return go_codec(s, at, lane, err);
}

/* The prefix goes on from one station to the next, so all of it is run once. */
static clv_status go_stations(codec_sweep_state *s, clv_error *err)
{
    const clv_graph *graph = sweep_graph(s);
    uint32_t n, reached = 0;

    clv_exec_load(s->device_exec, graph->inputs[0], &split_run_inputs(s->session.run, &n)[0]);
    for (size_t i = 0; i < s->n_stations; i++) {
        sweep_station *at = &s->stations[i];
        clv_status status = clv_exec_run(s->device_exec, reached, at->cut);
        if (status != CLV_OK)
            return clv_fail(err, status, s->job->path, "it can't be run to cut %u: %s", at->cut,
                            clv_status_text(status));
        reached = at->cut;
        for (uint32_t k = 0; k < at->frontier.count; k++)
            clv_exec_store(s->device_exec, at->values.values[k], &at->frontier.tensors[k]);
        s->exact_is_known = false;
        for (size_t k = 0; k < at->n_lanes; k++) {
            CLV_TRY(tool_go_on(err));
            CLV_TRY(go_lane(s, at, &at->lanes[k], err));
        }
    }
    return CLV_OK;
}

static clv_status expect(codec_sweep_state *s, clv_error *err)
{
    const clv_graph *graph = sweep_graph(s);
    uint32_t n;
    clv_tensor *input = split_run_inputs(s->session.run, &n);
    const clv_tensor_set inputs = {.tensors = input, .count = n};

    CLV_TRY(answer_from(s, s->reference_exec, 0, graph->inputs, &inputs, &s->expected, err));
    if (s->detector == NULL)
        return CLV_OK;
    if (sweep_boxes_add(&s->truth.found, s->image, s->expected.boxes) != CLV_OK)
        return no_memory(err);
    if (s->job->boxes == NULL)
        return CLV_OK;
    const box_picture picture = {(uint32_t)s->image, s->session.width, s->session.height};
    bool there;
    return box_files_read(&s->truth.objects, &there, &s->pictures, &picture, s->job->boxes, err);
}

clv_status sweep_pictures(codec_sweep_state *s, clv_error *err)
{
    size_t total = s->job->images->count;
    clv_status status = CLV_OK;

    for (s->image = 0; s->image < total && status == CLV_OK; s->image++) {
        tool_progress("image", s->image + 1, total);
        status = session_read_image(&s->session, s->job->images->items[s->image].path, err);
        if (status == CLV_OK)
            status = expect(s, err);
        if (status == CLV_OK)
            status = go_stations(s, err);
    }
    tool_progress("", 0, 0);
    return status;
}
