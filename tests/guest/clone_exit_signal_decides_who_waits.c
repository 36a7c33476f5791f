// clone(2): the low byte of flags is the termination signal; "If this signal is specified as
// anything other than SIGCHLD, then the parent process must specify the __WALL or __WCLONE options
// when waiting".
#include "check.h"

static volatile int got;
static void handler(int number) {
  got = number;
}
static pid_t clone_with(int signal_number) {
  pid_t child = (pid_t)syscall(SYS_clone, signal_number, NULL, NULL, NULL, 0);
  NEED(child >= 0);
  if (child == 0)
    _exit(3);
  return child;
}
int main(void) {
  int status = 0;
  signal(SIGUSR1, handler);
  pid_t child = clone_with(SIGUSR1);
  while (!got)
    sleep_ms(1);
  CHECK(got == SIGUSR1);
  CHECK_ERRNO(waitpid(child, &status, 0), ECHILD);
  CHECK(waitpid(child, &status, __WCLONE) == child && WEXITSTATUS(status) == 3);
  child = clone_with(0);
  CHECK_ERRNO(waitpid(-1, &status, 0), ECHILD);
  CHECK(waitpid(-1, &status, __WALL) == child);
  child = clone_with(SIGCHLD);
  CHECK_ERRNO(waitpid(child, &status, __WCLONE), ECHILD);
  CHECK(waitpid(child, &status, 0) == child);
  return finish();
}
