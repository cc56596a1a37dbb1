/* SPDX-License-Identifier: Apache-2.0 */
/* Slice: random boxes with steps of both signs, of ranks 1 to 5. */
#include "support/case_families.h"

#define N_SLICES 120u

static node_case *make_slice(size_t i)
{
    clv_shape shape = {.rank = 1 + (uint32_t)(i % 5)};
    int64_t start[5], end[5], axes[5], step[5];
    uint64_t seed = 300 + i;
    node_case *c = case_create(CLV_OP_SLICE, "slice %zu: rank %u", i, shape.rank);

    for (uint32_t d = 0; d < shape.rank; d++) {
        shape.dim[d] = case_random_between(&seed, 1, d == 1 ? 17 : 7);
        axes[d] = d % 2 == 0 ? d : (int64_t)d - shape.rank;
        step[d] = case_random_between(&seed, 0, 2) > 0 ? 1 : case_random_between(&seed, -3, 3);
        step[d] = step[d] == 0 ? 1 : step[d];
        int64_t low = case_random_between(&seed, 0, shape.dim[d] - 1);
        int64_t high = case_random_between(&seed, low, shape.dim[d] - 1);
        if (case_random_between(&seed, 0, 1) == 0) { /* all of it */
            low = 0;
            high = shape.dim[d] - 1;
        }
        start[d] = step[d] > 0 ? low : high;
        end[d] = step[d] > 0 ? high + 1 : low - 1 - shape.dim[d]; /* negative: from the end */
    }
    const float *x = case_random_input(c, shape, 1.0f, &seed);
    case_const_ints(c, start, shape.rank);
    case_const_ints(c, end, shape.rank);
    case_const_ints(c, axes, shape.rank);
    case_const_ints(c, step, shape.rank);
    case_must_build(c);

    const clv_shape *out = &c->expected[0].shape;
    for (size_t j = 0; j < case_elems(&c->expected[0]); j++) {
        size_t from = 0;
        for (uint32_t d = 0; d < shape.rank; d++) {
            int64_t at = (int64_t)(j / case_extent(out, d + 1, shape.rank)) % out->dim[d];
            from = from * (size_t)shape.dim[d] + (size_t)(start[d] + at * step[d]);
        }
        ((float *)c->expected[0].data)[j] = x[from];
    }
    return c;
}

const case_family case_slice = {"slice", N_SLICES, make_slice};
