/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/topk.h"

#include <math.h>

static size_t elems_of(const clv_tensor *tensor)
{
    size_t n = 0;
    return clv_shape_elems(&n, &tensor->shape) == CLV_OK ? n : 0;
}

bool clv_topk_applies(const clv_tensor *tensor)
{
    uint32_t wide = 0;

    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        wide += tensor->shape.dim[i] != 1;
    return tensor->dtype == CLV_F32 && wide == 1 && elems_of(tensor) > 1;
}

/* A softmax output: no element below 0, the sum 1. */
static bool is_distribution(const float *x, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        if (!(x[i] >= 0.0f))
            return false;
        sum += (double)x[i];
    }
    return fabs(sum - 1.0) < 1e-3;
}

static bool better(float a, float b)
{
    return a > b || (isnan(b) && !isnan(a));
}

/* Insert into the list of the best, which has room for k. */
static uint32_t insert(clv_top *top, uint32_t used, uint32_t k, uint32_t index, float score)
{
    uint32_t at = used;

    while (at > 0 && better(score, top[at - 1].score))
        at--;
    if (at == k)
        return used;
    if (used < k)
        used++;
    for (uint32_t i = used - 1; i > at; i--)
        top[i] = top[i - 1];
    top[at] = (clv_top){index, score, 0.0f};
    return used;
}

uint32_t clv_topk(clv_top *out, uint32_t k, const clv_tensor *tensor)
{
    const float *x = tensor->data;
    size_t n = elems_of(tensor);
    uint32_t used = 0;

    for (size_t i = 0; i < n && k > 0; i++)
        used = insert(out, used, k, (uint32_t)i, x[i]);
    if (used == 0)
        return 0;
    bool plain = is_distribution(x, n);
    double sum = 0.0;
    for (size_t i = 0; !plain && i < n; i++)
        sum += isnan(x[i]) ? 0.0 : exp((double)x[i] - (double)out[0].score);
    for (uint32_t i = 0; i < used; i++)
        out[i].confidence =
            plain ? out[i].score : (float)(exp((double)out[i].score - (double)out[0].score) / sum);
    return used;
}
