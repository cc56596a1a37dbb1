/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "tools/tool.h"

static const tool_command commands[] = {
    {"build", "make a bundle from an ONNX model", cmd_build},
    {"demo", "show a split network, a killed server and its return, on this machine", cmd_demo},
    {"eval", "measure accuracy over labelled images, whole or through a split", cmd_eval},
    {"inspect", "print the nodes, shapes, costs and cuts of a model", cmd_inspect},
    {"pki", "make the certificates of devices and servers", cmd_pki},
    {"plan", "find where to split a model, from two profiles", cmd_plan},
    {"profile", "measure each node and each cut of a bundle on this machine", cmd_profile},
    {"run", "run a model on images or tensors, here", cmd_run},
    {"verify", "prove that no cut changes a model's answer", cmd_verify},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_usage(FILE *out)
{
    (void)fprintf(out, "Usage: cleave COMMAND [ARGUMENTS]\n\n"
                       "Split a neural network between a device and a server.\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        (void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    (void)fprintf(out,
                  "\n'cleave COMMAND --help' tells more. The daemons are cleave-edge and "
                  "cleave-server.\n"
                  "Exit codes: 0 good, 1 the result is bad, 2 usage, 3 a file or the system.\n");
}

static int unknown_command(const char *name)
{
    clv_nearest nearest;

    clv_nearest_start(&nearest, name);
    for (size_t i = 0; i < N_COMMANDS; i++)
        clv_nearest_offer(&nearest, commands[i].name);
    if (nearest.best != NULL)
        return tool_usage("cleave", "no command '%s'; did you mean '%s'?", name, nearest.best);
    return tool_usage("cleave", "no command '%s'", name);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return TOOL_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return TOOL_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        tool_line(stdout, "cleave %s", CLEAVE_VERSION);
        return TOOL_OK;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    tool_begin();
    return tool_end(dispatch(argc, argv));
}
