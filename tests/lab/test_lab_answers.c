/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab_answers.h"

static void say(lab_answers *answers, const char *text, uint64_t at_us)
{
    lab_answers_add(answers, text, strlen(text), at_us);
}

static char *table(lab_answers *answers)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    lab_answers_print(out, answers);
    (void)fclose(out);
    return text;
}

static void test_lab_answers__counts_by_phase_and_source(void **state)
{
    lab_event events[] = {{.at_us = 1000000, .what = LAB_OUTAGE},
                          {.at_us = 1000000, .what = LAB_PHASE, .name = "outage"}};
    lab_script script = {events, 2};
    lab_answers *answers;
    (void)state;
    assert_int_equal(lab_answers_create(&answers, &script, NULL), CLV_OK);
    say(answers, "{\"source\":\"split\",\"late\":false,\"bytes\":1000,\"us\":{\"total\":12345}}\n",
        10);
    say(answers, "{\"source\":\"split\",\"late\":false,\"bytes\":2000,", 20);
    say(answers, "\"us\":{\"total\":20000}}\nnoise\n{\"source\":\"moon\"}\n", 999999);
    say(answers, "{\"source\":\"student\",\"late\":true,\"bytes\":0,\"us\":{\"total\":1}}\n",
        1000000);
    char *text = table(answers);
    assert_non_null(strstr(text,
                           "start                   0.0       2       2       0       0       "
                           "0       0      0      20.0      20.0      20.0       1500\n"));
    assert_non_null(strstr(text,
                           "outage                  1.0       1       0       0       0       "
                           "1       0      1       0.0       0.0       0.0          0\n"));
    assert_non_null(strstr(text, "\nall                     0.0       3       2"));
    assert_non_null(strstr(text, "2 lines were no answers\n"));
    free(text);
    lab_answers_free(answers);
}

static void test_lab_answers__refuses_too_many_phases(void **state)
{
    lab_event events[LAB_MAX_PHASES];
    lab_script script = {events, LAB_MAX_PHASES};
    lab_answers *answers = NULL;
    (void)state;
    for (uint32_t i = 0; i < LAB_MAX_PHASES; i++)
        events[i] = (lab_event){.what = LAB_PHASE, .name = "again"};
    assert_int_equal(lab_answers_create(&answers, &script, NULL), CLV_ELIMIT);
    assert_null(answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lab_answers__counts_by_phase_and_source),
        cmocka_unit_test(test_lab_answers__refuses_too_many_phases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
