/* SPDX-License-Identifier: Apache-2.0 */

#include "base/clock.h"
#include "base/error.h"
#include "profiler/profiler_parts.h"

/* A made-up frame: a camera's usual size. */
#define FRAME_WIDTH 640u
#define FRAME_HEIGHT 480u
#define PREPARE_RUNS 5u
/* What a device sends at unless it is told otherwise. */
#define JPEG_QUALITY 90u
#define MAX_PIXEL_SAMPLES (PREPARE_RUNS * CLV_PROFILER_MAX_PICTURES)

typedef struct preparer {
    const clv_profiler_options *options;
    clv_profiler_inputs *inputs;
    clv_image image, fitted, scratch, decoded;
    clv_buffer jpeg;
    uint64_t encode_ns[MAX_PIXEL_SAMPLES], decode_ns[MAX_PIXEL_SAMPLES],
        prepare_ns[MAX_PIXEL_SAMPLES];
    uint32_t count;
    double file_bytes[CLV_PROFILER_MAX_PICTURES], pixel_bytes[CLV_PROFILER_MAX_PICTURES];
} preparer;

/* --- made up -------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes */
    return *state >> 16;
}

/* Slopes, an edge and a little noise. */
static clv_status make_frame(clv_image *image)
{
    size_t n = (size_t)FRAME_WIDTH * FRAME_HEIGHT * 3;
    uint32_t state = 1;
    uint8_t *rgb = clv_calloc(n, 1);

    if (rgb == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t x = i / 3 % FRAME_WIDTH, y = i / 3 / FRAME_WIDTH;
        size_t slope = (x * 200 / FRAME_WIDTH + y * 100 / FRAME_HEIGHT * (i % 3)) / 2;
        size_t edge = (x / 80 + y / 60) % 2 * 64;
        rgb[i] = (uint8_t)(slope + edge + next_random(&state) % 16);
    }
    clv_status status = clv_image_set_rgb(image, rgb, FRAME_WIDTH, FRAME_HEIGHT);
    clv_free(rgb);
    return status;
}

/* Floats from -1 to 1; other types are 0, which is an index everywhere. */
static clv_status make_noise(clv_tensor_set *set)
{
    uint32_t state = 1;

    for (uint32_t i = 0; i < set->count; i++) {
        clv_tensor *tensor = &set->tensors[i];
        size_t n;
        CLV_TRY(clv_shape_elems(&n, &tensor->shape));
        for (size_t j = 0; tensor->dtype == CLV_F32 && j < n; j++)
            ((float *)tensor->data)[j] = (float)next_random(&state) / 32768.0f - 1.0f;
    }
    return CLV_OK;
}

/* --- pictures ------------------------------------------------------------------------------- */

static clv_status prepare(preparer *p, clv_tensor_set *set)
{
    const clv_input_spec *spec = &p->options->model->input;

    CLV_TRY(clv_image_fit(&p->fitted, &p->scratch, &p->image, spec));
    clv_image_normalise(set->tensors[0].data, p->fitted.rgb.data, spec);
    return CLV_OK;
}

static bool is_jpeg(const clv_profiler_picture *picture)
{
    return picture->bytes >= 2 && picture->data[0] == 0xff && picture->data[1] == 0xd8;
}

/* From the pixels in p->image on. @param camera  The camera's own JPEG; NULL: we make one. */
static clv_status prepare_frame(preparer *p, uint32_t index, const clv_profiler_picture *camera,
                                clv_error *err)
{
    clv_profiler_picture file = camera != NULL ? *camera : (clv_profiler_picture){0};

    for (uint32_t i = 0; i < PREPARE_RUNS; i++) {
        uint64_t start = clv_clock_thread_ns();
        CLV_TRY(prepare(p, &p->inputs->sets[index]));
        uint64_t prepared = clv_clock_thread_ns();
        if (camera == NULL) {
            CLV_TRY(clv_image_encode_jpeg(&p->jpeg, &p->image, JPEG_QUALITY));
            file = (clv_profiler_picture){p->jpeg.data, p->jpeg.size};
        }
        uint64_t encoded = clv_clock_thread_ns();
        CLV_TRY(clv_image_decode(&p->decoded, file.data, file.bytes, err));
        p->prepare_ns[p->count] = prepared - start;
        p->encode_ns[p->count] = encoded - prepared;
        p->decode_ns[p->count++] = clv_clock_thread_ns() - encoded;
    }
    p->file_bytes[index] = (double)file.bytes;
    p->pixel_bytes[index] = (double)p->image.width * p->image.height * 3.0;
    p->inputs->mean_file_bytes += p->file_bytes[index] / p->inputs->count;
    p->inputs->mean_pixel_bytes += p->pixel_bytes[index] / p->inputs->count;
    return CLV_OK;
}

static clv_status prepare_frames(preparer *p, clv_error *err)
{
    clv_profiler_inputs *inputs = p->inputs;

    inputs->all_jpeg = p->options->n_pictures > 0;
    for (uint32_t i = 0; i < p->options->n_pictures; i++) {
        const clv_profiler_picture *picture = &p->options->pictures[i];
        inputs->all_jpeg = inputs->all_jpeg && is_jpeg(picture);
    }
    if (p->options->n_pictures == 0) {
        CLV_TRY(make_frame(&p->image));
        CLV_TRY(prepare_frame(p, 0, NULL, err));
    }
    for (uint32_t i = 0; i < p->options->n_pictures; i++) {
        const clv_profiler_picture *picture = &p->options->pictures[i];
        CLV_TRY(clv_image_decode(&p->image, picture->data, picture->bytes, err));
        CLV_TRY(prepare_frame(p, i, inputs->all_jpeg ? picture : NULL, err));
    }
    inputs->p95_file_bytes = clv_percentile_95(p->file_bytes, inputs->count);
    inputs->p95_pixel_bytes = clv_percentile_95(p->pixel_bytes, inputs->count);
    inputs->has_frames = true;
    return CLV_OK;
}

static void sum_up(preparer *p)
{
    clv_time_samples encode = {p->encode_ns, p->count}, decode = {p->decode_ns, p->count},
                     prepared = {p->prepare_ns, p->count};

    p->inputs->preprocess = clv_time_samples_sum_up(&prepared, NULL);
    p->inputs->decode = clv_time_samples_sum_up(&decode, NULL);
    if (!p->inputs->all_jpeg)
        p->inputs->encode = clv_time_samples_sum_up(&encode, NULL);
}

/* --- the whole ------------------------------------------------------------------------------ */

static clv_status make_sets(clv_profiler_inputs *inputs, const clv_profiler_options *options)
{
    const clv_graph *graph = clv_program_graph(options->forms[0].program);
    uint32_t count = options->n_pictures > 0 ? options->n_pictures : 1;

    inputs->sets = clv_calloc(count, sizeof *inputs->sets);
    if (inputs->sets == NULL)
        return CLV_ENOMEM;
    inputs->count = count;
    for (uint32_t i = 0; i < count; i++)
        CLV_TRY(clv_tensor_set_fit(&inputs->sets[i], graph, graph->inputs, graph->n_inputs));
    return CLV_OK;
}

clv_status clv_profiler_inputs_init(clv_profiler_inputs *inputs,
                                    const clv_profiler_options *options, clv_error *err)
{
    const clv_graph *graph = clv_program_graph(options->forms[0].program);
    bool takes_images = options->model->has_input_spec && graph->n_inputs == 1;

    CLV_TRY(make_sets(inputs, options));
    if (!takes_images) {
        return options->n_pictures == 0
                   ? make_noise(&inputs->sets[0])
                   : clv_fail(err, CLV_EINVAL, graph->name, "the model takes no image");
    }
    preparer *p = clv_calloc(1, sizeof *p);
    if (p == NULL)
        return CLV_ENOMEM;
    p->options = options;
    p->inputs = inputs;
    clv_image_init(&p->image);
    clv_image_init(&p->fitted);
    clv_image_init(&p->scratch);
    clv_image_init(&p->decoded);
    clv_buffer_init(&p->jpeg, CLV_IMAGE_MAX_FILE_BYTES);
    clv_status status = prepare_frames(p, err);
    if (status == CLV_OK)
        sum_up(p);
    clv_image_done(&p->image);
    clv_image_done(&p->fitted);
    clv_image_done(&p->scratch);
    clv_image_done(&p->decoded);
    clv_buffer_done(&p->jpeg);
    clv_free(p);
    return status;
}

void clv_profiler_inputs_done(clv_profiler_inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        clv_tensor_set_done(&inputs->sets[i]);
    clv_free(inputs->sets);
    *inputs = (clv_profiler_inputs){0};
}
