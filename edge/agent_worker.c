/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/agent.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* --- inputs ------------------------------------------------------------------------------- */

/* The slot's inputs of a network: the student may have the same as the model. */
static clv_agent_network inputs_of(const clv_edge *edge, clv_agent_network network)
{
    return edge->student_shares_inputs ? CLV_AGENT_MODEL : network;
}

/* Turn the slot's image into the inputs of @p network, once for each frame. */
static clv_status prepare(clv_edge *edge, clv_edge_slot *slot, clv_agent_network network)
{
    clv_agent_network owner = inputs_of(edge, network);
    const clv_input_spec *spec = &edge->networks[owner].model->input;

    if (slot->prepared[owner])
        return CLV_OK;
    if (!slot->is_image)
        return CLV_EUNSUPPORTED;
    uint64_t start_us = clv_clock_now_us();
    CLV_TRY(clv_image_fit(&edge->fitted, &edge->scratch, &slot->image, spec));
    clv_image_normalise(slot->inputs[owner].tensors[0].data, edge->fitted.rgb.data, spec);
    slot->prepared[owner] = true;
    slot->times.preprocess_us += clv_clock_now_us() - start_us;
    return CLV_OK;
}

static clv_network *network_of(clv_edge *edge, const clv_edge_slot *slot, clv_agent_network network)
{
    return network == CLV_AGENT_MODEL ? clv_agent_model_of(edge, slot) : &edge->networks[network];
}

/* --- RUN ---------------------------------------------------------------------------------- */

/* @param[out] run_us  What the nodes took, without their inputs. */
static clv_status run_nodes(uint32_t *reached, uint64_t *run_us, clv_edge *edge,
                            clv_edge_slot *slot, const clv_agent_action *action)
{
    clv_network *network = network_of(edge, slot, action->network);

    *reached = action->from;
    *run_us = 0;
    uint64_t begin_us = clv_clock_now_us();
    if (action->from == 0)
        CLV_TRY(prepare(edge, slot, action->network));
    uint64_t start_us = clv_clock_now_us();
    if (action->from == 0)
        clv_network_load_inputs(network, &slot->inputs[inputs_of(edge, action->network)]);
    uint64_t loaded_us = clv_clock_now_us();
    clv_status status =
        clv_network_run(reached, network, action->from, action->to, CLV_AGENT_SLICE_US);
    uint64_t end_us = clv_clock_now_us();
    *run_us = end_us - loaded_us;
    slot->times.device_us += end_us - start_us;
    if (action->network == CLV_AGENT_MODEL)
        slot->way.run_us = end_us - begin_us + (action->from > 0 ? slot->way.run_us : 0);
    return status;
}

static void explain_run(clv_edge_slot *slot, const clv_network *network, uint32_t node,
                        clv_status status)
{
    char name[160];
    (void)clv_node_describe(name, sizeof name, &network->graph->nodes[node]);
    clv_agent_explain(slot, status, "%s: %s", name, clv_status_text(status));
}

static void run(clv_edge *edge, const clv_agent_action *action)
{
    clv_edge_slot *slot = &edge->slots[action->slot];
    uint32_t reached;
    uint64_t run_us;

    clv_agent_unlock(edge);
    clv_status status = run_nodes(&reached, &run_us, edge, slot, action);
    clv_agent_lock(edge);
    if (status == CLV_OK) {
        if (action->network == CLV_AGENT_MODEL && slot->way.prefix == edge->prefix)
            clv_pace_ran(&edge->pace, action->from, reached, run_us, reached == action->to);
        clv_agent_ran(&edge->agent, action, reached, clv_clock_now_us());
        return;
    }
    explain_run(slot, network_of(edge, slot, action->network), reached, status);
    clv_agent_run_failed(&edge->agent, action, clv_clock_now_us());
}

/* --- SEND --------------------------------------------------------------------------------- */

static clv_link_request request_of(const clv_edge *edge, const clv_edge_slot *slot,
                                   const clv_agent_action *action)
{
    return (clv_link_request){.frame = slot->frame,
                              .bundle = clv_bundle_id(edge->bundle),
                              .cut = action->cut,
                              .deadline_us = action->left_us,
                              .prefix = slot->way.prefix,
                              .suffix = slot->way.suffix};
}

/* Encode the frontier straight into a message. */
static clv_status make_message(clv_link_message **out, size_t *payload_bytes, clv_edge *edge,
                               clv_edge_slot *slot, const clv_agent_action *action)
{
    clv_link_message *message = NULL;
    clv_tensor_set *frontier = &edge->frontier;
    const clv_network *model = clv_agent_model_of(edge, slot);
    clv_link_request request = request_of(edge, slot, action);
    uint8_t *payload;
    size_t bound;

    CLV_TRY(clv_network_take_frontier(frontier, model, action->cut, &slot->inputs[0]));
    CLV_TRY(clv_activation_bound(&bound, frontier->tensors, frontier->planned, frontier->count));
    clv_codec_tables tables = clv_agent_tables(edge, &slot->way, action->cut);
    request.sequence = clv_agent_follow(edge, slot, action, &tables);
    CLV_TRY(clv_link_message_create(&message, &payload, &request, bound));
    clv_status status =
        clv_activation_encode_by(payload_bytes, slot->way.codec, &tables, frontier->tensors,
                                 frontier->planned, frontier->count, payload, bound);
    if (status != CLV_OK) {
        clv_link_message_free(message);
        return status;
    }
    *out = message;
    return CLV_OK;
}

/* The picture as a file: the camera's, or one of ours. */
static clv_status encode_picture(const clv_buffer **out, clv_edge *edge, const clv_edge_slot *slot)
{
    const clv_picture_codec *codec = &slot->way.picture;
    const clv_image *image = &slot->image;

    if (codec->payload == CLV_PAYLOAD_FITTED) {
        const clv_input_spec *spec = &edge->networks[CLV_AGENT_MODEL].model->input;
        CLV_TRY(clv_image_fit(&edge->fitted, &edge->scratch, image, spec));
        image = &edge->fitted;
    }
    bool own = slot->file.size == 0;
    if (own)
        CLV_TRY(clv_image_encode_jpeg(&edge->jpeg, image,
                                      codec->quality > 0 ? codec->quality : CLV_PICTURE_QUALITY));
    *out = own ? &edge->jpeg : &slot->file;
    return CLV_OK;
}

static clv_status make_picture_message(clv_link_message **out, size_t *payload_bytes,
                                       clv_edge *edge, const clv_edge_slot *slot,
                                       const clv_agent_action *action)
{
    clv_link_request request = request_of(edge, slot, action);
    const clv_buffer *file;
    uint8_t *payload;

    CLV_TRY(encode_picture(&file, edge, slot));
    request.payload = slot->way.picture.payload;
    CLV_TRY(clv_link_message_create(out, &payload, &request, file->size));
    memcpy(payload, file->data, file->size);
    *payload_bytes = file->size;
    return CLV_OK;
}

/* Of a request and its TLS records. */
#define MESSAGE_HEAD_BYTES 150u

static clv_status send_slot(clv_edge *edge, clv_edge_slot *slot, const clv_agent_action *action)
{
    bool picture =
        action->cut == 0 && slot->is_image && slot->way.picture.payload != CLV_PAYLOAD_TENSORS;
    clv_link_message *message;
    size_t payload_bytes;

    uint64_t begin_us = clv_clock_now_us();
    if (action->cut == 0 && !picture)
        CLV_TRY(prepare(edge, slot, CLV_AGENT_MODEL));
    uint64_t start_us = clv_clock_now_us();
    if (action->cut == 0)
        slot->way.run_us = start_us - begin_us;
    CLV_TRY(picture ? make_picture_message(&message, &payload_bytes, edge, slot, action)
                    : make_message(&message, &payload_bytes, edge, slot, action));
    clv_agent_lock(edge); /* before it is on its way: the reply may be faster than we are */
    slot->sent_us = clv_clock_now_us();
    slot->on_its_way = true;
    slot->times.encode_us = slot->sent_us - start_us;
    slot->way.device_us = slot->way.run_us;
    slot->way.message_bytes = payload_bytes + MESSAGE_HEAD_BYTES;
    slot->way.payload_bytes = payload_bytes;
    slot->way.alone = clv_agent_plan_is_alone(edge);
    clv_agent_unlock(edge);
    return clv_link_send(edge->link, message, payload_bytes, &slot->sent_bytes);
}

static void send_frame(clv_edge *edge, const clv_agent_action *action)
{
    clv_edge_slot *slot = &edge->slots[action->slot];

    clv_agent_unlock(edge);
    clv_status status = send_slot(edge, slot, action);
    clv_agent_lock(edge);
    if (status != CLV_OK)
        clv_agent_explain(slot, status, "%s", clv_status_text(status));
    clv_agent_sent(&edge->agent, action, status == CLV_OK, clv_clock_now_us());
    clv_agent_plan_send_echo(edge); /* behind the frame, which it doesn't hold up */
}

/* --- CHOOSE ------------------------------------------------------------------------------- */

static void choose(clv_edge *edge, const clv_agent_action *action)
{
    uint32_t cut = clv_agent_plan_choose(edge, &edge->slots[action->slot]);

    clv_agent_chosen(&edge->agent, action, cut);
    if (cut == clv_edge_cut_count(edge) || edge->plan.echo_bytes == 0)
        clv_agent_plan_send_echo(edge);
}

/* --- ANSWER ------------------------------------------------------------------------------- */

/* Why it isn't the wanted source, or NULL. */
static const char *describe(clv_edge *edge, clv_edge_slot *slot, clv_agent_reason reason)
{
    const char *detail = slot->detail;

    if (reason == CLV_AGENT_NONE)
        return NULL;
    if (reason == CLV_AGENT_LINK_DOWN)
        detail = edge->link_state.last_error;
    (void)snprintf(slot->error_text, sizeof slot->error_text, "%s%s%s",
                   clv_agent_reason_text(reason), detail[0] != '\0' ? ": " : "", detail);
    return slot->error_text;
}

static void answer(clv_edge *edge, const clv_agent_action *action)
{
    clv_edge_slot *slot = &edge->slots[action->slot];
    bool by_student = action->source == CLV_SOURCE_STUDENT;
    clv_agent_network index = by_student ? CLV_AGENT_STUDENT : CLV_AGENT_MODEL;
    const clv_network *network = network_of(edge, slot, index);
    clv_tensor_set *outputs = &slot->outputs[index];
    bool has_outputs = action->source != CLV_SOURCE_NONE;

    if (by_student || action->source == CLV_SOURCE_LOCAL)
        clv_network_store_outputs(network, outputs);
    slot->times.total_us = clv_clock_now_us() - slot->submitted_us;
    slot->answer = (clv_edge_answer){
        .frame = slot->frame,
        .user = slot->user,
        .source = action->source,
        .late = action->late,
        .cut = action->cut,
        .sent_bytes = slot->sent_bytes,
        .outputs = has_outputs ? outputs->tensors : NULL,
        .output_names = has_outputs ? network->output_names : NULL,
        .n_outputs = has_outputs ? outputs->count : 0,
        .labels = network->model->labels,
        .n_labels = network->model->n_labels,
        .times = slot->times,
        .error = has_outputs ? CLV_OK : slot->error,
        .error_text = describe(edge, slot, action->reason),
    };
    clv_agent_plan_ended(edge, slot, action);
    edge->answered[edge->n_answered++] = action->slot;
    (void)pthread_cond_broadcast(&edge->changed);
}

/* A check of the device's speed begins only where it is sure to be over when there is work. */
#define CHECK_US (4u * CLV_AGENT_SLICE_US)

/* --- the thread --------------------------------------------------------------------------- */

void *clv_agent_work(void *context)
{
    clv_edge *edge = context;

    clv_agent_lock(edge);
    while (!edge->stopping) {
        clv_agent_action action = clv_agent_next(&edge->agent, clv_clock_now_us());
        switch (action.type) {
        case CLV_AGENT_WAIT:
            if (action.until_us < clv_clock_now_us() + CHECK_US ||
                !clv_agent_plan_check_device(edge))
                clv_agent_wait(edge, &edge->work, action.until_us);
            break;
        case CLV_AGENT_CHOOSE:
            choose(edge, &action);
            break;
        case CLV_AGENT_RUN:
            run(edge, &action);
            break;
        case CLV_AGENT_SEND:
            send_frame(edge, &action);
            break;
        case CLV_AGENT_ANSWER:
            answer(edge, &action);
            break;
        }
    }
    clv_agent_unlock(edge);
    return NULL;
}
