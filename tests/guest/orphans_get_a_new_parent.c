// fork(2), wait(2): when the parent terminates, its children are adopted; getppid changes.
#include "check.h"

#include <sys/prctl.h>

int main(void) {
  NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  struct bell told = new_bell();
  pid_t child = fork();
  if (child == 0) {
    pid_t parent = getpid();
    for (int i = 0; i < 3; ++i)
      if (fork() == 0) {
        while (getppid() == parent)
          sleep_ms(1);
        tell(told);
        _exit(10 + i);
      }
    _exit(0);
  }
  int status, sum = 0;
  CHECK(waitpid(child, &status, 0) == child);
  for (int i = 0; i < 3; ++i)
    hear(told);
  for (int i = 0; i < 3; ++i) {
    CHECK(wait(&status) > 0);
    sum += WEXITSTATUS(status);
  }
  CHECK(sum == 33);
  CHECK_ERRNO(wait(&status), ECHILD);
  return finish();
}
