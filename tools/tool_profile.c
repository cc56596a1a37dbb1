/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "tools/tool_json.h"

static json_t *time_json(const clv_profile_time *t)
{
    return json_pack("{s:I, s:I}", "min_ns", (json_int_t)t->min_ns, "spread_ns",
                     (json_int_t)t->spread_ns);
}

static json_t *nodes_json(const clv_profile *p)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < p->n_nodes; i++)
        (void)json_array_append_new(
            list, json_pack("{s:o, s:s, s:I}", "name", tool_json_text(p->nodes[i].name), "op",
                            p->nodes[i].op, "macs", (json_int_t)p->nodes[i].macs));
    return list;
}

static json_t *numbers_json(const uint64_t *values, uint32_t n)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < n; i++)
        (void)json_array_append_new(list, json_integer((json_int_t)values[i]));
    return list;
}

static json_t *run_json(const clv_profile *p, const clv_profile_run *run, const uint64_t *medians)
{
    uint32_t n = p->n_nodes;
    json_t *least = json_array(), *spread = json_array();

    for (uint32_t i = 0; i < n; i++) {
        (void)json_array_append_new(least, json_integer((json_int_t)run->nodes[i].min_ns));
        (void)json_array_append_new(spread, json_integer((json_int_t)run->nodes[i].spread_ns));
    }
    const char *precision = clv_precision_name((clv_precision)run->precision);
    json_t *root =
        json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "precision", precision, "batch",
                  (int)run->batch, "whole", time_json(&run->whole), "node_min_ns", least,
                  "node_spread_ns", spread, "peak_bytes", numbers_json(run->peak_bytes, n + 1),
                  "cut_bytes", numbers_json(run->cut_bytes, n + 1));
    if (medians != NULL) {
        (void)json_object_set_new(root, "whole_median_ns", json_integer((json_int_t)medians[n]));
        (void)json_object_set_new(root, "node_median_ns", numbers_json(medians, n));
    }
    return root;
}

static json_t *point_json(const clv_profile_point *point)
{
    return json_pack("{s:i, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:b, s:o}", "cut", (int)point->cut,
                     "precision", clv_precision_name((clv_precision)point->precision), "codec",
                     point->codec, "point", (int)point->point, "mean_bytes",
                     tool_json_real(point->mean_bytes), "p95_bytes",
                     tool_json_real(point->p95_bytes), "encode", time_json(&point->encode),
                     "decode", time_json(&point->decode), "lossless", (int)point->lossless,
                     "agreement", tool_json_real(point->agreement));
}

json_t *tool_profile_json(const clv_profile *profile, const uint64_t *const *medians_ns)
{
    char id[CLV_DIGEST_HEX_BYTES];
    json_t *runs = json_array(), *points = json_array();

    for (uint32_t i = 0; i < profile->n_runs; i++)
        (void)json_array_append_new(
            runs, run_json(profile, &profile->runs[i], medians_ns != NULL ? medians_ns[i] : NULL));
    for (uint32_t i = 0; i < profile->n_points; i++)
        (void)json_array_append_new(points, point_json(&profile->points[i]));
    return json_pack("{s:i, s:s, s:o, s:i, s:o, s:o, s:o, s:o}", "profile", 1, "bundle",
                     clv_digest_format(id, &profile->bundle), "processor",
                     tool_json_text(profile->processor), "threads", (int)profile->threads,
                     "preprocess", time_json(&profile->preprocess), "nodes", nodes_json(profile),
                     "runs", runs, "points", points);
}

clv_status tool_profile_write(const char *path, const json_t *root, clv_error *err)
{
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII);

    if (text == NULL)
        return clv_fail(err, CLV_ENOMEM, path, "out of memory");
    clv_status status = clv_file_write(path, text, strlen(text), 0644, err);
    free(text);
    return status;
}
