/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/tiny_model.h"
#include "tools/tool_profile.h"

#define N 3u

/* A profile with something else in every member. */
static clv_profile *make(void)
{
    clv_profile *p;
    uint32_t index;

    assert_int_equal(clv_profile_create(&p, N), CLV_OK);
    (void)snprintf(p->processor, sizeof p->processor, "a \"fast\" one");
    memset(p->bundle.bytes, 0xa7, sizeof p->bundle.bytes);
    p->threads = 2;
    p->preprocess = (clv_profile_time){11, 12};
    for (uint32_t i = 0; i < N; i++) {
        (void)snprintf(p->nodes[i].name, sizeof p->nodes[i].name, "node/%u:0", i);
        (void)snprintf(p->nodes[i].op, sizeof p->nodes[i].op, "Conv");
        p->nodes[i].macs = 1000 + i;
    }
    for (unsigned precision = 0; precision < 2; precision++) {
        assert_int_equal(clv_profile_add_run(&index, p, precision, 1 + precision), CLV_OK);
        clv_profile_run *run = &p->runs[index];
        run->whole = (clv_profile_time){700 + precision, 50};
        for (uint32_t i = 0; i < N; i++)
            run->nodes[i] = (clv_profile_time){100 * (i + 1), 10 + i};
        for (uint32_t k = 0; k <= N; k++) {
            run->peak_bytes[k] = 5000 + k;
            run->cut_bytes[k] = 400 - k;
        }
    }
    for (uint32_t k = 0; k < N; k++) {
        clv_profile_point point = {.cut = k,
                                   .precision = k % 2,
                                   .codec = "rans",
                                   .point = 3,
                                   .mean_bytes = 12.5 + k,
                                   .p95_bytes = 20.25,
                                   .encode = {5, 6},
                                   .decode = {7, 8},
                                   .lossless = k == 1,
                                   .agreement = 0.975};
        assert_int_equal(clv_profile_add_point(p, &point), CLV_OK);
    }
    return p;
}

static clv_status parse_json(clv_profile **out, const json_t *root, clv_error *err)
{
    char *text = json_dumps(root, 0);
    assert_non_null(text);
    clv_status status = tool_profile_parse(out, text, strlen(text), NULL, err);
    free(text);
    return status;
}

static void test_tool_profile__what_is_written_is_read(void **state)
{
    clv_profile *in = make(), *out;
    clv_error err = CLV_ERROR_INIT;
    json_t *root = tool_profile_json(in, NULL);
    (void)state;

    if (parse_json(&out, root, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_string_equal(out->processor, in->processor);
    assert_memory_equal(&out->bundle, &in->bundle, sizeof in->bundle);
    assert_int_equal(out->threads, 2);
    assert_memory_equal(&out->preprocess, &in->preprocess, sizeof in->preprocess);
    assert_int_equal(out->n_nodes, N);
    assert_memory_equal(out->nodes, in->nodes, N * sizeof *in->nodes);
    assert_int_equal(out->n_runs, 2);
    for (uint32_t r = 0; r < 2; r++) {
        assert_int_equal(out->runs[r].precision, in->runs[r].precision);
        assert_int_equal(out->runs[r].batch, in->runs[r].batch);
        assert_memory_equal(&out->runs[r].whole, &in->runs[r].whole, sizeof in->runs[r].whole);
        assert_memory_equal(out->runs[r].nodes, in->runs[r].nodes, N * sizeof *in->runs[r].nodes);
        assert_memory_equal(out->runs[r].peak_bytes, in->runs[r].peak_bytes, (N + 1) * 8);
        assert_memory_equal(out->runs[r].cut_bytes, in->runs[r].cut_bytes, (N + 1) * 8);
    }
    assert_int_equal(out->n_points, N);
    for (uint32_t i = 0; i < N; i++) {
        const clv_profile_point *a = &in->points[i], *b = &out->points[i];
        assert_int_equal(a->cut, b->cut);
        assert_int_equal(a->precision, b->precision);
        assert_string_equal(a->codec, b->codec);
        assert_int_equal(a->point, b->point);
        assert_true(a->mean_bytes == b->mean_bytes && a->p95_bytes == b->p95_bytes);
        assert_memory_equal(&a->encode, &b->encode, sizeof a->encode);
        assert_memory_equal(&a->decode, &b->decode, sizeof a->decode);
        assert_int_equal(a->lossless, b->lossless);
        assert_true(a->agreement == b->agreement);
    }
    json_decref(root);
    clv_profile_free(out);
    clv_profile_free(in);
}

/* Replace what lies at @p path by @p value; NULL takes it away. */
static void change(json_t *root, const char *path, const char *value)
{
    char copy[64], *rest = NULL;
    json_t *at = root;
    (void)snprintf(copy, sizeof copy, "%s", path);
    char *key = strtok_r(copy, ".", &rest);
    for (char *next; (next = strtok_r(NULL, ".", &rest)) != NULL; key = next)
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
    assert_non_null(at);
    json_t *fresh = value != NULL ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
    assert_true(value == NULL || fresh != NULL);
    if (json_is_array(at) && fresh != NULL)
        assert_int_equal(json_array_set_new(at, strtoul(key, NULL, 10), fresh), 0);
    else if (json_is_array(at))
        assert_int_equal(json_array_remove(at, strtoul(key, NULL, 10)), 0);
    else if (fresh != NULL)
        assert_int_equal(json_object_set_new(at, key, fresh), 0);
    else
        assert_int_equal(json_object_del(at, key), 0);
}

static void test_tool_profile__every_hostile_member_is_refused_by_name(void **state)
{
    static const struct {
        const char *path, *value;
        clv_status status;
        const char *says; /* part of location or message */
    } cases[] = {
        {"profile", NULL, CLV_EFORMAT, "isn't a profile"},
        {"profile", "2", CLV_EVERSION, "profile"},
        {"profile", "\"1\"", CLV_EFORMAT, "isn't a profile"},
        {"bundle", "\"12\"", CLV_EFORMAT, "bundle"},
        {"bundle", "7", CLV_EFORMAT, "bundle"},
        {"bundle", "\"g7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7\"",
         CLV_EFORMAT, "bundle"},
        {"processor", "1", CLV_EFORMAT, "processor"},
        {"threads", "-1", CLV_EFORMAT, "threads"},
        {"threads", "1.5", CLV_EFORMAT, "threads"},
        {"threads", "70000", CLV_ELIMIT, "threads"},
        {"preprocess", "3", CLV_EFORMAT, "preprocess"},
        {"preprocess.min_ns", "1099511627777", CLV_ELIMIT, "preprocess"},
        {"preprocess.spread_ns", NULL, CLV_EFORMAT, "preprocess"},
        {"nodes", "{}", CLV_EFORMAT, "nodes"},
        {"nodes", "[]", CLV_EFORMAT, "runs.0.node_min_ns"},
        {"nodes.1", "[]", CLV_EFORMAT, "nodes.1.name"},
        {"nodes.2.op", "\"0123456789012345678901234567890123\"", CLV_ELIMIT, "nodes.2.op"},
        {"nodes.0.macs", "-5", CLV_EFORMAT, "nodes.0.macs"},
        {"runs", "[]", CLV_EFORMAT, "runs"},
        {"runs", "{}", CLV_EFORMAT, "runs"},
        {"runs.0", "7", CLV_EFORMAT, "runs.0.precision"},
        {"runs.0.precision", "\"int4\"", CLV_EFORMAT, "runs.0.precision"},
        {"runs.0.batch", "0", CLV_EINVAL, "runs.0.batch"},
        {"runs.0.batch", "5000", CLV_ELIMIT, "runs.0.batch"},
        {"runs.1.whole", NULL, CLV_EFORMAT, "runs.1.whole"},
        {"runs.1.node_min_ns.1", NULL, CLV_EFORMAT, "runs.1.node_min_ns"},
        {"runs.1.node_min_ns.1", "-1", CLV_EFORMAT, "runs.1.node_min_ns"},
        {"runs.1.node_min_ns.1", "1e3", CLV_EFORMAT, "runs.1.node_min_ns"},
        {"runs.1.node_spread_ns", "null", CLV_EFORMAT, "runs.1.node_spread_ns"},
        {"runs.0.peak_bytes.0", NULL, CLV_EFORMAT, "runs.0.peak_bytes"},
        {"runs.0.peak_bytes.3", "9223372036854775807", CLV_ELIMIT, "runs.0.peak_bytes"},
        {"runs.0.cut_bytes", "[1,2,3,4,5]", CLV_EFORMAT, "runs.0.cut_bytes"},
        {"points", "null", CLV_EFORMAT, "points"},
        {"points.0", "1", CLV_EFORMAT, "points.0.cut"},
        {"points.0.cut", "4", CLV_ELIMIT, "points.0.cut"},
        {"points.0.cut", "2", CLV_EFORMAT, "points.1.cut"},
        {"points.1.codec", "\"\"", CLV_EFORMAT, "codec"},
        {"points.1.codec", "\"sixteen-letters!\"", CLV_ELIMIT, "points.1.codec"},
        {"points.1.point", "4294967296", CLV_ELIMIT, "points.1.point"},
        {"points.1.mean_bytes", "-0.5", CLV_EFORMAT, "points.1.mean_bytes"},
        {"points.1.mean_bytes", "\"1\"", CLV_EFORMAT, "points.1.mean_bytes"},
        {"points.1.p95_bytes", "1e300", CLV_EFORMAT, "points.1.p95_bytes"},
        {"points.1.encode", "[]", CLV_EFORMAT, "points.1.encode"},
        {"points.1.decode.min_ns", "true", CLV_EFORMAT, "points.1.decode"},
        {"points.1.lossless", "1", CLV_EFORMAT, "points.1.lossless"},
        {"points.1.agreement", "1.01", CLV_EFORMAT, "points.1.agreement"},
    };
    clv_profile *in = make();
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        clv_profile *out = NULL;
        json_t *root = tool_profile_json(in, NULL);
        change(root, cases[i].path, cases[i].value);
        clv_status status = parse_json(&out, root, &err);
        if (status != cases[i].status || out != NULL ||
            (strstr(err.location, cases[i].says) == NULL &&
             strstr(err.message, cases[i].says) == NULL))
            fail_msg("%s = %s: %d, '%s', '%s'", cases[i].path,
                     cases[i].value ? cases[i].value : "nothing", (int)status, err.location,
                     err.message);
        json_decref(root);
    }
    clv_profile_free(in);
}

/* Runs that are there twice; times that together are too long. */
static void test_tool_profile__what_cannot_be_together_is_refused(void **state)
{
    clv_profile *in = make(), *out = NULL;
    clv_error err = CLV_ERROR_INIT;
    json_t *root = tool_profile_json(in, NULL);
    (void)state;

    change(root, "runs.1.precision", "\"float\"");
    change(root, "runs.1.batch", "1");
    assert_int_equal(parse_json(&out, root, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "twice"));
    json_decref(root);
    root = tool_profile_json(in, NULL);
    change(root, "runs.0.node_min_ns.0", "1099511627776");
    change(root, "runs.0.node_min_ns.1", "1099511627776");
    assert_int_equal(parse_json(&out, root, &err), CLV_ELIMIT);
    assert_null(out);
    json_decref(root);
    clv_profile_free(in);
}

static void test_tool_profile__text_that_is_no_json_is_refused(void **state)
{
    static const char *const texts[] = {
        "",         "{", "[1,2]", "3", "null", "{\"profile\":1,\"profile\":1}", "{\"profile\":1",
        "\xff\xfe", "{}"};
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        clv_profile *out = NULL;
        assert_int_equal(tool_profile_parse(&out, texts[i], strlen(texts[i]), NULL, &err),
                         CLV_EFORMAT);
        assert_null(out);
        assert_true(err.message[0] != '\0');
    }
}

static void test_tool_profile__it_must_be_of_the_bundle(void **state)
{
    static const char path[] = CLV_BINARY_DIR "/test_tool_profile.clv";
    const tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    clv_digest id = tiny_model_write(path, &options);
    clv_profile *in = make(), *out = NULL;
    clv_error err = CLV_ERROR_INIT;
    clv_bundle *bundle;
    (void)state;

    assert_int_equal(clv_bundle_open(&bundle, path, &err), CLV_OK);
    json_t *root = tool_profile_json(in, NULL);
    char *text = json_dumps(root, 0);
    assert_int_equal(tool_profile_parse(&out, text, strlen(text), bundle, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "a7a7a7a7a7a7"));
    free(text);
    json_decref(root);

    in->bundle = id; /* and of as many nodes */
    root = tool_profile_json(in, NULL);
    text = json_dumps(root, 0);
    assert_int_equal(tool_profile_parse(&out, text, strlen(text), bundle, &err), CLV_EFORMAT);
    assert_string_equal(err.location, "nodes");
    assert_null(out);
    free(text);
    json_decref(root);

    clv_profile *fits; /* and in forms that it has */
    uint32_t index, n = clv_bundle_main(bundle)->graph->n_nodes;
    assert_int_equal(clv_profile_create(&fits, n), CLV_OK);
    fits->bundle = id;
    assert_int_equal(clv_profile_add_run(&index, fits, CLV_PRECISION_FLOAT, 1), CLV_OK);
    root = tool_profile_json(fits, NULL);
    text = json_dumps(root, 0);
    assert_int_equal(tool_profile_parse(&out, text, strlen(text), bundle, &err), CLV_OK);
    free(text);
    change(root, "runs.0.precision", "\"int8\"");
    text = json_dumps(root, 0);
    clv_profile *none = NULL;
    assert_int_equal(tool_profile_parse(&none, text, strlen(text), bundle, &err), CLV_EFORMAT);
    assert_string_equal(err.location, "runs");
    free(text);
    json_decref(root);
    clv_profile_free(out);
    clv_profile_free(fits);
    clv_profile_free(in);
    clv_bundle_free(bundle);
    assert_int_equal(remove(path), 0);
}

static void test_tool_profile__a_file_is_named_in_its_error(void **state)
{
    static const char path[] = CLV_BINARY_DIR "/test_tool_profile.json";
    clv_profile *in = make(), *out = NULL;
    clv_error err = CLV_ERROR_INIT;
    json_t *root = tool_profile_json(in, NULL);
    (void)state;

    assert_int_equal(tool_profile_write(path, root, &err), CLV_OK);
    assert_int_equal(tool_profile_read(&out, path, NULL, &err), CLV_OK);
    clv_profile_free(out);
    change(root, "threads", "\"two\"");
    assert_int_equal(tool_profile_write(path, root, &err), CLV_OK);
    assert_int_equal(tool_profile_read(&out, path, NULL, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.location, "test_tool_profile.json: threads"));
    assert_int_equal(remove(path), 0);
    assert_int_equal(tool_profile_read(&out, path, NULL, &err), CLV_ENOENT);
    json_decref(root);
    clv_profile_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tool_profile__what_is_written_is_read),
        cmocka_unit_test(test_tool_profile__every_hostile_member_is_refused_by_name),
        cmocka_unit_test(test_tool_profile__what_cannot_be_together_is_refused),
        cmocka_unit_test(test_tool_profile__text_that_is_no_json_is_refused),
        cmocka_unit_test(test_tool_profile__it_must_be_of_the_bundle),
        cmocka_unit_test(test_tool_profile__a_file_is_named_in_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
