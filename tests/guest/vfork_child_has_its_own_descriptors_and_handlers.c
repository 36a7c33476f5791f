// vfork(2) = clone(CLONE_VM | CLONE_VFORK | SIGCHLD): memory is shared; descriptors, working
// directory and signal dispositions are copies.
#include "check.h"

int main(void) {
  char before[4096], after[4096];
  NEED(getcwd(before, sizeof before));
  pid_t child = vfork();
  if (child == 0) {
    close(0);
    dup2(1, 88);
    if (chdir("/") != 0)
      _exit(1);
    signal(SIGUSR1, SIG_IGN);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(fcntl(0, F_GETFD) == 0);
  CHECK_ERRNO(fcntl(88, F_GETFD), EBADF);
  CHECK(getcwd(after, sizeof after) && strcmp(before, after) == 0);
  struct sigaction action;
  CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  return finish();
}
