/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "server/registry.h"
#include "support/tiny_model.h"

typedef struct fixture {
    char folder[32];
    clv_registry *registry;
    uint32_t n_served, n_left_out; /* since the last load */
    char left_out[256];            /* the last one */
    clv_error why;
} fixture;

static void on_file(void *context, const char *path, const clv_served *served,
                    const clv_error *error)
{
    fixture *f = context;
    assert_true((served == NULL) == (error != NULL));
    if (served != NULL) {
        f->n_served++;
        return;
    }
    f->n_left_out++;
    f->why = *error;
    (void)snprintf(f->left_out, sizeof f->left_out, "%s", path);
}

static const char *path_in(const fixture *f, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
    return path;
}

static clv_digest put(const fixture *f, const char *name, uint64_t seed)
{
    tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    options.seed = seed;
    return tiny_model_write(path_in(f, name), &options);
}

static void load(fixture *f)
{
    clv_registry_options options = {.folder = f->folder,
                                    .backend = &clv_backend_ref,
                                    .workers = 2,
                                    .on_file = on_file,
                                    .context = f};
    clv_error err = CLV_ERROR_INIT;
    f->n_served = f->n_left_out = 0;
    clv_status status = f->registry == NULL ? clv_registry_create(&f->registry, &options, &err)
                                            : clv_registry_reload(f->registry, &err);
    if (status != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
}

static bool serves(fixture *f, const clv_digest *id)
{
    clv_served *served = clv_registry_find(f->registry, id);
    bool found = served != NULL;
    clv_served_release(served);
    return found;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memcpy(f->folder, "/tmp/test_registry.XXXXXX", 26);
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"a.clv",      "b.clv",       "c.clv",
                                        "broken.clv", ".hidden.clv", "notes.txt"};
    fixture *f = *state;
    clv_registry_free(f->registry);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(path_in(f, names[i]));
    (void)rmdir(path_in(f, "folder.clv"));
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void test_registry__serves_every_bundle_of_the_folder(void **state)
{
    fixture *f = *state;
    clv_digest a = put(f, "a.clv", 1), b = put(f, "b.clv", 2), hidden = put(f, ".hidden.clv", 3);
    clv_digest ids[4], none = {{0}};
    (void)put(f, "notes.txt", 4);
    load(f);
    assert_int_equal(f->n_served, 2);
    assert_int_equal(f->n_left_out, 0);
    assert_true(serves(f, &a));
    assert_true(serves(f, &b));
    assert_false(serves(f, &hidden));
    assert_false(serves(f, &none));
    assert_int_equal(clv_registry_list(f->registry, ids, 4), 2);
    assert_memory_equal(&ids[0], &a, sizeof a);
    assert_memory_equal(&ids[1], &b, sizeof b);
    assert_int_equal(clv_registry_list(f->registry, ids, 1), 1);

    clv_served *served = clv_registry_find(f->registry, &a);
    assert_int_equal(served->forms[0].n_execs, 2);
    assert_true(served->forms[0].execs[0] != served->forms[0].execs[1]);
    assert_int_equal(served->forms[0].estimates_us[served->n_nodes - 1], 0);
    clv_served_release(served);
}

static void test_registry__an_empty_folder_serves_nothing(void **state)
{
    fixture *f = *state;
    clv_digest id;
    load(f);
    assert_int_equal(clv_registry_list(f->registry, &id, 1), 0);
}

static void test_registry__a_broken_file_is_named_and_left_out(void **state)
{
    fixture *f = *state;
    clv_digest a = put(f, "a.clv", 1);
    assert_int_equal(clv_file_write(path_in(f, "broken.clv"), "not a bundle", 12, 0600, NULL),
                     CLV_OK);
    load(f);
    assert_int_equal(f->n_left_out, 1);
    assert_string_equal(f->left_out, path_in(f, "broken.clv"));
    assert_true(f->why.message[0] != '\0');
    assert_true(serves(f, &a));

    assert_int_equal(unlink(path_in(f, "broken.clv")), 0);
    assert_int_equal(mkdir(path_in(f, "folder.clv"), 0700), 0);
    load(f);
    assert_int_equal(f->n_left_out, 1);
    assert_true(serves(f, &a));
}

/* One bit of the weights: the file is well formed, only its digest is wrong. */
static void test_registry__content_is_verified(void **state)
{
    fixture *f = *state;
    clv_mapping file;
    clv_digest a = put(f, "a.clv", 1);
    assert_int_equal(clv_mapping_open(&file, path_in(f, "a.clv"), SIZE_MAX, NULL), CLV_OK);
    uint8_t *copy = malloc(file.size);
    memcpy(copy, file.data, file.size);
    copy[file.size - 1] ^= 1;
    assert_int_equal(clv_file_write(path_in(f, "a.clv"), copy, file.size, 0600, NULL), CLV_OK);
    clv_mapping_done(&file);
    free(copy);
    load(f);
    assert_int_equal(f->n_left_out, 1);
    assert_false(serves(f, &a));
}

static void test_registry__the_same_bundle_twice_is_served_once(void **state)
{
    fixture *f = *state;
    clv_digest a = put(f, "a.clv", 1);
    (void)put(f, "b.clv", 1);
    load(f);
    assert_int_equal(f->n_served, 1);
    assert_string_equal(f->left_out, path_in(f, "b.clv"));
    assert_non_null(strstr(f->why.message, "same bundle"));
    assert_true(serves(f, &a));
}

static void test_registry__reload_takes_the_new_set(void **state)
{
    fixture *f = *state;
    clv_digest a = put(f, "a.clv", 1), b = put(f, "b.clv", 2);
    load(f);
    clv_served *held_a = clv_registry_find(f->registry, &a);
    clv_served *held_b = clv_registry_find(f->registry, &b);

    assert_int_equal(unlink(path_in(f, "a.clv")), 0);
    clv_digest c = put(f, "c.clv", 3);
    load(f);
    assert_int_equal(f->n_served, 2);
    assert_false(serves(f, &a));
    assert_true(serves(f, &b));
    assert_true(serves(f, &c));

    /* What is in both sets wasn't loaded again; what is in flight still runs. */
    clv_served *again = clv_registry_find(f->registry, &b);
    assert_ptr_equal(again, held_b);
    clv_served_release(again);
    assert_int_equal(clv_exec_run(held_a->forms[0].execs[1], 0, held_a->n_nodes), CLV_OK);
    clv_served_release(held_a);
    clv_served_release(held_b);
}

static void test_registry__a_failed_reload_changes_nothing(void **state)
{
    fixture *f = *state;
    clv_error err = CLV_ERROR_INIT;
    char moved[64];
    clv_digest a = put(f, "a.clv", 1);
    load(f);
    (void)snprintf(moved, sizeof moved, "%s.moved", f->folder);
    assert_int_equal(rename(f->folder, moved), 0);
    assert_int_equal(clv_registry_reload(f->registry, &err), CLV_ENOENT);
    assert_string_equal(err.location, f->folder);
    assert_true(serves(f, &a));
    assert_int_equal(rename(moved, f->folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registry__serves_every_bundle_of_the_folder, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registry__an_empty_folder_serves_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registry__a_broken_file_is_named_and_left_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registry__content_is_verified, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry__the_same_bundle_twice_is_served_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_registry__reload_takes_the_new_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry__a_failed_reload_changes_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
