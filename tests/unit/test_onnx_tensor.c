/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of a model: every encoding, Constant nodes, and data outside of the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "onnx/onnx_import.h"
#include "support/onnx_builder.h"

static const int64_t three[] = {3};

static void expect_bad(clv_status status, onnx_builder *b, const char *folder, const char *what)
{
    onnx_output(b, "c", ONNX_FLOAT, 0, NULL);
    onnx_import_bad(b, folder, NULL, status, "c'", what);
}

static void expect_data(onnx_builder *b, const char *folder, clv_dtype dtype,
                        const clv_shape *shape, const void *data, size_t bytes)
{
    size_t n;
    onnx_output(b, "c", ONNX_FLOAT, 0, NULL);
    clv_graph *graph = onnx_import_good(b, folder, NULL);
    const clv_tensor *c = &graph->values[clv_graph_find_value(graph, "c")].tensor;
    assert_int_equal(c->dtype, dtype);
    assert_true(clv_shape_equal(&c->shape, shape));
    assert_int_equal(clv_tensor_bytes(&n, c), CLV_OK);
    assert_int_equal(n, bytes);
    assert_memory_equal(c->data, data, bytes);
    assert_int_equal((uintptr_t)c->data % CLV_ALIGN, 0);
    clv_graph_free(graph);
}

static Clv__Onnx__TensorProto *init_c(onnx_builder *b, int type, const void *raw, size_t bytes)
{
    onnx_builder_init(b, 13);
    return onnx_initializer(b, "c", type, 1, three, raw, bytes);
}

static void test_onnx_tensor__reads_raw_data_of_every_type(void **state)
{
    static const struct {
        int type;
        clv_dtype dtype;
    } types[] = {
        {ONNX_FLOAT, CLV_F32},  {ONNX_DOUBLE, CLV_F64}, {ONNX_FLOAT16, CLV_F16},
        {ONNX_UINT8, CLV_U8},   {ONNX_INT8, CLV_I8},    {ONNX_UINT16, CLV_U16},
        {ONNX_INT16, CLV_I16},  {ONNX_UINT32, CLV_U32}, {ONNX_INT32, CLV_I32},
        {ONNX_UINT64, CLV_U64}, {ONNX_INT64, CLV_I64},
    };
    uint8_t raw[24];
    onnx_builder b;
    (void)state;

    for (uint8_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(200 + i);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t bytes = 3 * clv_dtype_bytes(types[i].dtype);
        (void)init_c(&b, types[i].type, raw, bytes);
        expect_data(&b, NULL, types[i].dtype, &(clv_shape){1, {3}}, raw, bytes);
    }
}

static void test_onnx_tensor__makes_booleans_0_or_1(void **state)
{
    onnx_builder b;
    (void)state;
    (void)init_c(&b, ONNX_BOOL, "\x00\xff\x02", 3);
    expect_data(&b, NULL, CLV_BOOL, &(clv_shape){1, {3}}, "\x00\x01\x01", 3);
}

static void expect_int32_data(int type, clv_dtype dtype, const int32_t *data, const void *expected)
{
    onnx_builder b;
    int32_t copy[3];
    memcpy(copy, data, sizeof copy);
    Clv__Onnx__TensorProto *tensor = init_c(&b, type, NULL, 0);
    tensor->n_int32_data = 3;
    tensor->int32_data = copy;
    expect_data(&b, NULL, dtype, &(clv_shape){1, {3}}, expected, 3 * clv_dtype_bytes(dtype));
}

static void test_onnx_tensor__reads_small_integers_from_int32(void **state)
{
    (void)state;
    expect_int32_data(ONNX_INT32, CLV_I32, (int32_t[]){INT32_MIN, 0, INT32_MAX},
                      (int32_t[]){INT32_MIN, 0, INT32_MAX});
    expect_int32_data(ONNX_INT16, CLV_I16, (int32_t[]){-32768, -1, 32767},
                      (int16_t[]){-32768, -1, 32767});
    expect_int32_data(ONNX_UINT16, CLV_U16, (int32_t[]){0, 258, 65535},
                      (uint16_t[]){0, 258, 65535});
    expect_int32_data(ONNX_INT8, CLV_I8, (int32_t[]){-128, -1, 127}, (int8_t[]){-128, -1, 127});
    expect_int32_data(ONNX_UINT8, CLV_U8, (int32_t[]){0, 128, 255}, (uint8_t[]){0, 128, 255});
    expect_int32_data(ONNX_BOOL, CLV_BOOL, (int32_t[]){0, 1, 1}, (uint8_t[]){0, 1, 1});
    expect_int32_data(ONNX_FLOAT16, CLV_F16, (int32_t[]){0, 0x3c00, 0xfc00},
                      (uint16_t[]){0, 0x3c00, 0xfc00});
}

static void test_onnx_tensor__refuses_integers_out_of_range(void **state)
{
    static const struct {
        int type;
        int32_t value;
    } cases[] = {{ONNX_INT16, 32768}, {ONNX_INT16, -32769}, {ONNX_UINT16, -1}, {ONNX_UINT16, 65536},
                 {ONNX_INT8, 128},    {ONNX_INT8, -129},    {ONNX_UINT8, -1},  {ONNX_UINT8, 256},
                 {ONNX_BOOL, 2},      {ONNX_FLOAT16, 65536}};
    onnx_builder b;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t data[] = {0, cases[i].value, 0};
        Clv__Onnx__TensorProto *tensor = init_c(&b, cases[i].type, NULL, 0);
        tensor->n_int32_data = 3;
        tensor->int32_data = data;
        expect_bad(CLV_EFORMAT, &b, NULL, "element 1 is out of the range");
    }
    uint64_t data[] = {1, 2, UINT64_C(1) << 32};
    Clv__Onnx__TensorProto *tensor = init_c(&b, ONNX_UINT32, NULL, 0);
    tensor->n_uint64_data = 3;
    tensor->uint64_data = data;
    expect_bad(CLV_EFORMAT, &b, NULL, "element 2 is out of the range");
}

static void test_onnx_tensor__reads_typed_data(void **state)
{
    float f[] = {1, -2, 0.5f};
    double d[] = {1, -2, 1e300};
    int64_t i[] = {INT64_MIN, 0, INT64_MAX};
    uint64_t u[] = {0, 1, UINT64_MAX}, narrow[] = {0, 1, UINT32_MAX};
    const clv_shape shape = {1, {3}};
    onnx_builder b;
    (void)state;

    Clv__Onnx__TensorProto *tensor = init_c(&b, ONNX_FLOAT, NULL, 0);
    tensor->n_float_data = 3;
    tensor->float_data = f;
    expect_data(&b, NULL, CLV_F32, &shape, f, sizeof f);
    tensor = init_c(&b, ONNX_DOUBLE, NULL, 0);
    tensor->n_double_data = 3;
    tensor->double_data = d;
    expect_data(&b, NULL, CLV_F64, &shape, d, sizeof d);
    tensor = init_c(&b, ONNX_INT64, NULL, 0);
    tensor->n_int64_data = 3;
    tensor->int64_data = i;
    expect_data(&b, NULL, CLV_I64, &shape, i, sizeof i);
    tensor = init_c(&b, ONNX_UINT64, NULL, 0);
    tensor->n_uint64_data = 3;
    tensor->uint64_data = u;
    expect_data(&b, NULL, CLV_U64, &shape, u, sizeof u);
    tensor = init_c(&b, ONNX_UINT32, NULL, 0);
    tensor->n_uint64_data = 3;
    tensor->uint64_data = narrow;
    expect_data(&b, NULL, CLV_U32, &shape, (uint32_t[]){0, 1, UINT32_MAX}, 12);
}

static void test_onnx_tensor__reads_scalars_and_empty_tensors(void **state)
{
    static const float one = 1;
    onnx_builder b;
    (void)state;

    onnx_builder_init(&b, 13);
    (void)onnx_initializer(&b, "c", ONNX_FLOAT, 0, NULL, &one, 4);
    expect_data(&b, NULL, CLV_F32, &(clv_shape){0, {0}}, &one, 4);
    onnx_builder_init(&b, 13);
    (void)onnx_initializer(&b, "c", ONNX_FLOAT, 2, (int64_t[]){0, 5}, NULL, 0);
    expect_data(&b, NULL, CLV_F32, &(clv_shape){2, {0, 5}}, "", 0);
}

static void test_onnx_tensor__refuses_data_of_another_size(void **state)
{
    static const uint8_t raw[16];
    float f[] = {1, 2, 3, 4};
    onnx_builder b;
    (void)state;

    (void)init_c(&b, ONNX_FLOAT, raw, 8);
    expect_bad(CLV_EFORMAT, &b, NULL, "8 bytes of data; its shape needs 12");
    (void)init_c(&b, ONNX_FLOAT, raw, 13);
    expect_bad(CLV_EFORMAT, &b, NULL, "13 bytes of data; its shape needs 12");
    (void)init_c(&b, ONNX_FLOAT, raw, 16);
    expect_bad(CLV_EFORMAT, &b, NULL, "16 bytes of data");
    (void)init_c(&b, ONNX_FLOAT, NULL, 0);
    expect_bad(CLV_EFORMAT, &b, NULL, "0 elements of data; its shape needs 3");
    Clv__Onnx__TensorProto *tensor = init_c(&b, ONNX_FLOAT, NULL, 0);
    tensor->n_float_data = 2;
    tensor->float_data = f;
    expect_bad(CLV_EFORMAT, &b, NULL, "2 elements of data");
    tensor = init_c(&b, ONNX_FLOAT, NULL, 0);
    tensor->n_float_data = 4;
    tensor->float_data = f;
    expect_bad(CLV_EFORMAT, &b, NULL, "4 elements of data");
    tensor = init_c(&b, ONNX_INT32, NULL, 0); /* the data lies in the field of another type */
    tensor->n_float_data = 2;
    tensor->float_data = f;
    expect_bad(CLV_EFORMAT, &b, NULL, "0 elements of data");
}

static void test_onnx_tensor__refuses_impossible_shapes(void **state)
{
    static const float raw[3];
    onnx_builder b;
    (void)state;

    onnx_builder_init(&b, 13);
    (void)onnx_initializer(&b, "c", ONNX_FLOAT, 1, (int64_t[]){-3}, raw, 12);
    expect_bad(CLV_ESHAPE, &b, NULL, "negative");
    onnx_builder_init(&b, 13);
    (void)onnx_initializer(&b, "c", ONNX_FLOAT, 2, (int64_t[]){INT64_MAX, INT64_MAX}, raw, 12);
    expect_bad(CLV_ELIMIT, &b, NULL, "too large");
    onnx_builder_init(&b, 13);
    (void)onnx_initializer(&b, "c", ONNX_FLOAT, 3, (int64_t[]){1 << 20, 1 << 20, 1 << 20}, raw, 12);
    expect_bad(CLV_ELIMIT, &b, NULL, "too large");
    onnx_builder_init(&b, 13);
    (void)onnx_initializer(&b, "c", ONNX_FLOAT, 9, (int64_t[9]){0}, NULL, 0);
    expect_bad(CLV_ELIMIT, &b, NULL, "9 dimensions");
}

static void test_onnx_tensor__names_types_it_doesnt_know(void **state)
{
    onnx_builder b;
    (void)state;
    (void)init_c(&b, ONNX_BFLOAT16, "123456", 6);
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "bfloat16 (16)");
    (void)init_c(&b, ONNX_STRING, NULL, 0);
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "string (8)");
    (void)init_c(&b, 0, NULL, 0);
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "unknown (0)");
    (void)init_c(&b, -1, NULL, 0);
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "unknown (-1)");
    (void)init_c(&b, 1000, NULL, 0);
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "unknown (1000)");
}

/* --- Constant nodes --- */

static Clv__Onnx__AttributeProto *init_constant(onnx_builder *b, const char *name)
{
    onnx_builder_init(b, 13);
    Clv__Onnx__NodeProto *node = onnx_node(b, "Constant", "", "c");
    onnx_attr_int(b, node, name, 0);
    return node->attribute[0];
}

static void test_onnx_tensor__reads_constant_nodes(void **state)
{
    static const float raw[] = {1, 2, 3};
    float floats[] = {4, 5};
    int64_t ints[] = {6, 7};
    onnx_builder b;
    (void)state;

    Clv__Onnx__AttributeProto *attr = init_constant(&b, "value");
    attr->t = onnx_tensor(&b, "", ONNX_FLOAT, 1, three, raw, sizeof raw);
    expect_data(&b, NULL, CLV_F32, &(clv_shape){1, {3}}, raw, sizeof raw);
    attr = init_constant(&b, "value_float");
    attr->has_f = true;
    attr->f = 4;
    expect_data(&b, NULL, CLV_F32, &(clv_shape){0, {0}}, floats, 4);
    attr = init_constant(&b, "value_floats");
    attr->n_floats = 2;
    attr->floats = floats;
    expect_data(&b, NULL, CLV_F32, &(clv_shape){1, {2}}, floats, 8);
    attr = init_constant(&b, "value_int");
    attr->i = 6;
    expect_data(&b, NULL, CLV_I64, &(clv_shape){0, {0}}, ints, 8);
    attr = init_constant(&b, "value_ints");
    attr->n_ints = 2;
    attr->ints = ints;
    expect_data(&b, NULL, CLV_I64, &(clv_shape){1, {2}}, ints, 16);
    (void)init_constant(&b, "value_ints");
    expect_data(&b, NULL, CLV_I64, &(clv_shape){1, {0}}, ints, 0);
}

static void test_onnx_tensor__refuses_other_constant_nodes(void **state)
{
    onnx_builder b;
    (void)state;

    (void)init_constant(&b, "value_string");
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "Constant with 'value_string'");
    (void)init_constant(&b, "sparse_value");
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "Constant with 'sparse_value'");
    (void)init_constant(&b, "value"); /* without a tensor */
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "Constant with 'value'");
    (void)init_constant(&b, "value_int");
    onnx_attr_int(&b, b.graph->node[0], "value_float", 1);
    expect_bad(CLV_EFORMAT, &b, NULL, "one attribute");
    onnx_builder_init(&b, 13);
    onnx_attr_int(&b, onnx_node(&b, "Constant", "", "c,d"), "value_int", 1);
    b.graph->node[0]->name = onnx_text(&b, "c");
    expect_bad(CLV_EFORMAT, &b, NULL, "one output");
}

/* --- external data --- */

/* A folder with model/, the place of the model, and files around it. */
typedef struct fixture {
    char root[64];
    char model[80];
} fixture;

static void put(const fixture *f, const char *path, const void *data, size_t bytes)
{
    char full[160];
    (void)snprintf(full, sizeof full, "%s/%s", f->root, path);
    assert_int_equal(clv_file_write(full, data, bytes, 0600, NULL), CLV_OK);
}

static void in_root(const fixture *f, const char *name, char full[160])
{
    (void)snprintf(full, 160, "%s/%s", f->root, name);
}

static int make_files(void **state)
{
    static const float data[] = {1, 2, 3, 4, 5, 6};
    static fixture f;
    char path[160];

    (void)snprintf(f.root, sizeof f.root, "/tmp/clv-onnx-XXXXXX");
    if (mkdtemp(f.root) == NULL)
        return -1;
    (void)snprintf(f.model, sizeof f.model, "%s/model", f.root);
    in_root(&f, "model", path);
    assert_int_equal(mkdir(path, 0700), 0);
    in_root(&f, "model/sub", path);
    assert_int_equal(mkdir(path, 0700), 0);
    put(&f, "outside.bin", data, sizeof data);
    put(&f, "model/w.bin", data, sizeof data);
    put(&f, "model/sub/w.bin", data + 3, 12);
    in_root(&f, "model/link.bin", path);
    assert_int_equal(symlink("../outside.bin", path), 0);
    in_root(&f, "model/up", path);
    assert_int_equal(symlink("..", path), 0);
    in_root(&f, "model/pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    *state = &f;
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = {"outside.bin",     "model/w.bin",    "model/m.onnx",
                                        "model/sub/w.bin", "model/link.bin", "model/up",
                                        "model/pipe"};
    const fixture *f = *state;
    char path[160];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        in_root(f, names[i], path);
        (void)unlink(path);
    }
    in_root(f, "model/sub", path);
    (void)rmdir(path);
    (void)rmdir(f->model);
    return rmdir(f->root);
}

static void init_external(onnx_builder *b, const char *location, const char *offset,
                          const char *length)
{
    onnx_external(b, init_c(b, ONNX_FLOAT, NULL, 0), location, offset, length);
}

static void test_onnx_tensor__reads_external_data(void **state)
{
    const fixture *f = *state;
    const clv_shape shape = {1, {3}};
    onnx_builder b;

    init_external(&b, "w.bin", NULL, NULL);
    expect_data(&b, f->model, CLV_F32, &shape, (float[]){1, 2, 3}, 12);
    init_external(&b, "w.bin", "12", "12");
    expect_data(&b, f->model, CLV_F32, &shape, (float[]){4, 5, 6}, 12);
    init_external(&b, "sub/w.bin", "0", NULL);
    expect_data(&b, f->model, CLV_F32, &shape, (float[]){4, 5, 6}, 12);
    init_external(&b, "./sub//w.bin", NULL, "12");
    expect_data(&b, f->model, CLV_F32, &shape, (float[]){4, 5, 6}, 12);
}

static void test_onnx_tensor__reads_external_data_beside_a_file(void **state)
{
    const fixture *f = *state;
    onnx_builder b;
    clv_graph *graph;
    clv_error err = CLV_ERROR_INIT;
    char path[160];
    size_t n;

    init_external(&b, "w.bin", "4", NULL);
    onnx_output(&b, "c", ONNX_FLOAT, 0, NULL);
    const uint8_t *bytes = onnx_pack(&b, &n);
    put(f, "model/m.onnx", bytes, n);
    in_root(f, "model/m.onnx", path);
    if (clv_onnx_import(&graph, path, NULL, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_memory_equal(graph->values[0].tensor.data, ((float[]){2, 3, 4}), 12);
    clv_graph_free(graph);

    b.graph->initializer[0]->external_data[1]->value = onnx_text(&b, "16");
    bytes = onnx_pack(&b, &n);
    put(f, "model/m.onnx", bytes, n);
    assert_int_equal(clv_onnx_import(&graph, path, NULL, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.location, "/model/m.onnx: initializer 'c'"));
    onnx_builder_done(&b);
}

static void test_onnx_tensor__keeps_external_data_in_the_models_folder(void **state)
{
    const fixture *f = *state;
    static const struct {
        const char *location, *what;
    } cases[] = {
        {"../outside.bin", "goes up"},
        {"sub/../w.bin", "goes up"},
        {"sub/..", "goes up"},
        {"..", "goes up"},
        {"/etc/passwd", "absolute"},
        {"", "empty"},
        {"link.bin", "symbolic link"},
        {"up/outside.bin", "symbolic link"},
        {"up/model/w.bin", "symbolic link"},
        {"w.bin/x", "symbolic link or a file"},
        {"sub", "not a regular file"},
        {"sub/", "not a regular file"},
        {".", "not a regular file"},
        {"pipe", "not a regular file"},
    };
    onnx_builder b;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        init_external(&b, cases[i].location, NULL, NULL);
        expect_bad(CLV_EFORMAT, &b, f->model, cases[i].what);
    }
    init_external(&b, "nothing.bin", NULL, NULL);
    expect_bad(CLV_ENOENT, &b, f->model, "cannot open");
}

static void test_onnx_tensor__refuses_ranges_beyond_the_file(void **state)
{
    const fixture *f = *state;
    onnx_builder b;

    init_external(&b, "w.bin", "13", NULL);
    expect_bad(CLV_EFORMAT, &b, f->model, "12 bytes at offset 13 of 'w.bin', which has 24");
    init_external(&b, "w.bin", "25", NULL);
    expect_bad(CLV_EFORMAT, &b, f->model, "offset 25");
    init_external(&b, "w.bin", "18446744073709551615", NULL);
    expect_bad(CLV_EFORMAT, &b, f->model, "offset 18446744073709551615");
    init_external(&b, "w.bin", "18446744073709551616", NULL);
    expect_bad(CLV_EFORMAT, &b, f->model, "the offset of its external data is no number");
    init_external(&b, "w.bin", "-1", NULL);
    expect_bad(CLV_EFORMAT, &b, f->model, "the offset of its external data is no number");
    init_external(&b, "w.bin", "0", "11");
    expect_bad(CLV_EFORMAT, &b, f->model, "has 11 bytes; its shape needs 12");
    init_external(&b, "w.bin", "0", "twelve");
    expect_bad(CLV_EFORMAT, &b, f->model, "the length of its external data is no number");
    init_external(&b, NULL, NULL, NULL);
    expect_bad(CLV_EFORMAT, &b, f->model, "no location");
}

/* The memory of a shape that the file can't fill is never asked for. */
static void test_onnx_tensor__checks_the_file_before_it_takes_memory(void **state)
{
    const fixture *f = *state;
    onnx_builder b;

    onnx_builder_init(&b, 13);
    onnx_external(&b,
                  onnx_initializer(&b, "c", ONNX_FLOAT, 2, (int64_t[]){1 << 20, 1 << 20}, NULL, 0),
                  "w.bin", NULL, NULL);
    expect_bad(CLV_EFORMAT, &b, f->model, "needs 4398046511104 bytes");
}

static void test_onnx_tensor__refuses_external_data_without_a_folder(void **state)
{
    onnx_builder b;
    (void)state;
    init_external(&b, "w.bin", NULL, NULL);
    expect_bad(CLV_EUNSUPPORTED, &b, NULL, "lies outside");
}

/* --- a tensor on its own --- */

static clv_status read_alone(clv_tensor *out, const Clv__Onnx__TensorProto *proto, clv_error *err)
{
    uint8_t bytes[256];
    size_t n = clv__onnx__tensor_proto__get_packed_size(proto);
    assert_true(n <= sizeof bytes);
    assert_int_equal(clv__onnx__tensor_proto__pack(proto, bytes), n);
    return clv_onnx_read_tensor(out, bytes, n, err);
}

static void test_onnx_tensor__reads_a_tensor_on_its_own(void **state)
{
    static const float raw[] = {1, 2, 3};
    onnx_builder b;
    clv_tensor tensor;
    (void)state;

    const Clv__Onnx__TensorProto *proto = init_c(&b, ONNX_FLOAT, raw, sizeof raw);
    assert_int_equal(read_alone(&tensor, proto, NULL), CLV_OK);
    assert_int_equal(tensor.dtype, CLV_F32);
    assert_true(clv_shape_equal(&tensor.shape, &(clv_shape){1, {3}}));
    assert_memory_equal(tensor.data, raw, sizeof raw);
    clv_free(tensor.data);
    onnx_builder_done(&b);
}

static void test_onnx_tensor__refuses_a_bad_tensor_on_its_own(void **state)
{
    onnx_builder b;
    clv_tensor tensor;
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    assert_int_equal(clv_onnx_read_tensor(&tensor, "GIF89a", 6, &err), CLV_EFORMAT);
    assert_int_equal(clv_onnx_read_tensor(&tensor, "", 0, &err), CLV_EUNSUPPORTED);
    assert_int_equal(read_alone(&tensor, init_c(&b, ONNX_FLOAT, "1234", 4), &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "4 bytes of data; its shape needs 12"));
    onnx_builder_done(&b);
    Clv__Onnx__TensorProto *external = init_c(&b, ONNX_FLOAT, NULL, 0);
    onnx_external(&b, external, "w.bin", NULL, NULL);
    assert_int_equal(read_alone(&tensor, external, &err), CLV_EUNSUPPORTED);
    onnx_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_tensor__reads_raw_data_of_every_type),
        cmocka_unit_test(test_onnx_tensor__makes_booleans_0_or_1),
        cmocka_unit_test(test_onnx_tensor__reads_small_integers_from_int32),
        cmocka_unit_test(test_onnx_tensor__refuses_integers_out_of_range),
        cmocka_unit_test(test_onnx_tensor__reads_typed_data),
        cmocka_unit_test(test_onnx_tensor__reads_scalars_and_empty_tensors),
        cmocka_unit_test(test_onnx_tensor__refuses_data_of_another_size),
        cmocka_unit_test(test_onnx_tensor__refuses_impossible_shapes),
        cmocka_unit_test(test_onnx_tensor__names_types_it_doesnt_know),
        cmocka_unit_test(test_onnx_tensor__reads_constant_nodes),
        cmocka_unit_test(test_onnx_tensor__refuses_other_constant_nodes),
        cmocka_unit_test(test_onnx_tensor__reads_external_data),
        cmocka_unit_test(test_onnx_tensor__reads_external_data_beside_a_file),
        cmocka_unit_test(test_onnx_tensor__keeps_external_data_in_the_models_folder),
        cmocka_unit_test(test_onnx_tensor__refuses_ranges_beyond_the_file),
        cmocka_unit_test(test_onnx_tensor__checks_the_file_before_it_takes_memory),
        cmocka_unit_test(test_onnx_tensor__refuses_external_data_without_a_folder),
        cmocka_unit_test(test_onnx_tensor__reads_a_tensor_on_its_own),
        cmocka_unit_test(test_onnx_tensor__refuses_a_bad_tensor_on_its_own),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
