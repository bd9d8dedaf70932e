/* Does little but system calls, of the kinds that servers do most: nanoseconds a call. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **words) {
    long calls = count > 1 ? atol(words[1]) : 1000000;
    struct timespec start, end;
    struct stat stat_of;
    char byte;
    int null = open("/dev/null", O_RDWR);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long call = 0; call < calls; call += 5) {
        syscall(SYS_getppid);
        if (read(null, &byte, 1) < 0 || write(null, &byte, 1) < 0) return 1;
        fstat(null, &stat_of);
        lseek(null, 0, SEEK_SET);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.1f\n", ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / calls);
    return 0;
}
