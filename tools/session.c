/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/session.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* The other form behind the cut, where it is wanted. */
static clv_status compile_suffix(session *s, const tool_model_settings *settings, clv_error *err)
{
    clv_precision precision;
    clv_status status =
        clv_model_choose(&precision, &s->model.model, settings->suffix, CLV_PRECISION_FLOAT, err);

    if (status != CLV_OK)
        return clv_error_prefix(err, status, "--suffix");
    if (precision == s->model.precision)
        return CLV_OK;
    return tool_model_compile(&s->suffix, &s->model, clv_model_graph(&s->model.model, precision),
                              settings, err);
}

clv_status session_open(session *out, const char *path, const tool_model_settings *settings,
                        uint32_t cut, clv_codec codec, clv_error *err)
{
    *out = (session){0};
    clv_image_init(&out->image);
    clv_image_init(&out->fitted);
    clv_image_init(&out->scratch);
    CLV_TRY(tool_model_open(&out->model, path, settings, err));
    CLV_TRY(tool_model_compile(&out->program, &out->model, out->model.form, settings, err));
    if (cut != SPLIT_RUN_WHOLE)
        CLV_TRY(compile_suffix(out, settings, err));
    return split_run_create(&out->run, out->program, out->suffix, cut, codec, err);
}

void session_done(session *s)
{
    split_run_free(s->run);
    clv_program_free(s->program);
    clv_program_free(s->suffix);
    tool_model_done(&s->model);
    clv_image_done(&s->image);
    clv_image_done(&s->fitted);
    clv_image_done(&s->scratch);
}

clv_status session_needs_image(const session *s, clv_error *err)
{
    if (s->model.model.has_input_spec && s->model.model.graph->n_inputs == 1)
        return CLV_OK;
    return clv_fail(err, CLV_EINVAL, s->model.path,
                    "the model takes no image: `cleave run` takes tensors, --tensor NAME=FILE");
}

clv_status session_read_image(session *s, const char *path, clv_error *err)
{
    const clv_input_spec *spec = &s->model.model.input;
    uint32_t n;

    CLV_TRY(clv_image_load(&s->image, path, err));
    clv_status status = clv_image_fit(&s->fitted, &s->scratch, &s->image, spec);
    if (status != CLV_OK)
        return clv_fail(err, status, path, "it can't be resized: %s", clv_status_text(status));
    clv_image_normalise(split_run_inputs(s->run, &n)[0].data, s->fitted.rgb.data, spec);
    s->width = s->image.width;
    s->height = s->image.height;
    return CLV_OK;
}

void session_share_image(session *s, const session *from)
{
    uint32_t n;
    const clv_tensor *read = split_run_inputs(from->run, &n);
    size_t bytes = 0;

    (void)!clv_tensor_bytes(&bytes, &read[0]); /* it has memory, so it has a size */
    memcpy(split_run_inputs(s->run, &n)[0].data, read[0].data, bytes);
    s->width = from->width;
    s->height = from->height;
}

clv_status session_go(session *s, uint64_t *us_out, size_t *bytes_out, clv_error *err)
{
    uint64_t start_us = clv_clock_now_us();
    clv_status status = split_run_go(s->run, bytes_out, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, s->model.path);
    *us_out = clv_clock_now_us() - start_us;
    return CLV_OK;
}

const clv_tensor *session_outputs(const session *s, uint32_t *n_out)
{
    return split_run_outputs(s->run, n_out);
}

const char *session_output_name(const session *s, uint32_t i)
{
    const clv_graph *graph = s->model.model.graph;
    return graph->values[graph->outputs[i]].name;
}
