/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in files beside the model. The model says which, so it is a path from a stranger. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx/onnx_internal.h"

/* What external_data says. */
typedef struct location {
    const char *path;
    uint64_t offset;
    bool has_length;
    uint64_t length;
} location;

/* Digits only, unlike strtoull(). */
static bool parse_number(uint64_t *out, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0')
        return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

static clv_status read_location(location *out, const Clv__Onnx__TensorProto *proto,
                                const char *where, clv_error *err)
{
    location found = {0};

    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = clv_onnx_text(proto->external_data[i]->key);
        const char *value = clv_onnx_text(proto->external_data[i]->value);
        bool good = true;
        if (strcmp(key, "location") == 0)
            found.path = value;
        else if (strcmp(key, "offset") == 0)
            good = parse_number(&found.offset, value);
        else if (strcmp(key, "length") == 0)
            good = found.has_length = parse_number(&found.length, value);
        if (!good)
            return clv_fail(err, CLV_EFORMAT, where, "the %s of its external data is no number",
                            key);
    }
    if (found.path == NULL)
        return clv_fail(err, CLV_EFORMAT, where, "its external data has no location");
    *out = found;
    return CLV_OK;
}

static clv_status refuse(clv_onnx_importer *im, const char *where, const char *path,
                         const char *what)
{
    return clv_fail(im->err, CLV_EFORMAT, where,
                    "external data at '%.200s' is refused: %s; it must lie in the model's folder",
                    path, what);
}

static clv_status check_path(clv_onnx_importer *im, const char *path, const char *where)
{
    if (path[0] == '\0' || path[0] == '/')
        return refuse(im, where, path, path[0] == '/' ? "the path is absolute" : "it is empty");
    for (const char *part = path; *part != '\0';) {
        size_t n = strcspn(part, "/");
        if (n == 2 && memcmp(part, "..", 2) == 0)
            return refuse(im, where, path, "the path goes up");
        part += n;
        part += strspn(part, "/");
    }
    return CLV_OK;
}

/* Open @p path one component at a time, below the folder @p dir, following no symbolic link: a
 * model from a stranger may come with links. Closes @p dir. @return -1 with errno. */
static int open_below(int dir, char *path)
{
    while (dir >= 0 && *path != '\0') {
        size_t n = strcspn(path, "/");
        bool last = path[n] == '\0';
        path[n] = '\0';
        int kind = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
        int next = openat(dir, path, kind | O_NOFOLLOW | O_CLOEXEC);
        int code = errno;
        (void)close(dir);
        errno = code;
        dir = next;
        path += last ? n : n + 1;
        path += strspn(path, "/");
    }
    return dir;
}

static clv_status open_file(int *out, clv_onnx_importer *im, const char *path, const char *where)
{
    CLV_TRY(check_path(im, path, where));
    char *copy = clv_arena_strndup(&im->scratch, path, strlen(path));
    if (copy == NULL)
        return clv_onnx_no_memory(im, where);
    int fd = open_below(open(im->base_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), copy);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return refuse(im, where, path, "it leads through a symbolic link or a file");
    if (fd < 0)
        return clv_fail(im->err, errno == ENOENT ? CLV_ENOENT : CLV_EIO, where,
                        "cannot open the external data '%.200s': %s", path, strerror(errno));
    *out = fd;
    return CLV_OK;
}

/* The file must hold [offset, offset + bytes) before memory is taken for them. */
static clv_status check_range(clv_onnx_importer *im, int fd, const location *at, size_t bytes,
                              const char *where)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return refuse(im, where, at->path, "it is not a regular file");
    if (at->has_length && at->length != bytes)
        return clv_fail(im->err, CLV_EFORMAT, where,
                        "its external data has %llu bytes; its shape needs %zu",
                        (unsigned long long)at->length, bytes);
    uint64_t size = (uint64_t)info.st_size;
    if (at->offset > size || bytes > size - at->offset)
        return clv_fail(im->err, CLV_EFORMAT, where,
                        "needs %zu bytes at offset %llu of '%.200s', which has %llu", bytes,
                        (unsigned long long)at->offset, at->path, (unsigned long long)size);
    if (bytes > CLV_ONNX_MAX_BYTES - im->external_bytes)
        return clv_fail(im->err, CLV_ELIMIT, where, "the model has over %zu bytes of external data",
                        CLV_ONNX_MAX_BYTES);
    im->external_bytes += bytes;
    return CLV_OK;
}

static clv_status read_range(clv_onnx_importer *im, uint8_t *dst, int fd, const location *at,
                             size_t bytes, const char *where)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pread(fd, dst + done, bytes - done, (off_t)(at->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return clv_fail(im->err, CLV_EIO, where, "cannot read '%.200s': %s", at->path,
                            n < 0 ? strerror(errno) : "it has become shorter");
        done += (size_t)n;
    }
    return CLV_OK;
}

clv_status clv_onnx_read_external(void **data_out, clv_onnx_importer *im, size_t bytes,
                                  const Clv__Onnx__TensorProto *proto, const char *where)
{
    location at = {0};
    int fd = -1;

    if (im->base_dir == NULL)
        return clv_fail(im->err, CLV_EUNSUPPORTED, where,
                        "its data lies outside of the model; import the model from its file");
    CLV_TRY(read_location(&at, proto, where, im->err));
    CLV_TRY(open_file(&fd, im, at.path, where));
    clv_status status = check_range(im, fd, &at, bytes, where);
    void *data = status == CLV_OK ? clv_graph_own_data(im->graph, bytes) : NULL;
    if (status == CLV_OK && data == NULL)
        status = clv_onnx_no_memory(im, where);
    if (status == CLV_OK)
        status = read_range(im, data, fd, &at, bytes, where);
    (void)close(fd);
    if (status == CLV_OK)
        *data_out = data;
    return status;
}
