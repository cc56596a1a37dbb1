/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PASS_RESHAPE_H
#define CLV_PASS_RESHAPE_H

#include "graph/pass.h"

/** Make node @p index a Reshape of @p x to the shape that its output has. */
CLV_NODISCARD clv_status clv_pass_make_reshape(clv_pass *pass, uint32_t index, uint32_t x,
                                               clv_error *err);

#endif
