/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SESSION_H
#define CLV_SESSION_H

/** @file session.h: a model that runs here, whole or through a cut, on images or tensors: what
 *  `cleave run` and `cleave eval` share. One thread. */

#include "media/image.h"
#include "tools/split_run.h"
#include "tools/tool_model.h"

typedef struct session {
    tool_model model;
    clv_program *program;
    clv_program *suffix; /* NULL: program, too */
    split_run *run;
    clv_image image, fitted, scratch; /* memory that is kept from one image to the next */
    uint32_t width, height;           /* of the picture that is in the input */
} session;

/** Open @p path, compile it and make room for runs. @p cut and @p codec as for split_run_create().
 *  @return CLV_OK, or what failed with @p err. @p out is good for session_done() in any case. */
CLV_NODISCARD clv_status session_open(session *out, const char *path,
                                      const tool_model_settings *settings, uint32_t cut,
                                      clv_codec codec, clv_error *err);
void session_done(session *s);

/** @return CLV_OK; CLV_EINVAL with @p err where the model takes something else than one image. */
CLV_NODISCARD clv_status session_needs_image(const session *s, clv_error *err);

/** Put the image at @p path into the model's input. session_needs_image() has said yes. */
CLV_NODISCARD clv_status session_read_image(session *s, const char *path, clv_error *err);

/** Put the image that @p from, a session of the same model, has read into the input of @p s. */
void session_share_image(session *s, const session *from);

/** Run on what is in the inputs.
 *  @param[out] us_out     How long it took.
 *  @param[out] bytes_out  As split_run_go(). */
CLV_NODISCARD clv_status session_go(session *s, uint64_t *us_out, size_t *bytes_out,
                                    clv_error *err);

/** The outputs of the last run, in the model's order. */
const clv_tensor *session_outputs(const session *s, uint32_t *n_out);

/** The name of output @p i. */
const char *session_output_name(const session *s, uint32_t i);

#endif
