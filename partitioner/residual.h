/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_RESIDUAL_H
#define CLV_RESIDUAL_H

/** @file residual.h: what a model of latency gets wrong, learned while it is used: LinUCB (L. Li et
 *  al., "A Contextual-Bandit Approach to Personalized News Article Recommendation", WWW 2010) on
 *  the residual. The context is how a prediction is made up (the parts' shares in it), the reward
 *  how much of the prediction was missed, so the weights are by how much each part is wrong. Where
 *  parts are measured, each can be learned by itself, as a context of that part alone. Old
 *  news fades; what hasn't been tried for long becomes uncertain again. Pure, one owner. */

#define CLV_RESIDUAL_PARTS 4u

typedef struct clv_residual {
    double weights[CLV_RESIDUAL_PARTS];
    /* private: the ridge regression's matrix, its right side, and the matrix's inverse */
    double a[CLV_RESIDUAL_PARTS][CLV_RESIDUAL_PARTS], b[CLV_RESIDUAL_PARTS];
    double inverse[CLV_RESIDUAL_PARTS][CLV_RESIDUAL_PARTS];
} clv_residual;

void clv_residual_init(clv_residual *residual);

/** @param shares  Of the prediction; they sum to 1.
 *  @param missed  (measured - predicted) / predicted. */
void clv_residual_learn(clv_residual *residual, const double shares[CLV_RESIDUAL_PARTS],
                        double missed);

/** The expected (measured - predicted) / predicted, at least -0.8. */
double clv_residual_expect(const clv_residual *residual, const double shares[CLV_RESIDUAL_PARTS]);

/** How far off that may be: at most 0.05, of what was tried just now next to nothing. */
double clv_residual_doubt(const clv_residual *residual, const double shares[CLV_RESIDUAL_PARTS]);

/** What every prediction is multiplied by at least, for what is expected and with doubt. */
double clv_residual_least(const clv_residual *residual);

#endif
