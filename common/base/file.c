/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

static clv_status fail_errno(clv_error *err, const char *path, const char *verb)
{
    int code = errno;
    clv_status status = code == ENOENT ? CLV_ENOENT : CLV_EIO;
    return clv_fail(err, status, path, "cannot %s: %s", verb, strerror(code));
}

static clv_status map_descriptor(clv_mapping *out, int fd, const char *path, size_t max_bytes,
                                 clv_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return fail_errno(err, path, "read its size");
    if (!S_ISREG(info.st_mode))
        return clv_fail(err, CLV_EIO, path, "not a regular file");
    if ((uint64_t)info.st_size > max_bytes)
        return clv_fail(err, CLV_ELIMIT, path, "%lld bytes; at most %zu are accepted",
                        (long long)info.st_size, max_bytes);
    clv_mapping mapping = {NULL, (size_t)info.st_size};
    if (mapping.size > 0) {
        void *data = mmap(NULL, mapping.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            return fail_errno(err, path, "map it");
        mapping.data = data;
    }
    *out = mapping;
    return CLV_OK;
}

clv_status clv_mapping_open(clv_mapping *out, const char *path, size_t max_bytes, clv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(err, path, "open it");
    clv_status status = map_descriptor(out, fd, path, max_bytes, err);
    (void)close(fd);
    return status;
}

void clv_mapping_drop_pages(const clv_mapping *mapping, size_t offset, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t from = (offset + page - 1) / page * page;
    size_t to = (offset + bytes) / page * page;
    if (mapping->data != NULL && bytes <= mapping->size && offset <= mapping->size - bytes &&
        from < to)
        (void)madvise((void *)(uintptr_t)(mapping->data + from), to - from, MADV_DONTNEED);
}

void clv_mapping_done(clv_mapping *mapping)
{
    if (mapping->data != NULL)
        (void)munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (clv_mapping){NULL, 0};
}

struct clv_file_writer {
    int fd;
    clv_status status;
    int error;
    char *path;
    char *temporary;
};

static void writer_free(clv_file_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->fd >= 0)
        (void)close(writer->fd);
    clv_free(writer->temporary);
    clv_free(writer->path);
    clv_free(writer);
}

clv_status clv_file_writer_open(clv_file_writer **out, const char *path, unsigned mode,
                                clv_error *err)
{
    clv_status status = CLV_ENOMEM;
    struct stat info;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) /* a rename would replace a device */
        return clv_fail(err, CLV_EIO, path, "not a regular file: it can't be replaced");
    clv_file_writer *writer = clv_calloc(1, sizeof *writer);
    if (writer == NULL)
        return clv_fail(err, CLV_ENOMEM, path, "out of memory");
    writer->fd = -1;
    writer->path = clv_strdup(path);
    size_t cap = strlen(path) + 8;
    writer->temporary = clv_calloc(cap, 1);
    if (writer->path == NULL || writer->temporary == NULL)
        goto done;
    (void)snprintf(writer->temporary, cap, "%s.XXXXXX", path);
    writer->fd = mkostemp(writer->temporary, O_CLOEXEC); /* mode 0600 from the start */
    if (writer->fd < 0) {
        status = fail_errno(err, path, "create it");
        goto done;
    }
    if (fchmod(writer->fd, (mode_t)mode) != 0) {
        status = fail_errno(err, path, "set its permissions");
        (void)unlink(writer->temporary);
        goto done;
    }
    *out = writer;
    writer = NULL;
    status = CLV_OK;
done:
    writer_free(writer);
    return status;
}

clv_status clv_file_writer_put(clv_file_writer *writer, const void *data, size_t bytes)
{
    const uint8_t *p = data;

    while (writer->status == CLV_OK && bytes > 0) {
        ssize_t n = write(writer->fd, p, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            writer->error = errno;
            writer->status = CLV_EIO;
            break;
        }
        p += n;
        bytes -= (size_t)n;
    }
    return writer->status;
}

clv_status clv_file_writer_put_at(clv_file_writer *writer, uint64_t offset, const void *data,
                                  size_t bytes)
{
    if (writer->status == CLV_OK &&
        pwrite(writer->fd, data, bytes, (off_t)offset) != (ssize_t)bytes) {
        writer->error = errno;
        writer->status = CLV_EIO;
    }
    return writer->status;
}

clv_status clv_file_writer_finish(clv_file_writer *writer, bool commit, clv_error *err)
{
    if (writer == NULL)
        return CLV_OK;
    clv_status status = writer->status;
    if (status != CLV_OK)
        (void)clv_fail(err, status, writer->path, "cannot write: %s", strerror(writer->error));
    if (status == CLV_OK && commit && fsync(writer->fd) != 0)
        status = fail_errno(err, writer->path, "flush it");
    if (status == CLV_OK && commit && rename(writer->temporary, writer->path) != 0)
        status = fail_errno(err, writer->path, "put it in place");
    if (status != CLV_OK || !commit)
        (void)unlink(writer->temporary);
    writer_free(writer);
    return status;
}

clv_status clv_file_write(const char *path, const void *data, size_t bytes, unsigned mode,
                          clv_error *err)
{
    clv_file_writer *writer;
    CLV_TRY(clv_file_writer_open(&writer, path, mode, err));
    clv_status status = clv_file_writer_put(writer, data, bytes); /* finish reports it */
    return clv_file_writer_finish(writer, status == CLV_OK, err);
}
