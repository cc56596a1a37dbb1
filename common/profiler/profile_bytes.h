/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROFILE_BYTES_H
#define CLV_PROFILE_BYTES_H

/** @file profile_bytes.h: a profile in few bytes, for files of daemons and for the wire. Layout:
 *  docs/profile.md. Names, operators and bytes of cuts aren't in it: clv_profile_describe(). Pure.
 */

#include "base/buffer.h"
#include "partitioner/profile.h"

/** Append @p profile. Its precisions and points are as clv_profiler_measure() makes them.
 *  @param with_memory  Its peak_bytes as well: a device's own business.
 *  @return CLV_OK; CLV_EINVAL: a codec that has no number; CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profile_pack(clv_buffer *out, const clv_profile *profile,
                                          bool with_memory);

/** Read what clv_profile_pack() wrote, all of @p data. Any bytes may come: what comes out has
 *  passed clv_profile_check().
 *  @return CLV_OK; CLV_EFORMAT, CLV_EVERSION, CLV_ELIMIT with @p err; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profile_unpack(clv_profile **out, const uint8_t *data, size_t bytes,
                                            clv_error *err);

#endif
