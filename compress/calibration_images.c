/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/calibration_images.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "media/image.h"

#define MAX_PATH_BYTES 8192u
#define MAX_FILES ((size_t)1 << 20)

struct clv_calibration_images {
    clv_input_spec spec;
    size_t count, pixel_bytes; /* of one image */
    uint8_t **pixels;
};

/* --- the folder ----------------------------------------------------------------------------- */

typedef struct name_list {
    char **names;
    size_t count, room;
} name_list;

static void free_names(name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        clv_free(list->names[i]);
    clv_free(list->names);
}

static clv_status add_name(name_list *list, const char *name)
{
    if (list->count == MAX_FILES)
        return CLV_ELIMIT;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        char **grown = clv_realloc_array(list->names, room, sizeof *grown);
        if (grown == NULL)
            return CLV_ENOMEM;
        list->names = grown;
        list->room = room;
    }
    list->names[list->count] = clv_strdup(name);
    return list->names[list->count++] != NULL ? CLV_OK : CLV_ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static clv_status list_folder(name_list *list, const char *folder, clv_error *err)
{
    clv_status status = CLV_OK;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return clv_fail(err, errno == ENOENT ? CLV_ENOENT : CLV_EIO, folder,
                        "the folder can't be read: %s", strerror(errno));
    for (struct dirent *e = readdir(dir); e != NULL && status == CLV_OK; e = readdir(dir)) {
        if (e->d_name[0] != '.')
            status = add_name(list, e->d_name);
    }
    (void)closedir(dir);
    if (status != CLV_OK)
        return clv_fail(err, status, folder, "its names can't be listed: %s",
                        clv_status_text(status));
    if (list->count > 0)
        qsort(list->names, list->count, sizeof *list->names, compare_names);
    return CLV_OK;
}

/* --- one file ------------------------------------------------------------------------------- */

/* Memory that is kept from one image to the next. */
typedef struct reader {
    clv_calibration_images *images;
    clv_calibration_images_found *found;
    clv_image image, fitted, scratch;
} reader;

static void note(char *dst, size_t cap, const char *text)
{
    if (dst[0] == '\0')
        (void)snprintf(dst, cap, "%s", text);
}

static bool looks_like_image(const clv_mapping *file)
{
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff}, png[] = {0x89, 'P', 'N', 'G'};
    return (file->size >= sizeof jpeg && memcmp(file->data, jpeg, sizeof jpeg) == 0) ||
           (file->size >= sizeof png && memcmp(file->data, png, sizeof png) == 0);
}

/* Decode and fit; a file that is no good is counted and is no failure. */
static clv_status read_file(reader *r, const char *path, const char *name, bool *used)
{
    clv_error why = CLV_ERROR_INIT;
    clv_mapping file;

    *used = false;
    clv_status status = clv_mapping_open(&file, path, CLV_IMAGE_MAX_FILE_BYTES, &why);
    if (status == CLV_OK && !looks_like_image(&file)) {
        clv_mapping_done(&file);
        r->found->not_images++;
        note(r->found->first_not_image, sizeof r->found->first_not_image, name);
        return CLV_OK;
    }
    if (status == CLV_OK) {
        status = clv_image_decode(&r->image, file.data, file.size, &why);
        clv_mapping_done(&file);
    }
    if (status == CLV_OK) {
        status = clv_image_fit(&r->fitted, &r->scratch, &r->image, &r->images->spec);
        if (status != CLV_OK)
            (void)clv_fail(&why, status, path, "it can't be resized: %s", clv_status_text(status));
    }
    if (status == CLV_ENOMEM)
        return status;
    if (status != CLV_OK) {
        r->found->broken++;
        note(r->found->first_broken, sizeof r->found->first_broken, name);
        note(r->found->why_broken, sizeof r->found->why_broken, why.message);
        return CLV_OK;
    }
    *used = true;
    return CLV_OK;
}

static clv_status keep_pixels(reader *r)
{
    clv_calibration_images *images = r->images;
    uint8_t *pixels = clv_calloc(images->pixel_bytes, 1);
    if (pixels == NULL)
        return CLV_ENOMEM;
    memcpy(pixels, r->fitted.rgb.data, images->pixel_bytes);
    images->pixels[images->count++] = pixels;
    return CLV_OK;
}

static clv_status read_folder(reader *r, const name_list *list, const char *folder, size_t limit,
                              const clv_watcher *watcher, clv_error *err)
{
    size_t most = list->count < limit ? list->count : limit;

    for (size_t i = 0; i < list->count; i++) {
        char path[MAX_PATH_BYTES];
        struct stat info;
        bool used;
        int length = snprintf(path, sizeof path, "%s/%s", folder, list->names[i]);
        if (length < 0 || (size_t)length >= sizeof path)
            return clv_fail(err, CLV_ELIMIT, folder, "a path in it is too long");
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            continue;
        if (r->images->count == limit) {
            r->found->over_limit++;
            continue;
        }
        CLV_TRY(clv_watcher_tell(watcher, "reading images", r->images->count, most, err));
        clv_status status = read_file(r, path, list->names[i], &used);
        if (status == CLV_OK && used)
            status = keep_pixels(r);
        if (status != CLV_OK)
            return clv_fail(err, status, path, "%s", clv_status_text(status));
    }
    r->found->used = r->images->count;
    return CLV_OK;
}

static clv_status check_found(const clv_calibration_images_found *found, const char *folder,
                              clv_error *err)
{
    if (found->used > 0)
        return CLV_OK;
    if (found->broken > 0)
        return clv_fail(err, CLV_EFORMAT, folder, "none of its %zu images can be read (%s: %s)",
                        found->broken, found->first_broken, found->why_broken);
    if (found->not_images > 0)
        return clv_fail(err, CLV_EFORMAT, folder,
                        "none of its %zu files is a JPEG or PNG image (%s)", found->not_images,
                        found->first_not_image);
    return clv_fail(err, CLV_EFORMAT, folder,
                    "it has no image; calibration needs some that are like the model's future "
                    "input (sub-folders are not searched)");
}

clv_status clv_calibration_images_open(clv_calibration_images **out,
                                       clv_calibration_images_found *found, const char *folder,
                                       const clv_input_spec *spec, size_t limit,
                                       const clv_watcher *watcher, clv_error *err)
{
    name_list list = {0};
    reader r = {.found = found};

    *found = (clv_calibration_images_found){0};
    clv_image_init(&r.image);
    clv_image_init(&r.fitted);
    clv_image_init(&r.scratch);
    clv_status status = list_folder(&list, folder, err);
    if (status != CLV_OK)
        goto done;
    r.images = clv_calloc(1, sizeof *r.images);
    if (r.images != NULL)
        r.images->pixels =
            clv_calloc(limit < list.count ? limit : list.count + 1, sizeof *r.images->pixels);
    if (r.images == NULL || r.images->pixels == NULL) {
        status = clv_fail(err, CLV_ENOMEM, folder, "out of memory");
        goto done;
    }
    r.images->spec = *spec;
    r.images->pixel_bytes = (size_t)spec->width * spec->height * 3;
    status = read_folder(&r, &list, folder, limit, watcher, err);
    if (status == CLV_OK)
        status = check_found(found, folder, err);
    if (status == CLV_OK) {
        *out = r.images;
        r.images = NULL;
    }
done:
    clv_calibration_images_free(r.images);
    clv_image_done(&r.image);
    clv_image_done(&r.fitted);
    clv_image_done(&r.scratch);
    free_names(&list);
    return status;
}

void clv_calibration_images_free(clv_calibration_images *images)
{
    if (images == NULL)
        return;
    for (size_t i = 0; images->pixels != NULL && i < images->count; i++)
        clv_free(images->pixels[i]);
    clv_free(images->pixels);
    clv_free(images);
}

static clv_status read_sample(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    const clv_calibration_images *images = context;

    (void)err;
    clv_image_normalise(inputs[0].data, images->pixels[index], &images->spec);
    return CLV_OK;
}

clv_samples clv_calibration_images_samples(clv_calibration_images *images)
{
    return (clv_samples){images->count, images, read_sample};
}
