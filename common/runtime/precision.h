/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PRECISION_H
#define CLV_PRECISION_H

/** @file precision.h: the precisions that a network can be stored and run in. */

#include <cleave/status.h>

/** X(NAME, "name"). The numbers are part of the wire protocol: only append. */
#define CLV_PRECISION_LIST(X)                                                                      \
    X(FLOAT, "float")                                                                              \
    X(INT8, "int8")

typedef enum clv_precision {
#define CLV_PRECISION_ENUM(name, text) CLV_PRECISION_##name,
    CLV_PRECISION_LIST(CLV_PRECISION_ENUM)
#undef CLV_PRECISION_ENUM
        CLV_PRECISION_COUNT
} clv_precision;

/** Static; "invalid" for a value that is none. */
const char *clv_precision_name(clv_precision precision);

/** @return CLV_OK; CLV_ENOENT. */
CLV_NODISCARD clv_status clv_precision_find(clv_precision *out, const char *name);

#endif
