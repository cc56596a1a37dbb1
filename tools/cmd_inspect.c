/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "base/memory.h"
#include "tools/text_table.h"
#include "tools/tool.h"
#include "tools/tool_model.h"

typedef struct settings {
    tool_model_settings model;
    bool json;
    bool passes;
} settings;

static const clv_option options[] = {
    {"json", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    {"passes", NULL, CLV_OPTION_FLAG, offsetof(settings, passes), 0, 0, NULL,
     "print what each pass did instead (ONNX models)"},
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave inspect",
    "MODEL",
    "Print the nodes, shapes, costs and cuts of a model.",
    "cut      what a split in front of this node ships as float32: bytes, and tensors if several\n"
    "  *      a candidate: fewer bytes than every cut before it (cut 0 is the input)",
    options,
    sizeof options / sizeof options[0]};

/* The columns of one node, whichever way they are printed. */
typedef struct row {
    uint64_t params, macs;
    size_t activation_bytes; /* of its outputs */
} row;

typedef struct cut {
    size_t bytes;
    uint32_t tensors;
    bool candidate;
} cut;

static size_t tensor_bytes(const clv_tensor *tensor)
{
    size_t bytes = 0;
    return tensor != NULL && clv_tensor_bytes(&bytes, tensor) == CLV_OK ? bytes : 0;
}

static row row_of(const clv_graph *graph, const clv_node *node)
{
    row r = {.macs = clv_node_macs(graph, node)};

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *in = clv_node_input(graph, node, i);
        size_t elems = 0;
        if (in != NULL && in->data != NULL && clv_shape_elems(&elems, &in->shape) == CLV_OK)
            r.params += elems;
    }
    for (uint32_t i = 0; i < node->n_outputs; i++)
        r.activation_bytes += tensor_bytes(clv_node_output(graph, node, i));
    return r;
}

static cut cut_of(const clv_graph *graph, const clv_frontiers *frontiers, uint32_t k,
                  size_t *smallest)
{
    clv_frontier frontier = clv_frontiers_at(frontiers, k);
    cut c = {.tensors = frontier.count};

    for (uint32_t i = 0; i < frontier.count; i++)
        c.bytes += tensor_bytes(&graph->values[frontier.values[i]].tensor);
    c.candidate = k == 0 || k == graph->n_nodes || c.bytes < *smallest;
    *smallest = k == 0 || c.bytes < *smallest ? c.bytes : *smallest;
    return c;
}

static const char *const activation_names[CLV_ACT_COUNT] = {
    [CLV_ACT_NONE] = "",
    [CLV_ACT_RELU] = "+Relu",
    [CLV_ACT_CLIP] = "+Clip",
    [CLV_ACT_LEAKY_RELU] = "+LeakyRelu",
    [CLV_ACT_SIGMOID] = "+Sigmoid",
    [CLV_ACT_HARD_SIGMOID] = "+HardSigmoid",
    [CLV_ACT_HARD_SWISH] = "+HardSwish",
    [CLV_ACT_TANH] = "+Tanh",
    [CLV_ACT_ELU] = "+Elu",
};

/* "Conv+Add+Relu" for what is fused. */
static char *operator_text(char *dst, size_t cap, const clv_node *node)
{
    bool residual = node->op == CLV_OP_CONV && node->n_inputs > 3;
    (void)snprintf(dst, cap, "%s%s%s", clv_op_describe(node->op)->name, residual ? "+Add" : "",
                   activation_names[node->fusion.activation]);
    return dst;
}

static const clv_tensor *first_output(const clv_graph *graph, const clv_node *node)
{
    static const clv_tensor none;
    const clv_tensor *out = clv_node_output(graph, node, 0);
    return out != NULL ? out : &none;
}

static json_t *node_json(const clv_graph *graph, uint32_t index, const cut *before)
{
    const clv_node *node = &graph->nodes[index];
    const clv_tensor *out = first_output(graph, node);
    row r = row_of(graph, node);
    char text[64];
    json_t *shape = json_array();

    for (uint32_t i = 0; i < out->shape.rank; i++)
        (void)json_array_append_new(shape, json_integer(out->shape.dim[i]));
    return json_pack("{s:i, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:{s:I, s:i, s:b}}", "index",
                     (int)index, "name", node->name, "op", operator_text(text, sizeof text, node),
                     "type", clv_dtype_name(out->dtype), "shape", shape, "params",
                     (json_int_t)r.params, "macs", (json_int_t)r.macs, "activation_bytes",
                     (json_int_t)r.activation_bytes, "cut_before", "bytes",
                     (json_int_t)before->bytes, "tensors", (int)before->tensors, "candidate",
                     before->candidate);
}

static void print_json(const tool_model *model, const clv_frontiers *frontiers)
{
    const clv_graph *graph = model->model.graph;
    json_t *nodes = json_array(), *candidates = json_array();
    size_t smallest = 0;
    uint64_t macs = 0, params = 0;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        cut c = cut_of(graph, frontiers, i, &smallest);
        row r = row_of(graph, &graph->nodes[i]);
        macs += r.macs;
        params += r.params;
        (void)json_array_append_new(nodes, node_json(graph, i, &c));
        if (c.candidate)
            (void)json_array_append_new(candidates, json_integer(i));
    }
    (void)json_array_append_new(candidates, json_integer(graph->n_nodes));
    json_t *root = json_pack("{s:s, s:i, s:I, s:I, s:o, s:o}", "model", model->path, "cuts",
                             (int)graph->n_nodes + 1, "params", (json_int_t)params, "macs",
                             (json_int_t)macs, "candidate_cuts", candidates, "nodes", nodes);
    (void)json_dumpf(root, stdout, JSON_INDENT(1));
    (void)printf("\n");
    json_decref(root);
}

static clv_status add_node_row(text_table *table, const clv_graph *graph, uint32_t i, const cut *c)
{
    const clv_node *node = &graph->nodes[i];
    row r = row_of(graph, node);
    char text[96];

    CLV_TRY(text_table_row(table));
    CLV_TRY(text_table_cell(table, "%u", i));
    CLV_TRY(text_table_cell(table, c->tensors > 1 ? "%zu in %u" : "%zu", c->bytes, c->tensors));
    CLV_TRY(text_table_cell(table, "%s", c->candidate ? "*" : ""));
    CLV_TRY(text_table_cell(table, "%s", operator_text(text, sizeof text, node)));
    CLV_TRY(text_table_cell(
        table, "%s", clv_shape_format(text, sizeof text, &first_output(graph, node)->shape)));
    CLV_TRY(text_table_cell(table, "%llu", (unsigned long long)r.params));
    CLV_TRY(text_table_cell(table, "%.2f", (double)r.macs / 1e6));
    return text_table_cell(table, "%s", node->name);
}

static clv_status print_table(const tool_model *model, const clv_frontiers *frontiers)
{
    static const text_column columns[] = {
        {"node", true, 0},    {"cut bytes", true, 0}, {"", false, 0},     {"operator", false, 28},
        {"output", false, 0}, {"params", true, 0},    {"MMACs", true, 0}, {"name", false, 32}};
    const clv_graph *graph = model->model.graph;
    text_table *table;
    size_t smallest = 0;
    uint64_t macs = 0, params = 0;
    clv_status status = CLV_OK;

    CLV_TRY(text_table_create(&table, columns, sizeof columns / sizeof columns[0]));
    for (uint32_t i = 0; i < graph->n_nodes && status == CLV_OK; i++) {
        cut c = cut_of(graph, frontiers, i, &smallest);
        row r = row_of(graph, &graph->nodes[i]);
        macs += r.macs;
        params += r.params;
        status = add_node_row(table, graph, i, &c);
    }
    if (status == CLV_OK) {
        cut end = cut_of(graph, frontiers, graph->n_nodes, &smallest);
        text_table_print(table, stdout);
        (void)printf("%u nodes, %u cuts, %.2f M parameters, %.2f MMACs; outputs %zu bytes\n",
                     graph->n_nodes, graph->n_nodes + 1, (double)params / 1e6, (double)macs / 1e6,
                     end.bytes);
    }
    text_table_free(table);
    return status;
}

static void print_passes(const tool_model *model)
{
    for (uint32_t i = 0; i < model->n_passes; i++)
        (void)printf("%-12s %4u changes, %4u nodes left\n", model->passes[i].name,
                     model->passes[i].changes, model->passes[i].nodes_after);
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    tool_model model;
    clv_frontiers *frontiers = NULL;
    clv_status status = tool_model_open(&model, path, &s->model, &err);

    if (status == CLV_OK && s->passes) {
        print_passes(&model);
    } else if (status == CLV_OK) {
        status = clv_frontiers_create(&frontiers, model.model.graph);
        if (status == CLV_OK && s->json)
            print_json(&model, frontiers);
        else if (status == CLV_OK)
            status = print_table(&model, frontiers);
        if (status != CLV_OK)
            (void)clv_fail(&err, status, path, "%s", clv_status_text(status));
    }
    clv_frontiers_free(frontiers);
    tool_model_done(&model);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

int cmd_inspect(int argc, char **argv)
{
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT};
    clv_parsed parsed;
    int code;

    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, parsed.positional.items[0]);
    clv_parsed_done(&parsed);
    return code;
}
