/* SPDX-License-Identifier: Apache-2.0 */
#include "support/bundle_rebuild.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/file.h"
#include "runtime/bundle_format.h"

uint8_t *bundle_read_file(size_t *n_out, const char *path)
{
    clv_mapping file;

    assert_int_equal(clv_mapping_open(&file, path, 1 << 24, NULL), CLV_OK);
    uint8_t *copy = clv_alloc_aligned(file.size);
    assert_non_null(copy);
    memcpy(copy, file.data, file.size);
    *n_out = file.size;
    clv_mapping_done(&file);
    return copy;
}

/* The bundle @p data with another manifest: header, manifest, weights. */
static uint8_t *rebuild(const uint8_t *data, const Clv__Pb__Manifest *manifest, size_t *n_out)
{
    size_t manifest_bytes = clv__pb__manifest__get_packed_size(manifest);
    size_t weights_bytes = (size_t)clv_read_u64(data + CLV_BUNDLE_AT_WEIGHTS_BYTES);
    size_t old_at = (size_t)clv_read_u64(data + CLV_BUNDLE_AT_WEIGHTS_OFFSET);
    size_t at = (CLV_BUNDLE_HEADER_BYTES + manifest_bytes + CLV_BUNDLE_PAGE - 1) / CLV_BUNDLE_PAGE *
                CLV_BUNDLE_PAGE;
    uint8_t *out = clv_alloc_aligned(at + weights_bytes);

    assert_non_null(out);
    memset(out, 0, at);
    memcpy(out, data, CLV_BUNDLE_HEADER_BYTES);
    clv_write_u64(out + CLV_BUNDLE_AT_FILE_BYTES, at + weights_bytes);
    clv_write_u64(out + CLV_BUNDLE_AT_MANIFEST_BYTES, manifest_bytes);
    clv_write_u64(out + CLV_BUNDLE_AT_WEIGHTS_OFFSET, at);
    (void)clv__pb__manifest__pack(manifest, out + CLV_BUNDLE_HEADER_BYTES);
    memcpy(out + at, data + old_at, weights_bytes);
    *n_out = at + weights_bytes;
    return out;
}

clv_status bundle_open_damaged(const uint8_t *data, void (*damage)(Clv__Pb__Model *model),
                               clv_error *err)
{
    size_t manifest_bytes = (size_t)clv_read_u64(data + CLV_BUNDLE_AT_MANIFEST_BYTES), bytes;
    Clv__Pb__Manifest *manifest =
        clv__pb__manifest__unpack(NULL, manifest_bytes, data + CLV_BUNDLE_HEADER_BYTES);
    clv_bundle *b = NULL;

    assert_non_null(manifest);
    damage(manifest->main);
    uint8_t *damaged = rebuild(data, manifest, &bytes);
    clv__pb__manifest__free_unpacked(manifest, NULL);
    clv_status status = clv_bundle_open_memory(&b, damaged, bytes, err);
    clv_bundle_free(b);
    clv_free(damaged);
    return status;
}
