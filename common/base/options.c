/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "base/options_parser.h"

/* Flags that every program has. */
#define HELP "help"
#define VERSION "version"
#define CONFIG "config"

/* --- values ------------------------------------------------------------------------------- */

static clv_status out_of_memory(const option_parser *parser)
{
    return clv_fail(parser->err, CLV_ENOMEM, NULL, "out of memory");
}

clv_status option_append(option_parser *parser, option_slot *slot, const char *text)
{
    if (slot->count == slot->cap) {
        size_t cap = slot->cap ? slot->cap * 2 : 8;
        const char **items = clv_arena_alloc(parser->memory, cap, sizeof *items);
        if (items == NULL)
            return out_of_memory(parser);
        for (size_t i = 0; i < slot->count; i++)
            items[i] = slot->items[i];
        slot->items = items;
        slot->cap = cap;
    }
    const char *copy = clv_arena_strndup(parser->memory, text, strlen(text));
    if (copy == NULL)
        return out_of_memory(parser);
    slot->items[slot->count++] = copy;
    return CLV_OK;
}

static clv_status assign_uint(option_parser *parser, const clv_option *option, const char *text,
                              bool keep, const char *where)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool is_number = isdigit((unsigned char)text[0]) && *end == '\0';

    if (is_number && errno == 0 && number >= option->min && number <= option->max) {
        if (keep)
            *(uint64_t *)((char *)parser->settings + option->offset) = number;
        return CLV_OK;
    }
    if (option->max == UINT64_MAX)
        return clv_fail(parser->err, CLV_EINVAL, where,
                        "must be a whole number of at least %llu, not '%s'",
                        (unsigned long long)option->min, text);
    return clv_fail(parser->err, CLV_EINVAL, where,
                    "must be a whole number from %llu to %llu, not '%s'",
                    (unsigned long long)option->min, (unsigned long long)option->max, text);
}

static clv_status assign_double(option_parser *parser, const clv_option *option, const char *text,
                                bool keep, const char *where)
{
    char *end;
    double number = strtod(text, &end);
    if (isspace((unsigned char)text[0]) || end == text || *end != '\0' || !isfinite(number))
        return clv_fail(parser->err, CLV_EINVAL, where, "must be a number, not '%s'", text);
    if (keep)
        *(double *)((char *)parser->settings + option->offset) = number;
    return CLV_OK;
}

static clv_status assign_flag(option_parser *parser, const clv_option *option, const char *text,
                              bool keep, const char *where)
{
    static const char *const yes[] = {"yes", "true", "1"};
    static const char *const no[] = {"no", "false", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        bool is_yes = strcmp(text, yes[i]) == 0;
        if (!is_yes && strcmp(text, no[i]) != 0)
            continue;
        if (keep)
            *(bool *)((char *)parser->settings + option->offset) = is_yes;
        return CLV_OK;
    }
    return clv_fail(parser->err, CLV_EINVAL, where, "must be yes or no, not '%s'", text);
}

static clv_status assign_string(option_parser *parser, const clv_option *option, const char *text,
                                bool keep)
{
    if (!keep)
        return CLV_OK;
    const char *copy = clv_arena_strndup(parser->memory, text, strlen(text));
    if (copy == NULL)
        return out_of_memory(parser);
    *(const char **)((char *)parser->settings + option->offset) = copy;
    return CLV_OK;
}

static clv_status assign_list(option_parser *parser, size_t index, const char *text, bool keep)
{
    option_slot *slot = &parser->slots[index];
    if (!keep)
        return CLV_OK;
    CLV_TRY(option_append(parser, slot, text));
    *(clv_string_list *)((char *)parser->settings + parser->set->options[index].offset) =
        (clv_string_list){slot->items, slot->count};
    return CLV_OK;
}

clv_status option_assign(option_parser *parser, size_t index, const char *text, bool from_file,
                         const char *where)
{
    const clv_option *option = &parser->set->options[index];
    bool keep = !(from_file && parser->slots[index].from_flags);

    if (text[0] == '\0')
        return clv_fail(parser->err, CLV_EINVAL, where, "needs a value");
    switch (option->type) {
    case CLV_OPTION_STRING:
        return assign_string(parser, option, text, keep);
    case CLV_OPTION_UINT:
        return assign_uint(parser, option, text, keep, where);
    case CLV_OPTION_DOUBLE:
        return assign_double(parser, option, text, keep, where);
    case CLV_OPTION_FLAG:
        return assign_flag(parser, option, text, keep, where);
    case CLV_OPTION_LIST:
        return assign_list(parser, index, text, keep);
    }
    return clv_fail(parser->err, CLV_EINTERNAL, where, "an option without a type");
}

/* --- the command line --------------------------------------------------------------------- */

typedef struct arguments {
    int count;
    char *const *words;
    int next;
} arguments;

static bool takes_config(const clv_option_set *set)
{
    for (size_t i = 0; i < set->n_options; i++) {
        if (set->options[i].ini != NULL)
            return true;
    }
    return false;
}

/* A flag as it was written, "--name=value", taken apart. */
typedef struct written_flag {
    char where[64];    /* "--name" */
    const char *name;  /* in `where` */
    const char *value; /* behind '='; NULL: none */
    bool negated;      /* --no-name of a FLAG */
} written_flag;

static void split_flag(written_flag *out, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    *out = (written_flag){.value = equals ? equals + 1 : NULL};
    if (n >= sizeof out->where)
        n = sizeof out->where - 1; /* longer than any name: it will be unknown */
    memcpy(out->where, word, n);
    out->name = out->where + 2;
}

static bool find_option(size_t *out, const clv_option_set *set, written_flag *flag)
{
    for (size_t i = 0; i < set->n_options; i++) {
        if (strcmp(flag->name, set->options[i].name) == 0) {
            *out = i;
            return true;
        }
    }
    for (size_t i = 0; i < set->n_options && strncmp(flag->name, "no-", 3) == 0; i++) {
        if (set->options[i].type == CLV_OPTION_FLAG &&
            strcmp(flag->name + 3, set->options[i].name) == 0) {
            flag->negated = true;
            *out = i;
            return true;
        }
    }
    return false;
}

static clv_status unknown_flag(const option_parser *parser, const written_flag *flag)
{
    clv_nearest nearest;
    clv_nearest_start(&nearest, flag->name);
    for (size_t i = 0; i < parser->set->n_options; i++)
        clv_nearest_offer(&nearest, parser->set->options[i].name);
    clv_nearest_offer(&nearest, HELP);
    clv_nearest_offer(&nearest, VERSION);
    if (takes_config(parser->set))
        clv_nearest_offer(&nearest, CONFIG);
    if (nearest.best != NULL)
        return clv_fail(parser->err, CLV_EINVAL, flag->where, "unknown flag; did you mean --%s?",
                        nearest.best);
    return clv_fail(parser->err, CLV_EINVAL, flag->where, "unknown flag; see --help");
}

/* The value of a flag: behind '=', or the next word. */
static clv_status take_value(const char **out, const option_parser *parser, arguments *args,
                             const written_flag *flag)
{
    if (flag->value != NULL) {
        *out = flag->value;
        return CLV_OK;
    }
    if (args->next >= args->count)
        return clv_fail(parser->err, CLV_EINVAL, flag->where, "needs a value");
    const char *word = args->words[args->next];
    if (strncmp(word, "--", 2) == 0)
        return clv_fail(parser->err, CLV_EINVAL, flag->where,
                        "needs a value; if '%s' is meant, write %s=%s", word, flag->where, word);
    args->next++;
    *out = word;
    return CLV_OK;
}

/* The words behind --list, up to the next flag. */
static clv_status take_list(option_parser *parser, size_t index, arguments *args,
                            const written_flag *flag)
{
    const char *value;
    CLV_TRY(take_value(&value, parser, args, flag));
    CLV_TRY(option_assign(parser, index, value, false, flag->where));
    while (flag->value == NULL && args->next < args->count) {
        const char *word = args->words[args->next];
        if (word[0] == '-' && word[1] != '\0')
            break;
        CLV_TRY(option_assign(parser, index, word, false, flag->where));
        args->next++;
    }
    return CLV_OK;
}

static clv_status take_flag(option_parser *parser, clv_parsed *parsed, arguments *args,
                            const char *word)
{
    written_flag flag;
    size_t index;
    const char *value;

    split_flag(&flag, word);
    if (strcmp(flag.name, CONFIG) == 0 && takes_config(parser->set)) {
        if (parsed->config_path != NULL)
            return clv_fail(parser->err, CLV_EINVAL, flag.where, "given twice");
        return take_value(&parsed->config_path, parser, args, &flag);
    }
    if (!find_option(&index, parser->set, &flag))
        return unknown_flag(parser, &flag);

    const clv_option *option = &parser->set->options[index];
    if (parser->slots[index].from_flags && option->type != CLV_OPTION_LIST)
        return clv_fail(parser->err, CLV_EINVAL, flag.where, "given twice");
    parser->slots[index].from_flags = true;
    if (option->type == CLV_OPTION_LIST)
        return take_list(parser, index, args, &flag);
    if (option->type != CLV_OPTION_FLAG)
        CLV_TRY(take_value(&value, parser, args, &flag));
    else if (flag.value == NULL)
        value = flag.negated ? "no" : "yes";
    else
        return clv_fail(parser->err, CLV_EINVAL, flag.where,
                        "takes no value: --%s is yes, --no-%s is no", option->name, option->name);
    return option_assign(parser, index, value, false, flag.where);
}

static clv_status take_positional(option_parser *parser, clv_parsed *parsed, const char *word)
{
    option_slot *slot = &parser->slots[parser->set->n_options];
    if (parser->set->positional == NULL)
        return clv_fail(parser->err, CLV_EINVAL, NULL, "unexpected word '%s'; see --help", word);
    CLV_TRY(option_append(parser, slot, word));
    parsed->positional = (clv_string_list){slot->items, slot->count};
    return CLV_OK;
}

static clv_status take_arguments(option_parser *parser, clv_parsed *parsed, arguments *args)
{
    bool only_words = false;

    while (args->next < args->count && !parsed->help && !parsed->version) {
        const char *word = args->words[args->next++];
        if (only_words || word[0] != '-' || word[1] == '\0')
            CLV_TRY(take_positional(parser, parsed, word));
        else if (strcmp(word, "--") == 0)
            only_words = true;
        else if (strcmp(word, "--" HELP) == 0 || strcmp(word, "-h") == 0)
            parsed->help = true;
        else if (strcmp(word, "--" VERSION) == 0)
            parsed->version = true;
        else if (word[1] == '-')
            CLV_TRY(take_flag(parser, parsed, args, word));
        else
            return clv_fail(parser->err, CLV_EINVAL, word, "unknown flag; see --help");
    }
    return CLV_OK;
}

clv_status clv_options_parse(clv_parsed *parsed, void *settings, const clv_option_set *set,
                             int argc, char *const *argv, clv_error *err)
{
    option_parser parser = {set, settings, NULL, NULL, err};
    arguments args = {argc, argv, 1};

    *parsed = (clv_parsed){.memory = clv_calloc(1, sizeof *parsed->memory)};
    parser.memory = parsed->memory;
    if (parser.memory == NULL)
        return out_of_memory(&parser);
    parser.slots = clv_arena_alloc(parser.memory, set->n_options + 1, sizeof *parser.slots);
    if (parser.slots == NULL)
        return out_of_memory(&parser);

    CLV_TRY(take_arguments(&parser, parsed, &args));
    if (parsed->config_path == NULL || parsed->help || parsed->version)
        return CLV_OK;
    return option_read_ini(&parser, parsed->config_path);
}

void clv_parsed_done(clv_parsed *parsed)
{
    if (parsed->memory != NULL)
        clv_arena_done(parsed->memory);
    clv_free(parsed->memory);
    *parsed = (clv_parsed){0};
}
