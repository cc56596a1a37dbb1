/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CASE_QUANTISED_H
#define CLV_CASE_QUANTISED_H

/** @file case_quantised.h: any case over float32 as one of a quantised node.
 *
 *  Its random inputs are drawn from what 8 bits can stand for, with scales of so few binary digits
 *  that those numbers are exact in float32. So what the case expects of the float32 operator, which
 *  its own oracle computes in double precision, is also what the quantised node gives before it
 *  rounds: no second oracle is needed. Zero points are at the ends of the range and in it; inputs
 *  are uint8 and int8, some stored as float32, some constants real numbers; weights have a scale
 *  for each channel or one; some outputs stay float32. */

#include "support/case_families.h"

/** Make case @p i of @p family quantised. A case without real numbers comes out as it is. */
node_case *case_make_quantised(const case_family *family, size_t i);

#endif
