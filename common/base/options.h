/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_OPTIONS_H
#define CLV_OPTIONS_H

/** @file options.h: a program's settings from one table: flags, the INI file, defaults, --help.
 *
 *  Each setting is one line; its value goes into a member of the caller's struct. The INI file
 *  is read first, flags win. What is unknown, twice or out of range is an error that names the
 *  flag, or the file and line, and what is accepted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cleave/status.h>

typedef enum clv_option_type {
    CLV_OPTION_STRING, /**< const char *; memory of the clv_options_memory */
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
    const char *name;   /**< "deadline-ms": --deadline-ms */
    const char *ini;    /**< "edge.deadline_ms": [edge] deadline_ms; NULL: a flag only */
    clv_option_type type;
    size_t offset;      /**< offsetof(settings, member) */
    uint64_t min, max;  /**< UINT */
    const char *value;  /**< what --help calls the value: "MS"; NULL for flags */
    const char *help;   /**< one line; says the default */
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
    bool help;                  /**< --help: print it with clv_options_print_help(), exit 0 */
    bool version;               /**< --version */
    const char *config_path;    /**< --config FILE, or NULL; only where the set has INI names */
    clv_string_list positional;
    struct clv_arena *memory;   /**< strings and lists; free with clv_parsed_done() */
} clv_parsed;

/** Read argv over @p settings, which holds the defaults. When --config is given, the file is read
 *  first (a missing one is an error).
 *  @return CLV_OK; CLV_EINVAL, CLV_ENOENT, CLV_EFORMAT with @p err. @p parsed is valid for
 *          clv_parsed_done() in every case. */
CLV_NODISCARD clv_status clv_options_parse(clv_parsed *parsed, void *settings,
                                           const clv_option_set *set, int argc, char *const *argv,
                                           clv_error *err);
void clv_parsed_done(clv_parsed *parsed); /* idempotent */

void clv_options_print_help(FILE *out, const clv_option_set *set);

#endif
