/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admission.h"

#include <assert.h>
#include <stddef.h>

#include "net/wire.h"

static const struct {
    clv_status status;
    const char *reason;
} verdicts[] = {
#define VERDICT_LINE(name, status, reason) {CLV_##status, reason},
    CLV_VERDICT_LIST(VERDICT_LINE)
#undef VERDICT_LINE
};

clv_status clv_verdict_status(clv_verdict verdict)
{
    return verdicts[verdict].status;
}

const char *clv_verdict_reason(clv_verdict verdict)
{
    return verdicts[verdict].reason;
}

clv_verdict clv_admission_check(bool bundle_known, uint32_t cut, uint32_t n_nodes)
{
    if (!bundle_known)
        return CLV_VERDICT_UNKNOWN_BUNDLE;
    if (cut > n_nodes)
        return CLV_VERDICT_NO_SUCH_CUT;
    return cut == n_nodes ? CLV_VERDICT_NOTHING_TO_DO : CLV_VERDICT_ACCEPT;
}

clv_verdict clv_admission_check_payload(uint32_t payload, uint32_t cut, bool takes_images)
{
    if (payload == CLV_PAYLOAD_TENSORS)
        return CLV_VERDICT_ACCEPT;
    if (payload != CLV_PAYLOAD_IMAGE && payload != CLV_PAYLOAD_FITTED)
        return CLV_VERDICT_NO_SUCH_PAYLOAD;
    if (cut != 0)
        return CLV_VERDICT_NOT_THE_INPUT;
    return takes_images ? CLV_VERDICT_ACCEPT : CLV_VERDICT_NO_IMAGES;
}

/* How long a request waits for a worker: the work ahead of it, shared by the workers. Those that
 * run are half done on average. */
static uint64_t expected_wait_us(const clv_admission *admission)
{
    return (admission->waiting_us + admission->running_us / 2) / admission->workers;
}

clv_verdict clv_admission_decide(const clv_admission *admission, uint64_t deadline_at_us,
                                 uint64_t estimate_us, uint64_t now_us)
{
    uint64_t accepted = (uint64_t)admission->waiting + admission->running;

    if (admission->closing)
        return CLV_VERDICT_CLOSING;
    if (deadline_at_us != 0 && now_us >= deadline_at_us)
        return CLV_VERDICT_TOO_LATE;
    if (accepted < admission->workers)
        return CLV_VERDICT_ACCEPT;
    if (accepted >= (uint64_t)admission->workers + admission->queue)
        return CLV_VERDICT_QUEUE_FULL;
    if (deadline_at_us != 0 && expected_wait_us(admission) + estimate_us > deadline_at_us - now_us)
        return CLV_VERDICT_TOO_LATE;
    return CLV_VERDICT_ACCEPT;
}

void clv_admission_accepted(clv_admission *admission, uint64_t estimate_us)
{
    admission->waiting++;
    admission->waiting_us += estimate_us;
}

void clv_admission_started(clv_admission *admission, uint64_t estimate_us)
{
    assert(admission->waiting > 0 && admission->waiting_us >= estimate_us);
    admission->waiting--;
    admission->waiting_us -= estimate_us;
    admission->running++;
    admission->running_us += estimate_us;
}

void clv_admission_finished(clv_admission *admission, uint64_t estimate_us)
{
    assert(admission->running > 0 && admission->running_us >= estimate_us);
    admission->running--;
    admission->running_us -= estimate_us;
}

uint64_t clv_admission_deadline(uint64_t now_us, uint64_t left_us)
{
    if (left_us == 0)
        return 0;
    return left_us > UINT64_MAX - now_us ? UINT64_MAX : now_us + left_us;
}

uint64_t clv_admission_learn(uint64_t estimate_us, uint64_t sample_us)
{
    if (estimate_us == 0)
        return sample_us;
    uint64_t most = estimate_us <= UINT64_MAX / 4 ? estimate_us * 4 : UINT64_MAX;
    uint64_t sample = sample_us < most ? sample_us : most;
    return estimate_us - estimate_us / 8 + sample / 8;
}
