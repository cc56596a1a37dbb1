/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/notify.h"

/* A service manager's end of the socket. */
static int bind_manager(const char *name, size_t bytes)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, bytes);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes)),
                     0);
    return fd;
}

static void receive(int fd, char *text, size_t cap)
{
    ssize_t n = recv(fd, text, cap - 1, MSG_DONTWAIT);
    assert_true(n > 0);
    text[n] = '\0';
}

static void test_notify__tells_the_manager(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_notify.XXXXXX";
    char path[64], text[128];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    int fd = bind_manager(path, strlen(path));
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);

    clv_notify_ready();
    receive(fd, text, sizeof text);
    assert_string_equal(text, "READY=1");
    clv_notify_reloading();
    receive(fd, text, sizeof text);
    assert_int_equal(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    assert_true(strtoull(text + 27, NULL, 10) > 0);
    clv_notify_stopping();
    receive(fd, text, sizeof text);
    assert_string_equal(text, "STOPPING=1");

    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_notify__abstract_socket(void **state)
{
    (void)state;
    char name[64], text[128];
    int n = snprintf(name, sizeof name, "@test_notify.%ld", (long)getpid());
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    name[0] = '\0';
    int fd = bind_manager(name, (size_t)n);
    clv_notify_ready();
    receive(fd, text, sizeof text);
    assert_string_equal(text, "READY=1");
    assert_int_equal(close(fd), 0);
}

static void test_notify__no_manager_is_no_trouble(void **state)
{
    (void)state;
    char name[300];
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    clv_notify_ready();
    assert_int_equal(setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1), 0);
    clv_notify_ready();
    assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
    clv_notify_ready();
    memset(name, '/', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    clv_notify_ready(); /* longer than a socket's address can be */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify__tells_the_manager),
        cmocka_unit_test(test_notify__abstract_socket),
        cmocka_unit_test(test_notify__no_manager_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
