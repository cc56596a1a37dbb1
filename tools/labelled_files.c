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
    const char *at, *end;
    size_t line;
    clv_arena *memory;
} csv;

/* One field, unquoted and cut to MAX_FIELD, in the arena. NULL: out of memory. *last tells that the
 * line ends here. */
static const char *read_field(csv *c, bool *last)
{
    char text[MAX_FIELD];
    size_t n = 0;
    bool quoted = c->at < c->end && *c->at == '"';

    c->at += quoted;
    for (; c->at < c->end; c->at++) {
        if (quoted && *c->at == '"') {
            if (c->at + 1 == c->end || c->at[1] != '"') {
                quoted = false;
                continue;
            }
            c->at++;
        } else if (!quoted && (*c->at == ',' || *c->at == '\n')) {
            break;
        }
        if (n < sizeof text && !(*c->at == '\r' && !quoted))
            text[n++] = *c->at;
    }
    *last = c->at == c->end || *c->at == '\n';
    if (c->at < c->end)
        c->at++;
    return clv_arena_strndup(c->memory, text, n);
}

/* A line's fields. @return their number; 0: out of memory. */
static size_t read_line(csv *c, const char *fields[MAX_COLUMNS])
{
    size_t n = 0;

    c->line++;
    for (bool last = false; !last;) {
        const char *field = read_field(c, &last);
        if (field == NULL)
            return 0;
        if (n < MAX_COLUMNS)
            fields[n++] = field;
    }
    return n;
}

static size_t find_column(const char *const *fields, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(fields[i], name) != 0)
        i++;
    return i;
}

static clv_status fail_line(clv_error *err, const char *path, size_t line, const char *what)
{
    char where[512];
    (void)snprintf(where, sizeof where, "%.400s, line %zu", path, line);
    return clv_fail(err, CLV_EFORMAT, where, "%s", what);
}

static clv_status read_rows(labelled_files *out, csv *c, const char *path, clv_error *err)
{
    const char *fields[MAX_COLUMNS];
    size_t n = read_line(c, fields), cap = 0;
    size_t file = find_column(fields, n, "file"), index = find_column(fields, n, "class_index");

    if (file == n || index == n)
        return fail_line(err, path, 1, "the first line must name the columns file and class_index");
    while (c->at < c->end) {
        char *end;
        n = read_line(c, fields);
        if (n == 1 && fields[0][0] == '\0')
            continue; /* an empty line */
        if (file >= n || index >= n)
            return fail_line(err, path, c->line, "a column is missing");
        errno = 0;
        long long value = strtoll(fields[index], &end, 10);
        if (errno != 0 || end == fields[index] || *end != '\0')
            return fail_line(err, path, c->line, "class_index is no number");
        if (out->count == cap) {
            cap = cap ? cap * 2 : 256;
            labelled_file *items = clv_realloc_array(out->items, cap, sizeof *items);
            if (items == NULL)
                return clv_fail(err, CLV_ENOMEM, path, "out of memory");
            out->items = items;
        }
        out->items[out->count++] = (labelled_file){fields[file], value};
    }
    return out->count > 0 ? CLV_OK : fail_line(err, path, c->line, "it lists no image");
}

clv_status labelled_files_read(labelled_files *out, const char *path, clv_error *err)
{
    clv_mapping file;

    *out = (labelled_files){0};
    CLV_TRY(clv_mapping_open(&file, path, MAX_CSV_BYTES, err));
    const char *text = (const char *)file.data;
    csv c = {text, text + file.size, 0, &out->memory};
    clv_status status = file.size > 0 ? read_rows(out, &c, path, err)
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
