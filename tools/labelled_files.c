/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/labelled_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"

#define MAX_CSV_BYTES ((size_t)256 << 20)
#define MAX_COLUMNS 64u
#define MAX_FIELD 4096u

typedef struct csv {
    const char *path;
    const char *at, *end;
    size_t line; /* of `at`; 1 is the first */
    clv_arena *memory;
} csv;

static clv_status fail_line(clv_error *err, const csv *c, size_t line, const char *what)
{
    char where[512];
    (void)snprintf(where, sizeof where, "%.400s, line %zu", c->path, line);
    return clv_fail(err, CLV_EFORMAT, where, "%s", what);
}

/* One field, unquoted, in the arena. *last_out tells that the line ends here. */
static clv_status read_field(const char **out, bool *last_out, csv *c, clv_error *err)
{
    char text[MAX_FIELD];
    size_t n = 0, line = c->line;
    bool quoted = c->at < c->end && *c->at == '"';

    c->at += quoted;
    for (; c->at < c->end; c->at++) {
        if (quoted && *c->at == '"') {
            quoted = c->at + 1 < c->end && c->at[1] == '"'; /* "" is a quote in the text */
            if (!quoted)
                continue;
            c->at++;
        } else if (!quoted && (*c->at == ',' || *c->at == '\n')) {
            break;
        } else if (!quoted && *c->at == '\r') {
            continue;
        }
        c->line += *c->at == '\n';
        if (n == sizeof text)
            return fail_line(err, c, line, "a field is longer than 4096 bytes");
        text[n++] = *c->at;
    }
    if (quoted)
        return fail_line(err, c, line, "a quote is not closed");
    *last_out = c->at == c->end || *c->at == '\n';
    c->line += *last_out;
    c->at += c->at < c->end;
    *out = clv_arena_strndup(c->memory, text, n);
    return *out != NULL ? CLV_OK : clv_fail(err, CLV_ENOMEM, c->path, "out of memory");
}

/* A line's fields; more than MAX_COLUMNS are read over. */
static clv_status read_line(const char *fields[MAX_COLUMNS], size_t *n_out, csv *c, clv_error *err)
{
    size_t n = 0;

    for (bool last = false; !last;) {
        const char *field;
        CLV_TRY(read_field(&field, &last, c, err));
        if (n < MAX_COLUMNS)
            fields[n++] = field;
    }
    *n_out = n;
    return CLV_OK;
}

static size_t find_column(const char *const *fields, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(fields[i], name) != 0)
        i++;
    return i;
}

static clv_status append(labelled_files *out, size_t *cap, const char *file, int64_t index)
{
    if (out->count == *cap) {
        size_t wanted = *cap > 0 ? *cap * 2 : 256;
        labelled_file *items = clv_realloc_array(out->items, wanted, sizeof *items);
        if (items == NULL)
            return CLV_ENOMEM;
        out->items = items;
        *cap = wanted;
    }
    out->items[out->count++] = (labelled_file){file, index};
    return CLV_OK;
}

static bool read_index(int64_t *out, const char *text)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static clv_status read_rows(labelled_files *out, csv *c, clv_error *err)
{
    const char *fields[MAX_COLUMNS];
    size_t n, cap = 0;

    CLV_TRY(read_line(fields, &n, c, err));
    size_t file = find_column(fields, n, "file"), index = find_column(fields, n, "class_index");
    if (file == n || index == n)
        return fail_line(err, c, 1, "the first line must name the columns file and class_index");
    while (c->at < c->end) {
        size_t line = c->line;
        int64_t value;
        CLV_TRY(read_line(fields, &n, c, err));
        if (n == 1 && fields[0][0] == '\0')
            continue; /* an empty line */
        if (file >= n || index >= n)
            return fail_line(err, c, line, "a column is missing");
        if (!read_index(&value, fields[index]))
            return fail_line(err, c, line, "class_index is no whole number");
        if (append(out, &cap, fields[file], value) != CLV_OK)
            return clv_fail(err, CLV_ENOMEM, c->path, "out of memory");
    }
    return out->count > 0 ? CLV_OK : clv_fail(err, CLV_EFORMAT, c->path, "it lists no image");
}

clv_status labelled_files_read(labelled_files *out, const char *path, clv_error *err)
{
    static const char mark[] = "\xef\xbb\xbf"; /* what spreadsheets put first */
    clv_mapping file;

    *out = (labelled_files){0};
    CLV_TRY(clv_mapping_open(&file, path, MAX_CSV_BYTES, err));
    const char *text = (const char *)file.data;
    csv c = {path, text, text + file.size, 1, &out->memory};
    if (file.size >= 3 && memcmp(text, mark, 3) == 0)
        c.at += 3;
    clv_status status = file.size > 0 ? read_rows(out, &c, err)
                                      : clv_fail(err, CLV_EFORMAT, path, "the file is empty");
    clv_mapping_done(&file);
    return status;
}

void labelled_files_done(labelled_files *files)
{
    clv_free(files->items);
    clv_arena_done(&files->memory);
    *files = (labelled_files){0};
}
