/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/eval_forms.h"

#include <stdlib.h>
#include <string.h>

#include "compress/fidelity.h"
#include "runtime/topk.h"
#include "runtime/weight_store.h"
#include "tools/box_files.h"
#include "tools/labelled_files.h"
#include "tools/tool.h"

#define MAX_PATH_BYTES 8192u

/* One form while it runs. */
typedef struct runner {
    session session;
    detector *detector;  /* of a detector */
    detection_set found; /* its boxes */
    double signal, noise;
    uint64_t *run_us; /* of each image */
} runner;

typedef struct comparison {
    const eval_forms_job *job;
    eval_forms_result result;
    runner runners[CLV_PRECISION_COUNT];
    labelled_files files; /* of a classifier */
    box_files pictures;   /* of a detector */
    detection_set truth;
    bool any_boxes;
} comparison;

/* --- which forms ---------------------------------------------------------------------------- */

static clv_status add_form(comparison *c, const char *name, clv_error *err)
{
    eval_forms_result *r = &c->result;
    clv_precision precision;

    if (clv_precision_find(&precision, name) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--precisions", "'%s' is neither float nor int8", name);
    for (uint32_t i = 0; i < r->n_forms; i++) {
        if (r->forms[i].precision == precision)
            return clv_fail(err, CLV_EINVAL, "--precisions", "%s is there twice", name);
    }
    r->forms[r->n_forms++].precision = precision;
    return CLV_OK;
}

/* "float,int8" */
static clv_status read_precisions(comparison *c, clv_error *err)
{
    const char *text = c->job->precisions;

    while (text != NULL) {
        char name[32];
        const char *comma = strchr(text, ',');
        size_t length = comma != NULL ? (size_t)(comma - text) : strlen(text);
        (void)snprintf(name, sizeof name, "%.*s", (int)(length < 31 ? length : 31), text);
        CLV_TRY(add_form(c, name, err));
        text = comma != NULL ? comma + 1 : NULL;
    }
    return CLV_OK;
}

/* --- what a form costs ---------------------------------------------------------------------- */

/* As the bundle stores them. */
static void count_weights(eval_form *form, const clv_graph *graph)
{
    for (uint32_t v = 0; v < graph->n_values; v++) {
        const clv_value *value = &graph->values[v];
        const clv_packed_weights *packed = clv_weight_store_find(graph->packed, v);
        size_t bytes, scales = 0;
        if (!clv_value_is_constant(value) || clv_tensor_bytes(&bytes, &value->tensor) != CLV_OK)
            continue;
        if (packed != NULL) {
            scales = sizeof(float) * packed->packing.n_scales;
            bytes = packed->n_bytes - scales;
        } else if (value->quant != NULL) {
            scales = sizeof(float) * (value->quant->n_scales > 0 ? value->quant->n_scales : 1);
        }
        form->weight_bytes += bytes;
        form->scale_bytes += scales;
    }
}

/* The model's first output is compared, so it must be of numbers that can be. */
static clv_status check_model(const eval_forms_job *job, const session *s, clv_error *err)
{
    const clv_graph *graph = s->model.model.graph;

    CLV_TRY(session_needs_image(s, err));
    bool numbers = graph->n_outputs > 0 && graph->values[graph->outputs[0]].tensor.dtype == CLV_F32;
    bool classes = numbers && clv_topk_applies(&graph->values[graph->outputs[0]].tensor);
    if (job->decode.decoder == NULL && !classes)
        return clv_fail(err, CLV_EINVAL, s->model.path,
                        "its first output is no list of class scores: this is no classifier");
    if (!numbers)
        return clv_fail(err, CLV_EUNSUPPORTED, s->model.path, "its first output isn't float32");
    return CLV_OK;
}

static clv_status open_form(comparison *c, uint32_t i, clv_error *err)
{
    eval_form *form = &c->result.forms[i];
    runner *r = &c->runners[i];
    tool_model_settings settings = *c->job->model;

    settings.precision = clv_precision_name(form->precision);
    CLV_TRY(
        session_open(&r->session, c->job->path, &settings, SPLIT_RUN_WHOLE, CLV_CODEC_FLOAT, err));
    CLV_TRY(check_model(c->job, &r->session, err));
    if (c->job->decode.decoder != NULL)
        CLV_TRY(detector_create(&r->detector, &r->session, &c->job->decode, err));
    clv_program_memory memory = clv_program_memory_of(r->session.program);
    form->activation_bytes = memory.arena_bytes + memory.scratch_bytes;
    count_weights(form, r->session.model.form);
    return CLV_OK;
}

/* --- one image ------------------------------------------------------------------------------ */

static void count_top(comparison *c, uint32_t i, int64_t class_index)
{
    clv_top top[5], first;
    uint32_t n_outputs;
    eval_form *form = &c->result.forms[i];

    uint32_t n = clv_topk(top, 5, &session_outputs(&c->runners[i].session, &n_outputs)[0]);
    (void)clv_topk(&first, 1, &session_outputs(&c->runners[0].session, &n_outputs)[0]);
    form->agreed += top[0].index == first.index;
    for (uint32_t k = 0; k < n; k++) {
        if ((int64_t)top[k].index - (int64_t)c->job->label_offset == class_index) {
            form->top1 += k == 0;
            form->top5++;
        }
    }
}

static void add_error(runner *r, const session *first)
{
    uint32_t n_outputs;
    const clv_tensor *a = &session_outputs(first, &n_outputs)[0];
    const clv_tensor *b = &session_outputs(&r->session, &n_outputs)[0];
    const float *x = a->data, *y = b->data;
    size_t n = 0;

    (void)!clv_shape_elems(&n, &a->shape); /* it has memory, so it has a size */
    for (size_t k = 0; k < n; k++) {
        double error = (double)y[k] - (double)x[k];
        r->signal += (double)x[k] * (double)x[k];
        r->noise += error * error;
    }
}

/* Every form on the image that the first one has read. */
static clv_status run_forms(comparison *c, size_t image, clv_error *err)
{
    for (uint32_t i = 0; i < c->result.n_forms; i++) {
        runner *r = &c->runners[i];
        size_t bytes;
        if (i > 0)
            session_share_image(&r->session, &c->runners[0].session);
        CLV_TRY(session_go(&r->session, &r->run_us[image], &bytes, err));
        add_error(r, &c->runners[0].session);
    }
    return CLV_OK;
}

static clv_status find_boxes(runner *r, uint32_t image, clv_error *err)
{
    CLV_TRY(detector_go(r->detector, err));
    const clv_boxes *boxes = detector_boxes(r->detector);
    if (detection_set_add(&r->found, image, boxes->items, boxes->count) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    return CLV_OK;
}

static clv_status read_truth(comparison *c, uint32_t image, clv_error *err)
{
    const session *s = &c->runners[0].session;
    const box_picture picture = {image, s->width, s->height};
    bool there = false;

    CLV_TRY(box_files_read(&c->truth, &there, &c->pictures, &picture, c->job->boxes, err));
    c->any_boxes |= there;
    return CLV_OK;
}

static clv_status look_at(comparison *c, uint32_t image, clv_error *err)
{
    const char *file = c->result.detector ? c->pictures.images[image] : c->files.items[image].file;
    char path[MAX_PATH_BYTES];

    int length = snprintf(path, sizeof path, "%s/%s", c->job->data, file);
    if (length < 0 || (size_t)length >= sizeof path)
        return clv_fail(err, CLV_ELIMIT, c->job->data, "a path in it is too long");
    CLV_TRY(session_read_image(&c->runners[0].session, path, err));
    if (c->result.detector)
        CLV_TRY(read_truth(c, image, err));
    CLV_TRY(run_forms(c, image, err));
    for (uint32_t i = 0; i < c->result.n_forms; i++) {
        if (c->result.detector)
            CLV_TRY(find_boxes(&c->runners[i], image, err));
        else
            count_top(c, i, c->files.items[image].class_index);
    }
    c->result.images++;
    return CLV_OK;
}

/* --- all of them ---------------------------------------------------------------------------- */

static clv_status look_at_all(comparison *c, clv_error *err)
{
    size_t all = c->result.detector ? c->pictures.count : c->files.count;
    size_t count = all < c->job->limit ? all : c->job->limit;
    clv_status status = CLV_OK;

    for (uint32_t i = 0; i < c->result.n_forms; i++) {
        c->runners[i].run_us = clv_calloc(count, sizeof(uint64_t));
        if (c->runners[i].run_us == NULL)
            return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    }
    for (size_t i = 0; i < count && status == CLV_OK; i++) {
        tool_progress("image", i + 1, count);
        status = tool_go_on(err);
        if (status == CLV_OK)
            status = look_at(c, (uint32_t)i, err);
    }
    tool_progress("", 0, 0);
    return status;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static clv_status judge_boxes(comparison *c, uint32_t i, clv_error *err)
{
    eval_form *form = &c->result.forms[i];
    const detection_set *found = &c->runners[i].found;

    if (detection_ap50(&form->detection, &c->truth, found) != CLV_OK ||
        detection_compare(&form->different, &c->runners[0].found, found) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    return CLV_OK;
}

static clv_status judge(comparison *c, clv_error *err)
{
    if (c->result.detector && !c->any_boxes)
        return clv_fail(err, CLV_ENOENT, c->job->boxes,
                        "it has no IMAGE.txt for any of the pictures in %s", c->job->data);
    if (c->result.detector && c->truth.count == 0)
        return clv_fail(err, CLV_EFORMAT, c->job->boxes, "its files have no box");
    c->result.objects = c->truth.count;
    for (uint32_t i = 0; i < c->result.n_forms; i++) {
        runner *r = &c->runners[i];
        qsort(r->run_us, c->result.images, sizeof *r->run_us, by_size);
        c->result.forms[i].run_us = r->run_us[c->result.images / 2];
        c->result.forms[i].snr_db = clv_error_db(r->signal > 0 ? r->noise / r->signal : r->noise);
        if (c->result.detector)
            CLV_TRY(judge_boxes(c, i, err));
    }
    return CLV_OK;
}

static clv_status compare(comparison *c, const char *command, clv_error *err)
{
    CLV_TRY(read_precisions(c, err));
    if (!c->result.detector)
        CLV_TRY(labelled_files_read(&c->files, c->job->labels, err));
    for (uint32_t i = 0; i < c->result.n_forms; i++)
        CLV_TRY(open_form(c, i, err));
    if (c->result.detector)
        CLV_TRY(box_files_list(&c->pictures, c->job->data, err));
    tool_model_note(&c->runners[0].session.model, c->job->model, command);
    tool_hold_signals();
    CLV_TRY(look_at_all(c, err));
    return judge(c, err);
}

clv_status eval_forms(eval_forms_result *out, const eval_forms_job *job, const char *command,
                      clv_error *err)
{
    comparison c = {.job = job, .result = {.detector = job->decode.decoder != NULL}};

    clv_status status = compare(&c, command, err);
    if (status == CLV_OK)
        *out = c.result;
    for (uint32_t i = 0; i < CLV_PRECISION_COUNT; i++) {
        detector_free(c.runners[i].detector);
        detection_set_done(&c.runners[i].found);
        clv_free(c.runners[i].run_us);
        session_done(&c.runners[i].session);
    }
    labelled_files_done(&c.files);
    box_files_done(&c.pictures);
    detection_set_done(&c.truth);
    return status;
}
