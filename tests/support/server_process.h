/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SERVER_PROCESS_H
#define CLV_SERVER_PROCESS_H

/** @file server_process.h: the built cleave-server in a process of its own, with a folder of its
 * own for bundles, keys and its log. The test is its service manager (sd_notify), so it knows
 * without sleeping when the server is ready. What goes wrong fails the test. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVER_PATH_BYTES 256

typedef struct server_process {
    char folder[64];                 /**< removed by server_process_done() */
    char bundles[SERVER_PATH_BYTES]; /**< folder/bundles */
    char pki[SERVER_PATH_BYTES];     /**< folder/pki: ca.crt, localhost.crt, device-1.crt, ... */
    char log[SERVER_PATH_BYTES];     /**< folder/log: its stderr */
    pid_t pid;                       /**< 0: not running */
    uint16_t port;
    int notify_fd; /**< private */
} server_process;

/** Make the folder, a CA, a certificate for "localhost" and for device-1 and device-2. */
void server_process_init(server_process *server);

/** Start it and wait until it is ready. Once it has had a port it has that again.
 *  @param flags  More of them, the last one NULL; may be NULL. */
void server_process_start(server_process *server, const char *const *flags);

/** Run it with exactly these flags until it exits. @return its exit code. */
int server_process_run(server_process *server, const char *const *flags);

void server_process_signal(const server_process *server, int number);

/** Wait until it says @p state ("READY=1"). */
void server_process_await(server_process *server, const char *state);

/** Wait until it exits. @return its exit code, or minus the signal that killed it. */
int server_process_wait(server_process *server);

/** Whether @p text has been logged. */
bool server_process_logged(const server_process *server, const char *text);

/** Kill it if it still runs, remove the folder. */
void server_process_done(server_process *server);

#endif
