/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CALIBRATION_IMAGES_H
#define CLV_CALIBRATION_IMAGES_H

/** @file calibration_images.h: the images of a folder, fitted to a model's input, as samples. */

#include "compress/calibrate.h"
#include "media/input_spec.h"

typedef struct clv_calibration_images clv_calibration_images;

/** What was found. Counts of files that were left out, each with the first one's name. */
typedef struct clv_calibration_images_found {
    size_t used;
    size_t not_images; /**< neither JPEG nor PNG by their first bytes; folders are not counted */
    size_t broken;     /**< JPEG or PNG that can't be decoded, or is too large */
    size_t over_limit; /**< files that were not looked at: enough were used */
    char first_not_image[256];
    char first_broken[256];
    char why_broken[256];
} clv_calibration_images_found;

/** Read up to @p limit images of @p folder, in the order of their names, into memory as pixels of
 *  the model's size. Sub-folders and hidden files are passed over.
 *  @return CLV_OK with at least one image; CLV_ENOENT, CLV_EIO; CLV_EFORMAT with @p err when no
 *          image can be used; CLV_ENOMEM. @p found is filled in any case. */
CLV_NODISCARD clv_status clv_calibration_images_open(clv_calibration_images **out,
                                                     clv_calibration_images_found *found,
                                                     const char *folder, const clv_input_spec *spec,
                                                     size_t limit, const clv_watcher *watcher,
                                                     clv_error *err);
void clv_calibration_images_free(clv_calibration_images *images); /* NULL is a no-op */

/** The samples, for a graph with this one input; borrowed from @p images. */
clv_samples clv_calibration_images_samples(clv_calibration_images *images);

#endif
