// fork(2), PR_SET_PDEATHSIG(2const): "The parent-death signal setting is cleared for the child of a
// fork(2)"; it "is preserved across execve(2)".
#include "check.h"

#include <sys/prctl.h>

int main(int argc, char **argv) {
  (void)argv;
  int signal_number = -1;
  if (argc > 1) {
    CHECK(prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == SIGUSR1);
    return finish();
  }
  NEED(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
  IN_CHILD(CHECK(prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == 0););
  execl("/proc/self/exe", "again", "x", NULL);
  NEED(0);
}
