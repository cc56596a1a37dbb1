/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CUTS_H
#define CLV_CUTS_H

/** @file cuts.h: the best ways to part a graph between device and server, over every set of nodes
 *  that the device can run first, not only over prefixes of the order that the nodes happen to be
 *  in.
 *
 *  A split is a set S of nodes on the device that holds, with a node, all nodes that it depends on.
 *  It costs
 *
 *      compute_ns  device_ns of the nodes in S + server_ns of the others
 *      bytes       of each tensor, once, that is made in S (or comes from outside) and that a node
 *                  outside of S reads, or that is an answer, since the server gives the answers
 *
 *  and the best S for `ns_per_byte` has the least compute_ns + ns_per_byte x bytes. That is a
 *  minimum cut (C. Hu et al., "Dynamic Adaptive DNN Surgery for Inference Acceleration on the
 *  Edge", INFOCOM 2019) once a tensor with several readers is a vertex of its own. A node to which
 *  all others are before or behind parts the graph, and S ends in one of the parts: each part is
 *  a small problem, and where the graph is a chain, with or without shortcuts, a part is one node.
 *  All on the device ships nothing and is another matter (plan.h): here its answers are shipped.
 *
 *  Nested: where no node is faster on the device than on the server, the best sets for falling
 *  bandwidth (rising ns_per_byte) grow, each within the next, because scaling the costs by
 *  1/ns_per_byte leaves bytes as they are and shrinks only what nodes add on the device's side
 *  (G. Gallo, M. Grigoriadis and R. Tarjan, "A Fast Parametric Maximum Flow Algorithm", 1989).
 *  One order of the nodes then has every best set as a prefix. Pure; one owner. */

#include "graph/graph.h"

#define CLV_CUT_OUTSIDE UINT32_MAX /**< what makes the graph's inputs */

/** A tensor that nodes exchange. */
typedef struct clv_cut_tensor {
    uint32_t producer;         /**< a node, or CLV_CUT_OUTSIDE */
    uint32_t n_consumers;      /**< may be 0 */
    const uint32_t *consumers; /**< nodes behind the producer; one may be there twice */
    uint64_t bytes;            /**< shipped when it crosses */
    bool is_answer;            /**< an output of the graph */
} clv_cut_tensor;

/** What is to be cut. Costs and bytes are at most CLV_CUT_MAX_TOTAL in all. */
typedef struct clv_cut_problem {
    uint32_t n_nodes; /**< in a topological order */
    uint32_t n_tensors;
    const uint64_t *device_ns; /**< n_nodes */
    const uint64_t *server_ns; /**< n_nodes, times the server's load */
    const bool *pinned; /**< n_nodes: stays on the device, and so does all it needs; or NULL */
    const clv_cut_tensor *tensors;
} clv_cut_problem;

#define CLV_CUT_MAX_TOTAL ((uint64_t)1 << 52)
#define CLV_CUT_MAX_SETS 4096u

typedef struct clv_cut_cost {
    uint64_t compute_ns, bytes;
} clv_cut_cost;

/** Sets in order of falling bandwidth. Set i is the best from where set i - 1 isn't any more:
 *  up to ns_per_byte = (compute_ns[i + 1] - compute_ns[i]) / (bytes[i] - bytes[i + 1]). */
typedef struct clv_cut_sweep {
    uint32_t n_sets, n_nodes;
    clv_cut_cost *costs; /**< n_sets */
    bool *on_device;     /**< n_sets x n_nodes */
} clv_cut_sweep;

/** What a split costs, exactly. @p on_device has n_nodes elements. */
clv_cut_cost clv_cut_cost_of(const clv_cut_problem *problem, const bool *on_device);

/** The best split.
 *  @param[out] on_device_out  n_nodes; of equal ones that with the most nodes.
 *  @param[out] cost_out       What it costs.
 *  @param ns_per_byte         >= 0, finite.
 *  @return CLV_OK; CLV_EINVAL where numbers or indices are impossible; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_cut_best(bool *on_device_out, clv_cut_cost *cost_out,
                                      const clv_cut_problem *problem, double ns_per_byte);

/** The best splits for all bandwidths: the lower envelope of their lines over ns_per_byte.
 *  @return CLV_OK; CLV_ELIMIT (over CLV_CUT_MAX_SETS); as clv_cut_best() otherwise. */
CLV_NODISCARD clv_status clv_cut_sweep_create(clv_cut_sweep **out, const clv_cut_problem *problem);
void clv_cut_sweep_free(clv_cut_sweep *sweep); /* NULL is a no-op */

/** A topological order in which as many of the sets as can be are prefixes: all of them where they
 *  are nested, otherwise a longest chain of them. What no set tells apart stays as it is.
 *  @param[out] order_out     n_nodes; the node that comes first, and so on.
 *  @param[out] n_chained_out How many sets are prefixes; may be NULL.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_cut_order(uint32_t *order_out, uint32_t *n_chained_out,
                                       const clv_cut_sweep *sweep);

/** A problem's tensors from a prepared graph, each of the bytes of its plain elements.
 *  @param[out] out        Borrows @p device_ns and @p server_ns, which have n_nodes elements.
 *  @param[out] memory_out Holds all that is made here; give it to clv_free().
 *  @return CLV_OK, CLV_ENOMEM, CLV_ELIMIT. */
CLV_NODISCARD clv_status clv_cut_problem_of_graph(clv_cut_problem *out, void **memory_out,
                                                  const clv_graph *graph, const uint64_t *device_ns,
                                                  const uint64_t *server_ns);

#endif
