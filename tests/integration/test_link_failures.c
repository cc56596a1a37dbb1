/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when the network, the server or a device fails, and that it passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "support/net_ends.h"
#include "support/net_fake.h"
#include "support/net_raw.h"
#include "support/net_relay.h"

static net_pki pki;
static net_watch watch;
static net_server server;
static clv_identity *cam;

static int make_pki(void **state)
{
    (void)state;
    net_pki_create(&pki);
    net_pki_issue(&pki, "srv", CLV_PKI_SERVER);
    net_pki_issue(&pki, "cam-1", CLV_PKI_DEVICE);
    cam = net_pki_load(&pki, "cam-1");
    return 0;
}

static int remove_pki(void **state)
{
    (void)state;
    clv_identity_free(cam);
    net_pki_remove(&pki);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    net_watch_init(&watch);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(watch.misfits, 0);
    net_watch_done(&watch);
    return 0;
}

/* A device of a port of 127.0.0.1. */
static clv_link *dial(uint16_t port, uint64_t timeout_us)
{
    static char url[64];
    (void)snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", port);
    clv_link_options options = {.url = url,
                                .server_name = "srv",
                                .identity = cam,
                                .redial_us = 50000,
                                .link_timeout_us = timeout_us,
                                .on_event = net_watch_on_link,
                                .context = &watch};
    return net_device_start(&options);
}

/* @param code  CLV_OK: any. */
static void check_said(clv_link_event_type type, clv_status code, const char *words)
{
    net_watch_await(&watch, type, 1);
    if (code != CLV_OK)
        assert_int_equal(watch.errors[type].code, code);
    if (strstr(watch.errors[type].message, words) == NULL)
        fail_msg("'%s' doesn't say '%s'", watch.errors[type].message, words);
}

/* --- no server ---------------------------------------------------------------------------- */

static void test_link_failures__nobody_listens(void **state)
{
    uint16_t port;
    (void)state;
    (void)close(net_silent_listen(16, &port)); /* a port that was free just now */
    clv_link *link = dial(port, 2000000);
    check_said(CLV_LINK_FAILED, CLV_EIO, "nobody listens there");
    net_watch_await(&watch, CLV_LINK_FAILED, 5); /* it goes on */
    net_server_start(&server, &pki, NET_ECHO, port, 0, &watch);
    net_watch_await(&watch, CLV_LINK_UP, 1); /* and finds it when it comes */
    clv_link_free(link);
    net_server_stop(&server);
}

static void test_link_failures__a_server_that_accepts_and_says_nothing(void **state)
{
    uint16_t port;
    (void)state;
    int fd = net_silent_listen(16, &port);
    clv_link *link = dial(port, 100000);
    check_said(CLV_LINK_FAILED, CLV_ETIMEDOUT, "connected, but the server said nothing for 1");
    net_watch_await(&watch, CLV_LINK_FAILED, 3); /* it goes on */
    (void)close(fd);
    net_server_start(&server, &pki, NET_ECHO, port, 0, &watch);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    clv_link_free(link);
    net_server_stop(&server);
}

static void test_link_failures__a_host_that_does_not_answer(void **state)
{
    uint16_t port;
    net_raw first;
    (void)state;
    int fd = net_silent_listen(0, &port);
    net_raw_connect(&first, port); /* takes the only place: TCP drops what comes after it */
    clv_link *link = dial(port, 200000);
    check_said(CLV_LINK_FAILED, CLV_ETIMEDOUT, "no answer within 200 ms");
    net_watch_await(&watch, CLV_LINK_FAILED, 3);
    net_raw_close(&first);
    (void)close(fd);
    net_server_start(&server, &pki, NET_ECHO, port, 0, &watch);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    clv_link_free(link);
    net_server_stop(&server);
}

/* --- the server goes ---------------------------------------------------------------------- */

static void test_link_failures__the_server_restarts(void **state)
{
    (void)state;
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    uint16_t port = clv_listener_port(server.listener);
    clv_link *link = dial(port, 2000000);
    for (unsigned i = 1; i <= 5; i++) {
        net_watch_await(&watch, CLV_LINK_UP, i);
        (void)net_device_send(link, i, 1000);
        net_watch_await_answers(&watch, i);
        net_server_stop(&server);
        net_watch_await(&watch, CLV_LINK_DOWN, i);
        /* With a goodbye, unless something else is just being sent. */
        assert_non_null(strstr(watch.errors[CLV_LINK_DOWN].message, "closed the connection"));
        net_server_start(&server, &pki, NET_ECHO, port, 0, &watch);
    }
    net_watch_await(&watch, CLV_LINK_UP, 6);
    clv_link_free(link);
    net_server_stop(&server);
}

static void test_link_failures__unanswered_requests_are_gone_with_the_connection(void **state)
{
    (void)state;
    net_server_start(&server, &pki, NET_HOLD, 0, 0, &watch);
    uint16_t port = clv_listener_port(server.listener);
    clv_link *link = dial(port, 2000000);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    for (unsigned i = 0; i < 10; i++)
        (void)net_device_send(link, i, 50000);
    net_server_await_held(&server, 10);
    net_server_stop(&server); /* it answers afterwards, too late */
    net_watch_await(&watch, CLV_LINK_DOWN, 1);
    net_server_start(&server, &pki, NET_ECHO, port, 0, &watch);
    net_watch_await(&watch, CLV_LINK_UP, 2);
    (void)net_device_send(link, 100, 10);
    net_watch_await_answers(&watch, 1);
    assert_int_equal(watch.answers[100].replies, 1); /* and none of the old ones */
    clv_link_free(link);
    net_server_stop(&server);
}

static void check_sends_nothing(clv_link *link)
{
    clv_digest bundle = {{0}};
    clv_link_request request = {.frame = 1, .bundle = &bundle};
    clv_link_message *message;
    uint8_t *payload;
    assert_int_equal(clv_link_message_create(&message, &payload, &request, 10), CLV_OK);
    assert_int_equal(clv_link_send(link, message, 10, NULL), CLV_ECLOSED);
}

/* --- the network goes --------------------------------------------------------------------- */

static void test_link_failures__an_outage_is_noticed_and_passes(void **state)
{
    (void)state;
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    net_relay *relay = net_relay_start(clv_listener_port(server.listener));
    clv_link *link = dial(net_relay_port(relay), 400000);
    for (unsigned i = 1; i <= 3; i++) {
        net_watch_await(&watch, CLV_LINK_UP, i);
        net_relay_set_weather(relay, NET_OUTAGE);
        uint64_t start_us = clv_clock_now_us();
        (void)net_device_send(link, i, 1000);
        net_watch_await(&watch, CLV_LINK_DOWN, i);
        uint64_t took_us = clv_clock_now_us() - start_us;
        assert_true(took_us > 200000);  /* the last heartbeat came up to 150 ms before */
        assert_true(took_us < 4000000); /* on a busy machine */
        assert_int_equal(watch.errors[CLV_LINK_DOWN].code, CLV_ETIMEDOUT);
        assert_non_null(strstr(watch.errors[CLV_LINK_DOWN].message, "nothing was heard"));
        check_sends_nothing(link);
        net_relay_set_weather(relay, NET_FAIR);
    }
    net_watch_await(&watch, CLV_LINK_UP, 4);
    assert_int_equal(watch.n_answers, 0);
    clv_link_free(link);
    net_relay_stop(relay);
    net_server_stop(&server);
}

static void test_link_failures__a_long_message_on_a_slow_network_is_no_outage(void **state)
{
    (void)state;
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    net_relay *relay = net_relay_start(clv_listener_port(server.listener));
    clv_link *link = dial(net_relay_port(relay), 500000);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    net_relay_set_weather(relay, NET_SLOW);
    (void)net_device_send(link, 1, 100000); /* 2.5 s at least, of which nothing comes back */
    net_watch_await_answers(&watch, 1);
    assert_int_equal(watch.answers[1].replies, 1);
    assert_int_equal(watch.events[CLV_LINK_DOWN], 0);
    clv_link_free(link);
    net_relay_stop(relay);
    net_server_stop(&server);
}

static void test_link_failures__an_idle_link_stays_up(void **state)
{
    (void)state;
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    clv_link *link = dial(clv_listener_port(server.listener), 100000);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    /* Silence of 16 heartbeats of 25 ms would make the server drop it, of 100 ms the device. */
    net_raw raw;
    clv_wire_header hello = net_raw_hello("cam-1");
    hello.hello.heartbeat_us = 50000;
    net_raw_connect(&raw, clv_listener_port(server.listener));
    assert_int_equal(net_raw_shake_hands(&raw, net_pki_path(&pki, "cam-1", ".crt"),
                                         net_pki_path(&pki, "cam-1", ".key")),
                     0);
    assert_true(net_raw_send_message(&raw, &hello, 0));
    assert_true(net_raw_receive(&raw, &hello));
    net_raw_await_end(&raw); /* this one sends no heartbeats: 800 ms */
    net_told told = net_watch_await_told(&watch, "left", "nothing was heard of it for");
    assert_string_equal(told.device, "cam-1");
    net_raw_close(&raw);
    assert_int_equal(watch.events[CLV_LINK_DOWN], 0);
    clv_link_free(link);
    net_server_stop(&server);
}

/* --- a device goes ------------------------------------------------------------------------ */

static void open_greeted(net_raw *raw)
{
    clv_wire_header hello = net_raw_hello("cam-1");
    net_raw_connect(raw, clv_listener_port(server.listener));
    assert_int_equal(net_raw_shake_hands(raw, net_pki_path(&pki, "cam-1", ".crt"),
                                         net_pki_path(&pki, "cam-1", ".key")),
                     0);
    assert_true(net_raw_send_message(raw, &hello, 0));
    assert_true(net_raw_receive(raw, &hello));
    assert_int_equal(hello.type, CLV_WIRE_WELCOME);
}

static void test_link_failures__a_device_killed_in_a_request_hurts_nobody(void **state)
{
    uint8_t half[CLV_WIRE_PROLOGUE_BYTES + 100] = {0};
    clv_wire_prologue prologue = {CLV_WIRE_REQUEST, 50, 1000000};
    clv_wire_header request = {.type = CLV_WIRE_REQUEST};
    net_raw raw;
    (void)state;
    net_server_start(&server, &pki, NET_HOLD, 0, 0, &watch);
    clv_link *link = dial(clv_listener_port(server.listener), 5000000);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    clv_wire_write_prologue(half, &prologue);
    for (unsigned i = 0; i < 10; i++) {
        open_greeted(&raw);
        assert_true(net_raw_send_message(&raw, &request, 1000));
        assert_true(net_raw_send(&raw, half, sizeof half));
        net_server_await_held(&server, i + 1);
        net_raw_close(&raw); /* one request is held, half of another one was sent */
    }
    (void)net_watch_await_told(&watch, "left", "without a goodbye");
    server.manner = NET_ECHO;
    net_server_let_go(&server); /* the answers of those who have gone are dropped */
    (void)net_device_send(link, 1, 1000);
    net_watch_await_answers(&watch, 1);
    assert_int_equal(watch.events[CLV_LINK_DOWN], 0);
    clv_link_free(link);
    net_server_stop(&server);
}

static void test_link_failures__a_device_that_reads_no_answers_hurts_nobody(void **state)
{
    net_raw raw;
    clv_wire_header request = {.type = CLV_WIRE_REQUEST};
    (void)state;
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    clv_link *link = dial(clv_listener_port(server.listener), 5000000);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    open_greeted(&raw);
    bool sent = true;
    for (unsigned i = 0; i < 60 && sent; i++) /* answers that wait: at most 64 MiB */
        sent = net_raw_send_message(&raw, &request, 2 << 20);
    (void)net_watch_await_told(&watch, "left", "it doesn't read its answers");
    (void)net_device_send(link, 1, 1000);
    net_watch_await_answers(&watch, 1);
    net_raw_close(&raw);
    clv_link_free(link);
    net_server_stop(&server);
}

/* --- servers with bad manners -------------------------------------------------------------- */

static void check_fake(const net_fake_speech *speech, clv_link_event_type type, clv_status code,
                       const char *words)
{
    net_watch_init(&watch);
    net_fake *fake = net_fake_start(&pki, speech);
    clv_link *link = dial(net_fake_port(fake), 1000000);
    check_said(type, code, words);
    net_watch_await(&watch, type, 2); /* it goes on */
    clv_link_free(link);
    net_fake_stop(fake);
}

static void test_link_failures__servers_with_bad_manners(void **state)
{
    uint8_t words[8192];
    clv_wire_header header = {.type = CLV_WIRE_WELCOME};
    net_fake_speech speech = {.data = words, .after_hello = true};
    (void)state;

    header.welcome.protocol = 9;
    speech.bytes = net_fake_put(words, &header);
    check_fake(&speech, CLV_LINK_FAILED, CLV_EVERSION, "speaks protocol 9, this device 1");

    header.welcome.protocol = 1;
    speech.bytes = net_fake_put(words, &header);
    speech.then_close = true;
    check_fake(&speech, CLV_LINK_DOWN, CLV_OK, "closed the connection");
    speech.then_close = false;

    size_t n = net_fake_put(words, &header);
    header = net_raw_hello("cam-1");
    speech.bytes = n + net_fake_put(words + n, &header);
    check_fake(&speech, CLV_LINK_DOWN, CLV_EFORMAT, "the server sent a hello");

    memset(words + n, 'x', 100);
    speech.bytes = n + 100;
    check_fake(&speech, CLV_LINK_DOWN, CLV_EFORMAT, "not a message of Cleave");

    header.type = CLV_WIRE_REFUSAL;
    header.refusal = (clv_wire_refusal){.status = CLV_EAGAIN, .reason = "full up"};
    speech.bytes = net_fake_put(words, &header);
    check_fake(&speech, CLV_LINK_FAILED, CLV_EAGAIN, "the server refuses this device: full up");

    speech.bytes = 0;
    check_fake(&speech, CLV_LINK_FAILED, CLV_ETIMEDOUT, "the server said nothing");
}

static void test_link_failures__answers_nobody_asked_for(void **state)
{
    uint8_t words[8192];
    clv_wire_header header = {.type = CLV_WIRE_WELCOME};
    net_fake_speech speech = {.data = words, .after_hello = true};
    (void)state;
    header.welcome.protocol = 1;
    /* A reply before the welcome is dropped, one after it is the owner's to know. */
    clv_wire_header reply = {.type = CLV_WIRE_REPLY, .reply = {.frame = 5}};
    size_t n = net_fake_put(words, &reply);
    n += net_fake_put(words + n, &header);
    n += net_fake_put(words + n, &header); /* welcome twice */
    speech.bytes = n;
    net_fake *fake = net_fake_start(&pki, &speech);
    clv_link *link = dial(net_fake_port(fake), 1000000);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    net_watch_await(&watch, CLV_LINK_DOWN, 1); /* it sends no heartbeats */
    assert_int_equal(watch.n_answers, 0);
    clv_link_free(link);
    net_fake_stop(fake);
}

/* --- no memory ---------------------------------------------------------------------------- */

static void test_link_failures__every_allocation_may_fail(void **state)
{
    clv_link_options link_options = {.url = "tls+tcp://127.0.0.1:1",
                                     .identity = cam,
                                     .on_event = net_watch_on_link,
                                     .context = &watch};
    clv_error err = CLV_ERROR_INIT;
    clv_status status = CLV_ENOMEM;
    unsigned n = 0;
    (void)state;
    for (; status != CLV_OK; n++) {
        clv_link *link = NULL;
        clv_memory_fail_after(n + 1);
        status = clv_link_create(&link, &link_options, &err);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || (status == CLV_ENOMEM && link == NULL));
        clv_link_free(link);
    }
    assert_true(n > 4);

    clv_identity *srv = net_pki_load(&pki, "srv");
    clv_listener_options options = {.url = "tls+tcp://127.0.0.1:0",
                                    .identity = srv,
                                    .on_request = (void (*)(void *, clv_incoming *))1};
    status = CLV_ENOMEM;
    for (n = 0; status != CLV_OK; n++) {
        clv_listener *listener = NULL;
        clv_memory_fail_after(n + 1);
        status = clv_listener_create(&listener, &options, &err);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || (status == CLV_ENOMEM && listener == NULL));
        clv_listener_free(listener);
    }
    assert_true(n > 2);
    clv_identity_free(srv);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_link_failures__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_listens),
        TEST(a_server_that_accepts_and_says_nothing),
        TEST(a_host_that_does_not_answer),
        TEST(the_server_restarts),
        TEST(unanswered_requests_are_gone_with_the_connection),
        TEST(an_outage_is_noticed_and_passes),
        TEST(a_long_message_on_a_slow_network_is_no_outage),
        TEST(an_idle_link_stays_up),
        TEST(a_device_killed_in_a_request_hurts_nobody),
        TEST(a_device_that_reads_no_answers_hurts_nobody),
        TEST(servers_with_bad_manners),
        TEST(answers_nobody_asked_for),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
