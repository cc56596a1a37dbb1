/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/bundle.h"
#include "runtime/bundle_format.h"
#include "runtime/bundle_graph.h"
#include "runtime/bundle_ladders.h"

static clv_status write_input_spec(Clv__Pb__InputSpec **out, clv_arena *arena,
                                   const clv_input_spec *spec)
{
    Clv__Pb__InputSpec *m = clv_arena_alloc(arena, 1, sizeof *m);
    float *numbers = clv_arena_alloc(arena, 6, sizeof *numbers);
    if (m == NULL || numbers == NULL)
        return CLV_ENOMEM;
    clv__pb__input_spec__init(m);
    m->width = spec->width;
    m->height = spec->height;
    m->channels_last = spec->channels_last;
    m->channels = spec->channels;
    m->fit = spec->fit;
    m->crop_ratio = spec->crop_ratio;
    memcpy(numbers, spec->mean, sizeof spec->mean);
    memcpy(numbers + 3, spec->std, sizeof spec->std);
    m->mean = numbers;
    m->n_mean = 3;
    m->std = numbers + 3;
    m->n_std = 3;
    *out = m;
    return CLV_OK;
}

static clv_status write_model(Clv__Pb__Model **out, clv_arena *arena, clv_weight_list *weights,
                              const clv_model *model)
{
    Clv__Pb__Model *m = clv_arena_alloc(arena, 1, sizeof *m);
    if (m == NULL)
        return CLV_ENOMEM;
    clv__pb__model__init(m);
    weights->form = model->weights[CLV_PRECISION_FLOAT];
    if (clv_model_graph(model, CLV_PRECISION_FLOAT) != NULL)
        CLV_TRY(clv_bundle_write_graph(&m->graph, arena, weights, model->graph));
    weights->form = model->weights[CLV_PRECISION_INT8];
    if (model->int8 != NULL)
        CLV_TRY(clv_bundle_write_graph(&m->int8, arena, weights, model->int8));
    if (model->has_input_spec)
        CLV_TRY(write_input_spec(&m->input, arena, &model->input));
    m->n_labels = model->n_labels;
    m->labels = (char **)(uintptr_t)model->labels; /* protobuf-c only reads them */
    CLV_TRY(clv_bundle_write_ladders(m, arena, weights, model));
    *out = m;
    return CLV_OK;
}

/* Bytes go to the file and into the digest. */
typedef struct sink {
    clv_file_writer *file;
    clv_digest_context *digest;
} sink;

static clv_status put(sink *s, const void *data, size_t bytes)
{
    CLV_TRY(clv_digest_add(s->digest, data, bytes));
    return clv_file_writer_put(s->file, data, bytes);
}

static clv_status put_zeros(sink *s, size_t bytes)
{
    static const uint8_t zeros[CLV_BUNDLE_PAGE];
    return put(s, zeros, bytes);
}

static clv_status put_weights(sink *s, const clv_weight_list *weights)
{
    for (size_t i = 0; i < weights->count; i++) {
        const clv_weight_item *item = &weights->items[i];
        CLV_TRY(put(s, item->data, item->bytes));
        CLV_TRY(put_zeros(s, (CLV_ALIGN - item->bytes % CLV_ALIGN) % CLV_ALIGN));
    }
    return CLV_OK;
}

static clv_status put_all(sink *s, const uint8_t *manifest, size_t manifest_bytes,
                          const clv_weight_list *weights, clv_digest *id_out)
{
    uint8_t header[CLV_BUNDLE_HEADER_BYTES] = {0};
    size_t manifest_end = CLV_BUNDLE_HEADER_BYTES + manifest_bytes;
    size_t weights_offset =
        (manifest_end + CLV_BUNDLE_PAGE - 1) / CLV_BUNDLE_PAGE * CLV_BUNDLE_PAGE;

    memcpy(header, CLV_BUNDLE_MAGIC, CLV_BUNDLE_MAGIC_BYTES);
    clv_write_u32(header + CLV_BUNDLE_AT_VERSION, CLV_BUNDLE_VERSION);
    clv_write_u64(header + CLV_BUNDLE_AT_FILE_BYTES, weights_offset + weights->bytes);
    clv_write_u64(header + CLV_BUNDLE_AT_MANIFEST_BYTES, manifest_bytes);
    clv_write_u64(header + CLV_BUNDLE_AT_WEIGHTS_OFFSET, weights_offset);
    clv_write_u64(header + CLV_BUNDLE_AT_WEIGHTS_BYTES, weights->bytes);
    CLV_TRY(clv_file_writer_put(s->file, header, CLV_BUNDLE_AT_FILE_BYTES));
    CLV_TRY(put(s, header + CLV_BUNDLE_AT_FILE_BYTES,
                CLV_BUNDLE_HEADER_BYTES - CLV_BUNDLE_AT_FILE_BYTES));
    CLV_TRY(put(s, manifest, manifest_bytes));
    CLV_TRY(put_zeros(s, weights_offset - manifest_end));
    CLV_TRY(put_weights(s, weights));
    clv_digest_context *digest = s->digest;
    s->digest = NULL; /* finishing frees it */
    CLV_TRY(clv_digest_finish(id_out, digest));
    return clv_file_writer_put_at(s->file, CLV_BUNDLE_AT_ID, id_out->bytes, sizeof id_out->bytes);
}

static clv_status write_file(const char *path, const uint8_t *manifest, size_t manifest_bytes,
                             const clv_weight_list *weights, clv_digest *id_out, clv_error *err)
{
    sink s = {0};
    clv_digest id = {{0}};

    CLV_TRY(clv_file_writer_open(&s.file, path, 0644, err));
    clv_status status = clv_digest_start(&s.digest);
    if (status == CLV_OK)
        status = put_all(&s, manifest, manifest_bytes, weights, &id);
    (void)clv_digest_finish(NULL, s.digest);
    clv_status finished = clv_file_writer_finish(s.file, status == CLV_OK, err);
    if (finished != CLV_OK)
        return finished;
    if (status != CLV_OK)
        return clv_fail(err, status, path, "cannot be written: %s", clv_status_text(status));
    if (id_out != NULL)
        *id_out = id;
    return CLV_OK;
}

clv_status clv_bundle_write(const char *path, const clv_model *main, const clv_model *student,
                            clv_digest *id_out, clv_error *err)
{
    clv_status status = CLV_ENOMEM;
    clv_arena arena = CLV_ARENA_INIT;
    clv_weight_list weights = {0};
    uint8_t *packed = NULL;
    Clv__Pb__Manifest manifest;

    clv__pb__manifest__init(&manifest);
    manifest.producer = (char *)(uintptr_t) "cleave " CLEAVE_VERSION;
    status = write_model(&manifest.main, &arena, &weights, main);
    if (status == CLV_OK && student != NULL)
        status = write_model(&manifest.student, &arena, &weights, student);
    if (status != CLV_OK) {
        status = clv_fail(err, status, path, "cannot be made: %s", clv_status_text(status));
        goto done;
    }
    size_t bytes = clv__pb__manifest__get_packed_size(&manifest);
    if (bytes > CLV_BUNDLE_MAX_MANIFEST_BYTES) {
        status = clv_fail(err, CLV_ELIMIT, path, "the manifest would have %zu bytes", bytes);
        goto done;
    }
    packed = clv_calloc(bytes, 1);
    if (packed == NULL) {
        status = clv_fail(err, CLV_ENOMEM, path, "out of memory");
        goto done;
    }
    (void)clv__pb__manifest__pack(&manifest, packed);
    status = write_file(path, packed, bytes, &weights, id_out, err);
done:
    clv_free(packed);
    clv_weight_list_done(&weights);
    clv_arena_done(&arena);
    return status;
}
