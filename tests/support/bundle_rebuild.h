/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BUNDLE_REBUILD_H
#define CLV_BUNDLE_REBUILD_H

/** @file bundle_rebuild.h: bundles whose manifests lie. What goes wrong fails the test. */

#include <bundle.pb-c.h>

#include "runtime/bundle.h"

/** The file's bytes; free with clv_free(). */
uint8_t *bundle_read_file(size_t *n_out, const char *path);

/** Open the bundle @p data as it is once @p damage has changed its manifest. */
clv_status bundle_open_damaged(const uint8_t *data, void (*damage)(Clv__Pb__Model *model),
                               clv_error *err);

#endif
