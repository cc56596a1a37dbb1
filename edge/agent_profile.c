/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/agent.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "profiler/profile_bytes.h"
#include "profiler/profile_cache.h"

/* --- the device's --------------------------------------------------------------------------- */

/* Times of all prefixes, for the pace. */
static clv_status add_up(clv_edge *edge, const clv_profile_run *run)
{
    uint32_t n = edge->profile->n_nodes;

    edge->until_ns = clv_calloc((size_t)n + 1, sizeof *edge->until_ns);
    if (edge->until_ns == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        edge->until_ns[i + 1] = edge->until_ns[i] + run->nodes[i].min_ns;
    clv_pace_init(&edge->pace, edge->until_ns);
    return CLV_OK;
}

/* Points at all cuts of what was measured at some. Takes @p sampled over. */
static clv_status keep(clv_edge *edge, clv_profile *sampled)
{
    clv_status status = clv_profile_fill(&edge->profile, sampled);
    clv_profile_free(sampled);
    CLV_TRY(status);
    const clv_profile_run *run = clv_profile_find_run(edge->profile, edge->prefix, 1);
    return run != NULL ? add_up(edge, run) : CLV_EINTERNAL;
}

/* What runs here. */
static uint32_t find_forms(clv_profiler_form out[CLV_PRECISION_COUNT], const clv_edge *edge)
{
    uint32_t n = 0;

    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
        bool is_main = p == edge->prefix;
        const clv_network *form = is_main ? &edge->networks[CLV_AGENT_MODEL] : &edge->other_form;
        if (is_main || (edge->prefixes >> p & 1u) != 0)
            out[n++] = (clv_profiler_form){(clv_precision)p, form->program, form->exec,
                                           edge->max_cut, NULL};
    }
    return n;
}

clv_status clv_agent_measure(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    const clv_network *network = &edge->networks[CLV_AGENT_MODEL];
    const clv_backend *backend;
    CLV_TRY(clv_backend_find(&backend, options->backend != NULL ? options->backend : "auto"));
    clv_profiler_form forms[CLV_PRECISION_COUNT];
    clv_profile_cache cache = {.folder = options->state,
                               .backend = backend->name,
                               .form_us = (uint64_t)options->profile_ms * 1000};
    clv_profiler_options profiler = {.model = network->model,
                                     .bundle = clv_bundle_id(edge->bundle),
                                     .threads = options->threads > 0 ? options->threads : 1,
                                     .forms = forms,
                                     .n_forms = find_forms(forms, edge)};
    clv_error why = CLV_ERROR_INIT;
    clv_profile *sampled;

    if (options->profile_ms == 0 || edge->max_cut == 0)
        return CLV_OK;
    clv_status status = clv_profile_obtain(&sampled, &cache, &profiler, &why);
    if (status != CLV_OK) { /* it can answer frames all the same */
        clv_log_debug("the model can't be measured: %s: %s", why.location, why.message);
        return CLV_OK;
    }
    if (cache.kept)
        clv_log_debug("its profile was kept from an earlier start");
    if (cache.note.code != CLV_OK)
        clv_log_debug("its profile can't be kept: %s: %s", cache.note.location, cache.note.message);
    status = keep(edge, sampled);
    return status == CLV_OK ? CLV_OK : clv_fail(err, status, options->bundle, "out of memory");
}

/* --- the server's --------------------------------------------------------------------------- */

/* It is for our bundle, and of its nodes. */
static clv_status read_profile(clv_profile **out, const clv_edge *edge, const clv_link_event *event,
                               clv_error *err)
{
    clv_profile *sampled = NULL;

    CLV_TRY(clv_profile_unpack(&sampled, event->profile, event->profile_bytes, err));
    clv_status status = CLV_EFORMAT;
    if (memcmp(&sampled->bundle, clv_bundle_id(edge->bundle), sizeof sampled->bundle) == 0)
        status = clv_profile_describe(sampled, clv_bundle_main(edge->bundle));
    if (status == CLV_OK)
        status = clv_profile_fill(out, sampled);
    clv_profile_free(sampled);
    return status == CLV_OK ? CLV_OK
                            : clv_fail(err, status, NULL, "it isn't one of the device's bundle");
}

void clv_agent_take_server_profile(clv_edge *edge, const clv_link_event *event)
{
    clv_error why = CLV_ERROR_INIT;
    clv_profile *profile = NULL;

    if (event->profile_bytes > 0 && read_profile(&profile, edge, event, &why) != CLV_OK)
        clv_log_debug("the server's profile is of no use: %s", why.message);
    clv_profile_free(edge->server_profile);
    edge->server_profile = profile;
}

void clv_edge_stats_of(clv_edge *edge, clv_edge_stats *out)
{
    clv_world world = CLV_WORLD_INIT;

    clv_agent_lock(edge);
    if (edge->plan.follow != NULL)
        world = clv_follow_world(edge->plan.follow);
    *out = (clv_edge_stats){.has_profile = edge->profile != NULL,
                            .has_server_profile = edge->server_profile != NULL,
                            .frames_measured = edge->pace.frames,
                            .last_pace_permille = edge->pace.last_permille,
                            .pace_permille = edge->pace.mean_permille,
                            .has_plan = edge->plan.plan != NULL,
                            .plan_changes = edge->plan.changes,
                            .plan_trials = edge->plan.trials,
                            .bytes_per_s = world.bytes_per_s,
                            .rtt_us = world.rtt_us,
                            .server_load_permille = edge->server_load_permille};
    clv_agent_unlock(edge);
}
