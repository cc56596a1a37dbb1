/* SPDX-License-Identifier: Apache-2.0 */
/** @file cli_fixtures.c: writes small models, images and tensors for the scripts beside it.
 *
 *      cli_fixtures DIR        all of them into DIR, which exists
 *      cli_fixtures --big FILE a model of 64 MiB, which takes a moment to read and write */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <png.h>

#include "base/file.h"
#include "support/qdq_model.h"
#include "tools/npy.h"

#define SIDE 8
#define PIXELS (3 * SIDE * SIDE)
#define CLASSES 5

static const char *dir;

/* Numbers in [-1, 1), the same in every run. */
static float noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

static const char *in_dir(const char *name)
{
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_bytes(const char *path, const void *data, size_t bytes)
{
    clv_error err = CLV_ERROR_INIT;
    if (clv_file_write(path, data, bytes, 0644, &err) != CLV_OK) {
        (void)fprintf(stderr, "cli_fixtures: %s: %s\n", err.location, err.message);
        exit(1);
    }
}

/* --- models ------------------------------------------------------------------------------- */

static void weights(onnx_builder *b, const char *name, size_t rank, const int64_t *dims)
{
    uint32_t state = 7;
    size_t n = 1;

    for (size_t i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    float *data = clv_calloc(n, sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++)
        data[i] = noise(&state);
    (void)onnx_initializer(b, name, ONNX_FLOAT, rank, dims, data, n * sizeof *data);
    clv_free(data);
}

static void node(onnx_builder *b, const char *op, const char *inputs, const char *outputs,
                 const char *name)
{
    onnx_node(b, op, inputs, outputs)->name = onnx_text(b, name);
}

static void save(onnx_builder *b, const char *name)
{
    size_t bytes;
    const uint8_t *data = onnx_pack(b, &bytes);
    write_bytes(in_dir(name), data, bytes);
    onnx_builder_done(b);
}

/* What is left of a picture, pooled and classified. */
static void add_head(onnx_builder *b, const char *from, int64_t channels, const char *output)
{
    const int64_t out[] = {1, CLASSES};

    node(b, "GlobalAveragePool", from, "pooled", "pool");
    node(b, "Flatten", "pooled", "flat", "flatten");
    weights(b, "dense", 2, (int64_t[]){channels, CLASSES});
    node(b, "MatMul", "flat,dense", output, "classify");
    onnx_output(b, output, ONNX_FLOAT, 2, out);
}

/* A picture of SIDE x SIDE to CLASSES; the features too if @p features. */
static void write_classifier(const char *name, bool features)
{
    const int64_t in[] = {1, 3, SIDE, SIDE}, mid[] = {1, 4, SIDE - 2, SIDE - 2};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "input.1", ONNX_FLOAT, 4, in);
    weights(&b, "filters", 4, (int64_t[]){4, 3, 3, 3});
    node(&b, "Conv", "input.1,filters", "conv", "conv");
    node(&b, "Relu", "conv", "mid/feature:0", "relu");
    add_head(&b, "mid/feature:0", 4, "out:0");
    if (features)
        onnx_output(&b, "mid/feature:0", ONNX_FLOAT, 4, mid);
    save(&b, name);
}

/* The same classifier's shape, as an exporter quantises it. */
static void write_quantised(void)
{
    const int64_t in[] = {1, 3, SIDE, SIDE}, out[] = {1, CLASSES};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 4, in);
    qdq_nodes(&b, "xq = Q x 1.0231 u7; xf = DQ xq 1.0231 u7;"
                  "w = DQ w8[4,3,3,3] s[4] i0[4] {axis=0}; c = Conv xf w; r = Relu c;"
                  "rq = Q r 9.117 u3; rf = DQ rq 9.117 u3; p = GlobalAveragePool rf;"
                  "pq = Q p 4.0713 u5; pf = DQ pq 4.0713 u5; f = Flatten pf;"
                  "d = DQ w8[4,5] 0.0117 i0; g = Gemm f d; gq = Q g 3.171 u101;"
                  "out = DQ gq 3.171 u101");
    onnx_output(&b, "out", ONNX_FLOAT, 2, out);
    save(&b, "quantised.onnx");
}

/* A detector of YOLO's form that sees the same in every picture: at 8 x 8 pixels (2, 3) to (6, 5)
 * of class 1, (0, 0) to (2, 2) of class 0, and one below most thresholds. */
static void write_detector(void)
{
    static const float rows[8][7] = {
        {4, 4, 4, 2, 0.9f, 0.25f, 1}, {1, 1, 2, 2, 0.5f, 1, 0}, {6, 6, 2, 2, 0.25f, 1, 0}};
    static const float zeros[3 * 56];
    const int64_t in[] = {1, 3, SIDE, SIDE}, out[] = {1, 8, 7};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "image", ONNX_FLOAT, 4, in);
    node(&b, "GlobalAveragePool", "image", "pooled", "pool");
    node(&b, "Flatten", "pooled", "flat", "flatten");
    (void)onnx_initializer(&b, "zeros", ONNX_FLOAT, 2, (int64_t[]){3, 56}, zeros, sizeof zeros);
    (void)onnx_initializer(&b, "rows", ONNX_FLOAT, 2, (int64_t[]){1, 56}, rows, sizeof rows);
    (void)onnx_initializer(&b, "shape", ONNX_INT64, 1, (int64_t[]){3}, out, sizeof out);
    node(&b, "MatMul", "flat,zeros", "nothing", "forget");
    node(&b, "Add", "nothing,rows", "all", "remember");
    node(&b, "Reshape", "all,shape", "boxes", "reshape");
    onnx_output(&b, "boxes", ONNX_FLOAT, 3, out);
    save(&b, "detector.onnx");
}

/* Where a [2, 3] is positive: as many rows as there are such places. */
static void write_found(void)
{
    const int64_t in[] = {2, 3}, out[] = {ONNX_OPEN, 2};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "a", ONNX_FLOAT, 2, in);
    node(&b, "Relu", "a", "positive", "relu");
    node(&b, "NonZero", "positive", "columns", "nonzero");
    node(&b, "Transpose", "columns", "where", "rows");
    onnx_output(&b, "where", ONNX_INT64, 2, out);
    save(&b, "found.onnx");
}

static void write_student(void)
{
    const int64_t in[] = {1, 3, SIDE / 2, SIDE / 2};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "small", ONNX_FLOAT, 4, in);
    add_head(&b, "small", 3, "answer");
    save(&b, "student.onnx");
}

/* Names that a terminal would obey, or that aren't UTF-8. */
static void write_hostile(void)
{
    const int64_t in[] = {1, 3, SIDE, SIDE};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "in\x1b[31mput\x9b", ONNX_FLOAT, 4, in);
    node(&b, "Relu", "in\x1b[31mput\x9b", "\xff\xfe", "\x1b]0;owned\x07\xff");
    add_head(&b, "\xff\xfe", 3, "o\nut\r\xc2\x9b\x7f\"\\");
    save(&b, "hostile.onnx");
}

/* One input's name with '=' is the beginning of the other. */
static void write_two_inputs(void)
{
    const int64_t dims[] = {2, 3};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "a", ONNX_FLOAT, 2, dims);
    onnx_input(&b, "a=b", ONNX_FLOAT, 2, dims);
    node(&b, "Sub", "a=b,a", "difference", "subtract");
    onnx_output(&b, "difference", ONNX_FLOAT, 2, dims);
    save(&b, "two_inputs.onnx");
}

/* Outputs whose names are the same file. */
static void write_clash(void)
{
    const int64_t in[] = {1, 3, SIDE, SIDE};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 4, in);
    node(&b, "Relu", "x", "a:b", "relu");
    node(&b, "Sigmoid", "x", "a/b", "sigmoid");
    onnx_output(&b, "a:b", ONNX_FLOAT, 4, in);
    onnx_output(&b, "a/b", ONNX_FLOAT, 4, in);
    save(&b, "clash.onnx");
}

/* An open dimension, so --shape and --batch have something to say. */
static void write_open(const char *path, int64_t second)
{
    const int64_t dims[] = {ONNX_OPEN, second};
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 2, dims);
    node(&b, "Relu", "x", "y", "relu");
    onnx_output(&b, "y", ONNX_FLOAT, 2, dims);
    save(&b, path);
}

static void write_big(const char *path)
{
    const int64_t in[] = {1, 4096}, out[] = {1, 4096};
    onnx_builder b;
    size_t bytes;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 2, in);
    weights(&b, "w", 2, (int64_t[]){4096, 4096});
    node(&b, "MatMul", "x,w", "y", "dense");
    onnx_output(&b, "y", ONNX_FLOAT, 2, out);
    const uint8_t *data = onnx_pack(&b, &bytes);
    write_bytes(path, data, bytes);
    onnx_builder_done(&b);
}

/* --- images and tensors ------------------------------------------------------------------- */

static void write_image(unsigned index)
{
    enum { WIDTH = 12, HEIGHT = 10 };
    uint8_t rgb[HEIGHT][WIDTH][3];
    char name[16];
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = PNG_FORMAT_RGB};

    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++) {
            rgb[y][x][0] = (uint8_t)(20 * x + 40 * index);
            rgb[y][x][1] = (uint8_t)(25 * y * (index + 1));
            rgb[y][x][2] = (uint8_t)(255 - 10 * x - 60 * index);
        }
    }
    (void)snprintf(name, sizeof name, "%u.png", index);
    assert_true(png_image_write_to_file(&image, in_dir(name), 0, rgb, 0, NULL) != 0);
}

/* The same numbers in the three forms that --tensor takes. */
static void write_tensors(const char *name, size_t rank, const int64_t *dims, uint32_t seed)
{
    float data[PIXELS];
    char file[64];
    clv_tensor tensor = {.dtype = CLV_F32, .shape.rank = (uint32_t)rank, .data = data};
    onnx_builder b;
    uint8_t packed[sizeof data + 256];
    size_t n;

    for (size_t i = 0; i < rank; i++)
        tensor.shape.dim[i] = dims[i];
    assert_int_equal(clv_shape_elems(&n, &tensor.shape), CLV_OK);
    assert_true(n <= PIXELS);
    for (size_t i = 0; i < n; i++)
        data[i] = noise(&seed);

    (void)snprintf(file, sizeof file, "%s.raw", name);
    write_bytes(in_dir(file), data, n * sizeof *data);
    (void)snprintf(file, sizeof file, "%s.npy", name);
    assert_int_equal(npy_write(in_dir(file), &tensor, NULL), CLV_OK);

    onnx_builder_init(&b, 13);
    const Clv__Onnx__TensorProto *proto =
        onnx_tensor(&b, name, ONNX_FLOAT, rank, dims, data, n * sizeof *data);
    (void)snprintf(file, sizeof file, "%s.pb", name);
    write_bytes(in_dir(file), packed, clv__onnx__tensor_proto__pack(proto, packed));
    onnx_builder_done(&b);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--big") == 0) {
        write_big(argv[2]);
        return 0;
    }
    if (argc != 2) {
        (void)fprintf(stderr, "usage: cli_fixtures DIR | --big FILE\n");
        return 2;
    }
    dir = argv[1];
    write_classifier("classifier.onnx", false);
    write_classifier("two_outputs.onnx", true);
    write_quantised();
    write_detector();
    write_student();
    write_found();
    write_hostile();
    write_two_inputs();
    write_clash();
    write_open("open.onnx", 4);
    write_open("wide-open.onnx", ONNX_OPEN);
    for (unsigned i = 0; i < 4; i++)
        write_image(i);
    write_tensors("x", 4, (int64_t[]){1, 3, SIDE, SIDE}, 1);
    write_tensors("a", 2, (int64_t[]){2, 3}, 2);
    write_tensors("b", 2, (int64_t[]){2, 3}, 3);
    return 0;
}
