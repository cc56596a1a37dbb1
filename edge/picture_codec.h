/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PICTURE_CODEC_H
#define CLV_PICTURE_CODEC_H

/** @file picture_codec.h: how a device sends what it was given, at cut 0: as an image, where the
 *  codec is called jpeg or jpeg-fit. Pure. */

#include "net/wire.h"

#define CLV_PICTURE_QUALITY 90u

typedef struct clv_picture_codec {
    clv_wire_payload payload; /**< CLV_PAYLOAD_TENSORS: not as an image */
    unsigned quality;         /**< of the JPEG, 1..100; 0: the camera's own file where there is one,
                                   else CLV_PICTURE_QUALITY */
} clv_picture_codec;

/** Read "jpeg", "jpeg:QUALITY", "jpeg-fit", "jpeg-fit:QUALITY".
 *  @return CLV_OK; CLV_ENOENT: it is none of them; CLV_EINVAL: no such quality. */
CLV_NODISCARD clv_status clv_picture_codec_parse(clv_picture_codec *out, const char *text);

#endif
