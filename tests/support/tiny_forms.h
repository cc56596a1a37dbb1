/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TINY_FORMS_H
#define CLV_TINY_FORMS_H

/** @file tiny_forms.h: the tiny model in both precisions, and splits of it in this process without
 *  codec or link: what must come out wherever the halves run. What goes wrong fails the test. */

#include "compress/post_training.h"
#include "runtime/program.h"
#include "runtime/tensor_set.h"
#include "support/tiny_model.h"

typedef struct tiny_forms {
    tiny_model_options options;
    clv_graph *original;
    clv_quantised both;
    clv_model model; /**< both forms, for clv_bundle_write() */
    const clv_graph *graphs[CLV_PRECISION_COUNT];
    clv_program *programs[CLV_PRECISION_COUNT];
} tiny_forms;

/** Quantise the tiny model, every node that can be, and compile both forms.
 *  @param backend  NULL: the best one. */
void tiny_forms_init(tiny_forms *forms, const tiny_model_options *options,
                     const clv_backend *backend);
void tiny_forms_done(tiny_forms *forms);

/** Write a bundle with both forms to @p path. @return its id. */
clv_digest tiny_forms_write(const tiny_forms *forms, const char *path);

/** One split: which form runs where. */
typedef struct tiny_split {
    clv_precision prefix, suffix;
    uint32_t cut; /**< n_nodes: all of it in the prefix's form */
} tiny_split;

/** What crosses the cut and what comes out, in the types of the prefix's form. */
typedef struct tiny_split_result {
    clv_tensor_set frontier, outputs;
} tiny_split_result; /* all zero is empty */

void tiny_forms_run(tiny_split_result *result, const tiny_forms *forms, const tiny_split *split,
                    uint64_t input_seed);

/** Only what is behind the cut, on result->frontier. */
void tiny_forms_finish(tiny_split_result *result, const tiny_forms *forms, const tiny_split *split);
void tiny_split_result_done(tiny_split_result *result);

/** @p set as a payload, lossless; free with clv_free(). */
uint8_t *tiny_forms_encode(const clv_tensor_set *set, size_t *bytes_out);

#endif
