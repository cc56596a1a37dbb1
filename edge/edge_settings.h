/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_EDGE_SETTINGS_H
#define CLV_EDGE_SETTINGS_H

/** @file edge_settings.h: what `cleave-edge` is told, by flags and its INI file. */

#include <cleave/edge.h>

#include "base/log.h"
#include "base/options.h"

/** As they are read; strings live as long as the clv_parsed. */
typedef struct clv_edge_texts {
    const char *bundle, *server, *server_name, *ca, *cert, *key;
    const char *cut, *max_cut, *codec, *precision, *temporal, *suffix, *backend, *size, *log_format,
        *log_level, *state, *objective;
    uint64_t min_depth, profile_ms, deadline_ms, in_flight, threads, top, repeat, wait_link_ms;
    double fps, min_agreement, min_snr_db;
    double busy_watts, idle_watts, joules_per_mb, picojoules_per_mac;
    bool tensors;
    clv_string_list input;
} clv_edge_texts;

/** What they mean. */
typedef struct clv_edge_settings {
    clv_edge_options edge;
    clv_string_list input;
    uint32_t width, height; /**< of raw frames; 0: the model's */
    uint64_t repeat;        /**< 0: for ever */
    uint64_t frame_us;      /**< between submissions; 0: as fast as it goes */
    uint64_t wait_link_us;
    uint32_t top;
    bool tensors;
    clv_log_level log_level;
    bool log_json;
} clv_edge_settings;

/** The table of flags, for parsing and for --help. */
extern const clv_option_set clv_edge_option_set;

/** Parse argv and the file of --config. Nothing is in @p out after --help or --version.
 *  @return CLV_OK; CLV_EINVAL (a flag), CLV_ENOENT, CLV_EFORMAT (the file) with @p err. */
CLV_NODISCARD clv_status clv_edge_settings_read(clv_edge_settings *out, clv_parsed *parsed,
                                                int argc, char *const *argv, clv_error *err);

#endif
