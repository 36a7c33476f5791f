// PR_SET_CHILD_SUBREAPER(2const): "The setting is not inherited by children created by fork(2) and
// clone(2). It is preserved across execve(2)." Orphans go to the nearest living subreaper.
#include "check.h"

#include <sys/prctl.h>

int main(void) {
  int value = -1;
  NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 1);
  IN_CHILD(CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 0););
  pid_t self = getpid(), orphan = 0;
  struct bell parent_gone = new_bell(), pid_of_orphan = new_bell();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    if (fork() == 0) {
      hear(parent_gone);
      CHECK_THAT(getppid() == self, "the orphan's parent is the subreaper");
      pid_t pid = getpid();
      NEED(write(pid_of_orphan.fds[1], &pid, sizeof pid) == sizeof pid);
      _exit(7);
    }
    _exit(0);
  }
  CHECK(waitpid(child, NULL, 0) == child);
  tell(parent_gone);
  NEED(read(pid_of_orphan.fds[0], &orphan, sizeof orphan) == sizeof orphan);
  int status;
  CHECK(waitpid(-1, &status, 0) == orphan && WEXITSTATUS(status) == 7);
  return finish();
}
