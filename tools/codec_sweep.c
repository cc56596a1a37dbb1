/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/codec_sweep.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "runtime/topk.h"
#include "tools/sweep_parts.h"
#include "tools/tool.h"

static const unsigned qualities[] = {98, 95, 90, 85, 75, 60, 40, 25, 10};

#define N_QUALITIES (sizeof qualities / sizeof qualities[0])

static clv_status no_memory(clv_error *err)
{
    return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
}

/* --- what is measured ----------------------------------------------------------------------- */

static const clv_cut_ladder *ladder_at(const codec_sweep_state *s, uint32_t cut)
{
    const clv_model *model = &s->session.model.model;
    bool own = s->job->ladders != NULL;

    return clv_cut_ladder_find(own ? s->job->ladders : model->ladders,
                               own ? s->job->n_ladders : model->n_ladders, cut,
                               s->session.model.precision);
}

static bool has_extra(const codec_sweep_state *s, uint32_t cut)
{
    bool has = false;
    for (size_t i = 0; i < s->job->n_extras; i++)
        has |= s->job->extras[i].cut == cut;
    return has;
}

static bool is_candidate(const codec_sweep_state *s, uint32_t cut)
{
    if (s->job->only_cut != SPLIT_RUN_WHOLE)
        return cut == 0 || cut == s->job->only_cut;
    return s->facts.cuts[cut].candidate || ladder_at(s, cut) != NULL || has_extra(s, cut);
}

/* The ladder's points as the codec takes them. */
static clv_status fit_tables(codec_sweep_state *s, sweep_station *at)
{
    const clv_cut_ladder *ladder = ladder_at(s, at->cut);

    if (ladder == NULL)
        return CLV_OK;
    void *scratch = clv_arena_alloc(&s->memory, ladder->scratch_bytes + 1, 1);
    if (scratch == NULL)
        return CLV_ENOMEM;
    at->tables = clv_cut_ladder_tables(ladder, 0, scratch);
    return CLV_OK;
}

static clv_status find_stations(codec_sweep_state *s)
{
    const clv_graph *graph = sweep_graph(s);

    CLV_TRY(model_facts_init(&s->facts, graph));
    s->stations = clv_calloc(graph->n_nodes, sizeof *s->stations);
    if (s->stations == NULL)
        return CLV_ENOMEM;
    for (uint32_t cut = 0; cut < graph->n_nodes; cut++) {
        if (!is_candidate(s, cut))
            continue;
        sweep_station *at = &s->stations[s->n_stations++];
        at->cut = cut;
        at->values = clv_frontiers_at(clv_program_frontiers(s->device), cut);
        CLV_TRY(clv_tensor_set_fit(&at->frontier, graph, at->values.values, at->values.count));
        CLV_TRY(fit_tables(s, at));
    }
    return CLV_OK;
}

/* --- the lanes ------------------------------------------------------------------------------ */

static size_t lanes_at_most(const codec_sweep_state *s)
{
    return s->n_stations * (CLV_CODEC_COUNT + CLV_LADDER_MAX_RUNGS) + s->job->n_extras + 1 +
           2 * N_QUALITIES;
}

static clv_status add_lane(codec_sweep_state *s, sweep_station *at, const sweep_lane *lane)
{
    uint64_t before = 0;
    sweep_lane *made = &s->lanes[s->n_lanes++];

    *made = *lane;
    made->row.cut = at->cut;
    for (uint32_t k = 0; k < at->cut; k++)
        before += s->facts.nodes[k].macs;
    if (s->facts.total.macs > 0)
        made->row.macs_fraction = (double)before / (double)s->facts.total.macs;
    for (uint32_t i = 0; i < at->frontier.count; i++) {
        size_t elems = 0;
        CLV_TRY(clv_shape_elems(&elems, &at->frontier.planned[i].shape));
        made->elems += (double)elems;
    }
    at->n_lanes++;
    return sweep_lane_init(made, s->job->images->count);
}

static clv_status add_jpegs(codec_sweep_state *s, sweep_station *at)
{
    static const struct {
        sweep_way way;
        const char *name;
    } ways[] = {{SWEEP_JPEG, "jpeg"}, {SWEEP_JPEG_FIT, "jpeg-fit"}};
    const sweep_lane file = {.row = {.codec = "camera", .point = NAN}, .way = SWEEP_CAMERA};

    CLV_TRY(add_lane(s, at, &file));
    for (size_t w = 0; w < 2; w++) {
        for (size_t q = 0; q < N_QUALITIES; q++) {
            const sweep_lane lane = {.row = {.codec = ways[w].name, .point = (double)qualities[q]},
                                     .way = ways[w].way};
            CLV_TRY(add_lane(s, at, &lane));
        }
    }
    return CLV_OK;
}

static clv_status add_codecs(codec_sweep_state *s, sweep_station *at)
{
    for (clv_codec codec = 0; codec < CLV_CODEC_COUNT; codec++) {
        bool points = codec == CLV_CODEC_RANS;
        for (uint32_t r = 0; r < (points ? at->tables.n_points : 1); r++) {
            const sweep_lane lane = {
                .row = {.codec = clv_codec_name(codec), .point = points ? (double)r : NAN},
                .codec = codec,
                .tables = points ? &at->tables : NULL};
            CLV_TRY(add_lane(s, at, &lane));
        }
    }
    return CLV_OK;
}

static clv_status make_lanes(codec_sweep_state *s)
{
    s->lanes = clv_calloc(lanes_at_most(s), sizeof *s->lanes);
    if (s->lanes == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < s->n_stations; i++) {
        sweep_station *at = &s->stations[i];
        at->lanes = &s->lanes[s->n_lanes];
        if (at->cut == 0)
            CLV_TRY(add_jpegs(s, at));
        CLV_TRY(add_codecs(s, at));
        for (size_t k = 0; k < s->job->n_extras; k++) {
            const codec_sweep_extra *extra = &s->job->extras[k];
            const sweep_lane lane = {.row = {.codec = extra->codec, .point = extra->point},
                                     .way = SWEEP_EXTRA,
                                     .extra = extra};
            if (extra->cut == at->cut)
                CLV_TRY(add_lane(s, at, &lane));
        }
    }
    return CLV_OK;
}

/* Memory for what any station's codecs write. */
static clv_status make_payload(codec_sweep_state *s)
{
    for (size_t i = 0; i < s->n_stations; i++) {
        const clv_tensor_set *f = &s->stations[i].frontier;
        size_t bound;
        CLV_TRY(clv_activation_bound(&bound, f->tensors, f->planned, f->count));
        s->payload_room = bound > s->payload_room ? bound : s->payload_room;
    }
    s->payload = clv_calloc(s->payload_room, 1);
    return s->payload != NULL ? CLV_OK : CLV_ENOMEM;
}

/* --- all of it ------------------------------------------------------------------------------ */

static clv_status make_programs(codec_sweep_state *s, clv_error *err)
{
    const tool_model *m = &s->session.model;
    const clv_graph *graph = clv_model_graph(&m->model, CLV_PRECISION_FLOAT);

    s->device = s->session.program;
    s->server = s->session.suffix != NULL ? s->session.suffix : s->device;
    if (graph == NULL || graph == clv_program_graph(s->device))
        s->reference = s->device;
    else if (graph == clv_program_graph(s->server))
        s->reference = s->server;
    else
        CLV_TRY(tool_model_compile(&s->compiled, m, graph, s->job->model, err));
    if (s->reference == NULL)
        s->reference = s->compiled;
    CLV_TRY(clv_exec_create(&s->device_exec, s->device, err));
    CLV_TRY(clv_exec_create(&s->server_exec, s->server, err));
    return clv_exec_create(&s->reference_exec, s->reference, err);
}

static clv_status check_outputs(codec_sweep_state *s, clv_error *err)
{
    const clv_graph *graph = s->session.model.model.graph;

    if (s->job->decode.decoder != NULL)
        return detector_create(&s->detector, &s->session, &s->job->decode, err);
    if (graph->n_outputs == 0 || !clv_topk_applies(&graph->values[graph->outputs[0]].tensor))
        return clv_fail(err, CLV_EINVAL, s->job->path,
                        "its first output is no list of class scores: --decode says how a "
                        "detector's outputs become boxes");
    return CLV_OK;
}

static clv_status make_answers(codec_sweep_state *s)
{
    sweep_answer *const answers[] = {&s->expected, &s->exact, &s->now};

    s->truth.images = s->job->images->count;
    s->truth.labelled = s->job->images->labelled;
    s->truth.detector = s->detector != NULL;
    s->truth.expected = &s->expected;
    for (size_t i = 0; i < 3 && s->detector != NULL; i++) {
        answers[i]->boxes = clv_arena_alloc(&s->memory, 1, sizeof *answers[i]->boxes);
        if (answers[i]->boxes == NULL)
            return CLV_ENOMEM;
    }
    s->pictures.images = clv_calloc(s->truth.images, sizeof *s->pictures.images);
    if (s->pictures.images == NULL)
        return CLV_ENOMEM;
    s->pictures.count = s->truth.images;
    for (size_t i = 0; i < s->truth.images; i++)
        s->pictures.images[i] = sweep_file_name(s->job->images->items[i].path);
    return CLV_OK;
}

static clv_status make_room(codec_sweep_state *s)
{
    const clv_graph *graph = s->session.model.model.graph;

    CLV_TRY(find_stations(s));
    CLV_TRY(make_lanes(s));
    CLV_TRY(make_payload(s));
    CLV_TRY(make_answers(s));
    CLV_TRY(clv_tensor_set_fit(&s->inputs, graph, graph->inputs, graph->n_inputs));
    return clv_tensor_set_fit(&s->outputs, graph, graph->outputs, graph->n_outputs);
}

static clv_status prepare(codec_sweep_state *s, const char *command, clv_error *err)
{
    const codec_sweep_job *job = s->job;
    uint32_t cut = job->only_cut != SPLIT_RUN_WHOLE ? job->only_cut : 0;

    CLV_TRY(session_open(&s->session, job->path, job->model, cut, CLV_CODEC_FLOAT, err));
    CLV_TRY(session_needs_image(&s->session, err));
    CLV_TRY(make_programs(s, err));
    CLV_TRY(check_outputs(s, err));
    clv_status status = make_room(s);
    if (status != CLV_OK)
        return clv_fail(err, status, job->path, "no room for what crosses its cuts: %s",
                        clv_status_text(status));
    tool_model_note(&s->session.model, job->model, command);
    return CLV_OK;
}

static clv_status sum_up(codec_sweep_result *out, codec_sweep_state *s, clv_error *err)
{
    codec_sweep_row *rows = clv_calloc(s->n_lanes, sizeof *rows);
    clv_status status = rows != NULL ? CLV_OK : CLV_ENOMEM;

    for (size_t i = 0; i < s->n_lanes && status == CLV_OK; i++) {
        status = sweep_lane_sum_up(&s->lanes[i], &s->truth);
        rows[i] = s->lanes[i].row;
    }
    if (status != CLV_OK) {
        clv_free(rows);
        return no_memory(err);
    }
    *out = (codec_sweep_result){
        .rows = rows,
        .n_rows = s->n_lanes,
        .images = s->truth.images,
        .labelled = s->truth.labelled,
        .detector = s->truth.detector,
        .prefix = s->session.model.precision,
        .suffix = sweep_suffix(s),
    };
    return CLV_OK;
}

static void free_sweep(codec_sweep_state *s)
{
    for (size_t i = 0; i < s->n_lanes; i++)
        sweep_lane_done(&s->lanes[i]);
    for (size_t i = 0; i < s->n_stations; i++)
        clv_tensor_set_done(&s->stations[i].frontier);
    clv_free(s->lanes);
    clv_free(s->stations);
    clv_free(s->payload);
    box_files_done(&s->pictures);
    detection_set_done(&s->truth.objects);
    sweep_boxes_done(&s->truth.found);
    clv_tensor_set_done(&s->decoded);
    clv_tensor_set_done(&s->outputs);
    clv_tensor_set_done(&s->inputs);
    clv_image_done(&s->picture);
    clv_image_done(&s->fitted);
    clv_buffer_done(&s->jpeg);
    model_facts_done(&s->facts);
    detector_free(s->detector);
    clv_exec_free(s->device_exec);
    clv_exec_free(s->server_exec);
    clv_exec_free(s->reference_exec);
    clv_program_free(s->compiled);
    session_done(&s->session);
    clv_arena_done(&s->memory);
}

clv_status codec_sweep(codec_sweep_result *out, const codec_sweep_job *job, const char *command,
                       clv_error *err)
{
    codec_sweep_state *s = clv_calloc(1, sizeof *s);

    if (s == NULL)
        return no_memory(err);
    s->job = job;
    clv_image_init(&s->picture);
    clv_image_init(&s->fitted);
    clv_buffer_init(&s->jpeg, CLV_IMAGE_MAX_FILE_BYTES);
    clv_status status = prepare(s, command, err);
    if (status == CLV_OK)
        status = sweep_pictures(s, err);
    if (status == CLV_OK)
        status = sum_up(out, s, err);
    free_sweep(s);
    clv_free(s);
    return status;
}

void codec_sweep_done(codec_sweep_result *result)
{
    clv_free(result->rows);
    *result = (codec_sweep_result){0};
}
