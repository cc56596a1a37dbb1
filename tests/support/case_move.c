/* SPDX-License-Identifier: Apache-2.0 */
/* Concat, Split, Transpose and ChannelShuffle along every axis, of elements of every size. */
#include <string.h>

#include "support/case_families.h"

static const clv_dtype dtypes[] = {CLV_F32, CLV_I64, CLV_F32, CLV_U8, CLV_F32, CLV_F16};
#define N_DTYPES (sizeof dtypes / sizeof dtypes[0])

static const clv_shape shapes[] = {
    {4, {1, 17, 5, 3}}, {4, {2, 16, 7, 7}}, {3, {2, 9, 6}},
    {2, {3, 33}},       {1, {13}},          {5, {1, 3, 2, 3, 4}},
};
#define N_SHAPES (sizeof shapes / sizeof shapes[0])
#define MAX_AXES 5u
#define N_PARTED (N_SHAPES * MAX_AXES * 4) /* each axis with one to four parts */
#define N_TRANSPOSED 60u
#define N_SHUFFLED 24u

static void random_input(node_case *c, clv_dtype dtype, clv_shape shape, uint64_t *seed)
{
    if (dtype == CLV_F32) {
        case_random_input(c, shape, 1.0f, seed);
        return;
    }
    unsigned char *data = case_input(c, dtype, shape, NULL);
    size_t bytes = case_elems(&c->inputs[c->n_inputs - 1]) * clv_dtype_bytes(dtype);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)case_random(seed);
}

/* Element by element between a whole and the part that begins at @p start of @p axis. */
static void copy_part(const clv_tensor *whole, const clv_tensor *part, uint32_t axis, int64_t start,
                      bool to_whole)
{
    size_t size = clv_dtype_bytes(whole->dtype), n = case_elems(part);
    size_t inner = case_extent(&part->shape, axis + 1, part->shape.rank);
    size_t rows = (size_t)part->shape.dim[axis];

    for (size_t i = 0; i < n; i++) {
        size_t outer = i / (rows * inner), row = i / inner % rows + (size_t)start;
        size_t at = (outer * (size_t)whole->shape.dim[axis] + row) * inner + i % inner;
        char *w = (char *)whole->data + at * size, *p = (char *)part->data + i * size;
        memcpy(to_whole ? w : p, to_whole ? p : w, size);
    }
}

static node_case *make_concat(size_t i, uint32_t axis, uint32_t n_parts)
{
    clv_shape shape = shapes[i % N_SHAPES];
    uint64_t seed = i;
    int64_t start = 0;
    node_case *c = case_create(CLV_OP_CONCAT, "concat %zu: rank %u, axis %u, %u parts", i,
                               shape.rank, axis, n_parts);

    case_int(c, "axis", i % 2 == 0 ? axis : (int64_t)axis - shape.rank);
    for (uint32_t part = 0; part < n_parts; part++) {
        shape.dim[axis] = case_random_between(&seed, part == 1 ? 0 : 1, 20);
        random_input(c, dtypes[i % N_DTYPES], shape, &seed);
    }
    case_must_build(c);
    for (uint32_t part = 0; part < n_parts; part++) {
        copy_part(&c->expected[0], &c->inputs[part], axis, start, true);
        start += c->inputs[part].shape.dim[axis];
    }
    return c;
}

static node_case *make_split(size_t i, uint32_t axis, uint32_t n_parts)
{
    clv_shape shape = shapes[i % N_SHAPES];
    uint64_t seed = i;
    int64_t sizes[CASE_MAX_OUTPUTS], start = 0;
    node_case *c = case_create(CLV_OP_SPLIT, "split %zu: rank %u, axis %u, %u parts", i, shape.rank,
                               axis, n_parts);

    case_int(c, "axis", i % 2 == 0 ? axis : (int64_t)axis - shape.rank);
    c->n_outputs = n_parts;
    shape.dim[axis] = 0;
    for (uint32_t part = 0; part < n_parts; part++) {
        sizes[part] = case_random_between(&seed, part == 1 ? 0 : 1, 20);
        shape.dim[axis] += sizes[part];
    }
    random_input(c, dtypes[i % N_DTYPES], shape, &seed);
    case_const_ints(c, sizes, n_parts);
    case_must_build(c);
    for (uint32_t part = 0; part < n_parts; part++) {
        copy_part(&c->inputs[0], &c->expected[part], axis, start, false);
        start += sizes[part];
    }
    return c;
}

static node_case *make_transpose(size_t i)
{
    const clv_shape *shape = &shapes[i % N_SHAPES];
    uint64_t seed = i;
    int64_t perm[CLV_MAX_RANK];
    node_case *c = case_create(CLV_OP_TRANSPOSE, "transpose %zu: rank %u", i, shape->rank);

    for (uint32_t axis = 0; axis < shape->rank; axis++) { /* Fisher and Yates, inside out */
        uint64_t at = case_random(&seed) % (axis + 1);
        perm[axis] = perm[at];
        perm[at] = axis;
    }
    for (uint32_t axis = 0; i < N_SHAPES && axis < shape->rank; axis++)
        perm[axis] = shape->rank - 1 - axis; /* the first ones: what no attribute means */
    if (i >= N_SHAPES)
        case_ints(c, "perm", perm, shape->rank);
    random_input(c, dtypes[i % N_DTYPES], *shape, &seed);
    case_must_build(c);

    const clv_shape *out = &c->expected[0].shape;
    size_t size = clv_dtype_bytes(c->expected[0].dtype), n = case_elems(&c->expected[0]);
    for (size_t j = 0; j < n; j++) {
        size_t from = 0;
        for (uint32_t axis = 0; axis < out->rank; axis++) {
            size_t at = j / case_extent(out, axis + 1, out->rank) % (size_t)out->dim[axis];
            from += at * case_extent(shape, (uint32_t)perm[axis] + 1, shape->rank);
        }
        memcpy((char *)c->expected[0].data + j * size, (char *)c->inputs[0].data + from * size,
               size);
    }
    return c;
}

/* Channels that divide into 1 to 8 groups, of ranks 2 to 5. */
static node_case *make_shuffle(size_t i)
{
    static const int64_t groups[] = {2, 3, 4, 8, 1, 6};
    int64_t g = groups[i % 6];
    clv_shape shape = {.rank = 2 + (uint32_t)(i / 6),
                       .dim = {2, g * (1 + (int64_t)i % 5), 3, 5, 2}};
    uint64_t seed = i;
    node_case *c = case_create(CLV_OP_CHANNEL_SHUFFLE, "shuffle %zu: rank %u, %d groups", i,
                               shape.rank, (int)g);

    case_int(c, "groups", g);
    random_input(c, dtypes[i % N_DTYPES], shape, &seed);
    case_must_build(c);
    size_t bytes = case_extent(&shape, 2, shape.rank) * clv_dtype_bytes(c->inputs[0].dtype);
    for (int64_t n = 0; n < shape.dim[0]; n++) {
        for (int64_t from = 0; from < shape.dim[1]; from++) {
            int64_t size = shape.dim[1] / g, to = from % size * g + from / size;
            memcpy((char *)c->expected[0].data + (size_t)(n * shape.dim[1] + to) * bytes,
                   (char *)c->inputs[0].data + (size_t)(n * shape.dim[1] + from) * bytes, bytes);
        }
    }
    return c;
}

static node_case *make_move(size_t i)
{
    if (i >= 2 * N_PARTED + N_TRANSPOSED)
        return make_shuffle(i - 2 * N_PARTED - N_TRANSPOSED);
    if (i >= 2 * N_PARTED)
        return make_transpose(i - 2 * N_PARTED);
    uint32_t rank = shapes[i / 2 % N_SHAPES].rank, n_parts = (uint32_t)(i / 2 / N_SHAPES % 4) + 1;
    uint32_t axis = (uint32_t)(i / 2 / N_SHAPES / 4) % rank;
    return i % 2 == 0 ? make_concat(i / 2, axis, n_parts) : make_split(i / 2, axis, n_parts);
}

const case_family case_move = {"movement", 2 * N_PARTED + N_TRANSPOSED + N_SHUFFLED, make_move};
