/* libseccomp as an oracle, and calls under a filter.
 *
 *   seccomp compile DEFAULT NARROW < RULES > PROGRAM    a line a rule: ACTION NAME COUNT (INDEX OP VALUE TWO)*, numbers
 *                                                in hex; NARROW is 1 where 32-bit programs are let in too
 *   seccomp run PROGRAM CALL...                  sets the filter, then makes each NUMBER[:ARGUMENT,...], the 32-bit way
 *                                                after `x`; prints what each gives, an error as -errno
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef ORACLE
#include <seccomp.h>

static int compile(const char *fallback, int narrow) {
	scmp_filter_ctx context = seccomp_init(strtoul(fallback, NULL, 16));
	if (!context || (narrow && seccomp_arch_add(context, SCMP_ARCH_X86) != 0)) return 1;
	unsigned action, count;
	char name[64];
	while (scanf("%x %63s %u", &action, name, &count) == 3) {
		struct scmp_arg_cmp conditions[6];
		for (unsigned i = 0; i < count; i++) {
			unsigned index, op;
			uint64_t value, two;
			if (i >= 6 || scanf("%x %x %" SCNx64 " %" SCNx64, &index, &op, &value, &two) != 4) return 2;
			conditions[i] = (struct scmp_arg_cmp){index, op, value, two};
		}
		int number = seccomp_syscall_resolve_name(name);
		if (number == __NR_SCMP_ERROR) {
			fprintf(stderr, "%s\n", name);
			continue;
		}
		int error = seccomp_rule_add_array(context, action, number, count, conditions);
		if (error != 0) {
			fprintf(stderr, "! %s %d\n", name, error);
			return 3;
		}
	}
	return seccomp_export_bpf(context, 1) != 0;
}
#endif

static long narrow_call(long number, const long *a) {
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a[0]), "c"(a[1]), "d"(a[2]) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static int run(int count, char **words) {
	static struct sock_filter instructions[4096];
	FILE *file = fopen(words[0], "rb");
	if (!file) return 1;
	struct sock_fprog program = {fread(instructions, sizeof instructions[0], 4096, file), instructions};
	fclose(file);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) return 2;
	for (int i = 1; i < count; i++) {
		char *at = words[i];
		int narrow = *at == 'x';
		long number = strtoul(at + narrow, &at, 16), a[6] = {0};
		for (int j = 0; j < 6 && *at; j++) a[j] = strtoul(at + 1, &at, 16);
		long result;
		if (narrow) {
			result = narrow_call(number, a);
		} else {
			result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
			if (result == -1) result = -errno;
		}
		char line[32];
		int length = snprintf(line, sizeof line, "%ld\n", result);
		if (write(1, line, length) != length) return 3;
	}
	return 0;
}

int main(int count, char **words) {
#ifdef ORACLE
	if (count == 4 && !strcmp(words[1], "compile")) return compile(words[2], words[3][0] == '1');
#endif
	if (count >= 3 && !strcmp(words[1], "run")) return run(count - 2, words + 2);
	return 64;
}
