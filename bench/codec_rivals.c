/* SPDX-License-Identifier: Apache-2.0 */
#include "codec_rivals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>
#include <time.h>
#include <zstd.h>

uint64_t bench_cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* One message. @return bytes; the other way round of symbols. */
typedef size_t (*pack_fn)(uint8_t *dst, size_t cap, const uint8_t *src, size_t bytes, int level);

static size_t zstd_pack(uint8_t *dst, size_t cap, const uint8_t *src, size_t bytes, int level)
{
    static ZSTD_CCtx *context;
    if (context == NULL)
        context = ZSTD_createCCtx();
    return ZSTD_compressCCtx(context, dst, cap, src, bytes, level);
}

static size_t zstd_unpack(uint8_t *dst, size_t cap, const uint8_t *src, size_t bytes, int level)
{
    static ZSTD_DCtx *context;
    (void)level;
    if (context == NULL)
        context = ZSTD_createDCtx();
    return ZSTD_decompressDCtx(context, dst, cap, src, bytes);
}

static size_t lz4_pack(uint8_t *dst, size_t cap, const uint8_t *src, size_t bytes, int level)
{
    (void)level;
    return (size_t)LZ4_compress_default((const char *)src, (char *)dst, (int)bytes, (int)cap);
}

static size_t lz4_unpack(uint8_t *dst, size_t cap, const uint8_t *src, size_t bytes, int level)
{
    (void)level;
    return (size_t)LZ4_decompress_safe((const char *)src, (char *)dst, (int)bytes, (int)cap);
}

static double rate(const bench_symbols *s, uint64_t start)
{
    return (double)(s->messages * s->each) * 1e6 / (double)(bench_cpu_us() - start + 1);
}

static bench_speed measure(const bench_symbols *s, pack_fn pack, pack_fn unpack, int level,
                           unsigned rounds)
{
    bench_speed best = {0};
    size_t cap = ZSTD_compressBound(s->each) + 64;
    uint8_t *packed = malloc(s->messages * cap), *back = malloc(s->each);
    size_t *bytes = calloc(s->messages, sizeof *bytes);

    if (packed == NULL || back == NULL || bytes == NULL)
        abort();
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t start = bench_cpu_us();
        for (size_t i = 0; i < s->messages; i++)
            bytes[i] = pack(packed + i * cap, cap, s->data + i * s->each, s->each, level);
        double now = rate(s, start);
        best.encode = now > best.encode ? now : best.encode;
        start = bench_cpu_us();
        for (size_t i = 0; i < s->messages; i++) {
            if (unpack(back, s->each, packed + i * cap, bytes[i], level) != s->each)
                abort();
        }
        now = rate(s, start);
        best.decode = now > best.decode ? now : best.decode;
    }
    for (size_t i = 0; i < s->messages; i++)
        best.bytes += (double)bytes[i];
    free(packed);
    free(back);
    free(bytes);
    return best;
}

bench_speed bench_zstd(const bench_symbols *symbols, int level, unsigned rounds)
{
    return measure(symbols, zstd_pack, zstd_unpack, level, rounds);
}

bench_speed bench_lz4(const bench_symbols *symbols, unsigned rounds)
{
    return measure(symbols, lz4_pack, lz4_unpack, 0, rounds);
}
