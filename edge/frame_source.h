/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FRAME_SOURCE_H
#define CLV_FRAME_SOURCE_H

/** @file frame_source.h: where `cleave-edge` gets frames from: image files, directories of them,
 *  streams of raw RGB24 frames (standard input, FIFOs). One thread. */

#include "base/options.h"
#include "media/image.h"

typedef struct clv_frame_source clv_frame_source;

typedef struct clv_frame_source_options {
    clv_string_list inputs; /**< borrowed until free */
    uint64_t repeat;        /**< rounds through all inputs; 0: for ever */
    uint32_t width, height; /**< of raw frames */
    int stop_fd;            /**< readable: stop; -1: none */
} clv_frame_source_options;

/** List what there is; directories are read now: their .jpg, .jpeg and .png files by name.
 *  Standard input and FIFOs must be the only input.
 *  @return CLV_OK; CLV_ENOENT, CLV_EINVAL, CLV_EIO, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_frame_source_open(clv_frame_source **out,
                                               const clv_frame_source_options *options,
                                               clv_error *err);
void clv_frame_source_free(clv_frame_source *source); /* NULL is a no-op */

/** Whether its frames are raw, of the size in the options. */
bool clv_frame_source_is_raw(const clv_frame_source *source);

/** The next frame, and the file that it was in (empty: a raw one). A FIFO whose writer has gone
 * waits for the next one.
 *  @param[out] name_out  The file's path; lives as long as @p source.
 *  @return CLV_OK; CLV_ECLOSED at the end, or when it is to stop; else what is wrong with this
 *          frame, with @p err; the one after it may be good, unless it is CLV_EIO. */
CLV_NODISCARD clv_status clv_frame_source_next(clv_image *image, clv_buffer *file, char **name_out,
                                               clv_frame_source *source, clv_error *err);

/** Wait until @p until_us, or for the stop. @return false: it is to stop. */
bool clv_frame_source_wait(const clv_frame_source *source, uint64_t until_us);

#endif
