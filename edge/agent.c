/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/agent.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

#define DEFAULT_IN_FLIGHT 4u
#define MAX_SERVER_CHARS 300u
#define MAX_CODEC_CHARS 32u

const char *clv_source_name(clv_source source)
{
    static const char *const names[] = {
#define CLV_SOURCE_NAME(name, text) text,
        CLV_SOURCE_LIST(CLV_SOURCE_NAME)
#undef CLV_SOURCE_NAME
    };
    return (unsigned)source < CLV_SOURCE_COUNT ? names[source] : "invalid";
}

/* --- for all parts of the agent ----------------------------------------------------------- */

void clv_agent_lock(clv_edge *edge)
{
    (void)pthread_mutex_lock(&edge->lock);
}

void clv_agent_unlock(clv_edge *edge)
{
    (void)pthread_mutex_unlock(&edge->lock);
}

void clv_agent_wait(clv_edge *edge, pthread_cond_t *condition, uint64_t until_us)
{
    if (until_us == UINT64_MAX) {
        (void)pthread_cond_wait(condition, &edge->lock);
        return;
    }
    /* clv_clock_now_us() is CLOCK_MONOTONIC, as the conditions' clock. */
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000u),
                             .tv_nsec = (long)(until_us % 1000000u * 1000u)};
    (void)pthread_cond_timedwait(condition, &edge->lock, &until);
}

void clv_agent_explain(clv_edge_slot *slot, clv_status error, const char *fmt, ...)
{
    size_t used = strlen(slot->detail);
    va_list args;

    if (used > 0)
        used += (size_t)snprintf(slot->detail + used, sizeof slot->detail - used, "; ");
    if (used < sizeof slot->detail) {
        va_start(args, fmt);
        (void)vsnprintf(slot->detail + used, sizeof slot->detail - used, fmt, args);
        va_end(args);
    }
    slot->error = error;
}

/* --- creating it -------------------------------------------------------------------------- */

static clv_status check_options(const clv_edge_options *options, clv_error *err)
{
    if (options->bundle == NULL)
        return clv_fail(err, CLV_EINVAL, NULL, "a bundle is needed");
    if (options->in_flight > CLV_AGENT_MAX_SLOTS)
        return clv_fail(err, CLV_EINVAL, NULL, "at most %u frames can be in flight",
                        CLV_AGENT_MAX_SLOTS);
    if (options->server == NULL)
        return CLV_OK;
    if (strlen(options->server) > MAX_SERVER_CHARS)
        return clv_fail(err, CLV_EINVAL, NULL, "the server's name is too long");
    if (options->ca == NULL || options->cert == NULL || options->key == NULL)
        return clv_fail(err, CLV_EINVAL, NULL,
                        "a server needs a CA, a certificate and a key: `cleave pki` makes them");
    return CLV_OK;
}

/* What of the main model may run here. */
static clv_status bound_model(clv_program_options *program, clv_edge *edge,
                              const clv_edge_options *options, clv_error *err)
{
    uint32_t n_nodes = clv_bundle_main(edge->bundle)->graph->n_nodes;

    edge->max_cut = options->max_cut < n_nodes ? options->max_cut : n_nodes;
    if (edge->max_cut == n_nodes)
        return CLV_OK;
    if (options->server == NULL)
        return clv_fail(err, CLV_EINVAL, NULL,
                        "a largest cut needs a server for what is behind it");
    if (options->cut != CLV_CUT_AUTO && options->cut > edge->max_cut)
        return clv_fail(err, CLV_EINVAL, NULL, "the cut is beyond the largest one, %u",
                        edge->max_cut);
    program->from = edge->max_cut > 0 ? 0 : n_nodes; /* 0, 0 would be all */
    program->to = edge->max_cut > 0 ? edge->max_cut : n_nodes;
    return CLV_OK;
}

/* One precision, and those that a plan may choose from. */
static clv_status choose_form(clv_precision *out, uint64_t *allowed_out, const clv_edge *edge,
                              const clv_edge_options *options, const char *name,
                              clv_precision preferred, clv_error *err)
{
    const clv_model *model = clv_bundle_main(edge->bundle);
    bool is_auto = name != NULL && strcmp(name, "auto") == 0;

    if (is_auto && options->cut != CLV_CUT_AUTO)
        return clv_fail(err, CLV_EINVAL, NULL,
                        "a precision is chosen for each frame only where its cut is: `auto`");
    CLV_TRY(clv_model_choose(out, model, is_auto ? NULL : name, preferred, err));
    *allowed_out = (uint64_t)1 << *out;
    for (unsigned p = 0; is_auto && p < CLV_PRECISION_COUNT; p++) {
        if (clv_model_graph(model, (clv_precision)p) != NULL)
            *allowed_out |= (uint64_t)1 << p;
    }
    return CLV_OK;
}

static clv_status choose_forms(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    CLV_TRY(choose_form(&edge->prefix, &edge->prefixes, edge, options, options->precision,
                        CLV_PRECISION_INT8, err));
    return choose_form(&edge->suffix, &edge->suffixes, edge, options, options->suffix,
                       CLV_PRECISION_FLOAT, err);
}

static bool have_same_types(const clv_graph *a, const clv_graph *b)
{
    bool same = true;

    for (uint32_t i = 0; i < a->n_inputs; i++)
        same = same && a->values[a->inputs[i]].tensor.dtype == b->values[b->inputs[i]].tensor.dtype;
    for (uint32_t i = 0; i < a->n_outputs; i++)
        same =
            same && a->values[a->outputs[i]].tensor.dtype == b->values[b->outputs[i]].tensor.dtype;
    return same;
}

/* The main model's other form, where frames may choose between them. */
static clv_status load_other_form(clv_edge *edge, const clv_program_options *program,
                                  clv_error *err)
{
    clv_network *model = &edge->networks[CLV_AGENT_MODEL];
    clv_precision other =
        edge->prefix == CLV_PRECISION_INT8 ? CLV_PRECISION_FLOAT : CLV_PRECISION_INT8;

    if ((edge->prefixes >> other & 1u) == 0)
        return CLV_OK;
    if (!have_same_types(model->graph, clv_model_graph(model->model, other)))
        return clv_fail(err, CLV_EUNSUPPORTED, model->graph->name,
                        "its forms have inputs or outputs of other types: frames can't choose");
    return clv_network_init(&edge->other_form, edge->bundle, model->model, other, program, err);
}

static clv_status load_networks(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    clv_program_options program = {.threads = options->threads > 0 ? options->threads : 1};
    const char *backend = options->backend != NULL ? options->backend : "auto";

    if (clv_backend_find(&program.backend, backend) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, NULL, "no backend is called '%s'", backend);
    CLV_TRY(clv_bundle_open(&edge->bundle, options->bundle, err));
    CLV_TRY(clv_bundle_verify(edge->bundle, err));
    const clv_model *model = clv_bundle_main(edge->bundle);
    const clv_model *student = clv_bundle_student(edge->bundle);
    clv_precision precision;
    CLV_TRY(choose_forms(edge, options, err));
    CLV_TRY(bound_model(&program, edge, options, err));
    CLV_TRY(clv_network_init(&edge->networks[CLV_AGENT_MODEL], edge->bundle, model, edge->prefix,
                             &program, err));
    CLV_TRY(load_other_form(edge, &program, err));
    program.from = program.to = 0;
    if (student == NULL)
        return CLV_OK;
    CLV_TRY(clv_model_choose(&precision, student, NULL, CLV_PRECISION_INT8, err));
    CLV_TRY(clv_network_init(&edge->networks[CLV_AGENT_STUDENT], edge->bundle, student, precision,
                             &program, err));
    edge->student_shares_inputs = clv_network_same_inputs(&edge->networks[CLV_AGENT_MODEL],
                                                          &edge->networks[CLV_AGENT_STUDENT]);
    return CLV_OK;
}

/* All memory that frames need, but their images'. */
static clv_status make_slots(clv_edge *edge)
{
    edge->slots = clv_calloc(edge->n_slots, sizeof *edge->slots);
    if (edge->slots == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < edge->n_slots; i++) {
        clv_edge_slot *slot = &edge->slots[i];
        clv_image_init(&slot->image);
        clv_buffer_init(&slot->file, CLV_IMAGE_MAX_FILE_BYTES);
        if (edge->sequence.cap_bytes > 0) {
            slot->symbols.cap = edge->sequence.cap_bytes;
            slot->symbols.data = clv_alloc_aligned(slot->symbols.cap);
            if (slot->symbols.data == NULL)
                return CLV_ENOMEM;
        }
        for (uint32_t n = 0; n < CLV_AGENT_NETWORKS; n++) {
            const clv_network *network = &edge->networks[n];
            if (network->model == NULL)
                continue;
            CLV_TRY(clv_network_fit_outputs(&slot->outputs[n], network));
            if (n == CLV_AGENT_MODEL || !edge->student_shares_inputs)
                CLV_TRY(clv_network_fit_inputs(&slot->inputs[n], network));
        }
    }
    return CLV_OK;
}

static clv_status start_agent(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    const clv_network *model = &edge->networks[CLV_AGENT_MODEL];
    const clv_network *student = &edge->networks[CLV_AGENT_STUDENT];
    uint32_t n_nodes = model->graph->n_nodes;
    uint64_t other_us = edge->other_form.run_us;
    uint64_t model_us = model->run_us > other_us ? model->run_us : other_us;

    if (options->cut < CLV_CUT_AUTO && options->cut > n_nodes)
        return clv_fail(err, CLV_EINVAL, options->bundle, "the model has no cut %u: 0 to %u",
                        options->cut, n_nodes);
    clv_agent_config config = {.n_slots = edge->n_slots,
                               .n_nodes = n_nodes,
                               .n_student_nodes =
                                   student->model != NULL ? student->graph->n_nodes : 0,
                               .has_server = options->server != NULL,
                               .is_prefix = edge->max_cut < n_nodes,
                               .cut = options->cut,
                               .deadline_us = options->deadline_us,
                               .model_us = model_us,
                               .student_us = student->run_us};
    return clv_agent_init(&edge->agent, &config);
}

static clv_status start_link(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    const size_t cap = MAX_SERVER_CHARS + sizeof "tls+tcp://";
    clv_identity_paths paths = {options->ca, options->cert, options->key};

    edge->url = clv_calloc(cap, 1);
    if (edge->url == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    (void)snprintf(edge->url, cap, "tls+tcp://%s", options->server);
    if (options->server_name != NULL) {
        edge->server_name = clv_strdup(options->server_name);
        if (edge->server_name == NULL)
            return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    }
    CLV_TRY(clv_identity_load(&edge->identity, &paths, err));
    clv_link_options link = {.url = edge->url,
                             .server_name = edge->server_name,
                             .identity = edge->identity,
                             .bundle = clv_bundle_id(edge->bundle),
                             .on_event = clv_agent_on_link,
                             .context = edge};
    return clv_link_create(&edge->link, &link, err);
}

static clv_status make_lock(clv_edge *edge)
{
    pthread_condattr_t attributes;

    if (pthread_condattr_init(&attributes) != 0)
        return CLV_ENOMEM;
    bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_mutex_init(&edge->lock, NULL) == 0 &&
                pthread_cond_init(&edge->work, &attributes) == 0 &&
                pthread_cond_init(&edge->changed, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    edge->has_lock = made;
    return made ? CLV_OK : CLV_ENOMEM;
}

/* Signals are for the program's own threads. */
static clv_status start_worker(clv_edge *edge, clv_error *err)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    edge->has_worker = pthread_create(&edge->worker, NULL, clv_agent_work, edge) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!edge->has_worker)
        return clv_fail(err, CLV_EINTERNAL, NULL, "no thread can be started");
    return CLV_OK;
}

static clv_status take_codec(clv_edge *edge, const char *text, clv_error *err)
{
    clv_status status = clv_picture_codec_parse(&edge->picture, text);

    if (status == CLV_ENOENT)
        status = clv_codec_find(&edge->codec, text);
    if (status == CLV_EINVAL)
        return clv_fail(err, status, NULL, "'%s': a JPEG's quality is 1 to %u", text,
                        CLV_JPEG_MAX_QUALITY);
    if (status != CLV_OK)
        return clv_fail(err, CLV_EINVAL, NULL, "no codec is called '%s'", text);
    return CLV_OK;
}

/* A picture's codec carries tensors, at other cuts, as they are. A plan may choose from several. */
static clv_status choose_codec(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    const char *text = options->codec != NULL ? options->codec : "float";
    char word[MAX_CODEC_CHARS];

    edge->codec = CLV_CODEC_FLOAT;
    while (options->cut == CLV_CUT_AUTO && strchr(text, ',') != NULL) {
        size_t chars = strcspn(text, ",");
        (void)snprintf(word, sizeof word, "%.*s", (int)(chars < sizeof word ? chars : sizeof word),
                       text);
        CLV_TRY(take_codec(edge, word, err));
        text += chars + 1;
    }
    return take_codec(edge, text, err);
}

static clv_status build(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    CLV_TRY(check_options(options, err));
    CLV_TRY(choose_codec(edge, options, err));
    if (make_lock(edge) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    edge->n_slots = options->in_flight > 0 ? options->in_flight : DEFAULT_IN_FLIGHT;
    CLV_TRY(load_networks(edge, options, err));
    CLV_TRY(clv_agent_init_codec(edge, options, err));
    CLV_TRY(clv_agent_measure(edge, options, err));
    CLV_TRY(clv_agent_plan_init(edge, options, err));
    if (make_slots(edge) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, options->bundle, "out of memory for %u frames",
                        edge->n_slots);
    CLV_TRY(start_agent(edge, options, err));
    if (options->server != NULL)
        CLV_TRY(start_link(edge, options, err));
    return start_worker(edge, err);
}

clv_status clv_edge_create(clv_edge **out, const clv_edge_options *options, clv_error *err)
{
    clv_edge *edge = clv_calloc(1, sizeof *edge);
    if (edge == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    clv_image_init(&edge->fitted);
    clv_image_init(&edge->scratch);
    clv_buffer_init(&edge->jpeg, CLV_IMAGE_MAX_FILE_BYTES);
    clv_status status = build(edge, options, err);
    if (status != CLV_OK) {
        clv_edge_free(edge);
        return status;
    }
    *out = edge;
    return CLV_OK;
}

static void free_slots(clv_edge *edge)
{
    for (uint32_t i = 0; edge->slots != NULL && i < edge->n_slots; i++) {
        clv_image_done(&edge->slots[i].image);
        clv_buffer_done(&edge->slots[i].file);
        clv_free(edge->slots[i].symbols.data);
        for (uint32_t n = 0; n < CLV_AGENT_NETWORKS; n++) {
            clv_tensor_set_done(&edge->slots[i].inputs[n]);
            clv_tensor_set_done(&edge->slots[i].outputs[n]);
        }
    }
    clv_free(edge->slots);
}

static void stop_worker(clv_edge *edge)
{
    clv_agent_lock(edge);
    edge->stopping = true;
    (void)pthread_cond_signal(&edge->work);
    clv_agent_unlock(edge);
    (void)pthread_join(edge->worker, NULL);
}

void clv_edge_free(clv_edge *edge)
{
    if (edge == NULL)
        return;
    if (edge->has_worker)
        stop_worker(edge);
    clv_link_free(edge->link);
    clv_identity_free(edge->identity);
    free_slots(edge);
    clv_tensor_set_done(&edge->frontier);
    clv_free(edge->codec_scratch);
    clv_frame_sequence_done(&edge->sequence);
    clv_image_done(&edge->fitted);
    clv_image_done(&edge->scratch);
    clv_buffer_done(&edge->jpeg);
    for (uint32_t n = 0; n < CLV_AGENT_NETWORKS; n++)
        clv_network_done(&edge->networks[n]);
    clv_network_done(&edge->other_form);
    clv_agent_plan_done(edge);
    clv_profile_free(edge->profile);
    clv_profile_free(edge->server_profile);
    clv_free(edge->until_ns);
    clv_bundle_free(edge->bundle);
    clv_free(edge->url);
    clv_free(edge->server_name);
    if (edge->has_lock) {
        (void)pthread_cond_destroy(&edge->changed);
        (void)pthread_cond_destroy(&edge->work);
        (void)pthread_mutex_destroy(&edge->lock);
    }
    clv_free(edge);
}
