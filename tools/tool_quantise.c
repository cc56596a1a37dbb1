/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_quantise.h"

#include <string.h>

#include "base/error.h"
#include "tools/tool.h"
#include "tools/tool_json.h"
#include "tools/tool_points.h"

#define FEW_IMAGES 16u

#define METHOD_NAME(name, text) ", " text

bool tool_quantise_keeps_float(const tool_quantise_settings *s)
{
    return s->precision != NULL && strcmp(s->precision, "both") == 0;
}

clv_status tool_quantise_wanted(bool *out, const tool_quantise_settings *s, clv_error *err)
{
    bool both = tool_quantise_keeps_float(s);
    bool int8 = both || (s->precision != NULL && strcmp(s->precision, "int8") == 0);
    clv_range_method method;

    if (s->precision != NULL && !int8 && strcmp(s->precision, "float") != 0)
        return clv_fail(err, CLV_EINVAL, "--precision", "'%s' is none of float, int8, both",
                        s->precision);
    if (int8 && s->calibrate == NULL)
        return clv_fail(err, CLV_EINVAL, "--precision",
                        "%s needs --calibrate DIR, a folder of images", s->precision);
    if (s->codec_points != NULL && s->calibrate == NULL)
        return clv_fail(err, CLV_EINVAL, "--codec-points",
                        "it needs --calibrate DIR, a folder of images");
    if (s->codec_points != NULL)
        CLV_TRY(tool_points_check(s->codec_points, UINT32_MAX, err));
    if (s->precision != NULL && !int8 && s->calibrate != NULL && s->codec_points == NULL)
        return clv_fail(err, CLV_EINVAL, "--calibrate", "float needs no calibration");
    if (s->report != NULL && s->calibrate == NULL)
        return clv_fail(err, CLV_EINVAL, "--report", "it reports on --calibrate");
    if (strcmp(s->calibration, "auto") != 0 &&
        clv_range_method_find(&method, s->calibration) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--calibration",
                        "'%s' is none of auto" CLV_RANGE_METHOD_LIST(METHOD_NAME), s->calibration);
    if (!(s->max_drop >= 0.0 && s->max_drop <= 1.0))
        return clv_fail(err, CLV_EINVAL, "--max-drop", "it is a part, from 0 to 1");
    *out = s->calibrate != NULL && (s->precision == NULL || int8);
    return CLV_OK;
}

static clv_status show_progress(void *context, const char *what, size_t done, size_t total,
                                clv_error *err)
{
    (void)context;
    tool_progress(what, done, total);
    return tool_go_on(err);
}

clv_watcher tool_watcher(void)
{
    return (clv_watcher){show_progress, NULL};
}

static void note_found(const clv_calibration_images_found *found, const char *folder,
                       const char *command)
{
    if (found->broken > 0)
        tool_line(stderr, "%s: warning: %s: %zu broken images were left out, first %s: %s", command,
                  folder, found->broken, found->first_broken, found->why_broken);
    if (found->not_images > 0)
        tool_line(stderr, "%s: warning: %s: %zu files are neither JPEG nor PNG, first %s", command,
                  folder, found->not_images, found->first_not_image);
    if (found->over_limit > 0)
        tool_line(stderr, "%s: note: %s: %zu more files were not needed", command, folder,
                  found->over_limit);
    if (found->used < FEW_IMAGES)
        tool_line(stderr, "%s: warning: %s: %zu images are few to calibrate with", command, folder,
                  found->used);
}

/* --- the report ----------------------------------------------------------------------------- */

static json_t *node_json(const clv_quantise_node *n, uint32_t index)
{
    json_t *node =
        json_pack("{s:i, s:o, s:s, s:s, s:I}", "node", (int)index, "name", tool_json_text(n->name),
                  "op", clv_op_describe(n->op)->name, "precision", n->quantised ? "int8" : "float",
                  "macs", (json_int_t)n->macs);
    if (n->why != NULL)
        (void)json_object_set_new(node, "why", json_string(n->why));
    if (n->measured) {
        (void)json_object_set_new(node, "snr_db", tool_json_real(n->snr_db));
        (void)json_object_set_new(node, "output_snr_db", tool_json_real(n->output_snr_db));
    }
    if (n->has_range) {
        double scale = (double)n->quant.scale;
        (void)json_object_set_new(
            node, "range",
            json_pack("[f, f]", -scale * n->quant.zero_point, scale * (255 - n->quant.zero_point)));
        (void)json_object_set_new(node, "scale", json_real(scale));
        (void)json_object_set_new(node, "zero_point", json_integer(n->quant.zero_point));
    }
    return node;
}

static json_t *fidelity_json(const clv_fidelity *f, bool classifier)
{
    json_t *fidelity =
        json_pack("{s:o, s:f}", "snr_db", tool_json_real(clv_error_db(f->error)), "drop", f->drop);
    if (classifier)
        (void)json_object_set_new(fidelity, "agreement", json_real(f->agreement));
    return fidelity;
}

static json_t *report_json(const clv_quantise_report *r, clv_weight_form stored,
                           const tool_quantise_settings *s)
{
    json_t *nodes = json_array();

    for (uint32_t k = 0; k < r->n_nodes; k++)
        (void)json_array_append_new(nodes, node_json(&r->nodes[k], k));
    return json_pack("{s:s, s:f, s:I, s:I, s:i, s:I, s:I, s:i, s:i, s:s, s:o, s:o, s:o}",
                     "calibration", clv_range_method_name(r->method), "max_drop", s->max_drop,
                     "images_calibrated", (json_int_t)r->calibrated_on, "images_compared",
                     (json_int_t)r->compared_on, "int8_nodes", (int)r->n_quantised, "macs",
                     (json_int_t)r->macs, "int8_macs", (json_int_t)r->quantised_macs,
                     "equalised_pairs", (int)r->equalised, "tries", (int)r->tries, "float_weights",
                     clv_weight_form_name(stored), "all_int8",
                     fidelity_json(&r->all, r->classifier), "chosen",
                     fidelity_json(&r->chosen, r->classifier), "nodes", nodes);
}

static void print_report(const clv_quantise_report *r, clv_weight_form stored)
{
    double macs = r->macs > 0 ? (double)r->macs : 1.0;

    for (uint32_t k = 0; k < r->n_nodes; k++) {
        const clv_quantise_node *n = &r->nodes[k];
        if (n->measured && !n->quantised)
            tool_line(stdout, "node %u '%s' (%s) stays float: %s; alone in int8, SNR %.1f dB", k,
                      n->name, clv_op_describe(n->op)->name, n->why, n->output_snr_db);
    }
    tool_line(
        stdout,
        "int8: %u of %u nodes, %.1f%% of the multiplications; weights of the others stored as "
        "%s; ranges by %s; SNR of the output %.1f dB",
        r->n_quantised, r->n_nodes, 100.0 * (double)r->quantised_macs / macs,
        clv_weight_form_name(stored), clv_range_method_name(r->method),
        clv_error_db(r->chosen.error));
    if (r->classifier)
        tool_line(stdout,
                  "agreement with float: %.1f%% of %zu images (all that can be in int8: "
                  "%.1f%%)",
                  100.0 * r->chosen.agreement, r->compared_on, 100.0 * r->all.agreement);
}

/* --- all of it ------------------------------------------------------------------------------ */

static clv_quantise_options options_of(const tool_quantise_settings *s, const tool_model *model,
                                       clv_calibration_images *images)
{
    clv_quantise_options o = CLV_QUANTISE_OPTIONS_INIT;

    o.samples = clv_calibration_images_samples(images);
    o.best_method = clv_range_method_find(&o.method, s->calibration) != CLV_OK;
    o.max_drop = s->max_drop;
    o.weights.limit = s->weight_bits == 7 ? 63 : 127;
    o.stored = model->model.weights[CLV_PRECISION_INT8];
    o.watcher = tool_watcher();
    return o;
}

clv_status tool_calibration_open(clv_calibration_images **out, const tool_model *model,
                                 const tool_quantise_settings *s, const char *command,
                                 clv_error *err)
{
    clv_watcher watcher = tool_watcher();
    clv_calibration_images_found found;

    if (model->model.int8 != NULL)
        return clv_fail(err, CLV_EINVAL, model->path,
                        "the model is quantised already, so there is nothing to calibrate");
    if (!model->model.has_input_spec || model->model.graph->n_inputs != 1)
        return clv_fail(err, CLV_EINVAL, model->path,
                        "the model takes no image, so a folder of images can't calibrate it");
    clv_status status = clv_calibration_images_open(out, &found, s->calibrate, &model->model.input,
                                                    (size_t)s->images, &watcher, err);
    tool_progress("", 0, 0);
    if (status != CLV_OK)
        return status;
    note_found(&found, s->calibrate, command);
    return CLV_OK;
}

clv_status tool_quantise(clv_quantised *out, json_t *root, const tool_model *model,
                         clv_calibration_images *images, const tool_quantise_settings *settings,
                         clv_error *err)
{
    clv_quantise_options options = options_of(settings, model, images);
    clv_quantise_report report = {0};

    clv_status status = clv_quantise(out, model->model.graph, &options, &report, err);
    tool_progress("", 0, 0);
    if (status != CLV_OK)
        (void)clv_error_prefix(err, status, model->path);
    if (status == CLV_OK && root != NULL)
        (void)json_object_update_new(root, report_json(&report, out->stored, settings));
    if (status == CLV_OK)
        print_report(&report, out->stored);
    clv_quantise_report_done(&report);
    return status;
}
