/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/tensor_point.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/temporal.h"

#define MODE_CODED 0u    /* clv_planes_encode() */
#define MODE_PACKED 1u   /* what the coder can't shrink: a checksum, then symbols in whole bits */
#define MODE_TEMPORAL 2u /* clv_temporal_encode() */
#define MODE_BYTES 1u
#define PACKED_HEAD_BYTES 5u

static size_t plane_elems(const clv_point *point)
{
    return (size_t)point->rows * point->cols;
}

static size_t n_symbols(const clv_point *point)
{
    return point->planes * plane_elems(point);
}

static clv_plane_model model_of(const clv_point *point)
{
    return (clv_plane_model){point->planes,   point->rows,   point->cols,
                             point->group_of, point->groups, point->n_groups};
}

bool clv_point_fits(const clv_point *point, const clv_tensor *tensor)
{
    const clv_shape *shape = &tensor->shape;
    uint32_t axis = shape->rank > 1 ? 1 : 0;
    uint64_t inner = 1;

    if (tensor->dtype != (point->bytes ? CLV_U8 : CLV_F32) || shape->rank == 0 ||
        shape->dim[axis] != (int64_t)point->channels || (axis == 1 && shape->dim[0] != 1))
        return false;
    for (uint32_t d = axis + 1; d < shape->rank; d++) {
        if (shape->dim[d] < 0 || (uint64_t)shape->dim[d] > CLV_POINT_MAX_ELEMS)
            return false;
        inner *= (uint64_t)shape->dim[d];
        if (inner > CLV_POINT_MAX_ELEMS)
            return false;
    }
    return inner == plane_elems(point);
}

size_t clv_point_symbols(const clv_point *point)
{
    return n_symbols(point);
}

/* Scratch: a plane of floats, bytes as numbers, the symbols of the frame alone and after its
 * reference, and the coder's. */
static size_t n_numbers(const clv_point *point)
{
    return point->bytes && !point->lossless ? point->channels * plane_elems(point) : 0;
}

static uint8_t *symbols_in(const clv_point *point, void *scratch)
{
    return (uint8_t *)scratch + (plane_elems(point) + n_numbers(point)) * sizeof(float);
}

size_t clv_point_scratch_bytes(const clv_point *point)
{
    clv_plane_model model = model_of(point);
    size_t alone = clv_plane_scratch_bytes(&model), after = clv_temporal_scratch_bytes(&model);
    alone += n_symbols(point); /* while symbols are chosen */
    return (plane_elems(point) + n_numbers(point)) * sizeof(float) + 2 * n_symbols(point) +
           (alone > after ? alone : after);
}

/* --- symbols in whole bits ------------------------------------------------------------------ */

/* Bits that symbols under @p levels need. */
static unsigned bits_of(uint32_t levels)
{
    return 32u - (unsigned)__builtin_clz(levels - 1);
}

size_t clv_point_bound(const clv_point *point)
{
    uint64_t bits = 0;

    for (uint32_t p = 0; p < point->planes; p++)
        bits += (uint64_t)plane_elems(point) * bits_of(point->groups[point->group_of[p]].levels);
    return PACKED_HEAD_BYTES + (size_t)((bits + 7) / 8);
}

static size_t pack(const clv_point *point, const uint8_t *symbols, uint8_t *dst)
{
    uint64_t held = 0;
    unsigned count = 0;
    uint8_t *at = dst + PACKED_HEAD_BYTES;

    dst[0] = MODE_PACKED;
    clv_write_u32(dst + MODE_BYTES, clv_symbols_checksum(symbols, n_symbols(point)));
    for (uint32_t p = 0; p < point->planes; p++) {
        unsigned bits = bits_of(point->groups[point->group_of[p]].levels);
        for (size_t i = plane_elems(point); i > 0; i--) {
            held |= (uint64_t)*symbols++ << count;
            count += bits;
            for (; count >= 8; count -= 8, held >>= 8)
                *at++ = (uint8_t)held;
        }
    }
    if (count > 0)
        *at++ = (uint8_t)held;
    return (size_t)(at - dst);
}

static clv_status unpack(uint8_t *symbols, const clv_point *point, const uint8_t *src, size_t bytes)
{
    uint64_t held = 0;
    unsigned count = 0;
    uint8_t *out = symbols;

    if (bytes != clv_point_bound(point))
        return CLV_EFORMAT;
    uint32_t checksum = clv_read_u32(src + MODE_BYTES);
    src += PACKED_HEAD_BYTES;
    for (uint32_t p = 0; p < point->planes; p++) {
        uint32_t levels = point->groups[point->group_of[p]].levels;
        unsigned bits = bits_of(levels);
        for (size_t i = plane_elems(point); i > 0; i--) {
            for (; count < bits; count += 8)
                held |= (uint64_t)*src++ << count;
            uint32_t symbol = (uint32_t)held & ((1u << bits) - 1);
            if (symbol >= levels)
                return CLV_EFORMAT;
            *out++ = (uint8_t)symbol;
            held >>= bits;
            count -= bits;
        }
    }
    return checksum == clv_symbols_checksum(symbols, n_symbols(point)) && held == 0 ? CLV_OK
                                                                                    : CLV_EFORMAT;
}

/* --- numbers to symbols --------------------------------------------------------------------- */

/* The numbers of plane @p p, in steps, before they are rounded. */
static void gather(float *restrict v, const clv_point *point, uint32_t p, const float *x)
{
    size_t n = plane_elems(point);
    float inverse_step = 1.0f / point->step[p];

    if (!point->transform) {
        const float *restrict from = x + point->source[p] * n;
        float offset = point->offset[point->source[p]];
        for (size_t i = 0; i < n; i++)
            v[i] = (from[i] - offset) * inverse_step;
        return;
    }
    const int8_t *row = point->forward + (size_t)p * point->channels;
    float scale = point->forward_scale[p] * inverse_step, bias = 0;
    for (uint32_t c = 0; c < point->channels; c++)
        bias -= (float)row[c] * scale * point->offset[c];
    for (size_t i = 0; i < n; i++)
        v[i] = bias;
    for (uint32_t c = 0; c < point->channels; c++) {
        const float *restrict from = x + c * n;
        float factor = (float)row[c] * scale;
        for (size_t i = 0; row[c] != 0 && i < n; i++)
            v[i] += from[i] * factor;
    }
}

/* sign(v) * floor(|v| + rounding), clipped; a NaN becomes the lowest. */
static void quantise(uint8_t *restrict symbols, const float *restrict v, size_t n,
                     const clv_plane_group *group, unsigned rounding)
{
    float add = (float)rounding / 256.0f;
    float least = -(float)group->zero, most = (float)(group->levels - 1u - group->zero);
    int32_t zero = group->zero;

    for (size_t i = 0; i < n; i++) {
        float shifted = v[i] < 0 ? v[i] - add : v[i] + add;
        shifted = shifted > least ? shifted : least;
        shifted = shifted < most ? shifted : most;
        symbols[i] = (uint8_t)((int32_t)shifted + zero);
    }
}

/* Where the reference's symbols are near enough. */
static void find_near(uint8_t *restrict near, const float *restrict v,
                      const uint8_t *restrict reference, const clv_point *point, uint32_t g)
{
    const clv_plane_group *group = &point->groups[g];
    float means[CLV_PLANE_MAX_LEVELS];

    for (uint32_t s = 0; s < group->levels; s++)
        means[s] = (float)((int32_t)s - (int32_t)group->zero) +
                   (float)point->quantisers[g].centre[s] / 128.0f;
    for (size_t i = 0; i < plane_elems(point); i++) {
        float off = v[i] - means[reference[i]];
        near[i] = off < CLV_POINT_KEEP_STEPS && off > -CLV_POINT_KEEP_STEPS;
    }
}

/* What is coded: of the frame alone, and after its reference, if there is one. */
typedef struct made {
    const uint8_t *own, *kept;
} made;

static made make_symbols(const clv_point *point, const void *data, const uint8_t *reference,
                         void *scratch)
{
    size_t n = plane_elems(point);
    float *v = scratch, *numbers = v + n;
    uint8_t *own = symbols_in(point, scratch), *kept = own + n_symbols(point);
    uint8_t *parts = kept + n_symbols(point);
    clv_plane_model model = model_of(point);

    if (point->lossless)
        return (made){data, data};
    for (size_t i = 0; i < n_numbers(point); i++)
        numbers[i] = (float)((const uint8_t *)data)[i];
    if (point->bytes)
        data = numbers;
    for (uint32_t p = 0; p < point->planes; p++) {
        uint32_t g = point->group_of[p];
        gather(v, point, p, data);
        if (point->priced)
            clv_plane_nearest(own + p * n, parts + p * n, v, n, &point->groups[g]);
        else
            quantise(own + p * n, v, n, &point->groups[g], point->quantisers[g].rounding);
        if (reference != NULL)
            find_near(kept + p * n, v, reference + p * n, point, g);
    }
    if (point->priced)
        clv_planes_choose(own, parts, &model, point->choices, parts + n_symbols(point));
    for (size_t i = 0; i < n_symbols(point) && reference != NULL; i++)
        kept[i] = kept[i] ? reference[i] : own[i];
    return (made){own, kept};
}

/* The frame alone. */
static clv_status put_key(size_t *bytes_out, const clv_point *point, const uint8_t *symbols,
                          uint8_t *scratch, uint8_t *dst, size_t cap)
{
    clv_plane_model model = model_of(point);
    size_t bound = clv_point_bound(point), most = cap < bound ? cap : bound, bytes;

    if (most > MODE_BYTES && clv_planes_encode(&bytes, &model, symbols, scratch, dst + MODE_BYTES,
                                               most - MODE_BYTES) == CLV_OK) {
        dst[0] = MODE_CODED;
        *bytes_out = MODE_BYTES + bytes;
        return CLV_OK;
    }
    if (cap < bound)
        return CLV_ENOSPC;
    *bytes_out = pack(point, symbols, dst);
    return CLV_OK;
}

static clv_status put_difference(size_t *bytes_out, const clv_point *point, const uint8_t *symbols,
                                 const uint8_t *reference, uint8_t *scratch, uint8_t *dst,
                                 size_t cap)
{
    clv_plane_model model = model_of(point);
    size_t bytes;

    if (cap < MODE_BYTES)
        return CLV_ENOSPC;
    CLV_TRY(clv_temporal_encode(&bytes, &model, symbols, reference, scratch, dst + MODE_BYTES,
                                cap - MODE_BYTES));
    dst[0] = MODE_TEMPORAL;
    *bytes_out = MODE_BYTES + bytes;
    return CLV_OK;
}

clv_status clv_point_encode_frame(size_t *bytes_out, const clv_point *point,
                                  const clv_point_frames *frames, const void *data, void *scratch,
                                  uint8_t *dst, size_t cap)
{
    made m = make_symbols(point, data, frames->reference, scratch);
    uint8_t *rest = symbols_in(point, scratch) + 2 * n_symbols(point);
    const uint8_t *taken = m.own;
    size_t key, most = cap;

    clv_status status = put_key(&key, point, m.own, rest, dst, cap);
    if (status == CLV_OK)
        most = key - 1; /* what is no smaller than the frame alone isn't wanted */
    if (frames->reference != NULL) {
        size_t difference;
        if (put_difference(&difference, point, m.kept, frames->reference, rest, dst, most) ==
            CLV_OK) {
            taken = m.kept;
            key = difference;
            status = CLV_OK;
        } else if (status == CLV_OK) {
            status = put_key(&key, point, m.own, rest, dst, cap); /* its room was used */
        }
    }
    if (status != CLV_OK)
        return status;
    if (frames->symbols != NULL)
        memcpy(frames->symbols, taken, n_symbols(point));
    *bytes_out = key;
    return CLV_OK;
}

clv_status clv_point_encode(size_t *bytes_out, const clv_point *point, const void *data,
                            void *scratch, uint8_t *dst, size_t cap)
{
    const clv_point_frames alone = {0};
    return clv_point_encode_frame(bytes_out, point, &alone, data, scratch, dst, cap);
}

/* --- and back ------------------------------------------------------------------------------- */

/* What each symbol of a plane stands for. */
static void levels_of(float *out, const clv_point *point, uint32_t p)
{
    uint32_t g = point->group_of[p];
    const clv_plane_group *group = &point->groups[g];

    for (uint32_t s = 0; s < group->levels; s++) {
        float steps = (float)((int32_t)s - (int32_t)group->zero) +
                      (float)point->quantisers[g].centre[s] / 128.0f;
        out[s] = steps * point->step[p];
    }
}

static void fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

/* Add plane @p p to every channel. */
static void spread(float *restrict x, const clv_point *point, uint32_t p, const float *restrict v)
{
    size_t n = plane_elems(point);

    for (uint32_t c = 0; c < point->channels; c++) {
        int16_t entry = point->inverse[(size_t)c * point->planes + p];
        float factor = (float)entry * point->inverse_scale[p];
        float *restrict to = x + c * n;
        for (size_t i = 0; entry != 0 && i < n; i++)
            to[i] += factor * v[i];
    }
}

static void make_numbers(float *x, const clv_point *point, const uint8_t *symbols, float *v)
{
    size_t n = plane_elems(point);
    float levels[CLV_PLANE_MAX_LEVELS];

    for (uint32_t c = 0; c < point->channels; c++)
        fill(x + c * n, n, point->offset[c]);
    for (uint32_t p = 0; p < point->planes; p++, symbols += n) {
        levels_of(levels, point, p);
        for (size_t i = 0; i < n; i++)
            v[i] = levels[symbols[i]];
        if (point->transform) {
            spread(x, point, p, v);
            continue;
        }
        float *to = x + point->source[p] * n;
        for (size_t i = 0; i < n; i++)
            to[i] += v[i];
    }
}

/* To the nearest byte; a NaN, of a point whose numbers overflow, becomes 0. */
static void round_to_bytes(uint8_t *restrict out, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float up = x[i] + 0.5f;
        up = up > 0 ? up : 0;
        out[i] = (uint8_t)(int32_t)(up < 255 ? up : 255);
    }
}

static clv_status get_symbols(uint8_t *symbols, const clv_point *point, const uint8_t *reference,
                              uint8_t *scratch, const uint8_t *src, size_t bytes)
{
    clv_plane_model model = model_of(point);

    if (bytes < MODE_BYTES)
        return CLV_EFORMAT;
    switch (src[0]) {
    case MODE_CODED:
        return clv_planes_decode(symbols, &model, scratch, src + MODE_BYTES, bytes - MODE_BYTES);
    case MODE_PACKED:
        return unpack(symbols, point, src, bytes);
    case MODE_TEMPORAL:
        return reference == NULL ? CLV_EFORMAT
                                 : clv_temporal_decode(symbols, &model, reference, scratch,
                                                       src + MODE_BYTES, bytes - MODE_BYTES);
    default:
        return CLV_EFORMAT;
    }
}

clv_status clv_point_decode_frame(void *data, const clv_point *point,
                                  const clv_point_frames *frames, void *scratch, const uint8_t *src,
                                  size_t bytes)
{
    uint8_t *room = symbols_in(point, scratch);
    uint8_t *symbols = point->lossless ? data : room;

    CLV_TRY(get_symbols(symbols, point, frames->reference, room + n_symbols(point), src, bytes));
    if (frames->symbols != NULL)
        memcpy(frames->symbols, symbols, n_symbols(point));
    if (point->lossless)
        return CLV_OK;
    float *v = scratch, *numbers = v + plane_elems(point);
    make_numbers(point->bytes ? numbers : data, point, symbols, v);
    if (point->bytes)
        round_to_bytes(data, numbers, n_numbers(point));
    return CLV_OK;
}

clv_status clv_point_decode(void *data, const clv_point *point, void *scratch, const uint8_t *src,
                            size_t bytes)
{
    const clv_point_frames alone = {0};
    return clv_point_decode_frame(data, point, &alone, scratch, src, bytes);
}
