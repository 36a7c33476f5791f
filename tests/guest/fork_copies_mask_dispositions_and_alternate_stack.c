// POSIX fork: the child has the parent's signal mask and dispositions; sigaltstack(2): "A child
// process created via fork(2) inherits a copy of its parent's alternate signal stack settings."
#include "check.h"

static volatile int handled, on_alternate;
static char stack[32768];
static void handler(int number) {
  char here;
  handled = number;
  on_alternate = &here >= stack && &here < stack + sizeof stack;
}
int main(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  signal(SIGUSR2, SIG_IGN);
  sigset_t blocked, now;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGHUP);
  NEED(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack}, got;
  NEED(sigaltstack(&alternate, NULL) == 0);
  IN_CHILD({
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGHUP) &&
          !sigismember(&now, SIGUSR1));
    CHECK(sigaltstack(NULL, &got) == 0 && got.ss_sp == stack && got.ss_flags == 0);
    struct sigaction old;
    CHECK(sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
    raise(SIGUSR2);
    raise(SIGUSR1);
    CHECK(handled == SIGUSR1);
    CHECK(on_alternate);
    signal(SIGUSR1, SIG_DFL);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
  });
  CHECK(handled == 0);
  raise(SIGUSR1);
  CHECK_THAT(handled == SIGUSR1, "the child's dispositions are its own");
  return finish();
}
