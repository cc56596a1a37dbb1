/* SPDX-License-Identifier: Apache-2.0 */
/* The built cleave-edge as a process: what it reads, prints and exits with. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/edge_stage.h"

#define MAX_FLAGS 40
#define MAX_TEXT 65536
#define LONG_MS "60000"

extern char **environ;

static edge_stage stage;

static int open_stage(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    edge_stage_open(&stage);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    edge_stage_close(&stage);
    return 0;
}

/* --- the process -------------------------------------------------------------------------- */

typedef struct daemon_process {
    pid_t pid;
    int in;    /* what it reads as standard input; -1: closed */
    FILE *out; /* its answers */
    char log[STAGE_PATH_BYTES];
} daemon_process;

static char *path_in(char path[STAGE_PATH_BYTES], const char *name)
{
    (void)snprintf(path, STAGE_PATH_BYTES, "%s/%s", stage.dir, name);
    return path;
}

static daemon_process start(const char *const *flags)
{
    static char program[] = CLV_BINARY_DIR "/bin/cleave-edge";
    char *argv[MAX_FLAGS + 2] = {program};
    daemon_process d = {0};
    posix_spawn_file_actions_t actions;
    int in[2], out[2];

    for (int i = 0; flags[i] != NULL; i++) {
        assert_true(i < MAX_FLAGS);
        argv[i + 1] = strdup(flags[i]);
    }
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, path_in(d.log, "log"),
                                           O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(posix_spawn(&d.pid, program, &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    for (int i = 1; argv[i] != NULL; i++)
        free(argv[i]);
    (void)close(in[0]);
    (void)close(out[1]);
    d.in = in[1];
    d.out = fdopen(out[0], "r");
    assert_non_null(d.out);
    return d;
}

static void close_input(daemon_process *d)
{
    if (d->in >= 0)
        (void)close(d->in);
    d->in = -1;
}

/* Read the rest, wait. @return the exit code, or minus the signal that killed it. */
static int finish(daemon_process *d, char *rest)
{
    static char text[MAX_TEXT];
    int status = 0;

    close_input(d);
    size_t n = d->out != NULL ? fread(text, 1, sizeof text - 1, d->out) : 0;
    text[n] = '\0';
    if (rest != NULL)
        memcpy(rest, text, n + 1);
    if (d->out != NULL)
        (void)fclose(d->out);
    assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void read_log(char *text, const daemon_process *d)
{
    FILE *file = fopen(d->log, "r");
    assert_non_null(file);
    text[fread(text, 1, MAX_TEXT - 1, file)] = '\0';
    (void)fclose(file);
}

static void expect_log(const daemon_process *d, const char *part)
{
    static char text[MAX_TEXT];
    read_log(text, d);
    if (strstr(text, part) == NULL)
        fail_msg("'%s' isn't logged, but:\n%s", part, text);
}

/* Wait until it has logged @p part. */
static void await_log(const daemon_process *d, const char *part)
{
    static char text[MAX_TEXT];
    int looks = 0;

    for (read_log(text, d); strstr(text, part) == NULL; read_log(text, d)) {
        assert_true(looks++ < 60000);
        (void)poll(NULL, 0, 1);
    }
}

/* Run it to its end. @return the exit code. */
static int run(char *out, const char *const *flags)
{
    daemon_process d = start(flags);
    return finish(&d, out);
}

/* --- its answers -------------------------------------------------------------------------- */

static uint32_t count_lines(const char *text)
{
    uint32_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static void expect_part(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in: %s", part, text);
}

/* The line of frame @p id among @p text, in static memory. */
static const char *line_of(const char *text, uint32_t id)
{
    static char line[MAX_TEXT];
    char start_of_line[32];

    (void)snprintf(start_of_line, sizeof start_of_line, "{\"id\":%u,", id);
    const char *at = strstr(text, start_of_line);
    if (at == NULL)
        fail_msg("frame %u has no line in: %s", id, text);
    (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static void read_line(char *line, daemon_process *d)
{
    assert_non_null(fgets(line, MAX_TEXT, d->out));
}

static void write_frames(int fd, uint32_t side, uint32_t frames)
{
    clv_image photo;

    clv_image_init(&photo);
    for (uint32_t i = 0; i < frames; i++) {
        edge_stage_photo(&photo, side, side, i + 1);
        for (size_t done = 0; done < photo.rgb.size;) {
            ssize_t n = write(fd, photo.rgb.data + done, photo.rgb.size - done);
            assert_true(n > 0);
            done += (size_t)n;
        }
    }
    clv_image_done(&photo);
}

/* --- tests -------------------------------------------------------------------------------- */

static void test_edge_daemon__exit_codes_tell_what_went_wrong(void **state)
{
    (void)state;
    static char out[MAX_TEXT];
    char config[STAGE_PATH_BYTES], photos[STAGE_PATH_BYTES];
    const char *const help[] = {"--help", NULL};
    const char *const nothing[] = {NULL};
    const char *const unknown[] = {"--bundel", "x", NULL};
    const char *const keyless[] = {"--bundle", stage.bundle,    "--input", "-",
                                   "--server", "localhost:444", NULL};
    const char *const wattless[] = {"--bundle", stage.bundle,  "--input", "-", "--cut",
                                    "auto",     "--objective", "energy",  NULL};
    const char *const negative[] = {"--bundle",        stage.bundle, "--input", "-",
                                    "--joules-per-mb", "-1",         NULL};
    const char *const missing[] = {"--bundle", "/nowhere.clv", "--input", "-", NULL};
    const char *const no_input[] = {"--bundle", stage.bundle, "--input", "/nowhere", NULL};
    const char *const bad_file[] = {"--config", path_in(config, "bad.ini"), NULL};
    const char *const tensors[] = {"--bundle", stage.tensors, "--input", "-", NULL};
    const char *const two[] = {"--bundle", stage.bundle, "--input", "-", stage.bundle, NULL};

    assert_int_equal(run(out, help), 0);
    expect_part(out, "--deadline-ms");
    assert_int_equal(run(out, nothing), 2);
    assert_string_equal(out, "");
    assert_int_equal(run(NULL, unknown), 2);
    assert_int_equal(run(NULL, keyless), 2);
    assert_int_equal(run(NULL, wattless), 2);
    assert_int_equal(run(NULL, negative), 2);
    assert_int_equal(run(NULL, missing), 3);
    assert_int_equal(run(NULL, no_input), 3);
    assert_int_equal(run(NULL, tensors), 3);
    assert_int_equal(run(NULL, two), 3);
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    (void)fputs("[edge]\nno_such = thing\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(run(NULL, bad_file), 3);

    edge_stage_write_png(path_in(photos, "good.png"), 20, 1);
    const char *const mixed[] = {"--bundle", stage.bundle, "--input", photos, stage.bundle, NULL};
    daemon_process d = start(mixed); /* a bundle is no image: the other is answered all the same */
    assert_int_equal(finish(&d, out), 1);
    assert_int_equal(count_lines(out), 1);
    expect_log(&d, stage.bundle);
}

static void test_edge_daemon__answers_a_folder_of_images(void **state)
{
    (void)state;
    static char out[MAX_TEXT];
    char dir[STAGE_PATH_BYTES], path[STAGE_PATH_BYTES];
    const char *const names[] = {"photos/b.png", "photos/a.PNG", "photos/c.png"};

    assert_int_equal(mkdir(path_in(dir, "photos"), 0700), 0);
    for (uint32_t i = 0; i < 3; i++)
        edge_stage_write_png(path_in(path, names[i]), 20 + i, i);
    assert_int_equal(symlink("nothing", path_in(path, "photos/notes.txt")), 0);
    const char *const flags[] = {"--bundle", stage.bundle, "--input", dir, "--top",
                                 "2",        "--repeat",   "2",       NULL};
    assert_int_equal(run(out, flags), 0);
    assert_int_equal(count_lines(out), 6);
    const char *const order[] = {"photos/a.PNG", "photos/b.png", "photos/c.png"};
    for (uint32_t i = 0; i < 6; i++) {
        const char *line = line_of(out, i + 1);
        expect_part(line, order[i % 3]);
        expect_part(line, "\"source\":\"local\",\"late\":false,\"cut\":");
        expect_part(line, "\"bytes\":0,\"top\":[{\"class\":");
        expect_part(line, "\"us\":{\"preprocess\":");
        expect_part(line, "\"error\":null}");
        uint32_t labels = 0;
        for (const char *at = line; (at = strstr(at, "\"label\":\"")) != NULL; at++)
            labels++;
        assert_int_equal(labels, 2);
    }
}

static void test_edge_daemon__prints_tensors_that_come_back_exactly(void **state)
{
    (void)state;
    static char out[MAX_TEXT];
    char path[STAGE_PATH_BYTES];
    float expected[STAGE_OUTPUT_FLOATS];
    clv_image photo;

    edge_stage_write_png(path_in(path, "one.png"), 24, 7);
    const char *const flags[] = {"--bundle",  stage.bundle, "--input",   path,
                                 "--backend", "ref",        "--tensors", NULL};
    assert_int_equal(run(out, flags), 0);
    clv_image_init(&photo);
    edge_stage_photo(&photo, 24, 24, 7);
    edge_stage_expect(expected, stage.bundle, false, &photo);
    clv_image_done(&photo);
    const char *data = strstr(out, "\"classes\":{\"type\":\"float32\",\"shape\":[1,5],\"data\":[");
    if (data == NULL)
        fail_msg("no tensor in: %s", out);
    data = strstr(data, "\"data\":[") + strlen("\"data\":[");
    for (uint32_t i = 0; i < STAGE_OUTPUT_FLOATS; i++) {
        char *end;
        float value = strtof(data, &end);
        assert_memory_equal(&value, &expected[i], sizeof value);
        data = end + 1;
    }
}

static void test_edge_daemon__reads_raw_frames_to_the_end(void **state)
{
    (void)state;
    static char out[MAX_TEXT];
    const char *const flags[] = {"--bundle", stage.bundle, "--input", "-", "--size", "24x24", NULL};
    daemon_process d = start(flags);
    write_frames(d.in, 24, 3);
    assert_int_equal(finish(&d, out), 0);
    assert_int_equal(count_lines(out), 3);
    expect_part(line_of(out, 3), "\"file\":\"-\"");

    d = start(flags); /* the last frame is cut off */
    write_frames(d.in, 24, 2);
    assert_int_equal(write(d.in, out, 100), 100);
    assert_int_equal(finish(&d, out), 1);
    assert_int_equal(count_lines(out), 2);
    expect_log(&d, "100 of 1728 bytes");
}

static void test_edge_daemon__a_signal_ends_it_after_the_last_answer(void **state)
{
    (void)state;
    static char line[MAX_TEXT];
    const int signals[] = {SIGTERM, SIGINT};

    for (int i = 0; i < 2; i++) { /* without --size: the model's */
        const char *const flags[] = {"--bundle", stage.bundle, "--input", "-", NULL};
        daemon_process d = start(flags);
        write_frames(d.in, STAGE_SIDE, 2);
        read_line(line, &d);
        read_line(line, &d);
        expect_part(line, "\"id\":2,");
        assert_int_equal(kill(d.pid, signals[i]), 0);
        char byte; /* its input is still open */
        assert_int_equal(fread(&byte, 1, 1, d.out), 0);
        assert_int_equal(finish(&d, NULL), 0);
    }
}

/* From `"top":` to the times. */
static void take_top(char *top, const char *line)
{
    const char *from = strstr(line, "\"top\":"), *to = strstr(line, ",\"us\":");
    assert_true(from != NULL && to != NULL && from < to);
    (void)snprintf(top, MAX_TEXT, "%.*s", (int)(to - from), from);
}

/* Pictures that go round are read and decoded once. */
static void test_edge_daemon__keeps_pictures_that_come_again(void **state)
{
    (void)state;
    static char line[MAX_TEXT], first[MAX_TEXT], last[MAX_TEXT];
    char path[STAGE_PATH_BYTES];
    edge_stage_write_png(path_in(path, "round.png"), 24, 7);
    const char *const flags[] = {"--bundle", stage.bundle, "--input", path,
                                 "--repeat", "100",        NULL};
    daemon_process d = start(flags);

    read_line(line, &d);
    take_top(first, line);
    assert_int_equal(unlink(path), 0);
    for (uint32_t i = 0; i < 50; i++)
        read_line(line, &d);
    take_top(last, line);
    assert_string_equal(last, first);
    assert_int_equal(finish(&d, NULL), 0);
    read_log(line, &d);
    assert_string_equal(line, "");
}

static void test_edge_daemon__ends_quietly_when_nobody_reads(void **state)
{
    (void)state;
    static char line[MAX_TEXT];
    char path[STAGE_PATH_BYTES];
    edge_stage_write_png(path_in(path, "again.png"), 24, 7);
    const char *const flags[] = {"--bundle", stage.bundle, "--input", path, "--repeat", "0", NULL};
    daemon_process d = start(flags);

    read_line(line, &d);
    (void)fclose(d.out);
    d.out = NULL;
    assert_int_equal(finish(&d, NULL), 0);
    read_log(line, &d);
    assert_string_equal(line, "");
}

static void test_edge_daemon__a_fifo_takes_one_writer_after_another(void **state)
{
    (void)state;
    static char line[MAX_TEXT];
    char path[STAGE_PATH_BYTES];
    assert_int_equal(mkfifo(path_in(path, "frames"), 0600), 0);
    const char *const flags[] = {"--bundle", stage.bundle, "--input", path, NULL};
    daemon_process d = start(flags);

    for (uint32_t writer = 0; writer < 2; writer++) {
        int fd = open(path, O_WRONLY | O_CLOEXEC); /* waits for the reader */
        assert_true(fd >= 0);
        write_frames(fd, STAGE_SIDE, 2);
        read_line(line, &d);
        read_line(line, &d);
        expect_part(line, writer == 0 ? "\"id\":2," : "\"id\":4,");
        if (writer == 0) { /* it goes in the middle of a frame, which is dropped */
            assert_int_equal(write(fd, line, 100), 100);
            (void)close(fd);
            await_log(&d, "100 of 768 bytes");
        } else {
            (void)close(fd);
        }
    }
    assert_int_equal(kill(d.pid, SIGTERM), 0);
    assert_int_equal(finish(&d, NULL), 0);
}

static void test_edge_daemon__splits_with_a_server_by_its_file(void **state)
{
    (void)state;
    static char out[MAX_TEXT];
    char config[STAGE_PATH_BYTES], photo[STAGE_PATH_BYTES];
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    FILE *file = fopen(path_in(config, "edge.ini"), "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "[edge]\nbundle = %s\ninput = %s\ncut = 1\ncodec = float\nbackend = ref\n"
                  "[server]\naddress = localhost:%u\nwait_ms = " LONG_MS "\n"
                  "[tls]\nca = %s\ncert = %s\nkey = %s\n[log]\nformat = json\n",
                  stage.bundle, path_in(photo, "split.png"), edge_server_port(server), stage.ca,
                  stage.cert, stage.key);
    assert_int_equal(fclose(file), 0);
    edge_stage_write_png(photo, 24, 7);

    const char *const flags[] = {"--config", config, "--cut", "2", NULL};
    daemon_process d = start(flags);
    assert_int_equal(finish(&d, out), 0);
    expect_part(line_of(out, 1), "\"source\":\"split\",\"late\":false,\"cut\":2,");
    expect_log(&d, "the link to localhost is up");
    assert_int_equal(edge_server_requests(server), 1);

    edge_server_stop(server);
    const char *const alone[] = {"--config", config, "--wait-link-ms", "1", NULL};
    assert_int_equal(run(out, alone), 0);
    expect_part(line_of(out, 1), "\"source\":\"student\"");
    expect_part(line_of(out, 1), "\"error\":\"the link is down");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_daemon__exit_codes_tell_what_went_wrong),
        cmocka_unit_test(test_edge_daemon__answers_a_folder_of_images),
        cmocka_unit_test(test_edge_daemon__prints_tensors_that_come_back_exactly),
        cmocka_unit_test(test_edge_daemon__reads_raw_frames_to_the_end),
        cmocka_unit_test(test_edge_daemon__a_signal_ends_it_after_the_last_answer),
        cmocka_unit_test(test_edge_daemon__keeps_pictures_that_come_again),
        cmocka_unit_test(test_edge_daemon__ends_quietly_when_nobody_reads),
        cmocka_unit_test(test_edge_daemon__a_fifo_takes_one_writer_after_another),
        cmocka_unit_test(test_edge_daemon__splits_with_a_server_by_its_file),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
