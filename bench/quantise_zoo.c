/* SPDX-License-Identifier: Apache-2.0 */
/* What post-training quantisation costs: top-1 of the float and the int8 network and their
 * agreement over labelled images, for each range method, with and without equalisation and bias
 * correction. The search simulates (compress/simulate.h), the table is of the int8 kernels. The
 * labelled images are never calibrated with. Usage: see `usage`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "compress/calibration_images.h"
#include "compress/post_training.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "media/image.h"
#include "onnx/onnx_import.h"
#include "runtime/program.h"
#include "runtime/tensor_set.h"
#include "runtime/topk.h"
#include "tools/labelled_files.h"

#define CIFAR_BYTES 3073u /* a label, then 32 x 32 of red, green and blue */

static const char usage[] =
    "bench_quantise MODEL.onnx PRESET CALIBRATION_FIT OFFSET CALIBRATION_DIR SET...\n"
    "  SET: FIT:DIR with DIR/labels.csv (FIT: crop, stretch, letterbox), or cifar:FILE\n"
    "  $ALL=1: every configuration, not only the default one; $ONLY=N: that one of them\n"
    "  $EVERY=N: every Nth image of a SET; $MAX_DROP=D; $NODES=1: what became of each node\n"
    "  $NEAREST=1: weights are rounded to the nearest byte\n";

typedef struct labelled {
    uint8_t **pixels; /* of the model's size */
    int64_t *labels;
    size_t count, room;
} labelled;

static void die(const char *what, const clv_error *err)
{
    (void)fprintf(stderr, "bench_quantise: %s: %s: %s\n", what, err->location, err->message);
    exit(1);
}

static void add_image(labelled *set, const uint8_t *pixels, size_t bytes, int64_t label)
{
    if (set->count == set->room) {
        set->room = set->room ? set->room * 2 : 256;
        set->pixels = clv_realloc_array(set->pixels, set->room, sizeof *set->pixels);
        set->labels = clv_realloc_array(set->labels, set->room, sizeof *set->labels);
    }
    set->pixels[set->count] = clv_calloc(bytes, 1);
    if (set->pixels[set->count] == NULL)
        abort();
    memcpy(set->pixels[set->count], pixels, bytes);
    set->labels[set->count++] = label;
}

static void read_cifar(labelled *set, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    clv_mapping file;
    uint8_t rgb[CIFAR_BYTES];

    if (clv_mapping_open(&file, path, (size_t)1 << 30, &err) != CLV_OK)
        die(path, &err);
    for (size_t at = 0; at + CIFAR_BYTES <= file.size; at += CIFAR_BYTES) {
        for (size_t i = 0; i < 1024; i++) {
            for (size_t c = 0; c < 3; c++)
                rgb[3 * i + c] = file.data[at + 1 + 1024 * c + i];
        }
        add_image(set, rgb, CIFAR_BYTES - 1, file.data[at]);
    }
    clv_mapping_done(&file);
}

static void read_folder(labelled *set, const char *dir, const clv_input_spec *spec)
{
    clv_error err = CLV_ERROR_INIT;
    labelled_files files = {0};
    size_t every = getenv("EVERY") != NULL ? (size_t)atoi(getenv("EVERY")) : 1;
    clv_image image, fitted, scratch;
    char path[4096];

    clv_image_init(&image);
    clv_image_init(&fitted);
    clv_image_init(&scratch);
    (void)snprintf(path, sizeof path, "%s/labels.csv", dir);
    if (labelled_files_read(&files, path, &err) != CLV_OK)
        die(path, &err);
    for (size_t i = 0; i < files.count; i += every) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files.items[i].file);
        if (clv_image_load(&image, path, &err) != CLV_OK ||
            clv_image_fit(&fitted, &scratch, &image, spec) != CLV_OK)
            die(path, &err);
        add_image(set, fitted.rgb.data, (size_t)spec->width * spec->height * 3,
                  files.items[i].class_index);
    }
    clv_image_done(&image);
    clv_image_done(&fitted);
    clv_image_done(&scratch);
    labelled_files_done(&files);
}

static void read_set(labelled *set, const char *text, clv_input_spec spec)
{
    const char *colon = strchr(text, ':');
    clv_error err = CLV_ERROR_INIT;
    char fit[16];

    if (colon == NULL || (size_t)(colon - text) >= sizeof fit) {
        (void)fputs(usage, stderr);
        exit(2);
    }
    (void)snprintf(fit, sizeof fit, "%.*s", (int)(colon - text), text);
    if (strcmp(fit, "cifar") == 0) {
        read_cifar(set, colon + 1);
        return;
    }
    clv_input_texts texts = {.fit = fit};
    if (clv_input_spec_override(&spec, &texts, &err) != CLV_OK)
        die(text, &err);
    read_folder(set, colon + 1, &spec);
}

/* The best class of every image. */
static int64_t *classify(const clv_graph *graph, const labelled *set, const clv_input_spec *spec)
{
    clv_error err = CLV_ERROR_INIT;
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *program;
    clv_exec *exec;
    clv_tensor_set inputs = {0}, outputs = {0};
    int64_t *best = clv_calloc(set->count, sizeof *best);

    if (best == NULL || clv_program_compile(&program, graph, &options, &err) != CLV_OK ||
        clv_exec_create(&exec, program, &err) != CLV_OK ||
        clv_tensor_set_fit(&inputs, graph, graph->inputs, 1) != CLV_OK ||
        clv_tensor_set_fit(&outputs, graph, graph->outputs, graph->n_outputs) != CLV_OK)
        die("classify", &err);
    for (size_t i = 0; i < set->count; i++) {
        clv_top top;
        clv_image_normalise(inputs.tensors[0].data, set->pixels[i], spec);
        clv_exec_load(exec, graph->inputs[0], &inputs.tensors[0]);
        if (clv_exec_run(exec, 0, graph->n_nodes) != CLV_OK)
            die("run", &err);
        clv_exec_store(exec, graph->outputs[0], &outputs.tensors[0]);
        (void)clv_topk(&top, 1, &outputs.tensors[0]);
        best[i] = top.index;
    }
    clv_exec_free(exec);
    clv_program_free(program);
    clv_tensor_set_done(&inputs);
    clv_tensor_set_done(&outputs);
    return best;
}

typedef struct bench {
    const clv_graph *graph;
    clv_input_spec spec;
    int64_t offset;
    labelled set;
    clv_calibration_images *images;
    int64_t *plain; /* of the float network */
} bench;

static double top1(const bench *b, const int64_t *best)
{
    size_t right = 0;

    for (size_t i = 0; i < b->set.count; i++)
        right += best[i] - b->offset == b->set.labels[i];
    return 100.0 * (double)right / (double)b->set.count;
}

static void measure(const bench *b, const char *name, clv_quantise_options o)
{
    clv_error err = CLV_ERROR_INIT;
    clv_quantise_report report;
    clv_quantised q = {0};
    size_t same = 0;

    o.samples = clv_calibration_images_samples(b->images);
    o.round_by_output = getenv("NEAREST") == NULL;
    if (clv_quantise(&q, b->graph, &o, &report, &err) != CLV_OK)
        die("quantise", &err);
    int64_t *best = classify(q.int8, &b->set, &b->spec);
    for (size_t i = 0; i < b->set.count; i++)
        same += best[i] == b->plain[i];
    (void)printf("%-34s top-1 %6.2f (float %6.2f)  agreement %6.2f | calibration: agreement %5.1f "
                 "(all int8 %5.1f) drop %.4f (all int8 %.4f) SNR %5.1f dB, %s, %u pairs equalised, "
                 "int8 MACs %5.1f%%, %u tries\n",
                 name, top1(b, best), top1(b, b->plain),
                 100.0 * (double)same / (double)b->set.count, 100.0 * report.chosen.agreement,
                 100.0 * report.all.agreement, report.chosen.drop, report.all.drop,
                 clv_error_db(report.chosen.error), clv_range_method_name(report.method),
                 report.equalised, 100.0 * (double)report.quantised_macs / (double)report.macs,
                 report.tries);
    for (uint32_t k = 0; k < report.n_nodes && getenv("NODES") != NULL; k++) {
        const clv_quantise_node *n = &report.nodes[k];
        (void)printf("  %3u %-40.40s %-18s %-5s %6.1f %6.1f  [%g, %g] %s\n", k, n->name,
                     clv_op_describe(n->op)->name, n->quantised ? "int8" : "float",
                     n->measured ? n->snr_db : 0.0, n->measured ? n->output_snr_db : 0.0,
                     n->has_range ? (double)n->quant.scale * -n->quant.zero_point : 0.0,
                     n->has_range ? (double)n->quant.scale * (255 - n->quant.zero_point) : 0.0,
                     n->why ? n->why : "");
    }
    (void)fflush(stdout);
    clv_free(best);
    clv_quantise_report_done(&report);
    clv_quantised_done(&q);
}

static void measure_all(const bench *b)
{
    for (int m = 0; m < CLV_RANGE_METHOD_COUNT; m++) {
        for (int i = 0; i < 8; i++) {
            if (i == 4 || i == 5)
                continue;
            clv_quantise_options o = CLV_QUANTISE_OPTIONS_INIT;
            char name[64];
            o.best_method = false;
            o.method = (clv_range_method)m;
            o.equalise = (i & 1) != 0 ? CLV_CHOICE_YES : CLV_CHOICE_NO;
            o.correct_bias = (i & 2) != 0;
            o.weights.method = (i & 4) != 0 ? CLV_WEIGHT_MSE : CLV_WEIGHT_MINMAX;
            o.max_drop = INFINITY;
            if (getenv("ONLY") != NULL && atoi(getenv("ONLY")) != 8 * m + i)
                continue;
            (void)snprintf(name, sizeof name, "%s%s%s, weights %s", clv_range_method_name(o.method),
                           o.equalise == CLV_CHOICE_YES ? " CLE" : "", o.correct_bias ? " BC" : "",
                           o.weights.method == CLV_WEIGHT_MSE ? "mse" : "minmax");
            measure(b, name, o);
        }
    }
}

int main(int argc, char **argv)
{
    clv_error err = CLV_ERROR_INIT;
    clv_calibration_images_found found;
    clv_quantise_options options = CLV_QUANTISE_OPTIONS_INIT;
    clv_onnx_options import = CLV_ONNX_OPTIONS_INIT;
    const clv_prepare_options prepare = {.evaluate = clv_ref_evaluate};
    clv_graph *graph;
    bench b = {0};

    if (argc < 7) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (clv_onnx_import(&graph, argv[1], &import, &err) != CLV_OK ||
        clv_graph_prepare(graph, &prepare, NULL, NULL, &err) != CLV_OK ||
        clv_input_spec_preset(&b.spec, argv[2]) != CLV_OK ||
        clv_input_spec_fit_shape(&b.spec, &graph->values[graph->inputs[0]].tensor, &err) != CLV_OK)
        die(argv[1], &err);
    b.graph = graph;
    b.offset = atoi(argv[4]);
    clv_input_spec calibration = b.spec;
    clv_input_texts texts = {.fit = argv[3]};
    if (clv_input_spec_override(&calibration, &texts, &err) != CLV_OK ||
        clv_calibration_images_open(&b.images, &found, argv[5], &calibration, 64, NULL, &err) !=
            CLV_OK)
        die(argv[5], &err);
    for (int i = 6; i < argc; i++)
        read_set(&b.set, argv[i], b.spec);
    b.plain = classify(graph, &b.set, &b.spec);
    (void)printf("%s: %zu images, calibrated on %zu\n", argv[1], b.set.count, found.used);
    if (getenv("ALL") != NULL)
        measure_all(&b);
    if (getenv("MAX_DROP") != NULL)
        options.max_drop = atof(getenv("MAX_DROP"));
    if (getenv("ONLY") == NULL)
        measure(&b, "default", options);
    clv_calibration_images_free(b.images);
    clv_graph_free(graph);
    return 0;
}
