/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PASS_MATCH_H
#define CLV_PASS_MATCH_H

/** @file pass_match.h: private to the passes: recognising what an operator was taken apart into.
 *
 *  A pattern is looked at from its last node backwards. Nodes inside of it must be read by it alone
 *  and be no output of the graph, so that they are gone when it is replaced. */

#include "graph/pass.h"

/** What makes @p value, when that is an @p op with nothing fused into it and @p value has
 *  @p n_uses uses, none of them an output of the graph. NULL otherwise. */
const clv_node *clv_match_used(const clv_pass *pass, uint32_t value, clv_op op, uint32_t n_uses);

/** The same for one use. */
static inline const clv_node *clv_match(const clv_pass *pass, uint32_t value, clv_op op)
{
    return clv_match_used(pass, value, op, 1);
}

/** The same for any number of uses: for what is read on the way to somewhere else. */
const clv_node *clv_match_any(const clv_pass *pass, uint32_t value, clv_op op);

/** The number that @p value holds, a float32 constant of one element. */
bool clv_match_scalar(double *out, const clv_graph *graph, uint32_t value);

/** A constant that exporters round in their own ways: equal within 2 parts in a million. */
bool clv_match_near(double value, double expected);

/** a of `a + number` (any commutative @p op, in any order); CLV_NO_VALUE otherwise. */
uint32_t clv_match_with(const clv_pass *pass, uint32_t value, clv_op op, double number);

/** All elements of a float32 or integer constant are @p number. False for very large ones. */
bool clv_match_all_equal(const clv_tensor *tensor, double number);

/** A product: scale * factors[0] * factors[1] * ... */
#define CLV_MATCH_FACTORS 4u
typedef struct clv_product {
    double scale;
    uint32_t n;
    uint32_t factors[CLV_MATCH_FACTORS];
} clv_product;

/** Take apart the Muls, and Divs by a number, that make @p value, in whatever order they were
 *  written. What isn't a product is one factor. @return false: more than CLV_MATCH_FACTORS. */
bool clv_match_product(clv_product *out, const clv_pass *pass, uint32_t value);

/** The same from node @p root on, whose output may have any uses.
 *  @return false also when it is neither Mul nor Div by a number. */
bool clv_match_product_at(clv_product *out, const clv_pass *pass, const clv_node *root);

/** Whether node @p root is the product x * f(x) of two factors: gives both ways to see it, one
 *  after the other (@p turn 0 and 1). */
bool clv_match_gate(uint32_t *x_out, uint32_t *f_out, const clv_product *product, uint32_t turn);

/** @p root makes float32 of the shape of @p x: a pattern may stand for an operator on @p x. */
bool clv_match_same_shape(const clv_graph *graph, const clv_node *root, uint32_t x);

#endif
