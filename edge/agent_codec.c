/* SPDX-License-Identifier: Apache-2.0 */
/* Which operating point of the bundle a frame is encoded by. */
#include "edge/agent.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

/* Of one frame's symbols: larger ones are sent alone. */
#define MAX_SEQUENCE_BYTES ((size_t)4 << 20)

#define DEFAULT_AGREEMENT 0.99
#define DEFAULT_SNR_DB 20.0 /* where there is no class to agree on */

static const clv_cut_ladder *find_ladder(const clv_edge *edge, clv_precision prefix, uint32_t cut)
{
    const clv_model *model = clv_bundle_main(edge->bundle);
    return clv_cut_ladder_find(model->ladders, model->n_ladders, cut, prefix);
}

static double min_snr_db(const clv_edge *edge, const clv_cut_ladder *ladder)
{
    if (edge->min_snr_db > 0)
        return edge->min_snr_db;
    return isnan(ladder->rungs[0].agreement) ? DEFAULT_SNR_DB : (double)-INFINITY;
}

static uint32_t pick(const clv_edge *edge, const clv_cut_ladder *ladder)
{
    return clv_cut_ladder_pick(ladder, edge->min_agreement, min_snr_db(edge, ladder));
}

bool clv_agent_may_use_point(const clv_edge *edge, clv_precision prefix, uint32_t cut,
                             uint32_t rung)
{
    const clv_cut_ladder *ladder =
        edge->codec == CLV_CODEC_RANS ? find_ladder(edge, prefix, cut) : NULL;

    if (ladder == NULL || rung >= ladder->n_rungs)
        return false;
    const clv_rung *r = &ladder->rungs[rung];
    return !(r->agreement < edge->min_agreement) && r->snr_db >= min_snr_db(edge, ladder);
}

clv_status clv_agent_check_codec(const clv_edge *edge, uint32_t cut, clv_error *err)
{
    const clv_model *model = clv_bundle_main(edge->bundle);
    double best = 0, best_db = (double)-INFINITY;

    if (edge->codec != CLV_CODEC_RANS || !edge->has_server || cut >= model->graph->n_nodes)
        return CLV_OK;
    const clv_cut_ladder *ladder = find_ladder(edge, edge->prefix, cut);
    if (ladder == NULL)
        return clv_fail(err, CLV_EUNSUPPORTED, model->graph->name,
                        "the bundle has no points of codec rans for cut %u behind its %s form: "
                        "cleave build --codec-points makes them",
                        cut, clv_precision_name(edge->prefix));
    if (pick(edge, ladder) != CLV_NO_RUNG)
        return CLV_OK;
    for (uint32_t r = 0; r < ladder->n_rungs; r++) {
        best = fmax(best, ladder->rungs[r].agreement); /* fmax() passes over a NaN */
        best_db = fmax(best_db, ladder->rungs[r].snr_db);
    }
    return clv_fail(
        err, CLV_EUNSUPPORTED, model->graph->name,
        "no point of codec rans for cut %u is as good as it was asked for (--min-agreement "
        "%g): the best agree on %g of the images, with %.1f dB",
        cut, edge->min_agreement, best, best_db);
}

/* Whether the form in front of the ladder's cut may run here. */
static bool may_run(const clv_edge *edge, const clv_cut_ladder *ladder)
{
    return (edge->prefixes >> ladder->prefix & 1u) != 0;
}

/* Most bytes that the symbols of a frame take, of those that may follow each other. */
static size_t sequence_bytes(const clv_edge *edge, const clv_edge_options *options)
{
    const clv_model *model = clv_bundle_main(edge->bundle);
    size_t most = 0;

    if (edge->codec != CLV_CODEC_RANS || options->key_frames_only || options->server == NULL)
        return 0;
    for (uint32_t i = 0; i < model->n_ladders; i++) {
        clv_codec_tables tables = clv_cut_ladder_tables(&model->ladders[i], 0, NULL);
        for (uint32_t r = 0; may_run(edge, &model->ladders[i]) && r < tables.n_points; r++) {
            size_t bytes = clv_codec_symbol_bytes(&tables, r);
            most = bytes > most && bytes <= MAX_SEQUENCE_BYTES ? bytes : most;
        }
    }
    return most;
}

clv_status clv_agent_init_codec(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    const clv_model *model = clv_bundle_main(edge->bundle);
    size_t scratch_bytes = 0;

    if (!(options->min_agreement >= 0 && options->min_agreement <= 1) ||
        !(options->min_snr_db >= 0 && options->min_snr_db <= 200))
        return clv_fail(err, CLV_EINVAL, NULL,
                        "an agreement is from 0 to 1, a signal-to-noise ratio from 0 to 200 dB");
    edge->has_server = options->server != NULL;
    edge->min_agreement = options->min_agreement > 0 ? options->min_agreement : DEFAULT_AGREEMENT;
    edge->min_snr_db = options->min_snr_db;
    for (uint32_t i = 0; edge->codec == CLV_CODEC_RANS && i < model->n_ladders; i++) {
        const clv_cut_ladder *ladder = &model->ladders[i];
        if (may_run(edge, ladder) && ladder->scratch_bytes > scratch_bytes)
            scratch_bytes = ladder->scratch_bytes;
    }
    edge->codec_scratch = clv_alloc_aligned(scratch_bytes + 1);
    if (edge->codec_scratch == NULL)
        return clv_fail(err, CLV_ENOMEM, options->bundle, "out of memory");
    if (clv_frame_sequence_init(&edge->sequence, sequence_bytes(edge, options)) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, options->bundle, "out of memory");
    return clv_agent_check_codec(edge, options->cut, err);
}

clv_wire_sequence clv_agent_follow(clv_edge *edge, clv_edge_slot *slot,
                                   const clv_agent_action *send, clv_codec_tables *tables)
{
    const clv_sequence_frame *before = NULL;

    if (edge->sequence.cap_bytes == 0 || tables->n_points == 0)
        return (clv_wire_sequence){0};
    clv_agent_lock(edge);
    slot->on_its_way = false;
    if (!send->key)
        before = clv_frame_sequence_take(&edge->sequence, clv_agent_place_of(slot, send->cut),
                                         tables->use);
    slot->was_after = before != NULL;
    slot->way.is_first =
        before == NULL && !send->key && edge->sequence.misses < CLV_FRAME_SEQUENCE_MISSES;
    clv_agent_unlock(edge);
    tables->keep = &slot->symbols;
    if (before == NULL)
        return (clv_wire_sequence){.keep = true};
    tables->reference = &before->symbols;
    return (clv_wire_sequence){true, true, before->frame,
                               clv_symbols_checksum(before->symbols.data, before->symbols.bytes)};
}

clv_codec_tables clv_agent_tables(const clv_edge *edge, const clv_edge_way *way, uint32_t cut)
{
    const clv_cut_ladder *ladder =
        way->codec == CLV_CODEC_RANS ? find_ladder(edge, way->prefix, cut) : NULL;
    uint32_t rung = way->rung;

    if (ladder != NULL && rung == CLV_NO_RUNG)
        rung = pick(edge, ladder);

    return clv_cut_ladder_tables(rung != CLV_NO_RUNG ? ladder : NULL, rung, edge->codec_scratch);
}
