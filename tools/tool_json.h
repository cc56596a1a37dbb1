/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOOL_JSON_H
#define CLV_TOOL_JSON_H

/** @file tool_json.h: what jansson refuses or prints as it is. Functions that make a json_t give
 *  NULL when out of memory; tool_json_print() reports it. */

#include <jansson.h>

#include <cleave/tensor.h>

/** A string of any bytes: what isn't UTF-8 becomes U+FFFD. NULL: null. */
json_t *tool_json_text(const char *text);

/** A number; null where JSON has none (NaN, infinity). */
json_t *tool_json_real(double value);

/** {"name", "type", "shape"} */
json_t *tool_json_tensor(const char *name, const clv_tensor *tensor);

/** Print @p root to stdout, with nothing in it that a terminal would obey, and free it.
 *  @return CLV_OK; CLV_ENOMEM with @p err when @p root is NULL. */
CLV_NODISCARD clv_status tool_json_print(json_t *root, clv_error *err);

#endif
