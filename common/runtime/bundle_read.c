/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "graph/quant.h"
#include "proto/proto_guard.h"
#include "runtime/bundle.h"
#include "runtime/bundle_format.h"
#include "runtime/bundle_graph.h"
#include "runtime/bundle_ladders.h"
#include "runtime/weight_store.h"

#define VERIFY_BYTES ((size_t)1 << 20) /* a multiple of a page */

struct clv_bundle {
    clv_mapping mapping; /* data NULL when the memory is borrowed */
    const uint8_t *data;
    size_t bytes;
    clv_digest id;
    clv_weights weights;
    clv_model main;
    clv_model student;
    bool has_student;
    clv_ladder_store ladders[2]; /* of the model and the student */
    Clv__Pb__Manifest *manifest; /* names and labels live here */
};

static const clv_proto_limits manifest_limits = {
    .max_depth = 16, .max_messages = 2000000, .max_items = 20000000};

static clv_status bad_header(clv_error *err, size_t offset, const char *what)
{
    char where[32];
    (void)snprintf(where, sizeof where, "header, offset %zu", offset);
    return clv_fail(err, CLV_EFORMAT, where, "%s", what);
}

/* Sections in order, inside the file, not overlapping. */
static clv_status read_sections(clv_bundle *b, size_t *manifest_bytes_out, clv_error *err)
{
    const uint8_t *h = b->data;
    uint64_t file = clv_read_u64(h + CLV_BUNDLE_AT_FILE_BYTES);
    uint64_t manifest = clv_read_u64(h + CLV_BUNDLE_AT_MANIFEST_BYTES);
    uint64_t weights_at = clv_read_u64(h + CLV_BUNDLE_AT_WEIGHTS_OFFSET);
    uint64_t weights = clv_read_u64(h + CLV_BUNDLE_AT_WEIGHTS_BYTES);

    if (file != b->bytes)
        return clv_fail(err, CLV_EFORMAT, "header, offset 48",
                        "the file has %zu bytes but should have %llu: it is cut off or has grown",
                        b->bytes, (unsigned long long)file);
    if (manifest > CLV_BUNDLE_MAX_MANIFEST_BYTES || manifest > b->bytes - CLV_BUNDLE_HEADER_BYTES)
        return bad_header(err, CLV_BUNDLE_AT_MANIFEST_BYTES, "the manifest is too long");
    if (weights_at % CLV_BUNDLE_PAGE != 0 || weights_at < CLV_BUNDLE_HEADER_BYTES + manifest ||
        weights_at > b->bytes || weights != b->bytes - weights_at)
        return bad_header(err, CLV_BUNDLE_AT_WEIGHTS_OFFSET, "the weights lie outside of the file");
    for (size_t i = CLV_BUNDLE_AT_WEIGHTS_BYTES + 8; i < CLV_BUNDLE_HEADER_BYTES; i++) {
        if (h[i] != 0)
            return bad_header(err, i, "a reserved byte is not zero");
    }
    b->weights = (clv_weights){b->data + weights_at, (size_t)weights};
    *manifest_bytes_out = (size_t)manifest;
    return CLV_OK;
}

static clv_status read_header(clv_bundle *b, size_t *manifest_bytes_out, clv_error *err)
{
    if (b->bytes < CLV_BUNDLE_HEADER_BYTES ||
        memcmp(b->data, CLV_BUNDLE_MAGIC, CLV_BUNDLE_MAGIC_BYTES) != 0)
        return bad_header(err, 0, "this is no Cleave bundle (make one with `cleave build`)");
    uint32_t version = clv_read_u32(b->data + CLV_BUNDLE_AT_VERSION);
    if (version != CLV_BUNDLE_VERSION)
        return clv_fail(err, CLV_EVERSION, "header, offset 8",
                        "the bundle has format %u; this program reads format %u", version,
                        CLV_BUNDLE_VERSION);
    if (clv_read_u32(b->data + CLV_BUNDLE_AT_VERSION + 4) != 0)
        return bad_header(err, CLV_BUNDLE_AT_VERSION + 4, "a reserved byte is not zero");
    memcpy(b->id.bytes, b->data + CLV_BUNDLE_AT_ID, sizeof b->id.bytes);
    return read_sections(b, manifest_bytes_out, err);
}

static clv_status read_input_spec(clv_model *model, const Clv__Pb__InputSpec *m, clv_error *err)
{
    if (m == NULL)
        return CLV_OK;
    if (m->n_mean != 3 || m->n_std != 3 || m->fit > CLV_FIT_LETTERBOX ||
        m->channels > CLV_CHANNELS_GRAY)
        return clv_fail(err, CLV_EFORMAT, "manifest, input spec", "a member is out of range");
    clv_input_spec *spec = &model->input;
    *spec = (clv_input_spec){.width = m->width,
                             .height = m->height,
                             .channels_last = m->channels_last,
                             .channels = (clv_channels)m->channels,
                             .fit = (clv_fit)m->fit,
                             .crop_ratio = m->crop_ratio};
    memcpy(spec->mean, m->mean, sizeof spec->mean);
    memcpy(spec->std, m->std, sizeof spec->std);
    CLV_TRY(clv_input_spec_check(spec, err));

    /* It must be of the size of the model's first input: pixels are written straight into it. */
    const clv_graph *graph = model->graph;
    clv_input_spec fitted = *spec;
    if (graph->n_inputs == 0)
        return clv_fail(err, CLV_EFORMAT, "manifest, input spec", "the model has no input");
    CLV_TRY(clv_input_spec_fit_shape(&fitted, &graph->values[graph->inputs[0]].tensor, err));
    if (fitted.width != spec->width || fitted.height != spec->height ||
        fitted.channels_last != spec->channels_last || fitted.channels != spec->channels)
        return clv_fail(err, CLV_EFORMAT, "manifest, input spec",
                        "it doesn't fit the model's input");
    model->has_input_spec = true;
    return CLV_OK;
}

/* One form of a model, or NULL. */
static clv_status read_form(clv_graph **out, const Clv__Pb__Graph *m, const clv_weights *weights,
                            clv_error *err)
{
    return m != NULL ? clv_bundle_read_graph(out, m, weights, err) : CLV_OK;
}

/* Whether @p a, a value of the float form, and @p b of the other can stand for each other: what is
 * stored in bytes there is float32 here, anything else has one type. */
static bool values_meet(const clv_value *a, const clv_value *b)
{
    bool same = a->producer == b->producer && a->bounded == b->bounded &&
                clv_value_is_constant(a) == clv_value_is_constant(b) &&
                clv_shape_equal(&a->tensor.shape, &b->tensor.shape);

    if (!same || clv_value_is_constant(a))
        return same;
    if (a->tensor.dtype != b->tensor.dtype)
        return a->tensor.dtype == CLV_F32 && clv_dtype_is_byte(b->tensor.dtype) &&
               b->quant != NULL && !b->bounded;
    return !clv_dtype_is_byte(a->tensor.dtype) || (a->quant == NULL && b->quant == NULL);
}

static bool same_indices(const uint32_t *a, const uint32_t *b, uint32_t n)
{
    return n == 0 || memcmp(a, b, n * sizeof *a) == 0;
}

/* Whether the forms @p a, in float32, and @p b can meet at a cut: the same nodes, over values that
 * are made in the same order. */
static bool same_structure(const clv_graph *a, const clv_graph *b)
{
    bool same = a->n_values == b->n_values && a->n_nodes == b->n_nodes &&
                a->n_inputs == b->n_inputs && a->n_outputs == b->n_outputs;

    for (uint32_t v = 0; same && v < a->n_values; v++)
        same = values_meet(&a->values[v], &b->values[v]);
    for (uint32_t i = 0; same && i < a->n_nodes; i++) {
        const clv_node *x = &a->nodes[i], *y = &b->nodes[i];
        same = !x->quantised && x->op == y->op && x->n_inputs == y->n_inputs &&
               same_indices(x->inputs, y->inputs, x->n_inputs);
    }
    return same && same_indices(a->inputs, b->inputs, a->n_inputs) &&
           same_indices(a->outputs, b->outputs, a->n_outputs);
}

/* Both forms. The float one can take the bytes of the other, so it learns what they stand for. */
static clv_status read_forms(clv_model *model, const Clv__Pb__Model *m, const clv_weights *weights,
                             clv_error *err)
{
    CLV_TRY(read_form(&model->graph, m->graph, weights, err));
    clv_status status = read_form(&model->int8, m->int8, weights, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, "int8");
    if (model->graph == NULL)
        model->graph = model->int8;
    if (model->graph == NULL)
        return clv_fail(err, CLV_EFORMAT, "manifest", "a model has no graph");
    if (model->int8 == NULL || model->int8 == model->graph)
        return CLV_OK;
    if (!same_structure(model->graph, model->int8))
        return clv_fail(err, CLV_EFORMAT, "manifest, int8", "it isn't the float form's network");
    for (uint32_t v = 0; v < model->graph->n_values; v++) {
        if (!clv_value_is_constant(&model->graph->values[v]))
            model->graph->values[v].quant = model->int8->values[v].quant;
    }
    return CLV_OK;
}

static clv_status read_model(clv_model *model, clv_ladder_store *ladders, const Clv__Pb__Model *m,
                             const clv_weights *weights, clv_error *err)
{
    if (m->n_labels > CLV_BUNDLE_MAX_LABELS)
        return clv_fail(err, CLV_ELIMIT, "manifest", "more than %u labels", CLV_BUNDLE_MAX_LABELS);
    CLV_TRY(read_forms(model, m, weights, err));
    model->labels = m->n_labels > 0 ? (const char *const *)m->labels : NULL;
    model->n_labels = (uint32_t)m->n_labels;
    CLV_TRY(read_input_spec(model, m->input, err));
    return clv_bundle_read_ladders(model, ladders, m, weights, err);
}

static clv_status read_manifest(clv_bundle *b, size_t bytes, clv_error *err)
{
    const uint8_t *data = b->data + CLV_BUNDLE_HEADER_BYTES;

    clv_status status =
        clv_proto_check(&clv__pb__manifest__descriptor, data, bytes, &manifest_limits, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, "manifest");
    b->manifest = clv__pb__manifest__unpack(NULL, bytes, data);
    if (b->manifest == NULL || b->manifest->main == NULL)
        return clv_fail(err, CLV_EFORMAT, "manifest", "it can't be read, or holds no model");
    CLV_TRY(read_model(&b->main, &b->ladders[0], b->manifest->main, &b->weights, err));
    if (b->manifest->student != NULL) {
        status = read_model(&b->student, &b->ladders[1], b->manifest->student, &b->weights, err);
        if (status != CLV_OK)
            return clv_error_prefix(err, status, "student");
        b->has_student = true;
    }
    return CLV_OK;
}

static clv_status open_bundle(clv_bundle **out, clv_bundle *b, clv_error *err)
{
    size_t manifest_bytes = 0;

    clv_status status = read_header(b, &manifest_bytes, err);
    if (status == CLV_OK)
        status = read_manifest(b, manifest_bytes, err);
    if (status == CLV_OK)
        *out = b;
    else
        clv_bundle_free(b);
    return status;
}

clv_status clv_bundle_open_memory(clv_bundle **out, const uint8_t *data, size_t bytes,
                                  clv_error *err)
{
    clv_bundle *b = clv_calloc(1, sizeof *b);
    if (b == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    b->data = data;
    b->bytes = bytes;
    return open_bundle(out, b, err);
}

clv_status clv_bundle_open(clv_bundle **out, const char *path, clv_error *err)
{
    clv_mapping mapping;
    CLV_TRY(clv_mapping_open(&mapping, path, CLV_BUNDLE_MAX_BYTES, err));
    clv_bundle *b = clv_calloc(1, sizeof *b);
    if (b == NULL) {
        clv_mapping_done(&mapping);
        return clv_fail(err, CLV_ENOMEM, path, "out of memory");
    }
    b->mapping = mapping;
    b->data = mapping.data;
    b->bytes = mapping.size;
    clv_status status = open_bundle(out, b, err);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, path);
}

/* In pieces whose pages go again: reading the file doesn't make all of it resident. */
static clv_status digest_content(clv_digest *out, const clv_bundle *bundle)
{
    clv_digest_context *context;
    clv_status status = clv_digest_start(&context);

    if (status != CLV_OK)
        return status;
    for (size_t at = CLV_BUNDLE_AT_FILE_BYTES; status == CLV_OK && at < bundle->bytes;) {
        size_t end = (at / VERIFY_BYTES + 1) * VERIFY_BYTES;
        size_t bytes = (end < bundle->bytes ? end : bundle->bytes) - at;
        status = clv_digest_add(context, bundle->data + at, bytes);
        clv_mapping_drop_pages(&bundle->mapping, at, bytes);
        at += bytes;
    }
    if (status == CLV_OK)
        return clv_digest_finish(out, context);
    (void)clv_digest_finish(NULL, context);
    return status;
}

clv_status clv_bundle_verify(const clv_bundle *bundle, clv_error *err)
{
    clv_digest digest;
    if (digest_content(&digest, bundle) != CLV_OK)
        return clv_fail(err, CLV_EINTERNAL, "bundle", "the digest can't be computed");
    if (memcmp(digest.bytes, bundle->id.bytes, sizeof digest.bytes) != 0)
        return clv_fail(err, CLV_EFORMAT, "bundle",
                        "its content does not match its id: the file is damaged");
    return CLV_OK;
}

static void free_forms(clv_model *model)
{
    if (model->int8 != model->graph)
        clv_bundle_free_graph(model->int8);
    clv_bundle_free_graph(model->graph);
}

void clv_bundle_free(clv_bundle *bundle)
{
    if (bundle == NULL)
        return;
    free_forms(&bundle->main);
    free_forms(&bundle->student);
    clv_ladder_store_done(&bundle->ladders[0]);
    clv_ladder_store_done(&bundle->ladders[1]);
    if (bundle->manifest != NULL)
        clv__pb__manifest__free_unpacked(bundle->manifest, NULL);
    clv_mapping_done(&bundle->mapping);
    clv_free(bundle);
}

const clv_digest *clv_bundle_id(const clv_bundle *bundle)
{
    return &bundle->id;
}

const clv_model *clv_bundle_main(const clv_bundle *bundle)
{
    return &bundle->main;
}

const clv_model *clv_bundle_student(const clv_bundle *bundle)
{
    return bundle->has_student ? &bundle->student : NULL;
}

size_t clv_bundle_bytes(const clv_bundle *bundle)
{
    return bundle->bytes;
}

clv_status clv_model_choose(clv_precision *out, const clv_model *model, const char *name,
                            clv_precision preferred, clv_error *err)
{
    clv_precision precision = preferred;

    assert(model->graph != NULL);
    if (name != NULL && clv_precision_find(&precision, name) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, NULL, "no precision is called '%s': float or int8", name);
    if (name == NULL && clv_model_graph(model, precision) == NULL)
        precision = model->int8 != NULL ? CLV_PRECISION_INT8 : CLV_PRECISION_FLOAT;
    if (clv_model_graph(model, precision) == NULL)
        return clv_fail(err, CLV_EUNSUPPORTED, model->graph->name,
                        "the network isn't there in %s: cleave build --calibrate DIR --precision "
                        "both makes bundles that hold both",
                        clv_precision_name(precision));
    *out = precision;
    return CLV_OK;
}

void clv_bundle_drop_packed(const clv_bundle *bundle, const clv_graph *graph,
                            bool (*keeps)(const void *context, uint32_t value), const void *context)
{
    for (uint32_t v = 0; v < graph->n_values; v++) {
        const clv_tensor *t = &graph->values[v].tensor;
        const clv_packed_weights *packed = clv_weight_store_find(graph->packed, v);
        const uint8_t *data = packed != NULL ? packed->bytes : t->data;
        size_t bytes = packed != NULL ? packed->n_bytes : 0;
        if (data == NULL || (packed == NULL && keeps(context, v)) ||
            (packed == NULL && clv_tensor_bytes(&bytes, t) != CLV_OK))
            continue;
        clv_mapping_drop_pages(&bundle->mapping, (size_t)(data - bundle->data), bytes);
    }
}
