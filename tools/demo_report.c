/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/demo_report.h"

#include <stdlib.h>
#include <unistd.h>

void demo_act_count(demo_act *act, const clv_edge_answer *answer, uint32_t index, bool right)
{
    act->answers[index]++;
    act->late += answer->late;
    act->by_source[answer->source].frames++;
    act->by_source[answer->source].right += right;
    act->by_source[answer->source].bytes += answer->sent_bytes;
    act->by_source[answer->source].total_us += answer->times.total_us;
}

bool demo_has_colours(FILE *out)
{
    const char *term = getenv("TERM");
    return isatty(fileno(out)) != 0 && getenv("NO_COLOR") == NULL && term != NULL &&
           term[0] != '\0' && term[0] != 'd'; /* "dumb" */
}

static const char *colour_of(clv_source source)
{
    switch (source) {
    case CLV_SOURCE_SPLIT:
        return "\033[32m";
    case CLV_SOURCE_SERVER:
        return "\033[36m";
    case CLV_SOURCE_LOCAL:
        return "\033[34m";
    case CLV_SOURCE_STUDENT:
        return "\033[33m";
    default:
        return "\033[31m";
    }
}

static void print_row(FILE *out, const demo_act *act, clv_source source, bool first, bool colours)
{
    uint32_t n = act->by_source[source].frames;
    char cut[16] = "";

    if (first && act->cut == CLV_CUT_ALL)
        (void)snprintf(cut, sizeof cut, "all");
    else if (first)
        (void)snprintf(cut, sizeof cut, "%u", act->cut);
    (void)fprintf(out, "%4s  %s%-8s%s %6u %13.0f %11.0f %9.1f%%  %s\n", cut,
                  colours ? colour_of(source) : "", clv_source_name(source),
                  colours ? "\033[0m" : "", n, (double)act->by_source[source].bytes / n,
                  (double)act->by_source[source].total_us / n,
                  100.0 * act->by_source[source].right / n, first ? act->title : "");
}

void demo_print_table(FILE *out, const demo_act *acts, uint32_t n_acts)
{
    bool colours = demo_has_colours(out);

    (void)fprintf(out, "%s cut  source   frames   bytes/frame    us/frame   accuracy%s\n",
                  colours ? "\033[1m" : "", colours ? "\033[0m" : "");
    for (uint32_t i = 0; i < n_acts; i++) {
        bool first = true;
        for (unsigned s = 0; s < CLV_SOURCE_COUNT; s++) {
            if (acts[i].by_source[s].frames == 0)
                continue;
            print_row(out, &acts[i], (clv_source)s, first, colours);
            first = false;
        }
    }
}

bool demo_print_verdict(FILE *out, const demo_act *acts, uint32_t n_acts)
{
    bool colours = demo_has_colours(out);
    uint32_t submitted = 0, answered = 0, lost = 0, twice = 0, late = 0, none = 0;

    for (uint32_t i = 0; i < n_acts; i++) {
        submitted += acts[i].submitted;
        late += acts[i].late;
        none += acts[i].by_source[CLV_SOURCE_NONE].frames;
        for (uint32_t f = 0; f < acts[i].submitted; f++) {
            answered += acts[i].answers[f] > 0;
            lost += acts[i].answers[f] == 0;
            twice += acts[i].answers[f] > 1;
        }
    }
    lost += none;
    bool good = lost == 0 && twice == 0;
    (void)fprintf(out,
                  "%s%u frames submitted, %u answered, %u lost, %u answered twice%s; %u late\n",
                  colours ? (good ? "\033[1;32m" : "\033[1;31m") : "", submitted, answered - none,
                  lost, twice, colours ? "\033[0m" : "", late);
    return good;
}
