/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/wire.h"

#define MAX_BATCHES 12u /* up to 4096 frames */

/* In the order of the files' names. */
typedef struct served_set {
    clv_served *items[CLV_REGISTRY_MAX_BUNDLES];
    uint32_t count;
} served_set;

struct clv_registry {
    clv_registry_options options;
    pthread_mutex_t lock; /* guards `set`; taking a reference is done under it */
    served_set set;
};

/* --- one bundle --------------------------------------------------------------------------- */

static void form_done(clv_served_form *form)
{
    for (uint32_t i = 0; form->execs != NULL && i < form->n_execs; i++)
        clv_exec_free(form->execs[i]);
    clv_free(form->execs);
    clv_free(form->estimates_us);
    clv_program_free(form->program);
}

static void served_free(clv_served *served)
{
    for (uint32_t i = 0; i < CLV_PRECISION_COUNT; i++)
        form_done(&served->forms[i]);
    clv_profile_free(served->profile);
    clv_bundle_free(served->bundle);
    clv_free(served);
}

void clv_served_release(clv_served *served)
{
    if (served != NULL && atomic_fetch_sub(&served->references, 1) == 1)
        served_free(served);
}

static clv_served *hold(clv_served *served)
{
    (void)atomic_fetch_add(&served->references, 1);
    return served;
}

static bool program_keeps(const void *program, uint32_t value)
{
    return clv_program_keeps_constant(program, value);
}

static clv_status make_executions(clv_served_form *form, uint32_t n, clv_error *err)
{
    form->execs = clv_calloc(n, sizeof(clv_exec *));
    form->estimates_us = clv_calloc(form->graph->n_nodes, sizeof *form->estimates_us);
    if (form->execs == NULL || form->estimates_us == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    for (form->n_execs = 0; form->n_execs < n; form->n_execs++)
        CLV_TRY(clv_exec_create(&form->execs[form->n_execs], form->program, err));
    return CLV_OK;
}

static clv_status compile_form(clv_served_form *form, const clv_graph *graph,
                               const clv_registry_options *options, clv_error *err)
{
    clv_program_options program_options = CLV_PROGRAM_OPTIONS_INIT;
    program_options.backend = options->backend;
    program_options.threads = options->threads_per_worker;

    form->graph = graph;
    CLV_TRY(clv_program_compile(&form->program, graph, &program_options, err));
    return make_executions(form, options->workers, err);
}

/* What another form still reads comes back from the file by itself. */
static void drop_packed(const clv_served *served)
{
    for (uint32_t i = 0; i < CLV_PRECISION_COUNT; i++) {
        const clv_served_form *form = &served->forms[i];
        if (form->program != NULL)
            clv_bundle_drop_packed(served->bundle, form->graph, program_keeps, form->program);
    }
}

static clv_status compile(clv_served *served, const clv_registry_options *options, clv_error *err)
{
    const clv_model *model = clv_bundle_main(served->bundle);

    served->n_nodes = model->graph->n_nodes;
    for (uint32_t i = 0; i < CLV_PRECISION_COUNT; i++) {
        const clv_graph *graph = clv_model_graph(model, (clv_precision)i);
        if (graph != NULL)
            CLV_TRY(compile_form(&served->forms[i], graph, options, err));
    }
    drop_packed(served);
    return CLV_OK;
}

/* Times of nodes in a greeting are at most so many bytes; the rest is for its codecs. */
#define MAX_TIMES_BYTES (CLV_WIRE_MAX_PROFILE_BYTES / 2)
#define NODE_TIME_BYTES 12u

/* 2, 4, .. and the most, while they fit. @return how many. */
static uint32_t list_batches(uint32_t out[MAX_BATCHES], const clv_served *served, uint32_t most)
{
    uint32_t n = 0;

    for (uint32_t batch = 2; n < MAX_BATCHES && batch / 2 < most; batch *= 2) {
        size_t runs = (size_t)CLV_PRECISION_COUNT * (n + 2);
        if (runs * served->n_nodes * NODE_TIME_BYTES > MAX_TIMES_BYTES)
            break;
        out[n++] = batch < most ? batch : most;
    }
    return n;
}

/* Before any worker uses the executions. A network that can't be measured is served all the same.
 */
static void measure(clv_served *served, const clv_registry_options *options)
{
    clv_profiler_form forms[CLV_PRECISION_COUNT];
    uint32_t batches[MAX_BATCHES];
    clv_profiler_options profiler = {
        .model = clv_bundle_main(served->bundle),
        .bundle = &served->id,
        .threads = options->threads_per_worker > 0 ? options->threads_per_worker : 1,
        .forms = forms,
        .batches = batches,
        .n_batches = list_batches(batches, served, options->profile_batch),
        .backend = options->backend};

    served->profiled = options->profiles;
    if (options->profiles.form_us == 0 || options->workers == 0)
        return;
    for (uint32_t i = 0; i < CLV_PRECISION_COUNT; i++) {
        const clv_served_form *form = clv_served_find_form(served, i);
        if (form != NULL)
            forms[profiler.n_forms++] = (clv_profiler_form){(clv_precision)i, form->program,
                                                            form->execs[0], served->n_nodes, NULL};
    }
    clv_error why = CLV_ERROR_INIT;
    if (clv_profile_obtain(&served->profile, &served->profiled, &profiler, &why) != CLV_OK)
        served->profiled.note = why;
}

/* Takes @p bundle over in every case. */
static clv_status serve(clv_served **out, clv_bundle *bundle, const clv_registry_options *options,
                        clv_error *err)
{
    clv_served *served = clv_calloc(1, sizeof *served);
    if (served == NULL) {
        clv_bundle_free(bundle);
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    }
    served->bundle = bundle;
    served->id = *clv_bundle_id(bundle);
    atomic_init(&served->references, 1);
    clv_status status = compile(served, options, err);
    if (status != CLV_OK) {
        served_free(served);
        return status;
    }
    measure(served, options);
    *out = served;
    return CLV_OK;
}

/* --- a set -------------------------------------------------------------------------------- */

static clv_served *find_in(const served_set *set, const clv_digest *id)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (memcmp(set->items[i]->id.bytes, id->bytes, CLV_DIGEST_BYTES) == 0)
            return set->items[i];
    }
    return NULL;
}

static void release_set(served_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        clv_served_release(set->items[i]);
    set->count = 0;
}

/* Append the bundle of @p path to @p set; the one of @p old is kept if it is the same. */
static clv_status add_file(served_set *set, const served_set *old, const char *path,
                           const clv_registry_options *options, clv_error *err)
{
    clv_bundle *bundle;
    clv_served *served;
    clv_status status;

    CLV_TRY(clv_bundle_open(&bundle, path, err));
    status = clv_bundle_verify(bundle, err);
    if (status == CLV_OK && find_in(set, clv_bundle_id(bundle)) != NULL)
        status = clv_fail(err, CLV_EINVAL, NULL, "another file of the folder is the same bundle");
    if (status != CLV_OK) {
        clv_bundle_free(bundle);
        return status;
    }
    served = find_in(old, clv_bundle_id(bundle));
    if (served != NULL) {
        clv_bundle_free(bundle);
        set->items[set->count++] = hold(served);
        return CLV_OK;
    }
    CLV_TRY(serve(&served, bundle, options, err));
    set->items[set->count++] = served;
    return CLV_OK;
}

static int is_bundle_name(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    size_t n_suffix = strlen(CLV_BUNDLE_SUFFIX);
    return n > n_suffix && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + n - n_suffix, CLV_BUNDLE_SUFFIX) == 0;
}

static clv_status load_names(served_set *out, const served_set *old,
                             const clv_registry_options *options, struct dirent *const *names,
                             int n_names, clv_error *err)
{
    char path[4096];

    if (n_names > (int)CLV_REGISTRY_MAX_BUNDLES)
        return clv_fail(err, CLV_ELIMIT, options->folder, "%d bundles; at most %u are served",
                        n_names, CLV_REGISTRY_MAX_BUNDLES);
    for (int i = 0; i < n_names; i++) {
        clv_error why = CLV_ERROR_INIT;
        int n = snprintf(path, sizeof path, "%s/%s", options->folder, names[i]->d_name);
        clv_status status = n < (int)sizeof path
                                ? add_file(out, old, path, options, &why)
                                : clv_fail(&why, CLV_ELIMIT, NULL,
                                           "the path is longer than %zu bytes", sizeof path - 1);
        options->on_file(options->context, path,
                         status == CLV_OK ? out->items[out->count - 1] : NULL,
                         status == CLV_OK ? NULL : &why);
    }
    return CLV_OK;
}

static clv_status load_folder(served_set *out, const served_set *old,
                              const clv_registry_options *options, clv_error *err)
{
    struct dirent **names;
    int n_names = scandir(options->folder, &names, is_bundle_name, alphasort);
    if (n_names < 0)
        return clv_fail(err, errno == ENOENT ? CLV_ENOENT : CLV_EIO, options->folder,
                        "cannot read the folder of bundles: %s", strerror(errno));
    clv_status status = load_names(out, old, options, names, n_names, err);
    for (int i = 0; i < n_names; i++)
        free(names[i]);
    free(names);
    return status;
}

/* --- the registry ------------------------------------------------------------------------- */

clv_status clv_registry_reload(clv_registry *registry, clv_error *err)
{
    served_set fresh = {.count = 0};
    CLV_TRY(load_folder(&fresh, &registry->set, &registry->options, err));

    (void)pthread_mutex_lock(&registry->lock);
    served_set old = registry->set;
    registry->set = fresh;
    (void)pthread_mutex_unlock(&registry->lock);
    release_set(&old);
    return CLV_OK;
}

clv_status clv_registry_create(clv_registry **out, const clv_registry_options *options,
                               clv_error *err)
{
    clv_registry *registry = clv_calloc(1, sizeof *registry);
    if (registry == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    registry->options = *options;
    (void)pthread_mutex_init(&registry->lock, NULL);
    clv_status status = clv_registry_reload(registry, err);
    if (status != CLV_OK) {
        clv_registry_free(registry);
        return status;
    }
    *out = registry;
    return CLV_OK;
}

void clv_registry_free(clv_registry *registry)
{
    if (registry == NULL)
        return;
    release_set(&registry->set);
    (void)pthread_mutex_destroy(&registry->lock);
    clv_free(registry);
}

clv_served *clv_registry_find(clv_registry *registry, const clv_digest *id)
{
    (void)pthread_mutex_lock(&registry->lock);
    clv_served *served = find_in(&registry->set, id);
    if (served != NULL)
        (void)hold(served);
    (void)pthread_mutex_unlock(&registry->lock);
    return served;
}

uint32_t clv_registry_list(clv_registry *registry, clv_digest *ids, uint32_t cap)
{
    uint32_t n = 0;

    (void)pthread_mutex_lock(&registry->lock);
    for (; n < registry->set.count && n < cap; n++)
        ids[n] = registry->set.items[n]->id;
    (void)pthread_mutex_unlock(&registry->lock);
    return n;
}
