/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an ONNX model: imported, and prepared as `cleave build` prepares it. */
#include <stddef.h>
#include <stdint.h>

#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "onnx/onnx_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    clv_onnx_options options = CLV_ONNX_OPTIONS_INIT;
    clv_graph *graph;
    clv_error err = CLV_ERROR_INIT;

    options.evaluate = clv_ref_evaluate;
    if (clv_onnx_import_memory(&graph, data, bytes, NULL, &options, &err) != CLV_OK)
        return 0;
    (void)!clv_graph_prepare(graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate}, NULL,
                             NULL, &err);
    clv_graph_free(graph);
    return 0;
}
