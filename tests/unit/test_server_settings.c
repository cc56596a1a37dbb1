/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/server_settings.h"

static clv_server_settings complete(void)
{
    clv_server_settings settings = clv_server_defaults;
    settings.bundles = "bundles";
    settings.ca = "ca.crt";
    settings.cert = "server.crt";
    settings.key = "server.key";
    return settings;
}

static void assert_refused(const clv_server_settings *settings, const char *flag, const char *text)
{
    clv_error err = CLV_ERROR_INIT;
    clv_server_choices choices;
    assert_int_equal(clv_server_settings_check(&choices, settings, &err), CLV_EINVAL);
    assert_string_equal(err.location, flag);
    if (strstr(err.message, text) == NULL)
        fail_msg("'%s' isn't in '%s'", text, err.message);
}

static void test_server_settings__defaults_serve(void **state)
{
    (void)state;
    clv_server_settings settings = complete();
    clv_server_choices choices;
    assert_int_equal(clv_server_settings_check(&choices, &settings, NULL), CLV_OK);
    assert_in_range(choices.workers, 1, 1024);
    assert_int_equal(choices.log_level, CLV_LOG_INFO);
    assert_false(choices.log_json);
    assert_non_null(choices.backend);

    settings.workers = 7;
    settings.log_format = "json";
    settings.log_level = "debug";
    settings.backend = "ref";
    assert_int_equal(clv_server_settings_check(&choices, &settings, NULL), CLV_OK);
    assert_int_equal(choices.workers, 7);
    assert_int_equal(choices.log_level, CLV_LOG_DEBUG);
    assert_true(choices.log_json);
    assert_ptr_equal(choices.backend, &clv_backend_ref);
}

static void test_server_settings__what_is_needed_is_named(void **state)
{
    (void)state;
    clv_server_settings settings = complete();
    settings.bundles = NULL;
    assert_refused(&settings, "--bundles", "is needed");
    settings = complete();
    settings.ca = NULL;
    assert_refused(&settings, "--ca", "is needed");
    settings = complete();
    settings.cert = NULL;
    assert_refused(&settings, "--cert", "is needed");
    settings = complete();
    settings.key = NULL;
    assert_refused(&settings, "--key", "is needed");
}

static void test_server_settings__words_are_checked(void **state)
{
    (void)state;
    clv_server_settings settings = complete();
    settings.log_level = "loud";
    assert_refused(&settings, "--log-level", "error, warn, info or debug, not 'loud'");
    settings = complete();
    settings.log_format = "xml";
    assert_refused(&settings, "--log-format", "text or json, not 'xml'");
    settings = complete();
    settings.backend = "gpu";
    assert_refused(&settings, "--backend", "not 'gpu'");
}

static void test_server_settings__listen_is_host_and_port(void **state)
{
    (void)state;
    static const char *const good[] = {"0.0.0.0:7447", "[::]:0", "edge.example.org:1"};
    static const char *const bad[] = {
        "7447", ":7447", "host:", "host:http", "host:1x", "tcp://h:1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        clv_server_settings settings = complete();
        clv_server_choices choices;
        settings.listen = good[i];
        assert_int_equal(clv_server_settings_check(&choices, &settings, NULL), CLV_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        clv_server_settings settings = complete();
        settings.listen = bad[i];
        assert_refused(&settings, "--listen", "must be HOST:PORT");
    }
}

/* The example is what people start from: it must be accepted, and be what the defaults are. */
static void test_server_settings__example_file_is_the_defaults(void **state)
{
    (void)state;
    char program[] = "cleave-server", flag[] = "--config";
    char path[] = CLV_SOURCE_DIR "/deploy/cleave-server.ini";
    char *argv[] = {program, flag, path};
    clv_server_settings settings = clv_server_defaults;
    clv_server_choices choices;
    clv_parsed parsed;
    clv_error err = CLV_ERROR_INIT;

    clv_status status =
        clv_options_parse(&parsed, &settings, &clv_server_option_set, 3, argv, &err);
    if (status != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_server_settings_check(&choices, &settings, &err), CLV_OK);
    assert_string_equal(settings.listen, clv_server_defaults.listen);
    assert_string_equal(settings.backend, clv_server_defaults.backend);
    assert_int_equal(settings.workers, clv_server_defaults.workers);
    assert_int_equal(settings.threads_per_worker, clv_server_defaults.threads_per_worker);
    assert_int_equal(settings.queue, clv_server_defaults.queue);
    assert_int_equal(settings.drain_ms, clv_server_defaults.drain_ms);
    assert_string_equal(settings.log_level, clv_server_defaults.log_level);
    assert_string_equal(settings.log_format, clv_server_defaults.log_format);
    clv_parsed_done(&parsed);
}

/* --help says what the defaults are; the table with the values says it too. */
static void test_server_settings__help_tells_the_defaults(void **state)
{
    (void)state;
    char text[8192], wanted[64];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    clv_options_print_help(out, &clv_server_option_set);
    assert_int_equal(fclose(out), 0);
    (void)snprintf(wanted, sizeof wanted, "default %s", clv_server_defaults.listen);
    assert_non_null(strstr(text, wanted));
    (void)snprintf(wanted, sizeof wanted, "default %d\n", (int)clv_server_defaults.queue);
    assert_non_null(strstr(text, wanted));
    (void)snprintf(wanted, sizeof wanted, "default %d\n", (int)clv_server_defaults.drain_ms);
    assert_non_null(strstr(text, wanted));
    assert_non_null(strstr(text, "Exit codes: 0 ok; 1 failure; 2 usage; 3 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_settings__defaults_serve),
        cmocka_unit_test(test_server_settings__what_is_needed_is_named),
        cmocka_unit_test(test_server_settings__words_are_checked),
        cmocka_unit_test(test_server_settings__listen_is_host_and_port),
        cmocka_unit_test(test_server_settings__example_file_is_the_defaults),
        cmocka_unit_test(test_server_settings__help_tells_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
