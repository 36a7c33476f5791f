// fork(2): "The child's set of pending signals is initially empty (sigpending(2))."
#include "check.h"

int main(void) {
  sigset_t blocked, pending;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigaddset(&blocked, SIGRTMIN);
  NEED(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
  NEED(raise(SIGUSR1) == 0);
  NEED(kill(getpid(), SIGRTMIN) == 0);
  IN_CHILD({
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1) &&
          !sigismember(&pending, SIGRTMIN));
    CHECK(sigprocmask(SIG_UNBLOCK, &blocked, NULL) == 0);
  });
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) &&
        sigismember(&pending, SIGRTMIN));
  return finish();
}
