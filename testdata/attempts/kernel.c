/* Calls that widen the kernel's surface or change it: namespaces, mounts, keys, programs in the kernel, its settings. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempts.h"

static int unshares(int flags) { return of(unshare(flags)); }

static int unshare_user_now(void) { return unshares(CLONE_NEWUSER); }
static int unshare_mount_now(void) { return unshares(CLONE_NEWNS); }
static int unshare_net_now(void) { return unshares(CLONE_NEWNET); }
static int unshare_pid_now(void) { return unshares(CLONE_NEWPID); }
static int unshare_ipc_now(void) { return unshares(CLONE_NEWIPC); }
static int unshare_uts_now(void) { return unshares(CLONE_NEWUTS); }
static int unshare_cgroup_now(void) { return unshares(CLONE_NEWCGROUP); }
static int unshare_time_now(void) { return unshares(0x80); }
static int unshare_user(void) { return in_child(unshare_user_now); }
static int unshare_mount(void) { return in_child(unshare_mount_now); }
static int unshare_net(void) { return in_child(unshare_net_now); }
static int unshare_pid(void) { return in_child(unshare_pid_now); }
static int unshare_ipc(void) { return in_child(unshare_ipc_now); }
static int unshare_uts(void) { return in_child(unshare_uts_now); }
static int unshare_cgroup(void) { return in_child(unshare_cgroup_now); }
static int unshare_time(void) { return in_child(unshare_time_now); }

static int clone_user(void) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0);
    if (pid == 0) _exit(0);
    if (pid == -1) return -errno;
    waitpid(pid, NULL, 0);
    return 0;
}

static int clone3_user(void) {
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = 17};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) _exit(0);
    if (pid == -1) return -errno;
    waitpid(pid, NULL, 0);
    return 0;
}

static int setns_of_first_now(void) {
    int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
    return fd == -1 ? -errno : of(setns(fd, 0));
}
static int setns_of_first(void) { return in_child(setns_of_first_now); }

static int mount_tmpfs(void) {
    if (mount("none", "/tmp", "tmpfs", 0, "size=4k") == -1) return -errno;
    umount2("/tmp", MNT_DETACH);
    return 0;
}
static int mount_proc(void) {
    if (mount("proc", "/tmp", "proc", 0, NULL) == -1) return -errno;
    umount2("/tmp", MNT_DETACH);
    return 0;
}
static int mount_cgroup(void) {
    if (mount("cgroup2", "/tmp", "cgroup2", 0, NULL) == -1) return -errno;
    umount2("/tmp", MNT_DETACH);
    return 0;
}
static int mount_bind(void) {
    if (mount("/", "/tmp", NULL, MS_BIND, NULL) == -1) return -errno;
    umount2("/tmp", MNT_DETACH);
    return 0;
}
static int remount_root_writable(void) { return of(mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL)); }
static int unmount_mask(void) { return of(umount2("/proc/kcore", MNT_DETACH)); }
static int unmount_proc_sys(void) { return of(umount2("/proc/sys", MNT_DETACH)); }
static int open_tree_clone(void) { return of(syscall(428, AT_FDCWD, "/", 1)); }
static int fsopen_tmpfs(void) { return of(syscall(430, "tmpfs", 1)); }
static int mount_setattr_root(void) {
    uint64_t attributes[4] = {0, 1, 0, 0};
    return of(syscall(442, AT_FDCWD, "/", 0, attributes, sizeof attributes));
}
static int pivot_root_now(void) { return of(syscall(SYS_pivot_root, "/tmp", "/tmp")); }
static int pivot_root_try(void) { return in_child(pivot_root_now); }

static int add_key_try(void) { return of(syscall(SYS_add_key, "user", "attempt", "x", 1, -2)); }
static int keyctl_session(void) { return of(syscall(SYS_keyctl, 0, -3, 0)); }
static int request_key_try(void) {
    long key = syscall(SYS_request_key, "user", "attempt", NULL, 0);
    return key == -1 && errno == ENOKEY ? 0 : of(key);
}

static int bpf_map(void) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = 4;
    attributes.value_size = 4;
    attributes.max_entries = 1;
    return of(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

static int perf_event(void) {
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.size = sizeof attributes;
    attributes.config = PERF_COUNT_SW_CPU_CLOCK;
    attributes.exclude_kernel = 1;
    return of(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

static int userfault(void) { return of(syscall(SYS_userfaultfd, 1)); }
static int io_uring(void) {
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    return of(syscall(425, 4, &parameters));
}
static int kernel_module(void) {
    int result = of(syscall(SYS_init_module, "", 0, ""));
    /* A call that gets so far as to say that this is no module was let through. */
    return result == -ENOEXEC ? 0 : result;
}
static int kernel_exec(void) {
    int result = of(syscall(SYS_kexec_load, 0, 0, NULL, 0));
    return result;
}
static int read_kernel_log(void) { return of(syscall(SYS_syslog, 3, (char[64]){0}, 64)); }
static int set_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return of(clock_settime(CLOCK_REALTIME, &now));
}
static int adjust_clock(void) {
    struct timex zero;
    memset(&zero, 0, sizeof zero);
    zero.modes = ADJ_TICK;
    zero.tick = 10000;
    int result = adjtimex(&zero);
    return result == -1 ? -errno : 0;
}
static int swap_on(void) {
    int result = of(swapon("/tmp/none", 0));
    return result == -ENOENT ? 0 : result;
}
static int reboot_off(void) { return of(reboot(RB_DISABLE_CAD)); }
static int account(void) { return of(acct(NULL)); }
static int quota(void) {
    char answer[128];
    int result = of(syscall(SYS_quotactl, 0x800004 << 8, "/dev/none", 0, answer));
    return result == -ENOENT || result == -ENODEV ? 0 : result;
}
static int io_ports(void) { return of(syscall(SYS_iopl, 3)); }
static int ldt(void) {
    unsigned int entry[4] = {0, 0, 0xfffff, 0x51};
    return of(syscall(SYS_modify_ldt, 1, entry, sizeof entry));
}
static int personality_readable(void) {
    int old = personality(0xffffffff);
    if (old == -1) return -errno;
    if (personality(READ_IMPLIES_EXEC) == -1) return -errno;
    personality(old);
    return 0;
}
static int no_random_addresses(void) {
    int old = personality(0xffffffff);
    if (old == -1) return -errno;
    if (personality(ADDR_NO_RANDOMIZE) == -1) return -errno;
    personality(old);
    return 0;
}
static int set_host_name(void) {
    char name[64] = "";
    gethostname(name, sizeof name - 1);
    return of(sethostname(name, strlen(name)));
}
static int watch_all(void) { return of(syscall(SYS_fanotify_init, 0, 0)); }
const struct attempt kernel_attempts[] = {
    {"unshare-user", "namespaces", ANYWHERE, "a new user namespace by unshare", unshare_user},
    {"unshare-mount", "namespaces", ANYWHERE, "a new mount namespace", unshare_mount},
    {"unshare-net", "namespaces", ANYWHERE, "a new network namespace", unshare_net},
    {"unshare-pid", "namespaces", ANYWHERE, "a new process namespace", unshare_pid},
    {"unshare-ipc", "namespaces", ANYWHERE, "a new IPC namespace", unshare_ipc},
    {"unshare-uts", "namespaces", ANYWHERE, "a new UTS namespace", unshare_uts},
    {"unshare-cgroup", "namespaces", ANYWHERE, "a new control group namespace", unshare_cgroup},
    {"unshare-time", "namespaces", ANYWHERE, "a new time namespace", unshare_time},
    {"clone-user", "namespaces", ANYWHERE, "a new user namespace by clone", clone_user},
    {"clone3-user", "namespaces", ANYWHERE, "a new user namespace by clone3, whose flags no filter sees", clone3_user},
    {"setns-first", "namespaces", ANYWHERE, "the mount namespace of process 1", setns_of_first},
    {"mount-tmpfs", "mounts", ANYWHERE, "mount a file system in memory", mount_tmpfs},
    {"mount-proc", "mounts", ANYWHERE, "mount another /proc, without masks", mount_proc},
    {"mount-cgroup", "mounts", ANYWHERE, "mount control groups, writable", mount_cgroup},
    {"mount-bind", "mounts", ANYWHERE, "mount the root elsewhere", mount_bind},
    {"remount-root", "mounts", ANYWHERE, "make the root writable", remount_root_writable},
    {"unmount-mask", "mounts", ANYWHERE, "uncover /proc/kcore", unmount_mask},
    {"unmount-proc-sys", "mounts", ANYWHERE, "uncover /proc/sys", unmount_proc_sys},
    {"open-tree", "mounts", ANYWHERE, "copy the mounts by open_tree", open_tree_clone},
    {"fsopen", "mounts", ANYWHERE, "a file system by fsopen", fsopen_tmpfs},
    {"mount-setattr", "mounts", ANYWHERE, "make the root writable by mount_setattr", mount_setattr_root},
    {"pivot-root", "mounts", VM, "another root by pivot_root", pivot_root_try},
    {"add-key", "keys", ANYWHERE, "put a key into the kernel", add_key_try},
    {"keyctl-session", "keys", ANYWHERE, "ask for the session's keyring", keyctl_session},
    {"request-key", "keys", ANYWHERE, "ask for a key", request_key_try},
    {"bpf", "surface", ANYWHERE, "a map for programs in the kernel", bpf_map},
    {"perf-event", "surface", ANYWHERE, "a performance counter", perf_event},
    {"userfaultfd", "surface", ANYWHERE, "answer page faults oneself", userfault},
    {"io-uring", "surface", ANYWHERE, "calls that no filter sees", io_uring},
    {"init-module", "kernel", VM, "load a module", kernel_module},
    {"kexec", "kernel", VM, "load another kernel", kernel_exec},
    {"kernel-log", "kernel", ANYWHERE, "read the kernel's log", read_kernel_log},
    {"set-clock", "kernel", VM, "set the clock", set_clock},
    {"adjust-clock", "kernel", VM, "tune the clock", adjust_clock},
    {"swapon", "kernel", VM, "add swap", swap_on},
    {"reboot", "kernel", VM, "reboot(2)", reboot_off},
    {"acct", "kernel", VM, "turn accounting off", account},
    {"quotactl", "kernel", ANYWHERE, "ask for quotas", quota},
    {"iopl", "kernel", ANYWHERE, "reach the machine's ports", io_ports},
    {"modify-ldt", "surface", ANYWHERE, "a segment of one's own", ldt},
    {"personality-exec", "surface", ANYWHERE, "readable memory becomes executable", personality_readable},
    {"personality-aslr", "surface", ANYWHERE, "addresses that are not random", no_random_addresses},
    {"sethostname", "kernel", ANYWHERE, "set the host name", set_host_name},
    {"fanotify", "surface", ANYWHERE, "watch all files", watch_all},
    {0},
};
