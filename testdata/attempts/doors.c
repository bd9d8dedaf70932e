/* The other doors into the kernel: 32-bit calls by int 0x80, and the x32 numbers. A filter that knows only the 64-bit table
 * lets these through. */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

#if defined __x86_64__
static long old_call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "r8", "r9", "r10", "r11", "memory");
    return (int)result;
}

/* getpid, which does no harm: is the door open at all? */
static int door_32_now(void) {
    long result = old_call(20, 0, 0, 0);
    return result > 0 ? 0 : result;
}

/* socketcall(SYS_SOCKET, {AF_ALG, SOCK_SEQPACKET, 0}), the way round filters of socket(2). */
static int alg_by_socketcall_now(void) {
    uint32_t *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) return CANT_TELL;
    low[0] = 38, low[1] = 5, low[2] = 0;
    long result = old_call(102, 1, (long)low, 0);
    return result >= 0 ? 0 : result;
}
static int alg_by_old_socket_now(void) {
    long result = old_call(359, 38, 5, 0);
    return result >= 0 ? 0 : result;
}
static int unshare_32_now(void) { return old_call(310, 0x10000000, 0, 0); }
static int keyctl_32_now(void) {
    long result = old_call(288, 0, -3, 0);
    return result >= 0 ? 0 : result;
}

/* The same by the x32 numbers: getpid and unshare. */
static int door_x32_now(void) {
    long result = syscall(0x40000000 + 39);
    return result > 0 ? 0 : -errno;
}
static int unshare_x32_now(void) { return of(syscall(0x40000000 + 272, 0x10000000)); }
#else
static int door_32_now(void) { return -ENOSYS; }
static int alg_by_socketcall_now(void) { return -ENOSYS; }
static int alg_by_old_socket_now(void) { return -ENOSYS; }
static int unshare_32_now(void) { return -ENOSYS; }
static int keyctl_32_now(void) { return -ENOSYS; }
static int door_x32_now(void) { return -ENOSYS; }
static int unshare_x32_now(void) { return -ENOSYS; }
#endif

static int door_32(void) { return in_child(door_32_now); }
static int alg_by_socketcall(void) { return in_child(alg_by_socketcall_now); }
static int alg_by_old_socket(void) { return in_child(alg_by_old_socket_now); }
static int unshare_32(void) { return in_child(unshare_32_now); }
static int keyctl_32(void) { return in_child(keyctl_32_now); }
static int door_x32(void) { return in_child(door_x32_now); }
static int unshare_x32(void) { return in_child(unshare_x32_now); }

const struct attempt door_attempts[] = {
    {"door-32", "doors", ANYWHERE, "any 32-bit call", door_32},
    {"door-32-af-alg", "doors", ANYWHERE, "AF_ALG by socketcall", alg_by_socketcall},
    {"door-32-socket", "doors", ANYWHERE, "AF_ALG by the 32-bit socket call", alg_by_old_socket},
    {"door-32-unshare", "doors", ANYWHERE, "a new user namespace by a 32-bit call", unshare_32},
    {"door-32-keyctl", "doors", ANYWHERE, "the session's keyring by a 32-bit call", keyctl_32},
    {"door-x32", "doors", ANYWHERE, "any x32 call", door_x32},
    {"door-x32-unshare", "doors", ANYWHERE, "a new user namespace by an x32 call", unshare_x32},
    {0},
};
