/* SPDX-License-Identifier: Apache-2.0 */
#include "lab_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Drops belong to our queue, which counts them, and not to the interface's. */
#define INTERFACE_QUEUE 10000

static const char *const addresses[2] = {LAB_DEVICE_ADDRESS, LAB_SERVER_ADDRESS};

static void name_interface(struct ifreq *request, const char *name)
{
    memset(request, 0, sizeof *request);
    (void)snprintf(request->ifr_name, sizeof request->ifr_name, "%s", name);
}

static int set_address(int fd, unsigned long what, const char *name, const char *address)
{
    struct ifreq request;
    struct sockaddr_in in = {.sin_family = AF_INET};

    name_interface(&request, name);
    (void)inet_pton(AF_INET, address, &in.sin_addr);
    memcpy(&request.ifr_addr, &in, sizeof in);
    return ioctl(fd, what, &request);
}

static int bring_up(int fd, const char *name)
{
    struct ifreq request;

    name_interface(&request, name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
        return -1;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
    return ioctl(fd, SIOCSIFFLAGS, &request);
}

/* Router solicitations would cross the link and be counted. Without IPv6 there are none anyway. */
static void leave_ipv6_out(void)
{
    int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t written = write(fd, "1", 1);
        (void)written;
        (void)close(fd);
    }
}

static int open_tun(const char *name)
{
    struct ifreq request;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -1;
    name_interface(&request, name);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(fd, TUNSETIFF, &request) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int configure(int fd, const char *name, const char *own, const char *peer)
{
    struct ifreq request;

    if (set_address(fd, SIOCSIFADDR, name, own) != 0 ||
        set_address(fd, SIOCSIFDSTADDR, name, peer) != 0 ||
        set_address(fd, SIOCSIFNETMASK, name, "255.255.255.255") != 0)
        return -1;
    name_interface(&request, name);
    request.ifr_mtu = LAB_MTU;
    if (ioctl(fd, SIOCSIFMTU, &request) != 0)
        return -1;
    name_interface(&request, name);
    request.ifr_qlen = INTERFACE_QUEUE;
    if (ioctl(fd, SIOCSIFTXQLEN, &request) != 0)
        return -1;
    return bring_up(fd, "lo") == 0 ? bring_up(fd, name) : -1;
}

static clv_status create_end(lab_net *net, int end, clv_error *err)
{
    static const char name[] = "lab0";
    int fd = -1, failed = 0;

    if (unshare(CLONE_NEWNET) != 0)
        return clv_fail(err, errno == EPERM ? CLV_EAUTH : CLV_EIO, "network namespace",
                        "cannot be made: %s", strerror(errno));
    leave_ipv6_out();
    net->namespace[end] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    net->tun[end] = open_tun(name);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (net->namespace[end] < 0 || net->tun[end] < 0 || fd < 0 ||
        configure(fd, name, addresses[end], addresses[1 - end]) != 0)
        failed = errno;
    if (fd >= 0)
        (void)close(fd);
    if (failed == 0)
        return CLV_OK;
    bool denied = failed == EPERM || failed == EACCES || failed == ENOENT || failed == ENODEV;
    return clv_fail(err, denied ? CLV_EAUTH : CLV_EIO, "TUN interface", "cannot be made: %s",
                    strerror(failed));
}

clv_status lab_net_create(lab_net *net, clv_error *err)
{
    clv_status status = create_end(net, LAB_DEVICE_END, err);
    if (status == CLV_OK)
        status = create_end(net, LAB_SERVER_END, err);
    if (status != CLV_OK)
        lab_net_done(net);
    return status;
}

void lab_net_done(lab_net *net)
{
    for (int end = 0; end < 2; end++) {
        if (net->tun[end] >= 0)
            (void)close(net->tun[end]);
        if (net->namespace[end] >= 0)
            (void)close(net->namespace[end]);
        net->tun[end] = net->namespace[end] = -1;
    }
}
