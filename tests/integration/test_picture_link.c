/* SPDX-License-Identifier: Apache-2.0 */
/* Cut 0 as a picture, over mutual TLS to a cleave-server process: the answer is that of the pixels
 * that come out of the JPEG. What is no picture, or too large, or not for this bundle, is refused
 * in words, and the server goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <cleave/edge.h>

#include "base/error.h"
#include "base/file.h"
#include "runtime/bundle.h"
#include "support/edge_stage.h"
#include "support/link_client.h"
#include "support/server_process.h"

#define LINK_US 20000000u
#define WIDTH 50u
#define HEIGHT 41u

static edge_stage stage;
static server_process server;
static char bundle[1024]; /* of pictures, where the server finds it */
static clv_image photo;

/* A copy of one of the stage's bundles in the server's folder. */
static void serve(char path[1024], const char *from, const char *name)
{
    clv_mapping file;
    (void)snprintf(path, 1024, "%s/%s", server.bundles, name);
    assert_int_equal(clv_mapping_open(&file, from, CLV_BUNDLE_MAX_BYTES, NULL), CLV_OK);
    assert_int_equal(clv_file_write(path, file.data, file.size, 0644, NULL), CLV_OK);
    clv_mapping_done(&file);
}

static int setup(void **state)
{
    static const char *const flags[] = {"--backend", "ref", NULL};
    char tensors[1024];
    (void)state;
    edge_stage_open(&stage);
    server_process_init(&server);
    serve(bundle, stage.alone, "pictures.clv");
    serve(tensors, stage.tensors, "tensors.clv");
    server_process_start(&server, flags);
    clv_image_init(&photo);
    edge_stage_photo(&photo, WIDTH, HEIGHT, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clv_image_done(&photo);
    server_process_done(&server);
    edge_stage_close(&stage);
    return 0;
}

/* --- a device ------------------------------------------------------------------------------- */

static clv_edge *start_device(const char *codec)
{
    static char url[64], ca[1024], cert[1024], key[1024];
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge;

    (void)snprintf(url, sizeof url, "localhost:%u", server.port);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", server.pki);
    (void)snprintf(cert, sizeof cert, "%s/device-1.crt", server.pki);
    (void)snprintf(key, sizeof key, "%s/device-1.key", server.pki);
    options.bundle = bundle;
    options.server = url;
    options.ca = ca;
    options.cert = cert;
    options.key = key;
    options.codec = codec;
    options.backend = "ref"; /* as what is expected */
    if (clv_edge_create(&edge, &options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
    return edge;
}

/* One frame of the photograph, perhaps with a file of it, must be answered as @p pixels. */
static size_t ask(clv_edge *edge, const clv_buffer *file, const clv_image *pixels, clv_source from)
{
    const clv_edge_picture picture = {photo.rgb.data, photo.width, photo.height,
                                      file != NULL ? file->data : NULL,
                                      file != NULL ? file->size : 0};
    float expected[STAGE_OUTPUT_FLOATS];
    clv_edge_answer answer;

    edge_stage_expect(expected, bundle, false, pixels);
    assert_int_equal(clv_edge_submit_picture(NULL, edge, &picture, NULL), CLV_OK);
    assert_int_equal(clv_edge_next(&answer, edge, LINK_US), CLV_OK);
    if (answer.source != from)
        fail_msg("%s: %s", clv_source_name(answer.source), answer.error_text);
    assert_memory_equal(answer.outputs[0].data, expected, sizeof expected);
    size_t bytes = answer.sent_bytes;
    clv_edge_release(edge, &answer);
    return bytes;
}

/* The photograph as a JPEG, and what comes out of it. */
static void encode(clv_buffer *jpeg, clv_image *back, const clv_image *from, unsigned quality)
{
    assert_int_equal(clv_image_encode_jpeg(jpeg, from, quality), CLV_OK);
    assert_int_equal(clv_image_decode(back, jpeg->data, jpeg->size, NULL), CLV_OK);
}

static void test_picture_link__a_jpeg_answers_as_its_pixels(void **state)
{
    clv_buffer jpeg;
    clv_image back;

    (void)state;
    clv_buffer_init(&jpeg, 1 << 20);
    clv_image_init(&back);
    encode(&jpeg, &back, &photo, 60);
    clv_edge *edge = start_device("jpeg:60");
    size_t bytes = ask(edge, NULL, &back, CLV_SOURCE_SERVER);
    assert_in_range(bytes, jpeg.size + 50, jpeg.size + 80); /* around it: a prologue, a header */

    /* Behind cut 0 tensors cross, without loss. */
    assert_int_equal(clv_edge_set_cut(edge, 1), CLV_OK);
    (void)ask(edge, NULL, &photo, CLV_SOURCE_SPLIT);
    clv_edge_free(edge);
    clv_buffer_done(&jpeg);
    clv_image_done(&back);
}

/* Without a quality the camera's own file goes, whatever it is; with one it is encoded again. */
static void test_picture_link__the_cameras_file_goes_as_it_is(void **state)
{
    clv_buffer camera, jpeg;
    clv_image from_camera, back;

    (void)state;
    clv_buffer_init(&camera, 1 << 20);
    clv_buffer_init(&jpeg, 1 << 20);
    clv_image_init(&from_camera);
    clv_image_init(&back);
    encode(&camera, &from_camera, &photo, 33);
    clv_edge *edge = start_device("jpeg");
    size_t bytes = ask(edge, &camera, &from_camera, CLV_SOURCE_SERVER);
    assert_in_range(bytes, camera.size + 50, camera.size + 80);
    encode(&jpeg, &back, &photo, 90);
    (void)ask(edge, NULL, &back, CLV_SOURCE_SERVER); /* the file before is forgotten */
    clv_edge_free(edge);
    edge = start_device("jpeg:90");
    (void)ask(edge, &camera, &back, CLV_SOURCE_SERVER);
    clv_edge_free(edge);
    clv_buffer_done(&camera);
    clv_buffer_done(&jpeg);
    clv_image_done(&from_camera);
    clv_image_done(&back);
}

/* What is of the network's size already isn't cropped once more. */
static void test_picture_link__a_fitted_jpeg_is_not_fitted_again(void **state)
{
    clv_bundle *opened;
    clv_image fitted, scratch, back;
    clv_buffer jpeg;
    float expected[STAGE_OUTPUT_FLOATS], refitted[STAGE_OUTPUT_FLOATS];
    clv_edge_answer answer;

    (void)state;
    clv_image_init(&fitted);
    clv_image_init(&scratch);
    clv_image_init(&back);
    clv_buffer_init(&jpeg, 1 << 20);
    assert_int_equal(clv_bundle_open(&opened, bundle, NULL), CLV_OK);
    clv_input_spec spec = clv_bundle_main(opened)->input;
    assert_int_equal(clv_image_fit(&fitted, &scratch, &photo, &spec), CLV_OK);
    encode(&jpeg, &back, &fitted, 80);
    edge_stage_expect(refitted, bundle, false, &back);

    clv_edge *edge = start_device("jpeg-fit:80");
    assert_int_equal(clv_edge_submit(NULL, edge, photo.rgb.data, photo.width, photo.height, NULL),
                     CLV_OK);
    assert_int_equal(clv_edge_next(&answer, edge, LINK_US), CLV_OK);
    assert_int_equal(answer.source, CLV_SOURCE_SERVER);
    assert_in_range(answer.sent_bytes, jpeg.size + 50, jpeg.size + 80);
    memcpy(expected, answer.outputs[0].data, sizeof expected);
    clv_edge_release(edge, &answer);
    assert_memory_not_equal(expected, refitted, sizeof expected);

    /* The same as the input tensor of those pixels. */
    clv_edge *tensors = start_device("float");
    const clv_graph *graph = clv_bundle_main(opened)->graph;
    clv_tensor input = graph->values[graph->inputs[0]].tensor;
    float normal[3 * STAGE_SIDE * STAGE_SIDE];
    clv_image_normalise(normal, back.rgb.data, &spec);
    input.data = normal;
    assert_int_equal(clv_edge_submit_tensors(NULL, tensors, &input, 1, NULL), CLV_OK);
    assert_int_equal(clv_edge_next(&answer, tensors, LINK_US), CLV_OK);
    assert_memory_equal(answer.outputs[0].data, expected, sizeof expected);
    clv_edge_release(tensors, &answer);
    clv_edge_free(tensors);
    clv_edge_free(edge);
    clv_bundle_free(opened);
    clv_buffer_done(&jpeg);
    clv_image_done(&fitted);
    clv_image_done(&scratch);
    clv_image_done(&back);
}

/* --- requests that no device of ours makes -------------------------------------------------- */

typedef struct refusal {
    uint32_t cut, payload;
    const uint8_t *data;
    size_t bytes;
    clv_status status;
    const char *words;
} refusal;

static clv_digest id_of(const char *name)
{
    char path[1200];
    clv_bundle *opened;

    (void)snprintf(path, sizeof path, "%s/%s", server.bundles, name);
    assert_int_equal(clv_bundle_open(&opened, path, NULL), CLV_OK);
    clv_digest id = *clv_bundle_id(opened);
    clv_bundle_free(opened);
    return id;
}

/* A JPEG's header that promises 16384 x 16384 pixels. */
static void make_huge(clv_buffer *jpeg)
{
    for (size_t i = 0; i + 9 < jpeg->size; i++) {
        if (jpeg->data[i] == 0xff && jpeg->data[i + 1] == 0xc0)
            memcpy(jpeg->data + i + 5, (uint8_t[]){0x40, 0, 0x40, 0}, 4);
    }
}

static void test_picture_link__hostile_pictures_are_refused(void **state)
{
    static const uint8_t noise[64] = {0xff, 0xd8, 0xff, 0xe0, 9, 9, 9};
    clv_digest id = id_of("pictures.clv"), other = id_of("tensors.clv");
    clv_buffer good, huge;

    (void)state;
    clv_buffer_init(&good, 1 << 20);
    clv_buffer_init(&huge, 1 << 20);
    assert_int_equal(clv_image_encode_jpeg(&good, &photo, 80), CLV_OK);
    assert_int_equal(clv_image_encode_jpeg(&huge, &photo, 80), CLV_OK);
    make_huge(&huge);
    const refusal refusals[] = {
        {0, CLV_PAYLOAD_IMAGE, noise, sizeof noise, CLV_EFORMAT, "the image"},
        {0, CLV_PAYLOAD_IMAGE, noise, 0, CLV_EFORMAT, "the image"},
        {0, CLV_PAYLOAD_IMAGE, good.data, good.size / 2, CLV_EFORMAT, "cut off"},
        {0, CLV_PAYLOAD_IMAGE, huge.data, huge.size, CLV_ELIMIT, "at most 33554432 pixels"},
        {0, CLV_PAYLOAD_FITTED, good.data, good.size, CLV_ESHAPE,
         "50x41 where the network takes 16x16"},
        {1, CLV_PAYLOAD_IMAGE, good.data, good.size, CLV_EINVAL, "its cut is 0"},
        {0, 3, good.data, good.size, CLV_EUNSUPPORTED, "kind of payload"},
        {0, UINT32_MAX, good.data, good.size, CLV_EUNSUPPORTED, "kind of payload"},
        {0, CLV_PAYLOAD_TENSORS, good.data, good.size, CLV_EVERSION, ""},
    };
    link_client *client = link_client_create(&server, "device-2");
    uint64_t n = sizeof refusals / sizeof refusals[0];
    for (uint64_t i = 0; i < n; i++) {
        const refusal *r = &refusals[i];
        clv_link_request request = {
            .frame = i, .bundle = &id, .cut = r->cut, .payload = r->payload};
        link_client_send(client, &request, r->data, r->bytes);
        const client_answer *answer = link_client_await(client, i);
        assert_int_equal(answer->refusals, 1);
        if (strstr(answer->refusal.message, r->words) == NULL)
            fail_msg("%u: '%s' lacks '%s'", (unsigned)i, answer->refusal.message, r->words);
        assert_int_equal(answer->refusal.code, r->status);
    }
    clv_link_request request = {.frame = n, .bundle = &other, .payload = CLV_PAYLOAD_IMAGE};
    link_client_send(client, &request, good.data, good.size);
    assert_non_null(strstr(link_client_await(client, n)->refusal.message, "doesn't say how"));
    request = (clv_link_request){.frame = n + 1, .bundle = &id, .payload = CLV_PAYLOAD_IMAGE};
    link_client_send(client, &request, good.data, good.size);
    assert_int_equal(link_client_await(client, n + 1)->replies, 1); /* and goes on */
    link_client_free(client);
    clv_buffer_done(&good);
    clv_buffer_done(&huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture_link__a_jpeg_answers_as_its_pixels),
        cmocka_unit_test(test_picture_link__the_cameras_file_goes_as_it_is),
        cmocka_unit_test(test_picture_link__a_fitted_jpeg_is_not_fitted_again),
        cmocka_unit_test(test_picture_link__hostile_pictures_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
