/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_order.h"

#include "base/error.h"
#include "partitioner/cuts.h"

#define SLOWER 16u /* the device */
#define LEAST_NS 100u
#define MOST_NS ((uint64_t)1 << 32) /* all nodes together stay within what cuts.h takes */

static uint64_t guess_server_ns(const clv_graph *graph, const clv_node *node)
{
    uint64_t work = clv_node_macs(graph, node);

    for (uint32_t i = 0; i < node->n_outputs; i++) {
        const clv_tensor *out = clv_node_output(graph, node, i);
        size_t bytes = 0;
        if (out != NULL && clv_tensor_bytes(&bytes, out) == CLV_OK)
            work += bytes;
    }
    work = work / SLOWER + LEAST_NS;
    return work < MOST_NS ? work : MOST_NS;
}

static clv_status find_order(uint32_t *order, const clv_graph *graph, const uint64_t *device_ns,
                             const uint64_t *server_ns)
{
    clv_cut_problem problem;
    clv_cut_sweep *sweep = NULL;
    void *memory;

    CLV_TRY(clv_cut_problem_of_graph(&problem, &memory, graph, device_ns, server_ns));
    clv_status status = clv_cut_sweep_create(&sweep, &problem);
    if (status == CLV_OK)
        status = clv_cut_order(order, NULL, sweep);
    clv_cut_sweep_free(sweep);
    clv_free(memory);
    return status;
}

clv_status tool_order_nodes(uint32_t *n_moved_out, clv_graph *graph, clv_error *err)
{
    uint32_t n = graph->n_nodes, n_moved = 0;
    clv_status status = CLV_ENOMEM;
    uint32_t *order = clv_calloc((size_t)n + 1, sizeof *order);
    uint64_t *server_ns = clv_calloc(2 * ((size_t)n + 1), sizeof *server_ns);
    if (order == NULL || server_ns == NULL)
        goto done;
    uint64_t *device_ns = server_ns + n + 1;
    for (uint32_t i = 0; i < n; i++) {
        server_ns[i] = guess_server_ns(graph, &graph->nodes[i]);
        device_ns[i] = server_ns[i] * SLOWER;
    }
    status = find_order(order, graph, device_ns, server_ns);
    if (status != CLV_OK)
        goto done;
    for (uint32_t i = 0; i < n; i++)
        n_moved += order[i] != i ? 1 : 0;
    status = clv_graph_reorder(graph, order);
    if (status == CLV_OK)
        *n_moved_out = n_moved;
done:
    clv_free(order);
    clv_free(server_ns);
    return status == CLV_OK ? CLV_OK
                            : clv_fail(err, status, "--reorder", "%s", clv_status_text(status));
}
