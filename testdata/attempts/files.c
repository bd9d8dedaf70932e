/* Paths that a container must not write to or read: the kernel's files, the host's disks, the image, the launcher. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

static int core_pattern(void) { return opens("/proc/sys/kernel/core_pattern", O_WRONLY); }
static int sysrq(void) { return write_to("/proc/sysrq-trigger", "h"); }
static int sysctl_kernel(void) { return opens("/proc/sys/kernel/randomize_va_space", O_WRONLY); }
static int sysctl_vm(void) { return opens("/proc/sys/vm/drop_caches", O_WRONLY); }
static int sysctl_net(void) { return opens("/proc/sys/net/ipv4/ip_forward", O_WRONLY); }
static int modprobe_path(void) { return opens("/proc/sys/kernel/modprobe", O_WRONLY); }
static int binfmt(void) { return opens("/proc/sys/fs/binfmt_misc/register", O_WRONLY); }
static int irq(void) { return opens("/proc/irq/default_smp_affinity", O_WRONLY); }

static int kcore(void) { return gives("/proc/kcore"); }
static int keys(void) { return gives("/proc/keys"); }
static int timer_list(void) { return gives("/proc/timer_list"); }
static int sched_debug(void) { return gives("/sys/kernel/debug/sched/debug"); }
static int interrupts(void) { return gives("/proc/interrupts"); }
static int firmware(void) {
    DIR *folder = opendir("/sys/firmware");
    if (!folder) return -errno;
    int count = 0;
    while (readdir(folder)) count++;
    closedir(folder);
    return count > 2 ? 0 : -ENODATA;
}
/* Who may not know them is told zeros; places within a processor's own data are small in any case. */
static int kernel_addresses(void) {
    char line[512];
    int result = -ENODATA;
    FILE *file = fopen("/proc/kallsyms", "re");
    if (!file) return -errno;
    while (result != 0 && fgets(line, sizeof line, file)) result = strtoull(line, NULL, 16) >> 32 ? 0 : -EPERM;
    fclose(file);
    return result;
}
static int sys_power(void) { return opens("/sys/power/state", O_WRONLY); }
static int sys_uevent(void) { return opens("/sys/kernel/uevent_helper", O_WRONLY); }
static int sys_module(void) { return opens("/sys/module/kernel/parameters/panic", O_WRONLY); }

static int make_node(const char *path, mode_t kind, dev_t device) {
    int result = of(mknod(path, kind | 0600, device));
    if (result == 0) {
        /* A node that can't be opened is none. */
        result = opens(path, O_RDONLY | O_NONBLOCK);
        if (result == -ENXIO || result == -ENOMEDIUM) result = 0;
        unlink(path);
    }
    return result;
}
static int node_disk(void) { return make_node("/tmp/attempt-disk", S_IFBLK, makedev(254, 0)); }
static int node_memory(void) { return make_node("/tmp/attempt-mem", S_IFCHR, makedev(1, 1)); }
static int node_kmsg(void) { return make_node("/tmp/attempt-kmsg", S_IFCHR, makedev(1, 11)); }
static int node_null(void) { return make_node("/tmp/attempt-null", S_IFCHR, makedev(1, 3)); }
static int open_memory(void) { return opens("/dev/mem", O_RDONLY); }
static int open_kmsg(void) { return opens("/dev/kmsg", O_WRONLY); }
static int open_fuse(void) { return opens("/dev/fuse", O_RDWR); }
static int open_kvm(void) { return opens("/dev/kvm", O_RDWR); }
/* Opens the first of some places that can be opened: control groups lie elsewhere in each version. */
static int opens_one_of(const char *const *places, int flags) {
    int result = -ENOENT;
    for (; *places; places++) {
        int one = opens(*places, flags);
        if (one == 0) return 0;
        if (one != -ENOENT) result = one;
    }
    return result;
}
static int open_disk(void) {
    static const char *const disks[] = {"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0", "/dev/ram0", NULL};
    return opens_one_of(disks, O_RDONLY);
}

static int cgroup_procs(void) {
    static const char *const places[] = {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs",
                                         "/sys/fs/cgroup/unified/cgroup.procs", NULL};
    return opens_one_of(places, O_WRONLY);
}
static int cgroup_limit(void) {
    static const char *const places[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                         "/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max", NULL};
    return opens_one_of(places, O_WRONLY);
}
static int release_agent(void) {
    static const char *const places[] = {"/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/pids/release_agent",
                                         "/sys/fs/cgroup/rdma/release_agent", "/sys/fs/cgroup/release_agent", NULL};
    return opens_one_of(places, O_WRONLY);
}
static int cgroup_make(void) {
    static const char *const places[] = {"/sys/fs/cgroup/attempt", "/sys/fs/cgroup/memory/attempt", NULL};
    int result = -ENOENT;
    for (int at = 0; places[at]; at++) {
        int one = of(mkdir(places[at], 0700));
        if (one == 0) {
            rmdir(places[at]);
            return 0;
        }
        if (one != -ENOENT) result = one;
    }
    return result;
}

static int write_root(void) {
    int result = opens("/attempt-was-here", O_WRONLY | O_CREAT);
    if (result == 0) unlink("/attempt-was-here");
    return result;
}
static int write_program(void) { return opens("/bin/busybox", O_WRONLY); }
static int write_passwd(void) { return opens("/etc/passwd", O_WRONLY); }
static int write_through_proc_root(void) {
    int result = opens("/proc/self/root/attempt-was-here", O_WRONLY | O_CREAT);
    if (result == 0) unlink("/attempt-was-here");
    return result;
}
static int change_mode(void) {
    struct stat stat;
    if (lstat("/bin/busybox", &stat) == -1) return CANT_TELL;
    return of(chmod("/bin/busybox", stat.st_mode & 07777));
}
static int change_owner(void) { return of(chown("/bin/busybox", 0, 0)); }
static int set_setuid(void) {
    int result = opens("/tmp/attempt-suid", O_WRONLY | O_CREAT);
    if (result != 0) return result;
    result = of(chown("/tmp/attempt-suid", 0, 0));
    if (result == 0) result = of(chmod("/tmp/attempt-suid", 04755));
    unlink("/tmp/attempt-suid");
    return result;
}
static int set_file_capability(void) {
    struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
                                .data = {{.permitted = 1 << CAP_NET_RAW}}};
    int result = opens("/tmp/attempt-cap", O_WRONLY | O_CREAT);
    if (result != 0) return result;
    result = of(syscall(SYS_setxattr, "/tmp/attempt-cap", "security.capability", &data, sizeof data, 0));
    unlink("/tmp/attempt-cap");
    return result;
}
static int chroot_away(void) { return of(chroot("/tmp")); }
static int chroot_away_apart(void) { return in_child(chroot_away); }
/* The classical escape: a root below, and the way up from a folder that was open before. */
static int chroot_escape_now(void) {
    int before = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mkdir("/tmp/attempt-root", 0700);
    if (chroot("/tmp/attempt-root") == -1) return -errno;
    if (fchdir(before) == -1) return -errno;
    for (int at = 0; at < 64; at++)
        if (chdir("..") == -1) return -errno;
    return of(chroot("."));
}
static int chroot_escape(void) {
    int result = in_child(chroot_escape_now);
    rmdir("/tmp/attempt-root");
    return result;
}
/* open_by_handle_at reads any file of a file system whose handle is guessed. */
static int open_by_handle(void) {
    struct {
        struct file_handle handle;
        char bytes[128];
    } handle = {.handle.handle_bytes = 128};
    int mount;
    if (name_to_handle_at(AT_FDCWD, "/", &handle.handle, &mount, 0) == -1) return -errno;
    int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = open_by_handle_at(root, &handle.handle, O_RDONLY);
    return fd == -1 ? -errno : 0;
}
/* Descriptors beyond the three that a program starts with come from the launcher. */
static int inherited_descriptor(void) {
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return CANT_TELL;
    int own = dirfd(folder), found = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd > 2 && fd != own) found = 1;
    }
    closedir(folder);
    return found ? 0 : -EBADF;
}
static int root_of_first(void) {
    int fd = open("/proc/1/root/attempt-was-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1) return -errno;
    unlink("/proc/1/root/attempt-was-here");
    return 0;
}
static int exe_of_first(void) { return opens("/proc/1/exe", O_WRONLY); }
/* What /proc/1/exe leads to is read first, and the way found is tried for writing (CVE-2019-5736). */
static int exe_of_first_again(void) {
    int fd = open("/proc/1/exe", O_PATH | O_CLOEXEC);
    if (fd == -1) return -errno;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return opens(path, O_WRONLY);
}
static int run_from(const char *folder) {
    char path[256], buffer[65536];
    snprintf(path, sizeof path, "%s/attempt-program", folder);
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (to == -1) return -errno;
    if (from == -1) return CANT_TELL;
    for (long got; (got = read(from, buffer, sizeof buffer)) > 0;)
        if (write(to, buffer, got) != got) return -errno;
    close(to);
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execl(path, path, "--list", (char *)NULL);
        _exit(errno > 250 ? 250 : errno);
    }
    waitpid(child, &status, 0);
    unlink(path);
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}
static int run_from_tmp(void) { return run_from("/tmp"); }
static int run_from_shm(void) { return run_from("/dev/shm"); }
static int run_from_dev(void) { return run_from("/dev"); }
static int make_in_dev(void) {
    int result = opens("/dev/attempt", O_WRONLY | O_CREAT);
    if (result == 0) unlink("/dev/attempt");
    return result;
}

const struct attempt file_attempts[] = {
    {"core-pattern", "proc", VM, "name a program of the host for core dumps", core_pattern},
    {"sysrq", "proc", VM, "/proc/sysrq-trigger", sysrq},
    {"sysctl-kernel", "proc", ANYWHERE, "open a setting of the kernel for writing", sysctl_kernel},
    {"sysctl-vm", "proc", ANYWHERE, "open a setting of memory for writing", sysctl_vm},
    {"sysctl-net", "proc", ANYWHERE, "open a setting of the network for writing", sysctl_net},
    {"modprobe-path", "proc", ANYWHERE, "name a program of the host for modules", modprobe_path},
    {"binfmt-misc", "proc", ANYWHERE, "name an interpreter for the host", binfmt},
    {"irq", "proc", ANYWHERE, "where interrupts go", irq},
    {"kcore", "proc", ANYWHERE, "read the kernel's memory", kcore},
    {"proc-keys", "proc", ANYWHERE, "list keys", keys},
    {"timer-list", "proc", ANYWHERE, "read /proc/timer_list", timer_list},
    {"sched-debug", "proc", ANYWHERE, "read the scheduler's state", sched_debug},
    {"interrupts", "proc", ANYWHERE, "read /proc/interrupts", interrupts},
    {"firmware", "sys", ANYWHERE, "list /sys/firmware", firmware},
    {"kallsyms", "proc", ANYWHERE, "read addresses of the kernel", kernel_addresses},
    {"sys-power", "sys", ANYWHERE, "open /sys/power/state for writing", sys_power},
    {"sys-uevent", "sys", ANYWHERE, "name a program of the host for device events", sys_uevent},
    {"sys-module", "sys", ANYWHERE, "open a module's setting for writing", sys_module},
    {"mknod-disk", "devices", ANYWHERE, "make a node of the host's disk", node_disk},
    {"mknod-mem", "devices", ANYWHERE, "make a node of the machine's memory", node_memory},
    {"mknod-kmsg", "devices", ANYWHERE, "make a node of the kernel's log", node_kmsg},
    {"mknod-null", "devices", ANYWHERE, "make any node", node_null},
    {"open-mem", "devices", ANYWHERE, "open /dev/mem", open_memory},
    {"open-kmsg", "devices", ANYWHERE, "open /dev/kmsg", open_kmsg},
    {"open-fuse", "devices", ANYWHERE, "open /dev/fuse", open_fuse},
    {"open-kvm", "devices", ANYWHERE, "open /dev/kvm", open_kvm},
    {"open-disk", "devices", ANYWHERE, "open a disk of the host", open_disk},
    {"make-in-dev", "devices", ANYWHERE, "make a file in /dev", make_in_dev},
    {"cgroup-procs", "cgroup", ANYWHERE, "move processes between control groups", cgroup_procs},
    {"cgroup-limit", "cgroup", ANYWHERE, "raise one's own limit", cgroup_limit},
    {"cgroup-make", "cgroup", ANYWHERE, "make a control group", cgroup_make},
    {"release-agent", "cgroup", VM, "name a program of the host for empty groups", release_agent},
    {"write-root", "image", ANYWHERE, "write into the root", write_root},
    {"write-program", "image", ANYWHERE, "overwrite a program of the image", write_program},
    {"write-passwd", "image", ANYWHERE, "overwrite /etc/passwd", write_passwd},
    {"write-proc-root", "image", ANYWHERE, "write into the root through /proc/self/root", write_through_proc_root},
    {"chmod-program", "image", ANYWHERE, "change a program's mode", change_mode},
    {"chown-program", "image", ANYWHERE, "change a program's owner", change_owner},
    {"make-setuid", "privilege", ANYWHERE, "make a setuid program of root's", set_setuid},
    {"make-capable", "privilege", ANYWHERE, "give a file capabilities", set_file_capability},
    {"chroot", "escape", ANYWHERE, "chroot", chroot_away_apart},
    {"chroot-escape", "escape", ANYWHERE, "leave the root by chroot and fchdir", chroot_escape},
    {"open-by-handle", "escape", ANYWHERE, "open a file by a guessed handle", open_by_handle},
    {"inherited-descriptor", "escape", ANYWHERE, "use a descriptor that the launcher left open", inherited_descriptor},
    {"root-of-first", "escape", ANYWHERE, "write through /proc/1/root", root_of_first},
    {"overwrite-launcher", "escape", ANYWHERE, "open /proc/1/exe for writing", exe_of_first},
    {"overwrite-launcher-by-path", "escape", ANYWHERE, "open it again for writing by a descriptor", exe_of_first_again},
    {"run-from-tmp", "execution", ANYWHERE, "execute a program written to /tmp", run_from_tmp},
    {"run-from-shm", "execution", ANYWHERE, "execute a program written to /dev/shm", run_from_shm},
    {"run-from-dev", "execution", ANYWHERE, "execute a program written to /dev", run_from_dev},
    {0},
};
