/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include <string.h>

#define MAX_NAME 63u /* longer words are never near to anything */
#define MAX_EDITS 3u

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Insertions, deletions, changes and exchanges of neighbours (optimal string alignment). */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t rows[3][MAX_NAME + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= n_b; j++)
        last[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[n_b];
}

void clv_nearest_start(clv_nearest *nearest, const char *word)
{
    size_t edits = strlen(word) / 3;
    *nearest = (clv_nearest){word, NULL, (edits < MAX_EDITS ? edits : MAX_EDITS) + 1};
}

void clv_nearest_offer(clv_nearest *nearest, const char *name)
{
    size_t n_word = strlen(nearest->word);
    size_t n_name = strlen(name);
    if (n_word > MAX_NAME || n_name > MAX_NAME)
        return;

    size_t distance = edit_distance(nearest->word, n_word, name, n_name);
    /* A word of fewer than three letters has no edits, so that no prefix of it is near either. */
    if (strncmp(nearest->word, name, n_word) == 0 && distance > 1)
        distance = 1;
    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->best = name;
    }
}
