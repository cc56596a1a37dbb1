/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_layout.h"

#include <string.h>

/* Everything but the order of the elements. */
static void describe_shape(dnnl_memory_desc_t *out, const clv_shape *shape)
{
    memset(out, 0, sizeof *out);
    out->ndims = shape->rank == 0 ? 1 : (int)shape->rank;
    out->dims[0] = 1;
    for (uint32_t i = 0; i < shape->rank; i++)
        out->dims[i] = shape->dim[i];
    memcpy(out->padded_dims, out->dims, sizeof out->dims);
    out->data_type = dnnl_f32;
}

void clv_dn_describe(dnnl_memory_desc_t *out, const clv_shape *shape, const clv_layout *layout)
{
    describe_shape(out, shape);
    out->format_kind = dnnl_blocked;

    dnnl_blocking_desc_t *blocking = &out->format_desc.blocking;
    bool blocked = layout->block > 1 && layout->block_axis < shape->rank;
    dnnl_dim_t stride = 1;
    if (blocked) {
        dnnl_dim_t dim = out->dims[layout->block_axis];
        out->padded_dims[layout->block_axis] =
            (dim + layout->block - 1) / layout->block * layout->block;
        blocking->inner_nblks = 1;
        blocking->inner_blks[0] = layout->block;
        blocking->inner_idxs[0] = layout->block_axis;
        stride = layout->block;
    }
    for (int i = out->ndims - 1; i >= 0; i--) {
        uint8_t axis = shape->rank == 0 ? 0 : layout->perm[i];
        dnnl_dim_t outer = out->padded_dims[axis];
        if (blocked && axis == layout->block_axis)
            outer /= layout->block;
        blocking->strides[axis] = stride;
        stride *= outer;
    }
}

void clv_dn_describe_plain(dnnl_memory_desc_t *out, const clv_shape *shape)
{
    clv_layout plain = clv_layout_plain();
    clv_dn_describe(out, shape, &plain);
}

void clv_dn_describe_any(dnnl_memory_desc_t *out, const clv_shape *shape)
{
    describe_shape(out, shape);
    out->format_kind = dnnl_format_kind_any;
}

/* Whether the two describe the same bytes. The stride of a dimension that has one step is free. */
static bool same_order(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b)
{
    const dnnl_blocking_desc_t *order_a = &a->format_desc.blocking;
    const dnnl_blocking_desc_t *order_b = &b->format_desc.blocking;

    for (int i = 0; i < a->ndims; i++) {
        bool split = order_a->inner_nblks == 1 && order_a->inner_idxs[0] == i;
        dnnl_dim_t steps = a->padded_dims[i] / (split ? order_a->inner_blks[0] : 1);
        if (a->padded_dims[i] != b->padded_dims[i] || a->padded_offsets[i] != 0)
            return false;
        if (steps > 1 && order_a->strides[i] != order_b->strides[i])
            return false;
    }
    return a->offset0 == 0 && a->extra.flags == 0;
}

clv_status clv_dn_layout_of(clv_layout *out, const dnnl_memory_desc_t *desc)
{
    const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
    clv_layout layout = clv_layout_plain();
    clv_shape shape = {0};

    if (desc->format_kind != dnnl_blocked || desc->ndims > (int)CLV_MAX_RANK ||
        blocking->inner_nblks > 1)
        return CLV_EUNSUPPORTED;
    if (blocking->inner_nblks == 1) {
        if (blocking->inner_blks[0] > UINT8_MAX)
            return CLV_EUNSUPPORTED;
        layout.block = (uint8_t)blocking->inner_blks[0];
        layout.block_axis = (uint8_t)blocking->inner_idxs[0];
    }
    shape.rank = (uint32_t)desc->ndims;
    for (uint32_t i = 0; i < shape.rank; i++) {
        uint32_t at = i; /* insertion sort, largest stride first */
        for (; at > 0 && blocking->strides[layout.perm[at - 1]] < blocking->strides[i]; at--)
            layout.perm[at] = layout.perm[at - 1];
        layout.perm[at] = (uint8_t)i;
        shape.dim[i] = desc->dims[i];
    }

    dnnl_memory_desc_t again;
    clv_dn_describe(&again, &shape, &layout);
    if (!same_order(desc, &again))
        return CLV_EUNSUPPORTED;
    *out = layout;
    return CLV_OK;
}

clv_layout clv_dn_unblocked(const clv_layout *layout, uint32_t rank)
{
    if (layout->block <= 1)
        return *layout;
    return rank >= 3 ? clv_layout_channels_last(rank) : clv_layout_plain();
}

clv_shape clv_dn_promote(const clv_shape *shape, uint32_t rank)
{
    clv_shape out = {.rank = rank};
    uint32_t missing = rank - shape->rank;

    for (uint32_t i = 0; i < rank; i++)
        out.dim[i] = i < missing ? 1 : shape->dim[i - missing];
    return out;
}
