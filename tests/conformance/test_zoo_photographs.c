/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way from a photograph's bytes to a class agrees with ONNX Runtime behind Pillow on at
 * least 98% of the zoo's photographs, for each ImageNet classifier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "media/image.h"
#include "runtime/program.h"
#include "runtime/topk.h"
#include "support/zoo.h"

#define MIN_AGREEMENT 0.98

/* A classifier with everything between an image file and a class. */
typedef struct pipeline {
    clv_graph *graph;
    clv_program *program;
    clv_exec *exec;
    clv_input_spec spec;
    clv_image image, fitted, scratch;
    clv_tensor input;
    clv_tensor output;
} pipeline;

static float *tensor_memory(const clv_tensor *tensor)
{
    size_t bytes;
    assert_int_equal(clv_tensor_bytes(&bytes, tensor), CLV_OK);
    return clv_alloc_aligned(bytes);
}

static void pipeline_init(pipeline *p, const zoo_classifier *model, clv_fit fit)
{
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;

    *p = (pipeline){.graph = zoo_open(model->name)};
    assert_int_equal(clv_program_compile(&p->program, p->graph, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&p->exec, p->program, NULL), CLV_OK);
    const clv_tensor *input = &p->graph->values[p->graph->inputs[0]].tensor;
    assert_int_equal(clv_input_spec_preset(&p->spec, model->preset), CLV_OK);
    assert_int_equal(clv_input_spec_fit_shape(&p->spec, input, NULL), CLV_OK);
    p->spec.fit = fit;
    p->input = *input;
    p->input.data = tensor_memory(input);
    p->output = p->graph->values[p->graph->outputs[0]].tensor;
    p->output.data = tensor_memory(&p->output);
    clv_image_init(&p->image);
    clv_image_init(&p->fitted);
    clv_image_init(&p->scratch);
}

static void pipeline_done(pipeline *p)
{
    clv_image_done(&p->image);
    clv_image_done(&p->fitted);
    clv_image_done(&p->scratch);
    clv_free(p->input.data);
    clv_free(p->output.data);
    clv_exec_free(p->exec);
    clv_program_free(p->program);
    clv_graph_free(p->graph);
}

static int classify(pipeline *p, const char *path)
{
    clv_top top;

    assert_int_equal(clv_image_load(&p->image, path, NULL), CLV_OK);
    assert_int_equal(clv_image_fit(&p->fitted, &p->scratch, &p->image, &p->spec), CLV_OK);
    clv_image_normalise(p->input.data, p->fitted.rgb.data, &p->spec);
    clv_exec_load(p->exec, p->graph->inputs[0], &p->input);
    assert_int_equal(clv_exec_run(p->exec, 0, p->graph->n_nodes), CLV_OK);
    clv_exec_store(p->exec, p->graph->outputs[0], &p->output);
    assert_int_equal(clv_topk(&top, 1, &p->output), 1);
    return (int)top.index;
}

/* The column of the table that is called @p name. */
static int find_column(char *header, const char *name)
{
    int column = 0;
    for (char *field = strtok(header, ",\r\n"); field != NULL; field = strtok(NULL, ",\r\n")) {
        if (strcmp(field, name) == 0)
            return column;
        column++;
    }
    fail_msg("no column %s", name);
    return -1;
}

static void check(const zoo_classifier *model, const char *folder, clv_fit fit)
{
    char line[4096];
    unsigned images = 0, agreed = 0;
    pipeline p;
    FILE *table = fopen(zoo_path("%s/ort_fp32_top1.csv", folder), "r");

    assert_non_null(table);
    assert_non_null(fgets(line, sizeof line, table));
    int column = find_column(line, model->name);
    pipeline_init(&p, model, fit);
    while (fgets(line, sizeof line, table) != NULL) {
        const char *file = strtok(line, ",\r\n"), *field = file;
        for (int i = 0; i < column && field != NULL; i++)
            field = strtok(NULL, ",\r\n");
        assert_non_null(field);
        int got = classify(&p, zoo_path("%s/%s", folder, file)) - model->label_offset;
        agreed += got == atoi(field);
        images++;
    }
    (void)fclose(table);
    pipeline_done(&p);
    (void)printf("%-24s %-16s %u of %u agree\n", model->name, folder, agreed, images);
    assert_true(images >= 50);
    assert_true((double)agreed >= MIN_AGREEMENT * (double)images);
}

static void test_zoo_photographs__classes_agree_with_onnx_runtime(void **state)
{
    (void)state;
    for (unsigned i = 0; i < zoo_n_classifiers; i++) {
        if (zoo_classifiers[i].preset == NULL)
            continue;
        check(&zoo_classifiers[i], "imagenet-sample", CLV_FIT_CROP);
        check(&zoo_classifiers[i], "nips2017", CLV_FIT_STRETCH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zoo_photographs__classes_agree_with_onnx_runtime),
    };
    if (zoo_folder() == NULL)
        return ZOO_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
