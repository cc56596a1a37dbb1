/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SWEEP_IMAGES_H
#define CLV_SWEEP_IMAGES_H

/** @file sweep_images.h: the pictures of a codec sweep, with the classes that are known. */

#include "base/memory.h"
#include "base/options.h"

typedef struct sweep_image {
    const char *path;
    bool labelled;
    int64_t class_index;
} sweep_image;

typedef struct sweep_images {
    sweep_image *items;
    size_t count, labelled;
    clv_arena memory;
} sweep_images; /* all zero is empty */

typedef struct sweep_sources {
    const char *const *words; /**< pictures, and folders of them */
    size_t n_words;
    const char *data;   /**< a folder: what `labels` lists of it, or all its pictures; or NULL */
    const char *labels; /**< a table (labelled_files.h), or NULL. A word's picture has the class
                             of its path or file name in it, if it is there */
    size_t limit;       /**< only so many pictures */
} sweep_sources;

/** @return CLV_OK with at least one picture; CLV_EINVAL (no source), CLV_ENOENT, CLV_EIO,
 *          CLV_EFORMAT, CLV_ELIMIT with @p err; CLV_ENOMEM. @p out is good for sweep_images_done()
 *          in any case. */
CLV_NODISCARD clv_status sweep_images_list(sweep_images *out, const sweep_sources *from,
                                           clv_error *err);
void sweep_images_done(sweep_images *images); /* idempotent */

/** The last part of a path. */
const char *sweep_file_name(const char *path);

#endif
