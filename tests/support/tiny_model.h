/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TINY_MODEL_H
#define CLV_TINY_MODEL_H

/** @file tiny_model.h: a small network with a branch (so that some frontiers have two tensors) and
 *  two outputs (in another order than their values), for tests of everything above the kernels.
 *  Running out of memory aborts the test. */

#include "runtime/bundle.h"

typedef struct tiny_model_options {
    uint64_t seed;     /**< of the weights */
    uint32_t channels; /**< of each layer */
    uint32_t size;     /**< of the square input, [1, channels, size, size] float32 */
} tiny_model_options;

#define TINY_MODEL_OPTIONS_INIT                                                                    \
    {                                                                                              \
        1, 4, 8                                                                                    \
    }

/** A prepared graph: two convolutions, an addition, pooling, a fully connected layer.
 *  Free with clv_graph_free(). */
clv_graph *tiny_model_create(const tiny_model_options *options);

/** Write a bundle of that graph to @p path, by way of a rename. @return its id. */
clv_digest tiny_model_write(const char *path, const tiny_model_options *options);

/** Input data for it, from @p seed; free with clv_free(). */
float *tiny_model_input(const tiny_model_options *options, uint64_t seed);

#endif
