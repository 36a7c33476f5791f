// A thread with filters of its system calls, of which a copy of its box has as many.
#define _GNU_SOURCE
#include "guest.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/// Of one call: fails with this errno.
static int forbid(unsigned number, unsigned error) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof program / sizeof *program, program};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

int main(void) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || forbid(SYS_getppid, 42) != 0 ||
      forbid(SYS_getpgrp, 43) != 0)
    return 1;
  say("ready");
  next_line(); // here the box is forked
  CHECK("first filter", syscall(SYS_getppid) == -1 && errno == 42);
  CHECK("second filter", syscall(SYS_getpgrp) == -1 && errno == 43);
  CHECK("mode", prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER);
  CHECK("further filters",
        forbid(SYS_getppid, 44) == 0 && syscall(SYS_getppid) == -1 && errno == 44);
  say("done");
  return 0;
}
