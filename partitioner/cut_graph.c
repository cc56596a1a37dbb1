/* SPDX-License-Identifier: Apache-2.0 */
/* A graph as a problem of cutting. */
#include "base/error.h"
#include "base/memory.h"
#include "partitioner/cuts.h"

static bool travels(const clv_graph *graph, uint32_t value)
{
    return value != CLV_NO_VALUE && !clv_value_is_constant(&graph->values[value]);
}

static size_t bytes_of(const clv_value *value)
{
    size_t bytes = 0;
    return clv_tensor_bytes(&bytes, &value->tensor) == CLV_OK ? bytes : 0;
}

/* The readers of all values, one value's behind the other's. */
static void list_readers(clv_cut_tensor *tensors, uint32_t *readers, const clv_graph *graph)
{
    for (uint32_t v = 0; v < graph->n_values; v++) {
        tensors[v].consumers = readers;
        readers += tensors[v].n_consumers;
        tensors[v].n_consumers = 0;
    }
}

clv_status clv_cut_problem_of_graph(clv_cut_problem *out, void **memory_out, const clv_graph *graph,
                                    const uint64_t *device_ns, const uint64_t *server_ns)
{
    size_t uses = 0;

    for (uint32_t i = 0; i < graph->n_nodes; i++)
        uses += graph->nodes[i].n_inputs;
    if (uses > CLV_CUT_MAX_TOTAL / sizeof(uint32_t))
        return CLV_ELIMIT;
    size_t table = (size_t)graph->n_values * sizeof(clv_cut_tensor);
    clv_cut_tensor *tensors = clv_calloc(1, table + (uses + 1) * sizeof(uint32_t));
    if (tensors == NULL)
        return CLV_ENOMEM;
    uint32_t *readers = (uint32_t *)(tensors + graph->n_values);

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        for (uint32_t j = 0; j < graph->nodes[i].n_inputs; j++) {
            if (travels(graph, graph->nodes[i].inputs[j]))
                tensors[graph->nodes[i].inputs[j]].n_consumers++;
        }
    }
    list_readers(tensors, readers, graph);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        for (uint32_t j = 0; j < graph->nodes[i].n_inputs; j++) {
            uint32_t v = graph->nodes[i].inputs[j];
            if (travels(graph, v))
                readers[(size_t)(tensors[v].consumers - readers) + tensors[v].n_consumers++] = i;
        }
    }
    for (uint32_t v = 0; v < graph->n_values; v++) {
        uint32_t producer = graph->values[v].producer;
        tensors[v].producer = producer == CLV_NO_NODE ? CLV_CUT_OUTSIDE : producer;
        tensors[v].bytes = travels(graph, v) ? bytes_of(&graph->values[v]) : 0;
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        tensors[graph->outputs[i]].is_answer = travels(graph, graph->outputs[i]);
    *out = (clv_cut_problem){.n_nodes = graph->n_nodes,
                             .n_tensors = graph->n_values,
                             .device_ns = device_ns,
                             .server_ns = server_ns,
                             .tensors = tensors};
    *memory_out = tensors;
    return CLV_OK;
}
