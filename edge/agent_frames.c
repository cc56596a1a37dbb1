/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/agent.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* --- frames in ---------------------------------------------------------------------------- */

/* Wait for a slot and take it. */
static clv_status reserve(uint32_t *out, clv_edge *edge)
{
    uint32_t slot = CLV_AGENT_NO_SLOT;

    clv_agent_lock(edge);
    while (!edge->closed && slot == CLV_AGENT_NO_SLOT) {
        slot = clv_agent_reserve(&edge->agent);
        if (slot == CLV_AGENT_NO_SLOT)
            clv_agent_wait(edge, &edge->changed, UINT64_MAX);
    }
    clv_agent_unlock(edge);
    *out = slot;
    return slot != CLV_AGENT_NO_SLOT ? CLV_OK : CLV_ECLOSED;
}

static void give_slot_back(clv_edge *edge, uint32_t slot)
{
    clv_agent_lock(edge);
    clv_agent_release(&edge->agent, slot);
    (void)pthread_cond_broadcast(&edge->changed);
    clv_agent_unlock(edge);
}

/* Nothing but the memory is left of the frame before. */
static void clear_slot(clv_edge_slot *slot, const clv_edge *edge)
{
    slot->is_image = false;
    slot->file.size = 0;
    slot->sent_bytes = 0;
    slot->sent_us = 0;
    slot->on_its_way = slot->was_after = false;
    slot->symbols.bytes = slot->symbols.held = 0;
    slot->way = (clv_edge_way){.prefix = edge->prefix,
                               .suffix = edge->suffix,
                               .codec = edge->codec,
                               .rung = CLV_NO_RUNG,
                               .picture = edge->picture};
    slot->times = (clv_edge_times){0};
    slot->error = CLV_EINTERNAL;
    slot->detail[0] = '\0';
    slot->is_taken = false;
    memset(slot->prepared, 0, sizeof slot->prepared);
}

/* Hand a filled slot to the worker. */
static clv_status submit_slot(uint64_t *frame_out, clv_edge *edge, uint32_t index, void *user,
                              bool student_ok)
{
    clv_edge_slot *slot = &edge->slots[index];

    clv_agent_lock(edge);
    if (edge->closed) { /* while it was filled */
        clv_agent_release(&edge->agent, index);
        clv_agent_unlock(edge);
        return CLV_ECLOSED;
    }
    slot->frame = ++edge->n_frames;
    slot->user = user;
    slot->submitted_us = clv_clock_now_us();
    if (frame_out != NULL)
        *frame_out = slot->frame;
    clv_agent_submit(&edge->agent, index, slot->frame, student_ok, slot->submitted_us);
    (void)pthread_cond_signal(&edge->work);
    clv_agent_unlock(edge);
    return CLV_OK;
}

/* Copy what may be sent or computed from. */
static clv_status take_picture(clv_edge_slot *slot, const clv_edge *edge,
                               const clv_edge_picture *picture)
{
    bool sends_file = edge->picture.payload == CLV_PAYLOAD_IMAGE && edge->picture.quality == 0;

    CLV_TRY(clv_image_set_rgb(&slot->image, picture->rgb, picture->width, picture->height));
    slot->is_image = true;
    if (picture->file == NULL || !sends_file)
        return CLV_OK;
    return clv_buffer_append(&slot->file, picture->file, picture->file_bytes);
}

clv_status clv_edge_submit(uint64_t *frame_out, clv_edge *edge, const uint8_t *rgb, uint32_t width,
                           uint32_t height, void *user)
{
    const clv_edge_picture picture = {rgb, width, height, NULL, 0};
    return clv_edge_submit_picture(frame_out, edge, &picture, user);
}

clv_status clv_edge_submit_picture(uint64_t *frame_out, clv_edge *edge,
                                   const clv_edge_picture *picture, void *user)
{
    uint32_t index;

    if (!clv_network_takes_images(&edge->networks[CLV_AGENT_MODEL]))
        return CLV_EUNSUPPORTED;
    CLV_TRY(reserve(&index, edge));
    clv_edge_slot *slot = &edge->slots[index];
    clear_slot(slot, edge);
    clv_status status = take_picture(slot, edge, picture);
    if (status != CLV_OK) {
        give_slot_back(edge, index);
        return status;
    }
    return submit_slot(frame_out, edge, index, user,
                       clv_network_takes_images(&edge->networks[CLV_AGENT_STUDENT]));
}

/* The given tensors are the model's inputs, in type and shape. */
static clv_status check_inputs(const clv_edge *edge, const clv_tensor *inputs, uint32_t n_inputs)
{
    const clv_graph *graph = edge->networks[CLV_AGENT_MODEL].graph;

    if (n_inputs != graph->n_inputs)
        return CLV_EINVAL;
    for (uint32_t i = 0; i < n_inputs; i++) {
        const clv_tensor *wanted = &graph->values[graph->inputs[i]].tensor;
        if (inputs[i].dtype != wanted->dtype || inputs[i].data == NULL)
            return CLV_EINVAL;
        if (!clv_shape_equal(&inputs[i].shape, &wanted->shape))
            return CLV_ESHAPE;
    }
    return CLV_OK;
}

clv_status clv_edge_submit_tensors(uint64_t *frame_out, clv_edge *edge, const clv_tensor *inputs,
                                   uint32_t n_inputs, void *user)
{
    uint32_t index;

    CLV_TRY(check_inputs(edge, inputs, n_inputs));
    CLV_TRY(reserve(&index, edge));
    clv_edge_slot *slot = &edge->slots[index];
    clear_slot(slot, edge);
    for (uint32_t i = 0; i < n_inputs; i++) {
        size_t bytes = 0;
        if (clv_tensor_bytes(&bytes, &inputs[i]) == CLV_OK)
            memcpy(slot->inputs[CLV_AGENT_MODEL].tensors[i].data, inputs[i].data, bytes);
    }
    slot->prepared[CLV_AGENT_MODEL] = true;
    return submit_slot(frame_out, edge, index, user, edge->student_shares_inputs);
}

void clv_edge_close(clv_edge *edge)
{
    clv_agent_lock(edge);
    edge->closed = true;
    (void)pthread_cond_broadcast(&edge->changed);
    clv_agent_unlock(edge);
}

/* --- answers out -------------------------------------------------------------------------- */

static clv_status wait_for_answer(clv_edge *edge, uint64_t until_us)
{
    while (edge->n_answered == 0) {
        if (edge->closed && clv_agent_active(&edge->agent) == 0)
            return CLV_ECLOSED;
        if (clv_clock_now_us() >= until_us)
            return CLV_ETIMEDOUT;
        clv_agent_wait(edge, &edge->changed, until_us);
    }
    return CLV_OK;
}

/* The moment @p timeout_us from now; UINT64_MAX: never. */
static uint64_t moment_in(uint64_t timeout_us)
{
    uint64_t until_us;
    return __builtin_add_overflow(clv_clock_now_us(), timeout_us, &until_us) ? UINT64_MAX
                                                                             : until_us;
}

clv_status clv_edge_next(clv_edge_answer *out, clv_edge *edge, uint64_t timeout_us)
{
    uint64_t until_us = moment_in(timeout_us);

    clv_agent_lock(edge);
    clv_status status = wait_for_answer(edge, until_us);
    if (status == CLV_OK) {
        clv_edge_slot *slot = &edge->slots[edge->answered[0]];
        edge->n_answered--;
        memmove(edge->answered, edge->answered + 1, edge->n_answered * sizeof edge->answered[0]);
        slot->is_taken = true;
        *out = slot->answer;
    }
    clv_agent_unlock(edge);
    return status;
}

void clv_edge_release(clv_edge *edge, const clv_edge_answer *answer)
{
    clv_agent_lock(edge);
    for (uint32_t i = 0; i < edge->n_slots; i++) {
        if (edge->slots[i].is_taken && edge->slots[i].frame == answer->frame) {
            edge->slots[i].is_taken = false;
            clv_agent_release(&edge->agent, i);
            (void)pthread_cond_broadcast(&edge->changed);
        }
    }
    clv_agent_unlock(edge);
}

/* --- the link, the cut, the model
 * ----------------------------------------------------------------- */

clv_status clv_edge_wait_link(clv_edge *edge, uint64_t timeout_us)
{
    uint64_t until_us = moment_in(timeout_us);
    clv_status status = edge->link != NULL ? CLV_OK : CLV_EINVAL;

    clv_agent_lock(edge);
    while (status == CLV_OK && !edge->link_state.up) {
        if (clv_clock_now_us() >= until_us)
            status = CLV_ETIMEDOUT;
        else
            clv_agent_wait(edge, &edge->changed, until_us);
    }
    clv_agent_unlock(edge);
    return status;
}

void clv_edge_link_state_of(clv_edge *edge, clv_edge_link_state *out)
{
    clv_agent_lock(edge);
    *out = edge->link_state;
    clv_agent_unlock(edge);
}

clv_status clv_edge_set_cut(clv_edge *edge, uint32_t cut)
{
    bool all = cut == CLV_CUT_ALL && edge->max_cut == clv_edge_cut_count(edge);

    if (!all && cut != CLV_CUT_AUTO && (cut > edge->max_cut || cut < edge->min_depth))
        return CLV_EINVAL;
    CLV_TRY(clv_agent_check_codec(edge, cut, NULL));
    clv_agent_lock(edge);
    clv_agent_set_cut(&edge->agent, cut);
    clv_agent_unlock(edge);
    return CLV_OK;
}

bool clv_edge_has_student(const clv_edge *edge)
{
    return edge->networks[CLV_AGENT_STUDENT].model != NULL;
}

uint32_t clv_edge_cut_count(const clv_edge *edge)
{
    return edge->networks[CLV_AGENT_MODEL].graph->n_nodes;
}

clv_status clv_edge_image_size(uint32_t *width_out, uint32_t *height_out, const clv_edge *edge)
{
    const clv_network *network = &edge->networks[CLV_AGENT_MODEL];

    if (!clv_network_takes_images(network))
        return CLV_EUNSUPPORTED;
    *width_out = network->model->input.width;
    *height_out = network->model->input.height;
    return CLV_OK;
}
