/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_POST_TRAINING_H
#define CLV_POST_TRAINING_H

/** @file post_training.h: post-training quantisation, from a prepared float graph and inputs to
 *  calibrate with to a quantised graph (graph.h: clv_quant, clv_node.quantised).
 *
 *      equalise -> calibrate -> plan -> weights -> ranges -> biases -> compare with float -> search
 *
 *  Every second sample makes the ranges and biases (all of them where there are fewer than eight);
 *  all of them compare the quantised network with the float one. Where it differs by more than is
 *  allowed, nodes go back to float, those first that cost most accuracy for the least work saved.
 *  The same samples and options give the same graph. */

#include "compress/fidelity.h"
#include "compress/quant_graph.h"
#include "runtime/weight_form.h"

/** Whether to do something: the better of both, measured, is the default. */
typedef enum clv_choice { CLV_CHOICE_BEST, CLV_CHOICE_NO, CLV_CHOICE_YES } clv_choice;

typedef struct clv_quantise_options {
    clv_samples samples;
    bool best_method;        /**< try every range method and take the one of least error */
    clv_range_method method; /**< otherwise this one */
    clv_weight_options weights;
    clv_weight_form stored; /**< how the weights of nodes that stay float will be stored; where
                                 that costs more than max_drop, it is FLOAT16 */
    clv_choice equalise;
    bool round_by_output; /**< weights are rounded so that outputs move least, not weights */
    bool correct_bias;
    double max_drop; /**< the most drop (fidelity.h); INFINITY: no node goes back to float */
    const clv_backend *backend; /**< that simulates; NULL: the best one */
    unsigned threads;
    clv_watcher watcher;
} clv_quantise_options;

#define CLV_QUANTISE_OPTIONS_INIT                                                                  \
    {                                                                                              \
        .best_method = true, .method = CLV_RANGE_MSE,                                              \
        .weights = {.method = CLV_WEIGHT_MINMAX, .limit = 127}, .round_by_output = true,           \
        .correct_bias = true, .stored = CLV_WEIGHT_INT8, .max_drop = 0.0025, .threads = 1          \
    }

/** What became of one node. */
typedef struct clv_quantise_node {
    const char *name;
    clv_op op;
    bool quantised;
    const char *why; /**< why it is float; NULL for int8 */
    uint64_t macs;
    bool measured;        /**< it could be int8 and does more than move numbers: what follows is
                               known, of this node alone in int8 */
    double snr_db;        /**< of its output */
    double output_snr_db; /**< of the network's outputs (the worst) */
    bool has_range;       /**< its output has a quant */
    clv_quant quant;
} clv_quantise_node;

typedef struct clv_quantise_report {
    uint32_t n_nodes;
    clv_quantise_node *nodes;
    uint32_t n_quantised;
    uint64_t macs, quantised_macs;
    uint32_t equalised;      /**< pairs of convolutions */
    clv_range_method method; /**< that was chosen */
    clv_fidelity all;        /**< with every node that could be in int8 */
    clv_fidelity chosen;
    bool classifier;
    size_t calibrated_on, compared_on; /**< samples */
    uint32_t tries;                    /**< assignments that were compared in the search */
    clv_arena memory;
} clv_quantise_report;

/** A network in both forms, with the same numbers of nodes and values: a cut is the same in both,
 *  and what one makes in front of it the other can take. */
typedef struct clv_quantised {
    clv_graph *plain; /**< float32: the same function as the given graph, equalised; values that the
                           other form stores in bytes have their quant here too */
    clv_graph *int8;  /**< quantised; borrows constants from plain: free it first */
    clv_weight_form stored; /**< the form that int8's float32 weights were chosen for */
} clv_quantised;

void clv_quantised_done(clv_quantised *quantised); /* idempotent; frees both */

/** @param[out] out    Borrows constants from @p graph, which outlives it. Nodes and values have the
 *                     numbers of @p graph; new constants (biases) have the highest. Left untouched
 *                     on failure.
 *  @param[out] report For clv_quantise_report_done() in any case; names belong to @p graph.
 *  @return CLV_OK; CLV_EUNSUPPORTED when no node can be in int8, or
 *          the weights are packed (a bundle's); CLV_EINVAL without samples or for
 *          options that are out of range; CLV_EFORMAT for values without a range; CLV_ENOMEM;
 *          errors of runs and of the callbacks. */
CLV_NODISCARD clv_status clv_quantise(clv_quantised *out, const clv_graph *graph,
                                      const clv_quantise_options *options,
                                      clv_quantise_report *report, clv_error *err);
void clv_quantise_report_done(clv_quantise_report *report); /* idempotent */

#endif
