/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/residual.h"

#include <math.h>
#include <string.h>

#define N CLV_RESIDUAL_PARTS
#define FADE 0.98 /* weight of all news before the last */
#define RIDGE 0.1 /* how much it takes to believe */
#define LEAST_EXPECTED 0.8
#define DOUBT 0.05 /* of what was never tried */

void clv_residual_init(clv_residual *residual)
{
    memset(residual, 0, sizeof *residual);
    for (unsigned i = 0; i < N; i++) {
        residual->a[i][i] = RIDGE;
        residual->inverse[i][i] = 1.0 / RIDGE;
    }
}

/* Gauss-Jordan; the matrix is positive definite, so no pivot is 0. */
static void invert(double out[N][N], const double matrix[N][N])
{
    double m[N][N];

    memcpy(m, matrix, sizeof m);
    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < N; j++)
            out[i][j] = i == j ? 1.0 : 0.0;
    }
    for (unsigned p = 0; p < N; p++) {
        double scale = 1.0 / m[p][p];
        for (unsigned j = 0; j < N; j++) {
            m[p][j] *= scale;
            out[p][j] *= scale;
        }
        for (unsigned i = 0; i < N; i++) {
            double factor = m[i][p];
            for (unsigned j = 0; i != p && j < N; j++) {
                m[i][j] -= factor * m[p][j];
                out[i][j] -= factor * out[p][j];
            }
        }
    }
}

/* Fading is towards the ridge alone, so what isn't tried comes back to knowing nothing. */
void clv_residual_learn(clv_residual *r, const double shares[N], double missed)
{
    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < N; j++) {
            double start = i == j ? RIDGE : 0.0;
            r->a[i][j] = start + FADE * (r->a[i][j] - start) + shares[i] * shares[j];
        }
        r->b[i] = FADE * r->b[i] + shares[i] * missed;
    }
    invert(r->inverse, (const double(*)[N])r->a);
    for (unsigned i = 0; i < N; i++) {
        r->weights[i] = 0.0;
        for (unsigned j = 0; j < N; j++)
            r->weights[i] += r->inverse[i][j] * r->b[j];
    }
}

double clv_residual_expect(const clv_residual *residual, const double shares[N])
{
    double sum = 0.0;

    for (unsigned i = 0; i < N; i++)
        sum += residual->weights[i] * shares[i];
    return sum < -LEAST_EXPECTED ? -LEAST_EXPECTED : sum;
}

double clv_residual_doubt(const clv_residual *residual, const double shares[N])
{
    double sum = 0.0;

    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < N; j++)
            sum += shares[i] * residual->inverse[i][j] * shares[j];
    }
    return DOUBT * sqrt(RIDGE * (sum > 0.0 ? sum : 0.0));
}

/* A sum of weights by shares is at least the least weight; the matrix is never less than the ridge,
 * so no doubt is more than DOUBT. */
double clv_residual_least(const clv_residual *residual)
{
    double least = 0.0;

    for (unsigned i = 0; i < N; i++)
        least = residual->weights[i] < least ? residual->weights[i] : least;
    return 1.0 + (least < -LEAST_EXPECTED ? -LEAST_EXPECTED : least) - DOUBT;
}
