// kcmp(2): "0 v1 is equal to v2; in other words, the two processes share the resource", by kind;
// clone(2) says which flag shares what. "Order (…) 1, 2" of those that aren't equal: one way round
// 1, the other 2.
#include "check.h"
#include <linux/kcmp.h>

static long compare(pid_t a, pid_t b, int kind, unsigned long one, unsigned long other) {
  return syscall(SYS_kcmp, a, b, kind, one, other);
}

static void after_fork_of(unsigned long flags, const int *equal) {
  pid_t child = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  NEED(child >= 0);
  if (child == 0)
    for (;;)
      pause();
  static const int kinds[] = {KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_SYSVSEM, KCMP_IO};
  for (int i = 0; i < 6; ++i) {
    char what[64];
    snprintf(what, sizeof what, "flags %#lx, kind %d: equal %d", flags, kinds[i], equal[i]);
    long result = compare(getpid(), child, kinds[i], 0, 0),
         back = compare(child, getpid(), kinds[i], 0, 0);
    CHECK_THAT(equal[i] ? result == 0 && back == 0 : result != 0 && back == 3 - result, what);
  }
  kill(child, SIGKILL);
  NEED(waitpid(child, NULL, 0) == child);
}

int main(void) {
  // Neither has semaphore adjustments or an I/O context: that is equal.
  after_fork_of(0, (int[]){0, 0, 0, 0, 1, 1});
  after_fork_of(CLONE_FILES, (int[]){0, 1, 0, 0, 1, 1});
  after_fork_of(CLONE_FS, (int[]){0, 0, 1, 0, 1, 1});
  after_fork_of(CLONE_SYSVSEM, (int[]){0, 0, 0, 0, 1, 1});
  int fd = open(".", O_RDONLY), same = dup(fd), other = open(".", O_RDONLY);
  NEED(fd >= 0 && same >= 0 && other >= 0);
  CHECK(compare(getpid(), getpid(), KCMP_FILE, (unsigned long)fd, (unsigned long)same) == 0);
  CHECK(compare(getpid(), getpid(), KCMP_FILE, (unsigned long)fd, (unsigned long)other) > 0);
  CHECK_ERRNO(compare(getpid(), getpid(), KCMP_FILE, 0, 999), EBADF);
  CHECK_ERRNO(compare(getpid(), getpid(), 99, 0, 0), EINVAL);
  CHECK_ERRNO(compare(getpid(), 1 << 29, KCMP_VM, 0, 0), ESRCH);
  return finish();
}
