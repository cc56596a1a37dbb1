/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compress/codec_ladder.h"
#include "profiler/processor.h"
#include "profiler/profiler.h"
#include "support/tiny_forms.h"

static const tiny_model_options quick = {.seed = 1, .channels = 4, .size = 8};
static const clv_digest some_id = {{1, 2, 3}};

/* The tiny network in both forms, ready to be measured. */
typedef struct bench {
    tiny_forms forms;
    clv_exec *execs[CLV_PRECISION_COUNT];
    uint64_t medians[CLV_PRECISION_COUNT][16];
    clv_profiler_form measured[CLV_PRECISION_COUNT];
    clv_profiler_options options;
    size_t calls, allowed;
} bench;

static bool count_calls(void *context, size_t done, size_t total)
{
    bench *b = context;
    assert_true(done < total);
    return ++b->calls <= b->allowed;
}

static int setup(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    tiny_forms_init(&b.forms, &quick, NULL);
    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
        assert_int_equal(clv_exec_create(&b.execs[p], b.forms.programs[p], NULL), CLV_OK);
        b.measured[p] = (clv_profiler_form){(clv_precision)p, b.forms.programs[p], b.execs[p],
                                            b.forms.graphs[p]->n_nodes, b.medians[p]};
    }
    b.allowed = SIZE_MAX;
    b.options = (clv_profiler_options){.model = &b.forms.model,
                                       .bundle = &some_id,
                                       .threads = 1,
                                       .forms = b.measured,
                                       .n_forms = CLV_PRECISION_COUNT,
                                       .passes = 5,
                                       .budget_us = UINT64_MAX,
                                       .max_cuts = UINT32_MAX,
                                       .codec_runs = 2,
                                       .codec_us = UINT64_MAX,
                                       .go_on = count_calls,
                                       .context = &b};
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    bench *b = *state;
    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++)
        clv_exec_free(b->execs[p]);
    tiny_forms_done(&b->forms);
    return 0;
}

static clv_profile *measure(bench *b)
{
    clv_error err = CLV_ERROR_INIT;
    clv_profile *profile = NULL;
    if (clv_profiler_measure(&profile, &b->options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_profile_check(profile, &err), CLV_OK);
    return profile;
}

static void test_profiler__every_node_has_a_time_in_every_form(void **state)
{
    bench *b = *state;
    clv_profile *p = measure(b);
    uint32_t n = b->forms.original->n_nodes;

    assert_int_equal(p->n_nodes, n);
    assert_memory_equal(&p->bundle, &some_id, sizeof some_id);
    assert_int_equal(p->threads, 1);
    assert_int_equal(p->n_runs, CLV_PRECISION_COUNT);
    for (uint32_t r = 0; r < p->n_runs; r++) {
        const clv_profile_run *run = &p->runs[r];
        uint64_t sum = 0;
        assert_int_equal(run->precision, r);
        assert_int_equal(run->batch, 1);
        assert_true(run->whole.min_ns > 0);
        assert_true(b->medians[r][n] >= run->whole.min_ns);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(b->medians[r][i] >= run->nodes[i].min_ns);
            sum += b->medians[r][i];
        }
        assert_true(sum > 0);
        assert_true(clv_profile_sum_ratio(run, n) > 0.0);
    }
    for (uint32_t i = 0; i < n; i++) {
        assert_string_equal(p->nodes[i].name, b->forms.original->nodes[i].name);
        assert_true(p->nodes[i].op[0] != '\0');
        assert_int_equal(p->nodes[i].macs,
                         clv_node_macs(b->forms.original, &b->forms.original->nodes[i]));
    }
    clv_profile_free(p);
}

/* Runs of several frames come behind those of one; bytes are of a frame. */
static void test_profiler__frames_may_run_together(void **state)
{
    static const uint32_t batches[] = {2, 5};
    bench *b = *state;
    clv_error note = CLV_ERROR_INIT;

    b->options.batches = batches;
    b->options.n_batches = 2;
    b->options.batch_note = &note;
    clv_profile *p = measure(b);
    assert_int_equal(note.code, CLV_OK);
    assert_int_equal(p->n_runs, 3 * CLV_PRECISION_COUNT);
    for (uint32_t r = 0; r < CLV_PRECISION_COUNT; r++) {
        const clv_profile_run *one = clv_profile_find_run(p, r, 1);
        assert_ptr_equal(one, &p->runs[r]);
        for (size_t i = 0; i < 2; i++) {
            const clv_profile_run *run = clv_profile_find_run(p, r, batches[i]);
            assert_non_null(run);
            assert_true(run->whole.min_ns > 0);
            assert_memory_equal(run->cut_bytes, one->cut_bytes,
                                (p->n_nodes + 1) * sizeof *one->cut_bytes);
            assert_true(run->peak_bytes[p->n_nodes] > one->peak_bytes[p->n_nodes]);
        }
    }
    clv_profile *filled; /* all of them stay */
    assert_int_equal(clv_profile_fill(&filled, p), CLV_OK);
    assert_int_equal(filled->n_runs, p->n_runs);
    clv_profile_free(filled);
    clv_profile_free(p);

    b->options.budget_us = 0; /* no time for any */
    p = measure(b);
    assert_int_equal(p->n_runs, CLV_PRECISION_COUNT);
    clv_profile_free(p);
    static const uint32_t none[] = {0};
    clv_profile *bad = NULL;
    b->options.batches = none;
    b->options.n_batches = 1;
    assert_int_equal(clv_profiler_measure(&bad, &b->options, NULL), CLV_EINVAL);
}

static void test_profiler__a_cut_has_the_bytes_of_its_frontier(void **state)
{
    bench *b = *state;
    clv_profile *p = measure(b);

    for (uint32_t r = 0; r < p->n_runs; r++) {
        const clv_frontiers *frontiers = clv_program_frontiers(b->forms.programs[r]);
        for (uint32_t k = 0; k <= p->n_nodes; k++) {
            clv_frontier frontier = clv_frontiers_at(frontiers, k);
            uint64_t bytes = 0;
            for (uint32_t i = 0; i < frontier.count; i++) {
                size_t n = 0;
                const clv_value *v = &b->forms.graphs[r]->values[frontier.values[i]];
                assert_int_equal(clv_tensor_bytes(&n, &v->tensor), CLV_OK);
                bytes += n;
            }
            assert_int_equal(p->runs[r].cut_bytes[k], bytes);
        }
    }
    clv_profile_free(p);
}

/* Weights, what the arena has grown to, scratch. */
static void test_profiler__memory_grows_with_the_prefix_to_that_of_the_whole(void **state)
{
    bench *b = *state;
    const clv_graph *graph = b->forms.graphs[CLV_PRECISION_FLOAT];
    const clv_program *program = b->forms.programs[CLV_PRECISION_FLOAT];
    clv_program_memory memory = clv_program_memory_of(program);
    uint64_t bytes[16] = {0}, weights = 0;

    assert_int_equal(clv_program_prefix_memory(bytes, program), CLV_OK);
    for (uint32_t v = 0; v < graph->n_values; v++) {
        size_t n = 0;
        if (clv_value_is_constant(&graph->values[v]) &&
            clv_tensor_bytes(&n, &graph->values[v].tensor) == CLV_OK)
            weights += n;
    }
    assert_int_equal(bytes[0], 0);
    for (uint32_t k = 1; k <= graph->n_nodes; k++)
        assert_true(bytes[k] >= bytes[k - 1]);
    assert_int_equal(bytes[graph->n_nodes], weights + memory.arena_bytes + memory.scratch_bytes);
    assert_true(bytes[1] < bytes[graph->n_nodes]);
}

static void test_profiler__every_codec_is_measured_at_every_cut(void **state)
{
    bench *b = *state;
    clv_profile *p = measure(b);

    for (uint32_t r = 0; r < p->n_runs; r++) {
        for (uint32_t k = 0; k < p->n_nodes; k++) {
            static const char *const codecs[] = {"float", "uint8", "zstd", "lz4"};
            for (size_t c = 0; c < sizeof codecs / sizeof codecs[0]; c++) {
                const clv_profile_point *point = clv_profile_find_point(p, k, r, codecs[c], 0);
                assert_non_null(point);
                assert_true(point->encode.min_ns > 0 && point->decode.min_ns > 0);
                assert_int_equal(point->lossless, strcmp(codecs[c], "uint8") != 0);
                assert_true(point->mean_bytes > 0.0 && point->p95_bytes >= point->mean_bytes);
            }
            const clv_profile_point *plain = clv_profile_find_point(p, k, r, "float", 0);
            assert_true(plain->mean_bytes >= (double)p->runs[r].cut_bytes[k]);
            assert_true(plain->mean_bytes <= (double)p->runs[r].cut_bytes[k] + 64.0);
        }
        assert_null(clv_profile_find_point(p, p->n_nodes, r, "float", 0));
    }
    const clv_profile_point *small = clv_profile_find_point(p, 0, CLV_PRECISION_FLOAT, "uint8", 0);
    assert_true(small->mean_bytes < 0.5 * (double)p->runs[0].cut_bytes[0]);
    clv_profile_free(p);
}

static clv_status read_sample(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    float *data = tiny_model_input(&quick, index + 1);
    size_t bytes = 0;

    (void)context;
    (void)err;
    assert_int_equal(clv_tensor_bytes(&bytes, &inputs[0]), CLV_OK);
    memcpy(inputs[0].data, data, bytes);
    clv_free(data);
    return CLV_OK;
}

/* Operating points are measured where the bundle has them; what they ship and spare is its word. */
static void test_profiler__a_ladders_points_are_measured_too(void **state)
{
    bench *b = *state;
    const uint32_t cut = 1;
    clv_ladder_options options = {.samples = {16, NULL, read_sample},
                                  .plain = b->forms.graphs[CLV_PRECISION_FLOAT],
                                  .int8 = b->forms.graphs[CLV_PRECISION_INT8],
                                  .keeps_float = true,
                                  .threads = 1};
    clv_codec_ladders ladders = {0};
    clv_error err = CLV_ERROR_INIT;

    if (clv_codec_ladders_make(&ladders, &options, &cut, 1, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(ladders.count, CLV_PRECISION_COUNT);
    clv_profile *without = measure(b);
    b->forms.model.ladders = ladders.items;
    b->forms.model.n_ladders = ladders.count;
    b->options.max_cuts = 1; /* the ladder's cut is measured all the same */
    clv_profile *p = measure(b);
    for (uint32_t l = 0; l < ladders.count; l++) {
        const clv_cut_ladder *ladder = &ladders.items[l];
        for (uint32_t i = 0; i < ladder->n_rungs; i++) {
            const clv_rung *rung = &ladder->rungs[i];
            const clv_profile_point *point =
                clv_profile_find_point(p, 1, ladder->prefix, "rans", i);
            assert_non_null(point);
            assert_true(point->encode.min_ns > 0 && point->decode.min_ns > 0);
            assert_true(point->mean_bytes == rung->bytes_mean);
            assert_true(point->p95_bytes == rung->bytes_p95);
            assert_true(point->agreement == (isnan(rung->agreement) ? 1.0 : rung->agreement));
            assert_int_equal(point->lossless, rung->points[0]->lossless);
        }
    }
    assert_null(clv_profile_find_point(p, 2, 0, "float", 0));
    /* What a lossy point made of the tensor isn't what the next codec is measured on. */
    const clv_profile_point *zstd = clv_profile_find_point(p, 1, 0, "zstd", 0);
    assert_non_null(zstd);
    assert_true(zstd->mean_bytes == clv_profile_find_point(without, 1, 0, "zstd", 0)->mean_bytes);
    clv_profile_free(without);
    clv_profile_free(p);
    clv_codec_ladders_done(&ladders);
}

static void test_profiler__a_spent_budget_leaves_the_fewest_passes(void **state)
{
    bench *b = *state;
    b->options.n_forms = 1;
    b->options.codec_runs = 0;
    b->options.passes = 100;
    clv_profile_free(measure(b));
    assert_int_equal(b->calls, 100);
    b->calls = 0;
    b->options.budget_us = 0;
    clv_profile_free(measure(b));
    assert_int_equal(b->calls, CLV_PROFILER_MIN_PASSES);
}

static void test_profiler__codecs_keep_to_their_budget(void **state)
{
    bench *b = *state;
    b->options.codec_us = 0;
    b->options.n_forms = 1;
    clv_profile *p = measure(b);
    assert_int_equal(p->n_points, 4); /* of the first cut */
    clv_profile_free(p);
}

static void test_profiler__stops_when_told(void **state)
{
    bench *b = *state;
    size_t total;
    clv_profile *p = measure(b);
    clv_profile_free(p);
    total = b->calls;
    for (size_t allowed = 0; allowed < total; allowed++) {
        clv_error err = CLV_ERROR_INIT;
        clv_profile *untouched = NULL;
        b->calls = 0;
        b->allowed = allowed;
        assert_int_equal(clv_profiler_measure(&untouched, &b->options, &err), CLV_ECLOSED);
        assert_null(untouched);
        assert_true(err.message[0] != '\0');
    }
}

static void test_profiler__refuses_impossible_options(void **state)
{
    bench *b = *state;
    clv_profile *p = NULL;
    clv_profiler_options good = b->options;

    b->options.passes = 0;
    assert_int_equal(clv_profiler_measure(&p, &b->options, NULL), CLV_EINVAL);
    b->options.passes = CLV_PROFILER_MAX_PASSES + 1;
    assert_int_equal(clv_profiler_measure(&p, &b->options, NULL), CLV_EINVAL);
    b->options = good;
    b->options.n_forms = 0;
    assert_int_equal(clv_profiler_measure(&p, &b->options, NULL), CLV_EINVAL);
    b->options = good;
    clv_profiler_picture picture = {(const uint8_t *)"no image", 8};
    b->options.pictures = &picture; /* a network that takes none */
    b->options.n_pictures = 1;
    assert_int_equal(clv_profiler_measure(&p, &b->options, NULL), CLV_EINVAL);
    assert_null(p);
}

/* Only a prefix is compiled on devices of little memory. */
static void test_profiler__a_prefix_is_measured_alone(void **state)
{
    bench *b = *state;
    clv_program_options options = {.threads = 1, .from = 0, .to = 2};
    clv_program *program;
    clv_exec *exec;

    assert_int_equal(clv_program_compile(&program, b->forms.graphs[0], &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, program, NULL), CLV_OK);
    b->measured[0] = (clv_profiler_form){CLV_PRECISION_FLOAT, program, exec, 2, NULL};
    b->options.n_forms = 1;
    clv_profile *p = measure(b);
    assert_true(p->runs[0].nodes[0].min_ns > 0);
    for (uint32_t i = 2; i < p->n_nodes; i++)
        assert_int_equal(p->runs[0].nodes[i].min_ns, 0);
    assert_non_null(clv_profile_find_point(p, 2, 0, "float", 0));
    assert_null(clv_profile_find_point(p, 3, 0, "float", 0));
    clv_profile_free(p);
    clv_exec_free(exec);
    clv_program_free(program);
}

static void test_profiler__filling_gives_points_to_all_cuts(void **state)
{
    bench *b = *state;
    clv_profile *filled;
    b->options.max_cuts = 2;
    clv_profile *p = measure(b);

    assert_int_equal(p->n_points, 2 * 4 * CLV_PRECISION_COUNT);
    assert_int_equal(clv_profile_fill(&filled, p), CLV_OK);
    assert_int_equal(clv_profile_check(filled, NULL), CLV_OK);
    assert_int_equal(filled->n_points, p->n_nodes * 4 * CLV_PRECISION_COUNT);
    for (uint32_t i = 0; i < p->n_points; i++) { /* what was measured stays */
        const clv_profile_point *was = &p->points[i];
        const clv_profile_point *is =
            clv_profile_find_point(filled, was->cut, was->precision, was->codec, 0);
        assert_memory_equal(is, was, sizeof *is);
    }
    uint32_t measured = p->points[p->n_points - 1].cut, next = measured + 1;
    const clv_profile_run *run = &p->runs[0];
    double factor = (double)run->cut_bytes[next] / (double)run->cut_bytes[measured];
    double wanted = factor * clv_profile_find_point(p, measured, 0, "zstd", 0)->mean_bytes;
    double got = clv_profile_find_point(filled, next, 0, "zstd", 0)->mean_bytes;
    assert_true(got > wanted - 1e-6 && got < wanted + 1e-6);
    assert_memory_equal(filled->runs[1].nodes, p->runs[1].nodes,
                        p->n_nodes * sizeof *p->runs[1].nodes);
    clv_profile_free(filled);
    clv_profile_free(p);
}

static void test_profiler__describing_needs_the_right_model(void **state)
{
    bench *b = *state;
    clv_profile *p, *bare;
    uint32_t index;
    p = measure(b);

    assert_int_equal(clv_profile_create(&bare, p->n_nodes), CLV_OK);
    assert_int_equal(clv_profile_add_run(&index, bare, CLV_PRECISION_INT8, 1), CLV_OK);
    assert_int_equal(clv_profile_describe(bare, &b->forms.model), CLV_OK);
    assert_memory_equal(bare->runs[0].cut_bytes, p->runs[1].cut_bytes,
                        (p->n_nodes + 1) * sizeof(uint64_t));
    assert_string_equal(bare->nodes[1].name, p->nodes[1].name);
    clv_model without = b->forms.model;
    without.int8 = NULL;
    assert_int_equal(clv_profile_describe(bare, &without), CLV_EFORMAT);
    bare->runs[0].precision = 99;
    assert_int_equal(clv_profile_describe(bare, &b->forms.model), CLV_EFORMAT);
    clv_profile_free(bare);
    assert_int_equal(clv_profile_create(&bare, p->n_nodes + 1), CLV_OK);
    assert_int_equal(clv_profile_describe(bare, &b->forms.model), CLV_EFORMAT);
    clv_profile_free(bare);
    clv_profile_free(p);
}

static void test_profiler__the_processor_has_a_name(void **state)
{
    char name[CLV_PROFILE_NAME_BYTES], cut[4];
    (void)state;
    assert_true(strlen(clv_processor_name(name, sizeof name)) > 2);
    for (const char *c = name; *c != '\0'; c++)
        assert_in_range(*c, ' ', '~');
    assert_int_equal(strlen(clv_processor_name(cut, sizeof cut)), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_profiler__frames_may_run_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_profiler__every_node_has_a_time_in_every_form, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_profiler__a_cut_has_the_bytes_of_its_frontier, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_profiler__memory_grows_with_the_prefix_to_that_of_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_profiler__every_codec_is_measured_at_every_cut, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_profiler__a_ladders_points_are_measured_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_profiler__a_spent_budget_leaves_the_fewest_passes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_profiler__codecs_keep_to_their_budget, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_profiler__stops_when_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_profiler__refuses_impossible_options, setup, teardown),
        cmocka_unit_test_setup_teardown(test_profiler__a_prefix_is_measured_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_profiler__filling_gives_points_to_all_cuts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_profiler__describing_needs_the_right_model, setup,
                                        teardown),
        cmocka_unit_test(test_profiler__the_processor_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
