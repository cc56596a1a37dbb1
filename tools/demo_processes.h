/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DEMO_PROCESSES_H
#define CLV_DEMO_PROCESSES_H

/** @file demo_processes.h: the demo's stage: a folder with fresh certificates and a bundle, and a
 *  cleave-server process that can be killed and started again. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct demo_stage {
    char dir[64];       /* temporary; removed at the end */
    char program[4096]; /* of cleave-server, beside this program */
    pid_t server;       /* 0: not running */
    unsigned port;      /* 0: not chosen yet; kept over restarts */
} demo_stage;

/** Make the folder and the certificates. */
CLV_NODISCARD clv_status demo_stage_open(demo_stage *stage, clv_error *err);

/** "DIR/name" in static memory of the caller. @return @p dst. */
char *demo_stage_path(char *dst, size_t cap, const demo_stage *stage, const char *name);

/** Start the server and wait until it listens, at most 10 s. */
CLV_NODISCARD clv_status demo_server_start(demo_stage *stage, clv_error *err);

/** SIGKILL: no good-bye. Nothing happens when it isn't running. */
void demo_server_kill(demo_stage *stage);

/** Kill the server and remove the folder. */
void demo_stage_close(demo_stage *stage);

#endif
