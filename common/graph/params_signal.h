/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PARAMS_SIGNAL_H
#define CLV_PARAMS_SIGNAL_H

/** @file params_signal.h: DFT and STFT as numbers. */

#include "graph/graph.h"

/** One Fourier transform over each line along an axis; elements are 1 (real) or 2 numbers. */
typedef struct clv_dft_params {
    uint32_t axis;
    int64_t length; /**< of the transform: the signal is cut, or goes on with zeros */
    int64_t bins;   /**< of the output: length, or length / 2 + 1 where one side is asked for */
    bool inverse;
} clv_dft_params;

/** Fourier transforms over frames of a signal [n, samples, 1 or 2]. */
typedef struct clv_stft_params {
    int64_t step, length; /**< of the frames, in samples */
    int64_t frames, bins;
} clv_stft_params;

CLV_NODISCARD clv_status clv_dft_params_of(clv_dft_params *out, const clv_graph *graph,
                                           const clv_node *node, clv_error *err);
CLV_NODISCARD clv_status clv_stft_params_of(clv_stft_params *out, const clv_graph *graph,
                                            const clv_node *node, clv_error *err);

#endif
