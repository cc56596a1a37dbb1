/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles with operating points: what comes back, manifests that lie, and picking a rung. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "support/bundle_rebuild.h"
#include "support/tiny_ladders.h"

static char path[] = "/tmp/cleave-test-ladders.XXXXXX";
static tiny_forms forms;
static tiny_ladders made;

/* --- what comes back ------------------------------------------------------------------------ */

static void assert_same_number(double a, double b)
{
    assert_true(isnan(a) ? isnan(b) : !(a < b) && !(a > b));
}

static void assert_same_point(const clv_point *a, const clv_point *b)
{
    clv_buffer x, y;

    assert_int_equal(a != NULL, b != NULL);
    if (a == NULL)
        return;
    clv_buffer_init(&x, CLV_POINT_MAX_BYTES);
    clv_buffer_init(&y, CLV_POINT_MAX_BYTES);
    assert_int_equal(clv_point_write(&x, a), CLV_OK);
    assert_int_equal(clv_point_write(&y, b), CLV_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    clv_buffer_done(&x);
    clv_buffer_done(&y);
}

static void assert_same_ladder(const clv_cut_ladder *a, const clv_cut_ladder *b)
{
    assert_int_equal(a->n_tensors, b->n_tensors);
    assert_int_equal(a->n_rungs, b->n_rungs);
    assert_int_equal(a->scratch_bytes, b->scratch_bytes);
    for (uint32_t r = 0; r < a->n_rungs; r++) {
        const clv_rung *x = &a->rungs[r], *y = &b->rungs[r];
        assert_same_number(x->bytes_mean, y->bytes_mean);
        assert_same_number(x->bytes_p95, y->bytes_p95);
        assert_same_number(x->agreement, y->agreement);
        assert_same_number(x->snr_db, y->snr_db);
        assert_same_number(x->box_error, y->box_error);
        assert_same_number(x->score_error, y->score_error);
        assert_ptr_equal(x->points, a->rungs[0].points + (size_t)r * a->n_tensors);
        for (uint32_t i = 0; i < a->n_tensors; i++)
            assert_same_point(x->points[i], y->points[i]);
    }
}

static void test_bundle_ladders__come_back(void **state)
{
    uint32_t none = 0;
    clv_bundle *b;
    (void)state;

    (void)tiny_forms_write(&forms, path);
    assert_int_equal(clv_bundle_open(&b, path, NULL), CLV_OK);
    assert_int_equal(clv_bundle_verify(b, NULL), CLV_OK);
    const clv_model *model = clv_bundle_main(b);
    assert_int_equal(model->n_ladders, made.n_ladders);
    assert_true(made.n_ladders > 4 && made.n_points > 20);
    for (uint32_t i = 0; i < made.n_ladders; i++) {
        const clv_cut_ladder *l = &made.ladders[i];
        const clv_cut_ladder *found =
            clv_cut_ladder_find(model->ladders, model->n_ladders, l->cut, l->prefix);
        assert_non_null(found);
        assert_same_ladder(found, l);
        none += found->rungs[1].points[0] == NULL;
    }
    assert_true(none > 0); /* frontiers of several tensors */
    assert_null(clv_cut_ladder_find(model->ladders, model->n_ladders, forms.original->n_nodes,
                                    CLV_PRECISION_FLOAT));
    clv_bundle_free(b);
}

/* A float tensor comes near to itself, one of bytes in its lossless rung is itself. */
static void test_bundle_ladders__code_their_frontiers(void **state)
{
    size_t saved[2] = {0};
    clv_bundle *b;
    (void)state;

    (void)tiny_forms_write(&forms, path);
    assert_int_equal(clv_bundle_open(&b, path, NULL), CLV_OK);
    const clv_model *model = clv_bundle_main(b);
    for (uint32_t i = 0; i < model->n_ladders; i++) {
        const clv_cut_ladder *l = &model->ladders[i];
        tiny_split_result r = {0};
        size_t bytes[2], bound, lossless;
        tiny_forms_run(&r, &forms, &(tiny_split){l->prefix, CLV_PRECISION_FLOAT, l->cut}, 7);
        const clv_tensor_set *set = &r.frontier;
        uint8_t *before = tiny_forms_encode(set, &lossless);
        void *scratch = clv_alloc_aligned(l->scratch_bytes);
        assert_int_equal(clv_activation_bound(&bound, set->tensors, set->planned, set->count),
                         CLV_OK);
        uint8_t *payload = clv_calloc(bound, 1);
        for (uint32_t use = l->n_rungs; use-- > 0;) {
            clv_codec_tables tables = clv_cut_ladder_tables(l, use, scratch);
            assert_int_equal(clv_activation_encode_by(&bytes[use != 0], CLV_CODEC_RANS, &tables,
                                                      set->tensors, set->planned, set->count,
                                                      payload, bound),
                             CLV_OK);
        }
        clv_codec_tables tables = clv_cut_ladder_tables(l, 2, scratch); /* any decodes all */
        assert_true(bytes[0] <= lossless && bytes[1] <= lossless);
        saved[0] += lossless - bytes[0];
        saved[1] += lossless - bytes[1];
        assert_int_equal(clv_activation_decode_by(set->tensors, set->planned, set->count, &tables,
                                                  payload, bytes[0], NULL),
                         CLV_OK);
        uint8_t *after = tiny_forms_encode(set, &bytes[0]);
        assert_int_equal(bytes[0], lossless);
        if (set->tensors[set->count - 1].dtype == CLV_U8)
            assert_memory_equal(after, before, lossless);
        clv_free(before);
        clv_free(after);
        clv_free(payload);
        clv_free(scratch);
        tiny_split_result_done(&r);
    }
    assert_true(saved[0] > 1000 && saved[1] > saved[0]);
    clv_bundle_free(b);
}

/* --- picking -------------------------------------------------------------------------------- */

static void test_cut_ladder__the_cheapest_that_will_do(void **state)
{
    clv_rung rungs[3] = {made.ladders[0].rungs[0], made.ladders[0].rungs[1],
                         made.ladders[0].rungs[2]};
    clv_cut_ladder l = made.ladders[0];
    (void)state;

    l.rungs = rungs; /* agreement 1, .98, .96; 40, 30, 20 dB */
    assert_int_equal(clv_cut_ladder_pick(&l, 0.95, (double)-INFINITY), 2);
    assert_int_equal(clv_cut_ladder_pick(&l, 0.97, (double)-INFINITY), 1);
    assert_int_equal(clv_cut_ladder_pick(&l, 0.95, 35), 0);
    assert_int_equal(clv_cut_ladder_pick(&l, 1.01, 0), CLV_NO_RUNG);
    for (int r = 0; r < 3; r++)
        rungs[r].agreement = (double)NAN;
    assert_int_equal(clv_cut_ladder_pick(&l, 1, 25), 1);
    assert_null(clv_cut_ladder_tables(NULL, 0, NULL).points);
}

/* --- manifests that lie --------------------------------------------------------------------- */

static Clv__Pb__Rung *rung(Clv__Pb__Model *m)
{
    return m->ladders[2]->rungs[1];
}

static Clv__Pb__CodecPoint *point(Clv__Pb__Model *m)
{
    return rung(m)->points[rung(m)->n_points - 1];
}

static void nothing(Clv__Pb__Model *m)
{
    (void)m;
}

static void another_cut(Clv__Pb__Model *m)
{
    m->ladders[2]->cut = (uint32_t)m->graph->n_nodes;
}

static void the_same_cut(Clv__Pb__Model *m)
{
    m->ladders[2]->cut = m->ladders[0]->cut;
}

static void no_such_form(Clv__Pb__Model *m)
{
    m->ladders[2]->prefix = 7;
}

static void no_rungs(Clv__Pb__Model *m)
{
    for (size_t i = 0; i < m->ladders[2]->n_rungs; i++)
        clv__pb__rung__free_unpacked(m->ladders[2]->rungs[i], NULL);
    m->ladders[2]->n_rungs = 0;
}

static void a_point_too_few(Clv__Pb__Model *m)
{
    clv__pb__codec_point__free_unpacked(point(m), NULL);
    rung(m)->n_points--;
}

static void a_point_far_out(Clv__Pb__Model *m)
{
    point(m)->offset = UINT64_C(1) << 40;
}

static void a_point_too_long(Clv__Pb__Model *m)
{
    point(m)->bytes = UINT32_MAX;
}

static void a_point_cut_off(Clv__Pb__Model *m)
{
    point(m)->bytes--;
}

static void a_place_of_nothing(Clv__Pb__Model *m)
{
    point(m)->offset = 64;
    point(m)->bytes = 0;
}

/* Cut 0's points are for another tensor than the last cut's. */
static void points_of_another_tensor(Clv__Pb__Model *m)
{
    Clv__Pb__Rung *last = m->ladders[m->n_ladders - 2]->rungs[0];
    last->points[0]->offset = m->ladders[0]->rungs[0]->points[0]->offset;
    last->points[0]->bytes = m->ladders[0]->rungs[0]->points[0]->bytes;
}

static void rising_bytes(Clv__Pb__Model *m)
{
    rung(m)->bytes_mean = 1e6;
}

static void bytes_of_a_nan(Clv__Pb__Model *m)
{
    rung(m)->bytes_mean = (double)NAN;
}

static void negative_p95(Clv__Pb__Model *m)
{
    rung(m)->bytes_p95 = -1;
}

static void agreement_over_1(Clv__Pb__Model *m)
{
    rung(m)->agreement = 1.5;
}

static void endless_snr(Clv__Pb__Model *m)
{
    rung(m)->snr_db = (double)INFINITY;
}

static void negative_box_error(Clv__Pb__Model *m)
{
    rung(m)->box_error = -0.5;
}

static void score_error_of_a_nan(Clv__Pb__Model *m)
{
    rung(m)->score_error = (double)NAN;
}

static const struct {
    void (*damage)(Clv__Pb__Model *model);
    const char *what; /* NULL: it is good */
} lies[] = {
    {nothing, NULL},
    {another_cut, "no such cut"},
    {the_same_cut, "another one is for the same cut"},
    {no_such_form, "no such form"},
    {no_rungs, "no rungs"},
    {a_point_too_few, "one point for each tensor"},
    {a_point_far_out, "outside of the weights"},
    {a_point_too_long, "outside of the weights"},
    {a_point_cut_off, "cut off"},
    {a_place_of_nothing, "no bytes"},
    {points_of_another_tensor, "doesn't fit its tensor"},
    {rising_bytes, "in order"},
    {bytes_of_a_nan, "figure"},
    {negative_p95, "figure"},
    {agreement_over_1, "figure"},
    {endless_snr, "figure"},
    {negative_box_error, "figure"},
    {score_error_of_a_nan, "figure"},
};

static void test_bundle_ladders__lies_are_refused(void **state)
{
    size_t size;
    (void)state;

    (void)tiny_forms_write(&forms, path);
    uint8_t *data = bundle_read_file(&size, path);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        clv_status status = bundle_open_damaged(data, lies[i].damage, &err);
        if (lies[i].what == NULL ? status != CLV_OK
                                 : status != CLV_EFORMAT || !strstr(err.location, "ladder") ||
                                       !strstr(err.message, lies[i].what))
            fail_msg("lie %zu: %s: %s: %s", i, clv_status_text(status), err.location, err.message);
    }
    clv_free(data);
}

static void the_first_point_for_all(Clv__Pb__Model *m)
{
    for (size_t r = 1; r < m->ladders[0]->n_rungs; r++)
        *m->ladders[0]->rungs[r]->points[0] = *m->ladders[0]->rungs[0]->points[0];
}

/* However often it is named, memory is for what the file holds. */
static void test_bundle_ladders__points_share_no_bytes(void **state)
{
    clv_rung rungs[CLV_LADDER_MAX_RUNGS];
    const clv_cut_ladder *some = &made.ladders[0];
    clv_cut_ladder ladder = *some;
    clv_model model = {.graph = forms.both.plain, .ladders = &ladder, .n_ladders = 1};
    clv_error err = CLV_ERROR_INIT;
    size_t size;
    (void)state;

    for (uint32_t r = 0; r < CLV_LADDER_MAX_RUNGS; r++) {
        rungs[r] = some->rungs[0];
        rungs[r].points = some->rungs[r == 0 ? 0 : 2].points;
    }
    ladder.rungs = rungs;
    ladder.n_rungs = CLV_LADDER_MAX_RUNGS;
    assert_int_equal(clv_bundle_write(path, &model, NULL, NULL, NULL), CLV_OK);
    uint8_t *data = bundle_read_file(&size, path);
    assert_int_equal(bundle_open_damaged(data, nothing, &err), CLV_OK);
    assert_int_equal(bundle_open_damaged(data, the_first_point_for_all, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "outside of the weights"));
    clv_free(data);
}

static void test_bundle_ladders__survive_every_failed_allocation(void **state)
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
    tiny_ladders_init(&made, &forms);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    tiny_ladders_done(&made);
    tiny_forms_done(&forms);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_ladders__come_back),
        cmocka_unit_test(test_bundle_ladders__code_their_frontiers),
        cmocka_unit_test(test_cut_ladder__the_cheapest_that_will_do),
        cmocka_unit_test(test_bundle_ladders__lies_are_refused),
        cmocka_unit_test(test_bundle_ladders__points_share_no_bytes),
        cmocka_unit_test(test_bundle_ladders__survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
