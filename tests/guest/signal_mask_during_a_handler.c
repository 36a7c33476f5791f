// sigaction(2): sa_mask and the signal itself are blocked during the handler, unless SA_NODEFER;
// SA_RESETHAND: the default again upon entry.
#include "check.h"

static volatile int depth, deepest, inside_mask_had_usr2, count;
static void handler(int number) {
  if (++depth > deepest)
    deepest = depth;
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  inside_mask_had_usr2 = sigismember(&now, SIGUSR2);
  if (++count < 3)
    raise(number);
  --depth;
}
int main(void) {
  struct sigaction action = {.sa_handler = handler}, old;
  sigaddset(&action.sa_mask, SIGUSR2);
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK_THAT(count == 3 && deepest == 1, "the signal waits until the handler returns");
  CHECK(inside_mask_had_usr2 == 1);
  sigset_t now;
  CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR2) &&
        !sigismember(&now, SIGUSR1));
  count = deepest = 0;
  action.sa_flags = SA_NODEFER;
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK_THAT(count == 3 && deepest == 3, "SA_NODEFER nests");
  count = 5;
  action.sa_flags = (int)SA_RESETHAND;
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  raise(SIGUSR1);
  CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
  CHECK(SIGNAL_THAT_KILLS(raise(SIGUSR1)) == SIGUSR1);
  CHECK_ERRNO(sigaction(SIGKILL, &action, NULL), EINVAL);
  CHECK_ERRNO(sigaction(SIGSTOP, &action, NULL), EINVAL);
  CHECK_ERRNO(sigaction(70, &action, NULL), EINVAL);
  return finish();
}
