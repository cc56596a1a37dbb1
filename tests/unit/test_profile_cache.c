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
#include "profiler/profile_cache.h"
#include "support/tiny_forms.h"

static const tiny_model_options quick = {.seed = 1, .channels = 4, .size = 8};
static const clv_digest some_id = {{1, 2, 3}}, other_id = {{1, 2, 4}};

typedef struct stage {
    char folder[64], path[128];
    tiny_forms forms;
    clv_exec *exec;
    clv_profiler_form form;
    clv_profiler_options options;
    clv_profile_cache cache;
} stage;

static int setup(void **state)
{
    static stage s;
    memset(&s, 0, sizeof s);
    (void)snprintf(s.folder, sizeof s.folder, "/tmp/clv-cache-XXXXXX");
    assert_non_null(mkdtemp(s.folder));
    tiny_forms_init(&s.forms, &quick, NULL);
    assert_int_equal(clv_exec_create(&s.exec, s.forms.programs[0], NULL), CLV_OK);
    s.form = (clv_profiler_form){CLV_PRECISION_FLOAT, s.forms.programs[0], s.exec,
                                 s.forms.graphs[0]->n_nodes, NULL};
    s.options = (clv_profiler_options){
        .model = &s.forms.model, .bundle = &some_id, .threads = 1, .forms = &s.form, .n_forms = 1};
    s.cache = (clv_profile_cache){.folder = s.folder, .backend = "auto", .form_us = 1000};
    assert_int_equal(clv_profile_cache_path(s.path, sizeof s.path, &s.cache, &s.options), CLV_OK);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    stage *s = *state;
    clv_exec_free(s->exec);
    tiny_forms_done(&s->forms);
    (void)remove(s->path);
    assert_int_equal(rmdir(s->folder), 0);
    return 0;
}

static clv_profile *obtain(stage *s, bool kept)
{
    clv_error err = CLV_ERROR_INIT;
    clv_profile *profile = NULL;
    if (clv_profile_obtain(&profile, &s->cache, &s->options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(s->cache.kept, kept);
    assert_int_equal(clv_profile_check(profile, NULL), CLV_OK);
    return profile;
}

static void test_profile_cache__the_second_start_does_not_measure(void **state)
{
    stage *s = *state;
    struct stat info;
    clv_profile *first = obtain(s, false), *second = obtain(s, true);

    assert_int_equal(stat(s->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_memory_equal(first->runs[0].nodes, second->runs[0].nodes,
                        first->n_nodes * sizeof *first->runs[0].nodes);
    assert_memory_equal(first->runs[0].peak_bytes, second->runs[0].peak_bytes,
                        (first->n_nodes + 1) * sizeof(uint64_t));
    assert_memory_equal(first->runs[0].cut_bytes, second->runs[0].cut_bytes,
                        (first->n_nodes + 1) * sizeof(uint64_t));
    assert_memory_equal(first->nodes, second->nodes, first->n_nodes * sizeof *first->nodes);
    assert_int_equal(first->n_points, second->n_points);
    clv_profile_free(first);
    clv_profile_free(second);
}

/* Every byte of it. */
static void test_profile_cache__a_damaged_file_is_measured_again(void **state)
{
    stage *s = *state;
    clv_mapping file;
    uint8_t copy[16384];
    clv_profile_free(obtain(s, false));

    assert_int_equal(clv_mapping_open(&file, s->path, sizeof copy, NULL), CLV_OK);
    size_t bytes = file.size;
    memcpy(copy, file.data, bytes);
    clv_mapping_done(&file);
    for (size_t i = 0; i < bytes; i++) {
        clv_profile *none = NULL;
        copy[i] ^= 0x20;
        assert_int_equal(clv_file_write(s->path, copy, bytes, 0600, NULL), CLV_OK);
        assert_int_equal(clv_profile_cache_load(&none, &s->cache, &s->options), CLV_ENOENT);
        assert_null(none);
        copy[i] ^= 0x20;
    }
    for (size_t n = 0; n < bytes; n += 7) {
        clv_profile *none = NULL;
        assert_int_equal(clv_file_write(s->path, copy, n, 0600, NULL), CLV_OK);
        assert_int_equal(clv_profile_cache_load(&none, &s->cache, &s->options), CLV_ENOENT);
    }
    clv_profile_free(obtain(s, false)); /* and is good again */
    clv_profile_free(obtain(s, true));
}

/* What was measured is good for nothing else, whatever the file is called. */
static void test_profile_cache__it_is_for_one_setting(void **state)
{
    stage *s = *state;
    char other[128];
    clv_profile *none = NULL;
    clv_profiler_options was = s->options;
    clv_profile_free(obtain(s, false));

    for (int i = 0; i < 4; i++) {
        s->options = was;
        s->cache.backend = i == 0 ? "ref" : "auto";
        s->options.threads = i == 1 ? 2 : 1;
        s->options.bundle = i == 2 ? &other_id : &some_id;
        s->form.to = s->forms.graphs[0]->n_nodes - (i == 3);
        assert_int_equal(clv_profile_cache_path(other, sizeof other, &s->cache, &s->options),
                         CLV_OK);
        assert_string_not_equal(other, s->path);
        assert_int_equal(rename(s->path, other), 0);
        assert_int_equal(clv_profile_cache_load(&none, &s->cache, &s->options), CLV_ENOENT);
        assert_int_equal(rename(other, s->path), 0);
    }
    assert_null(none);
}

static void test_profile_cache__without_a_folder_it_is_measured_each_time(void **state)
{
    stage *s = *state;

    s->cache.folder = NULL;
    clv_profile_free(obtain(s, false));
    clv_profile_free(obtain(s, false));
    assert_int_equal(s->cache.note.code, CLV_OK);
    s->cache.folder = "/nonexistent/folder";
    clv_profile_free(obtain(s, false));
    assert_int_not_equal(s->cache.note.code, CLV_OK);
    assert_non_null(strstr(s->cache.note.location, "/nonexistent/folder"));
}

static void test_profile_cache__the_folder_is_the_settings_or_systemds(void **state)
{
    char memory[32];
    (void)state;

    assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
    assert_null(clv_profile_cache_folder(NULL, memory, sizeof memory));
    assert_string_equal(clv_profile_cache_folder("here", memory, sizeof memory), "here");
    assert_int_equal(setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1), 0);
    assert_string_equal(clv_profile_cache_folder(NULL, memory, sizeof memory), "/var/lib/a");
    assert_string_equal(clv_profile_cache_folder("here", memory, sizeof memory), "here");
    assert_null(clv_profile_cache_folder(NULL, memory, 10)); /* it doesn't fit */
    assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_profile_cache__the_second_start_does_not_measure,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_profile_cache__a_damaged_file_is_measured_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_profile_cache__it_is_for_one_setting, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_profile_cache__without_a_folder_it_is_measured_each_time, setup, teardown),
        cmocka_unit_test(test_profile_cache__the_folder_is_the_settings_or_systemds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
