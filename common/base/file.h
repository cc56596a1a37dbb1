/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FILE_H
#define CLV_FILE_H

/** @file file.h: whole files: mapped read-only, or replaced atomically. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

/** A read-only, private mapping of a file. An empty file has data NULL and size 0. */
typedef struct clv_mapping {
    const uint8_t *data;
    size_t size;
} clv_mapping;

/** Map @p path. Only regular files; @p max_bytes caps the size.
 *  @param[out] out  Give back with clv_mapping_done(); left untouched on failure.
 *  @return CLV_OK, CLV_ENOENT, CLV_EIO, CLV_ELIMIT. */
CLV_NODISCARD clv_status clv_mapping_open(clv_mapping *out, const char *path, size_t max_bytes,
                                          clv_error *err);

/** Let the kernel drop the pages of [offset, offset + bytes): they are read again when touched.
 *  A hint: it keeps weights that were packed elsewhere from staying resident. */
void clv_mapping_drop_pages(const clv_mapping *mapping, size_t offset, size_t bytes);

void clv_mapping_done(clv_mapping *mapping); /* idempotent */

/** Write @p path through a temporary beside it and a rename, so that a reader sees the old file
 *  or the whole new one. @p mode is the permission bits (0600 for keys). */
CLV_NODISCARD clv_status clv_file_write(const char *path, const void *data, size_t bytes,
                                        unsigned mode, clv_error *err);

/** As clv_file_write(), for content that comes in parts. finish(commit: false) removes the
 *  temporary; finish() always frees @p writer. Errors of write are kept until finish. */
typedef struct clv_file_writer clv_file_writer;
CLV_NODISCARD clv_status clv_file_writer_open(clv_file_writer **out, const char *path,
                                              unsigned mode, clv_error *err);
CLV_NODISCARD clv_status clv_file_writer_put(clv_file_writer *writer, const void *data,
                                             size_t bytes);
/** Write at an offset that was written before (a header known only at the end). */
CLV_NODISCARD clv_status clv_file_writer_put_at(clv_file_writer *writer, uint64_t offset,
                                                const void *data, size_t bytes);
clv_status clv_file_writer_finish(clv_file_writer *writer, bool commit, clv_error *err);

#endif
