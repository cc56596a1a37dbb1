/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BUNDLE_LADDERS_H
#define CLV_BUNDLE_LADDERS_H

/** @file bundle_ladders.h: a model's operating points <-> their messages in the manifest and their
 *  bytes in the weights section. */

#include "runtime/bundle.h"
#include "runtime/bundle_graph.h"

/** What the ladders of a model that was read consist of. */
typedef struct clv_ladder_store {
    clv_arena memory;
    clv_point **points;
    uint32_t n_points;
} clv_ladder_store; /* all zero is empty */

void clv_ladder_store_done(clv_ladder_store *store); /* idempotent */

/** Check and parse the ladders of @p m into model->ladders; the forms are read already.
 *  @param store  For clv_ladder_store_done() in any case.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT with @p err; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_bundle_read_ladders(clv_model *model, clv_ladder_store *store,
                                                 const Clv__Pb__Model *m,
                                                 const clv_weights *weights, clv_error *err);

/** Make the messages of model->ladders in @p arena, adding the points' bytes to @p weights. */
CLV_NODISCARD clv_status clv_bundle_write_ladders(Clv__Pb__Model *m, clv_arena *arena,
                                                  clv_weight_list *weights, const clv_model *model);

#endif
