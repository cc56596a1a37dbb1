/* SPDX-License-Identifier: Apache-2.0 */
#include "lab_pipe.h"

#include <string.h>

/* splitmix64 (S. Vigna, public domain): any seed is good. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* In [0, 1). */
static double uniform(lab_pipe *pipe)
{
    return (double)(next_random(&pipe->random) >> 11) * 0x1p-53;
}

void lab_pipe_init(lab_pipe *pipe, uint64_t seed)
{
    memset(pipe, 0, sizeof *pipe);
    pipe->now = (lab_impairment)LAB_IMPAIRMENT_INIT;
    pipe->random = seed;
    pipe->n_free = LAB_PIPE_SLOTS;
    for (uint32_t i = 0; i < LAB_PIPE_SLOTS; i++)
        pipe->free_slots[i] = i;
}

static lab_packet *queue_at(lab_pipe *pipe, uint32_t i)
{
    return &pipe->queue[(pipe->queue_from + i) % LAB_PIPE_SLOTS];
}

static lab_packet *way_at(lab_pipe *pipe, uint32_t i)
{
    return &pipe->way[(pipe->way_from + i) % LAB_PIPE_SLOTS];
}

static uint64_t send_ns(const lab_pipe *pipe, uint32_t bytes)
{
    if (pipe->now.rate_mbit <= 0)
        return 0;
    return (uint64_t)((double)bytes * 8e3 / pipe->now.rate_mbit);
}

static uint64_t queue_limit(const lab_pipe *pipe)
{
    uint64_t bytes = (uint64_t)(pipe->now.rate_mbit * pipe->now.queue_us / 8);
    return bytes > LAB_QUEUE_LEAST ? bytes : LAB_QUEUE_LEAST;
}

/* When the head of the queue has left it. */
static uint64_t head_sent_ns(const lab_pipe *pipe)
{
    const lab_packet *head = &pipe->queue[pipe->queue_from];
    uint64_t start_ns = head->at_us * 1000u;

    if (start_ns < pipe->free_ns)
        start_ns = pipe->free_ns;
    return start_ns + send_ns(pipe, head->bytes);
}

static uint64_t draw_arrival(lab_pipe *pipe, uint64_t sent_us)
{
    uint64_t arrival_us = sent_us + pipe->now.delay_us;

    if (pipe->now.jitter_us > 0) {
        if (sent_us >= pipe->redraw_us) {
            pipe->jitter_us = (int64_t)((uniform(pipe) * 2 - 1) * pipe->now.jitter_us);
            pipe->redraw_us = sent_us + LAB_JITTER_HOLD_US;
        }
        int64_t shift = pipe->jitter_us;
        if (shift < -(int64_t)pipe->now.delay_us)
            shift = -(int64_t)pipe->now.delay_us;
        arrival_us = (uint64_t)((int64_t)arrival_us + shift);
    }
    if (arrival_us < pipe->last_us)
        arrival_us = pipe->last_us;
    if (pipe->now.reorder > 0 && uniform(pipe) < pipe->now.reorder)
        return arrival_us + LAB_REORDER_US;
    pipe->last_us = arrival_us;
    return arrival_us;
}

static void put_on_way(lab_pipe *pipe, lab_packet packet)
{
    uint32_t i = pipe->way_count++;

    for (; i > 0 && way_at(pipe, i - 1)->at_us > packet.at_us; i--)
        *way_at(pipe, i) = *way_at(pipe, i - 1);
    *way_at(pipe, i) = packet;
}

/* Everything that has been sent by now goes on its way. */
static void drain(lab_pipe *pipe, uint64_t now_us)
{
    while (pipe->queue_count > 0) {
        uint64_t sent_ns = head_sent_ns(pipe);
        if (sent_ns > now_us * 1000u)
            return;
        lab_packet packet = *queue_at(pipe, 0);
        pipe->queue_from = (pipe->queue_from + 1) % LAB_PIPE_SLOTS;
        pipe->queue_count--;
        pipe->queued -= packet.bytes;
        pipe->free_ns = sent_ns;
        if (pipe->now.loss > 0 && uniform(pipe) < pipe->now.loss) {
            pipe->counts.lost++;
            pipe->free_slots[pipe->n_free++] = packet.slot;
            continue;
        }
        packet.at_us = draw_arrival(pipe, (sent_ns + 999) / 1000);
        put_on_way(pipe, packet);
    }
}

void lab_pipe_set(lab_pipe *pipe, const lab_impairment *impairment, uint64_t now_us)
{
    drain(pipe, now_us);
    pipe->now = *impairment;
}

bool lab_pipe_offer(lab_pipe *pipe, uint32_t *slot_out, uint32_t bytes, uint64_t now_us)
{
    drain(pipe, now_us);
    pipe->counts.offered++;
    pipe->counts.offered_bytes += bytes;
    bool limited = pipe->now.rate_mbit > 0;
    if (pipe->n_free == 0 || (limited && pipe->queued + bytes > queue_limit(pipe))) {
        pipe->counts.full++;
        return false;
    }
    uint32_t slot = pipe->free_slots[--pipe->n_free];
    *queue_at(pipe, pipe->queue_count++) = (lab_packet){slot, bytes, now_us};
    pipe->queued += bytes;
    *slot_out = slot;
    return true;
}

bool lab_pipe_take(lab_pipe *pipe, uint32_t *slot_out, uint32_t *bytes_out, uint64_t now_us)
{
    drain(pipe, now_us);
    while (pipe->way_count > 0 && way_at(pipe, 0)->at_us <= now_us) {
        lab_packet packet = *way_at(pipe, 0);
        pipe->way_from = (pipe->way_from + 1) % LAB_PIPE_SLOTS;
        pipe->way_count--;
        pipe->free_slots[pipe->n_free++] = packet.slot;
        if (pipe->now.outage) {
            pipe->counts.cut++;
            continue;
        }
        pipe->counts.delivered++;
        pipe->counts.delivered_bytes += packet.bytes;
        *slot_out = packet.slot;
        *bytes_out = packet.bytes;
        return true;
    }
    return false;
}

uint64_t lab_pipe_due_us(const lab_pipe *pipe)
{
    uint64_t due_us = UINT64_MAX;

    if (pipe->queue_count > 0)
        due_us = (head_sent_ns(pipe) + 999) / 1000;
    if (pipe->way_count > 0 && pipe->way[pipe->way_from].at_us < due_us)
        due_us = pipe->way[pipe->way_from].at_us;
    return due_us;
}
