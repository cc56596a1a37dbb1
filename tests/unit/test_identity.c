/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/net_pki.h"

static net_pki pki, other;

static int set_up(void **state)
{
    (void)state;
    net_pki_create(&pki);
    net_pki_create(&other);
    net_pki_issue(&pki, "cam-1", CLV_PKI_DEVICE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    net_pki_remove(&other);
    net_pki_remove(&pki);
    return 0;
}

/* Load with files given as paths; it must fail with @p code and a message with @p words, about
 * @p culprit. */
static void check_failure(const char *ca, const char *cert, const char *key, clv_status code,
                          const char *culprit, const char *words)
{
    clv_error err = CLV_ERROR_INIT;
    clv_identity *identity = NULL;

    clv_status status = net_pki_try_load(&identity, ca, cert, key, &err);
    if (status != code || strstr(err.message, words) == NULL)
        fail_msg("status %d, not %d: %s: %s (wanted: %s)", status, code, err.location, err.message,
                 words);
    assert_null(identity);
    assert_string_equal(err.location, culprit);
}

#define CA net_pki_path(&pki, "ca", ".crt")
#define CERT(name) net_pki_path(&pki, name, ".crt")
#define KEY(name) net_pki_path(&pki, name, ".key")

static void test_identity__loads_what_belongs_together(void **state)
{
    (void)state;
    clv_identity *identity = net_pki_load(&pki, "cam-1");
    assert_string_equal(clv_identity_name(identity), "cam-1");
    clv_identity_free(identity);
    clv_identity_free(NULL);
}

static void test_identity__trusts_several_authorities(void **state)
{
    clv_identity *identity = NULL;
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    const char *both = net_pki_path(&pki, "both", ".crt");
    net_pki_concatenate(both, net_pki_path(&other, "ca", ".crt"), CA);
    assert_int_equal(net_pki_try_load(&identity, both, CERT("cam-1"), KEY("cam-1"), &err), CLV_OK);
    clv_identity_free(identity);
}

static void test_identity__names_the_file_that_is_missing(void **state)
{
    (void)state;
    check_failure("/nonexistent.crt", CERT("cam-1"), KEY("cam-1"), CLV_ENOENT, "/nonexistent.crt",
                  "cannot open it");
    check_failure(CA, "/nonexistent.crt", KEY("cam-1"), CLV_ENOENT, "/nonexistent.crt",
                  "cannot open it");
    check_failure(CA, CERT("cam-1"), "/nonexistent.key", CLV_ENOENT, "/nonexistent.key",
                  "cannot open it");
    check_failure(CA, "/tmp", KEY("cam-1"), CLV_EIO, "/tmp", "not a regular file");
}

static void test_identity__refuses_a_key_that_others_may_read(void **state)
{
    static const unsigned modes[] = {0640, 0604, 0620, 0602, 0610, 0777};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(KEY("cam-1"), modes[i]), 0);
        check_failure(CA, CERT("cam-1"), KEY("cam-1"), CLV_EAUTH, KEY("cam-1"), "chmod 600");
    }
    assert_int_equal(chmod(KEY("cam-1"), 0400), 0);
    clv_identity_free(net_pki_load(&pki, "cam-1"));
}

static void test_identity__refuses_a_certificate_of_another_authority(void **state)
{
    (void)state;
    net_pki_issue(&other, "cam-1", CLV_PKI_DEVICE);
    const char *cert = net_pki_path(&other, "cam-1", ".crt");
    check_failure(CA, cert, net_pki_path(&other, "cam-1", ".key"), CLV_EAUTH, cert,
                  "not signed by the authority in");
}

static void test_identity__refuses_a_key_of_another_certificate(void **state)
{
    (void)state;
    net_pki_issue(&pki, "cam-2", CLV_PKI_DEVICE);
    check_failure(CA, CERT("cam-1"), KEY("cam-2"), CLV_EAUTH, KEY("cam-2"), "is not the key of");
}

static void test_identity__says_when_a_certificate_is_valid(void **state)
{
    (void)state;
    net_pki_issue_odd(&pki, "old", NET_PKI_EXPIRED);
    net_pki_issue_odd(&pki, "new", NET_PKI_FUTURE);
    net_pki_issue_odd(&pki, "old-ca", NET_PKI_CA_EXPIRED);
    check_failure(CA, CERT("old"), KEY("old"), CLV_EAUTH, CERT("old"), "expired on 20");
    check_failure(CA, CERT("new"), KEY("new"), CLV_EAUTH, CERT("new"), "is the clock right?");
    check_failure(CERT("old-ca"), CERT("cam-1"), KEY("cam-1"), CLV_EAUTH, CERT("old-ca"),
                  "expired on 20");
}

static void test_identity__trusts_authorities_only(void **state)
{
    (void)state;
    net_pki_issue(&pki, "srv", CLV_PKI_SERVER);
    check_failure(CERT("srv"), CERT("cam-1"), KEY("cam-1"), CLV_EAUTH, CERT("srv"),
                  "no authority's");
}

static void test_identity__refuses_names_and_keys_that_are_none(void **state)
{
    (void)state;
    net_pki_issue_odd(&pki, "bad", NET_PKI_BAD_NAME);
    net_pki_issue_odd(&pki, "rsa", NET_PKI_RSA);
    check_failure(CA, CERT("bad"), KEY("bad"), CLV_EAUTH, CERT("bad"), "common name");
    check_failure(CA, CERT("rsa"), KEY("rsa"), CLV_EAUTH, CERT("rsa"), "P-256");
    check_failure(CA, CERT("cam-1"), KEY("rsa"), CLV_EFORMAT, KEY("rsa"), "P-256");
}

static void test_identity__refuses_files_that_are_no_pem(void **state)
{
    static char big[300 << 10];
    (void)state;
    const char *junk = net_pki_path(&pki, "junk", ".pem");
    net_pki_write(junk, "hello", 0600);
    check_failure(junk, CERT("cam-1"), KEY("cam-1"), CLV_EFORMAT, junk, "no PEM certificate");
    check_failure(CA, junk, KEY("cam-1"), CLV_EFORMAT, junk, "no PEM certificate");
    check_failure(CA, CERT("cam-1"), junk, CLV_EFORMAT, junk, "no PEM key");
    check_failure(CA, CERT("cam-1"), CERT("cam-1"), CLV_EAUTH, CERT("cam-1"), "chmod 600");

    net_pki_write(junk, "", 0600);
    check_failure(junk, CERT("cam-1"), KEY("cam-1"), CLV_EFORMAT, junk, "no PEM certificate");
    memset(big, 'A', sizeof big - 1);
    net_pki_write(junk, big, 0600);
    check_failure(junk, CERT("cam-1"), KEY("cam-1"), CLV_ELIMIT, junk, "too many");
}

static void test_identity__random_bytes_differ(void **state)
{
    uint8_t a[64] = {0}, b[64] = {0};
    (void)state;
    assert_int_equal(clv_random_bytes(a, sizeof a), CLV_OK);
    assert_int_equal(clv_random_bytes(b, sizeof b), CLV_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_identity__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_what_belongs_together),
        TEST(trusts_several_authorities),
        TEST(names_the_file_that_is_missing),
        TEST(refuses_a_key_that_others_may_read),
        TEST(refuses_a_certificate_of_another_authority),
        TEST(refuses_a_key_of_another_certificate),
        TEST(says_when_a_certificate_is_valid),
        TEST(trusts_authorities_only),
        TEST(refuses_names_and_keys_that_are_none),
        TEST(refuses_files_that_are_no_pem),
        TEST(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
