/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TINY_RUN_H
#define CLV_TINY_RUN_H

/** @file tiny_run.h: a device's half of the tiny model, and what the whole must come to: payloads
 *  for requests and the bytes of their only right answer. What goes wrong fails the test. */

#include "runtime/program.h"
#include "support/tiny_model.h"

typedef struct tiny_run {
    tiny_model_options options;
    clv_graph *graph;
    clv_program *program;
    clv_exec *exec;
    float *input;
    uint8_t *payload; /**< of the last tiny_run_prefix() */
    size_t payload_bytes;
    uint8_t *answer; /**< the outputs of an unsplit run, encoded lossless */
    size_t answer_bytes;
} tiny_run;

/** Run the model as a whole on the input of @p input_seed. @param backend  NULL: the best one. */
void tiny_run_init(tiny_run *run, const tiny_model_options *options, const clv_backend *backend,
                   uint64_t input_seed);

/** Make the payload of a request: run [0, cut), encode the frontier lossless. */
void tiny_run_prefix(tiny_run *run, uint32_t cut);

void tiny_run_done(tiny_run *run);

#endif
