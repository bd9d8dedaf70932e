/* The network: ways out, and families of sockets that are doors to the kernel. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attempts.h"

static int makes(int family, int type, int protocol) {
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd == -1) return -errno;
    close(fd);
    return 0;
}

static int raw_socket(void) { return makes(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int raw6_socket(void) { return makes(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); }
static int packet_socket(void) { return makes(AF_PACKET, SOCK_RAW, 0); }
static int alg_socket(void) {
    struct sockaddr_alg address = {.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256"};
    int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd == -1) return -errno;
    (void)address;
    close(fd);
    return 0;
}
static int vsock(void) { return makes(AF_VSOCK, SOCK_STREAM, 0); }
static int netlink_audit(void) { return makes(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT); }
static int netlink_netfilter(void) { return makes(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER); }
static int xdp(void) { return makes(44, SOCK_RAW, 0); }
static int bluetooth(void) { return makes(31, SOCK_RAW, 1); }
static int can(void) { return makes(29, SOCK_RAW, 1); }
static int tipc(void) { return makes(30, SOCK_STREAM, 0); }

/* Connects to HOST:PORT of a variable of the harness's, within two seconds. */
static int connects(const char *variable) {
    char address[64];
    strncpy(address, told(variable), sizeof address - 1);
    address[sizeof address - 1] = 0;
    char *port = strrchr(address, ':');
    if (!port) return CANT_TELL;
    *port++ = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) return CANT_TELL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) return -errno;
    int result = of(connect(fd, (struct sockaddr *)&to, sizeof to));
    if (result == -EINPROGRESS) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int error = 0;
        socklen_t size = sizeof error;
        if (poll(&wait, 1, 2000) < 1) result = -ETIMEDOUT;
        else {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
            result = -error;
        }
    }
    close(fd);
    return result;
}
static int connect_out(void) { return connects("ATTEMPT_HOST"); }
static int connect_loopback(void) { return connects("ATTEMPT_LOOPBACK"); }
static int send_out(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1) return -errno;
    return sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == -1 ? -errno : 0;
}
static int abstract_socket(void) {
    const char *name = told("ATTEMPT_ABSTRACT");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!*name) return CANT_TELL;
    strncpy(to.sun_path + 1, name, sizeof to.sun_path - 2);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) return -errno;
    return of(connect(fd, (struct sockaddr *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
}
static int change_interface(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1) return -errno;
    if (ioctl(fd, SIOCGIFFLAGS, &request) == -1) return -errno;
    return of(ioctl(fd, SIOCSIFFLAGS, &request));
}
static int add_route(void) {
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
    } message = {{sizeof message, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0},
                 {AF_INET, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_LINK, RTN_BLACKHOLE, 0}};
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    message.route.rtm_dst_len = 0;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd == -1) return -errno;
    if (send(fd, &message, sizeof message, 0) == -1) return -errno;
    if (recv(fd, &answer, sizeof answer, 0) < (long)sizeof answer.header) return -errno;
    return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : 0;
}
static int tunnel(void) { return opens("/dev/net/tun", O_RDWR); }

const struct attempt network_attempts[] = {
    {"raw-socket", "sockets", ANYWHERE, "a raw socket", raw_socket},
    {"raw-socket-6", "sockets", ANYWHERE, "a raw socket of version 6", raw6_socket},
    {"packet-socket", "sockets", ANYWHERE, "a packet socket", packet_socket},
    {"af-alg", "sockets", ANYWHERE, "AF_ALG, the kernel's ciphers (CVE-2026-31431)", alg_socket},
    {"af-vsock", "sockets", ANYWHERE, "AF_VSOCK, the way to the machine's host", vsock},
    {"netlink-audit", "sockets", ANYWHERE, "the kernel's audit", netlink_audit},
    {"netlink-netfilter", "sockets", ANYWHERE, "the packet filter", netlink_netfilter},
    {"af-xdp", "sockets", ANYWHERE, "AF_XDP", xdp},
    {"af-bluetooth", "sockets", ANYWHERE, "AF_BLUETOOTH", bluetooth},
    {"af-can", "sockets", ANYWHERE, "AF_CAN", can},
    {"af-tipc", "sockets", ANYWHERE, "AF_TIPC", tipc},
    {"connect-out", "network", ANYWHERE, "connect to an address of the host", connect_out},
    {"connect-loopback", "network", ANYWHERE, "connect to a server on the host's loopback", connect_loopback},
    {"send-out", "network", ANYWHERE, "send a datagram out", send_out},
    {"abstract-socket", "network", ANYWHERE, "connect to an abstract socket of the host", abstract_socket},
    {"change-interface", "network", ANYWHERE, "set up a network interface", change_interface},
    {"add-route", "network", VM, "add a route", add_route},
    {"open-tun", "network", ANYWHERE, "make a tunnel", tunnel},
    {0},
};
