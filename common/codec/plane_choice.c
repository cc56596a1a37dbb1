/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/plane_choice.h"

#include <math.h>
#include <string.h>

#define PARTS 128.0 /* of a step */
#define ESCAPE 15u  /* plane_coder.h */
#define REACH ((int)CLV_CHOICE_REACH)

/* --- prices ----------------------------------------------------------------------------------- */

static double bits_of(const clv_frequencies *f, unsigned symbol)
{
    return CLV_RANS_BITS - log2(f->count[symbol] > 0 ? f->count[symbol] : 0.5);
}

/* What @p symbol costs in a context. */
static double cost_of(const clv_plane_group *group, uint32_t context, uint32_t symbol)
{
    const clv_frequencies *high = &group->high[context];

    if (group->levels <= CLV_RANS_LEVELS)
        return bits_of(high, symbol);
    if (group->levels > CLV_PLANE_MAX_ESCAPED)
        return bits_of(high, symbol >> 4) + bits_of(&group->low[symbol >> 4], symbol & 15u);
    unsigned near = symbol - (group->zero - ESCAPE / 2); /* wraps below */
    if (near < ESCAPE)
        return bits_of(high, near);
    return bits_of(high, ESCAPE) +
           bits_of(&group->low[0], symbol < group->zero ? symbol : symbol - ESCAPE);
}

/* The magnitude under which number @p n (not 0) is dearer than one nearer to zero, of those with
 * costs and means in @p bits and @p means, by magnitude. */
static double least_of(const double *bits, const double *means, int n, double price)
{
    double most = 0;

    for (int k = 0; k < n; k++) {
        double apart = means[n] - means[k];
        if (apart > 0)
            most = fmax(most, (means[n] + means[k]) / 2 + price * (bits[n] - bits[k]) / (2 * apart));
    }
    return most;
}

static void make_side(int16_t *least, const clv_plane_group *group, const int8_t *centre,
                      double price, uint32_t context, int sign)
{
    double bits[CLV_CHOICE_REACH + 1], means[CLV_CHOICE_REACH + 1];

    for (int n = 0; n <= REACH; n++) {
        int symbol = group->zero + sign * n;
        if (symbol < 0 || symbol >= (int)group->levels)
            return;
        bits[n] = cost_of(group, context, (uint32_t)symbol);
        means[n] = n + sign * centre[symbol] / PARTS;
        if (n > 0)
            least[REACH + sign * n] =
                (int16_t)lrint(fmin(PARTS * least_of(bits, means, n, price), INT16_MAX));
    }
}

void clv_plane_choice_make(clv_plane_choice *out, const clv_plane_group *group,
                           const int8_t *centre, double price)
{
    memset(out, 0, sizeof *out);
    for (uint32_t context = 0; context < group->contexts; context++) {
        make_side(out->least[context], group, centre, price, context, -1);
        make_side(out->least[context], group, centre, price, context, 1);
    }
}

/* --- symbols ---------------------------------------------------------------------------------- */

/* From the nearest number towards zero while that is cheaper. */
static inline int choose(float v, int low, int high, const int16_t *least)
{
    int sign = v < 0 ? -1 : 1, most = v < 0 ? -low : high;
    float magnitude = v < 0 ? -v : v;
    magnitude = magnitude < CLV_PLANE_MAX_LEVELS ? magnitude : CLV_PLANE_MAX_LEVELS - 1;
    int parts = (int)(magnitude * (float)PARTS), n = (int)(magnitude + 0.5f);

    n = n < most ? n : most;
    if (n > REACH)
        return sign * n;
    while (n > 0 && parts < least[REACH + sign * n])
        n--;
    return sign * n;
}

void clv_plane_choose(uint8_t *symbols, const float *numbers, uint32_t rows, uint32_t cols,
                      const clv_plane_group *group, const clv_plane_choice *choice, uint8_t *line)
{
    int zero = group->zero, high = (int)group->levels - 1 - zero;
    uint8_t outside = group->classes[zero];
    bool near = group->contexts > 1;

    memset(line, outside, cols + 2);
    for (uint32_t y = 0; y < rows; y++, symbols += cols, numbers += cols) {
        unsigned left = outside, up_left = line[0];
        for (uint32_t x = 0; x < cols; x++) {
            unsigned up = line[x + 1], context = 2 * left + 2 * up + up_left + line[x + 2];
            int n = choose(numbers[x], -zero, high, choice->least[near ? context : 0]);
            symbols[x] = (uint8_t)(n + zero);
            left = group->classes[symbols[x]];
            up_left = up;
            line[x + 1] = (uint8_t)left;
        }
    }
}
