/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROCESSOR_H
#define CLV_PROCESSOR_H

/** @file processor.h: what this machine computes with, in words: a profile is good only there. */

#include <stddef.h>

/** Write the processor's name as its maker gives it ("AMD EPYC 9554 64-Core Processor"), or what is
 *  known of it: "aarch64, part 0xd08". Cut to @p cap with its final NUL; one line of printable
 * ASCII.
 *  @return @p dst. */
char *clv_processor_name(char *dst, size_t cap);

#endif
