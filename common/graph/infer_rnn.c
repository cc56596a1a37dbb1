/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of recurrent networks. */
#include "graph/infer_rules.h"
#include "graph/params_rnn.h"

clv_status infer_rnn(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_rnn_params p;
    CLV_TRY(clv_rnn_params_of(&p, graph, node, err));
    clv_shape y = {.rank = 4, .dim = {p.steps, p.directions, p.batch, p.hidden}};
    clv_shape last = {.rank = 3, .dim = {p.directions, p.batch, p.hidden}};

    if (p.batch_first) {
        y = (clv_shape){.rank = 4, .dim = {p.batch, p.steps, p.directions, p.hidden}};
        last = (clv_shape){.rank = 3, .dim = {p.batch, p.directions, p.hidden}};
    }
    CLV_TRY(clv_infer_set(graph, node, 0, CLV_F32, &y, err));
    CLV_TRY(clv_infer_set(graph, node, 1, CLV_F32, &last, err));
    return clv_infer_set(graph, node, 2, CLV_F32, &last, err); /* LSTM's cells */
}
