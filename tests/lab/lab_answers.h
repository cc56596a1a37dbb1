/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAB_ANSWERS_H
#define LAB_ANSWERS_H

/** @file lab_answers.h: what a device said, phase by phase: counts its lines of JSON
 *  (docs/edge.md) by who answered, what came late, and how long it took. */
#include <stdio.h>

#include "base/error.h"
#include "lab_script.h"

#define LAB_MAX_PHASES 64u

typedef struct lab_answers lab_answers;

/** Phases are those of @p script (borrowed for the call), with one named "start" before them.
 *  @return CLV_OK; CLV_ENOMEM, CLV_ELIMIT (too many phases). */
CLV_NODISCARD clv_status lab_answers_create(lab_answers **out, const lab_script *script,
                                            clv_error *err);

/** Bytes of the device's output, as they come, @p at_us after its start. What is no line of an
 *  answer is counted as such. */
void lab_answers_add(lab_answers *answers, const char *bytes, size_t count, uint64_t at_us);

/** A table with a row for each phase in which something was answered, and one for all. */
void lab_answers_print(FILE *out, lab_answers *answers);

void lab_answers_free(lab_answers *answers); /* NULL is a no-op */

#endif
