/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_OPTIONS_H
#define CLV_OPTIONS_H

/** @file options.h: a program's settings from one table: flags, the INI file, defaults, --help.
 *
 *  Each setting is one line; its value goes into a member of the caller's struct. Flags win over
 *  the INI file. What is unknown, twice, empty or out of range is an error that names the flag, or
 *  the file and line, and what is accepted.
 *
 *  Flags: `--name value`, `--name=value`; a value that starts with "--" needs the second form.
 *  `--list a b c` takes words up to the next flag; `--` ends the flags. `-` is a word.
 *
 *  INI, read by inih: [section], `name = value` (or `name: value`), comments behind # or ; at the
 *  start of a line or ` ;` behind a value. A list is one line for each item. Lines of at most 198
 *  characters (inih's default), indented ones mean the same; files of at most 1 MiB. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cleave/status.h>

typedef enum clv_option_type {
    CLV_OPTION_STRING, /**< const char *; lives until clv_parsed_done() */
    CLV_OPTION_UINT,   /**< uint64_t within [min, max] */
    CLV_OPTION_DOUBLE, /**< double */
    CLV_OPTION_FLAG,   /**< bool; --name sets it, --no-name clears it; INI: yes/no/true/false/1/0 */
    CLV_OPTION_LIST    /**< clv_string_list; may be given several times, or (flags only) be followed
                            by several words */
} clv_option_type;

typedef struct clv_string_list {
    const char *const *items;
    size_t count;
} clv_string_list;

typedef struct clv_option {
    const char *name; /**< "deadline-ms": --deadline-ms */
    const char *ini;  /**< "edge.deadline_ms": [edge] deadline_ms; NULL: a flag only */
    clv_option_type type;
    size_t offset;     /**< offsetof(settings, member) */
    uint64_t min, max; /**< UINT */
    const char *value; /**< what --help calls the value: "MS"; NULL for flags */
    const char *help;  /**< one line; says the default */
} clv_option;

typedef struct clv_option_set {
    const char *program;    /**< "cleave run" */
    const char *positional; /**< "MODEL"; NULL: none are taken */
    const char *summary;    /**< first line of --help */
    const char *epilogue;   /**< examples, exit codes; may be NULL */
    const clv_option *options;
    size_t n_options;
} clv_option_set;

/** What a command line came to. */
typedef struct clv_parsed {
    bool help;               /**< --help: print it with clv_options_print_help(), exit 0 */
    bool version;            /**< --version */
    const char *config_path; /**< --config FILE, or NULL; only where the set has INI names */
    clv_string_list positional;
    struct clv_arena *memory; /**< of strings and lists in here and in the settings */
} clv_parsed;

/** Read argv over @p settings, which holds the defaults, and the file of --config, which must be
 *  there. After --help or --version nothing more is looked at. Settings may be changed in part on
 *  failure; @p parsed is valid for clv_parsed_done() in every case.
 *  @return CLV_OK; CLV_EINVAL where a flag is wrong; CLV_EFORMAT, CLV_ENOENT, CLV_EIO, CLV_ELIMIT
 *          where the file is; CLV_ENOMEM; with @p err. */
CLV_NODISCARD clv_status clv_options_parse(clv_parsed *parsed, void *settings,
                                           const clv_option_set *set, int argc, char *const *argv,
                                           clv_error *err);
void clv_parsed_done(clv_parsed *parsed); /* idempotent */

/** Usage, summary, flags with their help in 100 columns, epilogue as it is. */
void clv_options_print_help(FILE *out, const clv_option_set *set);

#endif
