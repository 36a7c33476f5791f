// clone(2): CLONE_PARENT: "the parent of the new child (as returned by getppid(2)) will be the same
// as that of the calling process"; "the parent of the calling process, rather than the calling
// process itself, is signaled when the child terminates".
#include "check.h"

int main(void) {
  struct bell pid_of_sibling = new_bell(), sibling_spoke = new_bell();
  pid_t self = getpid();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    pid_t sibling = (pid_t)syscall(SYS_clone, CLONE_PARENT, NULL, NULL, NULL, 0);
    if (sibling == 0) {
      CHECK(getppid() == self);
      tell(sibling_spoke);
      _exit(check_failures ? 1 : 5);
    }
    NEED(write(pid_of_sibling.fds[1], &sibling, sizeof sibling) == sizeof sibling);
    int status;
    hear(sibling_spoke);
    CHECK_ERRNO(waitpid(sibling, &status, __WALL), ECHILD);
    _exit(check_failures);
  }
  pid_t sibling;
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  NEED(read(pid_of_sibling.fds[0], &sibling, sizeof sibling) == sizeof sibling);
  CHECK(waitpid(sibling, &status, __WALL) == sibling && WEXITSTATUS(status) == 5);
  return finish();
}
