/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_INPUT_SPEC_H
#define CLV_INPUT_SPEC_H

/** @file input_spec.h: how pixels become a model's input. It is kept in the bundle. What is
 *  computed, exactly: docs/preprocessing.md. */

#include <cleave/tensor.h>

#define CLV_INPUT_MAX_SIDE 16384u

/** How an image of another shape is brought to the model's size: X(NAME, "name").
 *  CROP scales until size / crop_ratio is covered and cuts the centre out; STRETCH scales both
 *  sides, so that the aspect changes; LETTERBOX scales until all of it fits and fills the rest
 *  with grey 114. The numbers are part of the bundle format: only append. */
#define CLV_FIT_LIST(X)                                                                            \
    X(CROP, "crop")                                                                                \
    X(STRETCH, "stretch")                                                                          \
    X(LETTERBOX, "letterbox")

typedef enum clv_fit {
#define CLV_FIT_ENUM(name, text) CLV_FIT_##name,
    CLV_FIT_LIST(CLV_FIT_ENUM)
#undef CLV_FIT_ENUM
        CLV_FIT_COUNT
} clv_fit;

/** Channels in the tensor, in order; GRAY is one, of luma: X(NAME, "name"). As above. */
#define CLV_CHANNELS_LIST(X)                                                                       \
    X(RGB, "rgb")                                                                                  \
    X(BGR, "bgr")                                                                                  \
    X(GRAY, "gray")

typedef enum clv_channels {
#define CLV_CHANNELS_ENUM(name, text) CLV_CHANNELS_##name,
    CLV_CHANNELS_LIST(CLV_CHANNELS_ENUM)
#undef CLV_CHANNELS_ENUM
        CLV_CHANNELS_COUNT
} clv_channels;

typedef struct clv_input_spec {
    uint32_t width, height; /**< pixels that the model takes */
    bool channels_last;     /**< [1, h, w, c] rather than [1, c, h, w] */
    clv_channels channels;
    clv_fit fit;
    float crop_ratio;      /**< CROP: size / short side; 1 crops nothing of the short side,
                                0.875 is 224 of 256 */
    float mean[3], std[3]; /**< tensor = (pixel 0..255 - mean) / std, in the tensor's order;
                                GRAY takes the first */
} clv_input_spec;

/** Where a place in the fitted image, in pixels from its upper left corner, lies in the image that
 *  it was made from: x = x_scale * x' + x_offset, and so for y (clv_image_fit_map()). */
typedef struct clv_fit_map {
    double x_scale, x_offset, y_scale, y_offset;
} clv_fit_map;

/** The names above, static; "invalid" for a value that is none. */
const char *clv_fit_name(clv_fit fit);
const char *clv_channels_name(clv_channels channels);

/** The presets, by name:
 *  imagenet  RGB, mean 123.675 116.28 103.53, std 58.395 57.12 57.375, crop 0.875 (torchvision)
 *  tf        RGB, mean 127.5, std 127.5, crop 0.875
 *  caffe     BGR, mean 103.939 116.779 123.68, std 1, crop 0.875
 *  raw       RGB, mean 0, std 1, stretch
 *  @return CLV_OK, CLV_ENOENT. Width, height and layout are left for clv_input_spec_fit_shape(). */
CLV_NODISCARD clv_status clv_input_spec_preset(clv_input_spec *out, const char *name);

/** "imagenet, tf, caffe, raw": for messages. */
const char *clv_input_spec_preset_names(void);

/** Members of a spec as text, from flags or a file; NULL leaves a member as it is. */
typedef struct clv_input_texts {
    const char *channels;   /**< "rgb", "bgr", "gray" */
    const char *mean, *std; /**< "A,B,C" in the tensor's order, or one number for all three */
    const char *fit;        /**< "crop", "stretch", "letterbox" */
    const char *crop_ratio; /**< "0.875" */
} clv_input_texts;

/** Change the members of @p spec that @p texts names. Do it before clv_input_spec_fit_shape(),
 *  which refuses channels that the model doesn't have.
 *  @return CLV_OK; CLV_EINVAL with @p err (which member, what is accepted), @p spec untouched. */
CLV_NODISCARD clv_status clv_input_spec_override(clv_input_spec *spec, const clv_input_texts *texts,
                                                 clv_error *err);

/** Take size and layout from the model's input: float32 [1, c, h, w] or [1, h, w, c], c 1 or 3
 *  (where both fit, the former). One channel makes it GRAY.
 *  @return CLV_OK; CLV_ESHAPE with @p err when that is no image, or has three channels and the
 *          spec says GRAY. */
CLV_NODISCARD clv_status clv_input_spec_fit_shape(clv_input_spec *spec, const clv_tensor *input,
                                                  clv_error *err);

/** Sizes within [1, CLV_INPUT_MAX_SIDE], enums that exist, std not 0, all numbers finite,
 *  crop_ratio in [0.01, 1]. For specs from outside. @return CLV_OK, CLV_EFORMAT. */
CLV_NODISCARD clv_status clv_input_spec_check(const clv_input_spec *spec, clv_error *err);

#endif
