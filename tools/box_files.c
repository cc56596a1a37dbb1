/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/box_files.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/file.h"

#define MAX_TEXT_BYTES ((size_t)1 << 20)
#define MAX_LINE 256u
#define MAX_PATH_BYTES 8192u
#define MAX_CLASS 1e6
#define MAX_PART 1.01 /* of a side; 1 and what rounding adds */

/* --- pictures ----------------------------------------------------------------------------- */

static bool is_image_name(const char *name)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png"};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (strcasecmp(dot, suffixes[i]) == 0)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static clv_status add_image(box_files *out, size_t *room, const char *name)
{
    if (out->count == *room) {
        size_t wanted = *room > 0 ? *room * 2 : 64;
        const char **images = clv_realloc_array(out->images, wanted, sizeof *images);
        if (images == NULL)
            return CLV_ENOMEM;
        out->images = images;
        *room = wanted;
    }
    out->images[out->count] = clv_arena_strndup(&out->memory, name, strlen(name));
    return out->images[out->count] != NULL && ++out->count < UINT32_MAX ? CLV_OK : CLV_ENOMEM;
}

clv_status box_files_list(box_files *out, const char *dir, clv_error *err)
{
    size_t room = 0;
    clv_status status = CLV_OK;

    *out = (box_files){0};
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return clv_fail(err, CLV_EIO, dir, "can't be listed: %s", strerror(errno));
    for (struct dirent *entry; status == CLV_OK && (entry = readdir(folder)) != NULL;) {
        if (is_image_name(entry->d_name))
            status = add_image(out, &room, entry->d_name);
    }
    (void)closedir(folder);
    if (status != CLV_OK)
        return clv_fail(err, status, dir, "out of memory");
    if (out->count == 0)
        return clv_fail(err, CLV_ENOENT, dir, "no images (.jpg, .jpeg, .png) are in there");
    qsort(out->images, out->count, sizeof *out->images, by_name);
    return CLV_OK;
}

void box_files_done(box_files *files)
{
    clv_free(files->images);
    clv_arena_done(&files->memory);
    *files = (box_files){0};
}

/* --- boxes -------------------------------------------------------------------------------- */

/* @param line  Ends with a NUL. @return NULL, or what is wrong. */
static const char *read_box(clv_box *out, const char *line, const box_picture *picture)
{
    double v[5];
    char *end;

    for (int i = 0; i < 5; i++, line = end) {
        v[i] = strtod(line, &end);
        if (end == line)
            return "it is not: class cx cy width height";
    }
    if (end[strspn(end, " \t\r")] != '\0')
        return "there is more than: class cx cy width height";
    if (!(v[0] >= 0 && v[0] <= MAX_CLASS) || v[0] != floor(v[0]))
        return "the class is no whole number from 0";
    for (int i = 1; i < 5; i++) {
        if (!(v[i] >= 0 && v[i] <= MAX_PART))
            return "a place or size is not within 0..1: they are parts of the picture's sides";
    }
    double width = picture->width, height = picture->height;
    *out = (clv_box){.x0 = (float)((v[1] - v[3] / 2) * width),
                     .y0 = (float)((v[2] - v[4] / 2) * height),
                     .x1 = (float)((v[1] + v[3] / 2) * width),
                     .y1 = (float)((v[2] + v[4] / 2) * height),
                     .score = 1.0f,
                     .class_index = (uint32_t)v[0]};
    return NULL;
}

clv_status box_files_parse(detection_set *truth, const box_picture *picture, const char *text,
                           size_t bytes, clv_error *err)
{
    size_t line = 1;

    for (size_t at = 0; at < bytes; line++) {
        const char *newline = memchr(text + at, '\n', bytes - at);
        size_t length = newline != NULL ? (size_t)(newline - (text + at)) : bytes - at;
        char copy[MAX_LINE], where[32];
        clv_box box;

        (void)snprintf(where, sizeof where, "line %zu", line);
        if (length >= sizeof copy || memchr(text + at, '\0', length) != NULL)
            return clv_fail(err, CLV_EFORMAT, where, "it is not: class cx cy width height");
        memcpy(copy, text + at, length);
        copy[length] = '\0';
        at += length + 1;
        if (copy[strspn(copy, " \t\r")] == '\0')
            continue;
        const char *problem = read_box(&box, copy, picture);
        if (problem != NULL)
            return clv_fail(err, CLV_EFORMAT, where, "%s", problem);
        if (detection_set_add(truth, picture->index, &box, 1) != CLV_OK)
            return clv_fail(err, CLV_ENOMEM, where, "out of memory");
    }
    return CLV_OK;
}

clv_status box_files_read(detection_set *truth, bool *there_out, const box_files *files,
                          const box_picture *picture, const char *dir, clv_error *err)
{
    const char *image = files->images[picture->index];
    char path[MAX_PATH_BYTES];
    clv_mapping file;

    int length =
        snprintf(path, sizeof path, "%s/%.*s.txt", dir, (int)(strrchr(image, '.') - image), image);
    if (length < 0 || (size_t)length >= sizeof path)
        return clv_fail(err, CLV_ELIMIT, dir, "a path in it is too long");
    clv_status status = clv_mapping_open(&file, path, MAX_TEXT_BYTES, err);
    *there_out = status != CLV_ENOENT;
    if (status == CLV_ENOENT)
        return CLV_OK;
    CLV_TRY(status);
    status = box_files_parse(truth, picture, (const char *)file.data, file.size, err);
    clv_mapping_done(&file);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, path);
}
