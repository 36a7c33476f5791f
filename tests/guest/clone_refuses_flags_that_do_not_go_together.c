// clone(2), ERRORS, EINVAL.
#include "check.h"

static long clone_flags(unsigned long flags) {
  long child = syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
  if (child == 0)
    _exit(0);
  return child;
}
int main(void) {
  CHECK_ERRNO(clone_flags(CLONE_SIGHAND | SIGCHLD), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_THREAD | SIGCHLD), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_THREAD | CLONE_VM | SIGCHLD), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_FS | CLONE_NEWNS | SIGCHLD), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_FS | CLONE_NEWUSER | SIGCHLD), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), EINVAL);
  CHECK_ERRNO(clone_flags(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD), EINVAL);
  int status;
  // clone(2) has CLONE_NEWPID with CLONE_PARENT here, too: Linux allows it since 3.13.
  IN_CHILD(CHECK(clone_flags(CLONE_NEWPID | CLONE_PARENT) > 0));
  CHECK_THAT(waitpid(-1, &status, __WALL) > 0,
             "CLONE_PARENT made a sibling in a new pid namespace");
  CHECK_ERRNO(wait(&status), ECHILD);
  return finish();
}
