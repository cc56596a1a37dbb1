/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_INPUT_SPEC_H
#define CLV_INPUT_SPEC_H

/** @file input_spec.h: how pixels become a model's input. It is kept in the bundle. */

#include <cleave/tensor.h>

typedef enum clv_fit {
    CLV_FIT_CROP = 0,  /**< scale the short side to size / crop_ratio, cut the centre out */
    CLV_FIT_STRETCH,   /**< scale both sides; the aspect changes */
    CLV_FIT_LETTERBOX  /**< scale the long side; fill the rest with grey 114 */
} clv_fit;

typedef enum clv_channels { CLV_CHANNELS_RGB = 0, CLV_CHANNELS_BGR, CLV_CHANNELS_GRAY } clv_channels;

typedef struct clv_input_spec {
    uint32_t width, height;   /**< pixels that the model takes */
    bool channels_last;       /**< [1, h, w, c] rather than [1, c, h, w] */
    clv_channels channels;    /**< order in the tensor; GRAY for one channel */
    clv_fit fit;
    float crop_ratio;         /**< CROP: size / short side; 1 crops nothing of the short side,
                                   0.875 is 224 of 256 */
    float mean[3], std[3];    /**< tensor = (pixel 0..255 - mean) / std, in the tensor's order */
} clv_input_spec;

/** The presets, by name:
 *  imagenet  RGB, mean 123.675 116.28 103.53, std 58.395 57.12 57.375, crop 0.875 (torchvision)
 *  tf        RGB, mean 127.5, std 127.5, crop 0.875
 *  caffe     BGR, mean 103.939 116.779 123.68, std 1, crop 0.875
 *  raw       RGB, mean 0, std 1, stretch
 *  @return CLV_OK, CLV_ENOENT. Width, height and layout are left for clv_input_spec_fit_shape(). */
CLV_NODISCARD clv_status clv_input_spec_preset(clv_input_spec *out, const char *name);

/** Take size and layout from the model's input: float32 [1, c, h, w] or [1, h, w, c], c 1 or 3.
 *  @return CLV_OK; CLV_ESHAPE with @p err when that is no image. */
CLV_NODISCARD clv_status clv_input_spec_fit_shape(clv_input_spec *spec, const clv_tensor *input,
                                                  clv_error *err);

/** Sizes within [1, 16384], std not 0, all numbers finite, crop_ratio in (0, 1].
 *  For specs from outside. @return CLV_OK, CLV_EFORMAT. */
CLV_NODISCARD clv_status clv_input_spec_check(const clv_input_spec *spec, clv_error *err);

#endif
