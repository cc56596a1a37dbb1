/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/precision.h"

#include <string.h>

const char *clv_precision_name(clv_precision precision)
{
    static const char *const names[] = {
#define PRECISION_NAME(name, text) text,
        CLV_PRECISION_LIST(PRECISION_NAME)
#undef PRECISION_NAME
    };
    return (unsigned)precision < CLV_PRECISION_COUNT ? names[precision] : "invalid";
}

clv_status clv_precision_find(clv_precision *out, const char *name)
{
    for (unsigned i = 0; i < CLV_PRECISION_COUNT; i++) {
        if (strcmp(name, clv_precision_name((clv_precision)i)) == 0) {
            *out = (clv_precision)i;
            return CLV_OK;
        }
    }
    return CLV_ENOENT;
}
