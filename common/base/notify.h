/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NOTIFY_H
#define CLV_NOTIFY_H

/** @file notify.h: tells the service manager what a daemon does: sd_notify(3), without libsystemd.
 *  Nothing happens where $NOTIFY_SOCKET isn't set, and a manager that can't be told never stops a
 *  daemon: so these return nothing. Thread-safe. */

void clv_notify_ready(void); /**< READY=1: start-up, or a reload, is over */
void clv_notify_reloading(
    void); /**< RELOADING=1, with the moment that Type=notify-reload asks for */
void clv_notify_stopping(void); /**< STOPPING=1 */

#endif
