/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/backend.h"

#include <string.h>

clv_status clv_backend_find(const clv_backend **out, const char *name)
{
    const clv_backend *onednn = clv_backend_onednn();
    const clv_backend *best = onednn != NULL ? onednn : &clv_backend_ref;
    const clv_backend *found = NULL;

    if (strcmp(name, "auto") == 0)
        found = best;
    else if (strcmp(name, clv_backend_ref.name) == 0)
        found = &clv_backend_ref;
    else if (onednn != NULL && strcmp(name, onednn->name) == 0)
        found = onednn;
    if (found == NULL)
        return CLV_ENOENT;
    *out = found;
    return CLV_OK;
}
