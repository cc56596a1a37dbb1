/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/memory.h"
#include "tools/model_facts.h"
#include "tools/text_table.h"
#include "tools/tool.h"
#include "tools/tool_json.h"
#include "tools/tool_model.h"
#include "tools/tool_points.h"
#include "tools/weight_facts.h"

typedef struct settings {
    tool_model_settings model;
    bool json;
    bool passes;
} settings;

static const clv_option options[] = {
    {"json", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    {"passes", NULL, CLV_OPTION_FLAG, offsetof(settings, passes), 0, 0, NULL,
     "print what each pass did to an ONNX model instead (JSON has it anyway)"},
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave inspect",
    "MODEL",
    "Print the nodes, shapes, costs and cuts of a model.",
    "cut bytes  what a split in front of this node ships, uncoded; \"N in M\": in M tensors\n"
    "    *      a candidate: fewer bytes than every cut before it (cut 0 ships the input)\n"
    "bytes      the node's outputs\n"
    "params     weights of the node; whole numbers (shapes, indices) don't count\n"
    "point      what codec rans ships at a cut: a payload's bytes (docs/codec-points.md)\n"
    "weights    bytes in the file, for each precision and by their form; `quantised`: of int8 "
    "nodes",

    options,
    sizeof options / sizeof options[0]};

static const clv_tensor *first_output(const clv_graph *graph, const clv_node *node)
{
    static const clv_tensor none;
    const clv_tensor *out = clv_node_output(graph, node, 0);
    return out != NULL ? out : &none;
}

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *cut_json(const cut_facts *cut)
{
    return json_pack("{s:I, s:i, s:b}", "bytes", (json_int_t)cut->bytes, "tensors",
                     (int)cut->tensors, "candidate", (int)cut->candidate);
}

static json_t *node_json(const clv_graph *graph, uint32_t i, const model_facts *facts)
{
    const clv_node *node = &graph->nodes[i];
    const node_facts *f = &facts->nodes[i];
    char op[OPERATOR_TEXT_BYTES];
    json_t *root = tool_json_tensor(node->name, first_output(graph, node));

    (void)json_object_update_new(
        root,
        json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:o}", "index", (int)i, "op",
                  operator_text(op, node), "precision", node->quantised ? "int8" : "float",
                  "params", (json_int_t)f->params, "macs", (json_int_t)f->macs, "activation_bytes",
                  (json_int_t)f->activation_bytes, "cut_before", cut_json(&facts->cuts[i])));
    return root;
}

static json_t *value_json(const clv_value *value)
{
    json_t *root = tool_json_tensor(value->name, &value->tensor);
    (void)json_object_set_new(root, "bounded", json_boolean(value->bounded));
    return root;
}

static json_t *values_json(const clv_graph *graph, const uint32_t *values, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        (void)json_array_append_new(list, value_json(&graph->values[values[i]]));
    return list;
}

static json_t *passes_json(const tool_model *model)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < model->n_passes; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:b, s:i, s:i}", "name", model->passes[i].name, "skipped",
                            (int)model->passes[i].skipped, "changes", (int)model->passes[i].changes,
                            "nodes_after", (int)model->passes[i].nodes_after));
    return list;
}

/* An object for each precision in which the network is there. */
static json_t *weights_json(const clv_model *model)
{
    json_t *root = json_object();

    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
        const clv_graph *graph = clv_model_graph(model, (clv_precision)p);
        weight_facts facts;
        if (graph == NULL || weight_facts_init(&facts, graph) != CLV_OK)
            continue;
        json_t *forms = json_pack("{s:I, s:I}", "quantised", (json_int_t)facts.quantised_bytes,
                                  "other", (json_int_t)facts.other_bytes);
        for (unsigned f = 0; f < CLV_WEIGHT_FORM_COUNT; f++)
            (void)json_object_set_new(forms, clv_weight_form_name((clv_weight_form)f),
                                      json_integer((json_int_t)facts.by_form[f]));
        (void)json_object_set_new(root, clv_precision_name((clv_precision)p),
                                  json_pack("{s:I, s:I, s:o}", "float_bytes",
                                            (json_int_t)facts.float_bytes, "stored_bytes",
                                            (json_int_t)facts.stored_bytes, "forms", forms));
    }
    return root;
}

static json_t *bundle_json(const clv_bundle *bundle)
{
    char id[CLV_DIGEST_HEX_BYTES];

    if (bundle == NULL)
        return json_null();
    const clv_model *student = clv_bundle_student(bundle);
    json_t *nodes = student != NULL ? json_integer(student->graph->n_nodes) : json_null();
    json_t *weights = student != NULL ? weights_json(student) : json_null();
    return json_pack(
        "{s:s, s:I, s:i, s:o, s:o}", "id", clv_digest_format(id, clv_bundle_id(bundle)), "bytes",
        (json_int_t)clv_bundle_bytes(bundle), "labels", (int)clv_bundle_main(bundle)->n_labels,
        "student_nodes", nodes, "student_weights", weights);
}

static clv_status print_json(const tool_model *model, const model_facts *facts, clv_error *err)
{
    const clv_graph *graph = model->model.graph;
    json_t *nodes = json_array(), *candidates = json_array();

    for (uint32_t i = 0; i < graph->n_nodes; i++)
        (void)json_array_append_new(nodes, node_json(graph, i, facts));
    for (uint32_t k = 0; k <= graph->n_nodes; k++) {
        if (facts->cuts[k].candidate)
            (void)json_array_append_new(candidates, json_integer(k));
    }
    return tool_json_print(
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "model",
                  tool_json_text(model->path), "bundle", bundle_json(model->bundle), "weights",
                  weights_json(&model->model), "inputs",
                  values_json(graph, graph->inputs, graph->n_inputs), "outputs",
                  values_json(graph, graph->outputs, graph->n_outputs), "cuts",
                  (int)graph->n_nodes + 1, "params", (json_int_t)facts->total.params, "macs",
                  (json_int_t)facts->total.macs, "activation_bytes",
                  (json_int_t)facts->total.activation_bytes, "candidate_cuts", candidates, "passes",
                  passes_json(model), "nodes", nodes, "ladders", tool_points_json(&model->model)),
        err);
}

/* --- text ----------------------------------------------------------------------------------- */

static void print_values(const char *what, const clv_graph *graph, const uint32_t *values,
                         uint32_t n)
{
    char shape[96];

    for (uint32_t i = 0; i < n; i++) {
        const clv_value *value = &graph->values[values[i]];
        tool_line(stdout, "%-7s %s: %s %s%s", what, value->name,
                  clv_dtype_name(value->tensor.dtype), value->bounded ? "at most " : "",
                  clv_shape_format(shape, sizeof shape, &value->tensor.shape));
    }
}

static void print_form(const char *form, size_t bytes)
{
    if (bytes > 0)
        tool_line(stdout, "        %-9s %zu", form, bytes);
}

static void print_weights(const char *what, const clv_model *model)
{
    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
        const clv_graph *graph = clv_model_graph(model, (clv_precision)p);
        weight_facts facts;
        if (graph == NULL || weight_facts_init(&facts, graph) != CLV_OK)
            continue;
        tool_line(stdout, "%-7s %s: %zu bytes (%.3f of %zu as float32)", what,
                  clv_precision_name((clv_precision)p), facts.stored_bytes,
                  facts.float_bytes > 0 ? (double)facts.stored_bytes / (double)facts.float_bytes
                                        : 1.0,
                  facts.float_bytes);
        for (unsigned f = 0; f < CLV_WEIGHT_FORM_COUNT; f++)
            print_form(clv_weight_form_name((clv_weight_form)f), facts.by_form[f]);
        print_form("quantised", facts.quantised_bytes);
        print_form("other", facts.other_bytes);
    }
}

static void print_bundle(const clv_bundle *bundle)
{
    char id[CLV_DIGEST_HEX_BYTES];
    const clv_model *main = clv_bundle_main(bundle), *student = clv_bundle_student(bundle);

    tool_line(stdout, "bundle  %s, %zu bytes", clv_digest_format(id, clv_bundle_id(bundle)),
              clv_bundle_bytes(bundle));
    if (main->has_input_spec)
        tool_line(stdout, "images  %s, %s", clv_channels_name(main->input.channels),
                  clv_fit_name(main->input.fit));
    if (main->n_labels > 0)
        tool_line(stdout, "labels  %u", main->n_labels);
    if (student != NULL) {
        tool_line(stdout, "student %u nodes", student->graph->n_nodes);
        print_weights("student's weights", student);
    }
}

static clv_status add_row(text_table *table, const clv_graph *graph, uint32_t i,
                          const model_facts *facts)
{
    const clv_node *node = &graph->nodes[i];
    const node_facts *f = &facts->nodes[i];
    const cut_facts *cut = &facts->cuts[i];
    char op[OPERATOR_TEXT_BYTES], shape[96];
    const clv_shape *out = &first_output(graph, node)->shape;

    CLV_TRY(text_table_row(table));
    CLV_TRY(text_table_cell(table, "%u", i));
    CLV_TRY(
        text_table_cell(table, cut->tensors == 1 ? "%zu" : "%zu in %u", cut->bytes, cut->tensors));
    CLV_TRY(text_table_cell(table, "%s", cut->candidate ? "*" : ""));
    CLV_TRY(
        text_table_cell(table, "%s%s", operator_text(op, node), node->quantised ? " int8" : ""));
    CLV_TRY(text_table_cell(table, "%s", clv_shape_format(shape, sizeof shape, out)));
    CLV_TRY(text_table_cell(table, "%zu", f->activation_bytes));
    CLV_TRY(text_table_cell(table, "%llu", (unsigned long long)f->params));
    CLV_TRY(text_table_cell(table, "%.2f", (double)f->macs / 1e6));
    return text_table_cell(table, "%s", node->name);
}

static clv_status print_nodes(const clv_graph *graph, const model_facts *facts)
{
    static const text_column columns[] = {
        {"node", true, 0},      {"cut bytes", true, 0}, {"", false, 0},
        {"operator", false, 0}, {"output", false, 0},   {"bytes", true, 0},
        {"params", true, 0},    {"MMACs", true, 0},     {"name", false, 32}};
    text_table *table;
    clv_status status = CLV_OK;

    CLV_TRY(text_table_create(&table, columns, sizeof columns / sizeof columns[0]));
    for (uint32_t i = 0; i < graph->n_nodes && status == CLV_OK; i++)
        status = add_row(table, graph, i, facts);
    if (status == CLV_OK)
        text_table_print(table, stdout);
    text_table_free(table);
    return status;
}

static clv_status print_text(const tool_model *model, const model_facts *facts, clv_error *err)
{
    const clv_graph *graph = model->model.graph;

    if (model->bundle != NULL)
        print_bundle(model->bundle);
    print_weights("weights", &model->model);
    print_values("input", graph, graph->inputs, graph->n_inputs);
    print_values("output", graph, graph->outputs, graph->n_outputs);
    clv_status status = print_nodes(graph, facts);
    if (status != CLV_OK)
        return clv_fail(err, status, model->path, "%s", clv_status_text(status));
    tool_line(stdout, "%u nodes, %u cuts, %.2f M parameters, %.2f MMACs; outputs %zu bytes",
              graph->n_nodes, graph->n_nodes + 1, (double)facts->total.params / 1e6,
              (double)facts->total.macs / 1e6, facts->cuts[graph->n_nodes].bytes);
    return tool_points_print(&model->model, err);
}

static clv_status print_passes(const tool_model *model, clv_error *err)
{
    if (model->bundle != NULL)
        return clv_fail(err, CLV_EINVAL, "--passes", "%s is a bundle: the passes were run before",
                        model->path);
    for (uint32_t i = 0; i < model->n_passes; i++)
        tool_line(stdout, "%-16s %4u changes, %4u nodes left%s", model->passes[i].name,
                  model->passes[i].changes, model->passes[i].nodes_after,
                  model->passes[i].skipped ? ", skipped" : "");
    return CLV_OK;
}

static clv_status print(const tool_model *model, const settings *s, clv_error *err)
{
    model_facts facts;

    if (s->passes && !s->json)
        return print_passes(model, err);
    clv_status status = model_facts_init(&facts, model->model.graph);
    if (status != CLV_OK)
        return clv_fail(err, status, model->path, "%s", clv_status_text(status));
    status = s->json ? print_json(model, &facts, err) : print_text(model, &facts, err);
    model_facts_done(&facts);
    return status;
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    tool_model model;

    clv_status status = tool_model_open(&model, path, &s->model, &err);
    if (status == CLV_OK)
        status = print(&model, s, &err);
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
