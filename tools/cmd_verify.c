/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "runtime/verify.h"
#include "tools/tool.h"
#include "tools/tool_model.h"

typedef struct settings {
    tool_model_settings model;
    uint64_t seed;
    bool json;
} settings;

static const clv_option options[] = {
    {"seed", NULL, CLV_OPTION_UINT, offsetof(settings, seed), 0, UINT32_MAX, "N",
     "of the random input (default: 1)"},
    {"json", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    TOOL_COMPILE_OPTIONS(settings),
    TOOL_SHAPE_OPTIONS(settings),
};

static const clv_option_set set = {
    "cleave verify",
    "MODEL",
    "Run every cut as prefix, frontier, suffix and compare with the whole, bit for bit.",
    "The suffix starts from memory full of garbage, so only the frontier can carry the answer.\n"
    "Exit code 1: some cut changes the answer.",
    options,
    sizeof options / sizeof options[0]};

static void print_result(const settings *s, const tool_model *model, const clv_program *program,
                         const clv_verify_result *result)
{
    if (!s->json) {
        (void)printf("%s: %u cuts, %u mismatches", model->path, result->cuts, result->mismatches);
        if (result->mismatches > 0)
            (void)printf(", first at cut %u, worst difference %g", result->first_mismatch,
                         result->worst_difference);
        (void)printf("\n");
        return;
    }
    const clv_graph *graph = clv_program_graph(program);
    json_t *root = json_pack("{s:s, s:s, s:i, s:i, s:i, s:f}", "model", model->path, "backend",
                             graph->n_nodes ? clv_program_step_backend(program, 0) : "none",
                             "nodes", (int)graph->n_nodes, "cuts", (int)result->cuts, "mismatches",
                             (int)result->mismatches, "worst_difference",
                             isfinite(result->worst_difference) ? result->worst_difference : 1e308);
    (void)json_dumpf(root, stdout, JSON_INDENT(2));
    (void)printf("\n");
    json_decref(root);
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    tool_model model;
    clv_program *program = NULL;
    clv_verify_result result;
    int code;

    if (tool_model_open(&model, path, &s->model, &err) != CLV_OK ||
        tool_model_compile(&program, &model, &s->model, &err) != CLV_OK ||
        clv_verify_cuts(&result, program, s->seed, &err) != CLV_OK) {
        code = tool_fail(set.program, &err);
    } else {
        print_result(s, &model, program, &result);
        code = result.mismatches == 0 ? TOOL_OK : TOOL_FAILED;
    }
    clv_program_free(program);
    tool_model_done(&model);
    return code;
}

int cmd_verify(int argc, char **argv)
{
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT, .seed = 1};
    clv_parsed parsed;
    int code;

    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, parsed.positional.items[0]);
    clv_parsed_done(&parsed);
    return code;
}
