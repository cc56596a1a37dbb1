/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_parallel.h"

typedef struct loop {
    size_t n;
    clv_dn_items_fn items;
    const void *context;
} loop;

/* Of libgomp, which oneDNN is linked with: what a compiler makes of "#pragma omp parallel". */
extern void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

static void run_piece(void *data)
{
    const loop *l = data;
    size_t n_pieces = (size_t)omp_get_num_threads(), i = (size_t)omp_get_thread_num();
    size_t from = l->n * i / n_pieces, to = l->n * (i + 1) / n_pieces;

    if (from < to)
        l->items(l->context, from, to);
}

void clv_dn_parallel(unsigned threads, size_t n, clv_dn_items_fn items, const void *context)
{
    loop l = {n, items, context};

    if (threads <= 1 || n <= 1)
        items(context, 0, n);
    else
        GOMP_parallel(run_piece, &l, threads, 0);
}
