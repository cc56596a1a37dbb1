/* SPDX-License-Identifier: Apache-2.0 */

/* MaxPool, AveragePool and their global forms over bytes, channels last, by code of our own. */
#include "base/error.h"
#include "base/memory.h"
#include "graph/params.h"
#include "graph/quant.h"
#include "kernel/onednn/dn_int8.h"
#include "kernel/onednn/dn_parallel.h"
#include "kernel/onednn/dn_simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define LINE 32u   /* channels of one register */
#define CHUNK 256u /* channels whose sums stay in the first-level cache */

typedef struct pool {
    size_t batch, channels, h, w, out_h, out_w;
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    size_t divisor; /* of averages; 0: the elements that a window meets */
    bool is_max, to_float;
    uint8_t flip;
    float zero;  /* the source's zero point, flipped */
    float scale; /* steps (or real numbers) for one byte of the source */
    float add, low, high;
    unsigned threads;
} pool;

typedef struct frame {
    const pool *pool;
    const uint8_t *x;
    void *y;
} frame;

static bool is_one_step(const clv_dn_operand *x, const clv_dn_operand *y)
{
    return x->dtype == y->dtype && x->zero_point == y->zero_point && x->scale <= y->scale &&
           x->scale >= y->scale;
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    uint32_t rank = clv_node_input(graph, node, 0)->shape.rank;
    bool is_max = node->op == CLV_OP_MAX_POOL || node->op == CLV_OP_GLOBAL_MAX_POOL;
    clv_dn_operand x = clv_dn_operand_in(graph, node, 0), y = clv_dn_operand_out(graph, node);

    return (rank == 3 || rank == 4) && node->n_outputs == 1 && clv_dn_operand_is_bytes(&x) &&
           node->fusion.activation == CLV_ACT_NONE && (!is_max || is_one_step(&x, &y));
}

/* --- one output pixel ---------------------------------------------------------------------- */

CLV_ALWAYS_INLINE void add_bytes(uint32_t *sums, const uint8_t *x, size_t n, uint8_t flip)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += x[i] ^ flip;
}

CLV_ALWAYS_INLINE void max_bytes(uint8_t *y, const uint8_t *x, size_t n, uint8_t flip)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t a = y[i] ^ flip, b = x[i] ^ flip;
        y[i] = (a > b ? a : b) ^ flip;
    }
}

CLV_ALWAYS_INLINE void store_averages(const pool *p, void *y, size_t at, const uint32_t *sums,
                                      size_t n, size_t met)
{
    float scale = p->scale / (float)(p->divisor > 0 ? p->divisor : met);
    float zeros = p->zero * (float)met;

    if (p->to_float) {
        for (size_t i = 0; i < n; i++)
            ((float *)y)[at + i] = ((float)(int32_t)sums[i] - zeros) * scale;
        return;
    }
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)y)[at + i] =
            clv_dn_round(((float)(int32_t)sums[i] - zeros) * scale + p->add, p->low, p->high);
}

/* Where along one dimension a window meets the image: taps [from, to). */
static void find_taps(size_t *from, size_t *to, size_t begin, size_t pad, size_t dilation,
                      size_t kernel, size_t extent)
{
    size_t a = 0, b = kernel;

    while (a < kernel && begin + a * dilation < pad)
        a++;
    while (b > a && begin + (b - 1) * dilation - pad >= extent)
        b--;
    *from = a;
    *to = b;
}

/* Rows and columns of the window that are in the image. */
typedef struct taps {
    size_t y0, y1, x0, x1;
} taps;

static inline const uint8_t *first_tap(const pool *p, const uint8_t *image, const taps *t,
                                       size_t oy, size_t ox)
{
    size_t row = oy * p->stride_h + t->y0 * p->dilation_h - p->pad_h;
    size_t column = ox * p->stride_w + t->x0 * p->dilation_w - p->pad_w;
    return image + (row * p->w + column) * p->channels;
}

/* The largest of each channel over @p t, whose first element is at @p x. @p channels: LINE or more.
 */
#if defined(__x86_64__)
CLV_AVX2 static void max_lines_avx2(const pool *p, uint8_t *y, const uint8_t *x, const taps *t)
{
    const __m256i flip = _mm256_set1_epi8((char)p->flip);
    const size_t down = p->dilation_h * p->w * p->channels, across = p->dilation_w * p->channels;
    const size_t last = p->channels - LINE;

    for (size_t c = 0;; c = c + LINE < last ? c + LINE : last) { /* the last two may overlap */
        __m256i most = _mm256_setzero_si256();
        for (size_t ky = 0; ky < t->y1 - t->y0; ky++) {
            for (size_t kx = 0; kx < t->x1 - t->x0; kx++) {
                const void *from = x + ky * down + kx * across + c;
                most = _mm256_max_epu8(most, _mm256_xor_si256(_mm256_loadu_si256(from), flip));
            }
        }
        _mm256_storeu_si256((__m256i *)(void *)(y + c), _mm256_xor_si256(most, flip));
        if (c == last)
            return;
    }
}
#else
static void max_lines_avx2(const pool *p, uint8_t *y, const uint8_t *x, const taps *t)
{
    (void)p, (void)y, (void)x, (void)t; /* !clv_cpu_has_avx2() */
}
#endif

CLV_ALWAYS_INLINE void make_pixel(const frame *f, const uint8_t *image, const taps *t, size_t oy,
                                  size_t ox, size_t at)
{
    const pool *p = f->pool;
    uint32_t sums[CHUNK];

    for (size_t c = 0; c < p->channels; c += CHUNK) {
        size_t n = p->channels - c < CHUNK ? p->channels - c : CHUNK;
        bool first = true;
        memset(sums, 0, sizeof sums);
        for (size_t ky = t->y0; ky < t->y1; ky++) {
            for (size_t kx = t->x0; kx < t->x1; kx++) {
                size_t row = oy * p->stride_h + ky * p->dilation_h - p->pad_h;
                size_t column = ox * p->stride_w + kx * p->dilation_w - p->pad_w;
                const uint8_t *x = image + (row * p->w + column) * p->channels + c;
                if (!p->is_max)
                    add_bytes(sums, x, n, p->flip);
                else if (first)
                    memcpy((uint8_t *)f->y + at + c, x, n);
                else
                    max_bytes((uint8_t *)f->y + at + c, x, n, p->flip);
                first = false;
            }
        }
        if (!p->is_max)
            store_averages(p, f->y, at + c, sums, n, (t->y1 - t->y0) * (t->x1 - t->x0));
    }
}

CLV_ALWAYS_INLINE void make_rows(const frame *f, size_t from, size_t to, bool has_avx2)
{
    const pool *p = f->pool;
    bool in_lines = has_avx2 && p->is_max && p->channels >= LINE;

    for (size_t row = from; row < to; row++) {
        const uint8_t *image = f->x + row / p->out_h * p->h * p->w * p->channels;
        size_t oy = row % p->out_h;
        taps t;
        find_taps(&t.y0, &t.y1, oy * p->stride_h, p->pad_h, p->dilation_h, p->kernel_h, p->h);
        for (size_t ox = 0; ox < p->out_w; ox++) {
            find_taps(&t.x0, &t.x1, ox * p->stride_w, p->pad_w, p->dilation_w, p->kernel_w, p->w);
            size_t at = (row * p->out_w + ox) * p->channels;
            if (in_lines)
                max_lines_avx2(p, (uint8_t *)f->y + at, first_tap(p, image, &t, oy, ox), &t);
            else
                make_pixel(f, image, &t, oy, ox, at);
        }
    }
}

static void make_rows_plain(const void *context, size_t from, size_t to)
{
    make_rows(context, from, to, false);
}

CLV_AVX2 static void make_rows_avx2(const void *context, size_t from, size_t to)
{
    make_rows(context, from, to, true);
}

static void run(const void *plan, void *const *addresses)
{
    const pool *p = plan;
    frame f = {p, addresses[0], addresses[1]};
    clv_dn_parallel(p->threads, p->batch * p->out_h,
                    clv_cpu_has_avx2() ? make_rows_avx2 : make_rows_plain, &f);
}

/* --- compiling ----------------------------------------------------------------------------- */

/* Extents of the source; a signal is an image of one row. */
static pool shape_of(const clv_shape *x)
{
    pool p = {.batch = (size_t)x->dim[0],
              .channels = (size_t)x->dim[1],
              .h = x->rank == 3 ? 1 : (size_t)x->dim[2],
              .w = (size_t)x->dim[x->rank - 1],
              .out_h = 1,
              .out_w = 1,
              .stride_h = 1,
              .stride_w = 1,
              .dilation_h = 1,
              .dilation_w = 1};

    p.kernel_h = p.h;
    p.kernel_w = p.w;
    return p;
}

static clv_status set_window(pool *p, const clv_dn_job *job)
{
    clv_pool_params params;

    CLV_TRY(clv_pool_params_of(&params, job->graph, job->node, job->err));
    const clv_window *w = &params.window;
    uint32_t last = w->n - 1;
    p->kernel_w = (size_t)w->kernel[last];
    p->stride_w = (size_t)w->stride[last];
    p->dilation_w = (size_t)w->dilation[last];
    p->pad_w = (size_t)w->pad_begin[last];
    p->out_w = (size_t)w->out[last];
    if (last > 0) {
        p->kernel_h = (size_t)w->kernel[0];
        p->stride_h = (size_t)w->stride[0];
        p->dilation_h = (size_t)w->dilation[0];
        p->pad_h = (size_t)w->pad_begin[0];
        p->out_h = (size_t)w->out[0];
    }
    if (!params.count_include_pad)
        return CLV_OK;
    p->divisor = p->kernel_h * p->kernel_w;
    for (uint32_t i = 0; i < w->n; i++) { /* what ceil_mode adds behind the padding doesn't count */
        int64_t reach = (w->out[i] - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1;
        const clv_shape *x = &clv_node_input(job->graph, job->node, 0)->shape;
        if (reach > x->dim[2 + i] + w->pad_begin[i] + w->pad_end[i])
            return CLV_EUNSUPPORTED;
    }
    return CLV_OK;
}

/* A window that meets no element has no largest one. */
static bool has_blind_window(const pool *p)
{
    size_t from, to;

    for (size_t o = 0; o < p->out_h; o++) {
        find_taps(&from, &to, o * p->stride_h, p->pad_h, p->dilation_h, p->kernel_h, p->h);
        if (from == to)
            return true;
    }
    for (size_t o = 0; o < p->out_w; o++) {
        find_taps(&from, &to, o * p->stride_w, p->pad_w, p->dilation_w, p->kernel_w, p->w);
        if (from == to)
            return true;
    }
    return false;
}

static void set_numbers(pool *p, const clv_dn_job *job)
{
    clv_dn_operand x = clv_dn_operand_in(job->graph, job->node, 0);
    clv_dn_operand y = clv_dn_operand_out(job->graph, job->node);

    p->flip = clv_dn_flip_of(&x);
    p->zero = (float)clv_dn_flipped_zero(&x);
    p->to_float = !clv_dn_operand_is_bytes(&y);
    p->scale = x.scale / y.scale;
    p->add = (float)y.zero_point;
    (void)clv_dn_bounds_of(&p->low, &p->high, &job->node->fusion, &y);
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    clv_op op = job->node->op;
    pool p = shape_of(&clv_node_input(job->graph, job->node, 0)->shape);

    if (op == CLV_OP_MAX_POOL || op == CLV_OP_AVERAGE_POOL)
        CLV_TRY(set_window(&p, job));
    if (has_blind_window(&p))
        return CLV_EUNSUPPORTED;
    p.is_max = op == CLV_OP_MAX_POOL || op == CLV_OP_GLOBAL_MAX_POOL;
    p.threads = clv_dn_kernel_threads(kernel);
    set_numbers(&p, job);
    pool *plan = clv_calloc(1, sizeof *plan);
    if (plan == NULL)
        return CLV_ENOMEM;
    *plan = p;
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    clv_dn_kernel_set_native(kernel, run, plan);
    job->io->inputs[0] = job->io->outputs[0] =
        clv_layout_channels_last(clv_node_input(job->graph, job->node, 0)->shape.rank);
    return CLV_OK;
}

const clv_dn_op clv_dn_int8_pool = {supports, compile};
