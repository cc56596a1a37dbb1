/* SPDX-License-Identifier: Apache-2.0 */
#include "paced_relay.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define TICK_NS 200000
#define CHUNK 65536u
/* What may be saved up, in time: by a link that nobody uses, and by one that has more to pass than
 * it may, whose thread didn't get its turn. */
#define IDLE_US 500.0
#define BUSY_US 100000.0

struct paced_relay {
    int listener;
    uint16_t port, server_port;
    _Atomic double bytes_per_s;
    atomic_bool stop;
    pthread_t thread;
    uint64_t filled_us;
    double tokens;
    bool busy; /* all that might pass has passed: there is more */
};

static void check(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Bytes that may go towards the server now. */
static size_t allowance(paced_relay *relay)
{
    double rate = relay->bytes_per_s;
    uint64_t now_us = clv_clock_now_us();

    if (rate <= 0.0)
        return SIZE_MAX;
    relay->tokens += (double)(now_us - relay->filled_us) * 1e-6 * rate;
    relay->filled_us = now_us;
    double most = rate * (relay->busy ? BUSY_US : IDLE_US) * 1e-6;
    if (relay->tokens > most)
        relay->tokens = most;
    return relay->tokens > 0.0 ? (size_t)relay->tokens : 0;
}

/* @return bytes that passed; -1: one side has closed. */
static ssize_t pass(int from, int to, size_t limit)
{
    static char buffer[CHUNK];
    ssize_t n = recv(from, buffer, limit < sizeof buffer ? limit : sizeof buffer, MSG_DONTWAIT);

    if (n < 0)
        return 0;
    for (ssize_t sent = 0, m; sent < n; sent += m) {
        m = send(to, buffer + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (m <= 0)
            return -1;
    }
    return n > 0 ? n : -1;
}

static void relay_connection(paced_relay *relay, int device, int server)
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    struct pollfd both[2] = {{.fd = device, .events = POLLIN}, {.fd = server, .events = POLLIN}};

    while (!relay->stop) {
        size_t limit = allowance(relay);
        both[0].fd = limit > 0 ? device : -1; /* until there are tokens, only answers wake us */
        if (ppoll(both, 2, &tick, NULL) <= 0) {
            relay->busy = relay->busy && limit == 0;
            continue;
        }
        ssize_t up = limit > 0 ? pass(device, server, limit) : 0;
        if (up < 0 || pass(server, device, SIZE_MAX) < 0)
            return;
        relay->busy = limit == 0 ? relay->busy : (size_t)up >= limit || (size_t)up >= CHUNK;
        relay->tokens -= relay->bytes_per_s > 0.0 ? (double)up : 0.0;
    }
}

static void *run(void *context)
{
    paced_relay *relay = context;
    struct sockaddr_in address = loopback(relay->server_port);
    struct pollfd waiting = {.fd = relay->listener, .events = POLLIN};
    int one = 1;

    while (!relay->stop) {
        if (poll(&waiting, 1, 50) <= 0)
            continue;
        int device = accept(relay->listener, NULL, NULL);
        int server = socket(AF_INET, SOCK_STREAM, 0);
        check(connect(server, (struct sockaddr *)&address, sizeof address) == 0, "connect");
        (void)setsockopt(device, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        relay_connection(relay, device, server);
        (void)close(device);
        (void)close(server);
    }
    return NULL;
}

paced_relay *paced_relay_start(uint16_t server_port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t bytes = sizeof address;
    paced_relay *relay = calloc(1, sizeof *relay);

    check(relay != NULL, "memory");
    relay->server_port = server_port;
    relay->listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(relay->listener, (struct sockaddr *)&address, bytes) == 0, "bind");
    check(listen(relay->listener, 8) == 0, "listen");
    check(getsockname(relay->listener, (struct sockaddr *)&address, &bytes) == 0, "port");
    relay->port = ntohs(address.sin_port);
    check(pthread_create(&relay->thread, NULL, run, relay) == 0, "thread");
    return relay;
}

uint16_t paced_relay_port(const paced_relay *relay)
{
    return relay->port;
}

void paced_relay_set_rate(paced_relay *relay, double bytes_per_s)
{
    relay->bytes_per_s = bytes_per_s;
}

void paced_relay_stop(paced_relay *relay)
{
    relay->stop = true;
    (void)pthread_join(relay->thread, NULL);
    (void)close(relay->listener);
    free(relay);
}
