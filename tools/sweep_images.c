/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sweep_images.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "tools/box_files.h"
#include "tools/labelled_files.h"

typedef struct gathering {
    sweep_images *out;
    const sweep_sources *from;
    size_t room;
} gathering;

const char *sweep_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* @p folder NULL: @p name is the path. Beyond the limit nothing is added. */
static clv_status add(gathering *g, const char *folder, const char *name, clv_error *err)
{
    sweep_images *out = g->out;
    char path[8192];

    if (out->count >= g->from->limit)
        return CLV_OK;
    int n = folder != NULL ? snprintf(path, sizeof path, "%s/%s", folder, name)
                           : snprintf(path, sizeof path, "%s", name);
    if (n < 0 || (size_t)n >= sizeof path)
        return clv_fail(err, CLV_ELIMIT, folder, "a path in it is too long");
    if (out->count == g->room) {
        size_t wanted = g->room > 0 ? 2 * g->room : 64;
        sweep_image *items = clv_realloc_array(out->items, wanted, sizeof *items);
        if (items == NULL)
            return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
        out->items = items;
        g->room = wanted;
    }
    sweep_image image = {.path = clv_arena_strndup(&out->memory, path, (size_t)n)};
    if (image.path == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    out->items[out->count++] = image;
    return CLV_OK;
}

static clv_status add_folder(gathering *g, const char *folder, clv_error *err)
{
    box_files files;
    clv_status status = box_files_list(&files, folder, err);

    for (size_t i = 0; i < files.count && status == CLV_OK; i++)
        status = add(g, folder, files.images[i], err);
    box_files_done(&files);
    return status;
}

static clv_status add_words(gathering *g, clv_error *err)
{
    for (size_t i = 0; i < g->from->n_words; i++) {
        struct stat facts;
        const char *word = g->from->words[i];
        bool folder = stat(word, &facts) == 0 && S_ISDIR(facts.st_mode);
        CLV_TRY(folder ? add_folder(g, word, err) : add(g, NULL, word, err));
    }
    return CLV_OK;
}

static void set_label(sweep_images *out, sweep_image *image, const labelled_file *file)
{
    out->labelled += !image->labelled;
    image->labelled = true;
    image->class_index = file->class_index;
}

static void label_words(sweep_images *out, const labelled_files *labels)
{
    for (size_t i = 0; i < out->count; i++) {
        const char *path = out->items[i].path, *name = sweep_file_name(path);
        for (size_t k = 0; k < labels->count && !out->items[i].labelled; k++) {
            const char *file = labels->items[k].file;
            if (strcmp(file, path) == 0 || strcmp(file, name) == 0)
                set_label(out, &out->items[i], &labels->items[k]);
        }
    }
}

static clv_status add_table(gathering *g, const labelled_files *labels, clv_error *err)
{
    for (size_t i = 0; i < labels->count; i++) {
        size_t before = g->out->count;
        CLV_TRY(add(g, g->from->data, labels->items[i].file, err));
        if (g->out->count > before)
            set_label(g->out, &g->out->items[before], &labels->items[i]);
    }
    return CLV_OK;
}

clv_status sweep_images_list(sweep_images *out, const sweep_sources *from, clv_error *err)
{
    gathering g = {out, from, 0};
    labelled_files labels = {0};
    clv_status status = CLV_OK;

    *out = (sweep_images){0};
    if (from->n_words == 0 && from->data == NULL)
        return clv_fail(err, CLV_EINVAL, "--codec-sweep", "it needs images, or --data");
    if (from->labels != NULL)
        status = labelled_files_read(&labels, from->labels, err);
    if (status == CLV_OK)
        status = add_words(&g, err);
    label_words(out, &labels);
    if (status == CLV_OK && from->data != NULL)
        status =
            from->labels != NULL ? add_table(&g, &labels, err) : add_folder(&g, from->data, err);
    labelled_files_done(&labels);
    return status;
}

void sweep_images_done(sweep_images *images)
{
    clv_free(images->items);
    clv_arena_done(&images->memory);
    *images = (sweep_images){0};
}
