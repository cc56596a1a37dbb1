/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BUNDLE_FORMAT_H
#define CLV_BUNDLE_FORMAT_H

/** @file bundle_format.h: the numbers of docs/bundle-format.md, for reader and writer. */

#include "base/digest.h"

#define CLV_BUNDLE_MAGIC "CLVBNDL\x01"
#define CLV_BUNDLE_MAGIC_BYTES 8u
#define CLV_BUNDLE_VERSION 1u

/* Offsets in the header. The id is the SHA-256 of everything from FILE_BYTES to the end. */
#define CLV_BUNDLE_AT_VERSION 8u
#define CLV_BUNDLE_AT_ID 16u
#define CLV_BUNDLE_AT_FILE_BYTES 48u
#define CLV_BUNDLE_AT_MANIFEST_BYTES 56u
#define CLV_BUNDLE_AT_WEIGHTS_OFFSET 64u
#define CLV_BUNDLE_AT_WEIGHTS_BYTES 72u
#define CLV_BUNDLE_HEADER_BYTES 128u /* the manifest follows; the rest of the header is zero */

#define CLV_BUNDLE_PAGE ((size_t)4096) /* the weights start at a multiple of it */
#define CLV_BUNDLE_MAX_MANIFEST_BYTES ((size_t)64 << 20)
#define CLV_BUNDLE_MAX_LABELS 100000u
#define CLV_BUNDLE_MAX_LADDERS 256u  /* of a model */
#define CLV_BUNDLE_MAX_POINTS 4096u  /* of a model */
#define CLV_BUNDLE_MAX_GROUPS 65536u /* of planes, in the points of a model */

#endif
