/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ZOO_H
#define CLV_ZOO_H

/** @file zoo.h: real models and photographs for tests, where they are there: $CLEAVE_ZOO, then
 *  ../shared/zoo beside the source tree. Tests that need them return ZOO_SKIP where they aren't. */

#include "kernel/backend.h"
#include "media/input_spec.h"
#include "onnx/onnx_import.h"

#define ZOO_SKIP 77

/** A classifier of the zoo. */
typedef struct zoo_classifier {
    const char *name;   /**< models/NAME.onnx, golden/NAME.0.* */
    const char *preset; /**< NULL: its inputs are no photographs */
    int label_offset;   /**< 1: class 0 of the model is the background */
} zoo_classifier;

extern const zoo_classifier zoo_classifiers[];
extern const unsigned zoo_n_classifiers;

/** Networks that are no classifiers: detectors, segmentation, super-resolution, an embedding,
 *  voice activity. */
extern const char *const zoo_others[];
extern const unsigned zoo_n_others;

/** The zoo's folder, or NULL after printing that the test is skipped. */
const char *zoo_folder(void);

/** "ZOO/what" in static memory that the next call but three overwrites. */
CLV_PRINTF(1, 2) const char *zoo_path(const char *fmt, ...);

/** How models/NAME.onnx is imported: with ref's kernels, and with shapes where it leaves them open.
 */
void zoo_options(clv_onnx_options *out, const char *name);

/** Import and prepare models/NAME.onnx; fails the test when that doesn't work. */
clv_graph *zoo_open(const char *name);

/** Both backends, or only ref where there is no other. */
extern const char *const zoo_backends[2];
unsigned zoo_n_backends(void);

#endif
