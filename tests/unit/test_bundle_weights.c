/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles whose weights are packed, hostile ones, and programs of a part of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <bundle.pb-c.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "compress/post_training.h"
#include "runtime/bundle.h"
#include "runtime/bundle_format.h"
#include "runtime/program.h"
#include "runtime/verify.h"
#include "support/graph_builder.h"

static char path[] = "/tmp/cleave-test-weights.XXXXXX";

/* Weights of each kind; constants in another order than the nodes that read them. */
static clv_graph *network(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    (void)gb_constant(g, "last", (gb_dims){{64, 512}});
    (void)gb_constant(g, "up", (gb_dims){{64, 64, 2, 2}});
    (void)gb_constant(g, "deep", (gb_dims){{64, 64, 3, 3}});
    (void)gb_constant(g, "bias", (gb_dims){{64}});
    (void)gb_constant(g, "first", (gb_dims){{64, 3, 3, 3}});
    (void)gb_node(g, CLV_OP_CONV, "x first bias", "a");
    (void)gb_node(g, CLV_OP_CONV, "a deep", "b");
    (void)gb_node(g, CLV_OP_CONV_TRANSPOSE, "b up", "c");
    (void)gb_node(g, CLV_OP_GLOBAL_AVERAGE_POOL, "c", "p");
    (void)gb_node(g, CLV_OP_FLATTEN, "p", "f");
    (void)gb_node(g, CLV_OP_GEMM, "f last", "y");
    gb_output(g, "y");
    gb_prepare(g);
    return g;
}

/* What comes back from @p form, in place. */
static void round_weights(clv_graph *g, clv_weight_form form)
{
    clv_weight_packing packings[32];
    assert_true(g->n_values <= 32);
    assert_int_equal(clv_weight_choose(packings, g, form), CLV_OK);
    for (uint32_t v = 0; v < g->n_values; v++) {
        size_t n, bytes;
        if (packings[v].form == CLV_WEIGHT_FLOAT32)
            continue;
        assert_int_equal(clv_shape_elems(&n, &g->values[v].tensor.shape), CLV_OK);
        assert_int_equal(clv_weight_bytes(&bytes, &packings[v], n), CLV_OK);
        uint8_t *packed = clv_calloc(bytes, 1);
        assert_int_equal(clv_weight_pack(packed, &packings[v], g->values[v].tensor.data, n),
                         CLV_OK);
        clv_weight_unpack(g->values[v].tensor.data, &packings[v], packed, n);
        clv_free(packed);
    }
}

static clv_digest write_form(clv_graph *g, clv_weight_form form)
{
    clv_model model = {.graph = g, .weights = {form, form}};
    clv_digest id;
    assert_int_equal(clv_bundle_write(path, &model, NULL, &id, NULL), CLV_OK);
    return id;
}

static clv_bundle *open_form(clv_weight_form form)
{
    clv_bundle *b;
    clv_graph *g = network();
    (void)write_form(g, form);
    clv_graph_free(g);
    assert_int_equal(clv_bundle_open(&b, path, NULL), CLV_OK);
    return b;
}

static void test_bundle_weights__each_form_runs_as_it_was_rounded(void **state)
{
    (void)state;
    float input[192];
    size_t n, m, before = SIZE_MAX;
    for (int i = 0; i < 192; i++)
        input[i] = (float)(i % 17) / 8.0f - 1.0f;
    for (unsigned form = 0; form < CLV_WEIGHT_FORM_COUNT; form++) {
        clv_bundle *b = open_form((clv_weight_form)form);
        clv_graph *g = network(), *packed = clv_bundle_main(b)->graph;
        round_weights(g, (clv_weight_form)form);
        assert_true(clv_bundle_bytes(b) < before);
        before = clv_bundle_bytes(b);
        for (int i = 0; i < 2; i++) {
            const char *backend = i == 0 ? "ref" : "auto";
            float *a = gb_run(g, backend, input, &n), *c = gb_run(packed, backend, input, &m);
            assert_int_equal(n, m);
            assert_memory_equal(a, c, n * sizeof *a);
            clv_free(a);
            clv_free(c);
        }
        clv_graph_free(g);
        clv_bundle_free(b);
    }
}

static void test_bundle_weights__a_cut_never_changes_the_answer(void **state)
{
    (void)state;
    for (unsigned form = 0; form < CLV_WEIGHT_FORM_COUNT; form++) {
        clv_bundle *b = open_form((clv_weight_form)form);
        clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
        clv_verify_result result;
        clv_program *p;
        assert_int_equal(clv_program_compile(&p, clv_bundle_main(b)->graph, &options, NULL),
                         CLV_OK);
        assert_int_equal(clv_verify_cuts(&result, p, 5, NULL), CLV_OK);
        assert_int_equal(result.mismatches, 0);
        clv_program_free(p);
        clv_bundle_free(b);
    }
}

static void test_bundle_weights__a_bundle_of_a_packed_bundle_is_the_same(void **state)
{
    (void)state;
    clv_graph *g = network();
    clv_digest first = write_form(g, CLV_WEIGHT_INT4), second;
    clv_bundle *b;
    clv_graph_free(g);
    assert_int_equal(clv_bundle_open(&b, path, NULL), CLV_OK);
    assert_int_equal(clv_bundle_write(path, clv_bundle_main(b), NULL, &second, NULL), CLV_OK);
    assert_memory_equal(&first, &second, sizeof first);
    clv_bundle_free(b);
}

static void test_bundle_weights__lie_in_the_order_of_their_nodes(void **state)
{
    (void)state;
    clv_bundle *b = open_form(CLV_WEIGHT_FLOAT32);
    const clv_graph *g = clv_bundle_main(b)->graph;
    const uint8_t *before = NULL;
    size_t seen = 0;
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        for (uint32_t i = 0; i < g->nodes[k].n_inputs; i++) {
            const clv_tensor *t = clv_node_input(g, &g->nodes[k], i);
            if (t == NULL || t->data == NULL)
                continue;
            assert_true((const uint8_t *)t->data > before);
            before = t->data;
            seen++;
        }
    }
    assert_int_equal(seen, 5);
    clv_bundle_free(b);
}

static void test_bundle_weights__survive_every_failed_allocation(void **state)
{
    (void)state;
    bool opened = false, written = false;
    clv_graph *g = network();
    for (uint64_t n = 1; !written; n++) {
        clv_model model = {.graph = g, .weights = {CLV_WEIGHT_INT4}};
        clv_memory_fail_after(n);
        clv_status status = clv_bundle_write(path, &model, NULL, NULL, NULL);
        clv_memory_fail_after(0);
        written = status == CLV_OK;
        assert_true(written || status == CLV_ENOMEM);
    }
    clv_graph_free(g);
    for (uint64_t n = 1; !opened; n++) {
        clv_bundle *b = NULL;
        clv_memory_fail_after(n);
        clv_status status = clv_bundle_open(&b, path, NULL);
        clv_memory_fail_after(0);
        opened = status == CLV_OK;
        assert_true(opened || status == CLV_ENOMEM);
        clv_bundle_free(b);
    }
}

/* The numbers aren't there to be looked at. */
static void test_bundle_weights__packed_ones_are_not_quantised(void **state)
{
    (void)state;
    clv_bundle *b = open_form(CLV_WEIGHT_INT8);
    clv_quantise_options options = {0};
    clv_quantise_report report;
    clv_quantised both;
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_quantise(&both, clv_bundle_main(b)->graph, &options, &report, &err),
                     CLV_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "packed"));
    clv_bundle_free(b);
}

/* --- hostile ones ------------------------------------------------------------------------- */

static Clv__Pb__Tensor *tensor_of(const Clv__Pb__Manifest *m, const char *name)
{
    const Clv__Pb__Graph *g = m->main->graph;
    for (size_t i = 0; i < g->n_values; i++) {
        if (strcmp(g->values[i]->name, name) == 0)
            return g->values[i]->tensor;
    }
    fail_msg("no value %s", name);
    return NULL;
}

/* The bundle of @p form with a manifest that @p damage has been at. */
static clv_status open_damaged(clv_weight_form form, void (*damage)(Clv__Pb__Manifest *),
                               clv_error *err)
{
    clv_graph *g = network();
    clv_mapping file;
    clv_bundle *b = NULL;
    (void)write_form(g, form);
    clv_graph_free(g);
    assert_int_equal(clv_mapping_open(&file, path, 1 << 24, NULL), CLV_OK);
    size_t bytes = clv_read_u64(file.data + CLV_BUNDLE_AT_MANIFEST_BYTES);
    size_t weights_at = clv_read_u64(file.data + CLV_BUNDLE_AT_WEIGHTS_OFFSET);
    Clv__Pb__Manifest *m =
        clv__pb__manifest__unpack(NULL, bytes, file.data + CLV_BUNDLE_HEADER_BYTES);
    assert_non_null(m);
    damage(m);
    bytes = clv__pb__manifest__get_packed_size(m);
    assert_true(CLV_BUNDLE_HEADER_BYTES + bytes <= weights_at);
    uint8_t *copy = clv_alloc_aligned(file.size);
    memcpy(copy, file.data, file.size);
    memset(copy + CLV_BUNDLE_HEADER_BYTES, 0, weights_at - CLV_BUNDLE_HEADER_BYTES);
    (void)clv__pb__manifest__pack(m, copy + CLV_BUNDLE_HEADER_BYTES);
    clv_write_u64(copy + CLV_BUNDLE_AT_MANIFEST_BYTES, bytes);
    clv__pb__manifest__free_unpacked(m, NULL);
    clv_status status = clv_bundle_open_memory(&b, copy, file.size, err);
    clv_bundle_free(b);
    clv_free(copy);
    clv_mapping_done(&file);
    return status;
}

static void nothing(Clv__Pb__Manifest *m)
{
    (void)m;
}
static void unknown_form(Clv__Pb__Manifest *m)
{
    tensor_of(m, "deep")->form = 99;
}
static void no_scales(Clv__Pb__Manifest *m)
{
    tensor_of(m, "deep")->scales = 0;
}
static void many_scales(Clv__Pb__Manifest *m)
{
    tensor_of(m, "deep")->scales = UINT32_MAX;
}
static void no_run(Clv__Pb__Manifest *m)
{
    tensor_of(m, "deep")->scale_run = 0;
}
static void long_run(Clv__Pb__Manifest *m)
{
    tensor_of(m, "deep")->scale_run = UINT64_MAX;
}
static void scales_of_plain(Clv__Pb__Manifest *m)
{
    tensor_of(m, "bias")->scales = 1;
}
static void packed_integers(Clv__Pb__Manifest *m)
{
    tensor_of(m, "deep")->dtype = CLV_I64;
}
static void packed_input(Clv__Pb__Manifest *m)
{
    tensor_of(m, "x")->form = CLV_WEIGHT_FLOAT16;
}
static void behind_the_end(Clv__Pb__Manifest *m)
{
    tensor_of(m, "last")->offset += 64;
}
static void crooked(Clv__Pb__Manifest *m)
{
    tensor_of(m, "deep")->offset += 4;
}
static void packed_bias(Clv__Pb__Manifest *m)
{
    tensor_of(m, "bias")->form = CLV_WEIGHT_FLOAT16;
}
/* All four would be read from the same bytes. */
static void overlapping(Clv__Pb__Manifest *m)
{
    Clv__Pb__Tensor *t = tensor_of(m, "deep");
    t->offset = 0;
    t->form = CLV_WEIGHT_FLOAT16;
    t->scales = 0;
    t->scale_run = 0;
}

static void test_bundle_weights__what_the_file_says_is_checked(void **state)
{
    (void)state;
    static const struct {
        void (*damage)(Clv__Pb__Manifest *);
        const char *words;
    } cases[] = {{unknown_form, "unknown to this version"},
                 {no_scales, "no such packing"},
                 {many_scales, "no such packing"},
                 {no_run, "no such packing"},
                 {long_run, "no such packing"},
                 {scales_of_plain, "it can't be packed"},
                 {packed_integers, "only float32 constants"},
                 {packed_input, "only float32 constants"},
                 {behind_the_end, "outside of their section"},
                 {crooked, "not a multiple of 64"},
                 {packed_bias, "something else than weights"}};
    assert_int_equal(open_damaged(CLV_WEIGHT_INT8, nothing, NULL), CLV_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        assert_int_equal(open_damaged(CLV_WEIGHT_INT8, cases[i].damage, &err), CLV_EFORMAT);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_non_null(strstr(err.location, "manifest, value"));
    }
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(open_damaged(CLV_WEIGHT_INT8, overlapping, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "overlap"));
}

/* --- programs of a part ------------------------------------------------------------------- */

static clv_program *compile_part(const clv_graph *g, uint32_t from, uint32_t to)
{
    clv_program_options options = {.threads = 1, .from = from, .to = to};
    clv_program *p;
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_OK);
    return p;
}

static clv_tensor value_memory(const clv_graph *g, uint32_t value)
{
    clv_tensor tensor = g->values[value].tensor;
    size_t bytes;
    assert_int_equal(clv_tensor_bytes(&bytes, &tensor), CLV_OK);
    tensor.data = clv_alloc_aligned(bytes);
    return tensor;
}

/* The answer of a prefix and a suffix that know nothing of each other's nodes. */
static void run_split(float *out, const clv_graph *g, uint32_t cut, const float *input)
{
    clv_program *prefix = compile_part(g, cut > 0 ? 0 : g->n_nodes, cut > 0 ? cut : g->n_nodes);
    clv_program *suffix = compile_part(g, cut, g->n_nodes);
    clv_exec *a, *b;
    clv_tensor x = g->values[g->inputs[0]].tensor, y = g->values[g->outputs[0]].tensor;
    x.data = (void *)(uintptr_t)input;
    y.data = out;
    assert_int_equal(clv_exec_create(&a, prefix, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&b, suffix, NULL), CLV_OK);
    clv_exec_poison(b);
    clv_exec_load(cut > 0 ? a : b, g->inputs[0], &x);
    if (cut > 0)
        assert_int_equal(clv_exec_run(a, 0, cut), CLV_OK);
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(prefix), cut);
    for (uint32_t i = 0; i < frontier.count && cut > 0; i++) {
        clv_tensor t = value_memory(g, frontier.values[i]);
        clv_exec_store(a, frontier.values[i], &t);
        clv_exec_load(b, frontier.values[i], &t);
        clv_free(t.data);
    }
    assert_int_equal(clv_exec_run(b, cut, g->n_nodes), CLV_OK);
    clv_exec_store(b, g->outputs[0], &y);
    clv_exec_free(a);
    clv_exec_free(b);
    clv_program_free(prefix);
    clv_program_free(suffix);
}

static void test_bundle_weights__two_parts_give_the_bits_of_the_whole(void **state)
{
    (void)state;
    clv_bundle *b = open_form(CLV_WEIGHT_INT8);
    const clv_graph *g = clv_bundle_main(b)->graph;
    float input[192], parts[512];
    size_t n;
    for (int i = 0; i < 192; i++)
        input[i] = (float)(i % 17) / 8.0f - 1.0f;
    float *whole = gb_run(g, "auto", input, &n);
    assert_int_equal(n, 512);
    for (uint32_t cut = 0; cut < g->n_nodes; cut++) {
        run_split(parts, g, cut, input);
        assert_memory_equal(parts, whole, sizeof parts);
    }
    clv_free(whole);
    clv_bundle_free(b);
}

static void test_bundle_weights__a_part_runs_its_own_nodes_alone(void **state)
{
    (void)state;
    clv_bundle *b = open_form(CLV_WEIGHT_FLOAT32);
    const clv_graph *g = clv_bundle_main(b)->graph;
    clv_program *p = compile_part(g, 1, 3);
    clv_exec *exec;
    assert_string_equal(clv_program_step_backend(p, 0), "none");
    assert_string_not_equal(clv_program_step_backend(p, 1), "none");
    assert_int_equal(clv_exec_create(&exec, p, NULL), CLV_OK);
    assert_int_equal(clv_exec_run(exec, 0, 3), CLV_EINVAL);
    assert_int_equal(clv_exec_run(exec, 1, 4), CLV_EINVAL);
    assert_int_equal(clv_exec_run(exec, 2, 1), CLV_EINVAL);
    assert_int_equal(clv_exec_run(exec, 2, 2), CLV_OK);
    clv_exec_free(exec);
    clv_program_free(p);
    clv_program_options options = {.from = 2, .to = 1};
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_EINVAL);
    options = (clv_program_options){.to = g->n_nodes + 1};
    assert_int_equal(clv_program_compile(&p, g, &options, NULL), CLV_EINVAL);
    clv_bundle_free(b);
}

/* Where the weights of node @p k and of those behind it begin; pages are whole. */
static size_t weights_behind(const uint8_t *data, clv_weight_form form, uint32_t k)
{
    clv_bundle *b = open_form(form);
    const clv_graph *g = clv_bundle_main(b)->graph;
    size_t bytes = clv_read_u64(data + CLV_BUNDLE_AT_MANIFEST_BYTES), at = 0;
    Clv__Pb__Manifest *m = clv__pb__manifest__unpack(NULL, bytes, data + CLV_BUNDLE_HEADER_BYTES);
    assert_non_null(m);
    at = clv_read_u64(data + CLV_BUNDLE_AT_WEIGHTS_OFFSET) +
         tensor_of(m, g->values[g->nodes[k].inputs[1]].name)->offset;
    clv__pb__manifest__free_unpacked(m, NULL);
    clv_bundle_free(b);
    return at;
}

/* Nothing may touch the pages of later nodes' weights: they can't be read at all. */
static void check_prefix_reads_a_prefix(clv_weight_form form)
{
    clv_graph *g = network();
    clv_mapping file;
    clv_bundle *b;
    clv_exec *exec;
    (void)write_form(g, form);
    clv_graph_free(g);
    assert_int_equal(clv_mapping_open(&file, path, 1 << 24, NULL), CLV_OK);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t at = weights_behind(file.data, form, 1); /* "deep" */
    at = (at + page - 1) / page * page;
    assert_true(at + 2 * page < file.size);
    uint8_t *copy =
        mmap(NULL, file.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(copy != MAP_FAILED);
    memcpy(copy, file.data, file.size);
    assert_int_equal(mprotect(copy + at, file.size - at, PROT_NONE), 0);
    assert_int_equal(clv_bundle_open_memory(&b, copy, file.size, NULL), CLV_OK);
    clv_program *p = compile_part(clv_bundle_main(b)->graph, 0, 1);
    assert_int_equal(clv_exec_create(&exec, p, NULL), CLV_OK);
    assert_int_equal(clv_exec_run(exec, 0, 1), CLV_OK);
    clv_exec_free(exec);
    clv_program_free(p);
    clv_bundle_free(b);
    assert_int_equal(munmap(copy, file.size), 0);
    clv_mapping_done(&file);
}

static void test_bundle_weights__a_prefix_reads_no_weights_behind_it(void **state)
{
    (void)state;
    for (unsigned form = 0; form < CLV_WEIGHT_FORM_COUNT; form++)
        check_prefix_reads_a_prefix((clv_weight_form)form);
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
        cmocka_unit_test(test_bundle_weights__each_form_runs_as_it_was_rounded),
        cmocka_unit_test(test_bundle_weights__a_cut_never_changes_the_answer),
        cmocka_unit_test(test_bundle_weights__a_bundle_of_a_packed_bundle_is_the_same),
        cmocka_unit_test(test_bundle_weights__lie_in_the_order_of_their_nodes),
        cmocka_unit_test(test_bundle_weights__survive_every_failed_allocation),
        cmocka_unit_test(test_bundle_weights__packed_ones_are_not_quantised),
        cmocka_unit_test(test_bundle_weights__what_the_file_says_is_checked),
        cmocka_unit_test(test_bundle_weights__two_parts_give_the_bits_of_the_whole),
        cmocka_unit_test(test_bundle_weights__a_part_runs_its_own_nodes_alone),
        cmocka_unit_test(test_bundle_weights__a_prefix_reads_no_weights_behind_it),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
