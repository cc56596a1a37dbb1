/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_AGENT_CORE_H
#define CLV_AGENT_CORE_H

/** @file agent_core.h: what the device does next with the frames that it holds.
 *
 *  A state machine, pure: events and the time come in, clv_agent_next() says what to do; it never
 *  sleeps, locks, sends or allocates. A shell (edge/agent.c) obeys it with one worker, which
 *  carries out one action and then tells the outcome before it asks for the next. Other threads
 *  may bring their events (frames, replies, the link) at any time in between; the shell has a lock
 *  around every call.
 *
 *  The laws that it keeps:
 *  - a submitted frame is answered once; what comes for it afterwards is ignored;
 *  - a frame that can't be sent, is refused or was on a link that dropped goes to its fallback at
 *    once: the student, or the rest of the main model where the student can't answer it (where
 *    the device has a prefix of it alone: no answer);
 *  - a frame with a deadline goes to its fallback when this is the last moment at which the
 *    fallback can still be in time, with all frames before it that may need theirs as well;
 *  - a frame whose reference the server doesn't hold is sent once more, alone, within the same
 *    deadline;
 *  - where the cut is chosen for each frame, it is so when the frame's turn comes, and no frame's
 *    choice touches another's;
 *  - the fallback is an insurance: a reply that overtakes it is the better answer and wins;
 *  - networks run in slices, so a frame that gets urgent waits for one slice and not for a model.
 *
 *  Frames have one deadline each, at the same distance from their submission, so that the order
 *  of submission is the order of urgency. */

#include <cleave/edge.h>

#define CLV_AGENT_MAX_SLOTS 64u
#define CLV_AGENT_NO_SLOT UINT32_MAX

/** The shell's slices of a network end at the first node after this time. */
#define CLV_AGENT_SLICE_US 2000u

/** Kept free before a deadline besides what runs are expected to take. */
#define CLV_AGENT_MARGIN_US 1000u

/** Why a frame isn't answered by what was wanted: X(NAME, "text"). */
#define CLV_AGENT_REASON_LIST(X)                                                                   \
    X(NONE, "")                                                                                    \
    X(LINK_DOWN, "the link is down")                                                               \
    X(NOT_SENT, "the frame could not be sent")                                                     \
    X(REFUSED, "the server refused the frame")                                                     \
    X(TOO_SLOW, "no answer in time")                                                               \
    X(RUN_FAILED, "the model failed on the device")

typedef enum clv_agent_reason {
#define CLV_AGENT_REASON_ENUM(name, text) CLV_AGENT_##name,
    CLV_AGENT_REASON_LIST(CLV_AGENT_REASON_ENUM)
#undef CLV_AGENT_REASON_ENUM
        CLV_AGENT_REASON_COUNT
} clv_agent_reason;

const char *clv_agent_reason_text(clv_agent_reason reason);

typedef enum clv_agent_network { CLV_AGENT_MODEL, CLV_AGENT_STUDENT } clv_agent_network;

typedef enum clv_agent_action_type {
    CLV_AGENT_WAIT,   /**< nothing to do before until_us, or an event */
    CLV_AGENT_CHOOSE, /**< say where this frame is split: clv_agent_chosen() */
    CLV_AGENT_RUN,    /**< run nodes [from, to) of `network`, or the first of them; then
                        clv_agent_ran().   Load the inputs where from is 0 */
    CLV_AGENT_SEND,   /**< encode and send the frontier of `cut`, which the main model's execution
                          holds (cut 0: the inputs); then clv_agent_sent() */
    CLV_AGENT_ANSWER  /**< take the outputs from `source`; nothing to tell afterwards */
} clv_agent_action_type;

typedef struct clv_agent_action {
    clv_agent_action_type type;
    uint32_t slot;             /**< all but WAIT */
    uint64_t until_us;         /**< WAIT; UINT64_MAX: for an event */
    clv_agent_network network; /**< RUN */
    uint32_t from, to;         /**< RUN */
    uint32_t cut;              /**< SEND, ANSWER: of this frame */
    uint64_t left_us;          /**< SEND: until the deadline, at least 1; 0: it has none */
    bool key;                  /**< SEND: again, and alone: not after an earlier frame */
    clv_source source;         /**< ANSWER; NONE: nothing could answer it */
    clv_agent_reason reason;   /**< ANSWER: why this isn't the wanted source */
    bool late;                 /**< ANSWER: after the deadline */
} clv_agent_action;

typedef struct clv_agent_config {
    uint32_t n_slots;         /**< 1 .. CLV_AGENT_MAX_SLOTS */
    uint32_t n_nodes;         /**< of the main model, at least 1 */
    uint32_t n_student_nodes; /**< 0: there is no student */
    bool has_server;          /**< false: the main model runs here, whatever the cut */
    bool is_prefix;           /**< the main model can't run here as a whole, so a frame whose split
                                   fails has the student or nothing. Needs has_server; cuts are
                                   within the prefix */
    uint32_t cut;             /**< as clv_agent_set_cut() */
    uint64_t deadline_us;     /**< from submission; 0: none */
    uint64_t model_us;        /**< what a run of the whole main model took */
    uint64_t student_us;      /**< what a run of the student took */
} clv_agent_config;

/** A time that is learned: the mean and the mean deviation follow the measurements (exponentially
 *  weighted, as TCP's round-trip time: RFC 6298). */
typedef struct clv_agent_estimate {
    uint64_t mean_us, deviation_us;
} clv_agent_estimate;

/** Everything below is private to agent_core.c; it is here so that the memory is the owner's. */

typedef enum clv_agent_slot_state {
    CLV_AGENT_FREE,
    CLV_AGENT_RESERVED, /**< being filled */
    CLV_AGENT_ACTIVE,   /**< submitted, not answered */
    CLV_AGENT_ANSWERED  /**< not released yet */
} clv_agent_slot_state;

typedef struct clv_agent_slot {
    clv_agent_slot_state state;
    uint64_t frame;
    uint64_t submitted_us, deadline_us; /* deadline UINT64_MAX: none */
    uint32_t cut;
    bool undecided;  /* the cut isn't known yet */
    bool split;      /* the server is wanted, or may be */
    bool student_ok; /* the student takes this frame's inputs, and hasn't failed on them */
    bool model_ok;   /* the main model is here as a whole, and hasn't failed on it */
    bool falling_back;
    bool awaiting; /* sent, or being sent: a reply counts */
    bool replied;
    bool key;                          /* the server needs it alone */
    uint32_t model_step, student_step; /* nodes done */
    uint64_t model_us, student_us;     /* spent on them */
    clv_agent_reason reason;
} clv_agent_slot;

typedef struct clv_agent {
    clv_agent_config config;
    bool asks; /* the cut of each frame */
    bool link_up;
    clv_agent_slot slots[CLV_AGENT_MAX_SLOTS];
    uint32_t order[CLV_AGENT_MAX_SLOTS]; /* active slots by submission */
    uint32_t n_active;
    uint32_t owner;         /* slot whose nodes were run last in the main model's execution */
    uint32_t student_owner; /* the same for the student's */
    uint64_t busy_since_us; /* start of the action that the worker carries out */
    clv_agent_estimate model_time, student_time;
    uint64_t blocked_us; /* longest of the last actions that an urgent frame had to wait for */
} clv_agent;

/** @return CLV_OK, CLV_EINVAL. */
CLV_NODISCARD clv_status clv_agent_init(clv_agent *agent, const clv_agent_config *config);

/** Take a slot for a frame, or CLV_AGENT_NO_SLOT when all are in use. Then clv_agent_submit() it,
 *  or clv_agent_release(). */
uint32_t clv_agent_reserve(clv_agent *agent);

/** The slot's frame is there. @p frame is larger than every one before.
 *  @param student_ok  The student (if there is one) can take its inputs. */
void clv_agent_submit(clv_agent *agent, uint32_t slot, uint64_t frame, bool student_ok,
                      uint64_t now_us);

/** What to do next. CHOOSE, RUN and SEND are to be followed by their outcome before the next call.
 */
clv_agent_action clv_agent_next(clv_agent *agent, uint64_t now_us);

/** Outcome of CHOOSE: the frame is split at @p cut; beyond the last node means all nodes, and the
 *  device has them all (not is_prefix). */
void clv_agent_chosen(clv_agent *agent, const clv_agent_action *choose, uint32_t cut);
/** Outcome of RUN: nodes up to @p reached are done. */
void clv_agent_ran(clv_agent *agent, const clv_agent_action *run, uint32_t reached,
                   uint64_t now_us);
/** Outcome of RUN: the network can't answer this frame. */
void clv_agent_run_failed(clv_agent *agent, const clv_agent_action *run, uint64_t now_us);
/** Outcome of SEND. */
void clv_agent_sent(clv_agent *agent, const clv_agent_action *send, bool ok, uint64_t now_us);

/** Whether replies can come at all: the link is up and the server has the bundle. */
void clv_agent_set_link(clv_agent *agent, bool up);

/** The slot that waits for a reply to @p frame, or CLV_AGENT_NO_SLOT: a reply to anything else is
 *  to be dropped. */
uint32_t clv_agent_awaits(const clv_agent *agent, uint64_t frame);
/** The outputs of that slot are there. */
void clv_agent_replied(clv_agent *agent, uint32_t slot);
/** The server doesn't hold the frame that this one was coded after: it is sent again as a key
 * frame, unless that was one, or its fallback has begun. */
void clv_agent_needs_key(clv_agent *agent, uint32_t slot);
/** There will be no reply for that slot. */
void clv_agent_refused(clv_agent *agent, uint32_t slot);

/** Give a reserved or answered slot back. */
void clv_agent_release(clv_agent *agent, uint32_t slot);

/** For frames that are submitted from now on; beyond the last node means all nodes, and
 *  CLV_CUT_AUTO that each frame's is asked for (CHOOSE), where there is a server. */
void clv_agent_set_cut(clv_agent *agent, uint32_t cut);

/** The main model's execution holds no frame any more: nodes were run in it for another purpose. */
void clv_agent_taken_over(clv_agent *agent);

/** Frames that wait for a reply. */
uint32_t clv_agent_awaiting(const clv_agent *agent);

/** Frames that are submitted and not answered. */
uint32_t clv_agent_active(const clv_agent *agent);

#endif
