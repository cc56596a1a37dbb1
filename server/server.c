/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "profiler/profile_bytes.h"
#include "server/references.h"
#include "server/suffix.h"
#include "server/workers.h"

struct clv_server {
    clv_registry *registry;
    clv_workers *workers;
    clv_listener *listener;
    clv_suffix **suffixes; /* one for each worker */
    uint32_t n_suffixes;
    clv_server_options options;
    atomic_uint_fast64_t answered, refused;
};

/* --- a request ---------------------------------------------------------------------------- */

static void refuse(clv_server *server, clv_incoming *request, clv_status status, const char *reason)
{
    clv_log_debug("device '%s', frame %" PRIu64 ": refused: %s", clv_incoming_device(request),
                  clv_incoming_header(request)->frame, reason);
    (void)atomic_fetch_add(&server->refused, 1);
    clv_incoming_refuse(request, status, reason);
}

static void refuse_verdict(void *context, const clv_job *job, clv_verdict verdict)
{
    refuse(context, job->request, clv_verdict_status(verdict), clv_verdict_reason(verdict));
}

static void release_job(void *context, const clv_job *job)
{
    (void)context;
    clv_served_release(job->served);
}

static clv_verdict find_forms(clv_job *job, const clv_link_request *header)
{
    job->prefix = clv_served_find_form(job->served, header->prefix);
    job->suffix = clv_served_find_form(job->served, header->suffix);
    if (job->prefix == NULL || job->suffix == NULL)
        return CLV_VERDICT_NO_SUCH_FORM;
    job->estimate_us = &job->suffix->estimates_us[header->cut];
    return CLV_VERDICT_ACCEPT;
}

static clv_verdict check_payload(const clv_job *job, const clv_link_request *header)
{
    const clv_model *model = clv_bundle_main(job->served->bundle);
    bool takes_images = model->has_input_spec && job->prefix->graph->n_inputs == 1;

    return clv_admission_check_payload(header->payload, header->cut, takes_images);
}

/* --- frames that follow others ------------------------------------------------------------ */

static void free_references(void *session)
{
    clv_references_free(session);
}

/* Once a device has said that it wants it; where there is no memory, none are held. */
static clv_references *open_references(const clv_server *server, clv_incoming *request)
{
    void **session = clv_incoming_session(request);
    clv_references *references;

    if (*session == NULL && server->options.reference_bytes > 0 &&
        clv_incoming_header(request)->sequence.keep &&
        clv_references_create(&references, server->options.reference_bytes) == CLV_OK)
        *session = references;
    return *session;
}

static clv_reference_key key_of(const clv_link_request *header, uint64_t frame)
{
    return (clv_reference_key){header->bundle, header->cut, header->prefix, frame};
}

/* What the request is coded after, and whether it is to be kept. */
static clv_status find_reference(clv_suffix *suffix, const clv_job *job, clv_error *err)
{
    const clv_link_request *header = clv_incoming_header(job->request);
    const clv_wire_sequence *sequence = &header->sequence;
    clv_references *held = job->references;
    clv_reference_key key = key_of(header, sequence->frame);
    clv_status status = CLV_OK;

    if (sequence->is_after)
        status = held == NULL ? CLV_EKEYFRAME
                              : clv_references_find(clv_suffix_before(suffix), held, &key,
                                                    sequence->checksum);
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "frame %" PRIu64 " isn't held here: send a key frame",
                        sequence->frame);
    return clv_suffix_follow(suffix, sequence->is_after, sequence->keep && held != NULL);
}

static void keep_symbols(const clv_suffix *suffix, const clv_job *job)
{
    const clv_link_request *header = clv_incoming_header(job->request);
    clv_references *held = job->references;
    clv_reference_key key = key_of(header, header->frame);

    if (header->sequence.keep && held != NULL)
        clv_references_keep(held, &key, clv_suffix_kept(suffix));
}

/* From the listener, on its thread. */
static void take_request(void *context, clv_incoming *request)
{
    clv_server *server = context;
    const clv_link_request *header = clv_incoming_header(request);
    clv_job job = {.request = request,
                   .served = clv_registry_find(server->registry, header->bundle),
                   .deadline_at_us = clv_admission_deadline(clv_incoming_arrived_us(request),
                                                            header->deadline_us)};

    job.references = open_references(server, request);
    clv_verdict verdict =
        clv_admission_check(job.served != NULL, header->cut, job.served ? job.served->n_nodes : 0);
    if (verdict == CLV_VERDICT_ACCEPT)
        verdict = find_forms(&job, header);
    if (verdict == CLV_VERDICT_ACCEPT)
        verdict = check_payload(&job, header);
    if (verdict == CLV_VERDICT_ACCEPT)
        verdict = clv_workers_submit(server->workers, &job);
    if (verdict != CLV_VERDICT_ACCEPT) {
        refuse_verdict(server, &job, verdict);
        release_job(server, &job);
    }
}

/* The operating points of the request's cut, or NULL. */
static const clv_cut_ladder *ladder_of(const clv_job *job, const clv_link_request *header)
{
    const clv_model *model = clv_bundle_main(job->served->bundle);
    return clv_cut_ladder_find(model->ladders, model->n_ladders, header->cut,
                               (clv_precision)header->prefix);
}

/* Decode the payload into the execution. */
static clv_status load(clv_suffix *suffix, clv_exec *exec, const clv_job *job, clv_error *err)
{
    const clv_link_request *header = clv_incoming_header(job->request);
    const clv_graph *device = job->prefix->graph;
    size_t bytes;
    const uint8_t *payload = clv_incoming_payload(job->request, &bytes);

    if (header->payload == CLV_PAYLOAD_TENSORS) {
        CLV_TRY(clv_suffix_use(suffix, ladder_of(job, header)));
        CLV_TRY(find_reference(suffix, job, err));
        CLV_TRY(clv_suffix_load(suffix, exec, job->suffix->program, device, header->cut, payload,
                                bytes, err));
        keep_symbols(suffix, job);
        return CLV_OK;
    }
    const clv_model *model = clv_bundle_main(job->served->bundle);
    const clv_suffix_image image = {payload, bytes, header->payload == CLV_PAYLOAD_FITTED,
                                    &model->input};
    return clv_suffix_load_image(suffix, exec, model->graph, &image, err);
}

/* Run the request's suffix and write its answer into the request. */
static clv_status compute(clv_suffix *suffix, uint32_t worker, const clv_job *job,
                          size_t *bytes_out, clv_server_times *times, clv_error *err)
{
    const clv_link_request *header = clv_incoming_header(job->request);
    const clv_graph *device = job->prefix->graph;
    clv_exec *exec = job->suffix->execs[worker];
    size_t cap;
    uint8_t *answer;

    uint64_t start_us = clv_clock_now_us();
    times->queue_us = start_us - clv_incoming_arrived_us(job->request);
    CLV_TRY(load(suffix, exec, job, err));
    uint64_t decoded_us = clv_clock_now_us();
    times->decode_us = decoded_us - start_us;

    clv_status status = clv_exec_run(exec, header->cut, job->served->n_nodes);
    if (status == CLV_OK)
        status = clv_suffix_bound(&cap, suffix, device);
    if (status == CLV_OK)
        status = clv_incoming_reserve(job->request, &answer, cap);
    if (status == CLV_OK)
        status = clv_suffix_store(bytes_out, suffix, exec, device, answer, cap);
    times->compute_us = clv_clock_now_us() - decoded_us;
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "the server couldn't run the model: %s",
                        clv_status_text(status));
    return CLV_OK;
}

static uint32_t tell_load(void *context, uint32_t *permille_out)
{
    const clv_server *server = context;

    *permille_out = clv_workers_load_permille(server->workers);
    return server->options.workers;
}

static bool answer_job(void *context, uint32_t worker, const clv_job *job)
{
    clv_server *server = context;
    clv_server_times times = {0};
    clv_error why = CLV_ERROR_INIT;
    char reason[sizeof why.location + sizeof why.message + 2];
    size_t bytes;

    clv_status status = compute(server->suffixes[worker], worker, job, &bytes, &times, &why);
    if (status != CLV_OK) {
        (void)snprintf(reason, sizeof reason, "%s%s%s", why.location, why.location[0] ? ": " : "",
                       why.message);
        refuse(server, job->request, status, reason);
        return false;
    }
    (void)atomic_fetch_add(&server->answered, 1);
    times.workers = tell_load(server, &times.load_permille);
    clv_incoming_send(job->request, bytes, &times);
    return true;
}

/* --- the server --------------------------------------------------------------------------- */

static void tell_device(void *context, const char *device, const char *what, const clv_error *error)
{
    const clv_server *server = context;
    server->options.on_device(server->options.context, device, what, error);
}

/* What greetings say of the bundles @p ids. One that is gone meanwhile says nothing. */
static clv_status pack_profiles(clv_listener_profile *out, clv_buffer *bytes, clv_server *server,
                                const clv_digest *ids, uint32_t n)
{
    size_t ends[CLV_REGISTRY_MAX_BUNDLES];

    for (uint32_t i = 0; i < n; i++) {
        clv_served *served = clv_registry_find(server->registry, &ids[i]);
        clv_status status = CLV_OK;
        if (served != NULL && served->profile != NULL)
            status = clv_profile_pack(bytes, served->profile, false);
        clv_served_release(served);
        CLV_TRY(status);
        ends[i] = bytes->size;
    }
    for (uint32_t i = 0; i < n; i++) { /* the buffer doesn't move any more */
        size_t start = i > 0 ? ends[i - 1] : 0;
        out[i] = (clv_listener_profile){ids[i], bytes->data + start, ends[i] - start};
    }
    return CLV_OK;
}

static clv_status announce_profiles(clv_server *server, const clv_digest *ids, uint32_t n)
{
    clv_listener_profile profiles[CLV_REGISTRY_MAX_BUNDLES];
    clv_buffer bytes;

    clv_buffer_init(&bytes, SIZE_MAX);
    clv_status status = pack_profiles(profiles, &bytes, server, ids, n);
    if (status == CLV_OK)
        status = clv_listener_set_profiles(server->listener, profiles, n);
    clv_buffer_done(&bytes);
    return status;
}

static clv_status announce_bundles(clv_server *server, clv_error *err)
{
    clv_digest ids[CLV_REGISTRY_MAX_BUNDLES];
    uint32_t n = clv_registry_list(server->registry, ids, CLV_REGISTRY_MAX_BUNDLES);
    clv_status status = announce_profiles(server, ids, n);
    if (status == CLV_OK)
        status = clv_listener_set_bundles(server->listener, ids, n);
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "cannot announce the bundles: %s",
                        clv_status_text(status));
    return CLV_OK;
}

static clv_status load_bundles(clv_server *server, clv_error *err)
{
    const clv_server_options *options = &server->options;
    clv_registry_options registry_options = {
        .folder = options->bundles,
        .backend = options->backend,
        .workers = options->workers,
        .threads_per_worker = options->threads_per_worker,
        .profiles = options->profiles,
        .profile_batch = options->profile_batch,
        .on_file = options->on_file,
        .context = options->context,
    };
    return clv_registry_create(&server->registry, &registry_options, err);
}

static clv_status start_workers(clv_server *server, clv_error *err)
{
    const clv_server_options *options = &server->options;
    clv_workers_options workers_options = {
        .workers = options->workers,
        .queue = options->queue,
        .work = answer_job,
        .refuse = refuse_verdict,
        .release = release_job,
        .context = server,
    };
    server->suffixes = clv_calloc(options->workers, sizeof(clv_suffix *));
    if (server->suffixes == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    for (; server->n_suffixes < options->workers; server->n_suffixes++) {
        if (clv_suffix_create(&server->suffixes[server->n_suffixes]) != CLV_OK)
            return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    }
    return clv_workers_create(&server->workers, &workers_options, err);
}

clv_status clv_server_create(clv_server **out, const clv_server_options *options, clv_error *err)
{
    clv_server *server = clv_calloc(1, sizeof *server);
    if (server == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    server->options = *options;
    clv_status status = load_bundles(server, err);
    if (status == CLV_OK)
        status = start_workers(server, err);
    if (status != CLV_OK) {
        clv_server_free(server);
        return status;
    }
    *out = server;
    return CLV_OK;
}

clv_status clv_server_listen(clv_server *server, const char *address, const clv_identity *identity,
                             clv_error *err)
{
    char url[512];
    clv_listener_options listener_options = {
        .url = url,
        .identity = identity,
        .on_request = take_request,
        .on_device = tell_device,
        .load = tell_load,
        .context = server,
        .free_session = free_references,
    };
    if (snprintf(url, sizeof url, "tls+tcp://%s", address) >= (int)sizeof url)
        return clv_fail(err, CLV_EINVAL, NULL, "the address to listen on is too long");
    CLV_TRY(clv_listener_create(&server->listener, &listener_options, err));
    return announce_bundles(server, err);
}

uint16_t clv_server_port(const clv_server *server)
{
    return clv_listener_port(server->listener);
}

clv_registry *clv_server_registry(clv_server *server)
{
    return server->registry;
}

clv_status clv_server_reload(clv_server *server, clv_error *err)
{
    CLV_TRY(clv_registry_reload(server->registry, err));
    return announce_bundles(server, err);
}

clv_server_counts clv_server_drain(clv_server *server, uint64_t timeout_us)
{
    (void)clv_workers_drain(server->workers, timeout_us);
    return (clv_server_counts){atomic_load(&server->answered), atomic_load(&server->refused)};
}

void clv_server_free(clv_server *server)
{
    if (server == NULL)
        return;
    /* The workers end first, since they answer through the listener; they are freed behind it,
     * since until then it brings requests to refuse. */
    if (server->workers != NULL)
        (void)clv_workers_drain(server->workers, 0);
    clv_listener_free(server->listener);
    clv_workers_free(server->workers);
    for (uint32_t i = 0; i < server->n_suffixes; i++)
        clv_suffix_free(server->suffixes[i]);
    clv_free(server->suffixes);
    clv_registry_free(server->registry);
    clv_free(server);
}
