/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/detector.h"

#include "base/error.h"
#include "base/memory.h"

struct detector {
    const session *session;
    clv_decode_options options;
    clv_boxes boxes;
};

clv_status detector_read_settings(clv_decode_options *o, const detector_settings *settings,
                                  clv_error *err)
{
    *o = (clv_decode_options)CLV_DECODE_OPTIONS_INIT;
    clv_status status = clv_decode_choose(o, settings->decoder, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, "--decode");
    if (!(settings->score >= 0 && settings->score <= 1))
        return clv_fail(err, CLV_EINVAL, "--score", "%g is not within 0..1", settings->score);
    if (!(settings->iou >= 0 && settings->iou <= 1))
        return clv_fail(err, CLV_EINVAL, "--iou", "%g is not within 0..1", settings->iou);
    o->score = (float)settings->score;
    o->iou = (float)settings->iou;
    o->most = (uint32_t)settings->most;
    return CLV_OK;
}

clv_status detector_create(detector **out, const session *s, const detector_settings *settings,
                           clv_error *err)
{
    clv_decode_options options;

    CLV_TRY(detector_read_settings(&options, settings, err));
    options.width = s->model.model.input.width;
    options.height = s->model.model.input.height;
    detector *d = clv_calloc(1, sizeof *d);
    if (d == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    d->session = s;
    d->options = options;
    *out = d;
    return CLV_OK;
}

void detector_free(detector *d)
{
    clv_free(d);
}

clv_status detector_go(detector *d, clv_error *err)
{
    uint32_t n;
    const clv_tensor *outputs = session_outputs(d->session, &n);

    return detector_go_with(d, outputs, n, err);
}

clv_status detector_go_with(detector *d, const clv_tensor *outputs, uint32_t n, clv_error *err)
{
    const session *s = d->session;
    clv_fit_map map;

    clv_status status = clv_decode(&d->boxes, outputs, n, &d->options, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, s->model.path);
    CLV_TRY(clv_image_fit_map(&map, s->width, s->height, &s->model.model.input));
    clv_boxes_place(&d->boxes, &map, s->width, s->height);
    return CLV_OK;
}

const clv_boxes *detector_boxes(const detector *d)
{
    return &d->boxes;
}

const char *detector_label(const detector *d, uint32_t class_index)
{
    const char *label = tool_model_label(&d->session->model, class_index);
    return label == NULL && class_index == 0 ? clv_decoder_only_class(d->options.decoder) : label;
}
