/* SPDX-License-Identifier: Apache-2.0 */
/* Says at once all that stands between a model and its import. */
#include <stdio.h>
#include <string.h>

#include "graph/name_table.h"
#include "onnx/onnx_internal.h"

/* An operator that the graph doesn't have. */
typedef struct missing {
    const char *name; /* "Resize", "com.microsoft.FusedConv" */
    const char *node; /* the first one that uses it */
    int64_t opset;
    uint32_t times;
} missing;

typedef struct missing_list {
    missing *items; /* by index of the name table */
    uint32_t count;
    clv_name_table *names;
} missing_list;

bool clv_onnx_is_standard(const char *domain)
{
    return domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

/* What an operator that ONNX has given up is called since. */
static const char *present_name(const char *type)
{
    static const char *const renamed[][2] = {{"Scatter", "ScatterElements"},
                                             {"Upsample", "Resize"}};
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++) {
        if (strcmp(renamed[i][0], type) == 0)
            return renamed[i][1];
    }
    return type;
}

clv_status clv_onnx_find_op(clv_op *out, bool *is_sum_out, const Clv__Onnx__NodeProto *node)
{
    const char *type = clv_onnx_text(node->op_type);
    clv_op op;

    if (!clv_onnx_is_standard(clv_onnx_text(node->domain)))
        return CLV_EUNSUPPORTED;
    *is_sum_out = strcmp(type, "Sum") == 0;
    CLV_TRY(clv_op_find(&op, *is_sum_out ? "Add" : present_name(type)));
    if (clv_op_is_internal(op))
        return CLV_EUNSUPPORTED;
    *out = op;
    return CLV_OK;
}

clv_onnx_control clv_onnx_control_of(const Clv__Onnx__NodeProto *node)
{
    const char *type = clv_onnx_text(node->op_type);

    if (!clv_onnx_is_standard(clv_onnx_text(node->domain)))
        return CLV_ONNX_NO_CONTROL;
    return strcmp(type, "If") == 0     ? CLV_ONNX_IF
           : strcmp(type, "Loop") == 0 ? CLV_ONNX_LOOP
           : strcmp(type, "Scan") == 0 ? CLV_ONNX_SCAN
                                       : CLV_ONNX_NO_CONTROL;
}

bool clv_onnx_is_own(const Clv__Onnx__NodeProto *node)
{
    clv_op op;
    bool is_sum;
    return clv_onnx_control_of(node) != CLV_ONNX_NO_CONTROL || clv_onnx_is_constant_node(node) ||
           clv_onnx_is_contrib(node) || clv_onnx_find_op(&op, &is_sum, node) == CLV_OK;
}

/* The version of @p domain that the model asks for; 0 where it doesn't say. */
static int64_t opset_of(const Clv__Onnx__ModelProto *model, const char *domain)
{
    for (size_t i = 0; i < model->n_opset_import; i++) {
        if (strcmp(clv_onnx_text(model->opset_import[i]->domain), domain) == 0)
            return model->opset_import[i]->version;
    }
    return 0;
}

static clv_status note(missing_list *list, clv_onnx_importer *im, const Clv__Onnx__NodeProto *node)
{
    const char *domain = clv_onnx_text(node->domain), *type = clv_onnx_text(node->op_type);
    bool standard = clv_onnx_is_standard(domain);
    size_t cap = strlen(domain) + strlen(type) + 2;
    char *name = clv_arena_alloc(&im->scratch, cap, 1);
    if (name == NULL)
        return CLV_ENOMEM;
    (void)snprintf(name, cap, "%s%s%s", standard ? "" : domain, standard ? "" : ".", type);

    uint32_t index = clv_name_table_find(list->names, name);
    if (index != UINT32_MAX) {
        list->items[index].times++;
        return CLV_OK;
    }
    CLV_TRY(clv_name_table_add(list->names, name, list->count));
    list->items[list->count++] = (missing){name, clv_onnx_node_name(im, node),
                                           standard ? im->opset : opset_of(im->model, domain), 1};
    return CLV_OK;
}

static clv_status report(const missing_list *list, clv_error *err)
{
    const size_t tail = 32; /* room for "... and 4000000 more" */
    char text[sizeof err->message - 64];
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < list->count; i++) {
        const missing *item = &list->items[i];
        char line[320], times[32] = "";
        if (item->times > 1)
            (void)snprintf(times, sizeof times, ", %u times", item->times);
        int n = snprintf(line, sizeof line, "%s%.80s (opset %lld, node '%.80s'%s)",
                         i > 0 ? ", " : "", item->name, (long long)item->opset, item->node, times);
        if (n < 0 || used + (size_t)n + tail >= sizeof text) {
            (void)snprintf(text + used, sizeof text - used, " and %u more", list->count - i);
            break;
        }
        memcpy(text + used, line, (size_t)n + 1);
        used += (size_t)n;
    }
    return clv_fail(err, CLV_EUNSUPPORTED, "", "%u operator%s not supported: %s", list->count,
                    list->count == 1 ? " is" : "s are", text);
}

/* Blocks whose nodes are still to be looked at: each one at most once. */
typedef struct block_list {
    clv_onnx_block **items;
    uint32_t count;
} block_list;

static void put(block_list *list, clv_onnx_block *block)
{
    if (block == NULL || block->is_listed)
        return;
    block->is_listed = true;
    list->items[list->count++] = block;
}

/* What @p node leads to. A branch that isn't taken may hold anything. */
static void put_blocks_of(block_list *list, const clv_onnx_importer *im,
                          const Clv__Onnx__NodeProto *node)
{
    uint32_t function = clv_onnx_find_function(im, node);

    if (function != UINT32_MAX)
        put(list, im->function_blocks[function]);
    for (size_t i = 0; i < node->n_attribute && clv_onnx_control_of(node) != CLV_ONNX_IF; i++) {
        if (node->attribute[i]->g != NULL)
            put(list, clv_onnx_find_block(im, node->attribute[i]->g));
    }
}

static clv_status list_missing(missing_list *list, clv_onnx_importer *im, block_list *blocks)
{
    while (blocks->count > 0) {
        const clv_onnx_block *block = blocks->items[--blocks->count];
        for (uint32_t i = 0; i < block->n_nodes; i++) {
            const Clv__Onnx__NodeProto *node = block->nodes[i];
            put_blocks_of(blocks, im, node);
            if (!clv_onnx_is_own(node) && clv_onnx_find_function(im, node) == UINT32_MAX)
                CLV_TRY(note(list, im, node));
        }
    }
    return CLV_OK;
}

clv_status clv_onnx_check_support(clv_onnx_importer *im, clv_onnx_block *block)
{
    missing_list list = {0};
    block_list blocks = {0};
    clv_status status = CLV_ENOMEM;

    if (block->is_listed)
        return CLV_OK;
    list.items = clv_calloc(im->n_file_nodes, sizeof *list.items);
    blocks.items = clv_calloc(im->n_blocks, sizeof(clv_onnx_block *));
    if (list.items == NULL || blocks.items == NULL || clv_name_table_create(&list.names) != CLV_OK)
        goto done;
    put(&blocks, block);
    if (list_missing(&list, im, &blocks) != CLV_OK)
        goto done;
    status = list.count > 0 ? report(&list, im->err) : CLV_OK;
done:
    if (status == CLV_ENOMEM)
        status = clv_onnx_no_memory(im, "the list of operators");
    clv_name_table_free(list.names);
    clv_free(list.items);
    clv_free(blocks.items);
    return status;
}
