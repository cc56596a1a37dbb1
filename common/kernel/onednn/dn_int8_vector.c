/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_int8_vector.h"

#include "base/error.h"
#include "base/memory.h"
#include "kernel/onednn/dn_curve.h"
#include "kernel/onednn/dn_parallel.h"
#include "kernel/onednn/dn_simd.h"

typedef struct product {
    size_t rows, n, k;
    bool to_float;
    bool is_signed; /* the source */
    int32_t zero;
    float zero_out, low, high; /* zero_out: 0 with a curve, which adds it */
    clv_dn_curve curve;
    unsigned threads;
    const float *scale, *bias;
    const int8_t *weights; /* [n, k] */
} product;

typedef struct frame {
    const product *product;
    const int16_t *x; /* [rows, k], less the zero point */
    void *y;
} frame;

CLV_ALWAYS_INLINE int32_t dot(const int16_t *x, const int8_t *w, size_t n)
{
    int32_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        int16_t wide = w[i];
        sum += x[i] * wide;
    }
    return sum;
}

CLV_ALWAYS_INLINE void make_columns(const frame *f, size_t from, size_t to)
{
    const product *p = f->product;

    for (size_t c = from; c < to; c++) {
        for (size_t row = 0; row < p->rows; row++) {
            int32_t sum = dot(f->x + row * p->k, p->weights + c * p->k, p->k);
            float y = ((float)sum + p->bias[c]) * p->scale[c] + p->zero_out;
            if (clv_dn_curve_is_there(&p->curve))
                clv_dn_curve_apply(&p->curve, &y, 1);
            size_t at = row * p->n + c;
            if (p->to_float)
                ((float *)f->y)[at] = y < p->low ? p->low : y > p->high ? p->high : y;
            else
                ((uint8_t *)f->y)[at] = clv_dn_round(y, p->low, p->high);
        }
    }
}

static void make_columns_plain(const void *context, size_t from, size_t to)
{
    make_columns(context, from, to);
}

CLV_AVX2 static void make_columns_avx2(const void *context, size_t from, size_t to)
{
    make_columns(context, from, to);
}

static void run(const void *plan, void *const *addresses)
{
    const product *p = plan;
    const uint8_t *x = addresses[0];
    int16_t *wide = addresses[2];
    frame f = {p, wide, addresses[1]};

    for (size_t i = 0; i < p->rows * p->k; i++)
        wide[i] = (int16_t)((p->is_signed ? (int8_t)x[i] : x[i]) - p->zero);
    clv_dn_parallel(p->threads, p->n, clv_cpu_has_avx2() ? make_columns_avx2 : make_columns_plain,
                    &f);
}

/* The plan with its arrays behind it. */
static clv_status make_plan(product **out, const product *form, const clv_dn_sums *sums,
                            const clv_dn_requant *requant)
{
    const clv_dn_weights *w = &sums->weights;
    size_t n = w->n, k = w->n_each;

    char *memory = clv_calloc(1, sizeof *form + 2 * n * sizeof(float) + n * k);
    if (memory == NULL)
        return CLV_ENOMEM;
    product *p = (product *)(void *)memory;
    float *scale = (float *)(void *)(p + 1);
    int8_t *weights = (int8_t *)(scale + 2 * n);
    *p = *form;
    memcpy(scale, requant->scale, 2 * n * sizeof *scale);
    for (size_t c = 0; c < n; c++) {
        for (size_t i = 0; i < k; i++)
            weights[c * k + i] = w->data[c * w->step + i * w->step_each];
    }
    p->scale = scale;
    p->bias = scale + n;
    p->weights = weights;
    *out = p;
    return CLV_OK;
}

clv_status clv_dn_int8_vector(clv_kernel *kernel, const clv_dn_job *job, int64_t rows,
                              const clv_dn_sums *sums)
{
    clv_dn_sums centred = *sums;
    clv_dn_requant requant = {0};
    product form = {.rows = (size_t)rows,
                    .n = sums->weights.n,
                    .k = sums->weights.n_each,
                    .to_float = !clv_dn_operand_is_bytes(&sums->y),
                    .is_signed = sums->x.dtype == CLV_I8,
                    .zero = sums->x.zero_point,
                    .zero_out = (float)sums->y.zero_point,
                    .threads = clv_dn_kernel_threads(kernel)};
    product *p = NULL;

    if (rows > CLV_DN_FEW_ROWS || sums->residual.dtype != CLV_NONE ||
        form.k > INT32_MAX / (UINT8_MAX * -INT8_MIN))
        return CLV_EUNSUPPORTED;
    centred.has_zero_point = false;
    CLV_TRY(clv_dn_requant_of(&requant, job, &centred));
    form.low = requant.low;
    form.high = requant.high;
    bool ours = clv_dn_curve_of(&form.curve, &job->node->fusion, &requant, &sums->y);
    if (clv_dn_curve_is_there(&form.curve))
        form.zero_out = 0.0f;
    clv_status status = ours ? make_plan(&p, &form, &centred, &requant) : CLV_EUNSUPPORTED;
    clv_dn_requant_done(&requant);
    CLV_TRY(status);
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    clv_dn_kernel_scratch(kernel, job, form.rows * form.k * sizeof(int16_t));
    clv_dn_kernel_set_native(kernel, run, p);
    job->io->inputs[0] = job->io->outputs[0] = clv_layout_plain();
    return CLV_OK;
}
