/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"

#include <stdio.h>
#include <string.h>

#define LONGEST 7u /* "\u001b" and its NUL */
#define NOT_UTF8 0xfffdu

size_t clv_utf8_next(uint32_t *point_out, const char *text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000}; /* of so many bytes */
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (s[0] == '\0' || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
        return 0;
    uint32_t point = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3fu);
    }
    if (point < smallest[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return 0;
    *point_out = point;
    return n;
}

static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/* One character into @p dst, which has room for LONGEST. @return bytes written. */
static size_t put(char *dst, const char *src, size_t bytes, uint32_t point, bool json)
{
    if (bytes == 0 || is_control(point))
        return (size_t)snprintf(dst, LONGEST, "\\u%04x", (unsigned)point);
    bool quoted = json && (point == '"' || point == '\\');
    dst[0] = '\\';
    memcpy(dst + quoted, src, bytes);
    return quoted + bytes;
}

char *clv_escape(char *dst, size_t cap, const char *src, bool json)
{
    char one[LONGEST];
    size_t n = 0;

    while (*src != '\0') {
        uint32_t point = NOT_UTF8;
        size_t bytes = clv_utf8_next(&point, src);
        size_t written = put(one, src, bytes, point, json);
        if (n + written >= cap)
            break;
        memcpy(dst + n, one, written);
        n += written;
        src += bytes > 0 ? bytes : 1;
    }
    dst[n] = '\0';
    return dst;
}
