/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params.h"
#include "graph/pass_match.h"

#define SQRT_HALF 0.70710678118654752440
#define SQRT_2_BY_PI 0.79788456080286535588
#define CUBIC 0.044715

/* @p value is scale * x. */
static bool is_scaled(const clv_pass *pass, uint32_t value, uint32_t x, double scale)
{
    clv_product p;
    return clv_match_product(&p, pass, value) && p.n == 1 && p.factors[0] == x &&
           clv_match_near(p.scale, scale);
}

/* @p value is 0.044715 * x^power, the power by Muls or, the third one, by Pow. */
static bool is_cubic_term(const clv_pass *pass, uint32_t value, uint32_t x, uint32_t power)
{
    clv_product p;
    double exponent;

    if (!clv_match_product(&p, pass, value) || !clv_match_near(p.scale, CUBIC))
        return false;
    const clv_node *pow = p.n == 1 ? clv_match(pass, p.factors[0], CLV_OP_POW) : NULL;
    if (pow != NULL)
        return pow->inputs[0] == x && clv_match_scalar(&exponent, pass->graph, pow->inputs[1]) &&
               exponent == (double)power;
    for (uint32_t i = 0; i < p.n; i++) {
        if (p.factors[i] != x)
            return false;
    }
    return p.n == power;
}

/* sqrt(2 / pi) * (x + 0.044715 x^3), or with the x taken out: sqrt(2 / pi) * x * (1 + 0.04 x^2) */
static bool is_tanh_argument(const clv_pass *pass, uint32_t value, uint32_t x)
{
    clv_product p;

    if (!clv_match_product(&p, pass, value) || !clv_match_near(p.scale, SQRT_2_BY_PI))
        return false;
    for (uint32_t i = 0; p.n == 2 && i < 2; i++) {
        uint32_t square = clv_match_with(pass, p.factors[1 - i], CLV_OP_ADD, 1.0);
        if (p.factors[i] == x && square != CLV_NO_VALUE && is_cubic_term(pass, square, x, 2))
            return true;
    }
    const clv_node *add = p.n == 1 ? clv_match(pass, p.factors[0], CLV_OP_ADD) : NULL;
    for (uint32_t i = 0; add != NULL && i < 2; i++) {
        if (add->inputs[i] == x && is_cubic_term(pass, add->inputs[1 - i], x, 3))
            return true;
    }
    return false;
}

/* 0.5 * x * (1 + Erf(x / sqrt(2))), or by Tanh, in any order. */
static bool match(uint32_t *x_out, bool *by_tanh_out, const clv_pass *pass, const clv_node *root)
{
    clv_product product;
    uint32_t x, gate;

    if (!clv_match_product_at(&product, pass, root) || !clv_match_near(product.scale, 0.5))
        return false;
    for (uint32_t turn = 0; turn < 2; turn++) {
        if (!clv_match_gate(&x, &gate, &product, turn) ||
            !clv_match_same_shape(pass->graph, root, x))
            continue;
        uint32_t inner = clv_match_with(pass, gate, CLV_OP_ADD, 1.0);
        const clv_node *erf = clv_match(pass, inner, CLV_OP_ERF);
        const clv_node *tanh = clv_match(pass, inner, CLV_OP_TANH);
        if ((erf != NULL && is_scaled(pass, erf->inputs[0], x, SQRT_HALF)) ||
            (tanh != NULL && is_tanh_argument(pass, tanh->inputs[0], x))) {
            *x_out = x;
            *by_tanh_out = tanh != NULL;
            return true;
        }
    }
    return false;
}

clv_status clv_pass_gelu(clv_pass *pass, clv_error *err)
{
    const clv_attr approximate = {.name = "approximate", .type = CLV_ATTR_STRING, .v.s = "tanh"};

    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        bool by_tanh;
        uint32_t x;
        if (!match(&x, &by_tanh, pass, &pass->graph->nodes[i]))
            continue;
        clv_node_desc desc = {.op = CLV_OP_GELU,
                              .inputs = &x,
                              .n_inputs = 1,
                              .attrs = &approximate,
                              .n_attrs = by_tanh ? 1 : 0};
        CLV_TRY(clv_pass_rewrite(pass, i, &desc, err));
    }
    return CLV_OK;
}
