/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bundle_ladders.h"

#include <math.h>

#include "base/error.h"

static clv_status write_point(Clv__Pb__CodecPoint *m, clv_weight_list *weights,
                              const clv_point *point)
{
    clv_buffer bytes;

    clv_buffer_init(&bytes, CLV_POINT_MAX_BYTES);
    clv_status status = clv_point_write(&bytes, point);
    if (status != CLV_OK) {
        clv_buffer_done(&bytes);
        return status;
    }
    m->bytes = (uint32_t)bytes.size;
    return clv_weight_list_add(&m->offset, weights, bytes.data, bytes.size);
}

static clv_status write_points(Clv__Pb__Rung *m, clv_arena *arena, clv_weight_list *weights,
                               const clv_rung *rung, uint32_t n_tensors)
{
    Clv__Pb__CodecPoint *points = clv_arena_alloc(arena, n_tensors, sizeof *points);
    m->points = clv_arena_alloc(arena, n_tensors, sizeof *m->points);
    if (points == NULL || m->points == NULL)
        return CLV_ENOMEM;
    m->n_points = n_tensors;
    for (uint32_t i = 0; i < n_tensors; i++) {
        clv__pb__codec_point__init(&points[i]);
        m->points[i] = &points[i];
        if (rung->points[i] != NULL)
            CLV_TRY(write_point(&points[i], weights, rung->points[i]));
    }
    return CLV_OK;
}

static clv_status write_rung(Clv__Pb__Rung *m, clv_arena *arena, clv_weight_list *weights,
                             const clv_rung *rung, uint32_t n_tensors)
{
    clv__pb__rung__init(m);
    m->bytes_mean = rung->bytes_mean;
    m->bytes_p95 = rung->bytes_p95;
    m->classes = !isnan(rung->agreement);
    m->agreement = m->classes ? rung->agreement : 0;
    m->snr_db = rung->snr_db;
    m->boxes = !isnan(rung->box_error);
    m->box_error = m->boxes ? rung->box_error : 0;
    m->score_error = m->boxes ? rung->score_error : 0;
    return write_points(m, arena, weights, rung, n_tensors);
}

static clv_status write_ladder(Clv__Pb__CutLadder *m, clv_arena *arena, clv_weight_list *weights,
                               const clv_cut_ladder *ladder)
{
    Clv__Pb__Rung *rungs = clv_arena_alloc(arena, ladder->n_rungs, sizeof *rungs);

    clv__pb__cut_ladder__init(m);
    m->rungs = clv_arena_alloc(arena, ladder->n_rungs, sizeof *m->rungs);
    if (rungs == NULL || m->rungs == NULL)
        return CLV_ENOMEM;
    m->cut = ladder->cut;
    m->prefix = ladder->prefix;
    m->n_rungs = ladder->n_rungs;
    for (uint32_t i = 0; i < ladder->n_rungs; i++) {
        m->rungs[i] = &rungs[i];
        CLV_TRY(write_rung(&rungs[i], arena, weights, &ladder->rungs[i], ladder->n_tensors));
    }
    return CLV_OK;
}

clv_status clv_bundle_write_ladders(Clv__Pb__Model *m, clv_arena *arena, clv_weight_list *weights,
                                    const clv_model *model)
{
    if (model->n_ladders == 0)
        return CLV_OK;
    Clv__Pb__CutLadder *ladders = clv_arena_alloc(arena, model->n_ladders, sizeof *ladders);
    m->ladders = clv_arena_alloc(arena, model->n_ladders, sizeof *m->ladders);
    if (ladders == NULL || m->ladders == NULL)
        return CLV_ENOMEM;
    m->n_ladders = model->n_ladders;
    for (uint32_t i = 0; i < model->n_ladders; i++) {
        m->ladders[i] = &ladders[i];
        CLV_TRY(write_ladder(&ladders[i], arena, weights, &model->ladders[i]));
    }
    return CLV_OK;
}
