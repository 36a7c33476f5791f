// execve(2): "The dispositions of any signals that are being caught are reset to the default".
// POSIX exec: "Signals set to be ignored (SIG_IGN) by the calling process image shall be set to be
// ignored by the new process image"; the mask and the pending signals stay; the alternate stack is
// dropped.
#include "check.h"

static void handler(int number) {
  (void)number;
}
static char stack[16384];
int main(int argc, char **argv) {
  (void)argv;
  struct sigaction old;
  sigset_t set;
  if (argc > 1) {
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGTERM) &&
          !sigismember(&set, SIGUSR1));
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGTERM));
    stack_t alternate;
    CHECK(sigaltstack(NULL, &alternate) == 0 && alternate.ss_flags == SS_DISABLE);
    return finish();
  }
  signal(SIGUSR1, handler);
  signal(SIGUSR2, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  raise(SIGTERM);
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  NEED(sigaltstack(&alternate, NULL) == 0);
  execl("/proc/self/exe", "again", "x", NULL);
  NEED(0);
}
