/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_PAIRS 64u
#define TICK_MS 10
#define SLOW_BYTES_PER_TICK 400u

/* A connection: index 0 is the device's side, 1 the server's. */
typedef struct pair {
    int fds[2];
    bool dead; /* made or caught in an outage: passes nothing any more */
} pair;

struct net_relay {
    int listener;
    uint16_t port, server_port;
    _Atomic net_weather weather;
    atomic_bool stop;
    pthread_t thread;
    pair pairs[MAX_PAIRS];
    unsigned n_pairs;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void take_connection(net_relay *relay)
{
    struct sockaddr_in server = loopback(relay->server_port);
    int device = accept(relay->listener, NULL, NULL);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    bool there = connect(fd, (struct sockaddr *)&server, sizeof server) == 0;
    if (device < 0 || !there || relay->n_pairs == MAX_PAIRS) {
        (void)close(device);
        (void)close(fd);
        return;
    }
    relay->pairs[relay->n_pairs++] = (pair){{device, fd}, relay->weather == NET_OUTAGE};
}

static void close_pair(net_relay *relay, unsigned index)
{
    (void)close(relay->pairs[index].fds[0]);
    (void)close(relay->pairs[index].fds[1]);
    relay->pairs[index] = relay->pairs[--relay->n_pairs];
}

/* @return false: one side has closed. */
static bool pass(pair *p, int from, size_t limit)
{
    char buffer[65536];
    ssize_t n =
        recv(p->fds[from], buffer, limit < sizeof buffer ? limit : sizeof buffer, MSG_DONTWAIT);
    if (n < 0)
        return true;
    return n > 0 && send(p->fds[1 - from], buffer, (size_t)n, MSG_NOSIGNAL) == n;
}

static void pass_all(net_relay *relay)
{
    net_weather weather = relay->weather;

    for (unsigned i = relay->n_pairs; i-- > 0;) {
        pair *p = &relay->pairs[i];
        p->dead = p->dead || weather == NET_OUTAGE;
        size_t up = weather == NET_SLOW ? SLOW_BYTES_PER_TICK : SIZE_MAX;
        if (!p->dead && (!pass(p, 0, up) || !pass(p, 1, SIZE_MAX)))
            close_pair(relay, i);
    }
}

static void wait_for_work(net_relay *relay)
{
    struct pollfd polls[1 + 2 * MAX_PAIRS];
    nfds_t n = 0;

    polls[n++] = (struct pollfd){relay->listener, POLLIN, 0};
    for (unsigned i = 0; i < relay->n_pairs && relay->weather == NET_FAIR; i++) {
        for (unsigned side = 0; side < 2 && !relay->pairs[i].dead; side++)
            polls[n++] = (struct pollfd){relay->pairs[i].fds[side], POLLIN, 0};
    }
    (void)poll(polls, n, TICK_MS);
    if (relay->weather == NET_SLOW)
        (void)usleep(TICK_MS * 1000); /* the rate of the network, not a wait for something */
    if ((polls[0].revents & POLLIN) != 0)
        take_connection(relay);
}

static void *run(void *context)
{
    net_relay *relay = context;
    while (!relay->stop) {
        wait_for_work(relay);
        pass_all(relay);
    }
    while (relay->n_pairs > 0)
        close_pair(relay, 0);
    return NULL;
}

net_relay *net_relay_start(uint16_t server_port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t bytes = sizeof address;
    net_relay *relay = calloc(1, sizeof *relay);

    assert_non_null(relay);
    relay->server_port = server_port;
    relay->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(relay->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(relay->listener, 64), 0);
    assert_int_equal(getsockname(relay->listener, (struct sockaddr *)&address, &bytes), 0);
    relay->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&relay->thread, NULL, run, relay), 0);
    return relay;
}

uint16_t net_relay_port(const net_relay *relay)
{
    return relay->port;
}

void net_relay_set_weather(net_relay *relay, net_weather weather)
{
    relay->weather = weather;
}

void net_relay_stop(net_relay *relay)
{
    relay->stop = true;
    (void)pthread_join(relay->thread, NULL);
    (void)close(relay->listener);
    free(relay);
}
