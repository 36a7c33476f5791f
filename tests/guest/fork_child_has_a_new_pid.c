// fork(2): "The child has its own unique process ID, and this PID does not match the ID of any
// existing process group or session. The child's parent process ID is the same as the parent's
// process ID."
#include "check.h"

int main(void) {
  pid_t parent = getpid();
  IN_CHILD({
    CHECK(getpid() != parent);
    CHECK(getppid() == parent);
    CHECK(getpid() == gettid());
    CHECK(getpid() != getpgrp());
    CHECK(getpid() != getsid(0));
    CHECK_ERRNO(kill(-getpid(), 0), ESRCH);
  });
  CHECK(getpid() == parent);
  return finish();
}
