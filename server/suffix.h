/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SUFFIX_H
#define CLV_SUFFIX_H

/** @file suffix.h: the server's half of a frame: the frontier's bytes in, nodes [cut, n), the
 *  outputs' bytes out.
 *
 *      clv_suffix_load(suffix, exec, cut, payload)   decode; refuses what isn't this frontier
 *      clv_exec_run(exec, cut, n_nodes)
 *      clv_suffix_store(suffix, exec, reply)         the model's outputs, in its order, lossless
 *
 *  What travels is of the types that the device's form of the network has; the execution may be of
 *  the other form, and converts.
 *
 *  At cut 0 an image may come instead: clv_suffix_load_image().
 *
 *  One for each worker. Its memory grows to the largest frontier seen and stays: no allocation
 *  after warm-up but what decoding an image takes. */

#include "media/input_spec.h"
#include "runtime/cut_ladder.h"
#include "runtime/program.h"

typedef struct clv_suffix clv_suffix;

CLV_NODISCARD clv_status clv_suffix_create(clv_suffix **out);
void clv_suffix_free(clv_suffix *suffix); /* NULL is a no-op */

/** Decode payloads from now on by the points of @p ladder, which outlives that: the one of the cut
 *  and the device's form. NULL: those that have points are refused.
 *  @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_suffix_use(clv_suffix *suffix, const clv_cut_ladder *ladder);

/** How the next payload lies in a sequence of frames; clv_suffix_use() was called, which says that
 *  it stands alone.
 *  @param is_after  It may be coded after the frame in clv_suffix_before(), which the caller
 * filled.
 *  @param keep      Its own symbols are wanted: clv_suffix_kept() after clv_suffix_load().
 *  @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_suffix_follow(clv_suffix *suffix, bool is_after, bool keep);
clv_symbols *clv_suffix_before(clv_suffix *suffix); /* its data is from clv_alloc_aligned() */
const clv_symbols *clv_suffix_kept(const clv_suffix *suffix);

/** Decode the frontier of @p cut from @p payload, which is hostile, into @p exec.
 *  @param program  What @p exec runs.
 *  @param device   The form of its network that ran on the device.
 *  @param cut      At most the graph's number of nodes.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ESHAPE, CLV_ELIMIT with @p err; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_suffix_load(clv_suffix *suffix, clv_exec *exec,
                                         const clv_program *program, const clv_graph *device,
                                         uint32_t cut, const uint8_t *payload, size_t bytes,
                                         clv_error *err);

/** Larger images are refused before memory is taken for them. */
#define CLV_SUFFIX_MAX_PIXELS ((size_t)32 << 20)

typedef struct clv_suffix_image {
    const uint8_t *data; /**< a JPEG or PNG, hostile */
    size_t bytes;
    bool fitted; /**< of exactly the input's size; false: it is brought to it by @c spec */
    const clv_input_spec *spec;
} clv_suffix_image;

/** Decode @p image into the one input of @p exec, whose network takes images.
 *  @param graph  The network with a float32 input, which the spec is for.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT, CLV_EUNSUPPORTED, CLV_ESHAPE (fitted, but not of that
 *          size) with @p err; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_suffix_load_image(clv_suffix *suffix, clv_exec *exec,
                                               const clv_graph *graph,
                                               const clv_suffix_image *image, clv_error *err);

/** Most bytes that clv_suffix_store() writes. @return CLV_OK, CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_suffix_bound(size_t *out, clv_suffix *suffix, const clv_graph *device);

/** Encode the outputs after a run to the last node.
 *  @return CLV_OK; CLV_ENOSPC when @p cap is under the bound; CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_suffix_store(size_t *bytes_out, clv_suffix *suffix,
                                          const clv_exec *exec, const clv_graph *device,
                                          uint8_t *dst, size_t cap);

#endif
