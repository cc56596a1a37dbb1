/* SPDX-License-Identifier: Apache-2.0 */
#include "server/references.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/link.h"

/* A device names an answered frame: one that is behind it by no more than may be unanswered. */
#define MAX_HELD (CLV_LINK_MAX_IN_FLIGHT + 1)

typedef struct held_frame {
    clv_digest bundle;
    uint32_t cut, prefix;
    uint64_t frame;
    uint32_t checksum;
    clv_symbols symbols; /* data is ours */
} held_frame;

struct clv_references {
    size_t cap_bytes; /* fixed */
    pthread_mutex_t lock;
    /* lock */
    size_t bytes; /* room that is taken for symbols */
    uint32_t count;
    held_frame held[MAX_HELD]; /* the oldest first */
};

clv_status clv_references_create(clv_references **out, size_t cap_bytes)
{
    clv_references *r = clv_calloc(1, sizeof *r);

    if (r == NULL)
        return CLV_ENOMEM;
    r->cap_bytes = cap_bytes;
    (void)pthread_mutex_init(&r->lock, NULL);
    *out = r;
    return CLV_OK;
}

/* --- under the lock ------------------------------------------------------------------------- */

static void drop(clv_references *r, uint32_t i)
{
    r->bytes -= r->held[i].symbols.cap;
    clv_free(r->held[i].symbols.data);
    r->count--;
    memmove(&r->held[i], &r->held[i + 1], (r->count - i) * sizeof r->held[0]);
}

static bool is_named(const held_frame *held, const clv_reference_key *key)
{
    return held->frame == key->frame && held->cut == key->cut && held->prefix == key->prefix &&
           memcmp(held->bundle.bytes, key->bundle->bytes, sizeof held->bundle.bytes) == 0;
}

/* @return r->count: it isn't held. */
static uint32_t find(const clv_references *r, const clv_reference_key *key)
{
    uint32_t i = 0;

    while (i < r->count && !is_named(&r->held[i], key))
        i++;
    return i;
}

/* Room for @p bytes more: a frame that has to go gives its memory, where it is of that size. */
static uint8_t *make_room(clv_references *r, size_t bytes)
{
    uint8_t *data = NULL;

    while (r->count > 0 && data == NULL &&
           (r->count == MAX_HELD || r->bytes + bytes > r->cap_bytes)) {
        held_frame *oldest = &r->held[0];
        if (oldest->symbols.cap == bytes) {
            data = oldest->symbols.data;
            oldest->symbols.data = NULL;
        }
        drop(r, 0);
    }
    return data != NULL ? data : clv_alloc_aligned(bytes);
}

static void keep(clv_references *r, const clv_reference_key *key, const clv_symbols *symbols)
{
    uint32_t i = find(r, key);

    if (i < r->count)
        drop(r, i);
    uint8_t *data = make_room(r, symbols->bytes);
    if (data == NULL)
        return;
    memcpy(data, symbols->data, symbols->bytes);
    r->bytes += symbols->bytes;
    held_frame *held = &r->held[r->count++];
    *held = (held_frame){.bundle = *key->bundle,
                         .cut = key->cut,
                         .prefix = key->prefix,
                         .frame = key->frame,
                         .checksum = clv_symbols_checksum(data, symbols->bytes),
                         .symbols = *symbols};
    held->symbols.data = data;
    held->symbols.cap = symbols->bytes;
}

static clv_status copy(clv_symbols *out, const clv_symbols *symbols)
{
    if (out->cap < symbols->bytes) {
        uint8_t *data = clv_alloc_aligned(symbols->bytes);
        if (data == NULL)
            return CLV_ENOMEM;
        clv_free(out->data);
        out->data = data;
        out->cap = symbols->bytes;
    }
    memcpy(out->data, symbols->data, symbols->bytes);
    out->bytes = symbols->bytes;
    out->held = symbols->held;
    out->point = symbols->point;
    return CLV_OK;
}

static clv_status take(clv_symbols *out, clv_references *r, const clv_reference_key *key,
                       uint32_t checksum)
{
    uint32_t i = find(r, key);

    if (i == r->count || r->held[i].checksum != checksum)
        return CLV_EKEYFRAME;
    for (uint32_t older = i; older > 0; older--)
        drop(r, 0);
    return copy(out, &r->held[0].symbols);
}

/* --- the outside ---------------------------------------------------------------------------- */

void clv_references_keep(clv_references *references, const clv_reference_key *key,
                         const clv_symbols *symbols)
{
    if (!clv_symbols_whole(symbols) || symbols->bytes > references->cap_bytes)
        return;
    (void)pthread_mutex_lock(&references->lock);
    keep(references, key, symbols);
    (void)pthread_mutex_unlock(&references->lock);
}

clv_status clv_references_find(clv_symbols *out, clv_references *references,
                               const clv_reference_key *key, uint32_t checksum)
{
    (void)pthread_mutex_lock(&references->lock);
    clv_status status = take(out, references, key, checksum);
    (void)pthread_mutex_unlock(&references->lock);
    return status;
}

size_t clv_references_bytes(clv_references *references)
{
    (void)pthread_mutex_lock(&references->lock);
    size_t bytes = references->bytes;
    (void)pthread_mutex_unlock(&references->lock);
    return bytes;
}

void clv_references_free(clv_references *references)
{
    if (references == NULL)
        return;
    while (references->count > 0)
        drop(references, references->count - 1);
    (void)pthread_mutex_destroy(&references->lock);
    clv_free(references);
}
