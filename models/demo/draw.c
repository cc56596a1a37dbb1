/* SPDX-License-Identifier: Apache-2.0 */
/** @file draw.c: writes demo pictures to files; see usage(). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo_images.h"

enum { EXIT_USAGE = 2, SHEET_ROWS = 8, GAP = 2 };
enum {
    SHEET_WIDTH = CLV_DEMO_CLASSES * (CLV_DEMO_WIDTH + GAP) + GAP,
    SHEET_HEIGHT = SHEET_ROWS * (CLV_DEMO_HEIGHT + GAP) + GAP
};

typedef struct options {
    uint64_t seed, count;
    const char *images, *labels, *sheet;
    bool help, names;
} options;

/* A contact sheet: one column for each class, filled from the top. */
typedef struct contact_sheet {
    uint8_t rgb[SHEET_HEIGHT][SHEET_WIDTH][3];
    int filled[CLV_DEMO_CLASSES];
} contact_sheet;

static void usage(FILE *to)
{
    fputs("usage: draw [--seed S] [--count N] [--images FILE] [--labels FILE] [--sheet FILE]\n"
          "       draw --names\n"
          "\n"
          "Draws the demo's pictures of seeds S to S + N - 1.\n"
          "\n"
          "  --seed S        first seed (default 0)\n"
          "  --count N       number of pictures (default 200)\n"
          "  --images FILE   all pictures, raw: [N, 96, 96, 3], 8-bit RGB\n"
          "  --labels FILE   one byte for each picture: its class\n"
          "  --sheet FILE    a PPM with the first 8 pictures of each class\n"
          "  --names         print the classes' names, one on a line, and exit\n"
          "  --help          print this and exit\n",
          to);
}

static bool parse_number(uint64_t *out, const char *text)
{
    char *end = NULL;
    unsigned long long value = 0;

    errno = 0;
    if (text[0] < '0' || text[0] > '9')
        return false;
    value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *out = value;
    return true;
}

/* Where an option's value goes: a number or a name. Both NULL for what is no such option. */
static void find_option(uint64_t **number, const char ***name, options *opts, const char *flag)
{
    *number = strcmp(flag, "--seed") == 0    ? &opts->seed
              : strcmp(flag, "--count") == 0 ? &opts->count
                                             : NULL;
    *name = strcmp(flag, "--images") == 0   ? &opts->images
            : strcmp(flag, "--labels") == 0 ? &opts->labels
            : strcmp(flag, "--sheet") == 0  ? &opts->sheet
                                            : NULL;
}

/* Prints what is wrong, and returns false. */
static bool parse_options(options *opts, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        uint64_t *number = NULL;
        const char **name = NULL;

        opts->help = opts->help || strcmp(argv[i], "--help") == 0;
        opts->names = opts->names || strcmp(argv[i], "--names") == 0;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--names") == 0)
            continue;
        find_option(&number, &name, opts, argv[i]);
        if (number == NULL && name == NULL) {
            fprintf(stderr, "draw: unknown argument '%s'; try --help\n", argv[i]);
            return false;
        }
        if (++i == argc) {
            fprintf(stderr, "draw: %s needs a value; try --help\n", argv[i - 1]);
            return false;
        }
        if (name != NULL) {
            *name = argv[i];
        } else if (!parse_number(number, argv[i])) {
            fprintf(stderr, "draw: %s: '%s' is not a whole number\n", argv[i - 1], argv[i]);
            return false;
        }
    }
    if (opts->help || opts->names || opts->images || opts->labels || opts->sheet)
        return true;
    fputs("draw: nothing to write: give --images, --labels or --sheet; try --help\n", stderr);
    return false;
}

static bool open_file(FILE **out, const char *path)
{
    if (path == NULL)
        return true;
    *out = fopen(path, "wb");
    if (*out == NULL)
        fprintf(stderr, "draw: %s: %s\n", path, strerror(errno));
    return *out != NULL;
}

static bool write_bytes(FILE *file, const char *path, const void *bytes, size_t n_bytes)
{
    if (file == NULL || fwrite(bytes, 1, n_bytes, file) == n_bytes)
        return true;
    fprintf(stderr, "draw: %s: %s\n", path, strerror(errno));
    return false;
}

/* Closes @p file if it is open; a full disk may show only here. */
static bool close_file(FILE *file, const char *path)
{
    if (file == NULL || fclose(file) == 0)
        return true;
    fprintf(stderr, "draw: %s: %s\n", path, strerror(errno));
    return false;
}

static void place_on_sheet(contact_sheet *sheet, const uint8_t *rgb, uint32_t label)
{
    if (sheet->filled[label] == SHEET_ROWS)
        return;
    size_t top = GAP + (size_t)sheet->filled[label]++ * (CLV_DEMO_HEIGHT + GAP);
    size_t left = GAP + label * (size_t)(CLV_DEMO_WIDTH + GAP);

    for (size_t y = 0; y < CLV_DEMO_HEIGHT; y++)
        memcpy(sheet->rgb[top + y][left], rgb + y * CLV_DEMO_WIDTH * 3, CLV_DEMO_WIDTH * 3);
}

static bool write_sheet(const contact_sheet *sheet, const char *path)
{
    FILE *file = NULL;
    char header[32];

    if (!open_file(&file, path))
        return false;
    int n = snprintf(header, sizeof header, "P6 %d %d 255\n", SHEET_WIDTH, SHEET_HEIGHT);
    bool ok = write_bytes(file, path, header, (size_t)n) &&
              write_bytes(file, path, sheet->rgb, sizeof sheet->rgb);
    return close_file(file, path) && ok;
}

static bool draw_pictures(const options *opts, FILE *images, FILE *labels, contact_sheet *sheet)
{
    for (uint64_t i = 0; i < opts->count; i++) {
        uint8_t rgb[CLV_DEMO_BYTES];
        uint32_t label = 0;

        clv_demo_draw(rgb, &label, opts->seed + i);
        uint8_t byte = (uint8_t)label;
        if (!write_bytes(images, opts->images, rgb, sizeof rgb) ||
            !write_bytes(labels, opts->labels, &byte, 1))
            return false;
        place_on_sheet(sheet, rgb, label);
    }
    return opts->sheet == NULL || write_sheet(sheet, opts->sheet);
}

static bool run(const options *opts)
{
    static contact_sheet sheet;
    FILE *images = NULL, *labels = NULL;

    memset(sheet.rgb, 255, sizeof sheet.rgb);
    bool ok = open_file(&images, opts->images) && open_file(&labels, opts->labels) &&
              draw_pictures(opts, images, labels, &sheet);
    ok = close_file(images, opts->images) && ok;
    ok = close_file(labels, opts->labels) && ok;
    return ok;
}

int main(int argc, char **argv)
{
    options opts = {.count = 200};

    if (!parse_options(&opts, argc, argv))
        return EXIT_USAGE;
    if (opts.help) {
        usage(stdout);
        return EXIT_SUCCESS;
    }
    if (opts.names) {
        for (uint32_t label = 0; label < CLV_DEMO_CLASSES; label++)
            puts(clv_demo_class_name(label));
        return EXIT_SUCCESS;
    }
    return run(&opts) ? EXIT_SUCCESS : EXIT_FAILURE;
}
