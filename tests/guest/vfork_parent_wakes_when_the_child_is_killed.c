// vfork(2): suspended until the child terminates "either normally, by calling _exit(2), or
// abnormally, after delivery of a fatal signal"; signals to the parent wait until then.
#include "check.h"

static volatile int handled, handled_early;
static void handler(int number) {
  handled = number;
}
int main(void) {
  signal(SIGUSR1, handler);
  pid_t child = vfork();
  if (child == 0) {
    kill(getppid(), SIGUSR1);
    sleep_ms(20);
    handled_early = handled;
    raise(SIGKILL);
    _exit(0);
  }
  CHECK(handled_early == 0);
  CHECK(handled == SIGUSR1);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  return finish();
}
