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

#include "base/memory.h"
#include "base/options.h"

typedef struct settings {
    const char *server;
    uint64_t deadline_ms;
    uint64_t frames;
    double rate;
    bool json;
    bool no_color;
    clv_string_list inputs;
} settings;

static const clv_option options[] = {
    {"server", "edge.server", CLV_OPTION_STRING, offsetof(settings, server), 0, 0, "HOST:PORT",
     "the server; default: none, everything is local"},
    {"deadline-ms", "edge.deadline_ms", CLV_OPTION_UINT, offsetof(settings, deadline_ms), 1, 60000,
     "MS", "time for an answer; default 200"},
    {"frames", NULL, CLV_OPTION_UINT, offsetof(settings, frames), 1, UINT64_MAX, "N",
     "how many frames; default 1"},
    {"rate", "edge.rate", CLV_OPTION_DOUBLE, offsetof(settings, rate), 0, 0, "HZ",
     "frames a second, as many as come by default; this help is written so long that it can't be "
     "on "
     "one line of the terminal and is wrapped, twice"},
    {"json", "log.json", CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    {"no-color", NULL, CLV_OPTION_FLAG, offsetof(settings, no_color), 0, 0, NULL, "no colours"},
    {"input", "edge.input", CLV_OPTION_LIST, offsetof(settings, inputs), 0, 0, "FILE",
     "images to run on"},
    {"a-flag-with-a-remarkably-long-name", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0,
     NULL, "is alone on its line"},
};

static const clv_option_set option_set = {
    .program = "cleave try",
    .positional = "MODEL",
    .summary = "Try the options.",
    .epilogue = "Exit codes: 0 ok, 2 usage",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
};

/* What the tests of one command line look at. */
typedef struct outcome {
    clv_status status;
    clv_error err;
    clv_parsed parsed;
    settings s;
} outcome;

static void parse_words(outcome *out, const clv_option_set *set, int argc, const char *const *words)
{
    char *argv[16];
    assert_true(argc < 15);
    argv[0] = strdup("cleave");
    for (int i = 0; i < argc; i++)
        argv[i + 1] = strdup(words[i]);
    *out = (outcome){.s = {.deadline_ms = 200, .frames = 1}};
    out->status = clv_options_parse(&out->parsed, &out->s, set, argc + 1, argv, &out->err);
    for (int i = 0; i <= argc; i++)
        free(argv[i]); /* values must be copies */
}

#define PARSE(out, ...)                                                                            \
    do {                                                                                           \
        static const char *const words_[] = {"", ##__VA_ARGS__};                                   \
        parse_words(out, &option_set, (int)(sizeof words_ / sizeof words_[0]) - 1, words_ + 1);    \
    } while (0)

static void assert_refused(outcome *out, const char *location, const char *text)
{
    assert_int_equal(out->status, CLV_EINVAL);
    assert_string_equal(out->err.location, location);
    if (strstr(out->err.message, text) == NULL)
        fail_msg("'%s' isn't in '%s'", text, out->err.message);
    clv_parsed_done(&out->parsed);
}

static void test_options__defaults_stay(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out);
    assert_int_equal(out.status, CLV_OK);
    assert_null(out.s.server);
    assert_int_equal(out.s.deadline_ms, 200);
    assert_false(out.s.json);
    assert_int_equal(out.s.inputs.count, 0);
    assert_int_equal(out.parsed.positional.count, 0);
    clv_parsed_done(&out.parsed);
    clv_parsed_done(&out.parsed);
}

static void test_options__both_forms_of_a_value(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out, "--server", "a:1", "--deadline-ms=60000", "--rate", "-0.5", "--json");
    assert_int_equal(out.status, CLV_OK);
    assert_string_equal(out.s.server, "a:1");
    assert_int_equal(out.s.deadline_ms, 60000);
    assert_true(out.s.rate < -0.4 && out.s.rate > -0.6);
    assert_true(out.s.json);
    clv_parsed_done(&out.parsed);

    PARSE(&out, "--server=--odd=name");
    assert_int_equal(out.status, CLV_OK);
    assert_string_equal(out.s.server, "--odd=name");
    clv_parsed_done(&out.parsed);
}

static void test_options__flags_are_cleared_by_no(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out, "--no-json", "--no-color");
    assert_int_equal(out.status, CLV_OK);
    assert_false(out.s.json);
    assert_true(out.s.no_color); /* a name that starts with no- is itself */
    clv_parsed_done(&out.parsed);

    PARSE(&out, "--json=yes");
    assert_refused(&out, "--json", "takes no value");
    PARSE(&out, "--json", "--no-json");
    assert_refused(&out, "--no-json", "given twice");
    PARSE(&out, "--no-server");
    assert_refused(&out, "--no-server", "unknown flag; did you mean --server?");
}

static void test_options__lists_take_words_up_to_the_next_flag(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out, "m.clv", "--input", "a", "-", "b", "--json", "--input=c", "--input", "d", "--", "e",
          "--json");
    assert_int_equal(out.status, CLV_OK);
    static const char *const inputs[] = {"a", "-", "b", "c", "d"};
    assert_int_equal(out.s.inputs.count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(out.s.inputs.items[i], inputs[i]);
    static const char *const words[] = {"m.clv", "e", "--json"};
    assert_int_equal(out.parsed.positional.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(out.parsed.positional.items[i], words[i]);
    clv_parsed_done(&out.parsed);
}

static void test_options__long_lists_grow(void **state)
{
    (void)state;
    enum { N = 1000 };
    static char words[2][2] = {"x", "y"}, flag[] = "--input", program[] = "p";
    char *argv[N + 2] = {program, flag};
    for (int i = 0; i < N; i++)
        argv[i + 2] = words[i % 3 == 0];
    outcome out = {.status = CLV_OK};
    assert_int_equal(clv_options_parse(&out.parsed, &out.s, &option_set, N + 2, argv, &out.err),
                     CLV_OK);
    assert_int_equal(out.s.inputs.count, N);
    for (int i = 0; i < N; i++)
        assert_string_equal(out.s.inputs.items[i], words[i % 3 == 0]);
    clv_parsed_done(&out.parsed);
}

static void test_options__numbers_outside_their_range_are_refused(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out, "--deadline-ms", "60001");
    assert_refused(&out, "--deadline-ms", "must be a whole number from 1 to 60000, not '60001'");
    PARSE(&out, "--deadline-ms", "0");
    assert_refused(&out, "--deadline-ms", "from 1 to 60000");
    PARSE(&out, "--deadline-ms", "18446744073709551617");
    assert_refused(&out, "--deadline-ms", "from 1 to 60000");
    PARSE(&out, "--frames", "-1");
    assert_refused(&out, "--frames", "of at least 1, not '-1'");
    PARSE(&out, "--frames", "18446744073709551616");
    assert_refused(&out, "--frames", "of at least 1");
    PARSE(&out, "--frames", " 3");
    assert_refused(&out, "--frames", "not ' 3'");
    PARSE(&out, "--frames", "3s");
    assert_refused(&out, "--frames", "not '3s'");
    PARSE(&out, "--rate", "fast");
    assert_refused(&out, "--rate", "must be a number, not 'fast'");
    PARSE(&out, "--rate", "nan");
    assert_refused(&out, "--rate", "must be a number");
    PARSE(&out, "--rate=1.5x");
    assert_refused(&out, "--rate", "must be a number");
}

static void test_options__mistakes_say_what_was_meant(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out, "--deadlien-ms", "5");
    assert_refused(&out, "--deadlien-ms", "unknown flag; did you mean --deadline-ms?");
    PARSE(&out, "--dead=5");
    assert_refused(&out, "--dead", "did you mean --deadline-ms?");
    PARSE(&out, "--hlep");
    assert_refused(&out, "--hlep", "did you mean --help?");
    PARSE(&out, "--confg", "x");
    assert_refused(&out, "--confg", "did you mean --config?");
    PARSE(&out, "--zzzzzz");
    assert_refused(&out, "--zzzzzz", "unknown flag; see --help");
    PARSE(&out, "-x");
    assert_refused(&out, "-x", "unknown flag; see --help");
    PARSE(&out, "--server");
    assert_refused(&out, "--server", "needs a value");
    PARSE(&out, "--server", "--json");
    assert_refused(&out, "--server", "if '--json' is meant, write --server=--json");
    PARSE(&out, "--server=");
    assert_refused(&out, "--server", "needs a value");
    PARSE(&out, "--input", "--json");
    assert_refused(&out, "--input", "needs a value");
    PARSE(&out, "--server", "a", "--server", "b");
    assert_refused(&out, "--server", "given twice");
    PARSE(&out, "--config", "a", "--config", "b");
    assert_refused(&out, "--config", "given twice");

    char word[400];
    memset(word, 'q', sizeof word - 1);
    memcpy(word, "--", 2);
    word[sizeof word - 1] = '\0';
    const char *words[] = {word};
    parse_words(&out, &option_set, 1, words);
    assert_int_equal(out.status, CLV_EINVAL);
    clv_parsed_done(&out.parsed);
}

static void test_options__positional_words_only_where_wanted(void **state)
{
    (void)state;
    clv_option_set none = option_set;
    none.positional = NULL;
    const char *words[] = {"model.clv"};
    outcome out;
    parse_words(&out, &none, 1, words);
    assert_refused(&out, "", "unexpected word 'model.clv'");
}

static void test_options__help_and_version_end_the_reading(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out, "--config", "/nonexistent", "-h", "--what");
    assert_int_equal(out.status, CLV_OK);
    assert_true(out.parsed.help);
    clv_parsed_done(&out.parsed);
    PARSE(&out, "--version", "--what");
    assert_int_equal(out.status, CLV_OK);
    assert_true(out.parsed.version);
    clv_parsed_done(&out.parsed);
}

/* --- INI ---------------------------------------------------------------------------------- */

static char ini_path[64];

static void parse_ini(outcome *out, const char *text, size_t bytes, const char *flag)
{
    (void)snprintf(ini_path, sizeof ini_path, "/tmp/test_options.XXXXXX");
    int fd = mkstemp(ini_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, bytes), (ssize_t)bytes);
    assert_int_equal(close(fd), 0);
    const char *words[] = {"--config", ini_path, flag};
    parse_words(out, &option_set, flag ? 3 : 2, words);
    assert_int_equal(unlink(ini_path), 0);
}

static void assert_ini_refused(const char *text, size_t line, const char *name, const char *message)
{
    outcome out;
    char where[128];
    parse_ini(&out, text, strlen(text), NULL);
    assert_int_equal(out.status, CLV_EFORMAT);
    assert_int_equal(out.err.code, CLV_EFORMAT);
    (void)snprintf(where, sizeof where, "%s:%zu%s%s", ini_path, line, name ? ": " : "",
                   name ? name : "");
    assert_string_equal(out.err.location, where);
    if (strstr(out.err.message, message) == NULL)
        fail_msg("'%s' isn't in '%s'", message, out.err.message);
    clv_parsed_done(&out.parsed);
}

static void test_options__ini_sets_what_flags_leave(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# comment\n[edge]\r\n"
                               "server = from-file ; behind it\r\n"
                               "   deadline_ms: 7\n"
                               "\trate=2.5\n\n"
                               "input = one\ninput = two words\n"
                               "[log]\njson = true";
    outcome out;
    parse_ini(&out, text, sizeof text - 1, "--server=from-flag");
    assert_int_equal(out.status, CLV_OK);
    assert_string_equal(out.s.server, "from-flag");
    assert_int_equal(out.s.deadline_ms, 7);
    assert_true(out.s.rate > 2.4 && out.s.rate < 2.6);
    assert_int_equal(out.s.inputs.count, 2);
    assert_string_equal(out.s.inputs.items[1], "two words");
    assert_true(out.s.json);
    clv_parsed_done(&out.parsed);

    parse_ini(&out, text, sizeof text - 1, "--no-json");
    assert_int_equal(out.status, CLV_OK);
    assert_string_equal(out.s.server, "from-file");
    assert_false(out.s.json);
    clv_parsed_done(&out.parsed);

    parse_ini(&out, text, sizeof text - 1, "--input=flag");
    assert_int_equal(out.status, CLV_OK);
    assert_int_equal(out.s.inputs.count, 1);
    assert_string_equal(out.s.inputs.items[0], "flag");
    clv_parsed_done(&out.parsed);
}

static void test_options__ini_mistakes_name_file_and_line(void **state)
{
    (void)state;
    assert_ini_refused("[edge]\nserver = a\nserver = b\n", 3, NULL, "was set on line 2 already");
    assert_ini_refused("[edge]\n\ndeadline_ms = 0\n", 3, "deadline_ms", "from 1 to 60000, not '0'");
    assert_ini_refused("[edge]\ndeadline_mss = 1\n", 2, NULL,
                       "unknown setting 'edge.deadline_mss'; did you mean deadline_ms in section "
                       "[edge]?");
    assert_ini_refused("server = x\n", 1, NULL, "unknown setting 'server'");
    assert_ini_refused("[edge]\nqqqqqqqqqq = x\n", 2, NULL, "unknown setting 'edge.qqqqqqqqqq'");
    assert_ini_refused("[edge]\nserver = a\nnonsense\n# more\n", 3, NULL, "not a [section]");
    assert_ini_refused("[edge\nserver = a\n", 1, NULL, "not a [section]");
    assert_ini_refused("[log]\njson = maybe\n", 2, "json", "must be yes or no, not 'maybe'");
    assert_ini_refused("[edge]\nserver =\n", 2, "server", "needs a value");
    assert_ini_refused("[edge]\nframes = 2\n", 2, NULL, "unknown setting"); /* a flag only */
}

static void test_options__ini_values_are_checked_even_when_a_flag_wins(void **state)
{
    (void)state;
    static const char text[] = "[edge]\ndeadline_ms = none\n";
    outcome out;
    parse_ini(&out, text, sizeof text - 1, "--deadline-ms=5");
    assert_int_equal(out.status, CLV_EFORMAT);
    assert_int_equal(out.s.deadline_ms, 5);
    clv_parsed_done(&out.parsed);
}

static void test_options__ini_hostile_bytes(void **state)
{
    (void)state;
    outcome out;
    parse_ini(&out, "[edge]\nserver = a\0b\n", 20, NULL);
    assert_int_equal(out.status, CLV_EFORMAT);
    assert_non_null(strstr(out.err.message, "NUL"));
    clv_parsed_done(&out.parsed);

    char line[512];
    memset(line, 'a', sizeof line);
    memcpy(line, "[edge]\nserver = ", 16);
    const size_t longest = 7 + 198; /* as options.h says */
    parse_ini(&out, line, longest, NULL);
    assert_int_equal(out.status, CLV_OK);
    assert_int_equal(strlen(out.s.server), 198 - strlen("server = "));
    clv_parsed_done(&out.parsed);
    parse_ini(&out, line, longest + 1, NULL);
    assert_int_equal(out.status, CLV_ELIMIT);
    assert_non_null(strstr(out.err.message, "longer than 198"));
    clv_parsed_done(&out.parsed);

    parse_ini(&out, "", 0, NULL);
    assert_int_equal(out.status, CLV_OK);
    clv_parsed_done(&out.parsed);
}

static void test_options__a_missing_file_is_an_error(void **state)
{
    (void)state;
    outcome out;
    PARSE(&out, "--config", "/nonexistent/x.ini");
    assert_int_equal(out.status, CLV_ENOENT);
    assert_string_equal(out.err.location, "/nonexistent/x.ini");
    clv_parsed_done(&out.parsed);
}

static void test_options__config_only_where_settings_have_ini_names(void **state)
{
    (void)state;
    clv_option_set flags_only = option_set;
    flags_only.options = &options[2]; /* --frames */
    flags_only.n_options = 1;
    const char *words[] = {"--config", "x"};
    outcome out;
    parse_words(&out, &flags_only, 2, words);
    assert_refused(&out, "--config", "unknown flag");
}

/* --- the rest ----------------------------------------------------------------------------- */

static void test_options__help_fits_and_names_everything(void **state)
{
    (void)state;
    char text[8192];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    clv_options_print_help(out, &option_set);
    assert_int_equal(fclose(out), 0);

    assert_non_null(strstr(text, "Usage: cleave try [FLAGS] MODEL\n\nTry the options.\n"));
    assert_non_null(strstr(text, "\n  --server HOST:PORT  the server; default"));
    assert_non_null(strstr(text, "\n  --[no-]json         print JSON\n"));
    assert_non_null(strstr(text, "\n  --no-color          no colours\n"));
    assert_non_null(strstr(text, "\n  --input FILE...     images"));
    assert_non_null(
        strstr(text, "\n  --a-flag-with-a-remarkably-long-name\n                      is"));
    assert_non_null(strstr(text, "\n  --config FILE       "));
    assert_non_null(strstr(text, "\n  -h, --help          "));
    assert_non_null(strstr(text, "\nExit codes: 0 ok, 2 usage\n"));
    int wrapped = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 100);
        wrapped += strncmp(line, "                      ", 22) == 0;
    }
    assert_int_equal(wrapped, 2); /* the long help's second line, the long name's only one */
}

static void test_options__out_of_memory_is_reported(void **state)
{
    (void)state;
    outcome out = {.status = CLV_OK};
    for (uint64_t n = 1; n < 20; n++) {
        clv_memory_fail_after(n);
        PARSE(&out, "--server", "a", "--input", "b", "c", "model");
        clv_memory_fail_after(0);
        clv_parsed_done(&out.parsed);
        if (out.status == CLV_OK)
            break;
        assert_int_equal(out.status, CLV_ENOMEM);
    }
    assert_int_equal(out.status, CLV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__defaults_stay),
        cmocka_unit_test(test_options__both_forms_of_a_value),
        cmocka_unit_test(test_options__flags_are_cleared_by_no),
        cmocka_unit_test(test_options__lists_take_words_up_to_the_next_flag),
        cmocka_unit_test(test_options__long_lists_grow),
        cmocka_unit_test(test_options__numbers_outside_their_range_are_refused),
        cmocka_unit_test(test_options__mistakes_say_what_was_meant),
        cmocka_unit_test(test_options__positional_words_only_where_wanted),
        cmocka_unit_test(test_options__help_and_version_end_the_reading),
        cmocka_unit_test(test_options__ini_sets_what_flags_leave),
        cmocka_unit_test(test_options__ini_mistakes_name_file_and_line),
        cmocka_unit_test(test_options__ini_values_are_checked_even_when_a_flag_wins),
        cmocka_unit_test(test_options__ini_hostile_bytes),
        cmocka_unit_test(test_options__a_missing_file_is_an_error),
        cmocka_unit_test(test_options__config_only_where_settings_have_ini_names),
        cmocka_unit_test(test_options__help_fits_and_names_everything),
        cmocka_unit_test(test_options__out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
