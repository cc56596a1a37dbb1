/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/memory.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define FLOAT_DIGITS 9             /* enough to tell two float32 apart */

json_t *tool_json_text(const char *text)
{
    size_t n = 0;

    if (text == NULL)
        return json_null();
    char *clean = clv_calloc(strlen(text) + 1, strlen(REPLACEMENT));
    while (clean != NULL && *text != '\0') {
        uint32_t point;
        size_t bytes = clv_utf8_next(&point, text);
        size_t written = bytes > 0 ? bytes : strlen(REPLACEMENT);
        memcpy(clean + n, bytes > 0 ? text : REPLACEMENT, written);
        n += written;
        text += bytes > 0 ? bytes : 1;
    }
    json_t *string = clean != NULL ? json_stringn(clean, n) : NULL;
    clv_free(clean);
    return string;
}

json_t *tool_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *tool_json_tensor(const char *name, const clv_tensor *tensor)
{
    json_t *shape = json_array();

    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        (void)json_array_append_new(shape, json_integer(tensor->shape.dim[i]));
    return json_pack("{s:o, s:s, s:o}", "name", tool_json_text(name), "type",
                     clv_dtype_name(tensor->dtype), "shape", shape);
}

clv_status tool_json_print(json_t *root, clv_error *err)
{
    /* ASCII only: C1 controls are escaped with the rest. */
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII |
                                                     JSON_REAL_PRECISION(FLOAT_DIGITS))
                              : NULL;
    json_decref(root);
    if (text == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == 0x7f) /* DEL, which jansson leaves as it is */
            (void)fputs("\\u007f", stdout);
        else
            (void)putchar(*p);
    }
    (void)putchar('\n');
    free(text);
    return CLV_OK;
}
