/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "codec/plane_coder.h"

/* Bits that one more (or one less) of 4096 for a symbol that was seen so often saves (or costs). */
static double gain(uint64_t seen, unsigned count, unsigned other)
{
    return (double)seen * log2((double)other / (double)count);
}

/* Which symbol gains most by one more, or loses least by one less. */
static unsigned best(const uint64_t *seen, const uint16_t *count, unsigned n, bool more)
{
    double most = -INFINITY;
    unsigned found = 0;

    for (unsigned i = 0; i < n; i++) {
        if (!more && count[i] == 1)
            continue;
        double g = gain(seen[i], count[i], more ? count[i] + 1u : count[i] - 1u);
        if (g > most) {
            most = g;
            found = i;
        }
    }
    return found;
}

void clv_frequencies_fit(clv_frequencies *out, const uint64_t *seen, unsigned n)
{
    uint64_t all = 0;
    unsigned sum = 0;

    *out = (clv_frequencies){0};
    for (unsigned i = 0; i < n; i++)
        all += seen[i];
    for (unsigned i = 0; i < n; i++) {
        double share = all > 0 ? (double)seen[i] / (double)all : 1.0 / n;
        double count = floor(share * (double)CLV_RANS_TOTAL);
        out->count[i] = (uint16_t)(count < 1.0 ? 1.0 : count);
        sum += out->count[i];
    }
    for (; sum < CLV_RANS_TOTAL; sum++)
        out->count[best(seen, out->count, n, true)]++;
    for (; sum > CLV_RANS_TOTAL; sum--)
        out->count[best(seen, out->count, n, false)]--;
    sum = 0;
    for (unsigned i = 0; i < CLV_RANS_LEVELS; i++) {
        out->start[i] = (uint16_t)sum;
        sum += out->count[i];
    }
}
