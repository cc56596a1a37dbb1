/* SPDX-License-Identifier: Apache-2.0 */
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/options_parser.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)

/* inih asks for one line at a time: so the line that a value comes from is known here. */
typedef struct ini_source {
    option_parser *parser;
    const char *path;
    const char *next, *end; /* what is still unread */
    size_t line;
    clv_status status; /* the first failure */
    char where[256];
} ini_source;

static void set_where(ini_source *source, size_t line)
{
    (void)snprintf(source->where, sizeof source->where, "%.200s:%zu", source->path, line);
}

static clv_status fail_here(ini_source *source, clv_status status, const char *message)
{
    source->status = clv_fail(source->parser->err, status, source->where, "%s", message);
    return source->status;
}

/* As fgets(), from memory. Leading blanks are left out: to inih an indented line continues the
 * value before it, to people it is a setting of its own. */
static char *read_line(char *dst, int cap, void *context)
{
    ini_source *source = context;
    size_t room = (size_t)cap - 2; /* for the line's end and the NUL */

    if (source->status != CLV_OK || source->next == source->end)
        return NULL;
    set_where(source, ++source->line);

    size_t left = (size_t)(source->end - source->next);
    const char *newline = memchr(source->next, '\n', left);
    const char *stop = newline ? newline : source->end;
    const char *start = source->next;
    while (start < stop && (*start == ' ' || *start == '\t'))
        start++;
    size_t bytes = (size_t)(stop - start);
    source->next = newline ? newline + 1 : source->end;
    if (bytes > room) {
        char message[80];
        (void)snprintf(message, sizeof message, "the line is longer than %zu characters", room);
        (void)fail_here(source, CLV_ELIMIT, message);
        return NULL;
    }
    if (memchr(start, '\0', bytes) != NULL) {
        (void)fail_here(source, CLV_EFORMAT, "not a text file: a NUL byte");
        return NULL;
    }
    memcpy(dst, start, bytes);
    dst[bytes] = '\n';
    dst[bytes + 1] = '\0';
    return dst;
}

static clv_status unknown_key(const ini_source *source, const char *key)
{
    const clv_option_set *set = source->parser->set;
    clv_error *err = source->parser->err;
    clv_nearest nearest;

    clv_nearest_start(&nearest, key);
    for (size_t i = 0; i < set->n_options; i++) {
        if (set->options[i].ini != NULL)
            clv_nearest_offer(&nearest, set->options[i].ini);
    }
    const char *dot = nearest.best ? strchr(nearest.best, '.') : NULL;
    if (dot != NULL)
        return clv_fail(err, CLV_EINVAL, source->where,
                        "unknown setting '%s'; did you mean %s in section [%.*s]?", key, dot + 1,
                        (int)(dot - nearest.best), nearest.best);
    if (nearest.best != NULL)
        return clv_fail(err, CLV_EINVAL, source->where, "unknown setting '%s'; did you mean %s?",
                        key, nearest.best);
    return clv_fail(err, CLV_EINVAL, source->where, "unknown setting '%s'", key);
}

static clv_status take_setting(ini_source *source, const char *section, const char *name,
                               const char *value)
{
    option_parser *parser = source->parser;
    char key[128];
    (void)snprintf(key, sizeof key, "%s%s%s", section, section[0] ? "." : "", name);

    for (size_t i = 0; i < parser->set->n_options; i++) {
        const clv_option *option = &parser->set->options[i];
        if (option->ini == NULL || strcmp(option->ini, key) != 0)
            continue;
        option_slot *slot = &parser->slots[i];
        if (slot->ini_line != 0 && option->type != CLV_OPTION_LIST)
            return clv_fail(parser->err, CLV_EINVAL, source->where,
                            "%s was set on line %zu already", name, slot->ini_line);
        slot->ini_line = source->line;
        char where[sizeof source->where + sizeof key];
        (void)snprintf(where, sizeof where, "%s: %s", source->where, name);
        return option_assign(parser, i, value, true, where);
    }
    return unknown_key(source, key);
}

static int on_setting(void *context, const char *section, const char *name, const char *value)
{
    ini_source *source = context;
    clv_error *err = source->parser->err;
    if (source->status == CLV_OK)
        source->status = take_setting(source, section, name, value);
    if (source->status == CLV_EINVAL) /* of a flag; here it is the file that is wrong */
        source->status = CLV_EFORMAT;
    if (err != NULL)
        err->code = source->status;
    return source->status == CLV_OK;
}

clv_status option_read_ini(option_parser *parser, const char *path)
{
    clv_mapping file;
    CLV_TRY(clv_mapping_open(&file, path, MAX_FILE_BYTES, parser->err));

    ini_source source = {.parser = parser, .path = path};
    if (file.size > 0) {
        source.next = (const char *)file.data;
        source.end = source.next + file.size;
        int bad_line = ini_parse_stream(read_line, &source, on_setting, &source);
        /* inih goes on behind a line that it can't read: that line is the first mistake, whatever
         * was found later. */
        if (bad_line != 0 && (source.status == CLV_OK || (size_t)bad_line < source.line)) {
            set_where(&source, (size_t)bad_line);
            (void)fail_here(&source, CLV_EFORMAT,
                            "not a [section], a 'name = value' or a # comment");
        }
    }
    clv_mapping_done(&file);
    return source.status;
}
