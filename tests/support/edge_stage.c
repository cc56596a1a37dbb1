/* SPDX-License-Identifier: Apache-2.0 */
#include "support/edge_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>

#include "base/file.h"
#include "net/pki.h"
#include "runtime/bundle.h"
#include "runtime/program.h"
#include "support/tiny_model.h"

/* --- bundles and keys --------------------------------------------------------------------- */

static void must(clv_status status, const clv_error *err)
{
    if (status != CLV_OK)
        fail_msg("%s: %s: %s", clv_status_text(status), err->location, err->message);
}

static clv_model make_model(uint64_t seed, uint32_t size, bool takes_images)
{
    static const char *const labels[] = {"ant", "bee", "cat", "dog", "eel"};
    const tiny_model_options options = {.seed = seed, .channels = 3, .size = size};
    clv_model model = {.graph = tiny_model_create(&options), .labels = labels, .n_labels = 5};
    clv_error err = CLV_ERROR_INIT;

    if (takes_images) {
        const clv_graph *graph = model.graph;
        model.has_input_spec = true;
        must(clv_input_spec_preset(&model.input, "imagenet"), &err);
        must(clv_input_spec_fit_shape(&model.input, &graph->values[graph->inputs[0]].tensor, &err),
             &err);
    }
    return model;
}

static void write_bundle(const char *path, uint32_t student_size, bool takes_images)
{
    clv_error err = CLV_ERROR_INIT;
    clv_digest id;
    clv_model model = make_model(1, STAGE_SIDE, takes_images);
    clv_model student = {0};

    if (student_size > 0)
        student = make_model(2, student_size, takes_images);
    must(clv_bundle_write(path, &model, student_size > 0 ? &student : NULL, &id, &err), &err);
    clv_graph_free(model.graph);
    clv_graph_free(student.graph);
}

static void name_path(char path[STAGE_PATH_BYTES], const edge_stage *stage, const char *name)
{
    (void)snprintf(path, STAGE_PATH_BYTES, "%s/%s", stage->dir, name);
}

static void make_keys(edge_stage *stage)
{
    char dir[STAGE_PATH_BYTES];
    clv_error err = CLV_ERROR_INIT;

    name_path(dir, stage, "pki");
    must(clv_pki_init(dir, 2, &err), &err);
    must(clv_pki_issue(dir, "localhost", CLV_PKI_SERVER, 2, &err), &err);
    must(clv_pki_issue(dir, "cam1", CLV_PKI_DEVICE, 2, &err), &err);
    name_path(stage->ca, stage, "pki/ca.crt");
    name_path(stage->cert, stage, "pki/cam1.crt");
    name_path(stage->key, stage, "pki/cam1.key");
    name_path(stage->server_cert, stage, "pki/localhost.crt");
    name_path(stage->server_key, stage, "pki/localhost.key");
    name_path(dir, stage, "other");
    must(clv_pki_init(dir, 2, &err), &err);
    must(clv_pki_issue(dir, "cam1", CLV_PKI_DEVICE, 2, &err), &err);
    name_path(stage->other_ca, stage, "other/ca.crt");
    name_path(stage->other_cert, stage, "other/cam1.crt");
    name_path(stage->other_key, stage, "other/cam1.key");
}

void edge_stage_open(edge_stage *stage)
{
    *stage = (edge_stage){.dir = "/tmp/clv-edge-XXXXXX"};
    assert_non_null(mkdtemp(stage->dir));
    name_path(stage->bundle, stage, "model.clv");
    name_path(stage->alone, stage, "alone.clv");
    name_path(stage->tensors, stage, "tensors.clv");
    name_path(stage->misfits, stage, "misfits.clv");
    write_bundle(stage->bundle, STAGE_SIDE / 2, true);
    write_bundle(stage->alone, 0, true);
    write_bundle(stage->tensors, STAGE_SIDE, false);
    write_bundle(stage->misfits, STAGE_SIDE / 2, false);
    make_keys(stage);
}

void edge_stage_close(edge_stage *stage)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", stage->dir);
    assert_int_equal(system(command), 0);
}

clv_edge_options edge_stage_options(const edge_stage *stage, const char *bundle, uint16_t port,
                                    char server_text[32])
{
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;

    options.bundle = bundle;
    options.backend = "ref";
    options.ca = stage->ca;
    options.cert = stage->cert;
    options.key = stage->key;
    (void)snprintf(server_text, 32, "localhost:%u", port);
    options.server = port != 0 ? server_text : NULL;
    return options;
}

/* --- pictures ----------------------------------------------------------------------------- */

void edge_stage_photo(clv_image *image, uint32_t width, uint32_t height, uint32_t seed)
{
    assert_int_equal(clv_buffer_resize(&image->rgb, (size_t)width * height * 3), CLV_OK);
    image->width = width;
    image->height = height;
    for (size_t i = 0; i < image->rgb.size; i++)
        image->rgb.data[i] = (uint8_t)((i * 7 + (i / 3) * seed * 31 + seed * 101) >> 1);
}

void edge_stage_write_raw(const char *path, uint32_t side, uint32_t frames)
{
    clv_image image;
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    clv_image_init(&image);
    for (uint32_t i = 0; i < frames; i++) {
        edge_stage_photo(&image, side, side, i + 1);
        assert_int_equal(fwrite(image.rgb.data, 1, image.rgb.size, file), image.rgb.size);
    }
    clv_image_done(&image);
    assert_int_equal(fclose(file), 0);
}

void edge_stage_write_png(const char *path, uint32_t side, uint32_t seed)
{
    png_image png = {
        .version = PNG_IMAGE_VERSION, .width = side, .height = side, .format = PNG_FORMAT_RGB};
    clv_image image;

    clv_image_init(&image);
    edge_stage_photo(&image, side, side, seed);
    assert_true(png_image_write_to_file(&png, path, 0, image.rgb.data, 0, NULL) != 0);
    clv_image_done(&image);
}

/* --- what must come out ------------------------------------------------------------------- */

static void run_whole(float out[STAGE_OUTPUT_FLOATS], const clv_model *model, float *input)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    const clv_graph *graph = model->graph;
    clv_error err = CLV_ERROR_INIT;
    clv_program *program;
    clv_exec *exec;

    options.backend = &clv_backend_ref;
    must(clv_program_compile(&program, graph, &options, &err), &err);
    must(clv_exec_create(&exec, program, &err), &err);
    clv_tensor tensor = graph->values[graph->inputs[0]].tensor;
    tensor.data = input;
    clv_exec_load(exec, graph->inputs[0], &tensor);
    must(clv_exec_run(exec, 0, graph->n_nodes), &err);
    tensor = graph->values[graph->outputs[0]].tensor;
    tensor.data = out;
    clv_exec_store(exec, graph->outputs[0], &tensor);
    clv_exec_free(exec);
    clv_program_free(program);
}

void edge_stage_expect(float out[STAGE_OUTPUT_FLOATS], const char *bundle_path, bool student,
                       const clv_image *image)
{
    static float input[3 * STAGE_SIDE * STAGE_SIDE];
    clv_error err = CLV_ERROR_INIT;
    clv_image fitted, scratch;
    clv_bundle *bundle;

    must(clv_bundle_open(&bundle, bundle_path, &err), &err);
    const clv_model *model = student ? clv_bundle_student(bundle) : clv_bundle_main(bundle);
    clv_image_init(&fitted);
    clv_image_init(&scratch);
    must(clv_image_fit(&fitted, &scratch, image, &model->input), &err);
    clv_image_normalise(input, fitted.rgb.data, &model->input);
    run_whole(out, model, input);
    clv_image_done(&fitted);
    clv_image_done(&scratch);
    clv_bundle_free(bundle);
}

uint32_t edge_stage_nodes(const char *bundle_path)
{
    clv_error err = CLV_ERROR_INIT;
    clv_bundle *bundle;

    must(clv_bundle_open(&bundle, bundle_path, &err), &err);
    uint32_t n_nodes = clv_bundle_main(bundle)->graph->n_nodes;
    clv_bundle_free(bundle);
    return n_nodes;
}
