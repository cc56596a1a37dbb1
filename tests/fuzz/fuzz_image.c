/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an image file, then as a frame for a network. */
#include <stdint.h>
#include <stdlib.h>

#include "media/image.h"

#define SIDE 24
#define MAX_PIXELS ((size_t)1 << 18) /* large images are only slow */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static float tensor[SIDE * SIDE * 3];
    clv_image image, fitted, scratch;
    clv_error err;
    clv_input_spec spec;

    if (clv_input_spec_preset(&spec, "imagenet") != CLV_OK)
        abort();
    spec.width = SIDE;
    spec.height = SIDE;
    spec.fit = (clv_fit)(bytes % CLV_FIT_COUNT);
    clv_image_init(&image);
    clv_image_init(&fitted);
    clv_image_init(&scratch);
    image.rgb.cap_bytes = 3 * MAX_PIXELS;
    if (clv_image_decode(&image, data, bytes, &err) == CLV_OK) {
        if (clv_image_fit(&fitted, &scratch, &image, &spec) != CLV_OK)
            abort();
        clv_image_normalise(tensor, fitted.rgb.data, &spec);
    } else if (image.width != 0 || image.rgb.size != 0) {
        abort();
    }
    clv_image_done(&image);
    clv_image_done(&fitted);
    clv_image_done(&scratch);
    return 0;
}
