/* SPDX-License-Identifier: Apache-2.0 */
#include "server/suffix.h"

#include "base/error.h"
#include "base/memory.h"
#include "codec/activation.h"
#include "media/image.h"
#include "runtime/tensor_set.h"

struct clv_suffix {
    clv_tensor_set tensors; /* the frontier, then the outputs */
    const clv_cut_ladder *ladder;
    uint8_t *codec_scratch;
    size_t codec_scratch_bytes;
    clv_image image, fitted, scratch;
    clv_symbols before, kept; /* of the frame that the next one follows, and its own */
    bool is_after, keeps;
};

clv_status clv_suffix_create(clv_suffix **out)
{
    clv_suffix *suffix = clv_calloc(1, sizeof *suffix);
    if (suffix == NULL)
        return CLV_ENOMEM;
    clv_image_init(&suffix->image);
    clv_image_init(&suffix->fitted);
    clv_image_init(&suffix->scratch);
    suffix->image.rgb.cap_bytes = 3 * CLV_SUFFIX_MAX_PIXELS;
    *out = suffix;
    return CLV_OK;
}

void clv_suffix_free(clv_suffix *suffix)
{
    if (suffix == NULL)
        return;
    clv_tensor_set_done(&suffix->tensors);
    clv_free(suffix->codec_scratch);
    clv_image_done(&suffix->image);
    clv_image_done(&suffix->fitted);
    clv_image_done(&suffix->scratch);
    clv_free(suffix->before.data);
    clv_free(suffix->kept.data);
    clv_free(suffix);
}

static clv_status fit_outputs(clv_suffix *suffix, const clv_graph *graph)
{
    return clv_tensor_set_fit(&suffix->tensors, graph, graph->outputs, graph->n_outputs);
}

clv_status clv_suffix_use(clv_suffix *suffix, const clv_cut_ladder *ladder)
{
    size_t wanted = ladder != NULL ? ladder->scratch_bytes : 0;

    suffix->ladder = NULL;
    suffix->is_after = suffix->keeps = false;
    if (wanted > suffix->codec_scratch_bytes) {
        uint8_t *scratch = clv_alloc_aligned(wanted);
        if (scratch == NULL)
            return CLV_ENOMEM;
        clv_free(suffix->codec_scratch);
        suffix->codec_scratch = scratch;
        suffix->codec_scratch_bytes = wanted;
    }
    suffix->ladder = ladder;
    return CLV_OK;
}

/* Most bytes that a frame's symbols take. */
static size_t symbol_bytes(const clv_cut_ladder *ladder)
{
    clv_codec_tables tables = clv_cut_ladder_tables(ladder, 0, NULL);
    size_t most = 0;

    for (uint32_t r = 0; r < tables.n_points; r++) {
        size_t bytes = clv_codec_symbol_bytes(&tables, r);
        most = bytes > most ? bytes : most;
    }
    return most;
}

clv_status clv_suffix_follow(clv_suffix *suffix, bool is_after, bool keep)
{
    size_t wanted = keep ? symbol_bytes(suffix->ladder) : 0;

    if (wanted > suffix->kept.cap) {
        uint8_t *data = clv_alloc_aligned(wanted);
        if (data == NULL)
            return CLV_ENOMEM;
        clv_free(suffix->kept.data);
        suffix->kept = (clv_symbols){.data = data, .cap = wanted};
    }
    suffix->kept.bytes = suffix->kept.held = 0;
    suffix->is_after = is_after;
    suffix->keeps = keep;
    return CLV_OK;
}

clv_symbols *clv_suffix_before(clv_suffix *suffix)
{
    return &suffix->before;
}

const clv_symbols *clv_suffix_kept(const clv_suffix *suffix)
{
    return &suffix->kept;
}

clv_status clv_suffix_load(clv_suffix *suffix, clv_exec *exec, const clv_program *program,
                           const clv_graph *device, uint32_t cut, const uint8_t *payload,
                           size_t bytes, clv_error *err)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(program), cut);
    clv_tensor_set *tensors = &suffix->tensors;

    clv_status status = clv_tensor_set_fit(tensors, device, frontier.values, frontier.count);
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "no room for the %u tensors of cut %u", frontier.count,
                        cut);
    clv_codec_tables tables = clv_cut_ladder_tables(suffix->ladder, 0, suffix->codec_scratch);
    tables.reference = suffix->is_after ? &suffix->before : NULL;
    tables.keep = suffix->keeps ? &suffix->kept : NULL;
    CLV_TRY(clv_activation_decode_by(tensors->tensors, tensors->planned, tensors->count, &tables,
                                     payload, bytes, err));
    for (uint32_t i = 0; i < frontier.count; i++)
        clv_exec_load(exec, frontier.values[i], &tensors->tensors[i]);
    return CLV_OK;
}

/* The image's pixels at the input's size. */
static clv_status fit(const clv_image **out, clv_suffix *suffix, const clv_suffix_image *image,
                      clv_error *err)
{
    const clv_input_spec *spec = image->spec;
    const clv_image *decoded = &suffix->image;

    if (image->fitted && (decoded->width != spec->width || decoded->height != spec->height))
        return clv_fail(err, CLV_ESHAPE, NULL, "an image of %ux%u where the network takes %ux%u",
                        decoded->width, decoded->height, spec->width, spec->height);
    if (!image->fitted)
        CLV_TRY(clv_image_fit(&suffix->fitted, &suffix->scratch, decoded, spec));
    *out = image->fitted ? decoded : &suffix->fitted;
    return CLV_OK;
}

clv_status clv_suffix_load_image(clv_suffix *suffix, clv_exec *exec, const clv_graph *graph,
                                 const clv_suffix_image *image, clv_error *err)
{
    clv_tensor_set *tensors = &suffix->tensors;
    const clv_image *pixels;

    CLV_TRY(clv_tensor_set_fit(tensors, graph, graph->inputs, 1));
    clv_status status = clv_image_decode(&suffix->image, image->data, image->bytes, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, "the image");
    CLV_TRY(fit(&pixels, suffix, image, err));
    clv_image_normalise(tensors->tensors[0].data, pixels->rgb.data, image->spec);
    clv_exec_load(exec, graph->inputs[0], &tensors->tensors[0]);
    return CLV_OK;
}

clv_status clv_suffix_bound(size_t *out, clv_suffix *suffix, const clv_graph *device)
{
    CLV_TRY(fit_outputs(suffix, device));
    return clv_activation_bound(out, suffix->tensors.tensors, suffix->tensors.planned,
                                suffix->tensors.count);
}

clv_status clv_suffix_store(size_t *bytes_out, clv_suffix *suffix, const clv_exec *exec,
                            const clv_graph *device, uint8_t *dst, size_t cap)
{
    CLV_TRY(fit_outputs(suffix, device));
    for (uint32_t i = 0; i < device->n_outputs; i++)
        clv_exec_store(exec, device->outputs[i], &suffix->tensors.tensors[i]);
    return clv_activation_encode(bytes_out, CLV_CODEC_FLOAT, suffix->tensors.tensors,
                                 suffix->tensors.planned, device->n_outputs, dst, cap);
}
