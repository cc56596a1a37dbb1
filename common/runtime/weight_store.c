/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/weight_store.h"

#include <assert.h>
#include <pthread.h>

typedef struct stored {
    uint32_t value;
    uint32_t holders; /* lock */
    clv_packed_weights packed;
    float *data; /* reserved */
} stored;

struct clv_weight_store {
    pthread_mutex_t lock;
    stored *items; /* by value, rising */
    size_t count, cap;
};

clv_status clv_weight_store_create(clv_weight_store **out)
{
    clv_weight_store *store = clv_calloc(1, sizeof *store);
    if (store == NULL)
        return CLV_ENOMEM;
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        clv_free(store);
        return CLV_ENOMEM;
    }
    *out = store;
    return CLV_OK;
}

static size_t bytes_of(const stored *item)
{
    return item->packed.n * sizeof *item->data;
}

void clv_weight_store_free(clv_weight_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->count; i++)
        clv_reserve_free(store->items[i].data, bytes_of(&store->items[i]));
    (void)pthread_mutex_destroy(&store->lock);
    clv_free(store->items);
    clv_free(store);
}

clv_status clv_weight_store_add(float **data_out, clv_weight_store *store, uint32_t value,
                                const clv_packed_weights *weights)
{
    assert(store->count == 0 || store->items[store->count - 1].value < value);
    if (store->count == store->cap) {
        size_t cap = store->cap ? store->cap * 2 : 64;
        stored *items = clv_realloc_array(store->items, cap, sizeof *items);
        if (items == NULL)
            return CLV_ENOMEM;
        store->items = items;
        store->cap = cap;
    }
    stored item = {.value = value, .packed = *weights};
    item.data = clv_reserve(bytes_of(&item));
    if (item.data == NULL)
        return CLV_ENOMEM;
    store->items[store->count++] = item;
    *data_out = item.data;
    return CLV_OK;
}

static stored *find(const clv_weight_store *store, uint32_t value)
{
    size_t from = 0, to = store != NULL ? store->count : 0;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (store->items[middle].value == value)
            return &store->items[middle];
        if (store->items[middle].value < value)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

const clv_packed_weights *clv_weight_store_find(const clv_weight_store *store, uint32_t value)
{
    const stored *item = find(store, value);
    return item != NULL ? &item->packed : NULL;
}

void clv_weight_store_hold(clv_weight_store *store, uint32_t value)
{
    stored *item = find(store, value);
    if (item == NULL)
        return;
    (void)pthread_mutex_lock(&store->lock);
    if (item->holders++ == 0)
        clv_weight_unpack(item->data, &item->packed.packing, item->packed.bytes, item->packed.n);
    (void)pthread_mutex_unlock(&store->lock);
}

void clv_weight_store_release(clv_weight_store *store, uint32_t value)
{
    stored *item = find(store, value);
    if (item == NULL)
        return;
    (void)pthread_mutex_lock(&store->lock);
    assert(item->holders > 0);
    if (--item->holders == 0)
        clv_reserve_drop(item->data, bytes_of(item));
    (void)pthread_mutex_unlock(&store->lock);
}
