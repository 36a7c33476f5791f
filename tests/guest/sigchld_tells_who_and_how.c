// sigaction(2): SIGCHLD fills si_pid, si_uid, si_status, si_code; SA_NOCLDSTOP: "do not receive
// notification when child processes stop".
#include "check.h"

static volatile siginfo_t last;
static volatile int count;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  last = *info;
  ++count;
}
static void wait_for(int wanted) {
  for (int i = 0; i < 5000 && count < wanted; ++i)
    sleep_ms(1);
}
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  NEED(sigaction(SIGCHLD, &action, NULL) == 0);
  struct bell bell = new_bell();
  pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    hear(bell);
    _exit(12);
  }
  wait_for(1);
  CHECK(count == 1 && last.si_pid == child && last.si_code == CLD_STOPPED &&
        last.si_status == SIGSTOP);
  kill(child, SIGCONT);
  wait_for(2); // a SIGCHLD that is pending would swallow the next one
  CHECK(count == 2 && last.si_pid == child && last.si_code == CLD_CONTINUED &&
        last.si_status == SIGCONT);
  tell(bell);
  wait_for(3);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 12);
  CHECK(count == 3 && last.si_pid == child && last.si_code == CLD_EXITED && last.si_status == 12);
  action.sa_flags |= SA_NOCLDSTOP;
  NEED(sigaction(SIGCHLD, &action, NULL) == 0);
  count = 0;
  child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    _exit(12);
  }
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  CHECK(count == 0);
  kill(child, SIGKILL);
  wait_for(1);
  CHECK(count == 1 && last.si_code == CLD_KILLED && last.si_status == SIGKILL);
  CHECK(waitpid(child, &status, 0) == child);
  return finish();
}
