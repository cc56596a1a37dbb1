/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BOX_FILES_H
#define CLV_BOX_FILES_H

/** @file box_files.h: pictures in a folder and their true boxes in another, in the text form of
 *  YOLO: for IMAGE.jpg a file IMAGE.txt of lines "class cx cy width height", the class from 0, the
 *  numbers as parts of the picture's sides. A picture without a file has no object. */

#include "base/memory.h"
#include "tools/detections.h"

typedef struct box_files {
    const char **images; /* names of *.jpg, *.jpeg, *.png, sorted */
    size_t count;
    clv_arena memory;
} box_files;

/** List the pictures of @p dir. @return CLV_OK; CLV_EIO, CLV_ENOENT (none), CLV_ENOMEM with @p err.
 *  @p out is good for box_files_done() in any case. */
CLV_NODISCARD clv_status box_files_list(box_files *out, const char *dir, clv_error *err);
void box_files_done(box_files *files);

/** A picture of the list, and its size in pixels. */
typedef struct box_picture {
    uint32_t index, width, height;
} box_picture;

/** Add the true boxes of @p picture, by its file in @p dir, to @p truth.
 *  @param[out] there_out  Whether there is a file.
 *  @return CLV_OK; CLV_EFORMAT with @p err naming file and line; CLV_EIO, CLV_ELIMIT, CLV_ENOMEM.
 */
CLV_NODISCARD clv_status box_files_read(detection_set *truth, bool *there_out,
                                        const box_files *files, const box_picture *picture,
                                        const char *dir, clv_error *err);

/** The text of such a file: as box_files_read(). */
CLV_NODISCARD clv_status box_files_parse(detection_set *truth, const box_picture *picture,
                                         const char *text, size_t bytes, clv_error *err);

#endif
