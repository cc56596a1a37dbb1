/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass_weights.h"

/* y = scale * (conv(x) - mean) / sqrt(var + epsilon) + shift: other weights and bias of the same
 * convolution (or Gemm). */
static clv_status fold(clv_pass *pass, uint32_t index, clv_error *err)
{
    const clv_node *bn = &pass->graph->nodes[index];
    uint32_t producer = clv_pass_sole_producer(pass, bn->inputs[0]), axis;
    clv_affine affine;
    size_t channels;
    bool done;

    if (producer == CLV_NO_NODE || !clv_weights_channels(&axis, &channels, pass, producer, false) ||
        axis != 1)
        return CLV_OK;
    clv_status status = clv_affine_of_batch_norm(&affine, pass->graph, bn, channels);
    if (status != CLV_OK)
        return status == CLV_EUNSUPPORTED ? CLV_OK
                                          : clv_fail(err, status, bn->name, "out of memory");
    status = clv_weights_take_behind(&done, pass, producer, index, &affine, err);
    clv_affine_done(&affine);
    return status;
}

clv_status clv_pass_batch_norm(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        if (pass->graph->nodes[i].op == CLV_OP_BATCH_NORMALIZATION)
            CLV_TRY(fold(pass, i, err));
    }
    return CLV_OK;
}
