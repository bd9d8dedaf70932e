/* attempts NAME tries one thing: exit 0 SUCCEEDED, 1 HELD, 2 CAN'T TELL. attempts --list says what there is, attempts
 * --all tries all that are not only for a virtual machine, each in a process of its own, attempts --all-vm those too. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

static const struct attempt *const lists[] = {kernel_attempts,    file_attempts,      process_attempts, network_attempts,
                                              privilege_attempts, exhaustion_attempts, door_attempts};

/* An attempt that hangs is ended after so many seconds, and can't tell; an emulated machine needs more. */
static int patience(void) {
    int seconds = atoi(told("ATTEMPT_PATIENCE"));
    return seconds > 0 ? seconds : 20;
}

int in_child(int (*try)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        int result = try();
        _exit(result == 0 ? 0 : result == CANT_TELL ? 255 : -result > 250 ? 250 : -result);
    }
    if (child == -1) return -errno;
    if (waitpid(child, &status, 0) == -1) return -errno;
    if (WIFSIGNALED(status)) return -EINTR;
    int code = WEXITSTATUS(status);
    return code == 255 ? CANT_TELL : -code;
}

int write_to(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd == -1) return -errno;
    int result = write(fd, text, strlen(text)) == -1 ? -errno : 0;
    close(fd);
    return result;
}

int opens(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd == -1) return -errno;
    close(fd);
    return 0;
}

/* A masked file opens, but gives nothing. */
int gives(const char *path) {
    char byte[16];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) return -errno;
    long got = read(fd, byte, sizeof byte);
    int result = got > 0 ? 0 : got == 0 ? -ENODATA : -errno;
    close(fd);
    return result;
}

const char *told(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static int say(const char *name, int result) {
    if (result == 0) {
        printf("%s SUCCEEDED\n", name);
        return 0;
    }
    if (result == CANT_TELL) {
        printf("%s CANT_TELL\n", name);
        return 2;
    }
    const char *reason = strerrorname_np(-result);
    printf("%s HELD %s\n", name, reason ? reason : "?");
    return 1;
}

static int apart(const struct attempt *attempt) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        alarm(patience());
        int code = say(attempt->name, attempt->try());
        fflush(stdout);
        _exit(code);
    }
    int status = 0;
    if (child == -1 || waitpid(child, &status, 0) == -1) return say(attempt->name, -errno);
    if (WIFSIGNALED(status)) {
        /* A filter that kills holds too; our own alarm doesn't. */
        if (WTERMSIG(status) == SIGALRM) return say(attempt->name, CANT_TELL);
        printf("%s HELD SIG%s\n", attempt->name, sigabbrev_np(WTERMSIG(status)));
        return 1;
    }
    return WEXITSTATUS(status);
}

int main(int count, char **words) {
    const char *word = count > 1 ? words[1] : "--list";
    int list_only = strcmp(word, "--list") == 0, with_vm = strcmp(word, "--all-vm") == 0;
    int all = with_vm || strcmp(word, "--all") == 0;
    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++) {
        for (const struct attempt *attempt = lists[list]; attempt->name; attempt++) {
            if (list_only) {
                printf("%s\t%s\t%s\t%s\n", attempt->name, attempt->group, attempt->where == VM ? "vm" : "anywhere",
                       attempt->what);
            } else if (all) {
                if (with_vm || attempt->where != VM) apart(attempt);
            } else if (strcmp(word, attempt->name) == 0) {
                return apart(attempt);
            }
        }
    }
    if (list_only || all) return 0;
    fprintf(stderr, "attempts: there is no attempt `%s`; see attempts --list\n", word);
    return 3;
}
