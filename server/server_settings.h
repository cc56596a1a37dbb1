/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SERVER_SETTINGS_H
#define CLV_SERVER_SETTINGS_H

/** @file server_settings.h: what cleave-server can be told: flags, INI, defaults. docs/server.md.
 */

#include "base/log.h"
#include "base/options.h"
#include "kernel/backend.h"

typedef struct clv_server_settings {
    const char *listen;  /**< "host:port" */
    const char *bundles; /**< folder */
    const char *ca, *cert, *key;
    const char *backend;
    uint64_t workers; /**< 0: one for each core that the process may use */
    uint64_t threads_per_worker;
    uint64_t queue;
    uint64_t reference_bytes; /**< for each device */
    uint64_t drain_ms;
    const char *state;      /**< folder for profiles; NULL: systemd's, or none */
    uint64_t profile_ms;    /**< 0: no profiles */
    uint64_t profile_batch; /**< frames; 1: one alone */
    const char *port_file;  /**< NULL: none */
    const char *log_level, *log_format;
} clv_server_settings;

extern const clv_server_settings clv_server_defaults;
extern const clv_option_set clv_server_option_set;

/** Settings that need a look-up. */
typedef struct clv_server_choices {
    clv_log_level log_level;
    bool log_json;
    const clv_backend *backend;
    uint32_t workers;
} clv_server_choices;

/** Check what one setting alone doesn't show.
 *  @return CLV_OK; CLV_EINVAL with @p err naming the setting and what is accepted. */
CLV_NODISCARD clv_status clv_server_settings_check(clv_server_choices *out,
                                                   const clv_server_settings *settings,
                                                   clv_error *err);

#endif
