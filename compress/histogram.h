/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_HISTOGRAM_H
#define CLV_HISTOGRAM_H

/** @file histogram.h: how often which numbers occur, in bounded memory, over a range that grows.
 *
 *  Bins are [k, k + 1) * width for whole k, and width is a power of two that doubles when the range
 *  no longer fits: pairs of bins become one and no count is split. Exact zeros (what Relu makes)
 * are counted on their own. One owner; no allocation. */

#include <stddef.h>
#include <stdint.h>

#define CLV_HISTOGRAM_BINS 2048

typedef struct clv_histogram {
    double width;        /**< of a bin; 0: nothing was added yet but zeros */
    int64_t first;       /**< bin i counts numbers in [first + i, first + i + 1) * width */
    float min, max;      /**< of all numbers; 0 lies always between */
    uint64_t zeros;      /**< exact ones */
    uint64_t not_finite; /**< NaNs and infinities; in no bin */
    uint64_t count;      /**< of the bins, without the zeros */
    uint64_t bins[CLV_HISTOGRAM_BINS];
} clv_histogram; /* all zero is empty */

void clv_histogram_add(clv_histogram *h, const float *numbers, size_t n);

/** Add all counts of @p other. */
void clv_histogram_merge(clv_histogram *h, const clv_histogram *other);

/** The middle of bin @p i. */
double clv_histogram_middle(const clv_histogram *h, int i);

#endif
