/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_kernel.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include <oneapi/dnnl/dnnl_debug.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/onednn/dn_attr.h"
#include "kernel/onednn/dn_layout.h"

/* Where an argument's memory comes from. */
typedef enum source { FROM_INPUT, FROM_OUTPUT, FROM_PACKED, FROM_SCRATCH } source;

typedef struct argument {
    int id; /* DNNL_ARG_... */
    source source;
    uint32_t index; /* of the input or output */
    void *packed;   /* owned */
} argument;

struct clv_kernel {
    dnnl_primitive_t primitive;       /* NULL: `native` in its place */
    const_dnnl_primitive_desc_t desc; /* the primitive's own */
    clv_dn_native_fn native;
    void *plan; /* of native; owned */
    int threads;
    uint32_t n_args, max_args;
    argument args[];
};

/* A kernel with addresses: one for each argument. */
typedef struct binding {
    dnnl_stream_t stream;
    uint32_t n_memories;
    dnnl_exec_arg_t *memories; /* the same for oneDNN; NULL without a primitive */
    void *addresses[];
} binding;

/* --- the process -------------------------------------------------------------------------- */

static dnnl_engine_t engine;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void create_engine(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
}

dnnl_engine_t clv_dn_engine(void)
{
    (void)pthread_once(&engine_once, create_engine);
    return engine;
}

/* Of libgomp, which oneDNN is linked with; a compiler's own omp.h may mean another library. */
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int n);

int clv_dn_set_threads(int threads)
{
    int was = omp_get_max_threads();
    if (was != threads)
        omp_set_num_threads(threads);
    return was;
}

clv_status clv_dn_check(dnnl_status_t status, const clv_dn_job *job)
{
    clv_status code = CLV_EINTERNAL;
    char where[160];

    if (status == dnnl_success)
        return CLV_OK;
    if (status == dnnl_out_of_memory)
        code = CLV_ENOMEM;
    else if (status == dnnl_unimplemented || status == dnnl_invalid_arguments)
        code = CLV_EUNSUPPORTED;
    return clv_fail(job->err, code, clv_node_describe(where, sizeof where, job->node),
                    "oneDNN says: %s", dnnl_status2str(status));
}

bool clv_dn_is_constant(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_tensor *tensor = clv_node_input(graph, node, i);
    return tensor != NULL && tensor->data != NULL;
}

/* --- making ------------------------------------------------------------------------------- */

clv_status clv_dn_kernel_create(clv_kernel **out, uint32_t max_args, unsigned threads)
{
    clv_kernel *kernel = clv_calloc(1, sizeof *kernel + max_args * sizeof kernel->args[0]);
    if (kernel == NULL)
        return CLV_ENOMEM;
    kernel->threads = threads == 0 ? 1 : (int)threads;
    kernel->max_args = max_args;
    *out = kernel;
    return CLV_OK;
}

void clv_dn_kernel_free(clv_kernel *kernel)
{
    if (kernel == NULL)
        return;
    for (uint32_t i = 0; i < kernel->n_args; i++)
        clv_free(kernel->args[i].packed);
    if (kernel->primitive != NULL)
        (void)dnnl_primitive_destroy(kernel->primitive);
    clv_free(kernel->plan);
    clv_free(kernel);
}

unsigned clv_dn_kernel_threads(const clv_kernel *kernel)
{
    return (unsigned)kernel->threads;
}

static void add_argument(clv_kernel *kernel, argument arg)
{
    assert(kernel->n_args < kernel->max_args);
    kernel->args[kernel->n_args++] = arg;
}

bool clv_dn_is_slow(const_dnnl_primitive_desc_t desc)
{
    const char *name = NULL;
    dnnl_status_t status = dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
    /* "conv:any+ref:any" is a deconvolution by a slow convolution */
    return status != dnnl_success || strncmp(name, "ref", 3) == 0 || strstr(name, "+ref") != NULL;
}

/* Take over the primitive of `desc`, which stays the caller's. */
static clv_status adopt(clv_kernel *kernel, const clv_dn_job *job, const_dnnl_primitive_desc_t desc)
{
    assert(kernel->primitive == NULL);
    CLV_TRY(clv_dn_check(dnnl_primitive_create(&kernel->primitive, desc), job));
    CLV_TRY(clv_dn_check(dnnl_primitive_get_primitive_desc(kernel->primitive, &kernel->desc), job));

    job->io->scratch_bytes =
        dnnl_memory_desc_get_size(clv_dn_kernel_arg(kernel, DNNL_ARG_SCRATCHPAD));
    if (job->io->scratch_bytes > 0)
        add_argument(kernel, (argument){.id = DNNL_ARG_SCRATCHPAD, .source = FROM_SCRATCH});
    return CLV_OK;
}

clv_status clv_dn_kernel_take(clv_kernel *kernel, const clv_dn_job *job, dnnl_primitive_desc_t desc)
{
    clv_status status = clv_dn_is_slow(desc) ? CLV_EUNSUPPORTED : adopt(kernel, job, desc);
    (void)dnnl_primitive_desc_destroy(desc);
    return status;
}

clv_status clv_dn_kernel_follow(clv_kernel *kernel, const clv_dn_job *job, clv_layout *layout,
                                uint32_t rank, clv_dn_describe_fn describe, const void *params)
{
    const clv_layout choices[] = {*layout, clv_layout_channels_last(rank < 2 ? 2 : rank),
                                  clv_layout_plain()};
    clv_status status = CLV_EUNSUPPORTED;
    dnnl_primitive_attr_t attr;

    CLV_TRY(clv_dn_attr_create(&attr, job, &job->node->fusion, false));
    for (size_t i = 0; i < 3 && status == CLV_EUNSUPPORTED; i++) {
        dnnl_primitive_desc_t desc = NULL;
        if (rank < 3 && i == 1)
            continue; /* channels last is a notion of images */
        status = clv_dn_check(describe(&desc, params, &choices[i], attr), job);
        if (status == CLV_OK)
            status = clv_dn_kernel_take(kernel, job, desc);
        if (status == CLV_OK)
            *layout = choices[i];
    }
    (void)dnnl_primitive_attr_destroy(attr);
    return status;
}

clv_status clv_dn_kernel_map(clv_kernel *kernel, const clv_dn_job *job, clv_dn_describe_fn describe,
                             const void *params)
{
    uint32_t rank = clv_node_input(job->graph, job->node, 0)->shape.rank;
    clv_layout layout = job->io->inputs[0];

    CLV_TRY(clv_dn_kernel_follow(kernel, job, &layout, rank, describe, params));
    clv_dn_kernel_input(kernel, DNNL_ARG_SRC, 0);
    clv_dn_kernel_output(kernel, DNNL_ARG_DST, 0);
    job->io->inputs[0] = layout;
    job->io->outputs[0] = layout;
    return CLV_OK;
}

void clv_dn_kernel_set_native(clv_kernel *kernel, clv_dn_native_fn native, void *plan)
{
    kernel->native = native;
    kernel->plan = plan;
}

void clv_dn_kernel_scratch(clv_kernel *kernel, const clv_dn_job *job, size_t bytes)
{
    job->io->scratch_bytes = bytes;
    add_argument(kernel, (argument){.id = DNNL_ARG_SCRATCHPAD, .source = FROM_SCRATCH});
}

const dnnl_memory_desc_t *clv_dn_kernel_arg(const clv_kernel *kernel, int arg)
{
    return dnnl_primitive_desc_query_md(kernel->desc, dnnl_query_exec_arg_md, arg);
}

void clv_dn_kernel_input(clv_kernel *kernel, int arg, uint32_t i)
{
    add_argument(kernel, (argument){.id = arg, .source = FROM_INPUT, .index = i});
}

void clv_dn_kernel_output(clv_kernel *kernel, int arg, uint32_t i)
{
    add_argument(kernel, (argument){.id = arg, .source = FROM_OUTPUT, .index = i});
}

/* Make `reorder` a kernel that copies `from` to `to`, times `scale`. */
static clv_status make_reorder(clv_kernel *reorder, const clv_dn_job *job,
                               const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                               float scale)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t desc = NULL;

    CLV_TRY(clv_dn_attr_create(&attr, job, NULL, false));
    dnnl_status_t said = dnnl_success;
    if (scale != 1.0f)
        said = dnnl_primitive_attr_set_output_scales(attr, 1, 0, &scale);
    if (said == dnnl_success)
        said = dnnl_reorder_primitive_desc_create(&desc, from, clv_dn_engine(), to, clv_dn_engine(),
                                                  attr);
    clv_status status = clv_dn_check(said, job);
    if (status == CLV_OK)
        status = adopt(reorder, job, desc);
    clv_dn_kernel_input(reorder, DNNL_ARG_FROM, 0);
    clv_dn_kernel_output(reorder, DNNL_ARG_TO, 0);
    (void)dnnl_primitive_desc_destroy(desc);
    (void)dnnl_primitive_attr_destroy(attr);
    return status;
}

static clv_status run_once(const clv_kernel *kernel, void *src, void *dst, size_t scratch_bytes)
{
    clv_tensor input = {.data = src}, output = {.data = dst};
    clv_status status = CLV_ENOMEM;
    void *state = NULL;

    void *scratch = clv_alloc_aligned(scratch_bytes == 0 ? 1 : scratch_bytes);
    if (scratch != NULL)
        status = clv_dn_kernel_bind(&state, kernel, &input, &output, scratch);
    if (status == CLV_OK)
        status = clv_dn_kernel_run(kernel, state);
    clv_dn_kernel_unbind(state);
    clv_free(scratch);
    return status;
}

clv_status clv_dn_kernel_pack(clv_kernel *kernel, const clv_dn_job *job, int arg,
                              const dnnl_memory_desc_t *from, void *data, float scale)
{
    const dnnl_memory_desc_t *to = clv_dn_kernel_arg(kernel, arg);
    clv_kernel_io io = {0};
    clv_dn_job reorder_job = {job->graph, job->node, &io, job->err};
    clv_kernel *reorder = NULL;
    clv_status status = CLV_ENOMEM;

    void *packed = clv_alloc_aligned(dnnl_memory_desc_get_size(to));
    if (packed == NULL)
        return CLV_ENOMEM;
    status = clv_dn_kernel_create(&reorder, 3, (unsigned)kernel->threads);
    if (status == CLV_OK)
        status = make_reorder(reorder, &reorder_job, from, to, scale);
    if (status == CLV_OK)
        status = run_once(reorder, data, packed, io.scratch_bytes);
    clv_dn_kernel_free(reorder);
    if (status != CLV_OK) {
        clv_free(packed);
        return status;
    }
    add_argument(kernel, (argument){.id = arg, .source = FROM_PACKED, .packed = packed});
    return CLV_OK;
}

clv_status clv_dn_kernel_keep(clv_kernel *kernel, int arg, const clv_tensor *constant,
                              const clv_layout *layout, size_t n)
{
    clv_layout plain = clv_layout_plain();
    size_t bytes = 0;

    CLV_TRY(clv_layout_bytes(&bytes, layout, constant));
    char *packed = clv_alloc_aligned(n * bytes);
    if (packed == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < n; i++)
        clv_layout_reorder(packed + i * bytes, layout, constant->data, &plain, &constant->shape,
                           clv_dtype_bytes(constant->dtype));
    add_argument(kernel, (argument){.id = arg, .source = FROM_PACKED, .packed = packed});
    return CLV_OK;
}

/* --- running ------------------------------------------------------------------------------ */

static void *address(const argument *arg, const clv_tensor *inputs, const clv_tensor *outputs,
                     void *scratch)
{
    switch (arg->source) {
    case FROM_INPUT:
        return inputs[arg->index].data;
    case FROM_OUTPUT:
        return outputs[arg->index].data;
    case FROM_PACKED:
        return arg->packed;
    case FROM_SCRATCH:
        break;
    }
    return scratch;
}

/* The addresses once more, as oneDNN's memory objects. */
static dnnl_status_t make_memories(binding *b, const clv_kernel *kernel)
{
    b->memories = clv_calloc(kernel->n_args, sizeof *b->memories);
    if (b->memories == NULL)
        return dnnl_out_of_memory;
    dnnl_status_t status =
        dnnl_stream_create(&b->stream, clv_dn_engine(), dnnl_stream_default_flags);
    for (uint32_t i = 0; i < kernel->n_args && status == dnnl_success; i++) {
        int id = kernel->args[i].id;
        b->memories[i].arg = id;
        status = dnnl_memory_create(&b->memories[i].memory, clv_dn_kernel_arg(kernel, id),
                                    clv_dn_engine(), b->addresses[i]);
        b->n_memories += status == dnnl_success;
    }
    return status;
}

clv_status clv_dn_kernel_bind(void **state_out, const clv_kernel *kernel, const clv_tensor *inputs,
                              clv_tensor *outputs, void *scratch)
{
    dnnl_status_t status = dnnl_success;

    binding *b = clv_calloc(1, sizeof *b + kernel->n_args * sizeof b->addresses[0]);
    if (b == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < kernel->n_args; i++)
        b->addresses[i] = address(&kernel->args[i], inputs, outputs, scratch);
    if (kernel->primitive != NULL)
        status = make_memories(b, kernel);
    if (status != dnnl_success) {
        clv_dn_kernel_unbind(b);
        return status == dnnl_out_of_memory ? CLV_ENOMEM : CLV_EINTERNAL;
    }
    *state_out = b;
    return CLV_OK;
}

void clv_dn_kernel_unbind(void *state)
{
    binding *b = state;
    if (b == NULL)
        return;
    for (uint32_t i = 0; i < b->n_memories; i++)
        (void)dnnl_memory_destroy(b->memories[i].memory);
    if (b->stream != NULL)
        (void)dnnl_stream_destroy(b->stream);
    clv_free(b->memories);
    clv_free(b);
}

clv_status clv_dn_kernel_run(const clv_kernel *kernel, void *state)
{
    const binding *b = state;

    if (kernel->primitive == NULL) {
        kernel->native(kernel->plan, b->addresses);
        return CLV_OK;
    }
    int was = clv_dn_set_threads(kernel->threads);
    dnnl_status_t status =
        dnnl_primitive_execute(kernel->primitive, b->stream, (int)b->n_memories, b->memories);
    if (status == dnnl_success)
        status = dnnl_stream_wait(b->stream);
    (void)clv_dn_set_threads(was);
    return status == dnnl_success ? CLV_OK : CLV_EINTERNAL;
}
