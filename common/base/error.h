/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ERROR_H
#define CLV_ERROR_H

/** @file error.h: filling a clv_error, and leaving a function early. */

#include <cleave/status.h>

/** Return the status of @p expr from the calling function unless it is CLV_OK.
 *  Only where nothing is held; otherwise use one forward `goto done`. */
#define CLV_TRY(expr)                                                                              \
    do {                                                                                           \
        clv_status clv_try_status_ = (expr);                                                       \
        if (clv_try_status_ != CLV_OK)                                                             \
            return clv_try_status_;                                                                \
    } while (0)

/** Set @p err (may be NULL) and return @p code, so that a failure is one statement:
 *  `return clv_fail(err, CLV_EFORMAT, path, "the header is cut off");`
 *  @param location  File, offset or node; may be NULL. */
CLV_PRINTF(4, 5)
clv_status clv_fail(clv_error *err, clv_status code, const char *location, const char *fmt, ...);

/** Put @p location in front of the location that @p err has ("m.onnx: node 'conv1'").
 *  @return the code in @p err, or @p status when @p err is NULL. */
clv_status clv_error_prefix(clv_error *err, clv_status status, const char *location);

#endif
