/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/name_table.h"

#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/memory.h"

#define FIRST_CAPACITY 64u

typedef struct entry {
    const char *name; /* NULL: free */
    uint32_t index;
} entry;

struct clv_name_table {
    uint64_t seed; /* of this process's life: names can't be chosen to collide */
    entry *entries;
    uint32_t capacity; /* a power of two */
    uint32_t used;
};

/* FNV-1a, 64 bits, started from the seed and mixed at the end. */
static uint64_t hash_of(const char *name, uint64_t seed)
{
    uint64_t h = seed;
    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * 1099511628211u;
    return h ^ (h >> 32);
}

static entry *slot_of(entry *entries, uint32_t capacity, uint64_t seed, const char *name)
{
    uint32_t i = (uint32_t)(hash_of(name, seed) & (capacity - 1));
    while (entries[i].name != NULL && strcmp(entries[i].name, name) != 0)
        i = (i + 1) & (capacity - 1);
    return &entries[i];
}

static clv_status grow(clv_name_table *table)
{
    uint32_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
    entry *entries = clv_calloc(capacity, sizeof *entries);
    if (entries == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].name != NULL)
            *slot_of(entries, capacity, table->seed, table->entries[i].name) = table->entries[i];
    }
    clv_free(table->entries);
    table->entries = entries;
    table->capacity = capacity;
    return CLV_OK;
}

clv_status clv_name_table_create(clv_name_table **out)
{
    clv_name_table *table = clv_calloc(1, sizeof *table);
    if (table == NULL)
        return CLV_ENOMEM;
    if (getrandom(&table->seed, sizeof table->seed, 0) != (ssize_t)sizeof table->seed)
        table->seed = 14695981039346656037u; /* FNV's own: slower at worst, never wrong */
    if (grow(table) != CLV_OK) {
        clv_free(table);
        return CLV_ENOMEM;
    }
    *out = table;
    return CLV_OK;
}

void clv_name_table_free(clv_name_table *table)
{
    if (table != NULL)
        clv_free(table->entries);
    clv_free(table);
}

void clv_name_table_clear(clv_name_table *table)
{
    memset(table->entries, 0, table->capacity * sizeof *table->entries);
    table->used = 0;
}

uint32_t clv_name_table_find(const clv_name_table *table, const char *name)
{
    const entry *found = slot_of(table->entries, table->capacity, table->seed, name);
    return found->name != NULL ? found->index : UINT32_MAX;
}

clv_status clv_name_table_add(clv_name_table *table, const char *name, uint32_t index)
{
    if ((table->used + 1) * 4 > table->capacity * 3)
        CLV_TRY(grow(table));
    *slot_of(table->entries, table->capacity, table->seed, name) = (entry){name, index};
    table->used++;
    return CLV_OK;
}
