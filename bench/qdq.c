/* SPDX-License-Identifier: Apache-2.0 */
/* An int8 network in both forms that bench/kernels.sh compares: our bundle and a QDQ model for
 * ONNX Runtime. Every node that can be in int8 is: this is about speed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "compress/calibration_images.h"
#include "compress/post_training.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "onnx/onnx_import.h"
#include "qdq_export.h"
#include "runtime/bundle.h"

typedef struct qdq {
    clv_graph *graph;
    clv_input_spec spec;
    clv_calibration_images *images;
    clv_quantise_report report;
    clv_quantised forms;
} qdq;

static clv_status open_model(qdq *q, const char *path, clv_error *err)
{
    const clv_prepare_options prepare = {.evaluate = clv_ref_evaluate};
    clv_onnx_options import = CLV_ONNX_OPTIONS_INIT;

    CLV_TRY(clv_onnx_import(&q->graph, path, &import, err));
    CLV_TRY(clv_graph_prepare(q->graph, &prepare, NULL, NULL, err));
    CLV_TRY(clv_input_spec_preset(&q->spec, "imagenet"));
    return clv_input_spec_fit_shape(&q->spec, &q->graph->values[q->graph->inputs[0]].tensor, err);
}

static clv_status quantise(qdq *q, const char *images, int32_t limit, clv_error *err)
{
    clv_calibration_images_found found;
    clv_quantise_options options = CLV_QUANTISE_OPTIONS_INIT;

    CLV_TRY(clv_calibration_images_open(&q->images, &found, images, &q->spec, 8, NULL, err));
    options.samples = clv_calibration_images_samples(q->images);
    options.best_method = false;
    options.equalise = CLV_CHOICE_NO;
    options.weights.limit = limit;
    options.max_drop = 1.0;
    return clv_quantise(&q->forms, q->graph, &options, &q->report, err);
}

static clv_status write_both(const qdq *q, const char *bundle, const char *model, clv_error *err)
{
    const clv_model forms = {
        .graph = q->forms.plain, .int8 = q->forms.int8, .has_input_spec = true, .input = q->spec};
    clv_digest id;

    CLV_TRY(clv_bundle_write(bundle, &forms, NULL, &id, err));
    return bench_qdq_export(model, q->forms.int8, err);
}

int main(int argc, char **argv)
{
    clv_error err = CLV_ERROR_INIT;
    qdq q = {0};

    if (argc != 6) {
        (void)fprintf(stderr, "usage: bench_qdq MODEL.onnx IMAGES LIMIT OUT.clv OUT.onnx\n"
                              "  LIMIT: the largest weight, 127 or less\n");
        return 2;
    }
    clv_status status = open_model(&q, argv[1], &err);
    if (status == CLV_OK)
        status = quantise(&q, argv[2], (int32_t)strtol(argv[3], NULL, 10), &err);
    if (status == CLV_OK)
        status = write_both(&q, argv[4], argv[5], &err);
    if (status == CLV_OK)
        (void)printf("%s: %u of %u nodes in int8\n", argv[5], q.report.n_quantised,
                     q.report.n_nodes);
    else
        (void)fprintf(stderr, "bench_qdq: %s: %s\n", err.location, err.message);
    clv_quantised_done(&q.forms);
    clv_quantise_report_done(&q.report);
    clv_calibration_images_free(q.images);
    clv_graph_free(q.graph);
    return status == CLV_OK ? 0 : 1;
}
