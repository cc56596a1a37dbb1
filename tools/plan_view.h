/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLAN_VIEW_H
#define CLV_PLAN_VIEW_H

/** @file plan_view.h: what `cleave plan` found, for its table, its JSON and its page. */

#include <jansson.h>

#include "graph/graph.h"
#include "partitioner/plan.h"

#define PLAN_VIEW_MAX_PIECES 64u
#define PLAN_VIEW_TEXT_BYTES 128u

/** Ways to run a network that need no split: X(NAME, "name") */
#define PLAN_BASELINE_LIST(X)                                                                      \
    X(DEVICE, "device only")                                                                       \
    X(RAW, "raw to server") /* pixels, or where there are none the input's elements */             \
    X(JPEG, "JPEG to server")

typedef enum plan_baseline {
#define PLAN_BASELINE_ENUM(name, text) PLAN_BASELINE_##name,
    PLAN_BASELINE_LIST(PLAN_BASELINE_ENUM)
#undef PLAN_BASELINE_ENUM
        PLAN_BASELINE_COUNT
} plan_baseline;

typedef struct plan_view {
    const char *model;
    const clv_graph *graph;
    const clv_profile *device, *server; /* server may be NULL */
    clv_plan *plan, *all;               /* all: with what is never needed; owned */
    clv_world world;
    double from_bytes_per_s, to_bytes_per_s; /* of the pieces */
    clv_plan_choice choice;                  /* of plan */
    clv_plan_piece pieces[PLAN_VIEW_MAX_PIECES];
    uint32_t n_pieces;
    uint32_t *best_at; /* [n_nodes + 1]: of each cut, in all; CLV_PLAN_NONE; owned */
    uint32_t baselines[PLAN_BASELINE_COUNT]; /* in all; CLV_PLAN_NONE */
} plan_view;

/** @param view  In: model to world. Out: the rest; give it to plan_view_done() in any case.
 *  @return as clv_plan_create(). */
CLV_NODISCARD clv_status plan_view_init(plan_view *view, const clv_plan_options *options,
                                        clv_error *err);
void plan_view_done(plan_view *view);

const char *plan_baseline_name(plan_baseline baseline);

/** "cut 12, rans 3", "JPEG to server", "device only". @return @p dst. */
char *plan_view_describe(char dst[PLAN_VIEW_TEXT_BYTES], const clv_plan *plan, uint32_t candidate);

/** NULL when out of memory. */
json_t *plan_view_json(const plan_view *view);

CLV_NODISCARD clv_status plan_view_print(const plan_view *view);

#endif
