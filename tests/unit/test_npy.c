/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "tools/npy.h"

/* A .npy file of version @p major with this dictionary and data. @return its bytes; free() it. */
static uint8_t *make(size_t *bytes_out, uint8_t major, const char *header, const void *data,
                     size_t data_bytes)
{
    size_t length = strlen(header), start = major == 1 ? 10 : 12;
    uint8_t *file = calloc(1, start + length + data_bytes);
    assert_non_null(file);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = major;
    if (major == 1)
        clv_write_u16(file + 8, (uint16_t)length);
    else
        clv_write_u32(file + 8, (uint32_t)length);
    memcpy(file + start, header, length);
    if (data_bytes > 0)
        memcpy(file + start + length, data, data_bytes);
    *bytes_out = start + length + data_bytes;
    return file;
}

static clv_status parse(clv_tensor *out, const char *header, const void *data, size_t data_bytes)
{
    clv_error err = CLV_ERROR_INIT;
    size_t bytes;
    uint8_t *file = make(&bytes, 1, header, data, data_bytes);
    clv_status status = npy_parse(out, file, bytes, &err);
    assert_true((status == CLV_OK) == (err.message[0] == '\0'));
    free(file);
    return status;
}

static const float six[6] = {1.5f, -2.0f, 0.0f, 3.25f, 1e-20f, 7.0f};

static void test_npy__every_version_is_read(void **state)
{
    (void)state;
    for (uint8_t major = 1; major <= 3; major++) {
        size_t bytes;
        clv_tensor t;
        uint8_t *file =
            make(&bytes, major, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
                 six, sizeof six);
        assert_int_equal(npy_parse(&t, file, bytes, NULL), CLV_OK);
        assert_int_equal(t.dtype, CLV_F32);
        assert_int_equal(t.shape.rank, 2);
        assert_int_equal(t.shape.dim[0], 2);
        assert_int_equal(t.shape.dim[1], 3);
        assert_memory_equal(t.data, six, sizeof six);
        free(file);
    }
}

static void test_npy__types_and_shapes(void **state)
{
    static const struct {
        const char *descr, *shape;
        clv_dtype dtype;
        uint32_t rank;
        size_t bytes;
    } cases[] = {
        {"<f8", "(2,)", CLV_F64, 1, 16},   {"<f2", "(1, 2)", CLV_F16, 2, 4},
        {"|u1", "(3,)", CLV_U8, 1, 3},     {"|i1", "(3, 1)", CLV_I8, 2, 3},
        {"<u2", "(2,)", CLV_U16, 1, 4},    {"<i2", "(2,)", CLV_I16, 1, 4},
        {"<u4", "()", CLV_U32, 0, 4},      {"<i4", "(1,)", CLV_I32, 1, 4},
        {"<u8", "(1,)", CLV_U64, 1, 8},    {"<i8", "(0, 4)", CLV_I64, 2, 0},
        {"|b1", "(2, 2)", CLV_BOOL, 2, 4}, {"<f4", "(1,1,1,1,1,1,1,1)", CLV_F32, 8, 4},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const uint8_t data[16];
        char header[256];
        clv_tensor t;
        (void)snprintf(header, sizeof header,
                       "{'shape': %s, 'fortran_order': False, 'descr': '%s'}", cases[i].shape,
                       cases[i].descr);
        assert_int_equal(parse(&t, header, data, cases[i].bytes), CLV_OK);
        assert_int_equal(t.dtype, cases[i].dtype);
        assert_int_equal(t.shape.rank, cases[i].rank);
    }
}

static void test_npy__other_files_are_refused(void **state)
{
    static const struct {
        const char *header;
        clv_status status;
    } cases[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (6,), }", CLV_EUNSUPPORTED},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", CLV_EUNSUPPORTED},
        {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,), }", CLV_EUNSUPPORTED},
        {"{'descr': '<f4x', 'fortran_order': False, 'shape': (6,), }", CLV_EUNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", CLV_EUNSUPPORTED},
        {"{'descr': '<f4', 'shape': (6,), }", CLV_EUNSUPPORTED},
        {"{'fortran_order': False, 'shape': (6,), }", CLV_EUNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, }", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 6, }", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6), }", CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
         CLV_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
         CLV_EFORMAT},
        {"", CLV_EUNSUPPORTED},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_tensor t = {.dtype = CLV_U64};
        assert_int_equal(parse(&t, cases[i].header, six, sizeof six), cases[i].status);
        assert_int_equal(t.dtype, CLV_U64); /* untouched */
    }
}

/* Under AddressSanitizer: nothing is read beyond the end, whatever a byte says. */
static void test_npy__cut_and_changed_files_are_safe(void **state)
{
    size_t bytes;
    clv_tensor t;
    uint8_t *file = make(&bytes, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
                         six, sizeof six);
    (void)state;

    for (size_t n = 0; n < bytes; n++) {
        uint8_t *part = malloc(n > 0 ? n : 1);
        assert_non_null(part);
        memcpy(part, file, n);
        assert_int_not_equal(npy_parse(&t, part, n, NULL), CLV_OK);
        free(part);
    }
    for (size_t at = 0; at < bytes; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t *changed = malloc(bytes);
            size_t data_bytes;
            assert_non_null(changed);
            memcpy(changed, file, bytes);
            changed[at] ^= (uint8_t)(1u << bit);
            if (npy_parse(&t, changed, bytes, NULL) == CLV_OK) {
                assert_int_equal(clv_tensor_bytes(&data_bytes, &t), CLV_OK);
                assert_true((uint8_t *)t.data + data_bytes == changed + bytes);
            }
            free(changed);
        }
    }
    free(file);
}

static void test_npy__what_was_written_is_read_again(void **state)
{
    static const int64_t shapes[][3] = {{1, 2, 3}, {6, 0, 0}, {0, 0, 0}};
    static const uint32_t ranks[] = {3, 1, 0};
    char path[] = "/tmp/clv-npy-XXXXXX";
    int fd = mkstemp(path);
    (void)state;

    assert_true(fd >= 0);
    (void)close(fd);
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        clv_tensor in = {.dtype = CLV_F32, .shape.rank = ranks[i]}, out;
        clv_mapping file;
        size_t bytes;
        float data[6];
        memcpy(data, six, sizeof six);
        memcpy(in.shape.dim, shapes[i], sizeof shapes[i]);
        in.data = data;
        assert_int_equal(clv_tensor_bytes(&bytes, &in), CLV_OK);
        assert_int_equal(npy_write(path, &in, NULL), CLV_OK);
        assert_int_equal(clv_mapping_open(&file, path, 4096, NULL), CLV_OK);
        assert_int_equal((file.size - bytes) % 64, 0); /* as the format asks */
        assert_int_equal(npy_parse(&out, file.data, file.size, NULL), CLV_OK);
        assert_true(clv_shape_equal(&in.shape, &out.shape));
        assert_memory_equal(out.data, six, bytes);
        clv_mapping_done(&file);
    }
    (void)unlink(path);
}

static void test_npy__what_cannot_be_written_is_an_error(void **state)
{
    float data[6] = {0};
    clv_tensor tensor = {.dtype = CLV_NONE, .shape = {1, {6}}, .data = data};
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    assert_int_equal(npy_write("/tmp/never.npy", &tensor, &err), CLV_EUNSUPPORTED);
    assert_non_null(strstr(err.location, "never.npy"));
    tensor.dtype = CLV_F32;
    assert_int_not_equal(npy_write("/nonexistent/x.npy", &tensor, &err), CLV_OK);
    assert_non_null(strstr(err.location, "/nonexistent/x.npy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npy__every_version_is_read),
        cmocka_unit_test(test_npy__types_and_shapes),
        cmocka_unit_test(test_npy__other_files_are_refused),
        cmocka_unit_test(test_npy__cut_and_changed_files_are_safe),
        cmocka_unit_test(test_npy__what_was_written_is_read_again),
        cmocka_unit_test(test_npy__what_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
