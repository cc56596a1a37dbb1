/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ESCAPE_H
#define CLV_ESCAPE_H

/** @file escape.h: text from outside (names in models, labels, paths, a peer's words) made safe to
 *  show: it can't forge a line, drive a terminal or end a JSON string. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Take the first character of @p text apart.
 *  @param[out] point_out  Its code point; left untouched when there is none.
 *  @return its bytes, 1 to 4; 0 at the end and where @p text isn't UTF-8 (RFC 3629). */
size_t clv_utf8_next(uint32_t *point_out, const char *text);

/** Write @p src with control characters (C0, DEL, C1) as "\u001b" and each byte that isn't UTF-8
 *  as "\ufffd", cut between characters to @p cap bytes with the final NUL.
 *  @param cap   At least 1.
 *  @param json  Quotes and backslashes get a backslash as well: the inside of a JSON string.
 *  @return @p dst. */
char *clv_escape(char *dst, size_t cap, const char *src, bool json);

#endif
