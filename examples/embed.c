/* SPDX-License-Identifier: Apache-2.0 */
/* The agent inside a program of one's own: answers raw RGB frames from standard input.
 *
 *     embed BUNDLE WIDTH HEIGHT [HOST:PORT CA CERT KEY CUT] < frames.rgb */
#include <stdio.h>
#include <stdlib.h>

#include <cleave/cleave.h>

static clv_status answer_frame(clv_edge *edge, const uint8_t *rgb, uint32_t width, uint32_t height)
{
    clv_edge_answer answer;
    clv_status status = clv_edge_submit(NULL, edge, rgb, width, height, NULL);

    if (status == CLV_OK)
        status = clv_edge_next(&answer, edge, UINT64_MAX);
    if (status != CLV_OK)
        return status;
    printf("frame %llu: %s, %.1f ms, %s\n", (unsigned long long)answer.frame,
           clv_source_name(answer.source), (double)answer.times.total_us / 1000.0,
           answer.error_text != NULL ? answer.error_text : "as wanted");
    if (answer.n_outputs > 0 && answer.outputs[0].dtype == CLV_F32)
        printf("%s[0] = %g\n", answer.output_names[0], *(const float *)answer.outputs[0].data);
    clv_edge_release(edge, &answer);
    return CLV_OK;
}

int main(int argc, char **argv)
{
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    if (argc != 4 && argc != 9)
        return fprintf(stderr, "usage: embed BUNDLE WIDTH HEIGHT [SERVER CA CERT KEY CUT]\n"), 2;
    uint32_t width = (uint32_t)strtoul(argv[2], NULL, 10);
    uint32_t height = (uint32_t)strtoul(argv[3], NULL, 10);
    size_t bytes = (size_t)width * height * 3;
    uint8_t *rgb = malloc(bytes + 1);

    options.bundle = argv[1];
    options.deadline_us = 200000; /* the student answers when the server doesn't by then */
    if (argc == 9) {
        options.server = argv[4];
        options.ca = argv[5], options.cert = argv[6], options.key = argv[7];
        options.cut = (uint32_t)strtoul(argv[8], NULL, 10);
    }
    clv_status status = rgb != NULL ? clv_edge_create(&edge, &options, &err) : CLV_ENOMEM;
    while (status == CLV_OK && fread(rgb, 1, bytes, stdin) == bytes && bytes > 0)
        status = answer_frame(edge, rgb, width, height);
    if (status != CLV_OK)
        fprintf(stderr, "embed: %s %s %s\n", clv_status_text(status), err.location, err.message);
    clv_edge_free(edge);
    free(rgb);
    return status == CLV_OK ? 0 : 1;
}
