/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "runtime/bundle.h"
#include "runtime/bundle_format.h"
#include "support/graph_builder.h"

static const char *const labels[] = {"cat", "dog"};
static char path[] = "/tmp/cleave-test-bundle.XXXXXX";

/* image -> Conv+Relu -> mean -> two classes; a smaller one for the student. */
static clv_graph *network(int64_t channels)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    (void)gb_constant(g, "w", (gb_dims){{channels, 3, 3, 3}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "c");
    gb_attr_ints(g, "strides", (int64_t[]){2, 2}, 2);
    (void)gb_node(g, CLV_OP_RELU, "c", "r");
    (void)gb_node(g, CLV_OP_GLOBAL_AVERAGE_POOL, "r", "p");
    (void)gb_node(g, CLV_OP_FLATTEN, "p", "f");
    (void)gb_constant(g, "m", (gb_dims){{channels, 2}});
    (void)gb_node(g, CLV_OP_GEMM, "f m", "y");
    gb_output(g, "y");
    gb_prepare(g);
    return g;
}

static clv_model model_of(clv_graph *graph)
{
    clv_model model = {.graph = graph, .has_input_spec = true, .labels = labels, .n_labels = 2};
    assert_int_equal(clv_input_spec_preset(&model.input, "tf"), CLV_OK);
    assert_int_equal(
        clv_input_spec_fit_shape(&model.input, &graph->values[graph->inputs[0]].tensor, NULL),
        CLV_OK);
    return model;
}

static clv_digest write_bundle(void)
{
    clv_graph *big = network(8), *small = network(2);
    clv_model main = model_of(big), student = model_of(small);
    clv_digest id;
    assert_int_equal(clv_bundle_write(path, &main, &student, &id, NULL), CLV_OK);
    clv_graph_free(big);
    clv_graph_free(small);
    return id;
}

/* The bytes of the bundle, to be damaged; free with clv_free(). */
static uint8_t *read_bundle(size_t *n_out)
{
    clv_mapping file;
    assert_int_equal(clv_mapping_open(&file, path, 1 << 20, NULL), CLV_OK);
    uint8_t *copy = clv_alloc_aligned(file.size);
    memcpy(copy, file.data, file.size);
    *n_out = file.size;
    clv_mapping_done(&file);
    return copy;
}

static void test_bundle__comes_back_as_it_was_written(void **state)
{
    (void)state;
    clv_digest id = write_bundle();
    clv_bundle *b;
    assert_int_equal(clv_bundle_open(&b, path, NULL), CLV_OK);
    assert_int_equal(clv_bundle_verify(b, NULL), CLV_OK);
    assert_memory_equal(clv_bundle_id(b), &id, sizeof id);
    const clv_model *main = clv_bundle_main(b);
    assert_string_equal(gb_describe(main->graph), "Conv+Relu GlobalAveragePool Flatten Gemm");
    assert_string_equal(main->labels[1], "dog");
    assert_int_equal(main->input.width, 8);
    assert_true(main->has_input_spec);
    assert_non_null(clv_bundle_student(b));

    clv_graph *original = network(8);
    float input[192];
    size_t n, m;
    for (int i = 0; i < 192; i++)
        input[i] = (float)i / 96.0f - 1.0f;
    float *a = gb_run(original, "ref", input, &n), *c = gb_run(main->graph, "ref", input, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, c, n * sizeof *a);
    clv_free(a);
    clv_free(c);
    clv_graph_free(original);
    clv_bundle_free(b);
}

static void test_bundle__is_the_same_bytes_each_time(void **state)
{
    (void)state;
    clv_digest first = write_bundle(), second = write_bundle();
    assert_memory_equal(&first, &second, sizeof first);
}

static void test_bundle__each_cut_off_length_is_refused(void **state)
{
    (void)state;
    size_t size;
    (void)write_bundle();
    uint8_t *data = read_bundle(&size);
    for (size_t n = 0; n < size; n += n < 1200 ? 1 : 97) {
        clv_bundle *b = NULL;
        clv_error err = CLV_ERROR_INIT;
        assert_int_not_equal(clv_bundle_open_memory(&b, data, n, &err), CLV_OK);
        assert_true(err.message[0] != '\0' && err.location[0] != '\0');
    }
    clv_free(data);
}

/* A flipped bit is found by the checks of opening or, wherever it is, by the digest. */
static void test_bundle__each_flipped_byte_is_found(void **state)
{
    (void)state;
    size_t size, opened = 0;
    (void)write_bundle();
    uint8_t *data = read_bundle(&size);
    for (size_t i = 0; i < size; i += i < 1200 ? 1 : 31) {
        clv_bundle *b = NULL;
        data[i] ^= 0x41;
        if (clv_bundle_open_memory(&b, data, size, NULL) == CLV_OK) {
            opened++;
            assert_int_equal(clv_bundle_verify(b, NULL), CLV_EFORMAT);
            clv_bundle_free(b);
        }
        data[i] ^= 0x41;
    }
    assert_true(opened > 0); /* weights, for example */
    clv_free(data);
}

static void test_bundle__a_newer_format_says_so(void **state)
{
    (void)state;
    size_t size;
    clv_bundle *b = NULL;
    clv_error err = CLV_ERROR_INIT;
    (void)write_bundle();
    uint8_t *data = read_bundle(&size);
    data[CLV_BUNDLE_AT_VERSION] = 9;
    assert_int_equal(clv_bundle_open_memory(&b, data, size, &err), CLV_EVERSION);
    assert_non_null(strstr(err.message, "format 9"));
    clv_free(data);
}

static void test_bundle__what_is_none_says_so(void **state)
{
    (void)state;
    clv_bundle *b = NULL;
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_bundle_open(&b, CLV_SOURCE_DIR "/LICENSE", &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "no Cleave bundle"));
    assert_non_null(strstr(err.location, "LICENSE"));
    assert_int_equal(clv_bundle_open(&b, "/nonexistent.clv", &err), CLV_ENOENT);
}

static void test_bundle__survives_every_failed_allocation(void **state)
{
    (void)state;
    bool done = false;
    (void)write_bundle();
    for (uint64_t n = 1; !done; n++) {
        clv_bundle *b = NULL;
        clv_memory_fail_after(n);
        clv_status status = clv_bundle_open(&b, path, NULL);
        clv_memory_fail_after(0);
        done = status == CLV_OK;
        assert_true(done || status == CLV_ENOMEM);
        assert_true(n < 10000);
        clv_bundle_free(b);
    }
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle__comes_back_as_it_was_written),
        cmocka_unit_test(test_bundle__is_the_same_bytes_each_time),
        cmocka_unit_test(test_bundle__each_cut_off_length_is_refused),
        cmocka_unit_test(test_bundle__each_flipped_byte_is_found),
        cmocka_unit_test(test_bundle__a_newer_format_says_so),
        cmocka_unit_test(test_bundle__what_is_none_says_so),
        cmocka_unit_test(test_bundle__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
