/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BUNDLE_H
#define CLV_BUNDLE_H

/** @file bundle.h: the file that is deployed (.clv). Format: docs/bundle-format.md.
 *
 *  Opening maps the file and checks everything in it but the digest of its content, which costs a
 *  read of the whole file and is its own call. Immutable once open; threads may share it. */

#include "base/digest.h"
#include "graph/graph.h"
#include "media/input_spec.h"
#include "runtime/cut_ladder.h"
#include "runtime/precision.h"
#include "runtime/weight_form.h"

#define CLV_BUNDLE_SUFFIX ".clv"
#define CLV_BUNDLE_MAX_BYTES ((size_t)4 << 30)

/** One network of a bundle: its graph and what goes around it. Both forms have the same nodes and
 *  values, by number, so a cut is the same in both. */
typedef struct clv_model {
    /** Prepared, in float32; the quantised one where there is no other. Constants lie in the mapped
     *  file. What is in bytes in the quantised form has its quant here too, so that bytes can be
     *  loaded. */
    clv_graph *graph;
    clv_graph *int8;     /**< the quantised form, or NULL; may be the same as graph */
    bool has_input_spec; /**< false: the model takes tensors, not images */
    clv_input_spec input;
    const char *const *labels; /**< one for each class, or NULL */
    uint32_t n_labels;
    const clv_cut_ladder *ladders; /**< of the cuts that have operating points */
    uint32_t n_ladders;
    /** How clv_bundle_write() stores the float32 weights of each form. Not read back. */
    clv_weight_form weights[CLV_PRECISION_COUNT];
} clv_model;

/** The form of @p model in that precision, or NULL. */
static inline clv_graph *clv_model_graph(const clv_model *model, clv_precision precision)
{
    if (precision == CLV_PRECISION_INT8)
        return model->int8;
    return model->graph != model->int8 ? model->graph : NULL;
}

/** The precision to run @p model in: the one called @p name, which it must hold; NULL: @p
 * preferred, or the only one there is.
 *  @return CLV_OK; CLV_EINVAL (no such name), CLV_EUNSUPPORTED (not in the bundle) with @p err. */
CLV_NODISCARD clv_status clv_model_choose(clv_precision *out, const clv_model *model,
                                          const char *name, clv_precision preferred,
                                          clv_error *err);

typedef struct clv_bundle clv_bundle;

/** Map and check @p path. @p err names the file, the section and the offset.
 *  @return CLV_OK; CLV_ENOENT, CLV_EIO, CLV_EFORMAT, CLV_EVERSION, CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_bundle_open(clv_bundle **out, const char *path, clv_error *err);

/** The same from memory, which is borrowed. For tests and fuzzing. */
CLV_NODISCARD clv_status clv_bundle_open_memory(clv_bundle **out, const uint8_t *data, size_t bytes,
                                                clv_error *err);

/** Compare the id in the header with the SHA-256 of the content.
 *  @return CLV_OK; CLV_EFORMAT when they differ. */
CLV_NODISCARD clv_status clv_bundle_verify(const clv_bundle *bundle, clv_error *err);

void clv_bundle_free(clv_bundle *bundle); /* NULL is a no-op */

const clv_digest *clv_bundle_id(const clv_bundle *bundle);
const clv_model *clv_bundle_main(const clv_bundle *bundle);
const clv_model *clv_bundle_student(const clv_bundle *bundle); /**< NULL: none */
size_t clv_bundle_bytes(const clv_bundle *bundle);

/** Drop the pages of constants of @p graph (a form of one of the bundle's models) that @p keeps
 *  says no kernel reads (kernels have them in a form of their own), and of all packed ones. */
void clv_bundle_drop_packed(const clv_bundle *bundle, const clv_graph *graph,
                            bool (*keeps)(const void *context, uint32_t value),
                            const void *context);

/** Write a bundle. @p student may be NULL.
 *  @return CLV_OK; CLV_EIO, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_bundle_write(const char *path, const clv_model *main,
                                          const clv_model *student, clv_digest *id_out,
                                          clv_error *err);

#endif
