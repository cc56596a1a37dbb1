/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tensor_file.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "onnx/onnx_import.h"
#include "tools/npy.h"
#include "tools/tool.h"

#define MAX_TENSOR_FILE ((size_t)4 << 30)

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* Equal but for dimensions of 1: [1, 3] and [3] hold the same. */
static bool same_elements(const clv_shape *a, const clv_shape *b)
{
    uint32_t i = 0, j = 0;

    for (;;) {
        while (i < a->rank && a->dim[i] == 1)
            i++;
        while (j < b->rank && b->dim[j] == 1)
            j++;
        if (i == a->rank || j == b->rank)
            return i == a->rank && j == b->rank;
        if (a->dim[i++] != b->dim[j++])
            return false;
    }
}

/* Kernels rely on it that a BOOL is 0 or 1. */
static void copy_elements(clv_tensor *tensor, const uint8_t *data, size_t bytes)
{
    uint8_t *out = tensor->data;

    if (bytes > 0)
        memcpy(out, data, bytes);
    for (size_t i = 0; tensor->dtype == CLV_BOOL && i < bytes; i++)
        out[i] = out[i] != 0;
}

static clv_status copy_checked(clv_tensor *tensor, const clv_tensor *from, const char *path,
                               clv_error *err)
{
    char have[96], want[96];
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    if (from->dtype != tensor->dtype || !same_elements(&from->shape, &tensor->shape))
        return clv_fail(
            err, CLV_ESHAPE, path, "it holds %s %s; the model takes %s %s",
            clv_dtype_name(from->dtype), clv_shape_format(have, sizeof have, &from->shape),
            clv_dtype_name(tensor->dtype), clv_shape_format(want, sizeof want, &tensor->shape));
    copy_elements(tensor, from->data, bytes);
    return CLV_OK;
}

static clv_status read_npy(clv_tensor *tensor, const clv_mapping *file, const char *path,
                           clv_error *err)
{
    clv_tensor parsed;
    clv_status status = npy_parse(&parsed, file->data, file->size, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, path);
    return copy_checked(tensor, &parsed, path, err);
}

static clv_status read_pb(clv_tensor *tensor, const clv_mapping *file, const char *path,
                          clv_error *err)
{
    clv_tensor parsed;
    clv_status status = clv_onnx_read_tensor(&parsed, file->data, file->size, err);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, path);
    status = copy_checked(tensor, &parsed, path, err);
    clv_free(parsed.data);
    return status;
}

static clv_status read_raw(clv_tensor *tensor, const clv_mapping *file, const char *path,
                           clv_error *err)
{
    char want[96];
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    if (bytes != file->size)
        return clv_fail(err, CLV_ESHAPE, path, "it has %zu bytes; %s %s has %zu", file->size,
                        clv_dtype_name(tensor->dtype),
                        clv_shape_format(want, sizeof want, &tensor->shape), bytes);
    copy_elements(tensor, file->data, bytes);
    return CLV_OK;
}

clv_status tensor_file_read(clv_tensor *tensor, const char *path, clv_error *err)
{
    clv_mapping file;
    clv_status status;

    CLV_TRY(clv_mapping_open(&file, path, MAX_TENSOR_FILE, err));
    if (ends_with(path, ".npy"))
        status = read_npy(tensor, &file, path, err);
    else if (ends_with(path, ".pb"))
        status = read_pb(tensor, &file, path, err);
    else
        status = read_raw(tensor, &file, path, err);
    clv_mapping_done(&file);
    return status;
}

/* --- NAME=FILE -------------------------------------------------------------------------------- */

/* "'a', 'b'", cut to @p cap. */
static const char *list_inputs(char *dst, size_t cap, const clv_graph *graph)
{
    size_t n = 0;

    dst[0] = '\0';
    for (uint32_t i = 0; i < graph->n_inputs && n < cap; i++) {
        int written = snprintf(dst + n, cap - n, "%s'%s'", i > 0 ? ", " : "",
                               graph->values[graph->inputs[i]].name);
        n += written > 0 ? (size_t)written : 0;
    }
    return dst;
}

/* The input whose name @p word begins with, before a '='; the longest one, as names may have that
 * character too. n_inputs: none. */
static uint32_t find_input(size_t *length_out, const clv_graph *graph, const char *word)
{
    uint32_t best = graph->n_inputs;

    *length_out = 0;
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        const char *name = graph->values[graph->inputs[i]].name;
        size_t length = strlen(name);
        if (strncmp(word, name, length) == 0 && word[length] == '=' &&
            (best == graph->n_inputs || length > *length_out)) {
            *length_out = length;
            best = i;
        }
    }
    return best;
}

static clv_status read_input(clv_tensor *inputs, bool *given, const clv_graph *graph,
                             const char *word, clv_error *err)
{
    char names[512];
    size_t length;
    uint32_t i = find_input(&length, graph, word);

    if (i == graph->n_inputs)
        return clv_fail(err, CLV_EINVAL, "--tensor", "'%s' is not INPUT=FILE; the inputs are %s",
                        word, list_inputs(names, sizeof names, graph));
    if (given[i])
        return clv_fail(err, CLV_EINVAL, "--tensor", "input '%.*s' is given twice", (int)length,
                        word);
    given[i] = true;
    return tensor_file_read(&inputs[i], word + length + 1, err);
}

clv_status tensor_file_read_inputs(clv_tensor *inputs, const clv_graph *graph,
                                   const clv_string_list *words, clv_error *err)
{
    clv_status status = CLV_OK;
    bool *given = clv_calloc(graph->n_inputs, sizeof *given);
    if (given == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");

    for (size_t i = 0; i < words->count && status == CLV_OK; i++)
        status = read_input(inputs, given, graph, words->items[i], err);
    for (uint32_t i = 0; i < graph->n_inputs && status == CLV_OK; i++) {
        if (!given[i])
            status = clv_fail(err, CLV_EINVAL, "--tensor", "input '%s' is missing",
                              graph->values[graph->inputs[i]].name);
    }
    clv_free(given);
    return status;
}

/* --- DIR/NAME.npy ----------------------------------------------------------------------------- */

static char plain(char c)
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    return c == '\0' || strchr(kept, c) != NULL ? c : '_';
}

bool tensor_file_same_name(const char *a, const char *b)
{
    while (*a != '\0' && plain(*a) == plain(*b)) {
        a++;
        b++;
    }
    return plain(*a) == plain(*b);
}

clv_status tensor_file_save(const char *dir, const char *name, const clv_tensor *tensor,
                            clv_error *err)
{
    char path[4096];

    CLV_TRY(tool_make_folders(dir, err));
    int n = snprintf(path, sizeof path, "%s/%s.npy", dir, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return clv_fail(err, CLV_ELIMIT, dir, "the path is too long");
    for (char *p = path + strlen(dir) + 1; *p != '\0'; p++)
        *p = plain(*p);
    return npy_write(path, tensor, err);
}
