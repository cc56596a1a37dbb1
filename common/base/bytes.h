/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BYTES_H
#define CLV_BYTES_H

/** @file bytes.h: little-endian numbers in byte formats. No bounds are checked here. */

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Cleave reads and writes tensors in memory order and needs a little-endian machine"
#endif

static inline uint16_t clv_read_u16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t clv_read_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t clv_read_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline float clv_read_f32(const uint8_t *p)
{
    float v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void clv_write_u16(uint8_t *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void clv_write_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void clv_write_u64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void clv_write_f32(uint8_t *p, float v)
{
    memcpy(p, &v, sizeof v);
}

#endif
