/* SPDX-License-Identifier: Apache-2.0 */
/* Who isn't served, what the server's log and the device say of it, and that the others are served
 * meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/net_ends.h"
#include "support/net_raw.h"

static net_pki pki, other;
static net_watch watch; /* of the server and of the device that is refused */
static net_server server;

/* A device that is served all the time. */
static net_watch good_watch;
static clv_identity *good_identity;
static clv_link *good;

static int make_pki(void **state)
{
    (void)state;
    net_pki_create(&pki);
    net_pki_create(&other);
    net_pki_issue(&pki, "srv", CLV_PKI_SERVER);
    net_pki_issue(&pki, "good", CLV_PKI_DEVICE);
    net_pki_issue(&pki, "cam-1", CLV_PKI_DEVICE);
    net_pki_issue(&other, "cam-1", CLV_PKI_DEVICE);
    return 0;
}

static int remove_pki(void **state)
{
    (void)state;
    net_pki_remove(&other);
    net_pki_remove(&pki);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    net_watch_init(&watch);
    net_watch_init(&good_watch);
    net_server_start(&server, &pki, NET_ECHO, 0, 100000, &watch);
    good_identity = net_pki_load(&pki, "good");
    clv_link_options options = net_device_options(&server, good_identity, &good_watch);
    good = net_device_start(&options);
    net_watch_await(&good_watch, CLV_LINK_UP, 1);
    return 0;
}

static void check_good_is_served(void)
{
    unsigned before = good_watch.n_answers;
    (void)net_device_send(good, before, 1000);
    net_watch_await_answers(&good_watch, before + 1);
    assert_int_equal(good_watch.events[CLV_LINK_DOWN], 0);
}

static int tear_down(void **state)
{
    (void)state;
    check_good_is_served();
    clv_link_free(good);
    clv_identity_free(good_identity);
    net_server_stop(&server);
    assert_int_equal(watch.n_answers, 0); /* the refused one never got one */
    net_watch_done(&good_watch);
    net_watch_done(&watch);
    return 0;
}

static uint16_t port(void)
{
    return clv_listener_port(server.listener);
}

/* A device that never gets in: what it says, and what the server's log says. */
static void check_refused_device(const clv_link_options *options, const char *device_says,
                                 const char *log_name, const char *log_says)
{
    clv_link *link = net_device_start(options);
    net_watch_await(&watch, CLV_LINK_FAILED, 1);
    if (strstr(watch.errors[CLV_LINK_FAILED].message, device_says) == NULL)
        fail_msg("the device says: %s", watch.errors[CLV_LINK_FAILED].message);
    assert_int_equal(watch.errors[CLV_LINK_FAILED].code, CLV_EAUTH);
    assert_string_equal(watch.errors[CLV_LINK_FAILED].location, server.url + 10);
    net_told told = net_watch_await_told(&watch, "refused", log_says);
    assert_int_equal(strncmp(told.device, log_name, strlen(log_name)), 0);
    assert_int_equal(strncmp(told.error.location, "127.0.0.1:", 10), 0);
    check_good_is_served();
    clv_link_free(link);
    assert_int_equal(watch.events[CLV_LINK_UP], 0);
}

static void test_link_refusals__a_device_of_another_authority(void **state)
{
    clv_identity *stranger = NULL;
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    const char *both = net_pki_path(&other, "both", ".crt");
    net_pki_concatenate(both, net_pki_path(&pki, "ca", ".crt"), net_pki_path(&other, "ca", ".crt"));
    assert_int_equal(net_pki_try_load(&stranger, both, net_pki_path(&other, "cam-1", ".crt"),
                                      net_pki_path(&other, "cam-1", ".key"), &err),
                     CLV_OK);
    clv_link_options options = net_device_options(&server, stranger, &watch);
    check_refused_device(&options,
                         "the server refuses this device's certificate: it is not signed by an "
                         "authority that it trusts",
                         "127.0.0.1:",
                         "the device's certificate ('cam-1') is not signed by the trusted "
                         "authority");
    clv_identity_free(stranger);
}

static void test_link_refusals__a_device_that_trusts_another_authority(void **state)
{
    (void)state;
    clv_identity *stranger = net_pki_load(&other, "cam-1");
    clv_link_options options = net_device_options(&server, stranger, &watch);
    check_refused_device(&options,
                         "the server's certificate ('srv') is not signed by the trusted authority",
                         "127.0.0.1:",
                         "the device refuses this server's certificate: it is not signed by an "
                         "authority that it trusts");
    clv_identity_free(stranger);
}

static void test_link_refusals__a_device_that_claims_another_name(void **state)
{
    (void)state;
    clv_identity *cam = net_pki_load(&pki, "cam-1");
    clv_link_options options = net_device_options(&server, cam, &watch);
    options.device_name = "good";
    check_refused_device(&options,
                         "the server refuses this device: it claims to be 'good' but its "
                         "certificate is for 'cam-1'",
                         "cam-1", "it claims to be 'good' but its certificate is for 'cam-1'");
    clv_identity_free(cam);
}

static void test_link_refusals__a_device_that_wants_another_server(void **state)
{
    (void)state;
    clv_identity *cam = net_pki_load(&pki, "cam-1");
    clv_link_options options = net_device_options(&server, cam, &watch);
    options.server_name = NULL; /* the URL's host */
    check_refused_device(&options,
                         "the server's certificate is for 'srv', not for '127.0.0.1': set "
                         "server_name",
                         "127.0.0.1:",
                         "the device refuses this server's certificate: it is for "
                         "another name");
    clv_identity_free(cam);
}

/* --- strangers ---------------------------------------------------------------------------- */

static void check_stranger(const char *cert, const char *key, unsigned alert, const char *log_says)
{
    net_raw raw;
    net_raw_connect(&raw, port());
    assert_int_equal(net_raw_shake_hands(&raw, cert, key), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
    assert_int_equal(raw.alert, alert);
    (void)net_watch_await_told(&watch, "refused", log_says);
    check_good_is_served();
    net_raw_close(&raw);
}

#define OF(set, name) net_pki_path(set, name, ".crt"), net_pki_path(set, name, ".key")

static void test_link_refusals__strangers_hear_an_alert_and_the_log_says_why(void **state)
{
    (void)state;
    net_pki_issue_odd(&pki, "old", NET_PKI_EXPIRED);
    net_pki_issue_odd(&pki, "use", NET_PKI_SERVER_USE);
    check_stranger(NULL, NULL, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE,
                   "the device shows no certificate");
    check_stranger(OF(&other, "cam-1"), MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA,
                   "is not signed by the trusted authority");
    check_stranger(OF(&pki, "old"), MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED,
                   "the device's certificate ('old') has expired");
    check_stranger(OF(&pki, "use"), MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
                   "the device's certificate ('use') is not for this end");
}

static void test_link_refusals__what_is_no_tls(void **state)
{
    static const char hello[] = "GET / HTTP/1.1\r\nHost: edge\r\n\r\n";
    net_raw raw;
    (void)state;
    net_raw_connect(&raw, port());
    assert_true(net_raw_send_plain(&raw, hello, sizeof hello - 1));
    (void)net_watch_await_told(&watch, "refused", "TLS session with the device failed");
    net_raw_close(&raw);
}

static void test_link_refusals__one_who_connects_and_closes_is_not_worth_a_line(void **state)
{
    net_raw raw;
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        net_raw_connect(&raw, port());
        net_raw_close(&raw);
    }
    /* The next line of the log is about this one, who said something. */
    net_raw_connect(&raw, port());
    assert_true(net_raw_send_plain(&raw, "x", 1));
    net_raw_close(&raw);
    (void)net_watch_await_told(&watch, "refused", "during the TLS handshake");
    assert_int_equal(net_watch_count_told(&watch, "refused"), 1);
}

/* --- devices that break the rules ---------------------------------------------------------- */

static void open_session(net_raw *raw)
{
    net_raw_connect(raw, port());
    assert_int_equal(net_raw_shake_hands(raw, OF(&pki, "cam-1")), 0);
}

static void open_greeted(net_raw *raw)
{
    clv_wire_header header = net_raw_hello("cam-1");
    open_session(raw);
    assert_true(net_raw_send_message(raw, &header, 0));
    assert_true(net_raw_receive(raw, &header));
    assert_int_equal(header.type, CLV_WIRE_WELCOME);
}

static clv_wire_header request_of(uint64_t frame)
{
    clv_wire_header request = {.type = CLV_WIRE_REQUEST};
    request.request.frame = frame;
    return request;
}

/* The refusal comes, then the end; what is sent meanwhile is not served. */
static void check_refusal(net_raw *raw, clv_status code, const char *words)
{
    clv_wire_header header, request = request_of(7);
    assert_true(net_raw_receive(raw, &header));
    assert_int_equal(header.type, CLV_WIRE_REFUSAL);
    assert_false(header.refusal.about_frame);
    assert_int_equal(header.refusal.status, code);
    if (strstr(header.refusal.reason, words) == NULL)
        fail_msg("the reason is: %s", header.refusal.reason);
    (void)net_raw_send_message(raw, &request, 100);
    net_raw_await_end(raw);
    check_good_is_served();
    net_raw_close(raw);
}

static void test_link_refusals__requests_before_the_greeting(void **state)
{
    net_raw raw;
    clv_wire_header request = request_of(1);
    (void)state;
    open_session(&raw);
    assert_true(net_raw_send_message(&raw, &request, 5000));
    check_refusal(&raw, CLV_EFORMAT, "a request before the greeting");
    net_told told = net_watch_await_told(&watch, "refused", "a request before the greeting");
    assert_string_equal(told.device, "cam-1");
}

static void test_link_refusals__hellos_that_are_out_of_order(void **state)
{
    net_raw raw;
    (void)state;
    clv_wire_header hello = net_raw_hello("cam-1");
    open_greeted(&raw);
    assert_true(net_raw_send_message(&raw, &hello, 0)); /* a second one */
    check_refusal(&raw, CLV_EFORMAT, "a hello is not for a server");

    hello.hello.protocol = 9;
    open_session(&raw);
    assert_true(net_raw_send_message(&raw, &hello, 0));
    check_refusal(&raw, CLV_EVERSION, "it speaks protocol 9, this server 1");

    hello = net_raw_hello("good");
    open_session(&raw);
    assert_true(net_raw_send_message(&raw, &hello, 0));
    check_refusal(&raw, CLV_EAUTH, "it claims to be 'good' but its certificate is for 'cam-1'");
}

static void test_link_refusals__messages_over_the_cap(void **state)
{
    net_raw raw;
    clv_wire_header request = request_of(1);
    (void)state;
    open_greeted(&raw); /* the cap is 100000 here */
    assert_true(net_raw_send_message(&raw, &request, 99900));
    assert_true(net_raw_receive(&raw, &request));
    assert_int_equal(request.type, CLV_WIRE_REPLY);
    request = request_of(2);
    (void)net_raw_send_message(&raw, &request, 100000);
    check_refusal(&raw, CLV_ELIMIT, "at most 100000 are accepted");
    net_told told = net_watch_await_told(&watch, "left", "at most 100000 are accepted");
    assert_string_equal(told.device, "cam-1");
}

static void test_link_refusals__malformed_messages(void **state)
{
    net_raw raw;
    clv_wire_header welcome = {.type = CLV_WIRE_WELCOME};
    clv_wire_prologue bad_header = {CLV_WIRE_REQUEST, 4, 0};
    uint8_t bytes[CLV_WIRE_PROLOGUE_BYTES + 4];
    (void)state;

    open_greeted(&raw);
    assert_true(net_raw_send(&raw, "GET / HTTP/1.1\r\n\r\n", 18));
    check_refusal(&raw, CLV_EFORMAT, "not a message of Cleave");

    open_greeted(&raw);
    assert_true(net_raw_send_message(&raw, &welcome, 0));
    check_refusal(&raw, CLV_EFORMAT, "a welcome is not for a server");

    clv_wire_write_prologue(bytes, &bad_header);
    memset(bytes + CLV_WIRE_PROLOGUE_BYTES, 0xff, 4);
    open_greeted(&raw);
    assert_true(net_raw_send(&raw, bytes, sizeof bytes));
    check_refusal(&raw, CLV_EFORMAT, "the header of a request is malformed");
}

static void test_link_refusals__a_certificate_without_a_name(void **state)
{
    net_raw raw;
    clv_wire_header hello = net_raw_hello("?");
    (void)state;
    net_pki_issue_odd(&pki, "bad", NET_PKI_BAD_NAME);
    net_raw_connect(&raw, port());
    assert_int_equal(net_raw_shake_hands(&raw, OF(&pki, "bad")), 0);
    assert_true(net_raw_send_message(&raw, &hello, 0));
    check_refusal(&raw, CLV_EAUTH, "is no name");
}

static void test_link_refusals__too_many_requests_at_once(void **state)
{
    net_raw raw;
    clv_wire_header request;
    (void)state;
    server.manner = NET_HOLD;
    open_greeted(&raw);
    for (unsigned i = 0; i <= CLV_LINK_MAX_IN_FLIGHT; i++) {
        request = request_of(i);
        assert_true(net_raw_send_message(&raw, &request, 10));
    }
    assert_true(net_raw_receive(&raw, &request));
    assert_int_equal(request.type, CLV_WIRE_REFUSAL);
    assert_non_null(strstr(request.refusal.reason, "more than 64 requests at once"));
    net_raw_close(&raw);
    assert_int_equal(server.n_held, CLV_LINK_MAX_IN_FLIGHT);
    net_server_let_go(&server);
    server.manner = NET_ECHO;
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_link_refusals__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_of_another_authority),
        TEST(a_device_that_trusts_another_authority),
        TEST(a_device_that_claims_another_name),
        TEST(a_device_that_wants_another_server),
        TEST(strangers_hear_an_alert_and_the_log_says_why),
        TEST(what_is_no_tls),
        TEST(one_who_connects_and_closes_is_not_worth_a_line),
        TEST(requests_before_the_greeting),
        TEST(hellos_that_are_out_of_order),
        TEST(messages_over_the_cap),
        TEST(malformed_messages),
        TEST(a_certificate_without_a_name),
        TEST(too_many_requests_at_once),
    };
    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
