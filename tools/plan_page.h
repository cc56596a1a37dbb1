/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLAN_PAGE_H
#define CLV_PLAN_PAGE_H

/** @file plan_page.h: a plan as one HTML page that needs nothing else: no script, no file. */

#include "tools/plan_view.h"

/** @return CLV_OK; CLV_EIO, CLV_ELIMIT, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status plan_page_write(const char *path, const plan_view *view, clv_error *err);

#endif
