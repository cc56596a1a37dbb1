/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LABELLED_FILES_H
#define CLV_LABELLED_FILES_H

/** @file labelled_files.h: a CSV file of images and their classes: a header line with the columns
 *  `file` and `class_index` among others, RFC 4180 quotes, a byte order mark or none. */

#include "base/memory.h"

typedef struct labelled_file {
    const char *file;
    int64_t class_index;
} labelled_file;

typedef struct labelled_files {
    labelled_file *items;
    size_t count;
    clv_arena memory;
} labelled_files;

/** @return CLV_OK; CLV_ENOENT, CLV_EFORMAT with @p err naming file and line. @p out is good for
 *  labelled_files_done() in any case. */
CLV_NODISCARD clv_status labelled_files_read(labelled_files *out, const char *path, clv_error *err);
void labelled_files_done(labelled_files *files);

#endif
