/* Becoming more than one is. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

static int become_root_now(void) { return of(setresuid(0, 0, 0)); }
static int become_root(void) {
    /* Who is root already becomes nothing; then another user is the question. */
    return in_child(become_root_now);
}
static int become_other_now(void) { return of(setresuid(1, 1, 1)); }
static int become_other(void) { return in_child(become_other_now); }
static int change_group_now(void) { return of(setresgid(1, 1, 1)); }
static int change_group(void) { return in_child(change_group_now); }
static int join_groups_now(void) {
    gid_t groups[] = {0, 6};
    return of(setgroups(2, groups));
}
static int join_groups(void) { return in_child(join_groups_now); }

static int has_capability(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    if (syscall(SYS_capget, &header, data) == -1) return -errno;
    return data[0].effective | data[1].effective | data[0].permitted | data[1].permitted ? 0 : -EPERM;
}
static int take_capability(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{1 << CAP_SYS_ADMIN, 1 << CAP_SYS_ADMIN, 0}, {0, 0, 0}};
    return of(syscall(SYS_capset, &header, data));
}
static int bounding_set(void) {
    for (int capability = 0; capability < 41; capability++)
        if (prctl(PR_CAPBSET_READ, capability) == 1) return 0;
    return -EPERM;
}
/* What is permitted may be made inheritable, and then ambient: it would outlive every execve. */
static int ambient_capability(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    if (syscall(SYS_capget, &header, data) == -1) return -errno;
    data[0].inheritable |= data[0].permitted & (1 << CAP_NET_RAW);
    if (syscall(SYS_capset, &header, data) == -1) return -errno;
    return of(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0));
}
static int allow_privileges(void) {
    /* It can't be unset; where it was never set, execve may give privileges. */
    int set = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    if (set == -1) return -errno;
    return set == 0 ? 0 : -EPERM;
}
static int secure_bits(void) { return of(prctl(PR_SET_SECUREBITS, 0)); }

/* The harness leaves programs in the image: id with the setuid bit, owned by root, and one with a file capability. */
static int runs_with(const char *program, const char *word) {
    int status = 0;
    struct stat stat_of;
    if (stat(program, &stat_of) == -1) return CANT_TELL;
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, word, (char *)NULL);
        _exit(errno > 250 ? 250 : errno);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) return -EINTR;
    /* The program says HELD with 1. */
    return WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}
static int is_root(void) { return geteuid() == 0 ? 0 : -EPERM; }
static int setuid_program(void) { return runs_with("/attempts/setuid", "is-root"); }
static int capable_program(void) { return runs_with("/attempts/capable", "has-capability"); }
static int seccomp_state(void) {
    char line[128];
    FILE *file = fopen("/proc/self/status", "re");
    if (!file) return CANT_TELL;
    int mode = -1;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Seccomp: %d", &mode) == 1) break;
    fclose(file);
    return mode == 2 ? -EPERM : mode == 0 ? 0 : CANT_TELL;
}

const struct attempt privilege_attempts[] = {
    {"become-root", "privilege", ANYWHERE, "become root", become_root},
    {"become-other", "privilege", ANYWHERE, "become another user", become_other},
    {"change-group", "privilege", ANYWHERE, "take another group", change_group},
    {"join-groups", "privilege", ANYWHERE, "join groups", join_groups},
    {"has-capability", "privilege", ANYWHERE, "have any capability", has_capability},
    {"take-capability", "privilege", ANYWHERE, "take a capability", take_capability},
    {"bounding-set", "privilege", ANYWHERE, "have a capability left to gain", bounding_set},
    {"ambient-capability", "privilege", ANYWHERE, "raise an ambient capability", ambient_capability},
    {"new-privileges", "privilege", ANYWHERE, "gain privileges by execve", allow_privileges},
    {"secure-bits", "privilege", ANYWHERE, "loosen the secure bits", secure_bits},
    {"is-root", "privilege", ANYWHERE, "be root", is_root},
    {"setuid-program", "privilege", ANYWHERE, "become root by a setuid program of the image", setuid_program},
    {"capable-program", "privilege", ANYWHERE, "gain a capability by a program of the image", capable_program},
    {"no-filter", "privilege", ANYWHERE, "run without a filter of system calls", seccomp_state},
    {0},
};
