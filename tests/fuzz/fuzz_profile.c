/* SPDX-License-Identifier: Apache-2.0 */
/* A packed profile, out of a greeting or a file: what is read can be written, and then means the
 * same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/profile_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    clv_error err = CLV_ERROR_INIT;
    clv_profile *profile, *again;
    clv_buffer packed, twice;

    if (clv_profile_unpack(&profile, data, bytes, &err) != CLV_OK) {
        if (err.message[0] == '\0')
            abort();
        return 0;
    }
    if (clv_profile_check(profile, NULL) != CLV_OK)
        abort();
    clv_buffer_init(&packed, SIZE_MAX);
    clv_buffer_init(&twice, SIZE_MAX);
    if (clv_profile_pack(&packed, profile, true) != CLV_OK ||
        clv_profile_unpack(&again, packed.data, packed.size, NULL) != CLV_OK ||
        clv_profile_pack(&twice, again, true) != CLV_OK || packed.size != twice.size ||
        memcmp(packed.data, twice.data, packed.size) != 0)
        abort();
    clv_profile_free(again);
    clv_profile_free(profile);
    clv_buffer_done(&packed);
    clv_buffer_done(&twice);
    return 0;
}
