// sigaction(2), sigqueue(3): si_code SI_USER, SI_TKILL, SI_QUEUE; si_pid, si_uid, si_value.
#include "check.h"

static volatile siginfo_t last;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  last = *info;
}
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  NEED(sigaction(SIGRTMIN + 1, &action, NULL) == 0);
  kill(getpid(), SIGUSR1);
  CHECK(last.si_signo == SIGUSR1 && last.si_code == SI_USER && last.si_pid == getpid() &&
        last.si_uid == getuid());
  tgkill(getpid(), gettid(), SIGUSR1);
  CHECK(last.si_code == SI_TKILL && last.si_pid == getpid());
  union sigval value = {.sival_int = 4711};
  CHECK(sigqueue(getpid(), SIGRTMIN + 1, value) == 0);
  CHECK(last.si_signo == SIGRTMIN + 1 && last.si_code == SI_QUEUE &&
        last.si_value.sival_int == 4711);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    kill(parent, SIGUSR1);
    _exit(0);
  }
  int status;
  while (waitpid(child, &status, 0) == -1) {
  }
  CHECK(last.si_signo == SIGUSR1 && last.si_pid == child);
  siginfo_t forged = {0};
  forged.si_code = SI_USER;
  CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, 999999, SIGUSR1, &forged), EPERM);
  return finish();
}
