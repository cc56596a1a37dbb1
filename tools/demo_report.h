/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DEMO_REPORT_H
#define CLV_DEMO_REPORT_H

/** @file demo_report.h: what the demo counts, and how it is shown: colours on a terminal, plain in
 *  a pipe. */

#include <cleave/edge.h>

#include <stdio.h>

#define DEMO_MAX_FRAMES 1000u

/** One act of the demo: some frames at one cut. */
typedef struct demo_act {
    const char *title;
    uint32_t cut;
    uint32_t submitted;
    uint32_t answers[DEMO_MAX_FRAMES]; /* of each frame: must be 1 */
    uint32_t late;
    struct {
        uint32_t frames, right;
        uint64_t bytes, total_us;
    } by_source[CLV_SOURCE_COUNT];
} demo_act;

/** Count an answer to frame @p index of the act; @p right: the class was the drawn one. */
void demo_act_count(demo_act *act, const clv_edge_answer *answer, uint32_t index, bool right);

/** Whether @p out can take colours: a terminal, NO_COLOR unset. */
bool demo_has_colours(FILE *out);

/** The table of all acts. */
void demo_print_table(FILE *out, const demo_act *acts, uint32_t n_acts);

/** The last lines: how many were submitted, answered, lost, answered twice, late.
 *  @return true when none was lost and none answered twice. */
bool demo_print_verdict(FILE *out, const demo_act *acts, uint32_t n_acts);

#endif
