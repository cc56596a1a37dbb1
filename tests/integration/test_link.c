/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and a server over TLS on 127.0.0.1: the ordinary course of things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/net_ends.h"

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

static clv_link *start(net_manner manner)
{
    net_watch_init(&watch);
    net_server_start(&server, &pki, manner, 0, 0, &watch);
    clv_link_options options = net_device_options(&server, cam, &watch);
    clv_link *link = net_device_start(&options);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    return link;
}

static void finish(clv_link *link)
{
    clv_link_free(link);
    net_server_stop(&server);
    assert_int_equal(watch.misfits, 0);
    net_watch_done(&watch);
}

static void test_link__greets_and_names_both_ends(void **state)
{
    (void)state;
    clv_link *link = start(NET_ECHO);
    assert_string_equal(watch.server_name, "srv");
    assert_int_equal(watch.n_bundles, 0);
    net_told told = net_watch_await_told(&watch, "connected", "");
    assert_string_equal(told.device, "cam-1");
    clv_link_free(link);
    told = net_watch_await_told(&watch, "left", NULL);
    assert_string_equal(told.device, "cam-1");
    assert_int_equal(watch.events[CLV_LINK_DOWN], 0); /* freeing is no event */
    finish(NULL);
}

static void test_link__echoes_come_back_at_once(void **state)
{
    (void)state;
    clv_link *link = start(NET_HOLD);
    (void)net_device_send(link, 1, 1000); /* nobody answers this one yet */
    net_server_await_held(&server, 1);
    for (unsigned i = 0; i < 3 * CLV_LINK_MAX_ECHOES; i++) {
        assert_int_equal(clv_link_echo(link, 100 + i, i % 2 * CLV_WIRE_MAX_ECHO_BYTES), CLV_OK);
        net_watch_await(&watch, CLV_LINK_ECHOED, i + 1);
        assert_int_equal(watch.last_echo, 100 + i);
        assert_int_equal(watch.echo_times.load_permille, 1234);
        assert_int_equal(watch.echo_times.workers, 3);
    }
    assert_int_equal(watch.n_answers, 0);
    assert_int_equal(clv_link_echo(link, 1, CLV_WIRE_MAX_ECHO_BYTES + 1), CLV_ELIMIT);
    net_server_let_go(&server);
    net_watch_await_answers(&watch, 1);
    finish(link);
}

static void test_link__greetings_name_the_bundles(void **state)
{
    clv_digest ids[129];
    (void)state;
    memset(ids, 0xa1, sizeof ids);
    ids[1].bytes[0] = 7;
    net_watch_init(&watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    assert_int_equal(clv_listener_set_bundles(server.listener, ids, 129), CLV_ELIMIT);
    assert_int_equal(clv_listener_set_bundles(server.listener, ids, 128), CLV_OK);
    clv_link_options options = net_device_options(&server, cam, &watch);
    clv_link *link = net_device_start(&options);
    net_watch_await(&watch, CLV_LINK_UP, 1);
    assert_int_equal(watch.n_bundles, 128);
    assert_memory_equal(watch.bundles, ids, 2 * sizeof ids[0]);
    finish(link);
}

/* The profile of the bundle that the device runs, and no other; each greeting has the newest. */
static void test_link__greetings_carry_the_profile_that_is_asked_for(void **state)
{
    static uint8_t large[CLV_WIRE_MAX_PROFILE_BYTES + 1];
    const clv_digest none = {{9}};
    clv_listener_profile profiles[129] = {
        {{{1}}, (const uint8_t *)"one", 3},
        {{{2}}, large, CLV_WIRE_MAX_PROFILE_BYTES},
        {{{3}}, large, sizeof large}, /* it isn't sent */
        {{{4}}, NULL, 0},
    };
    const struct {
        const clv_digest *asked;
        size_t bytes;
    } cases[] = {{&profiles[0].bundle, 3},
                 {&profiles[1].bundle, CLV_WIRE_MAX_PROFILE_BYTES},
                 {&profiles[2].bundle, 0},
                 {&profiles[3].bundle, 0},
                 {&none, 0},
                 {NULL, 0}};
    (void)state;

    memset(large, 0x5a, sizeof large);
    net_watch_init(&watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    assert_int_equal(clv_listener_set_profiles(server.listener, profiles, 129), CLV_ELIMIT);
    assert_int_equal(clv_listener_set_profiles(server.listener, profiles, 4), CLV_OK);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_link_options options = net_device_options(&server, cam, &watch);
        options.bundle = cases[i].asked;
        watch.up = false; /* freeing the last one was no event */
        clv_link *link = net_device_start(&options);
        net_watch_await(&watch, CLV_LINK_UP, i + 1);
        assert_int_equal(watch.profile_bytes, cases[i].bytes);
        if (i < 2)
            assert_true(watch.profile_sum == net_watch_sum(profiles[i].data, cases[i].bytes));
        (void)net_device_send(link, 0, 10); /* and the link works */
        net_watch_await_answers(&watch, i + 1);
        clv_link_free(link);
    }
    assert_int_equal(clv_listener_set_profiles(server.listener, profiles + 1, 1), CLV_OK);
    clv_link_options options = net_device_options(&server, cam, &watch);
    options.bundle = &profiles[0].bundle;
    watch.up = false;
    clv_link *link = net_device_start(&options);
    net_watch_await(&watch, CLV_LINK_UP, 7);
    assert_int_equal(watch.profile_bytes, 0);
    finish(link);
}

static void test_link__carries_payloads_of_every_size(void **state)
{
    static const size_t sizes[] = {0,     1,     2,     15,     16,      17,      1000,   16383,
                                   16384, 16385, 32768, 100000, 1 << 20, 8 << 20, 300001, 5};
    unsigned n = sizeof sizes / sizeof sizes[0];
    uint64_t sums[16];
    (void)state;
    clv_link *link = start(NET_ECHO);
    for (unsigned i = 0; i < n; i++) {
        sums[i] = net_device_send(link, i, sizes[i]);
        net_watch_await_answers(&watch, i + 1);
    }
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(watch.answers[i].replies, 1);
        assert_int_equal(watch.answers[i].payload_bytes, sizes[i]);
        assert_true(watch.answers[i].sum == sums[i]);
    }
    assert_int_equal(watch.answers[0].times.decode_us, 1);
    assert_int_equal(watch.answers[0].times.queue_us, 2);
    assert_int_equal(watch.answers[0].times.compute_us, 3);
    assert_int_equal(watch.answers[0].times.load_permille, 40);
    assert_int_equal(watch.answers[0].times.workers, 5);
    finish(link);
}

static void test_link__takes_answers_in_any_order(void **state)
{
    uint64_t sums[40];
    (void)state;
    clv_link *link = start(NET_REVERSE);
    for (unsigned i = 0; i < 40; i++) {
        sums[i] = net_device_send(link, i, (size_t)i * 3000);
        if (i % 4 == 3)
            net_watch_await_answers(&watch, i + 1);
    }
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(watch.answers[i].replies, 1);
        assert_true(watch.answers[i].sum == sums[i]);
    }
    finish(link);
}

static void test_link__tells_what_the_server_refuses(void **state)
{
    (void)state;
    clv_link *link = start(NET_REFUSE);
    (void)net_device_send(link, 0, 10); /* frame 0 is a frame */
    (void)net_device_send(link, 9, 10);
    net_watch_await_answers(&watch, 2);
    assert_int_equal(watch.answers[0].refusals, 1);
    assert_int_equal(watch.answers[9].refusals, 1);
    assert_int_equal(watch.answers[9].error.code, CLV_EAGAIN);
    assert_string_equal(watch.answers[9].error.message, "no room");
    finish(link);
}

static void test_link__has_a_bounded_number_of_requests_in_flight(void **state)
{
    clv_digest bundle = {{0}};
    clv_link_request request = {.frame = 100, .bundle = &bundle};
    clv_link_message *message;
    uint8_t *payload;
    (void)state;
    clv_link *link = start(NET_HOLD);
    for (unsigned i = 0; i < CLV_LINK_MAX_IN_FLIGHT; i++)
        (void)net_device_send(link, i, 100);
    assert_int_equal(clv_link_message_create(&message, &payload, &request, 10), CLV_OK);
    assert_int_equal(clv_link_send(link, message, 0, NULL), CLV_EAGAIN);
    net_server_await_held(&server, CLV_LINK_MAX_IN_FLIGHT);
    net_server_let_go(&server);
    net_watch_await_answers(&watch, CLV_LINK_MAX_IN_FLIGHT);
    (void)net_device_send(link, 100, 100);
    net_server_await_held(&server, 1);
    net_server_let_go(&server);
    net_watch_await_answers(&watch, CLV_LINK_MAX_IN_FLIGHT + 1);
    assert_int_equal(watch.events[CLV_LINK_DOWN], 0);
    finish(link);
}

static void test_link__sends_nothing_while_it_is_down(void **state)
{
    clv_digest bundle = {{0}};
    clv_link_request request = {.frame = 1, .bundle = &bundle};
    clv_link_message *message;
    uint8_t *payload;
    size_t wire_bytes = 77;
    (void)state;
    net_watch_init(&watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    clv_link_options options = net_device_options(&server, cam, &watch);
    options.url = "tls+tcp://127.0.0.1:1";
    clv_link *link = net_device_start(&options);
    assert_int_equal(clv_link_message_create(&message, &payload, &request, 10), CLV_OK);
    assert_int_equal(clv_link_send(link, message, 10, &wire_bytes), CLV_ECLOSED);
    assert_int_equal(wire_bytes, 77);
    assert_int_equal(clv_link_message_create(&message, &payload, &request, 10), CLV_OK);
    clv_link_message_free(message);
    clv_link_message_free(NULL);
    assert_int_equal(clv_link_message_create(&message, &payload, &request, (size_t)64 << 20),
                     CLV_ELIMIT);
    finish(link);
}

/* Answers are sent from inside the callback: the next request goes out from there, too. */
typedef struct chain {
    clv_link *link;
    unsigned left;
} chain;

static chain ring;

static void send_next(void *context, const clv_link_event *event)
{
    if (event->type == CLV_LINK_REPLY && ring.left > 0) {
        ring.left--;
        (void)net_device_send(ring.link, (event->frame + 1) % NET_WATCH_MAX_FRAMES, 500);
    }
    net_watch_on_link(context, event);
}

static void test_link__may_send_from_its_callbacks(void **state)
{
    (void)state;
    net_watch_init(&watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    clv_link_options options = net_device_options(&server, cam, &watch);
    options.on_event = send_next;
    ring = (chain){net_device_start(&options), 1000};
    net_watch_await(&watch, CLV_LINK_UP, 1);
    for (unsigned i = 0; i < 4; i++)
        (void)net_device_send(ring.link, i * 50, 500);
    net_watch_await_answers(&watch, 1004);
    finish(ring.link);
}

static void test_link__serves_several_devices_at_once(void **state)
{
    enum { DEVICES = 8, FRAMES = 30 };
    clv_link *links[DEVICES];
    net_watch watches[DEVICES];
    clv_identity *identities[DEVICES];
    (void)state;
    net_watch_init(&watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    for (unsigned i = 0; i < DEVICES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "many-%u", i);
        net_pki_issue(&pki, name, CLV_PKI_DEVICE);
        identities[i] = net_pki_load(&pki, name);
        net_watch_init(&watches[i]);
        clv_link_options options = net_device_options(&server, identities[i], &watches[i]);
        links[i] = net_device_start(&options);
    }
    for (unsigned i = 0; i < DEVICES; i++)
        net_watch_await(&watches[i], CLV_LINK_UP, 1);
    for (unsigned f = 0; f < FRAMES; f++) {
        for (unsigned i = 0; i < DEVICES; i++)
            (void)net_device_send(links[i], f, 2000 + f * 100);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        net_watch_await_answers(&watches[i], FRAMES);
        clv_link_free(links[i]);
        assert_int_equal(watches[i].misfits, 0);
        net_watch_done(&watches[i]);
        clv_identity_free(identities[i]);
    }
    finish(NULL);
}

static void test_link__comes_and_goes_without_a_trace(void **state)
{
    (void)state;
    net_watch_init(&watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    clv_link_options options = net_device_options(&server, cam, &watch);
    for (unsigned i = 0; i < 50; i++) {
        clv_link *link = net_device_start(&options);
        if (i % 5 != 0) { /* every fifth time it is freed in the middle of connecting */
            net_watch_await(&watch, CLV_LINK_UP, watch.events[CLV_LINK_UP] + 1);
            (void)net_device_send(link, i, 1000);
        }
        clv_link_free(link);
        watch.up = false;
    }
    finish(NULL);
}

static void check_bad_options(clv_link_options options, const char *words)
{
    clv_link *link = NULL;
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_link_create(&link, &options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, words));
    assert_null(link);
}

static void test_link__refuses_bad_options(void **state)
{
    static const char *const urls[] = {"",           "127.0.0.1:7447",  "tcp://127.0.0.1:7447",
                                       "tls+tcp://", "tls+tcp://:7447", "http://x:1"};
    clv_link_options options = {
        .url = "tls+tcp://127.0.0.1:7447", .identity = cam, .on_event = net_watch_on_link};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        clv_link_options bad = options;
        bad.url = urls[i];
        check_bad_options(bad, "tls+tcp://HOST:PORT");
    }
    options.link_timeout_us = 99999;
    check_bad_options(options, "100 ms to 60 s");
    options.link_timeout_us = 60000001;
    check_bad_options(options, "100 ms to 60 s");
    clv_link_free(NULL);
}

static void test_link__listener_refuses_bad_options(void **state)
{
    clv_listener *listener = NULL;
    clv_error err = CLV_ERROR_INIT;
    char taken[64];
    (void)state;
    net_watch_init(&watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 0, &watch);
    (void)snprintf(taken, sizeof taken, "tls+tcp://127.0.0.1:%u",
                   clv_listener_port(server.listener));
    clv_listener_options options = {.url = taken,
                                    .identity = server.identity,
                                    .on_request = (void (*)(void *, clv_incoming *))1};
    assert_int_equal(clv_listener_create(&listener, &options, &err), CLV_EIO);
    assert_non_null(strstr(err.message, "something else listens there"));
    options.url = "tcp://127.0.0.1:0";
    assert_int_equal(clv_listener_create(&listener, &options, &err), CLV_EINVAL);
    options.url = "tls+tcp://127.0.0.1:0";
    options.max_message_bytes = CLV_WIRE_MAX_MESSAGE_BYTES + 1;
    assert_int_equal(clv_listener_create(&listener, &options, &err), CLV_EINVAL);
    options.max_message_bytes = 0;
    options.identity = cam;
    assert_int_equal(clv_listener_create(&listener, &options, &err), CLV_EAUTH);
    assert_null(listener);
    clv_listener_free(NULL);
    finish(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__greets_and_names_both_ends),
        cmocka_unit_test(test_link__echoes_come_back_at_once),
        cmocka_unit_test(test_link__greetings_name_the_bundles),
        cmocka_unit_test(test_link__greetings_carry_the_profile_that_is_asked_for),
        cmocka_unit_test(test_link__carries_payloads_of_every_size),
        cmocka_unit_test(test_link__takes_answers_in_any_order),
        cmocka_unit_test(test_link__tells_what_the_server_refuses),
        cmocka_unit_test(test_link__has_a_bounded_number_of_requests_in_flight),
        cmocka_unit_test(test_link__sends_nothing_while_it_is_down),
        cmocka_unit_test(test_link__may_send_from_its_callbacks),
        cmocka_unit_test(test_link__serves_several_devices_at_once),
        cmocka_unit_test(test_link__comes_and_goes_without_a_trace),
        cmocka_unit_test(test_link__refuses_bad_options),
        cmocka_unit_test(test_link__listener_refuses_bad_options),
    };
    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
