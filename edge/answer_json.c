/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/answer_json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "runtime/topk.h"

#define MAX_TOP 1000u

/* Text that isn't UTF-8 (a file's name may be anything) loses all that isn't ASCII. */
static json_t *text_json(const char *text)
{
    if (text == NULL)
        return json_null();
    json_t *json = json_string(text);
    if (json != NULL)
        return json;
    char *ascii = clv_strdup(text);
    for (char *c = ascii; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    json = json_string(ascii);
    clv_free(ascii);
    return json;
}

/* JSON has no NaN and no infinity. */
static json_t *real_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count_json(uint64_t value)
{
    return json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX);
}

/* --- classes ------------------------------------------------------------------------------ */

static json_t *top_json(const clv_edge_answer *answer, uint32_t top)
{
    clv_top best[MAX_TOP];
    json_t *list = json_array();

    if (answer->n_outputs == 0 || !clv_topk_applies(&answer->outputs[0]))
        return list;
    uint32_t n = clv_topk(best, top < MAX_TOP ? top : MAX_TOP, &answer->outputs[0]);
    for (uint32_t i = 0; i < n; i++) {
        json_t *item = json_object();
        bool has_label = answer->labels != NULL && best[i].index < answer->n_labels;
        (void)json_object_set_new(item, "class", count_json(best[i].index));
        (void)json_object_set_new(item, "label",
                                  text_json(has_label ? answer->labels[best[i].index] : NULL));
        (void)json_object_set_new(item, "score", real_json((double)best[i].score));
        (void)json_object_set_new(item, "confidence", real_json((double)best[i].confidence));
        (void)json_array_append_new(list, item);
    }
    return list;
}

/* --- tensors ------------------------------------------------------------------------------ */

static json_t *element_json(const clv_tensor *tensor, size_t i)
{
    switch (tensor->dtype) {
    case CLV_F32:
        return real_json((double)((const float *)tensor->data)[i]);
    case CLV_F64:
        return real_json(((const double *)tensor->data)[i]);
    case CLV_U8:
        return json_integer(((const uint8_t *)tensor->data)[i]);
    case CLV_I8:
        return json_integer(((const int8_t *)tensor->data)[i]);
    case CLV_U16:
        return json_integer(((const uint16_t *)tensor->data)[i]);
    case CLV_I16:
        return json_integer(((const int16_t *)tensor->data)[i]);
    case CLV_U32:
        return json_integer(((const uint32_t *)tensor->data)[i]);
    case CLV_I32:
        return json_integer(((const int32_t *)tensor->data)[i]);
    case CLV_U64:
        return count_json(((const uint64_t *)tensor->data)[i]);
    case CLV_I64:
        return json_integer(((const int64_t *)tensor->data)[i]);
    case CLV_BOOL:
        return json_boolean(((const uint8_t *)tensor->data)[i]);
    default:
        return json_null();
    }
}

static json_t *tensor_json(const clv_tensor *tensor)
{
    json_t *json = json_object();
    json_t *shape = json_array();
    json_t *data = json_array();
    size_t elems = 0;

    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        (void)json_array_append_new(shape, json_integer(tensor->shape.dim[i]));
    if (clv_shape_elems(&elems, &tensor->shape) != CLV_OK)
        elems = 0;
    for (size_t i = 0; i < elems; i++)
        (void)json_array_append_new(data, element_json(tensor, i));
    (void)json_object_set_new(json, "type", text_json(clv_dtype_name(tensor->dtype)));
    (void)json_object_set_new(json, "shape", shape);
    (void)json_object_set_new(json, "data", data);
    return json;
}

static json_t *tensors_json(const clv_edge_answer *answer)
{
    json_t *json = json_object();

    for (uint32_t i = 0; i < answer->n_outputs; i++) {
        json_t *name = text_json(answer->output_names[i]);
        (void)json_object_set_new(json, json_string_value(name), tensor_json(&answer->outputs[i]));
        json_decref(name);
    }
    return json;
}

/* --- the line ----------------------------------------------------------------------------- */

static json_t *times_json(const clv_edge_times *times)
{
    json_t *json = json_object();

    (void)json_object_set_new(json, "preprocess", count_json(times->preprocess_us));
    (void)json_object_set_new(json, "device", count_json(times->device_us));
    (void)json_object_set_new(json, "encode", count_json(times->encode_us));
    (void)json_object_set_new(json, "network", count_json(times->network_us));
    (void)json_object_set_new(json, "queue", count_json(times->queue_us));
    (void)json_object_set_new(json, "server", count_json(times->server_us));
    (void)json_object_set_new(json, "total", count_json(times->total_us));
    return json;
}

static json_t *answer_json(const clv_edge_answer *answer, const char *file,
                           const clv_answer_format *format)
{
    json_t *json = json_object();

    (void)json_object_set_new(json, "id", count_json(answer->frame));
    (void)json_object_set_new(json, "file", text_json(file));
    (void)json_object_set_new(json, "source", text_json(clv_source_name(answer->source)));
    (void)json_object_set_new(json, "late", json_boolean(answer->late));
    (void)json_object_set_new(json, "cut", count_json(answer->cut));
    (void)json_object_set_new(json, "bytes", count_json(answer->sent_bytes));
    if (format->tensors)
        (void)json_object_set_new(json, "tensors", tensors_json(answer));
    else
        (void)json_object_set_new(json, "top", top_json(answer, format->top));
    (void)json_object_set_new(json, "us", times_json(&answer->times));
    (void)json_object_set_new(json, "error", text_json(answer->error_text));
    return json;
}

clv_status clv_answer_print(FILE *out, const clv_edge_answer *answer, const char *file,
                            const clv_answer_format *format)
{
    json_t *json = answer_json(answer, file, format);
    /* 9 digits bring every float back. */
    char *line = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    if (line == NULL)
        return CLV_ENOMEM;
    bool ok = fputs(line, out) >= 0 && fputc('\n', out) != EOF && fflush(out) == 0;
    free(line);
    return ok ? CLV_OK : CLV_EIO;
}
