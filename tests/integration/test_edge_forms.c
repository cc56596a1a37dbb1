/* SPDX-License-Identifier: Apache-2.0 */
/* Float or int8 for each half of each frame, as the plan says: over the real link, with a
 * cleave-server process. Profiles that both keep in files are rewritten, so that one form is slow.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <cleave/edge.h>

#include "base/error.h"
#include "base/file.h"
#include "profiler/profile_bytes.h"
#include "support/server_process.h"
#include "support/tiny_forms.h"

#define LINK_US 60000000u
#define FRAMES 12u
#define SEED 5u

static const tiny_model_options model = TINY_MODEL_OPTIONS_INIT;

/* Both daemons' folders, and the network in this process. */
typedef struct show {
    server_process server;
    tiny_forms forms;
    char bundle[512], address[64], ca[512], cert[512], key[512], device[512], served[512];
} show;

static int setup(void **state)
{
    static show s;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(&s, 0, sizeof s);
    server_process_init(&s.server);
    tiny_forms_init(&s.forms, &model, NULL);
    (void)snprintf(s.bundle, sizeof s.bundle, "%s/forms.clv", s.server.bundles);
    (void)snprintf(s.ca, sizeof s.ca, "%s/ca.crt", s.server.pki);
    (void)snprintf(s.cert, sizeof s.cert, "%s/device-1.crt", s.server.pki);
    (void)snprintf(s.key, sizeof s.key, "%s/device-1.key", s.server.pki);
    (void)snprintf(s.device, sizeof s.device, "%s/device", s.server.folder);
    (void)snprintf(s.served, sizeof s.served, "%s/served", s.server.folder);
    assert_int_equal(mkdir(s.device, 0700) | mkdir(s.served, 0700), 0);
    (void)tiny_forms_write(&s.forms, s.bundle);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    show *s = *state;
    server_process_done(&s->server);
    tiny_forms_done(&s->forms);
    return 0;
}

/* --- profiles ------------------------------------------------------------------------------- */

static void find_file(char path[1024], const char *folder)
{
    DIR *dir = opendir(folder);
    uint32_t n = 0;

    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            (void)snprintf(path, 1024, "%s/%s", folder, e->d_name);
            n++;
        }
    }
    (void)closedir(dir);
    assert_int_equal(n, 1);
}

/* In the profile that @p folder keeps, a node takes a second in one form and 1 ns in the other. */
static void make_fast(const char *folder, clv_precision fast)
{
    enum { HEAD = 8 + CLV_DIGEST_BYTES }; /* magic and key; behind the profile is the checksum */
    char path[1024];
    clv_mapping file;
    clv_profile *p;
    clv_buffer bytes;
    clv_digest sum;

    find_file(path, folder);
    assert_int_equal(clv_mapping_open(&file, path, 1 << 20, NULL), CLV_OK);
    assert_int_equal(
        clv_profile_unpack(&p, file.data + HEAD, file.size - HEAD - CLV_DIGEST_BYTES, NULL),
        CLV_OK);
    assert_int_equal(p->n_runs, CLV_PRECISION_COUNT);
    for (uint32_t r = 0; r < p->n_runs; r++) {
        for (uint32_t i = 0; i < p->n_nodes; i++)
            p->runs[r].nodes[i].min_ns = p->runs[r].precision == fast ? 1 : 1000000000;
    }
    clv_buffer_init(&bytes, 1 << 20);
    assert_int_equal(clv_buffer_append(&bytes, file.data, HEAD), CLV_OK);
    assert_int_equal(clv_profile_pack(&bytes, p, true), CLV_OK);
    assert_int_equal(clv_digest_of(&sum, bytes.data, bytes.size), CLV_OK);
    assert_int_equal(clv_buffer_append(&bytes, sum.bytes, sizeof sum.bytes), CLV_OK);
    clv_mapping_done(&file);
    assert_int_equal(clv_file_write(path, bytes.data, bytes.size, 0600, NULL), CLV_OK);
    clv_buffer_done(&bytes);
    clv_profile_free(p);
}

/* --- both ends ------------------------------------------------------------------------------ */

static void start_server(show *s)
{
    server_process_start(&s->server, (const char *const[]){"--state", s->served, NULL});
    (void)snprintf(s->address, sizeof s->address, "localhost:%u", s->server.port);
}

static void stop_server(show *s)
{
    server_process_signal(&s->server, SIGTERM);
    assert_int_equal(server_process_wait(&s->server), 0);
}

static clv_edge_options device_options(const show *s)
{
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;

    options.bundle = s->bundle;
    options.server = s->address;
    options.ca = s->ca;
    options.cert = s->cert;
    options.key = s->key;
    options.state = s->device;
    options.cut = CLV_CUT_AUTO;
    options.precision = options.suffix = "auto";
    return options;
}

static clv_edge *start_device(const clv_edge_options *options)
{
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    if (clv_edge_create(&edge, options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
    return edge;
}

static bool is_answer(const clv_edge_answer *answer, const show *s, const tiny_split *split,
                      uint64_t seed)
{
    tiny_split_result expected = {0};
    bool same = true;

    tiny_forms_run(&expected, &s->forms, split, seed);
    assert_int_equal(answer->n_outputs, expected.outputs.count);
    for (uint32_t i = 0; i < answer->n_outputs; i++) {
        size_t bytes;
        assert_int_equal(clv_tensor_bytes(&bytes, &answer->outputs[i]), CLV_OK);
        same =
            same && memcmp(answer->outputs[i].data, expected.outputs.tensors[i].data, bytes) == 0;
    }
    tiny_split_result_done(&expected);
    return same;
}

/* Frames are answered as by that split, and by no other. */
static void expect_forms(clv_edge *edge, const show *s, tiny_split split)
{
    clv_tensor input = s->forms.original->values[s->forms.original->inputs[0]].tensor;
    clv_edge_answer answer;

    for (uint64_t seed = SEED; seed < SEED + FRAMES; seed++) {
        input.data = tiny_model_input(&model, seed);
        assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
        assert_int_equal(clv_edge_next(&answer, edge, LINK_US), CLV_OK);
        if (answer.error_text != NULL)
            fail_msg("%s", answer.error_text);
        split.cut = answer.cut;
        if (!is_answer(&answer, s, &split, seed))
            fail_msg("cut %u isn't answered by %s and %s", split.cut,
                     clv_precision_name(split.prefix), clv_precision_name(split.suffix));
        tiny_split other = {split.prefix == CLV_PRECISION_FLOAT ? CLV_PRECISION_INT8
                                                                : CLV_PRECISION_FLOAT,
                            split.suffix, split.cut};
        if (split.cut > 0)
            assert_false(is_answer(&answer, s, &other, seed));
        clv_edge_release(edge, &answer);
        clv_free(input.data);
    }
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_edge_forms__the_plan_chooses_both_halves_of_each_frame(void **state)
{
    show *s = *state;
    uint32_t n_nodes = s->forms.original->n_nodes;

    start_server(s); /* they measure, and keep what they measured */
    clv_edge_options options = device_options(s);
    options.min_depth = 1; /* a prefix here, a suffix there */
    options.max_cut = n_nodes - 1;
    clv_edge_free(start_device(&options));
    stop_server(s);
    for (unsigned suffix = 0; suffix < CLV_PRECISION_COUNT; suffix++) {
        make_fast(s->served, (clv_precision)suffix);
        start_server(s);
        for (unsigned prefix = 0; prefix < CLV_PRECISION_COUNT; prefix++) {
            make_fast(s->device, (clv_precision)prefix);
            clv_edge *edge = start_device(&options);
            expect_forms(edge, s, (tiny_split){(clv_precision)prefix, (clv_precision)suffix, 0});
            clv_edge_free(edge);
        }
        stop_server(s);
    }
}

static void test_edge_forms__all_of_it_may_run_here_in_either(void **state)
{
    show *s = *state;

    start_server(s);
    clv_edge_options options = device_options(s);
    clv_edge_free(start_device(&options));
    stop_server(s);
    make_fast(s->served, CLV_PRECISION_FLOAT); /* and yet farther away than nothing */
    start_server(s);
    for (unsigned prefix = 0; prefix < CLV_PRECISION_COUNT; prefix++) {
        make_fast(s->device, (clv_precision)prefix);
        clv_edge *edge = start_device(&options);
        expect_forms(edge, s, (tiny_split){(clv_precision)prefix, CLV_PRECISION_FLOAT, 0});
        clv_edge_free(edge);
    }
    stop_server(s);
}

/* Memory for one form, and the suffix that costs the least accuracy, unless it is asked for. */
static void test_edge_forms__without_being_asked_they_stay(void **state)
{
    show *s = *state;
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    start_server(s);
    clv_edge_options options = device_options(s);
    options.min_depth = 1;
    options.max_cut = s->forms.original->n_nodes - 1;
    options.precision = options.suffix = NULL;
    edge = start_device(&options);
    expect_forms(edge, s, (tiny_split){CLV_PRECISION_INT8, CLV_PRECISION_FLOAT, 0});
    clv_edge_free(edge);
    edge = NULL;
    options = device_options(s);
    options.cut = 1;
    assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "only where its cut is"));
    assert_null(edge);
    stop_server(s);
}

#define FORMS_TEST(name) cmocka_unit_test_setup_teardown(test_edge_forms__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FORMS_TEST(the_plan_chooses_both_halves_of_each_frame),
        FORMS_TEST(all_of_it_may_run_here_in_either),
        FORMS_TEST(without_being_asked_they_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
