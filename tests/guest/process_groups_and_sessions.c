// setpgid(2), setsid(2), ERRORS.
#include "check.h"

int main(void) {
  CHECK_ERRNO(setpgid(-1, 0), EINVAL);
  CHECK_ERRNO(setpgid(0, -5), EINVAL);
  CHECK_ERRNO(getpgid(999999), ESRCH);
  IN_CHILD({
    CHECK(setpgid(0, 0) == 0 && getpgrp() == getpid());
    CHECK_ERRNO(setsid(), EPERM);
    CHECK_ERRNO(setpgid(0, 999999), EPERM);
  });
  IN_CHILD({
    CHECK(setsid() == getpid());
    CHECK(getsid(0) == getpid() && getpgrp() == getpid());
    CHECK_ERRNO(setpgid(0, 0), EPERM);
    CHECK_ERRNO(setsid(), EPERM);
    CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
  });
  struct bell ready = new_bell(), go = new_bell();
  pid_t child = fork();
  if (child == 0) {
    tell(ready);
    execl("/bin/cat", "cat", NULL);
    _exit(1);
  }
  hear(ready);
  CHECK(setpgid(child, child) == 0 || errno == EACCES);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  pid_t grandchild_parent = fork();
  if (grandchild_parent == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) {
      hear(go);
      _exit(0);
    }
    NEED(write(ready.fds[1], &grandchild, sizeof grandchild) == sizeof grandchild);
    waitpid(grandchild, NULL, 0);
    _exit(0);
  }
  pid_t grandchild;
  NEED(read(ready.fds[0], &grandchild, sizeof grandchild) == sizeof grandchild);
  CHECK_ERRNO(setpgid(grandchild, grandchild), ESRCH);
  tell(go);
  CHECK(waitpid(grandchild_parent, NULL, 0) == grandchild_parent);
  return finish();
}
