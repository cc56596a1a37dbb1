/* SPDX-License-Identifier: Apache-2.0 */
/** @file lab_traffic.c: measures the link laboratory: what gets through it, how far it is, how slow
 *  a program in it runs.
 *
 *      bench_lab_traffic server
 *      bench_lab_traffic client ADDRESS up SECONDS     Mbit/s of TCP's payload, device to server
 *      bench_lab_traffic client ADDRESS down SECONDS   ... and back
 *      bench_lab_traffic client ADDRESS rtt N          median and largest round trip of UDP, ms
 *      bench_lab_traffic spin                          ms of a piece of work; of processor time */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define PORT 5001u
#define MAX_PINGS 1000

static uint8_t chunk[65536];

static void quit(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(int type, struct sockaddr_in *address, const char *host)
{
    int fd = socket(AF_INET, type, 0), on = 1;

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT)};
    if (fd < 0 || inet_pton(AF_INET, host, &address->sin_addr) != 1)
        quit(host);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return fd;
}

/* --- the server ------------------------------------------------------------------------------- */

static void echo_datagrams(void)
{
    struct sockaddr_in address, from;
    int fd = open_socket(SOCK_DGRAM, &address, "0.0.0.0");

    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        quit("bind");
    for (;;) {
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(fd, chunk, sizeof chunk, 0, (struct sockaddr *)&from, &length);
        if (n >= 0)
            (void)sendto(fd, chunk, (size_t)n, 0, (struct sockaddr *)&from, length);
    }
}

/* How fast what comes has come, in Mbit/s; slow start, the first second, isn't counted. It ends
 * at @p until_us or with the stream. */
static double take(int fd, uint64_t until_us)
{
    uint64_t begin_us = clv_clock_now_us() + 1000000u, bytes = 0, now_us = 0, first_us = 0;

    while (now_us < until_us) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0)
            break;
        now_us = clv_clock_now_us();
        if (first_us != 0)
            bytes += (uint64_t)n;
        else if (now_us >= begin_us)
            first_us = now_us;
    }
    return (double)bytes * 8 / (double)(now_us - first_us + 1);
}

static void answer(int fd)
{
    double mbit = take(fd, UINT64_MAX);
    ssize_t written = write(fd, &mbit, sizeof mbit);
    (void)written;
}

static void serve(void)
{
    struct sockaddr_in address;
    int fd = open_socket(SOCK_STREAM, &address, "0.0.0.0");

    (void)signal(SIGPIPE, SIG_IGN);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4) != 0)
        quit("bind");
    if (fork() == 0)
        echo_datagrams();
    for (;;) {
        int peer = accept(fd, NULL, NULL);
        char way;
        if (peer < 0 || read(peer, &way, 1) != 1)
            quit("accept");
        if (way == 'u')
            answer(peer);
        while (way == 'd' && write(peer, chunk, sizeof chunk) > 0) {
        }
        (void)close(peer);
    }
}

/* --- the client ------------------------------------------------------------------------------- */

static double send_until(int fd, uint64_t end_us)
{
    double mbit = 0;

    while (clv_clock_now_us() < end_us)
        if (write(fd, chunk, sizeof chunk) < 0)
            quit("write");
    (void)shutdown(fd, SHUT_WR);
    if (read(fd, &mbit, sizeof mbit) != sizeof mbit)
        quit("read");
    return mbit;
}

static void measure_rate(const char *host, char way, double seconds)
{
    struct sockaddr_in address;
    int fd = -1;

    for (int i = 0; i < 50; i++) { /* the server may be on its way still */
        fd = open_socket(SOCK_STREAM, &address, host);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            break;
        (void)close(fd);
        (void)usleep(20000);
        fd = -1;
    }
    if (fd < 0 || write(fd, &way, 1) != 1)
        quit(host);
    uint64_t end_us = clv_clock_now_us() + (uint64_t)((seconds + 1) * 1e6);
    (void)printf("%.3f\n", way == 'u' ? send_until(fd, end_us) : take(fd, end_us));
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_rtt(const char *host, int n)
{
    struct sockaddr_in address;
    int fd = open_socket(SOCK_DGRAM, &address, host), got = 0;
    struct timeval patience = {.tv_sec = 2};
    double ms[MAX_PINGS];

    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        quit(host);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)usleep(200000); /* for the server */
    for (int i = 0; i < n && i < MAX_PINGS; i++) {
        uint64_t start_us = clv_clock_now_us();
        if (send(fd, chunk, 64, 0) != 64 || recv(fd, chunk, sizeof chunk, 0) != 64)
            continue;
        ms[got++] = (double)(clv_clock_now_us() - start_us) / 1000;
    }
    qsort(ms, (size_t)got, sizeof ms[0], by_size);
    if (got > 0)
        (void)printf("%.3f %.3f\n", ms[got / 2], ms[got - 1]);
}

static void spin(void)
{
    uint64_t start_us = clv_clock_now_us();
    volatile double x = 1;

    for (int i = 0; i < 20000000; i++)
        x = x * 1.0000001;
    (void)printf("%.3f %.3f\n", (double)(clv_clock_now_us() - start_us) / 1000,
                 (double)clock() * 1000 / CLOCKS_PER_SEC);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "server") == 0)
        serve();
    if (argc == 2 && strcmp(argv[1], "spin") == 0)
        spin();
    else if (argc == 5 && strcmp(argv[3], "rtt") == 0)
        measure_rtt(argv[2], atoi(argv[4]));
    else if (argc == 5)
        measure_rate(argv[2], argv[3][0], atof(argv[4]));
    else
        return 2;
    return 0;
}
