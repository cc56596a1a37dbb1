/* SPDX-License-Identifier: Apache-2.0 */
#include "media/input_spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define MIN_CROP_RATIO 0.01f

static const char *const fit_names[] = {
#define FIT_NAME(name, text) text,
    CLV_FIT_LIST(FIT_NAME)
#undef FIT_NAME
};

static const char *const channels_names[] = {
#define CHANNELS_NAME(name, text) text,
    CLV_CHANNELS_LIST(CHANNELS_NAME)
#undef CHANNELS_NAME
};

const char *clv_fit_name(clv_fit fit)
{
    return (unsigned)fit < CLV_FIT_COUNT ? fit_names[fit] : "invalid";
}

const char *clv_channels_name(clv_channels channels)
{
    return (unsigned)channels < CLV_CHANNELS_COUNT ? channels_names[channels] : "invalid";
}

/* X(name, channels, fit, crop_ratio, mean..., std...) */
#define PRESET_LIST(X)                                                                             \
    X(imagenet, RGB, CROP, 0.875f, 123.675f, 116.28f, 103.53f, 58.395f, 57.12f, 57.375f)           \
    X(tf, RGB, CROP, 0.875f, 127.5f, 127.5f, 127.5f, 127.5f, 127.5f, 127.5f)                       \
    X(caffe, BGR, CROP, 0.875f, 103.939f, 116.779f, 123.68f, 1, 1, 1)                              \
    X(raw, RGB, STRETCH, 1, 0, 0, 0, 1, 1, 1)

clv_status clv_input_spec_preset(clv_input_spec *out, const char *name)
{
#define PRESET_CASE(text, c, f, ratio, m0, m1, m2, s0, s1, s2)                                     \
    if (strcmp(name, #text) == 0) {                                                                \
        *out = (clv_input_spec){.channels = CLV_CHANNELS_##c,                                      \
                                .fit = CLV_FIT_##f,                                                \
                                .crop_ratio = ratio,                                               \
                                .mean = {m0, m1, m2},                                              \
                                .std = {s0, s1, s2}};                                              \
        return CLV_OK;                                                                             \
    }
    PRESET_LIST(PRESET_CASE)
#undef PRESET_CASE
    return CLV_ENOENT;
}

const char *clv_input_spec_preset_names(void)
{
#define PRESET_NAME(text, c, f, ratio, m0, m1, m2, s0, s1, s2) ", " #text
    static const char names[] = PRESET_LIST(PRESET_NAME);
#undef PRESET_NAME
    return names + 2;
}

static bool is_channel_count(int64_t dim)
{
    return dim == 1 || dim == 3;
}

clv_status clv_input_spec_fit_shape(clv_input_spec *spec, const clv_tensor *input, clv_error *err)
{
    const clv_shape *shape = &input->shape;
    const int64_t *dim = shape->dim;
    char text[128];

    (void)clv_shape_format(text, sizeof text, shape);
    if (input->dtype != CLV_F32 || shape->rank != 4 || dim[0] != 1 ||
        !(is_channel_count(dim[1]) || is_channel_count(dim[3])))
        return clv_fail(err, CLV_ESHAPE, NULL,
                        "the model's input is %s %s; an image is float32 1xCxHxW or 1xHxWxC with 3 "
                        "or 1 channels",
                        clv_dtype_name(input->dtype), text);

    bool last = !is_channel_count(dim[1]);
    int64_t channels = dim[last ? 3 : 1], height = dim[last ? 1 : 2], width = dim[last ? 2 : 3];
    if (height < 1 || width < 1 || height > CLV_INPUT_MAX_SIDE || width > CLV_INPUT_MAX_SIDE)
        return clv_fail(err, CLV_ESHAPE, NULL,
                        "the model's input is %s; a side of an image is 1 to %u pixels", text,
                        CLV_INPUT_MAX_SIDE);
    if (channels == 3 && spec->channels == CLV_CHANNELS_GRAY)
        return clv_fail(err, CLV_ESHAPE, NULL,
                        "the model's input is %s: it has 3 channels, not the one of 'gray'", text);
    spec->width = (uint32_t)width;
    spec->height = (uint32_t)height;
    spec->channels_last = last;
    if (channels == 1)
        spec->channels = CLV_CHANNELS_GRAY;
    return CLV_OK;
}

clv_status clv_input_spec_check(const clv_input_spec *spec, clv_error *err)
{
    const char *problem = NULL;

    if (spec->width < 1 || spec->width > CLV_INPUT_MAX_SIDE || spec->height < 1 ||
        spec->height > CLV_INPUT_MAX_SIDE)
        problem = "a side of the input is not within 1..16384";
    else if ((unsigned)spec->channels >= CLV_CHANNELS_COUNT)
        problem = "the channels are of no known order";
    else if ((unsigned)spec->fit >= CLV_FIT_COUNT)
        problem = "the fit is of no known kind";
    else if (!(spec->crop_ratio >= MIN_CROP_RATIO && spec->crop_ratio <= 1))
        problem = "crop_ratio is not within 0.01..1";
    for (int c = 0; c < 3 && problem == NULL; c++) {
        if (!isfinite(spec->mean[c]))
            problem = "a mean is not finite";
        else if (!isfinite(spec->std[c]) || spec->std[c] == 0)
            problem = "a std is 0 or not finite";
    }
    return problem == NULL ? CLV_OK : clv_fail(err, CLV_EFORMAT, "input spec", "%s", problem);
}

/* The index of @p text in @p names; @p n when it is none of them. */
static unsigned find_name(const char *text, const char *const *names, unsigned n)
{
    unsigned i = 0;
    while (i < n && strcmp(text, names[i]) != 0)
        i++;
    return i;
}

/* Read "A" or "A,B,C". */
static bool read_three(float out[3], const char *text)
{
    char *end;
    int n = 0;

    do {
        out[n++] = strtof(text, &end);
        if (end == text || !isfinite(out[n - 1]))
            return false;
        text = end + 1;
    } while (*end == ',' && n < 3);
    if (n == 1)
        out[1] = out[2] = out[0];
    return *end == '\0' && n != 2;
}

static bool is_zero_among(const float v[3])
{
    return v[0] == 0 || v[1] == 0 || v[2] == 0;
}

clv_status clv_input_spec_override(clv_input_spec *spec, const clv_input_texts *texts,
                                   clv_error *err)
{
    clv_input_spec s = *spec;

    if (texts->channels != NULL) {
        s.channels = (clv_channels)find_name(texts->channels, channels_names, CLV_CHANNELS_COUNT);
        if (s.channels == CLV_CHANNELS_COUNT)
            return clv_fail(err, CLV_EINVAL, "channels", "'%s' is none of rgb, bgr, gray",
                            texts->channels);
    }
    if (texts->fit != NULL) {
        s.fit = (clv_fit)find_name(texts->fit, fit_names, CLV_FIT_COUNT);
        if (s.fit == CLV_FIT_COUNT)
            return clv_fail(err, CLV_EINVAL, "fit", "'%s' is none of crop, stretch, letterbox",
                            texts->fit);
    }
    if (texts->mean != NULL && !read_three(s.mean, texts->mean))
        return clv_fail(err, CLV_EINVAL, "mean", "'%s' is neither one number nor three with commas",
                        texts->mean);
    if (texts->std != NULL && (!read_three(s.std, texts->std) || is_zero_among(s.std)))
        return clv_fail(err, CLV_EINVAL, "std",
                        "'%s' is neither one number nor three with commas, none of them 0",
                        texts->std);
    if (texts->crop_ratio != NULL) {
        char *end;
        s.crop_ratio = strtof(texts->crop_ratio, &end);
        if (end == texts->crop_ratio || *end != '\0' ||
            !(s.crop_ratio >= MIN_CROP_RATIO && s.crop_ratio <= 1))
            return clv_fail(err, CLV_EINVAL, "crop_ratio", "'%s' is no number within %g..1",
                            texts->crop_ratio, (double)MIN_CROP_RATIO);
    }
    *spec = s;
    return CLV_OK;
}
