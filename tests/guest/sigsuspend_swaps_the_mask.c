// sigsuspend(2): "temporarily replaces the signal mask of the calling thread [...] then suspends
// the thread until delivery of a signal"; the mask is restored afterwards. The same for ppoll and
// pselect.
#include "check.h"

#include <poll.h>

static volatile int handled, mask_in_handler;
static void handler(int number) {
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  mask_in_handler = sigismember(&now, SIGHUP);
  handled = number;
}
int main(void) {
  sigset_t set, only_hup, now;
  signal(SIGUSR1, handler);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigemptyset(&only_hup);
  sigaddset(&only_hup, SIGHUP);
  NEED(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
  raise(SIGUSR1);
  CHECK(handled == 0);
  CHECK_ERRNO(sigsuspend(&only_hup), EINTR);
  CHECK(handled == SIGUSR1 && mask_in_handler == 1);
  CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) &&
        !sigismember(&now, SIGHUP));
  handled = 0;
  raise(SIGUSR1);
  struct timespec limit = {10, 0};
  CHECK_ERRNO(ppoll(NULL, 0, &limit, &only_hup), EINTR);
  CHECK(handled == SIGUSR1);
  CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
  return finish();
}
