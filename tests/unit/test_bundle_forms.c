/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles with a float and an int8 form: what comes back, and manifests that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"
#include "support/bundle_rebuild.h"
#include "support/graph_builder.h"
#include "support/tiny_forms.h"

static char path[] = "/tmp/cleave-test-forms.XXXXXX";
static tiny_forms forms;

/* --- what comes back ------------------------------------------------------------------------ */

static void assert_same_quant(const clv_quant *a, const clv_quant *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (a == NULL)
        return;
    assert_int_equal(a->n_scales, b->n_scales);
    assert_int_equal(a->zero_point, b->zero_point);
    if (a->n_scales == 0) {
        assert_memory_equal(&a->scale, &b->scale, sizeof a->scale);
    } else {
        assert_int_equal(a->axis, b->axis);
        assert_memory_equal(a->scales, b->scales, a->n_scales * sizeof *a->scales);
    }
}

/* @p a was read from what @p b was written to. Values that nothing uses aren't written. */
static void assert_same_graph(const clv_graph *a, const clv_graph *b)
{
    assert_string_equal(a->name, b->name);
    for (uint32_t v = 0; v < a->n_values; v++) {
        const clv_value *x = &a->values[v];
        uint32_t other = clv_graph_find_value(b, x->name);
        assert_int_not_equal(other, CLV_NO_VALUE);
        const clv_value *y = &b->values[other];
        size_t bytes;
        assert_int_equal(x->tensor.dtype, y->tensor.dtype);
        assert_true(clv_shape_equal(&x->tensor.shape, &y->tensor.shape));
        assert_int_equal(clv_value_is_constant(x), clv_value_is_constant(y));
        if (clv_value_is_constant(x) && clv_tensor_bytes(&bytes, &x->tensor) == CLV_OK)
            assert_memory_equal(x->tensor.data, y->tensor.data, bytes);
        assert_same_quant(x->quant, y->quant);
    }
    assert_int_equal(a->n_nodes, b->n_nodes);
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        assert_int_equal(a->nodes[i].op, b->nodes[i].op);
        assert_int_equal(a->nodes[i].quantised, b->nodes[i].quantised);
    }
}

static void test_bundle_forms__both_come_back(void **state)
{
    uint32_t bytes = 0, scales = 0, quantised = 0;
    clv_bundle *b;
    (void)state;

    (void)tiny_forms_write(&forms, path);
    assert_int_equal(clv_bundle_open(&b, path, NULL), CLV_OK);
    assert_int_equal(clv_bundle_verify(b, NULL), CLV_OK);
    const clv_model *model = clv_bundle_main(b);
    assert_ptr_equal(clv_model_graph(model, CLV_PRECISION_FLOAT), model->graph);
    assert_ptr_equal(clv_model_graph(model, CLV_PRECISION_INT8), model->int8);
    assert_ptr_not_equal(model->graph, model->int8);
    assert_same_graph(model->graph, forms.both.plain);
    assert_same_graph(model->int8, forms.both.int8);
    for (uint32_t v = 0; v < model->int8->n_values; v++) { /* else there was little to compare */
        bytes += model->int8->values[v].tensor.dtype == CLV_U8;
        scales +=
            model->int8->values[v].quant != NULL && model->int8->values[v].quant->n_scales > 1;
    }
    for (uint32_t i = 0; i < model->int8->n_nodes; i++)
        quantised += model->int8->nodes[i].quantised;
    assert_true(bytes >= 3 && scales >= 3 && quantised >= 4);
    clv_bundle_free(b);
}

static void test_bundle_forms__one_alone_says_what_is_missing(void **state)
{
    static const struct {
        bool int8;
        clv_precision there, missing;
    } cases[] = {{true, CLV_PRECISION_INT8, CLV_PRECISION_FLOAT},
                 {false, CLV_PRECISION_FLOAT, CLV_PRECISION_INT8}};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        clv_graph *only = cases[i].int8 ? forms.both.int8 : forms.both.plain;
        clv_model alone = {.graph = only, .int8 = cases[i].int8 ? only : NULL};
        clv_precision chosen = CLV_PRECISION_COUNT;
        clv_error err = CLV_ERROR_INIT;
        clv_bundle *b;
        assert_int_equal(clv_bundle_write(path, &alone, NULL, NULL, NULL), CLV_OK);
        assert_int_equal(clv_bundle_open(&b, path, NULL), CLV_OK);
        const clv_model *model = clv_bundle_main(b);
        assert_null(clv_model_graph(model, cases[i].missing));
        assert_same_graph(clv_model_graph(model, cases[i].there), only);
        assert_int_equal(clv_model_choose(&chosen, model, NULL, cases[i].missing, &err), CLV_OK);
        assert_int_equal(chosen, cases[i].there);
        assert_int_equal(clv_model_choose(&chosen, model, clv_precision_name(cases[i].missing),
                                          cases[i].there, &err),
                         CLV_EUNSUPPORTED);
        assert_non_null(strstr(err.message, clv_precision_name(cases[i].missing)));
        clv_bundle_free(b);
    }
}

/* --- manifests that lie --------------------------------------------------------------------- */

/* A value of @p graph that is, or isn't, a constant, and has a quant with, or without, scales. */
static Clv__Pb__Value *find_value(Clv__Pb__Graph *graph, bool constant, bool scales)
{
    for (size_t v = 0; v < graph->n_values; v++) {
        Clv__Pb__Value *value = graph->values[v];
        bool is_constant = value->tensor != NULL && value->tensor->constant;
        if (value->quant != NULL && is_constant == constant &&
            (value->quant->n_scales > 1) == scales && (constant || value->stored != CLV_NONE))
            return value;
    }
    fail_msg("no such value");
    return NULL;
}

static void nothing(Clv__Pb__Model *m)
{
    (void)m;
}

static void swap_inputs_of_add(Clv__Pb__Model *m)
{
    for (size_t i = 0; i < m->int8->n_nodes; i++) {
        Clv__Pb__Node *node = m->int8->nodes[i];
        if (strcmp(node->op, "Add") == 0) {
            uint32_t first = node->inputs[0];
            node->inputs[0] = node->inputs[1];
            node->inputs[1] = first;
        }
    }
}

static void another_operator(Clv__Pb__Model *m)
{
    for (size_t i = 0; i < m->int8->n_nodes; i++) {
        if (strcmp(m->int8->nodes[i]->op, "Add") == 0)
            memcpy(m->int8->nodes[i]->op, "Mul", 4);
    }
}

static void another_size(Clv__Pb__Model *m)
{
    m->int8->values[m->int8->inputs[0]]->tensor->dims[2] *= 2;
}

static void swap_outputs(Clv__Pb__Model *m)
{
    uint32_t first = m->int8->outputs[0];
    m->int8->outputs[0] = m->int8->outputs[1];
    m->int8->outputs[1] = first;
}

static void quantised_node_in_float(Clv__Pb__Model *m)
{
    for (size_t i = 0; i < m->graph->n_nodes; i++)
        m->graph->nodes[i]->quantised = true;
}

static void bytes_in_float(Clv__Pb__Model *m)
{
    for (size_t v = 0; v < m->graph->n_values; v++) {
        m->graph->values[v]->stored = m->int8->values[v]->stored;
        m->graph->nodes[0]->quantised = false;
    }
}

static void quant_of_integers(Clv__Pb__Model *m)
{
    find_value(m->int8, true, true)->tensor->dtype = CLV_I32;
}

static void too_few_scales(Clv__Pb__Model *m)
{
    find_value(m->int8, true, true)->quant->n_scales--;
}

static void axis_that_is_none(Clv__Pb__Model *m)
{
    find_value(m->int8, true, true)->quant->axis = 7;
}

static void scale_of_a_nan(Clv__Pb__Model *m)
{
    find_value(m->int8, true, true)->quant->scales[1] = (float)__builtin_nan("");
}

static void scale_of_0(Clv__Pb__Model *m)
{
    find_value(m->int8, false, false)->quant->scale = 0.0f;
}

static void zero_point_of_256(Clv__Pb__Model *m)
{
    find_value(m->int8, false, false)->quant->zero_point = 256;
}

static void stored_constant(Clv__Pb__Model *m)
{
    find_value(m->int8, true, true)->stored = CLV_U8;
}

static void stored_as_integers(Clv__Pb__Model *m)
{
    find_value(m->int8, false, false)->stored = CLV_I64;
}

static void stored_as_no_type(Clv__Pb__Model *m)
{
    find_value(m->int8, false, false)->stored = 99;
}

static void stored_without_quant(Clv__Pb__Model *m)
{
    Clv__Pb__Value *value = find_value(m->int8, false, false);
    clv__pb__quant__free_unpacked(value->quant, NULL);
    value->quant = NULL;
}

static void no_form(Clv__Pb__Model *m)
{
    clv__pb__graph__free_unpacked(m->graph, NULL);
    clv__pb__graph__free_unpacked(m->int8, NULL);
    m->graph = m->int8 = NULL;
}

static const struct {
    void (*damage)(Clv__Pb__Model *model);
    const char *where, *what; /* NULL: it is good */
} lies[] = {
    {nothing, NULL, NULL},
    {swap_inputs_of_add, "int8", "isn't the float form's network"},
    {another_operator, "int8", "isn't the float form's network"},
    {another_size, "int8", "isn't the float form's network"},
    {swap_outputs, "int8", "isn't the float form's network"},
    {quantised_node_in_float, "", ""},
    {bytes_in_float, "", ""},
    {quant_of_integers, "int8", "int32"},
    {too_few_scales, "int8", "not possible ones"},
    {axis_that_is_none, "int8", "not possible ones"},
    {scale_of_a_nan, "int8", "not possible ones"},
    {scale_of_0, "int8", "not possible ones"},
    {zero_point_of_256, "int8", "zero point is out of range"},
    {stored_constant, "int8", "can't be stored in that type"},
    {stored_as_integers, "int8", "can't be stored in that type"},
    {stored_as_no_type, "int8", "can't be stored in that type"},
    {stored_without_quant, "int8", "can't be stored in that type"},
    {no_form, "manifest", "no graph"},
};

static void test_bundle_forms__lies_are_refused(void **state)
{
    size_t size;
    (void)state;

    (void)tiny_forms_write(&forms, path);
    uint8_t *data = bundle_read_file(&size, path);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        clv_status status = bundle_open_damaged(data, lies[i].damage, &err);
        if (lies[i].where == NULL ? status != CLV_OK
                                  : status == CLV_OK || !strstr(err.location, lies[i].where) ||
                                        !strstr(err.message, lies[i].what))
            fail_msg("lie %zu: %s: %s: %s", i, clv_status_text(status), err.location, err.message);
    }
    clv_free(data);
}

static void say_nothing_of_types(Clv__Pb__Model *m)
{
    for (size_t v = 0; v < m->graph->n_values; v++)
        m->graph->values[v]->stored = CLV_NONE;
}

/* The type of what a node makes is known only when it is inferred. */
static void test_bundle_forms__indices_have_no_scale(void **state)
{
    const clv_quant quant = {.scale = 1.0f};
    clv_error err = CLV_ERROR_INIT;
    clv_graph *g = gb_create();
    size_t size;
    (void)state;

    (void)gb_input(g, "x", (gb_dims){{1, 8}});
    uint32_t best = gb_node(g, CLV_OP_ARG_MAX, "x", "best");
    gb_output(g, "best");
    gb_prepare(g);
    assert_int_equal(clv_graph_set_quant(g, best, &quant), CLV_OK);
    clv_model model = {.graph = g};
    assert_int_equal(clv_bundle_write(path, &model, NULL, NULL, NULL), CLV_OK);
    uint8_t *data = bundle_read_file(&size, path);
    assert_int_equal(bundle_open_damaged(data, say_nothing_of_types, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "int64"));
    clv_free(data);
    clv_graph_free(g);
}

/* --- damaged files -------------------------------------------------------------------------- */

static void test_bundle_forms__each_cut_off_length_is_refused(void **state)
{
    size_t size;
    (void)state;

    (void)tiny_forms_write(&forms, path);
    uint8_t *data = bundle_read_file(&size, path);
    for (size_t n = 0; n < size; n++) {
        clv_bundle *b = NULL;
        clv_error err = CLV_ERROR_INIT;
        assert_int_not_equal(clv_bundle_open_memory(&b, data, n, &err), CLV_OK);
        assert_true(err.message[0] != '\0' && err.location[0] != '\0');
    }
    clv_free(data);
}

/* Whatever still opens has forms that can be compiled or refused, and is told by its digest. */
static void test_bundle_forms__each_flipped_byte_is_found(void **state)
{
    const clv_program_options options = {&clv_backend_ref, 1, 0, 0};
    size_t size, opened = 0;
    (void)state;

    (void)tiny_forms_write(&forms, path);
    uint8_t *data = bundle_read_file(&size, path);
    for (size_t i = 0; i < size; i += i < 6000 ? 1 : 61) {
        clv_bundle *b = NULL;
        data[i] ^= 0x41;
        if (clv_bundle_open_memory(&b, data, size, NULL) == CLV_OK) {
            opened++;
            assert_int_equal(clv_bundle_verify(b, NULL), CLV_EFORMAT);
            for (int p = 0; p < CLV_PRECISION_COUNT; p++) {
                clv_program *program = NULL;
                const clv_graph *graph = clv_model_graph(clv_bundle_main(b), (clv_precision)p);
                if (graph != NULL && clv_program_compile(&program, graph, &options, NULL) == CLV_OK)
                    clv_program_free(program);
            }
            clv_bundle_free(b);
        }
        data[i] ^= 0x41;
    }
    assert_true(opened > 0); /* weights, for example */
    clv_free(data);
}

static void test_bundle_forms__survive_every_failed_allocation(void **state)
{
    bool done = false;
    (void)state;

    (void)tiny_forms_write(&forms, path);
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
    static const tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    (void)state;
    int fd = mkstemp(path);
    tiny_forms_init(&forms, &options, &clv_backend_ref);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    tiny_forms_done(&forms);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_forms__both_come_back),
        cmocka_unit_test(test_bundle_forms__one_alone_says_what_is_missing),
        cmocka_unit_test(test_bundle_forms__lies_are_refused),
        cmocka_unit_test(test_bundle_forms__indices_have_no_scale),
        cmocka_unit_test(test_bundle_forms__each_cut_off_length_is_refused),
        cmocka_unit_test(test_bundle_forms__each_flipped_byte_is_found),
        cmocka_unit_test(test_bundle_forms__survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
