/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NPY_H
#define CLV_NPY_H

/** @file npy.h: NumPy's .npy files, versions 1 to 3
 *  (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */

#include <cleave/tensor.h>

/** Take a file apart. @p out borrows its data from @p bytes (maybe unaligned).
 *  @return CLV_OK; CLV_EFORMAT, CLV_EUNSUPPORTED (Fortran order, big-endian, other types). */
CLV_NODISCARD clv_status npy_parse(clv_tensor *out, const uint8_t *bytes, size_t n_bytes,
                                   clv_error *err);

/** Write @p tensor to @p path. @return CLV_OK; CLV_EIO, CLV_EUNSUPPORTED, with @p err. */
CLV_NODISCARD clv_status npy_write(const char *path, const clv_tensor *tensor, clv_error *err);

#endif
