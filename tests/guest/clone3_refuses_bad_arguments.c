// clone(2), ERRORS of clone3(): EINVAL, E2BIG, EFAULT.
#include "check.h"

#include <linux/sched.h>

struct padded {
  struct clone_args arguments;
  uint64_t tail[8];
};
static long clone3(struct padded *padded, size_t size) {
  long child = syscall(SYS_clone3, padded, size);
  if (child == 0)
    _exit(9);
  return child;
}
int main(void) {
  struct padded good = {.arguments = {.exit_signal = SIGCHLD}}, bad;
  int status;
  long child = clone3(&good, sizeof good.arguments);
  CHECK(child > 0 && waitpid((pid_t)child, &status, 0) == child && WEXITSTATUS(status) == 9);
  child = clone3(&good, 64);
  CHECK(child > 0 && waitpid((pid_t)child, &status, 0) == child);
  child = clone3(&good, sizeof good);
  CHECK_THAT(child > 0 && waitpid((pid_t)child, &status, 0) == child,
             "a longer structure with a zero tail");
  CHECK_ERRNO(clone3(&good, 63), EINVAL);
  CHECK_ERRNO(clone3(&good, 4097), E2BIG);
  bad = good;
  bad.tail[3] = 1;
  CHECK_ERRNO(clone3(&bad, sizeof bad), E2BIG);
  bad = good;
  bad.arguments.exit_signal = 65;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.flags = SIGCHLD;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.flags = CLONE_DETACHED;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.stack = 0x10000;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.stack_size = 4096;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.set_tid_size = 1;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.flags = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND | CLONE_VM;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.flags = CLONE_INTO_CGROUP;
  bad.arguments.cgroup = (uint64_t)-1;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EINVAL);
  bad = good;
  bad.arguments.flags = CLONE_SETTLS;
  bad.arguments.tls = (uint64_t)1 << 63;
  CHECK_ERRNO(clone3(&bad, sizeof bad.arguments), EPERM);
  CHECK_ERRNO(syscall(SYS_clone3, (void *)8, 64), EFAULT);
  return finish();
}
