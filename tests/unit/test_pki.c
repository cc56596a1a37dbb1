/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <mbedtls/oid.h>

#include "net/pki.h"
#include "net/x509.h"
#include "support/net_pki.h"

static net_pki pki;

static int set_up(void **state)
{
    (void)state;
    net_pki_create(&pki);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    net_pki_remove(&pki);
    return 0;
}

static unsigned mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static void parse(mbedtls_x509_crt *crt, const char *name)
{
    mbedtls_x509_crt_init(crt);
    assert_int_equal(mbedtls_x509_crt_parse_file(crt, net_pki_path(&pki, name, ".crt")), 0);
}

static int has_usage(const mbedtls_x509_crt *crt, const char *oid, size_t bytes)
{
    return mbedtls_x509_crt_check_extended_key_usage(crt, oid, bytes) == 0;
}

#define FOR_SERVERS MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)
#define FOR_CLIENTS MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)

static void test_pki__keeps_keys_to_their_owner(void **state)
{
    (void)state;
    net_pki_issue(&pki, "cam-1", CLV_PKI_DEVICE);
    assert_int_equal(mode_of(pki.dir), 0700);
    assert_int_equal(mode_of(net_pki_path(&pki, "ca", ".key")), 0600);
    assert_int_equal(mode_of(net_pki_path(&pki, "cam-1", ".key")), 0600);
}

static void test_pki__makes_an_authority(void **state)
{
    mbedtls_x509_crt ca;
    char name[CLV_X509_MAX_NAME + 1];
    (void)state;
    parse(&ca, "ca");
    assert_int_equal(ca.version, 3);
    assert_true(ca.ca_istrue);
    assert_int_equal(ca.max_pathlen, 1); /* mbedTLS stores one more: it signs no authorities */
    assert_int_equal(mbedtls_x509_crt_check_key_usage(&ca, MBEDTLS_X509_KU_KEY_CERT_SIGN), 0);
    assert_int_not_equal(mbedtls_x509_crt_check_key_usage(&ca, MBEDTLS_X509_KU_DIGITAL_SIGNATURE),
                         0);
    assert_true(clv_x509_is_p256(&ca.pk));
    assert_int_equal(ca.sig_md, MBEDTLS_MD_SHA256);
    clv_x509_common_name(name, &ca);
    assert_string_equal(name, "?"); /* "Cleave CA ..." has blanks: no device has that name */
    mbedtls_x509_crt_free(&ca);
}

static void test_pki__makes_certificates_for_devices(void **state)
{
    mbedtls_x509_crt ca, crt;
    char name[CLV_X509_MAX_NAME + 1];
    uint32_t flags;
    (void)state;
    net_pki_issue(&pki, "drone_7.front", CLV_PKI_DEVICE);
    parse(&ca, "ca");
    parse(&crt, "drone_7.front");
    assert_int_equal(mbedtls_x509_crt_verify_with_profile(&crt, &ca, NULL, &clv_x509_profile, NULL,
                                                          &flags, NULL, NULL),
                     0);
    clv_x509_common_name(name, &crt);
    assert_string_equal(name, "drone_7.front");
    assert_false(crt.ca_istrue);
    assert_true(has_usage(&crt, FOR_CLIENTS));
    assert_false(has_usage(&crt, FOR_SERVERS));
    assert_int_equal(mbedtls_x509_crt_check_key_usage(&crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE), 0);
    assert_int_not_equal(mbedtls_x509_crt_check_key_usage(&crt, MBEDTLS_X509_KU_KEY_CERT_SIGN), 0);
    assert_int_equal(crt.serial.len, 16);
    assert_in_range(crt.serial.p[0], 0x40, 0x7f);
    mbedtls_x509_crt_free(&crt);
    mbedtls_x509_crt_free(&ca);
}

static int count_names(const mbedtls_x509_crt *crt, unsigned char tag, size_t bytes)
{
    int count = 0;
    const mbedtls_x509_sequence *name = &crt->subject_alt_names;
    for (; name != NULL && name->buf.p != NULL; name = name->next)
        count += name->buf.tag == tag && name->buf.len == bytes;
    return count;
}

static void test_pki__names_a_server_by_host_and_by_address(void **state)
{
    static const struct {
        const char *name;
        size_t address_bytes; /* 0: it is no address */
    } servers[] = {{"edge.example.net", 0}, {"192.168.1.20", 4}, {"fd00::20", 16}};
    mbedtls_x509_crt ca, crt;
    uint32_t flags;
    (void)state;

    parse(&ca, "ca");
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        const char *name = servers[i].name;
        net_pki_issue(&pki, name, CLV_PKI_SERVER);
        parse(&crt, name);
        assert_int_equal(mbedtls_x509_crt_verify(&crt, &ca, NULL, name, &flags, NULL, NULL), 0);
        assert_int_not_equal(
            mbedtls_x509_crt_verify(&crt, &ca, NULL, "other.example.net", &flags, NULL, NULL), 0);
        assert_int_equal(flags, MBEDTLS_X509_BADCERT_CN_MISMATCH);
        assert_true(has_usage(&crt, FOR_SERVERS));
        assert_false(has_usage(&crt, FOR_CLIENTS));
        assert_int_equal(count_names(&crt, 0x82, strlen(name)), 1); /* dNSName */
        if (servers[i].address_bytes > 0)
            assert_int_equal(count_names(&crt, 0x87, servers[i].address_bytes), 1);
        mbedtls_x509_crt_free(&crt);
    }
    mbedtls_x509_crt_free(&ca);
}

static void test_pki__gives_every_certificate_its_own_serial(void **state)
{
    mbedtls_x509_crt a, b;
    (void)state;
    net_pki_issue(&pki, "a", CLV_PKI_DEVICE);
    net_pki_issue(&pki, "b", CLV_PKI_DEVICE);
    parse(&a, "a");
    parse(&b, "b");
    assert_memory_not_equal(a.serial.p, b.serial.p, 16);
    mbedtls_x509_crt_free(&b);
    mbedtls_x509_crt_free(&a);
}

static void test_pki__is_valid_from_an_hour_ago_for_the_days_asked(void **state)
{
    mbedtls_x509_crt crt;
    (void)state;
    net_pki_issue(&pki, "cam-1", CLV_PKI_DEVICE);
    parse(&crt, "cam-1");
    assert_false(mbedtls_x509_time_is_past(&crt.valid_to));
    assert_false(mbedtls_x509_time_is_future(&crt.valid_from));

    struct tm from = {.tm_year = crt.valid_from.year - 1900,
                      .tm_mon = crt.valid_from.mon - 1,
                      .tm_mday = crt.valid_from.day,
                      .tm_hour = crt.valid_from.hour,
                      .tm_min = crt.valid_from.min,
                      .tm_sec = crt.valid_from.sec};
    struct tm to = {.tm_year = crt.valid_to.year - 1900,
                    .tm_mon = crt.valid_to.mon - 1,
                    .tm_mday = crt.valid_to.day,
                    .tm_hour = crt.valid_to.hour,
                    .tm_min = crt.valid_to.min,
                    .tm_sec = crt.valid_to.sec};
    assert_int_equal(timegm(&to) - timegm(&from), 5 * 24 * 3600 + 3600);
    mbedtls_x509_crt_free(&crt);
}

static void check_untouched(const char *path, const char *content)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_string_equal(text, content);
}

static void test_pki__never_overwrites(void **state)
{
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    assert_int_equal(clv_pki_init(pki.dir, 10, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "not overwritten"));

    net_pki_write(net_pki_path(&pki, "cam-1", ".key"), "mine", 0600);
    assert_int_equal(clv_pki_issue(pki.dir, "cam-1", CLV_PKI_DEVICE, 5, &err), CLV_EINVAL);
    check_untouched(net_pki_path(&pki, "cam-1", ".key"), "mine");
    assert_int_not_equal(access(net_pki_path(&pki, "cam-1", ".crt"), F_OK), 0);

    net_pki_write(net_pki_path(&pki, "cam-2", ".crt"), "mine", 0644);
    assert_int_equal(clv_pki_issue(pki.dir, "cam-2", CLV_PKI_DEVICE, 5, &err), CLV_EINVAL);
    check_untouched(net_pki_path(&pki, "cam-2", ".crt"), "mine");
    assert_int_not_equal(access(net_pki_path(&pki, "cam-2", ".key"), F_OK), 0);
}

static void test_pki__refuses_names_that_are_none(void **state)
{
    static const char *const names[] = {
        "",     ".",      "..",
        "../x", "/etc/x", "a/b",
        "a b",  "a,CN=b", "a\nb",
        "a\\b", "-rf",    ".x",
        "a=b",  "ca",     "a\x80",
        "*",    "a+b",    "a123456789012345678901234567890123456789012345678901234567890123"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        assert_int_equal(clv_pki_issue(pki.dir, names[i], CLV_PKI_SERVER, 5, &err), CLV_EINVAL);
        assert_true(err.message[0] != '\0');
    }
    /* One less than the last one is the longest. */
    net_pki_issue(&pki, "a12345678901234567890123456789012345678901234567890123456789012",
                  CLV_PKI_SERVER);
}

static void test_pki__refuses_impossible_validities(void **state)
{
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    assert_int_equal(clv_pki_issue(pki.dir, "x", CLV_PKI_DEVICE, 0, &err), CLV_EINVAL);
    assert_int_equal(clv_pki_issue(pki.dir, "x", CLV_PKI_DEVICE, 36501, &err), CLV_EINVAL);
    assert_int_equal(clv_pki_issue(pki.dir, "x", CLV_PKI_DEVICE, 36500, &err), CLV_OK);
}

static void test_pki__says_what_is_wrong_with_the_authority(void **state)
{
    clv_error err = CLV_ERROR_INIT;
    net_pki other;
    (void)state;

    assert_int_equal(clv_pki_issue("/nonexistent", "x", CLV_PKI_DEVICE, 5, &err), CLV_ENOENT);
    assert_non_null(strstr(err.message, "cleave pki init /nonexistent"));

    assert_int_equal(chmod(net_pki_path(&pki, "ca", ".key"), 0640), 0);
    assert_int_equal(clv_pki_issue(pki.dir, "x", CLV_PKI_DEVICE, 5, &err), CLV_EAUTH);
    assert_non_null(strstr(err.message, "chmod 600"));
    assert_int_equal(chmod(net_pki_path(&pki, "ca", ".key"), 0600), 0);

    net_pki_create(&other);
    assert_int_equal(rename(net_pki_path(&other, "ca", ".key"), net_pki_path(&pki, "ca", ".key")),
                     0);
    assert_int_equal(clv_pki_issue(pki.dir, "x", CLV_PKI_DEVICE, 5, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "is not the key of"));
    net_pki_remove(&other);
}

static void test_pki__says_where_it_cannot_write(void **state)
{
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    assert_int_equal(clv_pki_init("/proc/cleave", 10, &err), CLV_EIO);
    assert_string_equal(err.location, "/proc/cleave");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_pki__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_keys_to_their_owner),
        TEST(makes_an_authority),
        TEST(makes_certificates_for_devices),
        TEST(names_a_server_by_host_and_by_address),
        TEST(gives_every_certificate_its_own_serial),
        TEST(is_valid_from_an_hour_ago_for_the_days_asked),
        TEST(never_overwrites),
        TEST(refuses_names_that_are_none),
        TEST(refuses_impossible_validities),
        TEST(says_what_is_wrong_with_the_authority),
        TEST(says_where_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
