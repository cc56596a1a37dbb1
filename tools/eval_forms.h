/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_EVAL_FORMS_H
#define CLV_EVAL_FORMS_H

/** @file eval_forms.h: the forms of one bundle (float, int8) side by side: one pass over labelled
 *  images, each form on the same pixels. */

#include "tools/detections.h"
#include "tools/detector.h"

typedef struct eval_forms_job {
    const char *path;       /* the bundle */
    const char *precisions; /* "float,int8"; the first is what the others are compared with */
    const tool_model_settings *model;
    const char *data;   /* the images' folder */
    const char *labels; /* a classifier's table (labelled_files.h) */
    uint64_t label_offset;
    const char *boxes; /* a detector's folder (box_files.h), when decode.decoder isn't NULL */
    detector_settings decode;
    size_t limit; /* only so many images */
} eval_forms_job;

/** What one form did. */
typedef struct eval_form {
    clv_precision precision;
    size_t top1, top5;              /* images; of classifiers */
    size_t agreed;                  /* images with the best class that the first form gives */
    detection_precision detection;  /* of detectors */
    detection_difference different; /* its boxes, against the first form's */
    double
        snr_db; /* of the first output against the first form's, over all images; 200: no error */
    uint64_t run_us;         /* the median image's */
    size_t weight_bytes;     /* constants as they are stored: weights, biases */
    size_t scale_bytes;      /* what the bytes among them stand for */
    size_t activation_bytes; /* arena and scratch memory of one execution */
} eval_form;

typedef struct eval_forms_result {
    size_t images, objects; /* objects: of detectors, true boxes */
    bool detector;
    uint32_t n_forms;
    eval_form forms[CLV_PRECISION_COUNT];
} eval_forms_result;

/** Run the forms, with progress on stderr, until a signal.
 *  @param command  The program's name, for notes on stderr.
 *  @return CLV_OK, or what failed with @p err. */
CLV_NODISCARD clv_status eval_forms(eval_forms_result *out, const eval_forms_job *job,
                                    const char *command, clv_error *err);

/** A table on stdout. @return CLV_OK, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status eval_forms_print(const eval_forms_result *result, const char *path,
                                          clv_error *err);

/** The same as JSON. */
CLV_NODISCARD clv_status eval_forms_print_json(const eval_forms_result *result, const char *path,
                                               clv_error *err);

#endif
