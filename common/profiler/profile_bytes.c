/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/profile_bytes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/activation.h"
#include "runtime/precision.h"

#define VERSION 1u
#define MAX_NUMBER_BYTES 10u
#define AGREEMENT_UNITS 65535.0

/* Ways to ship a frame that aren't codecs of activations; their numbers are part of the format. */
#define PIXELS 254u
#define JPEG 255u

/* --- writing -------------------------------------------------------------------------------- */

static clv_status put(clv_buffer *out, uint64_t number)
{
    uint8_t bytes[MAX_NUMBER_BYTES];
    size_t n = 0;

    do {
        bytes[n] = (uint8_t)(number & 0x7f) | (number > 0x7f ? 0x80 : 0);
        number >>= 7;
    } while ((bytes[n++] & 0x80) != 0);
    return clv_buffer_append(out, bytes, n);
}

static clv_status put_time(clv_buffer *out, const clv_profile_time *t)
{
    CLV_TRY(put(out, t->min_ns));
    return put(out, t->spread_ns);
}

static clv_status put_run(clv_buffer *out, const clv_profile_run *run, uint32_t n_nodes)
{
    CLV_TRY(put(out, run->precision));
    CLV_TRY(put(out, run->batch));
    CLV_TRY(put_time(out, &run->whole));
    for (uint32_t i = 0; i < n_nodes; i++)
        CLV_TRY(put_time(out, &run->nodes[i]));
    return CLV_OK;
}

static clv_status put_memory(clv_buffer *out, const clv_profile *p)
{
    for (uint32_t r = 0; r < p->n_runs; r++) {
        for (uint32_t k = 0; k <= p->n_nodes; k++)
            CLV_TRY(put(out, p->runs[r].peak_bytes[k]));
    }
    return CLV_OK;
}

static clv_status number_of_codec(unsigned *out, const char *name)
{
    clv_codec codec;

    if (strcmp(name, "pixels") == 0)
        *out = PIXELS;
    else if (strcmp(name, "jpeg") == 0)
        *out = JPEG;
    else if (clv_codec_find(&codec, name) == CLV_OK)
        *out = codec;
    else
        return CLV_EINVAL;
    return CLV_OK;
}

static clv_status put_point(clv_buffer *out, const clv_profile_point *point, uint32_t previous_cut)
{
    unsigned codec;

    CLV_TRY(number_of_codec(&codec, point->codec));
    CLV_TRY(put(out, point->cut - previous_cut));
    CLV_TRY(put(out, point->precision));
    CLV_TRY(put(out, codec));
    CLV_TRY(put(out, point->point));
    CLV_TRY(put(out, (uint64_t)ceil(point->mean_bytes)));
    CLV_TRY(put(out, (uint64_t)ceil(point->p95_bytes)));
    CLV_TRY(put_time(out, &point->encode));
    CLV_TRY(put_time(out, &point->decode));
    CLV_TRY(put(out, point->lossless));
    return put(out, (uint64_t)lround(point->agreement * AGREEMENT_UNITS));
}

static clv_status put_points(clv_buffer *out, const clv_profile *p)
{
    uint32_t previous = 0;

    CLV_TRY(put(out, p->n_points));
    for (uint32_t i = 0; i < p->n_points; i++) {
        CLV_TRY(put_point(out, &p->points[i], previous));
        previous = p->points[i].cut;
    }
    return CLV_OK;
}

clv_status clv_profile_pack(clv_buffer *out, const clv_profile *p, bool with_memory)
{
    size_t name_bytes = strlen(p->processor);

    CLV_TRY(put(out, VERSION));
    CLV_TRY(put(out, name_bytes));
    CLV_TRY(clv_buffer_append(out, p->processor, name_bytes));
    CLV_TRY(clv_buffer_append(out, p->bundle.bytes, sizeof p->bundle.bytes));
    CLV_TRY(put(out, p->threads));
    CLV_TRY(put(out, p->n_nodes));
    CLV_TRY(put_time(out, &p->preprocess));
    CLV_TRY(put(out, p->n_runs));
    for (uint32_t i = 0; i < p->n_runs; i++)
        CLV_TRY(put_run(out, &p->runs[i], p->n_nodes));
    CLV_TRY(put(out, with_memory));
    if (with_memory)
        CLV_TRY(put_memory(out, p));
    return put_points(out, p);
}

/* --- reading -------------------------------------------------------------------------------- */

typedef struct reader {
    const uint8_t *data;
    size_t bytes, at;
    clv_error *err;
} reader;

static size_t left(const reader *r)
{
    return r->bytes - r->at;
}

static clv_status bad(const reader *r, const char *what)
{
    char where[32];
    (void)snprintf(where, sizeof where, "byte %zu", r->at);
    return clv_fail(r->err, CLV_EFORMAT, where, "a profile %s", what);
}

/* A number of at most @p most. */
static clv_status take(uint64_t *out, reader *r, uint64_t most)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < MAX_NUMBER_BYTES - 1; i++) {
        if (r->at == r->bytes)
            return bad(r, "is cut off");
        uint8_t byte = r->data[r->at++];
        number |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            if (number > most)
                return bad(r, "has a number that is too large");
            *out = number;
            return CLV_OK;
        }
    }
    return bad(r, "has a number that is too long");
}

static clv_status take_u32(uint32_t *out, reader *r, uint32_t most)
{
    uint64_t number = 0;
    CLV_TRY(take(&number, r, most));
    *out = (uint32_t)number;
    return CLV_OK;
}

static clv_status take_bool(bool *out, reader *r)
{
    uint64_t number = 0;
    CLV_TRY(take(&number, r, 1));
    *out = number != 0;
    return CLV_OK;
}

static clv_status take_bytes(void *dst, reader *r, size_t n)
{
    if (n > left(r))
        return bad(r, "is cut off");
    memcpy(dst, r->data + r->at, n);
    r->at += n;
    return CLV_OK;
}

static clv_status take_time(clv_profile_time *out, reader *r)
{
    CLV_TRY(take(&out->min_ns, r, CLV_PROFILE_MAX_VALUE));
    return take(&out->spread_ns, r, CLV_PROFILE_MAX_VALUE);
}

/* Before memory is taken for it: a run has two bytes a node at least. */
static clv_status expect_run(reader *r, uint32_t n_nodes)
{
    return left(r) / 2 < n_nodes ? bad(r, "is cut off") : CLV_OK;
}

static clv_status take_run(clv_profile *p, reader *r)
{
    uint32_t precision = 0, batch = 0, index;

    CLV_TRY(expect_run(r, p->n_nodes));
    CLV_TRY(take_u32(&precision, r, CLV_PRECISION_COUNT - 1));
    CLV_TRY(take_u32(&batch, r, CLV_PROFILE_MAX_BATCH));
    if (batch == 0)
        return bad(r, "has a run of no frames");
    CLV_TRY(clv_profile_add_run(&index, p, precision, batch));
    clv_profile_run *run = &p->runs[index];
    CLV_TRY(take_time(&run->whole, r));
    for (uint32_t i = 0; i < p->n_nodes; i++)
        CLV_TRY(take_time(&run->nodes[i], r));
    return CLV_OK;
}

static clv_status take_memory(clv_profile *p, reader *r)
{
    for (uint32_t i = 0; i < p->n_runs; i++) {
        for (uint32_t k = 0; k <= p->n_nodes; k++)
            CLV_TRY(take(&p->runs[i].peak_bytes[k], r, CLV_PROFILE_MAX_VALUE));
    }
    return CLV_OK;
}

static clv_status take_codec(char dst[CLV_PROFILE_CODEC_BYTES], reader *r)
{
    uint32_t number = 0;
    const char *name;

    CLV_TRY(take_u32(&number, r, JPEG));
    if (number == JPEG)
        name = "jpeg";
    else if (number == PIXELS)
        name = "pixels";
    else if (number < CLV_CODEC_COUNT)
        name = clv_codec_name((clv_codec)number);
    else
        return bad(r, "has a codec that isn't known");
    (void)snprintf(dst, CLV_PROFILE_CODEC_BYTES, "%s", name);
    return CLV_OK;
}

static clv_status take_point(clv_profile *p, reader *r, uint32_t previous_cut)
{
    clv_profile_point point = {0};
    uint64_t mean = 0, p95 = 0, agreement = 0;

    CLV_TRY(take_u32(&point.cut, r, p->n_nodes - previous_cut));
    point.cut += previous_cut;
    CLV_TRY(take_u32(&point.precision, r, CLV_PRECISION_COUNT - 1));
    CLV_TRY(take_codec(point.codec, r));
    CLV_TRY(take_u32(&point.point, r, UINT32_MAX));
    CLV_TRY(take(&mean, r, CLV_PROFILE_MAX_VALUE));
    CLV_TRY(take(&p95, r, CLV_PROFILE_MAX_VALUE));
    CLV_TRY(take_time(&point.encode, r));
    CLV_TRY(take_time(&point.decode, r));
    CLV_TRY(take_bool(&point.lossless, r));
    CLV_TRY(take(&agreement, r, (uint64_t)AGREEMENT_UNITS));
    point.mean_bytes = (double)mean;
    point.p95_bytes = (double)p95;
    point.agreement = (double)agreement / AGREEMENT_UNITS;
    return clv_profile_add_point(p, &point);
}

static clv_status take_points(clv_profile *p, reader *r)
{
    uint32_t n = 0;

    CLV_TRY(take_u32(&n, r, CLV_PROFILE_MAX_POINTS));
    for (uint32_t i = 0; i < n; i++)
        CLV_TRY(take_point(p, r, i > 0 ? p->points[i - 1].cut : 0));
    return r->at == r->bytes ? CLV_OK : bad(r, "has bytes behind its end");
}

/* What stands before the number of nodes. */
typedef struct head {
    char processor[CLV_PROFILE_NAME_BYTES];
    clv_digest bundle;
    uint32_t threads, n_nodes;
} head;

static clv_status take_head(head *out, reader *r)
{
    uint64_t version = 0;
    uint32_t n = 0;

    CLV_TRY(take(&version, r, UINT64_MAX));
    if (version != VERSION)
        return clv_fail(r->err, CLV_EVERSION, NULL, "a profile of another version");
    CLV_TRY(take_u32(&n, r, CLV_PROFILE_NAME_BYTES - 1));
    CLV_TRY(take_bytes(out->processor, r, n));
    if (memchr(out->processor, 0, n) != NULL)
        return bad(r, "has a zero in a name");
    CLV_TRY(take_bytes(out->bundle.bytes, r, sizeof out->bundle.bytes));
    CLV_TRY(take_u32(&out->threads, r, UINT16_MAX));
    CLV_TRY(take_u32(&out->n_nodes, r, UINT32_MAX));
    return expect_run(r, out->n_nodes);
}

static clv_status take_body(clv_profile *p, reader *r)
{
    uint32_t n_runs = 0;
    bool with_memory = false;

    CLV_TRY(take_time(&p->preprocess, r));
    CLV_TRY(take_u32(&n_runs, r, CLV_PROFILE_MAX_RUNS));
    if (n_runs == 0)
        return bad(r, "has no run");
    for (uint32_t i = 0; i < n_runs; i++)
        CLV_TRY(take_run(p, r));
    CLV_TRY(take_bool(&with_memory, r));
    if (with_memory)
        CLV_TRY(take_memory(p, r));
    CLV_TRY(take_points(p, r));
    return clv_profile_check(p, r->err);
}

clv_status clv_profile_unpack(clv_profile **out, const uint8_t *data, size_t bytes, clv_error *err)
{
    clv_error why = CLV_ERROR_INIT;
    reader r = {.data = data, .bytes = bytes, .err = &why};
    head h = {.threads = 0};
    clv_profile *profile = NULL;

    clv_status status = take_head(&h, &r);
    if (status == CLV_OK)
        status = clv_profile_create(&profile, h.n_nodes);
    if (status == CLV_OK) {
        memcpy(profile->processor, h.processor, sizeof h.processor);
        profile->bundle = h.bundle;
        profile->threads = h.threads;
        status = take_body(profile, &r);
    }
    if (status != CLV_OK) {
        clv_profile_free(profile);
        return clv_fail(err, status, why.location, "%s",
                        why.message[0] != '\0' ? why.message : clv_status_text(status));
    }
    *out = profile;
    return CLV_OK;
}
