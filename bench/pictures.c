/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures and a labels.csv, as `cleave eval` takes them, from the files in which CIFAR-10 and
 * MNIST are published; or some photographs as a camera's JPEGs, and what a JPEG of a network's size
 * costs. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "media/image.h"

#define CIFAR_SIDE 32u
#define CIFAR_RECORD (1u + 3u * CIFAR_SIDE * CIFAR_SIDE) /* a label; red, green, blue planes */
#define MNIST_SIDE 28u
#define MNIST_PIXELS_AT 16u /* behind magic, count, rows, columns */
#define MNIST_LABELS_AT 8u  /* behind magic, count */

static const char usage[] = "bench_pictures cifar FILE.bin DIR\n"
                            "bench_pictures mnist IMAGES.idx LABELS.idx FIRST COUNT DIR\n"
                            "bench_pictures camera FOLDER COUNT QUALITY DIR\n"
                            "bench_pictures cost FOLDER SIDE crop|stretch QUALITY\n";

static void die(const clv_error *err)
{
    (void)fprintf(stderr, "bench_pictures: %s: %s\n", err->location, err->message);
    exit(1);
}

static clv_mapping open_file(const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    clv_mapping file;
    if (clv_mapping_open(&file, path, (size_t)1 << 30, &err) != CLV_OK)
        die(&err);
    return file;
}

/* DIR/00017.png and its line in the table. */
static void add(FILE *table, const char *dir, size_t index, const uint8_t *rgb, uint32_t side,
                unsigned label)
{
    clv_error err = CLV_ERROR_INIT;
    clv_image image;
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%05zu.png", dir, index);
    clv_image_init(&image);
    if (clv_image_set_rgb(&image, rgb, side, side) != CLV_OK ||
        clv_image_write_png(&image, path, &err) != CLV_OK)
        die(&err);
    clv_image_done(&image);
    (void)fprintf(table, "%05zu.png,%u\n", index, label);
}

static void read_cifar(FILE *table, const char *path, const char *dir)
{
    clv_mapping file = open_file(path);
    uint8_t rgb[CIFAR_RECORD];
    const size_t plane = (size_t)CIFAR_SIDE * CIFAR_SIDE;

    for (size_t n = 0; (n + 1) * CIFAR_RECORD <= file.size; n++) {
        const uint8_t *record = file.data + n * CIFAR_RECORD;
        for (size_t i = 0; i < 3 * plane; i++)
            rgb[i] = record[1 + i % 3 * plane + i / 3];
        add(table, dir, n, rgb, CIFAR_SIDE, record[0]);
    }
    clv_mapping_done(&file);
}

static void read_mnist(FILE *table, char **argv)
{
    clv_mapping images = open_file(argv[2]), labels = open_file(argv[3]);
    const size_t pixels = (size_t)MNIST_SIDE * MNIST_SIDE;
    size_t first = (size_t)atoi(argv[4]), last = first + (size_t)atoi(argv[5]);
    uint8_t rgb[3 * MNIST_SIDE * MNIST_SIDE];

    for (size_t n = first; n < last && MNIST_PIXELS_AT + (n + 1) * pixels <= images.size &&
                           MNIST_LABELS_AT + n < labels.size;
         n++) {
        for (size_t i = 0; i < 3 * pixels; i++)
            rgb[i] = images.data[MNIST_PIXELS_AT + n * pixels + i / 3];
        add(table, argv[6], n, rgb, MNIST_SIDE, labels.data[MNIST_LABELS_AT + n]);
    }
    clv_mapping_done(&images);
    clv_mapping_done(&labels);
}

/* --- photographs ------------------------------------------------------------------------------ */

#define AMONG 100u /* photographs that the mean is of */
#define COST_RUNS 20

typedef struct photograph {
    char path[4096];
    double bytes, off; /* off: from the mean */
} photograph;

static int by_off(const void *a, const void *b)
{
    double x = ((const photograph *)a)->off, y = ((const photograph *)b)->off;
    return (x > y) - (x < y);
}

/* The first photographs of a folder, by name. */
static uint32_t list_photographs(photograph *out, const char *folder, const char *suffix)
{
    struct dirent **entries;
    uint32_t count = 0;
    int n = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(entries[i]->d_name, '.');
        photograph *p = &out[count];
        if (count < AMONG && dot != NULL && strcasecmp(dot, suffix) == 0) {
            (void)snprintf(p->path, sizeof p->path, "%s/%s", folder, entries[i]->d_name);
            count++;
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return count;
}

/* @param to  NULL: only for the size. @return bytes. */
static double encode_again(const char *from, const char *to, unsigned quality)
{
    clv_error err = CLV_ERROR_INIT;
    clv_image image;
    clv_buffer jpeg;

    clv_image_init(&image);
    clv_buffer_init(&jpeg, CLV_IMAGE_MAX_FILE_BYTES);
    if (clv_image_load(&image, from, &err) != CLV_OK ||
        clv_image_encode_jpeg(&jpeg, &image, quality) != CLV_OK ||
        (to != NULL && clv_file_write(to, jpeg.data, jpeg.size, 0644, &err) != CLV_OK))
        die(&err);
    double bytes = (double)jpeg.size;
    clv_buffer_done(&jpeg);
    clv_image_done(&image);
    return bytes;
}

/* COUNT photographs whose JPEGs of that quality are nearest to the mean in size: so few stand for
 * all where bytes are time. */
static int camera(char **argv)
{
    static photograph all[AMONG + 1];
    uint32_t n = list_photographs(all, argv[2], ".jpeg"), count = (uint32_t)atoi(argv[3]);
    unsigned quality = (unsigned)atoi(argv[4]);
    double mean = 0;
    char to[4096];

    if (n < count || mkdir(argv[5], 0755) != 0) {
        perror(n < count ? argv[2] : argv[5]);
        return 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        all[i].bytes = encode_again(all[i].path, NULL, quality);
        mean += all[i].bytes / n;
    }
    for (uint32_t i = 0; i < n; i++)
        all[i].off = fabs(all[i].bytes - mean);
    qsort(all, n, sizeof all[0], by_off);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(to, sizeof to, "%s/%03u.jpg", argv[5], i);
        (void)encode_again(all[i].path, to, quality);
    }
    return 0;
}

typedef struct fit_cost {
    double bytes, device_ns, server_ns;
} fit_cost;

/* The least processor time of some runs: to resize and encode, and to decode and normalise. */
static fit_cost cost_of(const char *path, const clv_input_spec *spec, unsigned quality)
{
    fit_cost cost = {0, INFINITY, INFINITY};
    clv_error err = CLV_ERROR_INIT;
    clv_image image, fitted, scratch, decoded;
    clv_buffer jpeg;
    float *input = calloc((size_t)3 * spec->width * spec->height, sizeof *input);

    clv_image_init(&image);
    clv_image_init(&fitted);
    clv_image_init(&scratch);
    clv_image_init(&decoded);
    clv_buffer_init(&jpeg, CLV_IMAGE_MAX_FILE_BYTES);
    if (input == NULL || clv_image_load(&image, path, &err) != CLV_OK)
        die(&err);
    for (int i = 0; i < COST_RUNS; i++) {
        uint64_t start = clv_clock_thread_ns();
        if (clv_image_fit(&fitted, &scratch, &image, spec) != CLV_OK ||
            clv_image_encode_jpeg(&jpeg, &fitted, quality) != CLV_OK)
            die(&err);
        uint64_t encoded = clv_clock_thread_ns();
        if (clv_image_decode(&decoded, jpeg.data, jpeg.size, &err) != CLV_OK)
            die(&err);
        clv_image_normalise(input, decoded.rgb.data, spec);
        cost.device_ns = fmin(cost.device_ns, (double)(encoded - start));
        cost.server_ns = fmin(cost.server_ns, (double)(clv_clock_thread_ns() - encoded));
    }
    cost.bytes = (double)jpeg.size;
    clv_buffer_done(&jpeg);
    clv_image_done(&decoded);
    clv_image_done(&scratch);
    clv_image_done(&fitted);
    clv_image_done(&image);
    free(input);
    return cost;
}

/* "QUALITY BYTES DEVICE_NS SERVER_NS", means of all pictures of the folder. */
static int print_cost(char **argv)
{
    static photograph all[AMONG + 1];
    uint32_t n = list_photographs(all, argv[2], ".jpg");
    clv_input_spec spec;
    fit_cost mean = {0};

    if (n == 0 || clv_input_spec_preset(&spec, "imagenet") != CLV_OK)
        return 1;
    spec.width = spec.height = (uint32_t)atoi(argv[3]);
    spec.fit = strcmp(argv[4], "stretch") == 0 ? CLV_FIT_STRETCH : CLV_FIT_CROP;
    for (uint32_t i = 0; i < n; i++) {
        fit_cost one = cost_of(all[i].path, &spec, (unsigned)atoi(argv[5]));
        mean.bytes += one.bytes / n;
        mean.device_ns += one.device_ns / n;
        mean.server_ns += one.server_ns / n;
    }
    (void)printf("%s %.0f %.0f %.0f\n", argv[5], mean.bytes, mean.device_ns, mean.server_ns);
    return 0;
}

int main(int argc, char **argv)
{
    bool cifar = argc == 4 && strcmp(argv[1], "cifar") == 0;
    bool mnist = argc == 7 && strcmp(argv[1], "mnist") == 0;
    char path[4096];

    if (argc == 6 && strcmp(argv[1], "camera") == 0)
        return camera(argv);
    if (argc == 6 && strcmp(argv[1], "cost") == 0)
        return print_cost(argv);
    if (!cifar && !mnist) {
        (void)fputs(usage, stderr);
        return 2;
    }
    (void)snprintf(path, sizeof path, "%s/labels.csv", argv[argc - 1]);
    FILE *table = fopen(path, "w");
    if (table == NULL) {
        perror(path);
        return 1;
    }
    (void)fputs("file,class_index\n", table);
    if (cifar)
        read_cifar(table, argv[2], argv[3]);
    else
        read_mnist(table, argv);
    return fclose(table) != 0;
}
