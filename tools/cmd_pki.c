/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "net/pki.h"
#include "tools/tool.h"

typedef struct settings {
    const char *server;
    const char *device;
    uint64_t days;
} settings;

static const clv_option init_options[] = {
    {"days", NULL, CLV_OPTION_UINT, offsetof(settings, days), 1, 36500, "N",
     "how long the authority is valid (default: 3650)"},
};

static const clv_option_set init_set = {
    "cleave pki init",
    "DIR",
    "Make a certificate authority (P-256) in DIR.",
    "DIR/ca.key signs everything that devices and servers trust: keep it off both.",
    init_options,
    sizeof init_options / sizeof init_options[0]};

static const clv_option issue_options[] = {
    {"server", NULL, CLV_OPTION_STRING, offsetof(settings, server), 0, 0, "HOST",
     "a certificate for a server that devices reach as HOST (a name or an address)"},
    {"device", NULL, CLV_OPTION_STRING, offsetof(settings, device), 0, 0, "NAME",
     "a certificate for the device NAME"},
    {"days", NULL, CLV_OPTION_UINT, offsetof(settings, days), 1, 36500, "N",
     "how long it is valid (default: 825)"},
};

static const clv_option_set issue_set = {
    "cleave pki issue",
    "DIR",
    "Issue DIR/NAME.crt and DIR/NAME.key from the authority in DIR.",
    "Example:\n  cleave pki init pki\n  cleave pki issue pki --server edge.example.net\n"
    "  cleave pki issue pki --device drone-7",
    issue_options,
    sizeof issue_options / sizeof issue_options[0]};

static int run_init(const char *dir, const settings *s)
{
    clv_error err = CLV_ERROR_INIT;

    tool_hold_signals(); /* no certificate without its key */
    if (clv_pki_init(dir, (unsigned)s->days, &err) != CLV_OK)
        return tool_fail(init_set.program, &err);
    tool_line(stdout, "%s/ca.crt", dir);
    tool_line(stdout, "%s/ca.key (keep it secret, off devices and servers)", dir);
    return TOOL_OK;
}

static int run_issue(const char *dir, const settings *s)
{
    clv_error err = CLV_ERROR_INIT;
    const char *name = s->server ? s->server : s->device;

    if ((s->server == NULL) == (s->device == NULL))
        return tool_usage(issue_set.program, "give either --server HOST or --device NAME");
    tool_hold_signals();
    clv_pki_role role = s->server ? CLV_PKI_SERVER : CLV_PKI_DEVICE;
    if (clv_pki_issue(dir, name, role, (unsigned)s->days, &err) != CLV_OK)
        return tool_fail(issue_set.program, &err);
    tool_line(stdout, "%s/%s.crt", dir, name);
    tool_line(stdout, "%s/%s.key", dir, name);
    return TOOL_OK;
}

int cmd_pki(int argc, char **argv)
{
    bool issue = argc > 1 && strcmp(argv[1], "issue") == 0;
    bool init = argc > 1 && strcmp(argv[1], "init") == 0;
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    settings s = {.days = issue ? 825 : 3650};
    clv_parsed parsed;
    int code = TOOL_OK;

    if (help) {
        clv_options_print_help(stdout, &init_set);
        (void)putchar('\n');
        clv_options_print_help(stdout, &issue_set);
        return TOOL_OK;
    }
    if (!issue && !init)
        return tool_usage("cleave pki", "give 'init' or 'issue'");
    if (tool_parse(&parsed, &s, issue ? &issue_set : &init_set, 1, argc - 1, argv + 1, &code))
        code = issue ? run_issue(parsed.positional.items[0], &s)
                     : run_init(parsed.positional.items[0], &s);
    clv_parsed_done(&parsed);
    return code;
}
