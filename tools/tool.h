/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOOL_H
#define CLV_TOOL_H

/** @file tool.h: what every subcommand of `cleave` shares: its entry, exit codes, lines, signals.
 */

#include "base/error.h"
#include "base/options.h"

/** What the shell sees; printed by `cleave --help`. */
enum {
    TOOL_OK = 0,
    TOOL_FAILED = 1, /* the work was done and its result is bad: a mismatch, a frame lost */
    TOOL_USAGE = 2,  /* the command line */
    TOOL_INPUT = 3   /* a file, a model or an image that can't be used; an error of the system */
};

typedef struct tool_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand */
} tool_command;

int cmd_build(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_pki(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* --- the command line --------------------------------------------------------------------- */

/** Parse the command line, and answer --help. @return true: go on; false: return *exit_out.
 *  @p n_positional words are needed, neither more nor fewer. */
bool tool_parse(clv_parsed *parsed, void *settings, const clv_option_set *set, size_t n_positional,
                int argc, char **argv, int *exit_out);

/** The same where more words may follow @p n_least. */
bool tool_parse_words(clv_parsed *parsed, void *settings, const clv_option_set *set, size_t n_least,
                      int argc, char **argv, int *exit_out);

/** Refuse to write @p output, the value of @p flag, over something that the command reads or that
 *  is no regular file (a rename would replace /dev/null itself).
 *  @param inputs  @p n paths; NULL ones are none. */
CLV_NODISCARD clv_status tool_check_output(const char *flag, const char *output,
                                           const char *const *inputs, size_t n, clv_error *err);

/** As `mkdir -p`. @return CLV_OK; CLV_EIO, CLV_ELIMIT with @p err. */
CLV_NODISCARD clv_status tool_make_folders(const char *dir, clv_error *err);

/* --- lines -------------------------------------------------------------------------------- */

/** One line and its newline, control characters escaped: names in a file can't drive a terminal. */
CLV_PRINTF(2, 3) void tool_line(FILE *out, const char *fmt, ...);

/** "cleave run: m.onnx: header: the file is cut off" on stderr; returns the exit code: TOOL_USAGE
 *  where the location is a flag ("--codec"), else TOOL_INPUT. */
int tool_fail(const char *command, const clv_error *err);

/** A usage error in words of our own: "cleave run: ...; see 'cleave run --help'". TOOL_USAGE. */
CLV_PRINTF(2, 3) int tool_usage(const char *command, const char *fmt, ...);

/** Whether stderr can show progress: a terminal that isn't "dumb". */
bool tool_shows_progress(void);

/** Draw or, with total 0, wipe a progress line "what 12/200" on stderr, if it can show one. */
void tool_progress(const char *what, size_t done, size_t total);

/* --- the program's life ------------------------------------------------------------------- */

/** Take descriptors 0 to 2 where the caller closed them, so that no file gets one of them and is
 *  then written to as if it were stdout. */
void tool_begin(void);

/** From here on SIGINT, SIGTERM and SIGHUP wait for tool_go_on() or tool_end(), so that no file is
 *  left half-written; a second signal ends the program at once. */
void tool_hold_signals(void);

/** Between two pieces of work. @return CLV_OK; CLV_ECLOSED with @p err when a signal waits. */
CLV_NODISCARD clv_status tool_go_on(clv_error *err);

/** Last call of main(): the signal that waits ends the program; otherwise stdout is flushed.
 *  @return @p code, or TOOL_INPUT instead of success when stdout couldn't be written. */
int tool_end(int code);

#endif
