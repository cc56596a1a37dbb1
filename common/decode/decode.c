/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/decode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "decode/decode_parts.h"

struct clv_decoder {
    const char *name;
    uint32_t words;
    const char *only_class, *takes;
    clv_decode_fn decode;
};

static const clv_decoder decoders[] = {
#define DECODER_ROW(name, words, only, takes) {#name, words, only, takes, clv_decode_##name},
    CLV_DECODER_LIST(DECODER_ROW)
#undef DECODER_ROW
};
#define N_DECODERS (sizeof decoders / sizeof decoders[0])

static const char *const words[] = {
#define WORD_TEXT(name, word, help) word,
    CLV_DECODE_WORD_LIST(WORD_TEXT)
#undef WORD_TEXT
};

const char *clv_decoder_name(const clv_decoder *decoder)
{
    return decoder->name;
}

const char *clv_decoder_only_class(const clv_decoder *decoder)
{
    return decoder->only_class;
}

/* --- by name ------------------------------------------------------------------------------ */

/* Append to a list with commas; what doesn't fit is cut. */
static void list(char *dst, size_t cap, const char *text)
{
    size_t used = strlen(dst);
    (void)snprintf(dst + used, cap - used, "%s%s", used > 0 ? ", " : "", text);
}

static bool is_text(const char *name, const char *text, size_t n)
{
    return strlen(name) == n && memcmp(name, text, n) == 0;
}

static clv_status find_decoder(const clv_decoder **out, const char *text, size_t n, clv_error *err)
{
    char known[128] = "";

    for (size_t i = 0; i < N_DECODERS; i++) {
        if (is_text(decoders[i].name, text, n)) {
            *out = &decoders[i];
            return CLV_OK;
        }
        list(known, sizeof known, decoders[i].name);
    }
    return clv_fail(err, CLV_EINVAL, NULL, "'%.*s' is none of %s", (int)(n < 100 ? n : 100), text,
                    known);
}

static clv_status find_word(uint32_t *bit_out, const clv_decoder *decoder, const char *text,
                            size_t n, clv_error *err)
{
    char known[256] = "";

    for (uint32_t i = 0; i < CLV_DECODE_N_WORDS; i++) {
        if ((decoder->words >> i & 1) == 0)
            continue;
        if (is_text(words[i], text, n)) {
            *bit_out = 1u << i;
            return CLV_OK;
        }
        list(known, sizeof known, words[i]);
    }
    return clv_fail(err, CLV_EINVAL, NULL, "'%.*s' is none of the words of %s: %s",
                    (int)(n < 100 ? n : 100), text, decoder->name, known);
}

/* Words that contradict each other. */
static clv_status check_words(uint32_t chosen, clv_error *err)
{
    static const uint32_t pairs[] = {
        CLV_DECODE_WORD(OBJECTNESS) | CLV_DECODE_WORD(NO_OBJECTNESS),
        CLV_DECODE_WORD(OBJECTNESS) | CLV_DECODE_WORD(END2END),
        CLV_DECODE_WORD(NO_OBJECTNESS) | CLV_DECODE_WORD(END2END),
        CLV_DECODE_WORD(YXYX) | CLV_DECODE_WORD(CENTRE),
        CLV_DECODE_WORD(OFFSETS) | CLV_DECODE_WORD(PIXELS),
        CLV_DECODE_WORD(OFFSETS) | CLV_DECODE_WORD(YXYX),
        CLV_DECODE_WORD(OFFSETS) | CLV_DECODE_WORD(CENTRE),
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char both[64] = "";
        if ((chosen & pairs[i]) != pairs[i])
            continue;
        for (uint32_t w = 0; w < CLV_DECODE_N_WORDS; w++) {
            if (pairs[i] >> w & 1)
                list(both, sizeof both, words[w]);
        }
        return clv_fail(err, CLV_EINVAL, NULL, "%s: only one of them can be", both);
    }
    return CLV_OK;
}

clv_status clv_decode_choose(clv_decode_options *options, const char *text, clv_error *err)
{
    const clv_decoder *decoder = NULL;
    uint32_t chosen = 0;
    size_t n = strcspn(text, ":");

    CLV_TRY(find_decoder(&decoder, text, n, err));
    while (text[n] != '\0') {
        uint32_t bit = 0;
        text += n + 1;
        n = strcspn(text, ",");
        CLV_TRY(find_word(&bit, decoder, text, n, err));
        chosen |= bit;
    }
    CLV_TRY(check_words(chosen, err));
    options->decoder = decoder;
    options->words = chosen;
    return CLV_OK;
}

/* --- what decoders share ------------------------------------------------------------------ */

bool clv_decode_has(const clv_decode_job *job, uint32_t word)
{
    return (job->options->words & word) != 0;
}

float clv_decode_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

float clv_decode_score(const clv_decode_job *job, float x)
{
    return clv_decode_has(job, CLV_DECODE_WORD(LOGITS)) ? clv_decode_sigmoid(x) : x;
}

bool clv_decode_as_matrix(clv_decode_matrix *out, const clv_decode_job *job, uint32_t i)
{
    const clv_tensor *tensor = &job->outputs[i];
    uint32_t rank = tensor->shape.rank;

    if (rank < 2)
        return false;
    for (uint32_t d = 0; d + 2 < rank; d++) {
        if (tensor->shape.dim[d] != 1)
            return false;
    }
    size_t rows = (size_t)tensor->shape.dim[rank - 2],
           columns = (size_t)tensor->shape.dim[rank - 1];
    *out = (clv_decode_matrix){tensor->data, rows, columns, columns, 1};
    return true;
}

size_t clv_decode_best(const clv_decode_matrix *m, size_t row, size_t from, size_t to)
{
    size_t best = to;

    for (size_t c = from; c < to; c++) {
        float score = clv_decode_at(m, row, c);
        if (!isnan(score) && (best == to || score > clv_decode_at(m, row, best)))
            best = c;
    }
    return best;
}

clv_status clv_decode_misfit(const clv_decode_job *job, const char *why)
{
    const clv_decoder *decoder = job->options->decoder;
    char shapes[256] = "", shape[96];

    for (uint32_t i = 0; i < job->n_outputs && i < 8; i++)
        list(shapes, sizeof shapes, clv_shape_format(shape, sizeof shape, &job->outputs[i].shape));
    return clv_fail(
        job->err, CLV_ESHAPE, NULL, "the decoder '%s' takes %s; the model's outputs are %s%s%s%s",
        decoder->name, decoder->takes, job->n_outputs > 0 ? shapes : "none",
        job->n_outputs > 8 ? ", ..." : "", why != NULL ? ": " : "", why != NULL ? why : "");
}

static clv_status check_options(const clv_decode_options *o, clv_error *err)
{
    const char *problem = NULL;

    if (o->decoder == NULL)
        problem = "no decoder was chosen";
    else if (o->width < 1 || o->width > CLV_INPUT_MAX_SIDE || o->height < 1 ||
             o->height > CLV_INPUT_MAX_SIDE)
        problem = "the input's size is not within 1..16384";
    else if (!(o->score >= 0 && o->score <= 1))
        problem = "the score is not within 0..1";
    else if (!(o->iou >= 0 && o->iou <= 1))
        problem = "the IoU is not within 0..1";
    else if (o->most < 1 || o->most > CLV_MAX_BOXES)
        problem = "the number of boxes is not within 1..4096";
    return problem == NULL ? CLV_OK : clv_fail(err, CLV_EINVAL, NULL, "%s", problem);
}

static clv_status check_tensors(const clv_decode_job *job)
{
    for (uint32_t i = 0; i < job->n_outputs; i++) {
        const clv_tensor *tensor = &job->outputs[i];
        size_t n;
        if (tensor->dtype != CLV_F32)
            return clv_decode_misfit(job, "only float32 is decoded");
        if (tensor->shape.rank > CLV_MAX_RANK || clv_shape_elems(&n, &tensor->shape) != CLV_OK)
            return clv_fail(job->err, CLV_ESHAPE, NULL, "output %u has no valid shape", i);
    }
    return CLV_OK;
}

clv_status clv_decode(clv_boxes *out, const clv_tensor *outputs, uint32_t n_outputs,
                      const clv_decode_options *options, clv_error *err)
{
    clv_decode_job job = {outputs, n_outputs, options, err};

    CLV_TRY(check_options(options, err));
    CLV_TRY(check_tensors(&job));
    CLV_TRY(options->decoder->decode(out, &job));
    clv_boxes_finish(out, options);
    return CLV_OK;
}
