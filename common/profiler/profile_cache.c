/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/profile_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "profiler/processor.h"
#include "profiler/profile_bytes.h"

#define MAGIC "CLVPROF1"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define MAX_FILE_BYTES ((size_t)64 << 20)
#define MAX_PATH_BYTES 4096u

/* A start's share: enough passes for a minimum, a dozen cuts to derive the others from. */
#define PASSES 50u
#define MAX_CUTS 12u
#define CODEC_RUNS 2u

/* What a file is good for, as one number. */
static clv_status make_key(clv_digest *out, const clv_profile_cache *cache,
                           const clv_profiler_options *o)
{
    char processor[CLV_PROFILE_NAME_BYTES], id[CLV_DIGEST_HEX_BYTES], text[1024];
    int n = snprintf(text, sizeof text, "cleave " CLEAVE_VERSION "\n%s\n%s\n%s\n%u threads\n",
                     clv_digest_format(id, o->bundle),
                     clv_processor_name(processor, sizeof processor), cache->backend, o->threads);

    for (uint32_t i = 0; i < o->n_forms && n > 0 && n < (int)sizeof text; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s to %u\n",
                      clv_precision_name(o->forms[i].precision), o->forms[i].to);
    for (uint32_t i = 0; i < o->n_batches && n > 0 && n < (int)sizeof text; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%u frames\n", o->batches[i]);
    if (n < 0 || n >= (int)sizeof text)
        return CLV_ELIMIT;
    return clv_digest_of(out, text, (size_t)n);
}

clv_status clv_profile_cache_path(char *dst, size_t cap, const clv_profile_cache *cache,
                                  const clv_profiler_options *options)
{
    clv_digest key;
    char hex[CLV_DIGEST_HEX_BYTES];

    CLV_TRY(make_key(&key, cache, options));
    int n = snprintf(dst, cap, "%s/%.32s.profile", cache->folder, clv_digest_format(hex, &key));
    return n > 0 && (size_t)n < cap ? CLV_OK : CLV_ELIMIT;
}

const char *clv_profile_cache_folder(const char *setting, char *memory, size_t cap)
{
    const char *given = getenv("STATE_DIRECTORY");

    if (setting != NULL)
        return setting;
    if (given == NULL || given[0] == '\0' || strcspn(given, ":") >= cap)
        return NULL;
    (void)snprintf(memory, cap, "%.*s", (int)strcspn(given, ":"), given);
    return memory;
}

/* --- a file: magic, key, profile, SHA-256 of all before ------------------------------------- */

static clv_status parse(clv_profile **out, const clv_digest *key, const uint8_t *data, size_t bytes)
{
    const size_t head = MAGIC_BYTES + CLV_DIGEST_BYTES;
    clv_digest sum;

    if (bytes < head + CLV_DIGEST_BYTES)
        return CLV_EFORMAT;
    CLV_TRY(clv_digest_of(&sum, data, bytes - CLV_DIGEST_BYTES));
    if (memcmp(data, MAGIC, MAGIC_BYTES) != 0 ||
        memcmp(data + MAGIC_BYTES, key->bytes, CLV_DIGEST_BYTES) != 0 ||
        memcmp(data + bytes - CLV_DIGEST_BYTES, sum.bytes, CLV_DIGEST_BYTES) != 0)
        return CLV_EFORMAT;
    return clv_profile_unpack(out, data + head, bytes - head - CLV_DIGEST_BYTES, NULL);
}

static bool suits(const clv_profile *p, const clv_profiler_options *o)
{
    bool good = memcmp(&p->bundle, o->bundle, sizeof p->bundle) == 0 && p->threads == o->threads &&
                p->n_runs >= o->n_forms;

    for (uint32_t i = 0; good && i < o->n_forms; i++)
        good = clv_profile_find_run(p, o->forms[i].precision, 1) != NULL;
    return good;
}

clv_status clv_profile_cache_load(clv_profile **out, const clv_profile_cache *cache,
                                  const clv_profiler_options *options)
{
    char path[MAX_PATH_BYTES];
    clv_digest key;
    clv_mapping file;
    clv_profile *profile = NULL;

    if (cache->folder == NULL || make_key(&key, cache, options) != CLV_OK ||
        clv_profile_cache_path(path, sizeof path, cache, options) != CLV_OK ||
        clv_mapping_open(&file, path, MAX_FILE_BYTES, NULL) != CLV_OK)
        return CLV_ENOENT;
    clv_status status = parse(&profile, &key, file.data, file.size);
    clv_mapping_done(&file);
    if (status == CLV_OK &&
        (!suits(profile, options) || clv_profile_describe(profile, options->model) != CLV_OK)) {
        clv_profile_free(profile);
        status = CLV_EFORMAT;
    }
    if (status != CLV_OK)
        return status == CLV_ENOMEM ? status : CLV_ENOENT;
    *out = profile;
    return CLV_OK;
}

static clv_status make_file(clv_buffer *file, const clv_digest *key, const clv_profile *profile)
{
    clv_digest sum;

    CLV_TRY(clv_buffer_append(file, MAGIC, MAGIC_BYTES));
    CLV_TRY(clv_buffer_append(file, key->bytes, sizeof key->bytes));
    CLV_TRY(clv_profile_pack(file, profile, true));
    CLV_TRY(clv_digest_of(&sum, file->data, file->size));
    return clv_buffer_append(file, sum.bytes, sizeof sum.bytes);
}

/* What goes wrong is no reason to do without the profile. */
static void store(clv_profile_cache *cache, const clv_profiler_options *options,
                  const clv_profile *profile)
{
    char path[MAX_PATH_BYTES];
    clv_digest key;
    clv_buffer file;

    clv_buffer_init(&file, MAX_FILE_BYTES);
    clv_status status = make_key(&key, cache, options);
    if (status == CLV_OK)
        status = clv_profile_cache_path(path, sizeof path, cache, options);
    if (status == CLV_OK)
        status = make_file(&file, &key, profile);
    if (status == CLV_OK)
        status = clv_file_write(path, file.data, file.size, 0600, &cache->note);
    else
        (void)clv_fail(&cache->note, status, cache->folder, "the profile can't be kept: %s",
                       clv_status_text(status));
    clv_buffer_done(&file);
}

clv_status clv_profile_obtain(clv_profile **out, clv_profile_cache *cache,
                              const clv_profiler_options *options, clv_error *err)
{
    clv_profiler_options cheap = *options;

    cache->note = (clv_error)CLV_ERROR_INIT;
    cache->kept = clv_profile_cache_load(out, cache, options) == CLV_OK;
    if (cache->kept)
        return CLV_OK;
    cheap.passes = PASSES;
    cheap.max_cuts = MAX_CUTS;
    cheap.codec_runs = CODEC_RUNS;
    cheap.budget_us = cheap.codec_us = cache->form_us;
    CLV_TRY(clv_profiler_measure(out, &cheap, err));
    if (cache->folder != NULL)
        store(cache, options, *out);
    return CLV_OK;
}
