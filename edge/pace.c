/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/pace.h"

#include <stddef.h>

#define MAX_PERMILLE 10000000u

void clv_pace_init(clv_pace *pace, const uint64_t *until_ns)
{
    *pace = (clv_pace){.until_ns = until_ns};
}

static uint32_t ratio(uint64_t measured_ns, uint64_t profiled_ns)
{
    double permille = 1000.0 * (double)measured_ns / (double)profiled_ns;
    return permille < MAX_PERMILLE ? (uint32_t)(permille + 0.5) : MAX_PERMILLE;
}

static void learn(clv_pace *pace)
{
    if (pace->profiled_ns < CLV_PACE_MIN_NS)
        return;
    pace->last_permille = ratio(pace->measured_ns, pace->profiled_ns);
    pace->mean_permille =
        pace->frames == 0 ? pace->last_permille
                          : (uint32_t)((3ull * pace->mean_permille + pace->last_permille + 2) / 4);
    pace->frames++;
}

void clv_pace_ran(clv_pace *pace, uint32_t from, uint32_t to, uint64_t us, bool last)
{
    if (pace->until_ns == NULL)
        return;
    if (from == 0)
        pace->measured_ns = pace->profiled_ns = 0;
    pace->measured_ns += us * 1000;
    pace->profiled_ns += pace->until_ns[to] - pace->until_ns[from];
    if (last)
        learn(pace);
}
