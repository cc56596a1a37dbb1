/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes (log) against agreement. The scale of agreement is the square root of what differs, so that
 * the last percents, which matter, have room. Colours are those of light or dark surroundings. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "tools/codec_sweep.h"

#define WIDTH 1000
#define LEFT 74
#define RIGHT 742 /* of the frame; the legend is beside it */
#define TOP 86
#define LEGEND 772
#define LINE 21
#define MIN_HEIGHT 600

typedef struct plot {
    const codec_sweep_result *result;
    clv_buffer *out;
    clv_status status;
    double least_log, most_log; /* log10 of bytes at the frame's sides */
    double lowest;              /* agreement at its lower side */
    int bottom, height;
    uint32_t *cuts; /* in order */
    size_t n_cuts;
} plot;

/* --- text ----------------------------------------------------------------------------------- */

CLV_PRINTF(2, 3) static void put(plot *p, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if (p->status == CLV_OK)
        p->status = clv_buffer_append(p->out, text, bytes);
}

static void put_escaped(plot *p, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("&<>\"", *text) != NULL)
            put(p, "&#%d;", *text);
        else if ((unsigned char)*text >= ' ' && *text != '\177')
            put(p, "%c", *text);
    }
}

/* --- scales --------------------------------------------------------------------------------- */

static double x_of(const plot *p, double bytes)
{
    return LEFT + (RIGHT - LEFT) * (log10(bytes) - p->least_log) / (p->most_log - p->least_log);
}

static double y_of(const plot *p, double agreement)
{
    return TOP + (p->bottom - TOP) * sqrt((1 - agreement) / (1 - p->lowest));
}

static void find_scales(plot *p)
{
    double least = INFINITY, most = 0, lowest = 1;

    for (size_t i = 0; i < p->result->n_rows; i++) {
        const codec_sweep_row *row = &p->result->rows[i];
        least = fmin(least, row->bytes_mean);
        most = fmax(most, row->bytes_mean);
        lowest = fmin(lowest, row->agreement);
    }
    p->least_log = log10(least) - 0.06;
    p->most_log = log10(most) + 0.06;
    p->lowest = lowest >= 0.9 ? 0.9 : lowest >= 0.8 ? 0.8 : 0.5;
}

static clv_status find_cuts(plot *p)
{
    p->cuts = clv_calloc(p->result->n_rows + 1, sizeof *p->cuts);
    if (p->cuts == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < p->result->n_rows; i++) {
        uint32_t cut = p->result->rows[i].cut;
        if (p->n_cuts == 0 || p->cuts[p->n_cuts - 1] != cut)
            p->cuts[p->n_cuts++] = cut;
    }
    int legend = (int)(p->n_cuts + 13) * LINE + TOP;
    p->height = legend > MIN_HEIGHT ? legend : MIN_HEIGHT;
    p->bottom = p->height - 62;
    return CLV_OK;
}

/* --- colours -------------------------------------------------------------------------------- */

static bool is_picture(const codec_sweep_row *row)
{
    return strcmp(row->codec, "camera") == 0 || strncmp(row->codec, "jpeg", 4) == 0;
}

/* From blue by the input to red by the output, around green. */
static void colour(char out[24], const plot *p, uint32_t cut)
{
    size_t i = 0;
    while (i + 1 < p->n_cuts && p->cuts[i] != cut)
        i++;
    double part = p->n_cuts > 1 ? (double)i / (double)(p->n_cuts - 1) : 0;
    double hue = 225 - 260 * part;
    (void)snprintf(out, 24, "hsl(%.0f,70%%,48%%)", hue < 0 ? hue + 360 : hue);
}

static void put_style(plot *p)
{
    put(p, "<style>text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;"
           "fill:#333b48}.t{font-size:19px;font-weight:600;fill:#141a24}.s{fill:#667080}"
           ".b{fill:#fff}.f{fill:none;stroke:#9aa3b2}.g{stroke:#e6e9ef}.m{stroke:#c3cad6;"
           "stroke-dasharray:5 4}.p{stroke:#4a5364;fill:none;stroke-width:2}.k{fill:#4a5364;"
           "stroke:none}");
    put(p, "@media(prefers-color-scheme:dark){text{fill:#c9d1dc}.t{fill:#f2f5f9}.s{fill:#8f99a8}"
           ".b{fill:#12161d}.f{stroke:#5a6474}.g{stroke:#262d38}.m{stroke:#4a5464}"
           ".p{stroke:#cfd6e1}.k{fill:#cfd6e1}}</style>\n");
}

/* --- the frame ------------------------------------------------------------------------------ */

static void put_bytes_ticks(plot *p)
{
    static const double steps[] = {1, 2, 5};

    for (int decade = (int)floor(p->least_log); decade <= (int)p->most_log; decade++) {
        for (size_t i = 0; i < 3; i++) {
            double bytes = steps[i] * pow(10, decade), x = x_of(p, bytes);
            bool kilo = bytes >= 1000, mega = bytes >= 1e6;
            if (x < LEFT || x > RIGHT)
                continue;
            put(p, "<path class='g' d='M%.1f %dV%d'/>", x, TOP, p->bottom);
            put(p, "<text x='%.1f' y='%d' text-anchor='middle'>%g%s</text>\n", x, p->bottom + 20,
                bytes / (mega   ? 1e6
                         : kilo ? 1e3
                                : 1),
                mega   ? " MB"
                : kilo ? " kB"
                       : "");
        }
    }
}

static void put_agreement_ticks(plot *p)
{
    static const double ticks[] = {1, .99, .98, .97, .95, .9, .8, .7, .6, .5};

    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        double y = y_of(p, ticks[i]);
        if (ticks[i] < p->lowest)
            continue;
        put(p, "<path class='%s' d='M%d %.1fH%d'/>", fabs(ticks[i] - .97) < 1e-9 ? "m" : "g", LEFT,
            y, RIGHT);
        put(p, "<text x='%d' y='%.1f' text-anchor='end'>%.0f%%</text>\n", LEFT - 10, y + 4.5,
            100 * ticks[i]);
    }
}

static void put_frame(plot *p, const char *title)
{
    put(p, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d'>\n",
        WIDTH, p->height, WIDTH, p->height);
    put_style(p);
    put(p, "<clipPath id='c'><rect x='%d' y='%d' width='%d' height='%d'/></clipPath>", LEFT,
        TOP - 7, RIGHT - LEFT, p->bottom - TOP + 7);
    put(p, "<rect class='b' width='%d' height='%d'/>\n<text class='t' x='%d' y='36'>", WIDTH,
        p->height, LEFT);
    put_escaped(p, title);
    put(p,
        "</text>\n<text class='s' x='%d' y='60'>%zu images; bytes of a whole message, without "
        "TLS</text>\n",
        LEFT, p->result->images);
    put_bytes_ticks(p);
    put_agreement_ticks(p);
    put(p, "<rect class='f' x='%d' y='%d' width='%d' height='%d'/>\n", LEFT, TOP, RIGHT - LEFT,
        p->bottom - TOP);
    put(p, "<text class='s' x='%d' y='%d' text-anchor='middle'>bytes a frame</text>\n",
        (LEFT + RIGHT) / 2, p->height - 16);
    put(p,
        "<text class='s' transform='translate(20 %d)rotate(-90)' text-anchor='middle'>%s</text>\n",
        (TOP + p->bottom) / 2,
        p->result->detector ? "boxes that agree with the float network's"
                            : "same best class as the float network");
}

/* --- marks ---------------------------------------------------------------------------------- */

/* One for each codec. @p paint: attributes. */
static void put_mark(plot *p, const char *codec, double x, double y, const char *paint)
{
    if (strcmp(codec, "rans") == 0 || is_picture(&(codec_sweep_row){.codec = codec}))
        put(p, "<circle cx='%.1f' cy='%.1f' r='3.6' %s/>\n", x, y, paint);
    else if (strcmp(codec, "uint8") == 0)
        put(p, "<rect x='%.1f' y='%.1f' width='8' height='8' %s/>\n", x - 4, y - 4, paint);
    else if (strcmp(codec, "zstd") == 0)
        put(p, "<path d='M%.1f %.1fl4.8 8h-9.6z' %s/>\n", x, y - 5, paint);
    else if (strcmp(codec, "lz4") == 0)
        put(p, "<path d='M%.1f %.1fl5 5-5 5-5-5z' %s/>\n", x, y - 5, paint);
    else if (strcmp(codec, "float") == 0)
        put(p, "<circle cx='%.1f' cy='%.1f' r='4.2' %s/>\n", x, y, paint);
    else
        put(p, "<path d='M%.1f %.1fl7 7m0-7l-7 7' %s/>\n", x - 3.5, y - 3.5, paint);
}

static bool is_line(const char *codec)
{
    static const char *const single[] = {"float", "uint8", "zstd", "lz4", "camera"};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        if (strcmp(codec, single[i]) == 0)
            return false;
    }
    return true;
}

static void paint_of(char solid[96], char line[96], const plot *p, const codec_sweep_row *row)
{
    char hue[24];

    colour(hue, p, row->cut);
    if (is_picture(row)) {
        (void)snprintf(solid, 96, "class='k'");
        (void)snprintf(line, 96, "class='p' stroke-dasharray='%s'",
                       strcmp(row->codec, "jpeg") == 0 ? "7 4" : "2 3");
    } else if (strcmp(row->codec, "rans") == 0) {
        (void)snprintf(solid, 96, "fill='%s'", hue);
        (void)snprintf(line, 96, "fill='none' stroke='%s' stroke-width='2.4'", hue);
    } else {
        (void)snprintf(solid, 96, "fill='none' stroke='%s' stroke-width='1.6'", hue);
        (void)snprintf(line, 96, "fill='none' stroke='%s' stroke-width='1' stroke-opacity='.6'",
                       hue);
    }
}

/* Rows [i, end) are one codec's at one cut. */
static void put_series(plot *p, size_t i, size_t end)
{
    const codec_sweep_row *rows = p->result->rows;
    char solid[96], line[96];

    paint_of(solid, line, p, &rows[i]);
    if (is_line(rows[i].codec)) {
        put(p, "<path %s d='", line);
        for (size_t k = i; k < end; k++)
            put(p, "%c%.1f %.1f", k == i ? 'M' : 'L', x_of(p, rows[k].bytes_mean),
                y_of(p, rows[k].agreement));
        put(p, "'/>\n");
    }
    for (size_t k = i; k < end; k++)
        put_mark(p, rows[k].codec, x_of(p, rows[k].bytes_mean), y_of(p, rows[k].agreement), solid);
}

static size_t end_of_series(const codec_sweep_result *r, size_t i)
{
    size_t end = i;
    while (end < r->n_rows && r->rows[end].cut == r->rows[i].cut &&
           strcmp(r->rows[end].codec, r->rows[i].codec) == 0)
        end++;
    return end;
}

static void put_all_series(plot *p)
{
    put(p, "<g clip-path='url(#c)' stroke-linejoin='round'>\n");
    for (size_t i = 0; i < p->result->n_rows; i = end_of_series(p->result, i))
        put_series(p, i, end_of_series(p->result, i));
    put(p, "</g>\n");
}

/* --- the legend ----------------------------------------------------------------------------- */

static int put_cut_names(plot *p, int y)
{
    for (size_t i = 0; i < p->n_cuts; i++, y += LINE) {
        char hue[24];
        size_t k = 0;
        while (p->result->rows[k].cut != p->cuts[i])
            k++;
        colour(hue, p, p->cuts[i]);
        put(p, "<path d='M%d %dh22' stroke='%s' stroke-width='4' stroke-linecap='round'/>", LEGEND,
            y - 4, hue);
        put(p, "<text x='%d' y='%d'>cut %u, %.0f%% of the MACs</text>\n", LEGEND + 34, y,
            p->cuts[i], 100 * p->result->rows[k].macs_fraction);
    }
    return y;
}

static bool is_there(const plot *p, const char *codec, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (strcmp(p->result->rows[i].codec, codec) == 0)
            return true;
    }
    return false;
}

static void put_codec_names(plot *p, int y)
{
    for (size_t i = 0; i < p->result->n_rows; i++) {
        const codec_sweep_row *row = &p->result->rows[i];
        const char *codec = row->codec;
        char solid[96], line[96];
        if (is_there(p, codec, i))
            continue;
        paint_of(solid, line, p, row);
        if (!is_picture(row)) { /* of any cut's colour */
            bool filled = strcmp(codec, "rans") == 0;
            (void)snprintf(solid, sizeof solid, "class='%s'", filled ? "k" : "p");
            (void)snprintf(line, sizeof line, "class='p' style='stroke-width:%s'",
                           filled ? "2" : "1");
        }
        if (is_line(codec))
            put(p, "<path %s d='M%d %dh22'/>", line, LEGEND, y - 4);
        put_mark(p, codec, LEGEND + 11, y - 4, solid);
        put(p, "<text x='%d' y='%d'>", LEGEND + 34, y);
        put_escaped(p, codec);
        put(p, "%s</text>\n",
            strcmp(codec, "jpeg-fit") == 0 ? " (network's size)"
            : strcmp(codec, "jpeg") == 0   ? " (camera's size)"
            : strcmp(codec, "camera") == 0 ? " (the file as it is)"
                                           : "");
        y += LINE;
    }
}

clv_status codec_sweep_plot(clv_buffer *out, const codec_sweep_result *result, const char *title)
{
    plot p = {.result = result, .out = out};

    p.status = find_cuts(&p);
    if (p.status == CLV_OK) {
        find_scales(&p);
        put_frame(&p, title);
        put_all_series(&p);
        put_codec_names(&p, put_cut_names(&p, TOP + 10) + LINE / 2);
        put(&p, "</svg>\n");
    }
    clv_free(p.cuts);
    return p.status;
}
