/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/verify.h"
#include "tools/tool.h"
#include "tools/tool_json.h"
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
    "Exit code 1: some cut changes the answer. worst_difference is null where one has a NaN.",
    options,
    sizeof options / sizeof options[0]};

static clv_status print_json(const char *path, const clv_program *program,
                             const clv_verify_result *result, clv_error *err)
{
    uint32_t n_nodes = clv_program_graph(program)->n_nodes;
    json_t *first = result->mismatches > 0 ? json_integer(result->first_mismatch) : json_null();

    return tool_json_print(json_pack("{s:o, s:s, s:i, s:i, s:i, s:o, s:o}", "model",
                                     tool_json_text(path), "backend",
                                     n_nodes > 0 ? clv_program_step_backend(program, 0) : "none",
                                     "nodes", (int)n_nodes, "cuts", (int)result->cuts, "mismatches",
                                     (int)result->mismatches, "first_mismatch", first,
                                     "worst_difference", tool_json_real(result->worst_difference)),
                           err);
}

static void print_text(const char *path, const clv_verify_result *result)
{
    tool_line(stdout, "%s: %u cuts, %u mismatches", path, result->cuts, result->mismatches);
    if (result->mismatches > 0)
        tool_line(stdout, "the first at cut %u, worst difference %g", result->first_mismatch,
                  result->worst_difference);
}

static clv_status verify(clv_verify_result *result, tool_model *model, clv_program **program,
                         const settings *s, const char *path, clv_error *err)
{
    CLV_TRY(tool_model_open(model, path, &s->model, err));
    CLV_TRY(tool_model_compile(program, model, model->form, &s->model, err));
    clv_status status = clv_verify_cuts(result, *program, s->seed, err);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, path);
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    tool_model model = {0};
    clv_program *program = NULL;
    clv_verify_result result = {0};

    clv_status status = verify(&result, &model, &program, s, path, &err);
    if (status == CLV_OK && s->json)
        status = print_json(path, program, &result, &err);
    else if (status == CLV_OK)
        print_text(path, &result);
    clv_program_free(program);
    tool_model_done(&model);
    if (status != CLV_OK)
        return tool_fail(set.program, &err);
    return result.mismatches == 0 ? TOOL_OK : TOOL_FAILED;
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
