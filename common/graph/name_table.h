/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NAME_TABLE_H
#define CLV_NAME_TABLE_H

/** @file name_table.h: names to indices, an open-addressed hash table. Names are borrowed. */

#include <stdint.h>

#include <cleave/status.h>

typedef struct clv_name_table clv_name_table;

CLV_NODISCARD clv_status clv_name_table_create(clv_name_table **out);
void clv_name_table_free(clv_name_table *table);

/** Forget all names; the room for them stays. */
void clv_name_table_clear(clv_name_table *table);

/** The index of @p name, or UINT32_MAX. */
uint32_t clv_name_table_find(const clv_name_table *table, const char *name);

/** Add a name that isn't there yet. @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_name_table_add(clv_name_table *table, const char *name,
                                            uint32_t index);

#endif
