/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/linear_algebra.h"

#include <math.h>
#include <string.h>

#define MAX_SWEEPS 30u

static double dot(const double *a, const double *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void clv_cholesky(double *a, uint32_t n)
{
    double most = 0;

    for (uint32_t i = 0; i < n; i++)
        most = fmax(most, a[(size_t)i * n + i]);
    double least = most > 0 ? most * 1e-9 : 1;
    for (uint32_t i = 0; i < n; i++) {
        double *row = a + (size_t)i * n;
        for (uint32_t j = 0; j < i; j++) {
            const double *other = a + (size_t)j * n;
            row[j] = (row[j] - dot(row, other, j)) / other[j];
        }
        double pivot = row[i] - dot(row, row, i);
        row[i] = sqrt(pivot > least ? pivot : least);
        for (uint32_t j = i + 1; j < n; j++)
            row[j] = 0;
    }
}

void clv_cholesky_solve(double *x, const double *l, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        x[i] = (x[i] - dot(l + (size_t)i * n, x, i)) / l[(size_t)i * n + i];
    for (uint32_t i = n; i-- > 0;) {
        for (uint32_t j = i + 1; j < n; j++)
            x[i] -= l[(size_t)j * n + i] * x[j];
        x[i] /= l[(size_t)i * n + i];
    }
}

/* Turn rows p and q of @p m. */
static void turn_rows(double *m, uint32_t n, uint32_t p, uint32_t q, double c, double s)
{
    double *x = m + (size_t)p * n, *y = m + (size_t)q * n;
    for (uint32_t k = 0; k < n; k++) {
        double u = x[k], v = y[k];
        x[k] = c * u - s * v;
        y[k] = s * u + c * v;
    }
}

/* Make a[p, q] zero: a becomes R a R^T, the vectors R times themselves. */
static void rotate(double *a, double *vectors, uint32_t n, uint32_t p, uint32_t q)
{
    double apq = a[(size_t)p * n + q];
    double theta = (a[(size_t)q * n + q] - a[(size_t)p * n + p]) / (2 * apq);
    double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;

    turn_rows(a, n, p, q, c, s);
    for (uint32_t k = 0; k < n; k++) {
        double u = a[(size_t)k * n + p], v = a[(size_t)k * n + q];
        a[(size_t)k * n + p] = c * u - s * v;
        a[(size_t)k * n + q] = s * u + c * v;
    }
    turn_rows(vectors, n, p, q, c, s);
}

static void swap_rows(double *m, uint32_t n, uint32_t i, uint32_t j)
{
    for (uint32_t k = 0; k < n && i != j; k++) {
        double held = m[(size_t)i * n + k];
        m[(size_t)i * n + k] = m[(size_t)j * n + k];
        m[(size_t)j * n + k] = held;
    }
}

void clv_eigen_symmetric(double *values, double *vectors, double *a, uint32_t n)
{
    double scale = 0;

    memset(vectors, 0, (size_t)n * n * sizeof *vectors);
    for (uint32_t i = 0; i < n; i++) {
        vectors[(size_t)i * n + i] = 1;
        scale = fmax(scale, fabs(a[(size_t)i * n + i]));
    }
    for (unsigned sweep = 0; sweep < MAX_SWEEPS; sweep++) {
        uint32_t turned = 0;
        for (uint32_t p = 0; p < n; p++) {
            for (uint32_t q = p + 1; q < n; q++) {
                if (fabs(a[(size_t)p * n + q]) <= 1e-11 * scale)
                    continue;
                rotate(a, vectors, n, p, q);
                turned++;
            }
        }
        if (turned == 0)
            break;
    }
    for (uint32_t i = 0; i < n; i++)
        values[i] = a[(size_t)i * n + i];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t best = i;
        for (uint32_t j = i + 1; j < n; j++)
            best = values[j] > values[best] ? j : best;
        double held = values[i];
        values[i] = values[best];
        values[best] = held;
        swap_rows(vectors, n, i, best);
    }
}
