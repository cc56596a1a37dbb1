/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/nearest.h"

static const char *nearest_of(const char *word)
{
    static const char *const names[] = {"inspect", "run", "build", "profile", "plan", "eval"};
    clv_nearest nearest;
    clv_nearest_start(&nearest, word);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        clv_nearest_offer(&nearest, names[i]);
    return nearest.best ? nearest.best : "";
}

static void test_nearest__finds_what_was_meant(void **state)
{
    (void)state;
    assert_string_equal(nearest_of("inspet"), "inspect");   /* one left out */
    assert_string_equal(nearest_of("insspect"), "inspect"); /* one too many */
    assert_string_equal(nearest_of("buold"), "build");      /* one wrong */
    assert_string_equal(nearest_of("rnu"), "run");          /* two exchanged */
    assert_string_equal(nearest_of("paln"), "plan");
    assert_string_equal(nearest_of("prof"), "profile"); /* a prefix */
    assert_string_equal(nearest_of("run"), "run");
}

static void test_nearest__silent_where_nothing_is_near(void **state)
{
    (void)state;
    assert_string_equal(nearest_of(""), "");
    assert_string_equal(nearest_of("r"), "");
    assert_string_equal(nearest_of("xyz"), "");
    assert_string_equal(nearest_of("something"), "");
    assert_string_equal(nearest_of("pl"), "");
}

static void test_nearest__three_edits_are_the_most(void **state)
{
    (void)state;
    clv_nearest nearest;
    clv_nearest_start(&nearest, "threads-per-wrrrrker");
    clv_nearest_offer(&nearest, "threads-per-worker");
    assert_non_null(nearest.best);
    clv_nearest_start(&nearest, "threads-per-wrrrrrker");
    clv_nearest_offer(&nearest, "threads-per-worker");
    assert_null(nearest.best);
}

static void test_nearest__long_words_are_near_to_nothing(void **state)
{
    (void)state;
    char word[512];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_string_equal(nearest_of(word), "");

    clv_nearest nearest;
    clv_nearest_start(&nearest, "aaaaaa");
    clv_nearest_offer(&nearest, word);
    assert_null(nearest.best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest__finds_what_was_meant),
        cmocka_unit_test(test_nearest__silent_where_nothing_is_near),
        cmocka_unit_test(test_nearest__three_edits_are_the_most),
        cmocka_unit_test(test_nearest__long_words_are_near_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
