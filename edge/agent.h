/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_AGENT_H
#define CLV_AGENT_H

/** @file agent.h: inside clv_edge, the shell around the state machine of agent_core.h:
 *
 *      agent.c         creates and frees it
 *      agent_frames.c  frames in, answers out: callers' threads
 *      agent_worker.c  the worker, which does what the state machine says: all computing, sending
 *      agent_link.c    what the link tells: its threads
 *      agent_codec.c   which of the bundle's operating points a frame is encoded by
 *      agent_profile.c how fast device and server are
 *      agent_plan.c    where each frame is split, if that is chosen for each
 *
 *  One lock guards the state machine and everything that says so below. The worker computes and
 *  sends without it. */

#include <pthread.h>

#include "codec/activation.h"
#include "edge/agent_core.h"
#include "edge/frame_sequence.h"
#include "edge/network.h"
#include "edge/pace.h"
#include "edge/picture_codec.h"
#include "media/image.h"
#include "net/link.h"
#include "partitioner/follow.h"

#define CLV_AGENT_NETWORKS 2u /* by clv_agent_network */

/** What was chosen for a frame, and what is measured of it. */
typedef struct clv_edge_way {
    clv_precision prefix, suffix; /* of what runs here, and of what the server runs */
    clv_codec codec;
    uint32_t rung;             /* of the cut's ladder; CLV_NO_RUNG: the cheapest that will do */
    clv_picture_codec picture; /* at cut 0 */
    uint32_t plan;             /* number of the plan that chose; 0: none */
    uint32_t candidate;        /* of it */
    uint64_t run_us;           /* the worker's: the last run of nodes so far, with preprocessing */
    uint64_t device_us;        /* lock: of the run that led to what was sent */
    size_t message_bytes, payload_bytes;
    bool is_first; /* it was coded alone, which those behind it needn't be */
    bool alone;    /* lock: nothing else of ours was on its way when it was sent */
} clv_edge_way;

/** An echo on its way. */
typedef struct clv_edge_echo {
    uint64_t number; /* 0: none */
    uint64_t sent_us;
    double bytes;
    bool alone;
} clv_edge_echo;

/** Where frames are split, and what is known of the world for that. All of it needs the lock. */
typedef struct clv_edge_plan {
    clv_plan_options options;
    clv_plan *plan;     /* NULL: not for this server */
    clv_follow *follow; /* with it */
    uint32_t number;    /* of the plan: frames in flight may be of an older one */
    clv_digest server;  /* the profile that it was made of */
    clv_edge_echo echoes[CLV_LINK_MAX_ECHOES];
    uint64_t n_echoes; /* ever */
    bool echo_due, check_due;
    uint32_t echo_bytes;
    uint32_t n_unanswered; /* frames in a row that were shipped in vain */
    uint32_t pause_frames; /* for so many none is shipped */
    bool has_last;
    uint32_t last; /* candidate */
    uint64_t changes, trials;
} clv_edge_plan;

/** A frame's memory, which the next frame in it uses again. The caller fills it between
 *  clv_agent_reserve() and clv_agent_submit(); then it is the worker's, except where it says. */
typedef struct clv_edge_slot {
    uint64_t frame;
    void *user;
    uint64_t submitted_us;
    bool is_image;
    clv_image image; /* as it was submitted */
    clv_buffer file; /* the same as the camera encoded it; empty: it isn't there, or not wanted */
    bool prepared[CLV_AGENT_NETWORKS];
    clv_tensor_set inputs[CLV_AGENT_NETWORKS];
    clv_tensor_set outputs[CLV_AGENT_NETWORKS]; /* lock: a reply is written into the model's */
    size_t sent_bytes;
    clv_edge_way way;
    uint64_t sent_us;     /* lock; 0: not yet */
    clv_symbols symbols;  /* as it was sent; lock once it is on its way */
    bool on_its_way;      /* lock: the worker has done with the symbols */
    bool was_after;       /* lock: it was sent as a difference */
    clv_edge_times times; /* lock for network_us, queue_us, server_us */
    clv_status error;     /* lock: of what failed last */
    char detail[256];     /* lock: about all that failed */
    char error_text[640];
    clv_edge_answer answer; /* lock */
    bool is_taken;          /* lock: the caller has the answer */
} clv_edge_slot;

struct clv_edge {
    /* fixed once created */
    clv_bundle *bundle;
    clv_network networks[CLV_AGENT_NETWORKS];
    clv_network other_form; /* of the main model, where frames may choose; all zero: none may */
    bool student_shares_inputs;
    clv_precision prefix, suffix; /* of what runs here, and of what the server runs, unless the
                                     plan chooses for a frame: */
    uint64_t prefixes, suffixes;  /* what it may choose: bit p is precision p */
    uint32_t max_cut;             /* n_nodes: no bound */
    uint32_t min_depth;           /* of what is shipped */
    clv_codec codec;
    double min_agreement, min_snr_db; /* of the points of codec rans; 0 dB: not asked for */
    bool has_server;
    clv_picture_codec picture; /* of images at cut 0 */
    clv_profile *profile;      /* of the model on this device, at all cuts; NULL: there is none */
    uint64_t *until_ns;        /* of it, for the pace */
    clv_identity *identity;
    char *url, *server_name;
    clv_link *link; /* NULL: no server */
    clv_edge_slot *slots;
    uint32_t n_slots;
    pthread_t worker;
    bool has_lock, has_worker;

    /* the worker's */
    clv_image fitted, scratch;
    clv_buffer jpeg;
    clv_tensor_set frontier;
    void *codec_scratch; /* for every point behind this prefix */

    pthread_mutex_t lock;
    pthread_cond_t work;    /* for the worker: something has happened */
    pthread_cond_t changed; /* for callers: an answer, a slot, the link */
    /* lock */
    clv_agent agent;
    clv_frame_sequence sequence;
    clv_edge_link_state link_state;
    clv_profile *server_profile; /* the last greeting's, at all cuts; NULL: it had none */
    uint32_t server_load_permille;
    clv_pace pace;
    clv_edge_plan plan;
    uint64_t n_frames;
    uint32_t answered[CLV_AGENT_MAX_SLOTS]; /* not taken yet, oldest first */
    uint32_t n_answered;
    bool closed;   /* no more frames */
    bool stopping; /* for the worker */
};

/** The form of the main model that the slot's frame runs in. */
static inline clv_network *clv_agent_model_of(clv_edge *edge, const clv_edge_slot *slot)
{
    return slot->way.prefix == edge->prefix ? &edge->networks[CLV_AGENT_MODEL] : &edge->other_form;
}

/** For frame_sequence.h: frames follow each other at one cut of one form. */
static inline uint32_t clv_agent_place_of(const clv_edge_slot *slot, uint32_t cut)
{
    return cut * CLV_PRECISION_COUNT + slot->way.prefix;
}

void clv_agent_lock(clv_edge *edge);
void clv_agent_unlock(clv_edge *edge);

/** Wait for @p condition with the lock held, at most until @p until_us (UINT64_MAX: for ever). */
void clv_agent_wait(clv_edge *edge, pthread_cond_t *condition, uint64_t until_us);

/** Add to why a frame isn't answered as it was wanted; with the lock held. */
CLV_PRINTF(3, 4)
void clv_agent_explain(clv_edge_slot *slot, clv_status error, const char *fmt, ...);

/** Take what the options say of codec rans, and make its scratch memory: the bundle is open, codec
 *  and prefix are known.
 *  @return CLV_OK; CLV_EINVAL, CLV_ENOMEM; as clv_agent_check_codec(). */
CLV_NODISCARD clv_status clv_agent_init_codec(clv_edge *edge, const clv_edge_options *options,
                                              clv_error *err);

/** Whether frames can be encoded at @p cut. With codec rans the bundle must have points for it that
 *  are good enough.
 *  @return CLV_OK; CLV_EUNSUPPORTED with @p err. */
CLV_NODISCARD clv_status clv_agent_check_codec(const clv_edge *edge, uint32_t cut, clv_error *err);

/** What a frame is encoded by at @p cut, which was checked; the worker's. */
clv_codec_tables clv_agent_tables(const clv_edge *edge, const clv_edge_way *way, uint32_t cut);

/** Whether the point with that number of the cut's ladder is as good as was asked for. */
bool clv_agent_may_use_point(const clv_edge *edge, clv_precision prefix, uint32_t cut,
                             uint32_t rung);

/** Measure the main model, or take what an earlier start has measured; before frames come. Where it
 *  can't be measured there is no profile. @return CLV_OK; CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_agent_measure(clv_edge *edge, const clv_edge_options *options,
                                           clv_error *err);

/** Keep the profile that a greeting has, if it is of use; with the lock held. */
void clv_agent_take_server_profile(clv_edge *edge, const clv_link_event *event);

/** What the slot's frame is coded after, if anything, in @p tables and in words for the server;
 *  its own symbols are kept in the slot. The worker's; without the lock. */
clv_wire_sequence clv_agent_follow(clv_edge *edge, clv_edge_slot *slot,
                                   const clv_agent_action *send, clv_codec_tables *tables);
/** Understand what the plan is to be made for; after clv_agent_measure().
 *  @return CLV_OK; CLV_EINVAL with @p err. */
CLV_NODISCARD clv_status clv_agent_plan_init(clv_edge *edge, const clv_edge_options *options,
                                             clv_error *err);
void clv_agent_plan_done(clv_edge *edge);

/* With the lock held: */

/** The link is up (its server's profile has been taken) or down. */
void clv_agent_plan_link(clv_edge *edge, const clv_link_event *event);
/** The cut for the slot's frame, and its way in @p slot. */
uint32_t clv_agent_plan_choose(clv_edge *edge, clv_edge_slot *slot);
/** Its reply has come, @p event; its times are noted. */
void clv_agent_plan_replied(clv_edge *edge, const clv_edge_slot *slot, const clv_link_event *event);
/** It is answered. */
void clv_agent_plan_ended(clv_edge *edge, const clv_edge_slot *slot,
                          const clv_agent_action *answer);
/** Nothing but the frame that is being sent is on its way. */
bool clv_agent_plan_is_alone(const clv_edge *edge);
/** The worker: send an echo, if one is due. Lets the lock go meanwhile. */
void clv_agent_plan_send_echo(clv_edge *edge);
void clv_agent_plan_echoed(clv_edge *edge, const clv_link_event *event);
/** The worker, with nothing to do: run some nodes to see how fast the device is, if that is due.
 *  Lets the lock go meanwhile. @return false: it wasn't. */
bool clv_agent_plan_check_device(clv_edge *edge);

/** The worker: a thread's function; @p edge is its argument. */
void *clv_agent_work(void *edge);

/** The link's callback; @p edge is its context. */
void clv_agent_on_link(void *edge, const clv_link_event *event);

#endif
