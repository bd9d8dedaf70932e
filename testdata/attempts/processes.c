/* Other processes, the terminal, and what a process may ask for itself. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/tiocl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

/* Another process to try things on: one of the host's that the harness names, else process 1. */
static pid_t other(void) {
    const char *pid = told("ATTEMPT_PID");
    return *pid ? atoi(pid) : 1;
}

static int trace_other(void) {
    int result = of(ptrace(PTRACE_SEIZE, other(), 0, 0));
    if (result == 0) ptrace(PTRACE_DETACH, other(), 0, 0);
    return result;
}
/* Tracing one's own child is a debugger's right; a filter may take it, since it undoes other filters on old kernels. */
static int trace_child(void) {
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    int result = of(ptrace(PTRACE_SEIZE, child, 0, 0));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return result;
}
static int read_other(void) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
    long got = process_vm_readv(other(), &here, 1, &there, 1, 0);
    if (got >= 0 || errno == EFAULT) return 0;
    return -errno;
}
static int memory_of_other(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", other());
    return opens(path, O_RDONLY);
}
static int environment_of_other(void) {
    char path[64], byte[8];
    snprintf(path, sizeof path, "/proc/%d/environ", other());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) return -errno;
    long got = read(fd, byte, sizeof byte);
    int result = got > 0 ? 0 : got == 0 ? -ENODATA : -errno;
    close(fd);
    return result;
}
static int signal_other(void) { return of(kill(other(), 0)); }
static int descriptor_of_other(void) {
    int pidfd = syscall(434, other(), 0);
    if (pidfd == -1) return -errno;
    return of(syscall(438, pidfd, 0, 0));
}
static int priority_of_other(void) {
    errno = 0;
    int now = getpriority(PRIO_PROCESS, other());
    if (errno) return -errno;
    return of(setpriority(PRIO_PROCESS, other(), now));
}
/* Processes that are neither ours nor process 1 are the host's. */
static int see_host(void) {
    DIR *folder = opendir("/proc");
    if (!folder) return CANT_TELL;
    int found = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[300], line[256];
        int pid = atoi(entry->d_name);
        if (pid <= 1) continue;
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *file = fopen(path, "re");
        if (!file) continue;
        if (fgets(line, sizeof line, file) && strncmp(line, "attempts", 8) != 0 && strncmp(line, "sh", 2) != 0) found = 1;
        fclose(file);
    }
    closedir(folder);
    return found ? 0 : -ESRCH;
}

/* A terminal of our own, so that nothing is typed into anybody's. */
static int with_terminal(unsigned long request, void *argument) {
    int master, slave, status;
    if (openpty(&master, &slave, NULL, NULL, NULL) == -1) return CANT_TELL;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        int result = ioctl(slave, request, argument);
        _exit(result == -1 ? (errno > 250 ? 250 : errno) : 0);
    }
    if (child == -1 || waitpid(child, &status, 0) == -1) return CANT_TELL;
    close(master);
    close(slave);
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}
static int type_into_terminal(void) {
    char letter = 'x';
    return with_terminal(TIOCSTI, &letter);
}
static int paste_into_terminal(void) {
    char request[2] = {TIOCL_GETSHIFTSTATE, 0};
    int result = with_terminal(TIOCLINUX, request);
    return result;
}

static int raise_nice(void) { return of(setpriority(PRIO_PROCESS, 0, -5)); }
static int real_time(void) {
    struct sched_param parameter = {.sched_priority = 1};
    return of(sched_setscheduler(0, SCHED_FIFO, &parameter));
}
static int raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1) return CANT_TELL;
    limit.rlim_max += 1;
    return of(setrlimit(RLIMIT_NOFILE, &limit));
}
static int raise_core(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return of(setrlimit(RLIMIT_CORE, &limit));
}
static int protect_from_oom(void) { return write_to("/proc/self/oom_score_adj", "-900"); }
static int kcmp_other(void) { return of(syscall(SYS_kcmp, getpid(), other(), 0, 0, 0)); }

const struct attempt process_attempts[] = {
    {"ptrace-other", "processes", ANYWHERE, "trace a process that is not ours", trace_other},
    {"ptrace-child", "processes", ANYWHERE, "trace a child", trace_child},
    {"process-vm-readv", "processes", ANYWHERE, "read another's memory", read_other},
    {"proc-mem", "processes", ANYWHERE, "open another's memory", memory_of_other},
    {"proc-environ", "processes", ANYWHERE, "read another's environment", environment_of_other},
    {"signal-other", "processes", ANYWHERE, "send another a signal", signal_other},
    {"pidfd-getfd", "processes", ANYWHERE, "take another's descriptor", descriptor_of_other},
    {"nice-other", "processes", ANYWHERE, "set another's priority", priority_of_other},
    {"kcmp", "processes", ANYWHERE, "compare with another", kcmp_other},
    {"see-host", "processes", ANYWHERE, "see processes of the host", see_host},
    {"tiocsti", "terminal", ANYWHERE, "type into the terminal", type_into_terminal},
    {"tioclinux", "terminal", ANYWHERE, "paste into the terminal", paste_into_terminal},
    {"nice", "limits", ANYWHERE, "raise one's own priority", raise_nice},
    {"real-time", "limits", ANYWHERE, "real-time scheduling", real_time},
    {"raise-limit", "limits", ANYWHERE, "raise a hard limit", raise_limit},
    {"raise-core", "limits", ANYWHERE, "have core dumps written", raise_core},
    {"oom-score", "limits", ANYWHERE, "be spared when memory runs out", protect_from_oom},
    {0},
};
