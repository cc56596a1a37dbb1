/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_OPTIONS_PARSER_H
#define CLV_OPTIONS_PARSER_H

/** @file options_parser.h: what options.c and options_ini.c share; nobody else includes it. */

#include "base/memory.h"
#include "base/options.h"

/** Where a setting's value has come from so far, and its list while it grows. */
typedef struct option_slot {
    bool from_flags;
    size_t ini_line; /**< 0: not in the file */
    const char **items;
    size_t count, cap;
} option_slot;

typedef struct option_parser {
    const clv_option_set *set;
    void *settings;
    clv_arena *memory;
    option_slot *slots; /**< one for each option, then one for the positional words */
    clv_error *err;
} option_parser;

/** Check @p text as a value of option @p index and keep it, unless it is from the file and a flag
 *  has set the option already.
 *  @param where  The flag, or file and line, for messages. */
CLV_NODISCARD clv_status option_assign(option_parser *parser, size_t index, const char *text,
                                       bool from_file, const char *where);

/** Append a copy of @p text to the list of slot @p slot. */
CLV_NODISCARD clv_status option_append(option_parser *parser, option_slot *slot, const char *text);

/** Read the INI file at @p path. */
CLV_NODISCARD clv_status option_read_ini(option_parser *parser, const char *path);

#endif
