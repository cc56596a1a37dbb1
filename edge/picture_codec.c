/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/picture_codec.h"

#include <string.h>

#include "media/image.h"

/* 1..100, without sign, blanks or leading zeros; 0: it is none. */
static unsigned parse_quality(const char *text)
{
    unsigned quality = 0;
    size_t n = strspn(text, "0123456789");

    if (n == 0 || n > 3 || text[n] != '\0' || text[0] == '0')
        return 0;
    for (; *text != '\0'; text++)
        quality = 10 * quality + (unsigned)(*text - '0');
    return quality <= CLV_JPEG_MAX_QUALITY ? quality : 0;
}

clv_status clv_picture_codec_parse(clv_picture_codec *out, const char *text)
{
    static const struct {
        const char *name;
        clv_picture_codec codec;
    } codecs[] = {{"jpeg", {CLV_PAYLOAD_IMAGE, 0}},
                  {"jpeg-fit", {CLV_PAYLOAD_FITTED, CLV_PICTURE_QUALITY}}};
    size_t n = strcspn(text, ":");

    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        if (strlen(codecs[i].name) != n || memcmp(text, codecs[i].name, n) != 0)
            continue;
        clv_picture_codec codec = codecs[i].codec;
        if (text[n] == ':')
            codec.quality = parse_quality(text + n + 1);
        if (text[n] == ':' && codec.quality == 0)
            return CLV_EINVAL;
        *out = codec;
        return CLV_OK;
    }
    return CLV_ENOENT;
}
