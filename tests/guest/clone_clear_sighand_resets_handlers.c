// clone(2): CLONE_CLEAR_SIGHAND: "all signals that are handled in the calling process are reset to
// their default dispositions"; ignored ones stay ignored.
#include "check.h"

#include <linux/sched.h>

static void handler(int number) {
  (void)number;
}
int main(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, SIG_IGN);
  struct clone_args arguments = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
  long child = syscall(SYS_clone3, &arguments, sizeof arguments);
  NEED(child >= 0);
  struct sigaction action;
  if (child == 0) {
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
    _exit(check_failures);
  }
  int status;
  CHECK(waitpid((pid_t)child, &status, 0) == child && status == 0);
  CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == handler);
  return finish();
}
