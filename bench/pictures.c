/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures and a labels.csv, as `cleave eval` takes them, from the files in which CIFAR-10 and
 * MNIST are published; or photographs cropped to a network's size, as JPEGs. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "media/image.h"

#define CIFAR_SIDE 32u
#define CIFAR_RECORD (1u + 3u * CIFAR_SIDE * CIFAR_SIDE) /* a label; red, green, blue planes */
#define MNIST_SIDE 28u
#define MNIST_PIXELS_AT 16u /* behind magic, count, rows, columns */
#define MNIST_LABELS_AT 8u  /* behind magic, count */

static const char usage[] = "bench_pictures cifar FILE.bin DIR\n"
                            "bench_pictures mnist IMAGES.idx LABELS.idx FIRST COUNT DIR\n"
                            "bench_pictures fit FOLDER COUNT SIDE QUALITY DIR\n";

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

static void fit_one(const char *from, const char *to, uint32_t side, unsigned quality)
{
    clv_input_spec spec;
    clv_error err = CLV_ERROR_INIT;
    clv_image image, fitted, scratch;
    clv_buffer jpeg;

    if (clv_input_spec_preset(&spec, "imagenet") != CLV_OK)
        abort();
    spec.width = spec.height = side;
    clv_image_init(&image);
    clv_image_init(&fitted);
    clv_image_init(&scratch);
    clv_buffer_init(&jpeg, CLV_IMAGE_MAX_FILE_BYTES);
    if (clv_image_load(&image, from, &err) != CLV_OK)
        die(&err);
    if (clv_image_fit(&fitted, &scratch, &image, &spec) != CLV_OK ||
        clv_image_encode_jpeg(&jpeg, &fitted, quality) != CLV_OK ||
        clv_file_write(to, jpeg.data, jpeg.size, 0644, &err) != CLV_OK)
        die(&err);
    clv_buffer_done(&jpeg);
    clv_image_done(&scratch);
    clv_image_done(&fitted);
    clv_image_done(&image);
}

/* The first COUNT pictures of a folder, by name. */
static int fit_folder(char **argv)
{
    struct dirent **entries;
    int n = scandir(argv[2], &entries, NULL, alphasort), made = 0;
    char from[4096], to[4096];

    if (n < 0 || mkdir(argv[6], 0755) != 0) {
        perror(n < 0 ? argv[2] : argv[6]);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        if (made < atoi(argv[3]) && dot != NULL && strcasecmp(dot, ".jpeg") == 0) {
            (void)snprintf(from, sizeof from, "%s/%s", argv[2], name);
            (void)snprintf(to, sizeof to, "%s/%03d.jpg", argv[6], made++);
            fit_one(from, to, (uint32_t)atoi(argv[4]), (unsigned)atoi(argv[5]));
        }
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int main(int argc, char **argv)
{
    bool cifar = argc == 4 && strcmp(argv[1], "cifar") == 0;
    bool mnist = argc == 7 && strcmp(argv[1], "mnist") == 0;
    char path[4096];

    if (argc == 7 && strcmp(argv[1], "fit") == 0)
        return fit_folder(argv);
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
