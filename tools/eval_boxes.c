/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/eval_boxes.h"

#include "base/clock.h"
#include "tools/box_files.h"
#include "tools/tool.h"

#define MAX_PATH_BYTES 8192u

typedef struct box_evaluation {
    const eval_boxes_job *job;
    session *session;
    detector *detector;
    box_files files;
    detection_set truth, found;
    bool any_file;
    eval_boxes_result result;
} box_evaluation;

static clv_status look_at(box_evaluation *e, uint32_t index, clv_error *err)
{
    char path[MAX_PATH_BYTES];
    uint64_t us;
    size_t bytes;
    bool there = false;

    int length = snprintf(path, sizeof path, "%s/%s", e->job->data, e->files.images[index]);
    if (length < 0 || (size_t)length >= sizeof path)
        return clv_fail(err, CLV_ELIMIT, e->job->data, "a path in it is too long");
    CLV_TRY(session_read_image(e->session, path, err));
    box_picture picture = {index, e->session->image.width, e->session->image.height};
    CLV_TRY(box_files_read(&e->truth, &there, &e->files, &picture, e->job->boxes, err));
    e->any_file |= there;
    CLV_TRY(session_go(e->session, &us, &bytes, err));
    CLV_TRY(detector_go(e->detector, err));
    const clv_boxes *boxes = detector_boxes(e->detector);
    if (detection_set_add(&e->found, index, boxes->items, boxes->count) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    e->result.run_us += us;
    e->result.payload_bytes += bytes;
    e->result.images++;
    return CLV_OK;
}

static clv_status look_at_all(box_evaluation *e, clv_error *err)
{
    size_t count = e->files.count < e->job->limit ? e->files.count : e->job->limit;
    uint64_t start_us = clv_clock_now_us();
    clv_status status = CLV_OK;

    for (size_t i = 0; i < count && status == CLV_OK; i++) {
        tool_progress("image", i + 1, count);
        status = tool_go_on(err);
        if (status == CLV_OK)
            status = look_at(e, (uint32_t)i, err);
    }
    tool_progress("", 0, 0);
    e->result.total_us = clv_clock_now_us() - start_us;
    return status;
}

static clv_status judge(box_evaluation *e, clv_error *err)
{
    if (!e->any_file)
        return clv_fail(err, CLV_ENOENT, e->job->boxes,
                        "it has no IMAGE.txt for any of the pictures in %s", e->job->data);
    if (e->truth.count == 0)
        return clv_fail(err, CLV_EFORMAT, e->job->boxes, "its files have no box");
    if (detection_ap50(&e->result.precision, &e->truth, &e->found) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    e->result.objects = e->truth.count;
    e->result.boxes = e->found.count;
    return CLV_OK;
}

clv_status eval_boxes(eval_boxes_result *out, session *s, const eval_boxes_job *job, clv_error *err)
{
    box_evaluation e = {.job = job, .session = s};

    clv_status status = detector_create(&e.detector, s, &job->decode, err);
    if (status == CLV_OK)
        status = box_files_list(&e.files, job->data, err);
    if (status == CLV_OK)
        status = look_at_all(&e, err);
    if (status == CLV_OK)
        status = judge(&e, err);
    if (status == CLV_OK)
        *out = e.result;
    detector_free(e.detector);
    box_files_done(&e.files);
    detection_set_done(&e.truth);
    detection_set_done(&e.found);
    return status;
}
