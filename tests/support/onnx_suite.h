/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ONNX_SUITE_H
#define CLV_ONNX_SUITE_H

/** @file onnx_suite.h: one case of ONNX's backend node tests (Debian's libonnx-testdata): a model
 * of one operator, its inputs and the outputs that are right. */

#include <stdbool.h>

#include <cleave/status.h>

typedef enum suite_outcome { SUITE_PASSED, SUITE_UNSUPPORTED, SUITE_FAILED } suite_outcome;

typedef struct suite_result {
    suite_outcome outcome;
    unsigned constants; /**< inputs that were given when the model was built, not when it ran */
    char reason[512];   /**< why it didn't pass */
} suite_result;

/** The folder of the cases, or NULL where the package isn't installed. */
const char *suite_folder(void);

/** Run FOLDER/NAME on a backend ("ref", "onednn" with fall-back to ref), in a process of its own: a
 *  crash is a failure. Every output must be within rtol 1e-3, atol 1e-7 of the expected one. */
suite_result suite_run(const char *folder, const char *name, const char *backend);

#endif
