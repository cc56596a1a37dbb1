/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ADMISSION_H
#define CLV_ADMISSION_H

/** @file admission.h: which requests a server takes on. Pure: no clock, no lock, no memory.
 *
 *  A request that can't be answered is refused at once, so that its device falls back while there
 *  is time. What is accepted is never dropped for load later. */

#include <stdbool.h>
#include <stdint.h>

#include <cleave/status.h>

/** X(NAME, status of the refusal, what the device's operator reads). */
#define CLV_VERDICT_LIST(X)                                                                        \
    X(ACCEPT, OK, "accepted")                                                                      \
    X(UNKNOWN_BUNDLE, ENOENT, "this server doesn't have the device's bundle")                      \
    X(NO_SUCH_CUT, EINVAL, "the model has no such cut")                                            \
    X(NO_SUCH_FORM, EUNSUPPORTED, "the bundle doesn't hold the network in that precision")         \
    X(NO_SUCH_PAYLOAD, EUNSUPPORTED, "this server doesn't know that kind of payload")              \
    X(NOT_THE_INPUT, EINVAL, "an image is the network's input: its cut is 0")                      \
    X(NO_IMAGES, EUNSUPPORTED, "the bundle doesn't say how an image becomes its input")            \
    X(NOTHING_TO_DO, EINVAL, "the cut is behind the last node: nothing is left for a server")      \
    X(QUEUE_FULL, EAGAIN, "the server is busy: its queue is full")                                 \
    X(TOO_LATE, ETIMEDOUT, "the server can't answer by the frame's deadline")                      \
    X(CLOSING, ECLOSED, "the server is shutting down")

typedef enum clv_verdict {
#define CLV_VERDICT_ENUM(name, status, reason) CLV_VERDICT_##name,
    CLV_VERDICT_LIST(CLV_VERDICT_ENUM)
#undef CLV_VERDICT_ENUM
} clv_verdict;

clv_status clv_verdict_status(clv_verdict verdict);
const char *clv_verdict_reason(clv_verdict verdict); /**< static */

/** What a server has on its hands. */
typedef struct clv_admission {
    uint32_t workers; /**< requests that run at once */
    uint32_t queue;   /**< requests that may wait when all workers run */
    uint32_t waiting; /**< accepted, not started */
    uint32_t running;
    uint64_t waiting_us; /**< estimated work of the waiting ones */
    uint64_t running_us; /**< and of the running ones, whole */
    bool closing;
} clv_admission;

/** What needs no state. @p n_nodes is the model's, and is ignored where the bundle isn't known. */
clv_verdict clv_admission_check(bool bundle_known, uint32_t cut, uint32_t n_nodes);

/** The same of what the payload is said to be, any number (clv_wire_payload).
 *  @param takes_images  The bundle has an input spec, and an image is all that its network takes.
 */
clv_verdict clv_admission_check_payload(uint32_t payload, uint32_t cut, bool takes_images);

/** Is there room, and time?
 *  A free worker refuses nothing for its estimate: the run costs nobody anything and corrects an
 *  estimate that one slow run has spoilt.
 *  @param deadline_at_us  Moment by which the answer must be there; 0: none.
 *  @param estimate_us     Of this request's own run; 0: not known yet. */
clv_verdict clv_admission_decide(const clv_admission *admission, uint64_t deadline_at_us,
                                 uint64_t estimate_us, uint64_t now_us);

/** The way of a request through the state, with the same estimate at each step. */
void clv_admission_accepted(clv_admission *admission, uint64_t estimate_us);
void clv_admission_started(clv_admission *admission, uint64_t estimate_us);
void clv_admission_finished(clv_admission *admission, uint64_t estimate_us);

/** The moment @p left_us after @p now_us; 0 (none) for none. Never wraps: @p left_us is a
 *  stranger's. */
uint64_t clv_admission_deadline(uint64_t now_us, uint64_t left_us);

/** An exponentially weighted mean (1/8) of service times in which one run that was held up counts
 *  as four times the mean at most. @p estimate_us 0: the first sample. */
uint64_t clv_admission_learn(uint64_t estimate_us, uint64_t sample_us);

#endif
