/* Using up what the machine has. Each stops at a bound well above the usual limits, so it succeeds where nothing bounds
 * it; only a virtual machine is asked to bear that. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempts.h"

static long number(const char *variable, long usual) {
    const char *value = told(variable);
    return *value ? atol(value) : usual;
}

/* Forks until it is refused, or until so many processes live at once. */
static int fork_bomb(void) {
    int bound = number("ATTEMPT_PROCESSES", 2000), result = 0;
    int count = 0;
    for (; count < bound; count++) {
        pid_t child = fork();
        if (child == -1) {
            result = -errno;
            break;
        }
        if (child == 0) {
            for (;;) pause();
        }
    }
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(NULL) > 0) {
    }
    return result;
}

static int fill_memory_now(void) {
    long bytes = number("ATTEMPT_MEMORY", 700l << 20);
    for (long done = 0; done < bytes; done += 1 << 20) {
        void *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return -ENOMEM;
        memset(page, 1, 1 << 20);
    }
    return 0;
}
static int fill_memory(void) {
    /* The child is the one that the kernel ends. */
    int result = in_child(fill_memory_now);
    return result == -EINTR ? -ENOMEM : result;
}

static int fill_folder(const char *folder) {
    char path[128], *block = calloc(1, 1 << 20);
    long bytes = number("ATTEMPT_DISK", 600l << 20);
    snprintf(path, sizeof path, "%s/attempt-fill", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), result = 0;
    if (fd == -1) return -errno;
    for (long done = 0; done < bytes; done += 1 << 20) {
        if (write(fd, block, 1 << 20) != 1 << 20) {
            result = errno ? -errno : -ENOSPC;
            break;
        }
    }
    unlink(path);
    close(fd);
    return result;
}
static int fill_tmp(void) { return fill_folder("/tmp"); }
static int fill_shm(void) { return fill_folder("/dev/shm"); }

static int fill_inodes(void) {
    char path[128];
    long bound = number("ATTEMPT_FILES", 400000);
    int result = 0;
    long made = 0;
    for (; made < bound; made++) {
        snprintf(path, sizeof path, "/tmp/attempt-%ld", made);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd == -1) {
            result = -errno;
            break;
        }
        close(fd);
    }
    for (long at = 0; at < made; at++) {
        snprintf(path, sizeof path, "/tmp/attempt-%ld", at);
        unlink(path);
    }
    return result;
}

static int fill_descriptors(void) {
    long bound = number("ATTEMPT_DESCRIPTORS", 19000);
    for (long at = 0; at < bound; at++)
        if (dup(0) == -1) return -errno;
    return 0;
}
static int descriptors(void) { return in_child(fill_descriptors); }

static int lock_memory(void) {
    void *pages = mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return -errno;
    int result = of(mlock(pages, 128 << 20));
    munmap(pages, 128 << 20);
    return result;
}

/* More than one and a half CPUs for a second. */
static int burn(void) {
    int children = 4, status;
    for (int at = 0; at < children; at++) {
        if (fork() == 0) {
            alarm(2);
            for (;;) {
            }
        }
    }
    while (wait(&status) > 0) {
    }
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    double seconds = usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6;
    return seconds > 3 ? 0 : -EDQUOT;
}

const struct attempt exhaustion_attempts[] = {
    {"fork-bomb", "exhaustion", VM, "processes without end", fork_bomb},
    {"fill-memory", "exhaustion", VM, "memory without end", fill_memory},
    {"fill-tmp", "exhaustion", VM, "files without end in /tmp", fill_tmp},
    {"fill-shm", "exhaustion", VM, "files without end in /dev/shm", fill_shm},
    {"fill-inodes", "exhaustion", VM, "empty files without end", fill_inodes},
    {"fill-descriptors", "exhaustion", ANYWHERE, "open files without end", descriptors},
    {"lock-memory", "exhaustion", ANYWHERE, "memory that can't be swapped", lock_memory},
    {"burn-cpu", "exhaustion", VM, "all CPUs", burn},
    {0},
};
