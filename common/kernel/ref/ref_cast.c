/* SPDX-License-Identifier: Apache-2.0 */
/* Cast and CastLike, between all element types. */
#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

clv_status ref_cast(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    size_t n = ref_elems(&inputs[0]);

    if (inputs[0].dtype == outputs[0].dtype)
        return ref_copy(graph, node, inputs, outputs);
    for (size_t i = 0; i < n; i++)
        ref_number_store(outputs[0].data, outputs[0].dtype, i,
                         ref_number_load(inputs[0].data, inputs[0].dtype, i));
    return CLV_OK;
}
