/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/activation.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/activation_codecs.h"

/* Header: one 32-bit word, the version in the lowest byte, the signature above it. */
#define FORMAT_VERSION 1u
#define HEADER_BYTES 4u
#define TAG_BYTES 1u
#define TAG_HAS_SHAPE 0x80u /* the tensor is smaller than planned: dimensions follow the tag */
#define DIM_BYTES 8u

static const char *const names[] = {
#define CODEC_NAME(name, text) text,
    CLV_CODEC_LIST(CODEC_NAME)
#undef CODEC_NAME
};

static const struct {
    clv_tensor_encoder encode;
    clv_tensor_decoder decode;
} codecs[] = {
    [CLV_CODEC_FLOAT] = {clv_encode_plain, clv_decode_plain},
    [CLV_CODEC_UINT8] = {clv_encode_uint8, clv_decode_uint8},
    [CLV_CODEC_ZSTD] = {clv_encode_zstd, clv_decode_zstd},
    [CLV_CODEC_LZ4] = {clv_encode_lz4, clv_decode_lz4},
    [CLV_CODEC_RANS] = {clv_encode_rans, clv_decode_rans},
};
_Static_assert(sizeof codecs / sizeof codecs[0] == CLV_CODEC_COUNT, "every codec has functions");

const char *clv_codec_name(clv_codec codec)
{
    return (unsigned)codec < CLV_CODEC_COUNT ? names[codec] : "invalid";
}

clv_status clv_codec_find(clv_codec *out, const char *name)
{
    for (unsigned i = 0; i < CLV_CODEC_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (clv_codec)i;
            return CLV_OK;
        }
    }
    return CLV_ENOENT;
}

/* What is planned for tensor @p i. */
static clv_planned plan_of(const clv_tensor *tensors, const clv_planned *planned, uint32_t i)
{
    return planned != NULL ? planned[i] : (clv_planned){tensors[i].shape, false};
}

clv_status clv_activation_bound(size_t *out, const clv_tensor *tensors, const clv_planned *planned,
                                uint32_t n_tensors)
{
    size_t total = HEADER_BYTES;

    if (n_tensors > CLV_ACTIVATION_MAX_TENSORS)
        return CLV_ELIMIT;
    for (uint32_t i = 0; i < n_tensors; i++) {
        size_t bytes;
        clv_planned plan = plan_of(tensors, planned, i);
        clv_tensor largest = {tensors[i].dtype, plan.shape, NULL};
        CLV_TRY(clv_tensor_bytes(&bytes, &largest));
        if (bytes > SIZE_MAX / 2 - total)
            return CLV_ELIMIT;
        total += TAG_BYTES + bytes + (plan.bounded ? plan.shape.rank * DIM_BYTES : 0);
    }
    *out = total;
    return CLV_OK;
}

/* One step of FNV-1a, 32 bits. */
static uint32_t mix_byte(uint32_t hash, uint8_t byte)
{
    return (hash ^ byte) * 16777619u;
}

/* Nothing is known of this frame's symbols yet. */
static void forget_symbols(const clv_codec_tables *tables)
{
    if (tables != NULL && tables->keep != NULL)
        tables->keep->bytes = tables->keep->held = 0;
}

/* The header for these tensors: two lists that differ in number, types or shapes have, but for
 * one chance in 2^24, different ones. */
static uint32_t header_of(const clv_tensor *tensors, const clv_planned *planned, uint32_t n_tensors)
{
    uint32_t hash = 2166136261u;

    for (uint32_t i = 0; i < n_tensors; i++) {
        const clv_shape *shape = planned != NULL ? &planned[i].shape : &tensors[i].shape;
        hash = mix_byte(hash, (uint8_t)tensors[i].dtype);
        hash = mix_byte(hash, (uint8_t)shape->rank);
        for (uint32_t d = 0; d < shape->rank; d++) {
            for (unsigned shift = 0; shift < 64; shift += 8)
                hash = mix_byte(hash, (uint8_t)((uint64_t)shape->dim[d] >> shift));
        }
    }
    return (hash ^ hash >> 24) << 8 | FORMAT_VERSION;
}

/* Write tensor @p index with its tag; as it is, when the codec can't carry it. @return bytes. */
static size_t encode_tensor(uint8_t *dst, clv_codec codec, const clv_codec_tables *tables,
                            uint32_t index, const clv_tensor *tensor, bool smaller)
{
    size_t head = TAG_BYTES, bytes = 0;

    if (clv_tensor_bytes(&bytes, tensor) != CLV_OK)
        return 0; /* not when the planned shape was checked */
    for (uint32_t i = 0; smaller && i < tensor->shape.rank; i++, head += DIM_BYTES)
        clv_write_u64(dst + head, (uint64_t)tensor->shape.dim[i]);
    if (tensor->dtype == CLV_BOOL) /* its bytes are checked on the way in */
        codec = CLV_CODEC_FLOAT;
    size_t written = codecs[codec].encode(dst + head, tensor, bytes, tables, index);
    if (written == SIZE_MAX) {
        codec = CLV_CODEC_FLOAT;
        written = codecs[codec].encode(dst + head, tensor, bytes, tables, index);
    }
    dst[0] = (uint8_t)((unsigned)codec | (smaller ? TAG_HAS_SHAPE : 0));
    return head + written;
}

clv_status clv_activation_encode_by(size_t *bytes_out, clv_codec codec,
                                    const clv_codec_tables *tables, const clv_tensor *tensors,
                                    const clv_planned *planned, uint32_t n_tensors, uint8_t *dst,
                                    size_t cap)
{
    size_t at = HEADER_BYTES, bound;

    if ((unsigned)codec >= CLV_CODEC_COUNT)
        return CLV_EINVAL;
    CLV_TRY(clv_activation_bound(&bound, tensors, planned, n_tensors));
    if (cap < bound)
        return CLV_ENOSPC;
    forget_symbols(tables);
    clv_write_u32(dst, header_of(tensors, planned, n_tensors));
    for (uint32_t i = 0; i < n_tensors; i++) {
        clv_planned plan = plan_of(tensors, planned, i);
        bool smaller = !clv_shape_equal(&tensors[i].shape, &plan.shape);
        if (smaller && (!plan.bounded || !clv_shape_fits(&tensors[i].shape, &plan.shape)))
            return CLV_ESHAPE;
        at += encode_tensor(dst + at, codec, tables, i, &tensors[i], smaller);
    }
    *bytes_out = at;
    return CLV_OK;
}

clv_status clv_activation_encode(size_t *bytes_out, clv_codec codec, const clv_tensor *tensors,
                                 const clv_planned *planned, uint32_t n_tensors, uint8_t *dst,
                                 size_t cap)
{
    return clv_activation_encode_by(bytes_out, codec, NULL, tensors, planned, n_tensors, dst, cap);
}

static clv_status check_header(const clv_tensor *tensors, const clv_planned *planned,
                               uint32_t n_tensors, const uint8_t *src, size_t bytes, clv_error *err)
{
    if (bytes < HEADER_BYTES)
        return clv_fail(err, CLV_EFORMAT, "byte 0", "%zu bytes are too few for a payload", bytes);
    if (src[0] != FORMAT_VERSION)
        return clv_fail(err, CLV_EVERSION, "byte 0",
                        "the payload has format %u; this program reads format %u", src[0],
                        FORMAT_VERSION);
    if (clv_read_u32(src) != header_of(tensors, planned, n_tensors))
        return clv_fail(err, CLV_ESHAPE, "byte 1",
                        "the payload was made for other tensors (another model or cut?)");
    return CLV_OK;
}

/* The dimensions behind a tag: none larger than that of @p shape, which they replace.
 * @return bytes used; SIZE_MAX and @p why when malformed. */
static size_t decode_shape(clv_shape *shape, const uint8_t *src, size_t left, const char **why)
{
    if (left < shape->rank * DIM_BYTES) {
        *why = "the payload is cut off";
        return SIZE_MAX;
    }
    for (uint32_t i = 0; i < shape->rank; i++) {
        uint64_t dim = clv_read_u64(src + i * DIM_BYTES);
        if (dim > (uint64_t)shape->dim[i]) {
            *why = "a dimension is larger than planned";
            return SIZE_MAX;
        }
        shape->dim[i] = (int64_t)dim;
    }
    return shape->rank * DIM_BYTES;
}

/* Read tensor @p index, whose shape is the planned one, with its tag. @return bytes used; SIZE_MAX
 * and
 * @p why when malformed. */
static size_t decode_tensor(clv_tensor *tensor, bool bounded, const clv_codec_tables *tables,
                            uint32_t index, const uint8_t *src, size_t left, const char **why)
{
    size_t head = TAG_BYTES, bytes;

    if (left < TAG_BYTES) {
        *why = "the payload is cut off";
        return SIZE_MAX;
    }
    unsigned codec = src[0] & ~TAG_HAS_SHAPE;
    if (codec >= CLV_CODEC_COUNT) {
        *why = "the codec is unknown";
        return SIZE_MAX;
    }
    if ((src[0] & TAG_HAS_SHAPE) != 0 && !bounded) {
        *why = "the tensor can't be smaller than planned";
        return SIZE_MAX;
    }
    if ((src[0] & TAG_HAS_SHAPE) != 0) {
        size_t used = decode_shape(&tensor->shape, src + head, left - head, why);
        if (used == SIZE_MAX)
            return SIZE_MAX;
        head += used;
    }
    if (clv_tensor_bytes(&bytes, tensor) != CLV_OK) {
        *why = "the tensor is too large"; /* not when the planned shape was checked */
        return SIZE_MAX;
    }
    size_t used = codecs[codec].decode(tensor, bytes, src + head, left - head, tables, index, why);
    return used == SIZE_MAX ? SIZE_MAX : head + used;
}

/* Say where decoding stopped. */
static clv_status malformed(clv_error *err, uint32_t tensor, size_t at, const char *why)
{
    char where[64];

    (void)snprintf(where, sizeof where, "tensor %u, byte %zu", tensor, at);
    return clv_fail(err, CLV_EFORMAT, where, "%s", why);
}

clv_status clv_activation_decode_by(clv_tensor *tensors, const clv_planned *planned,
                                    uint32_t n_tensors, const clv_codec_tables *tables,
                                    const uint8_t *src, size_t bytes, clv_error *err)
{
    size_t at = HEADER_BYTES, bound;

    clv_status status = clv_activation_bound(&bound, tensors, planned, n_tensors);
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "these tensors can't be decoded into");
    forget_symbols(tables);
    CLV_TRY(check_header(tensors, planned, n_tensors, src, bytes, err));
    for (uint32_t i = 0; i < n_tensors; i++) {
        const char *why;
        clv_planned plan = plan_of(tensors, planned, i);
        tensors[i].shape = plan.shape;
        size_t used =
            decode_tensor(&tensors[i], plan.bounded, tables, i, src + at, bytes - at, &why);
        if (used == SIZE_MAX)
            return malformed(err, i, at, why);
        at += used;
    }
    if (at != bytes)
        return malformed(err, n_tensors, at, "bytes follow the last tensor");
    return CLV_OK;
}

clv_status clv_activation_decode(clv_tensor *tensors, const clv_planned *planned,
                                 uint32_t n_tensors, const uint8_t *src, size_t bytes,
                                 clv_error *err)
{
    return clv_activation_decode_by(tensors, planned, n_tensors, NULL, src, bytes, err);
}
