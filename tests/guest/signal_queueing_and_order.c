// signal(7): standard signals do not queue; real-time signals do, "delivered in the order they were
// sent", lowest number first.
#include "check.h"

static int order[32];
static volatile int count;
static void handler(int number, siginfo_t *info, void *context) {
  (void)context;
  order[count++] = number * 100 + (info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
}
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigfillset(&action.sa_mask);
  int a = SIGRTMIN + 2, b = SIGRTMIN + 3;
  NEED(sigaction(a, &action, NULL) == 0 && sigaction(b, &action, NULL) == 0);
  NEED(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
  sigset_t set, old, pending;
  sigfillset(&set);
  NEED(sigprocmask(SIG_BLOCK, &set, &old) == 0);
  sigqueue(getpid(), b, (union sigval){.sival_int = 1});
  sigqueue(getpid(), a, (union sigval){.sival_int = 2});
  sigqueue(getpid(), a, (union sigval){.sival_int = 3});
  sigqueue(getpid(), b, (union sigval){.sival_int = 4});
  kill(getpid(), SIGUSR2);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, a) && sigismember(&pending, SIGUSR1) &&
        !sigismember(&pending, SIGTERM));
  CHECK(count == 0);
  NEED(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
  CHECK(count == 6);
  CHECK(order[0] == SIGUSR1 * 100 && order[1] == SIGUSR2 * 100);
  CHECK(order[2] == a * 100 + 2 && order[3] == a * 100 + 3);
  CHECK(order[4] == b * 100 + 1 && order[5] == b * 100 + 4);
  return finish();
}
