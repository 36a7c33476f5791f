// PR_SET_PDEATHSIG(2const): "the signal that the calling process will get when its parent dies".
#include "check.h"

#include <sys/prctl.h>

int main(void) {
  struct bell ready = new_bell(), died = new_bell();
  pid_t parent = fork();
  NEED(parent >= 0);
  if (parent == 0) {
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGUSR2);
      sigprocmask(SIG_BLOCK, &set, NULL);
      NEED(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
      tell(ready);
      struct timespec limit = {10, 0};
      CHECK_THAT(sigtimedwait(&set, NULL, &limit) == SIGUSR2, "the signal came");
      tell(died);
      _exit(0);
    }
    hear(ready);
    _exit(0);
  }
  CHECK(waitpid(parent, NULL, 0) == parent);
  hear(died);
  return finish();
}
