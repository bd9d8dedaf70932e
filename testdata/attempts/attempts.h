/* What a hostile process in a container tries. Each attempt says whether it succeeded, was held, or can't tell. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include <errno.h>

/* An attempt gives 0 where it succeeded, -errno where it was held, or this where it can't tell. */
#define CANT_TELL (-100000)

/* VM: it could hurt the machine if it succeeded, so it is only tried in a virtual one. */
enum where { ANYWHERE, VM };

struct attempt {
    const char *name;
    const char *group;
    enum where where;
    const char *what;
    int (*try)(void);
};

extern const struct attempt kernel_attempts[], file_attempts[], process_attempts[], network_attempts[],
    privilege_attempts[], exhaustion_attempts[], door_attempts[];

/* The result of a system call that is -1 on error. */
static inline int of(long result) { return result == -1 ? -errno : 0; }

/* Runs an attempt in a child, for those that change the process that makes them. */
int in_child(int (*try)(void));

/* Writes a text to a file; 0 or -errno. */
int write_to(const char *path, const char *text);

/* Opens a file; 0 or -errno. */
int opens(const char *path, int flags);

/* What the harness says: an address, a process; "" where it says nothing. */
const char *told(const char *name);

#endif
