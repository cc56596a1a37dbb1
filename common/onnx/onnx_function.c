/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the model: a call is replaced by the function's nodes. */
#include <stdio.h>
#include <string.h>

#include "graph/name_table.h"
#include "onnx/onnx_internal.h"

/* "domain:name:overload"; false where it doesn't fit, which no function's name does. */
static bool make_key(char dst[512], const char *domain, const char *name, const char *overload)
{
    const char *shown = clv_onnx_is_standard(clv_onnx_text(domain)) ? "" : domain;
    int n = snprintf(dst, 512, "%s:%s:%s", shown, clv_onnx_text(name), clv_onnx_text(overload));
    return n > 0 && n < 512;
}

static clv_status index_function(clv_onnx_importer *im, uint32_t index)
{
    const Clv__Onnx__FunctionProto *function = im->model->functions[index];
    char text[512];

    if (!make_key(text, function->domain, function->name, function->overload))
        return clv_fail(im->err, CLV_ELIMIT, "functions", "a name has more than 500 letters");
    if (clv_name_table_find(im->functions, text) != UINT32_MAX)
        return clv_fail(im->err, CLV_EFORMAT, "functions", "'%s' is there twice", text);
    const char *key = clv_arena_strndup(&im->scratch, text, strlen(text));
    if (key == NULL || clv_name_table_add(im->functions, key, index) != CLV_OK)
        return clv_onnx_no_memory(im, "functions");
    return CLV_OK;
}

clv_status clv_onnx_index_functions(clv_onnx_importer *im)
{
    size_t n = im->model->n_functions;

    if (n > CLV_ONNX_MAX_BLOCKS)
        return clv_fail(im->err, CLV_ELIMIT, "", "%zu functions; at most %u are accepted", n,
                        CLV_ONNX_MAX_BLOCKS);
    im->function_blocks = clv_arena_alloc(&im->scratch, n, sizeof(clv_onnx_block *));
    if (im->function_blocks == NULL || clv_name_table_create(&im->functions) != CLV_OK)
        return clv_onnx_no_memory(im, "functions");
    for (uint32_t i = 0; i < n; i++)
        CLV_TRY(index_function(im, i));
    return CLV_OK;
}

uint32_t clv_onnx_find_function(const clv_onnx_importer *im, const Clv__Onnx__NodeProto *node)
{
    char key[512];

    if (im->model->n_functions == 0 || clv_onnx_is_own(node) ||
        !make_key(key, node->domain, node->op_type, node->overload))
        return UINT32_MAX;
    return clv_name_table_find(im->functions, key);
}

/* --- attributes --- */

static const Clv__Onnx__AttributeProto *find_attr(Clv__Onnx__AttributeProto *const *attrs, size_t n,
                                                  const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(clv_onnx_text(attrs[i]->name), name) == 0)
            return attrs[i];
    }
    return NULL;
}

bool clv_onnx_is_ref(const Clv__Onnx__AttributeProto *attr)
{
    return clv_onnx_text(attr->ref_attr_name)[0] != '\0';
}

clv_status clv_onnx_resolve_attr(const Clv__Onnx__AttributeProto **out, clv_onnx_importer *im,
                                 const Clv__Onnx__AttributeProto *attr, const char *where)
{
    const clv_onnx_scope *scope = im->scope;

    if (!clv_onnx_is_ref(attr)) {
        *out = attr;
        return CLV_OK;
    }
    while (attr != NULL && clv_onnx_is_ref(attr)) {
        const char *name = attr->ref_attr_name;
        while (scope != NULL && scope->block->function == NULL)
            scope = scope->parent;
        if (scope == NULL)
            return clv_fail(im->err, CLV_EFORMAT, where,
                            "refers to the attribute '%.100s' of a function and is in none", name);
        attr = find_attr(scope->call->attribute, scope->call->n_attribute, name);
        if (attr == NULL) {
            const Clv__Onnx__FunctionProto *function = scope->block->function;
            attr = find_attr(function->attribute_proto, function->n_attribute_proto, name);
        }
        scope = scope->parent;
    }
    if (attr != NULL)
        CLV_TRY(clv_onnx_charge(im, 1 + clv_onnx_attr_bytes(attr) / 16, where));
    *out = attr;
    return CLV_OK;
}

/* --- calls --- */

/* A function has operator sets of its own. */
static clv_status opset_of(int64_t *out, clv_onnx_importer *im, const clv_onnx_block *block,
                           const char *where)
{
    const Clv__Onnx__FunctionProto *function = block->function;

    for (size_t i = 0; i < function->n_opset_import; i++) {
        int64_t version = function->opset_import[i]->version;
        if (!clv_onnx_is_standard(clv_onnx_text(function->opset_import[i]->domain)))
            continue;
        if (!clv_onnx_takes_opset(block, version))
            return clv_fail(im->err, CLV_EUNSUPPORTED, where,
                            "the function is for opset %lld, which is not supported",
                            (long long)version);
        *out = version;
        return CLV_OK;
    }
    *out = im->opset;
    return CLV_OK;
}

static clv_status check_call(clv_onnx_importer *im, const clv_onnx_block *block,
                             const Clv__Onnx__NodeProto *node, const char *where)
{
    if (block->is_open)
        return clv_fail(im->err, CLV_EFORMAT, where, "the function calls itself");
    if (node->n_input > block->n_inputs || node->n_output > block->n_outputs)
        return clv_fail(im->err, CLV_EFORMAT, where,
                        "%zu inputs and %zu outputs; the function has %u and %u", node->n_input,
                        node->n_output, block->n_inputs, block->n_outputs);
    return CLV_OK;
}

clv_status clv_onnx_add_call(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                             uint32_t function, const char *where)
{
    clv_onnx_block *block = im->function_blocks[function];
    int64_t callers_opset = im->opset, opset;
    uint32_t *args, *outputs;

    CLV_TRY(check_call(im, block, node, where));
    CLV_TRY(opset_of(&opset, im, block, where));
    CLV_TRY(clv_onnx_resolve_inputs(&args, im, node, block->n_inputs, where));
    outputs = clv_arena_alloc(&im->scratch, block->n_outputs, sizeof *outputs);
    if (outputs == NULL)
        return clv_onnx_no_memory(im, where);
    block->is_open = true;
    im->opset = opset;
    clv_status status = clv_onnx_enter(outputs, im, block, args, node, where);
    im->opset = callers_opset;
    block->is_open = false;
    for (size_t i = 0; i < node->n_output && status == CLV_OK; i++)
        status = clv_onnx_bind(im, node->output[i], outputs[i], where);
    return status;
}
