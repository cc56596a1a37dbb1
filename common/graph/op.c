/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/op.h"

#include <string.h>

static const clv_op_info table[CLV_OP_COUNT] = {
#define CLV_OP_LINE(name, text, min_in, max_in, min_out, max_out, rule)                            \
    [CLV_OP_##name] = {text, min_in, max_in, min_out, max_out},
    CLV_OP_LIST(CLV_OP_LINE)
#undef CLV_OP_LINE
};

const clv_op_info *clv_op_describe(clv_op op)
{
    return &table[op];
}

clv_status clv_op_find(clv_op *out, const char *name)
{
    for (unsigned i = 0; i < CLV_OP_COUNT; i++) {
        if (strcmp(table[i].name, name) == 0) {
            *out = (clv_op)i;
            return CLV_OK;
        }
    }
    return CLV_EUNSUPPORTED;
}
