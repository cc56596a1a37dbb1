/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "graph/graph.h"
#include "tools/tool_profile.h"

#define VERSION 1

/* Where in the file we are: "runs.0.node_min_ns". */
typedef struct place {
    char text[96];
} place;

static const char *at(place *out, const char *list, size_t index, const char *member)
{
    (void)snprintf(out->text, sizeof out->text, "%s.%zu.%s", list, index, member);
    return out->text;
}

static clv_status wrong(clv_error *err, const char *where, const char *wanted)
{
    return clv_fail(err, CLV_EFORMAT, where, "it must be %s", wanted);
}

/* --- members -------------------------------------------------------------------------------- */

static clv_status take_number(uint64_t *out, const json_t *value, uint64_t most, const char *where,
                              clv_error *err)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return wrong(err, where, "a whole number, not under 0");
    if ((uint64_t)json_integer_value(value) > most)
        return clv_fail(err, CLV_ELIMIT, where, "it is over %llu", (unsigned long long)most);
    *out = (uint64_t)json_integer_value(value);
    return CLV_OK;
}

static clv_status take_u32(uint32_t *out, const json_t *value, uint32_t most, const char *where,
                           clv_error *err)
{
    uint64_t number = 0;
    CLV_TRY(take_number(&number, value, most, where, err));
    *out = (uint32_t)number;
    return CLV_OK;
}

static clv_status take_real(double *out, const json_t *value, double most, const char *where,
                            clv_error *err)
{
    double number = json_is_number(value) ? json_number_value(value) : NAN;

    if (!(number >= 0.0 && number <= most))
        return clv_fail(err, CLV_EFORMAT, where, "it must be a number from 0 to %g", most);
    *out = number;
    return CLV_OK;
}

static clv_status take_text(char *dst, size_t cap, const json_t *value, const char *where,
                            clv_error *err)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != json_string_length(value))
        return wrong(err, where, "a string");
    if (strlen(text) >= cap)
        return clv_fail(err, CLV_ELIMIT, where, "it has over %zu bytes", cap - 1);
    (void)snprintf(dst, cap, "%s", text);
    return CLV_OK;
}

static clv_status take_time(clv_profile_time *out, const json_t *value, const char *where,
                            clv_error *err)
{
    if (!json_is_object(value))
        return wrong(err, where, "an object with min_ns and spread_ns");
    CLV_TRY(take_number(&out->min_ns, json_object_get(value, "min_ns"), CLV_PROFILE_MAX_VALUE,
                        where, err));
    return take_number(&out->spread_ns, json_object_get(value, "spread_ns"), CLV_PROFILE_MAX_VALUE,
                       where, err);
}

static clv_status take_precision(unsigned *out, const json_t *value, const char *where,
                                 clv_error *err)
{
    const char *name = json_string_value(value);
    clv_precision precision;

    if (name == NULL || clv_precision_find(&precision, name) != CLV_OK)
        return wrong(err, where, "the name of a precision");
    *out = precision;
    return CLV_OK;
}

static clv_status check_list(const json_t *value, size_t wanted, const char *where, clv_error *err)
{
    if (!json_is_array(value))
        return wrong(err, where, "a list");
    if (json_array_size(value) != wanted)
        return clv_fail(err, CLV_EFORMAT, where, "it has %zu entries, not %zu",
                        json_array_size(value), wanted);
    return CLV_OK;
}

static clv_status take_numbers(uint64_t *out, const json_t *list, size_t n, const char *where,
                               clv_error *err)
{
    CLV_TRY(check_list(list, n, where, err));
    for (size_t i = 0; i < n; i++)
        CLV_TRY(take_number(&out[i], json_array_get(list, i), CLV_PROFILE_MAX_VALUE, where, err));
    return CLV_OK;
}

static clv_status take_digest(clv_digest *out, const json_t *value, clv_error *err)
{
    static const char digits[] = "0123456789abcdef";
    const char *hex = json_string_value(value);

    if (hex == NULL || strlen(hex) != CLV_DIGEST_HEX_BYTES - 1 ||
        strspn(hex, digits) != CLV_DIGEST_HEX_BYTES - 1)
        return wrong(err, "bundle", "64 hexadecimal digits");
    for (size_t i = 0; i < CLV_DIGEST_BYTES; i++) {
        size_t high = (size_t)(strchr(digits, hex[2 * i]) - digits);
        size_t low = (size_t)(strchr(digits, hex[2 * i + 1]) - digits);
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return CLV_OK;
}

/* --- parts ---------------------------------------------------------------------------------- */

static clv_status take_nodes(clv_profile *p, const json_t *list, clv_error *err)
{
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        const json_t *item = json_array_get(list, i);
        clv_profile_node *node = &p->nodes[i];
        place where;
        CLV_TRY(take_text(node->name, sizeof node->name, json_object_get(item, "name"),
                          at(&where, "nodes", i, "name"), err));
        CLV_TRY(take_text(node->op, sizeof node->op, json_object_get(item, "op"),
                          at(&where, "nodes", i, "op"), err));
        CLV_TRY(take_number(&node->macs, json_object_get(item, "macs"), CLV_PROFILE_MAX_VALUE,
                            at(&where, "nodes", i, "macs"), err));
    }
    return CLV_OK;
}

static clv_status take_node_times(clv_profile_run *run, uint32_t n, const json_t *item,
                                  size_t index, clv_error *err)
{
    const json_t *least = json_object_get(item, "node_min_ns");
    const json_t *spread = json_object_get(item, "node_spread_ns");
    place where;

    CLV_TRY(check_list(least, n, at(&where, "runs", index, "node_min_ns"), err));
    CLV_TRY(check_list(spread, n, at(&where, "runs", index, "node_spread_ns"), err));
    for (uint32_t i = 0; i < n; i++) {
        clv_profile_time *t = &run->nodes[i];
        CLV_TRY(take_number(&t->min_ns, json_array_get(least, i), CLV_PROFILE_MAX_VALUE,
                            at(&where, "runs", index, "node_min_ns"), err));
        CLV_TRY(take_number(&t->spread_ns, json_array_get(spread, i), CLV_PROFILE_MAX_VALUE,
                            at(&where, "runs", index, "node_spread_ns"), err));
    }
    return CLV_OK;
}

static clv_status take_run(clv_profile *p, const json_t *item, size_t index, clv_error *err)
{
    unsigned precision = 0;
    uint32_t batch = 0, number;
    place where;

    CLV_TRY(take_precision(&precision, json_object_get(item, "precision"),
                           at(&where, "runs", index, "precision"), err));
    CLV_TRY(take_u32(&batch, json_object_get(item, "batch"), CLV_PROFILE_MAX_BATCH,
                     at(&where, "runs", index, "batch"), err));
    clv_status status = clv_profile_add_run(&number, p, precision, batch);
    if (status != CLV_OK)
        return clv_fail(err, status, at(&where, "runs", index, "batch"), "%s",
                        clv_status_text(status));
    clv_profile_run *run = &p->runs[number];
    CLV_TRY(take_time(&run->whole, json_object_get(item, "whole"),
                      at(&where, "runs", index, "whole"), err));
    CLV_TRY(take_node_times(run, p->n_nodes, item, index, err));
    CLV_TRY(take_numbers(run->peak_bytes, json_object_get(item, "peak_bytes"),
                         (size_t)p->n_nodes + 1, at(&where, "runs", index, "peak_bytes"), err));
    return take_numbers(run->cut_bytes, json_object_get(item, "cut_bytes"), (size_t)p->n_nodes + 1,
                        at(&where, "runs", index, "cut_bytes"), err);
}

static clv_status take_point(clv_profile *p, const json_t *item, size_t index, clv_error *err)
{
    clv_profile_point point = {0};
    const double most = (double)CLV_PROFILE_MAX_VALUE;
    const json_t *lossless = json_object_get(item, "lossless");
    place where;

    CLV_TRY(take_u32(&point.cut, json_object_get(item, "cut"), p->n_nodes,
                     at(&where, "points", index, "cut"), err));
    CLV_TRY(take_precision(&point.precision, json_object_get(item, "precision"),
                           at(&where, "points", index, "precision"), err));
    CLV_TRY(take_text(point.codec, sizeof point.codec, json_object_get(item, "codec"),
                      at(&where, "points", index, "codec"), err));
    CLV_TRY(take_u32(&point.point, json_object_get(item, "point"), UINT32_MAX,
                     at(&where, "points", index, "point"), err));
    CLV_TRY(take_real(&point.mean_bytes, json_object_get(item, "mean_bytes"), most,
                      at(&where, "points", index, "mean_bytes"), err));
    CLV_TRY(take_real(&point.p95_bytes, json_object_get(item, "p95_bytes"), most,
                      at(&where, "points", index, "p95_bytes"), err));
    CLV_TRY(take_time(&point.encode, json_object_get(item, "encode"),
                      at(&where, "points", index, "encode"), err));
    CLV_TRY(take_time(&point.decode, json_object_get(item, "decode"),
                      at(&where, "points", index, "decode"), err));
    CLV_TRY(take_real(&point.agreement, json_object_get(item, "agreement"), 1.0,
                      at(&where, "points", index, "agreement"), err));
    if (!json_is_boolean(lossless))
        return wrong(err, at(&where, "points", index, "lossless"), "true or false");
    point.lossless = json_is_true(lossless);
    clv_status status = clv_profile_add_point(p, &point);
    if (status != CLV_OK)
        return clv_fail(err, status == CLV_EINVAL ? CLV_EFORMAT : status,
                        at(&where, "points", index, "cut"), "cuts aren't in order, or too many");
    return CLV_OK;
}

static clv_status take_members(clv_profile *p, const json_t *root, clv_error *err)
{
    const json_t *runs = json_object_get(root, "runs"), *points = json_object_get(root, "points");

    CLV_TRY(take_digest(&p->bundle, json_object_get(root, "bundle"), err));
    CLV_TRY(take_text(p->processor, sizeof p->processor, json_object_get(root, "processor"),
                      "processor", err));
    CLV_TRY(take_u32(&p->threads, json_object_get(root, "threads"), UINT16_MAX, "threads", err));
    CLV_TRY(take_time(&p->preprocess, json_object_get(root, "preprocess"), "preprocess", err));
    CLV_TRY(take_nodes(p, json_object_get(root, "nodes"), err));
    if (!json_is_array(runs) || json_array_size(runs) == 0)
        return wrong(err, "runs", "a list with at least one run");
    for (size_t i = 0; i < json_array_size(runs); i++)
        CLV_TRY(take_run(p, json_array_get(runs, i), i, err));
    if (!json_is_array(points))
        return wrong(err, "points", "a list");
    for (size_t i = 0; i < json_array_size(points); i++)
        CLV_TRY(take_point(p, json_array_get(points, i), i, err));
    return clv_profile_check(p, err);
}

static clv_status check_bundle(const clv_profile *p, const clv_bundle *bundle, clv_error *err)
{
    char theirs[CLV_DIGEST_HEX_BYTES], ours[CLV_DIGEST_HEX_BYTES];

    if (bundle == NULL)
        return CLV_OK;
    const clv_model *model = clv_bundle_main(bundle);
    if (memcmp(&p->bundle, clv_bundle_id(bundle), sizeof p->bundle) != 0)
        return clv_fail(
            err, CLV_EINVAL, "bundle", "it is a profile of the bundle %.12s..., not of %.12s...",
            clv_digest_format(theirs, &p->bundle), clv_digest_format(ours, clv_bundle_id(bundle)));
    if (p->n_nodes != model->graph->n_nodes)
        return clv_fail(err, CLV_EFORMAT, "nodes", "%u of them; the bundle has %u", p->n_nodes,
                        model->graph->n_nodes);
    for (uint32_t i = 0; i < p->n_runs; i++) {
        if (clv_model_graph(model, (clv_precision)p->runs[i].precision) == NULL)
            return clv_fail(err, CLV_EFORMAT, "runs", "the bundle holds no network in %s",
                            clv_precision_name((clv_precision)p->runs[i].precision));
    }
    return CLV_OK;
}

static clv_status take_profile(clv_profile **out, const json_t *root, const clv_bundle *bundle,
                               clv_error *err)
{
    const json_t *version = json_object_get(root, "profile");
    const json_t *nodes = json_object_get(root, "nodes");
    clv_profile *profile = NULL;

    if (!json_is_integer(version))
        return clv_fail(err, CLV_EFORMAT, NULL, "it isn't a profile");
    if (json_integer_value(version) != VERSION)
        return clv_fail(err, CLV_EVERSION, "profile", "it is of another version than %d", VERSION);
    if (!json_is_array(nodes))
        return wrong(err, "nodes", "a list");
    if (json_array_size(nodes) > CLV_GRAPH_MAX_NODES)
        return clv_fail(err, CLV_ELIMIT, "nodes", "over %u of them", CLV_GRAPH_MAX_NODES);
    clv_status status = clv_profile_create(&profile, (uint32_t)json_array_size(nodes));
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "%s", clv_status_text(status));
    status = take_members(profile, root, err);
    if (status == CLV_OK)
        status = check_bundle(profile, bundle, err);
    if (status != CLV_OK) {
        clv_profile_free(profile);
        return status;
    }
    *out = profile;
    return CLV_OK;
}

clv_status tool_profile_parse(clv_profile **out, const char *text, size_t bytes,
                              const clv_bundle *bundle, clv_error *err)
{
    json_error_t why;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why);

    if (root == NULL)
        return clv_fail(err, CLV_EFORMAT, NULL, "not JSON: line %d: %s", why.line, why.text);
    clv_status status = take_profile(out, root, bundle, err);
    json_decref(root);
    return status;
}

clv_status tool_profile_read(clv_profile **out, const char *path, const clv_bundle *bundle,
                             clv_error *err)
{
    clv_mapping file;

    CLV_TRY(clv_mapping_open(&file, path, TOOL_PROFILE_MAX_BYTES, err));
    clv_status status = tool_profile_parse(out, file.data != NULL ? (const char *)file.data : "",
                                           file.size, bundle, err);
    clv_mapping_done(&file);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, path);
}
