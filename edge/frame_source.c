/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/frame_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

#define MAX_FILES 10000000u
/* Of pictures that come again, so many are decoded once. */
#define MAX_KEPT 64u
#define MAX_KEPT_BYTES ((size_t)16 << 20)

typedef struct kept_picture {
    clv_image image;
    clv_buffer file;
    bool held;
} kept_picture;

struct clv_frame_source {
    clv_frame_source_options options;
    char **paths;
    size_t n_paths, room;
    size_t position;
    uint64_t rounds; /* done */
    bool is_raw;
    const char *fifo;            /* NULL: standard input */
    int fd;                      /* of the raw frames; -1: not open */
    kept_picture kept[MAX_KEPT]; /* of the first paths */
    size_t kept_bytes;
};

/* --- what there is ------------------------------------------------------------------------ */

static clv_status add_path(clv_frame_source *source, const char *path, clv_error *err)
{
    if (source->n_paths == MAX_FILES)
        return clv_fail(err, CLV_ELIMIT, path, "more than %u files", MAX_FILES);
    if (source->n_paths == source->room) {
        size_t room = source->room > 0 ? source->room * 2 : 64;
        char **paths = clv_realloc_array(source->paths, room, sizeof *paths);
        if (paths == NULL)
            return clv_fail(err, CLV_ENOMEM, path, "out of memory");
        source->paths = paths;
        source->room = room;
    }
    char *copy = clv_strdup(path);
    if (copy == NULL)
        return clv_fail(err, CLV_ENOMEM, path, "out of memory");
    source->paths[source->n_paths++] = copy;
    return CLV_OK;
}

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
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static clv_status add_directory(clv_frame_source *source, const char *path, clv_error *err)
{
    size_t first = source->n_paths;
    clv_status status = CLV_OK;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return clv_fail(err, CLV_EIO, path, "can't be listed: %s", strerror(errno));
    for (struct dirent *entry; status == CLV_OK && (entry = readdir(dir)) != NULL;) {
        char name[PATH_MAX];
        if (!is_image_name(entry->d_name))
            continue;
        int n = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        status = n > 0 && (size_t)n < sizeof name
                     ? add_path(source, name, err)
                     : clv_fail(err, CLV_ELIMIT, path, "a file's path is too long");
    }
    (void)closedir(dir);
    if (status == CLV_OK && source->n_paths == first)
        return clv_fail(err, CLV_ENOENT, path, "no images (.jpg, .jpeg, .png) are in there");
    if (status == CLV_OK)
        qsort(source->paths + first, source->n_paths - first, sizeof *source->paths, by_name);
    return status;
}

static clv_status add_input(clv_frame_source *source, const char *path, clv_error *err)
{
    struct stat st;

    if (strcmp(path, "-") == 0) {
        source->is_raw = true;
        source->fd = STDIN_FILENO;
        return add_path(source, path, err);
    }
    if (stat(path, &st) != 0)
        return clv_fail(err, errno == ENOENT ? CLV_ENOENT : CLV_EIO, path, "can't be read: %s",
                        strerror(errno));
    if (S_ISDIR(st.st_mode))
        return add_directory(source, path, err);
    if (S_ISFIFO(st.st_mode)) {
        source->is_raw = true;
        source->fifo = path;
    }
    return add_path(source, path, err);
}

static clv_status add_inputs(clv_frame_source *source, clv_error *err)
{
    clv_string_list inputs = source->options.inputs;

    for (size_t i = 0; i < inputs.count; i++)
        CLV_TRY(add_input(source, inputs.items[i], err));
    if (source->is_raw && inputs.count > 1)
        return clv_fail(err, CLV_EINVAL, "--input", "a stream of raw frames must be the only one");
    if (inputs.count == 0)
        return clv_fail(err, CLV_EINVAL, "--input", "at least one input is needed");
    return CLV_OK;
}

clv_status clv_frame_source_open(clv_frame_source **out, const clv_frame_source_options *options,
                                 clv_error *err)
{
    clv_frame_source *source = clv_calloc(1, sizeof *source);
    if (source == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    source->options = *options;
    source->fd = -1;
    clv_status status = add_inputs(source, err);
    if (status != CLV_OK) {
        clv_frame_source_free(source);
        return status;
    }
    *out = source;
    return CLV_OK;
}

void clv_frame_source_free(clv_frame_source *source)
{
    if (source == NULL)
        return;
    for (size_t i = 0; i < source->n_paths; i++)
        clv_free(source->paths[i]);
    for (size_t i = 0; i < MAX_KEPT; i++) {
        if (source->kept[i].held) {
            clv_image_done(&source->kept[i].image);
            clv_buffer_done(&source->kept[i].file);
        }
    }
    clv_free(source->paths);
    if (source->fd > STDIN_FILENO)
        (void)close(source->fd);
    clv_free(source);
}

bool clv_frame_source_is_raw(const clv_frame_source *source)
{
    return source->is_raw;
}

/* --- waiting ------------------------------------------------------------------------------ */

/* Whether it is to stop; waits at most @p timeout_ms to hear it. */
static bool must_stop(const clv_frame_source *source, int timeout_ms)
{
    struct pollfd stop = {.fd = source->options.stop_fd, .events = POLLIN};
    return poll(&stop, 1, timeout_ms) > 0;
}

bool clv_frame_source_wait(const clv_frame_source *source, uint64_t until_us)
{
    for (uint64_t now_us; (now_us = clv_clock_now_us()) < until_us;) {
        uint64_t left_ms = (until_us - now_us + 999) / 1000;
        if (must_stop(source, left_ms < INT_MAX ? (int)left_ms : INT_MAX))
            return false;
    }
    return !must_stop(source, 0);
}

/* Wait for bytes, or their end. @return false: it is to stop. */
static bool wait_for_bytes(const clv_frame_source *source)
{
    struct pollfd fds[2] = {{.fd = source->options.stop_fd, .events = POLLIN},
                            {.fd = source->fd, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        continue;
    return fds[0].revents == 0;
}

/* --- raw frames --------------------------------------------------------------------------- */

/* Without a writer a FIFO can be opened like this, and is readable only when one has come. */
static clv_status open_fifo(clv_frame_source *source, clv_error *err)
{
    if (source->fd >= 0)
        return CLV_OK;
    source->fd = open(source->fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (source->fd < 0)
        return clv_fail(err, CLV_EIO, source->fifo, "can't be opened: %s", strerror(errno));
    return CLV_OK;
}

/* The writer has gone after @p got of a frame's @p bytes.
 * @return CLV_EAGAIN: another one may come. */
static clv_status end_of_stream(clv_frame_source *source, size_t got, size_t bytes, clv_error *err)
{
    const char *name = source->paths[0];

    if (source->fifo == NULL) {
        source->position = source->n_paths;
        return got > 0 ? clv_fail(err, CLV_EFORMAT, name,
                                  "the last frame has only %zu of %zu bytes", got, bytes)
                       : CLV_ECLOSED;
    }
    if (got > 0)
        clv_log_warn("%s: the last frame of a writer has only %zu of %zu bytes", name, got, bytes);
    (void)close(source->fd);
    source->fd = -1;
    return CLV_EAGAIN;
}

static clv_status read_pixels(uint8_t *pixels, size_t bytes, clv_frame_source *source,
                              clv_error *err)
{
    const char *name = source->paths[0];

    if (source->fifo != NULL)
        CLV_TRY(open_fifo(source, err));
    for (size_t got = 0; got < bytes;) {
        if (!wait_for_bytes(source))
            return CLV_ECLOSED;
        ssize_t n = read(source->fd, pixels + got, bytes - got);
        if (n > 0)
            got += (size_t)n;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            return clv_fail(err, CLV_EIO, name, "can't be read: %s", strerror(errno));
        else if (n == 0)
            return end_of_stream(source, got, bytes, err);
    }
    return CLV_OK;
}

static clv_status next_raw(clv_image *image, clv_frame_source *source, clv_error *err)
{
    const clv_frame_source_options *options = &source->options;
    size_t bytes = (size_t)options->width * options->height * 3;
    clv_status status;

    if (clv_buffer_resize(&image->rgb, bytes) != CLV_OK)
        return clv_fail(err, CLV_EIO, source->paths[0], "no memory for frames of %ux%u",
                        options->width, options->height);
    image->width = options->width;
    image->height = options->height;
    do
        status = read_pixels(image->rgb.data, bytes, source, err);
    while (status == CLV_EAGAIN);
    return status;
}

/* --- all frames --------------------------------------------------------------------------- */

static clv_status load(clv_image *image, clv_buffer *file, const char *path, clv_error *err)
{
    clv_mapping mapping;

    CLV_TRY(clv_mapping_open(&mapping, path, CLV_IMAGE_MAX_FILE_BYTES, err));
    clv_status status = clv_image_decode(image, mapping.data, mapping.size, err);
    if (status != CLV_OK)
        (void)clv_error_prefix(err, status, path);
    else if (clv_buffer_append(file, mapping.data, mapping.size) != CLV_OK)
        status = clv_fail(err, CLV_ENOMEM, path, "out of memory");
    clv_mapping_done(&mapping);
    return status;
}

static clv_status copy_picture(clv_image *image, clv_buffer *file, const clv_image *from,
                               const clv_buffer *from_file)
{
    file->size = 0;
    CLV_TRY(clv_image_set_rgb(image, from->rgb.data, from->width, from->height));
    return clv_buffer_append(file, from_file->data, from_file->size);
}

/* A camera has its pixels without decoding them: where few pictures go round, neither do we. */
static void keep(clv_frame_source *source, size_t at, const clv_image *image,
                 const clv_buffer *file)
{
    size_t bytes = image->rgb.size + file->size;

    if (source->options.repeat == 1 || at >= MAX_KEPT ||
        bytes > MAX_KEPT_BYTES - source->kept_bytes)
        return;
    kept_picture *kept = &source->kept[at];
    clv_image_init(&kept->image);
    clv_buffer_init(&kept->file, CLV_IMAGE_MAX_FILE_BYTES);
    kept->held = copy_picture(&kept->image, &kept->file, image, file) == CLV_OK;
    if (kept->held) {
        source->kept_bytes += bytes;
        return;
    }
    clv_image_done(&kept->image); /* without the memory it is decoded again */
    clv_buffer_done(&kept->file);
}

static clv_status next_picture(clv_image *image, clv_buffer *file, clv_frame_source *source,
                               size_t at, clv_error *err)
{
    if (at < MAX_KEPT && source->kept[at].held)
        return copy_picture(image, file, &source->kept[at].image, &source->kept[at].file) == CLV_OK
                   ? CLV_OK
                   : clv_fail(err, CLV_ENOMEM, source->paths[at], "out of memory");
    CLV_TRY(load(image, file, source->paths[at], err));
    keep(source, at, image, file);
    return CLV_OK;
}

clv_status clv_frame_source_next(clv_image *image, clv_buffer *file, char **name_out,
                                 clv_frame_source *source, clv_error *err)
{
    file->size = 0;
    if (must_stop(source, 0))
        return CLV_ECLOSED;
    if (source->is_raw && source->position == 0) {
        *name_out = source->paths[0];
        return next_raw(image, source, err);
    }
    if (source->position == source->n_paths && !source->is_raw) {
        source->position = 0;
        source->rounds++;
    }
    if (source->position == source->n_paths ||
        (source->options.repeat > 0 && source->rounds == source->options.repeat))
        return CLV_ECLOSED;
    *name_out = source->paths[source->position++];
    return next_picture(image, file, source, source->position - 1, err);
}
