/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAB_SCRIPT_H
#define LAB_SCRIPT_H

/** @file lab_script.h: what happens to the link and to the machines, and when: a text file with a
 *  line for each event (docs/lab.md):
 *
 *      SECONDS WHAT VALUE [up|down]
 *
 *  Empty lines and what follows a # mean nothing. Times are counted from the device's start and
 *  don't go back. */
#include <stddef.h>

#include "base/error.h"
#include "lab_pipe.h"

typedef enum lab_what {
    LAB_RATE,    /**< Mbit/s; 0: no limit */
    LAB_DELAY,   /**< ms, one way */
    LAB_JITTER,  /**< ms */
    LAB_QUEUE,   /**< ms at the set rate */
    LAB_LOSS,    /**< percent */
    LAB_REORDER, /**< percent */
    LAB_OUTAGE,  /**< on, off */
    LAB_DEVICE,  /**< times slower, 1..1000 */
    LAB_SERVER,  /**< times slower, 1..1000 */
    LAB_PHASE    /**< a name: the report has a row from here on */
} lab_what;

enum { LAB_UP = 1, LAB_DOWN = 2 }; /* device to server, server to device */

typedef struct lab_event {
    uint64_t at_us;
    lab_what what;
    double value;
    unsigned ways; /* LAB_UP | LAB_DOWN, of what the link has two of */
    char name[32]; /* of a phase */
} lab_event;

typedef struct lab_script {
    lab_event *events;
    uint32_t count;
} lab_script;

/** Read a script of @p bytes of text. @p name is the file's, for messages.
 *  @param[out] out  Give back with lab_script_done(); left untouched on failure.
 *  @return CLV_OK; CLV_EFORMAT (with the line), CLV_ENOMEM. */
CLV_NODISCARD clv_status lab_script_parse(lab_script *out, const char *text, size_t bytes,
                                          const char *name, clv_error *err);
void lab_script_done(lab_script *script);

/** Change @p link, [0] up, [1] down, as the event says. Events of machines and phases do nothing.
 */
void lab_event_apply(lab_impairment link[2], const lab_event *event);

#endif
