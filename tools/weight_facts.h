/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WEIGHT_FACTS_H
#define CLV_WEIGHT_FACTS_H

/** @file weight_facts.h: what a network's constants take, by the form in which they are stored. */

#include "runtime/weight_form.h"

typedef struct weight_facts {
    size_t float_bytes;                    /**< with float32 for all that stands for real numbers */
    size_t stored_bytes;                   /**< all of the following */
    size_t by_form[CLV_WEIGHT_FORM_COUNT]; /**< of float32 constants */
    size_t quantised_bytes;                /**< of those that int8 nodes take in bytes */
    size_t other_bytes;                    /**< whole numbers: shapes, indices */
} weight_facts;

/** Constants that nothing reads don't count. @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status weight_facts_init(weight_facts *out, const clv_graph *graph);

#endif
