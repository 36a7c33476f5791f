// kill(2): a positive pid, 0 (the caller's group), -pgid; signal 0 checks; EPERM for another
// user's.
#include "check.h"

static volatile int got;
static void handler(int number) {
  got = number;
}
int main(void) {
  CHECK_ERRNO(kill(999999, 0), ESRCH);
  CHECK_ERRNO(kill(getpid(), 65), EINVAL);
  CHECK_ERRNO(kill(-999999, SIGTERM), ESRCH);
  struct bell ready = new_bell();
  pid_t leader = fork();
  if (leader == 0) {
    setpgid(0, 0);
    for (int i = 0; i < 2; ++i)
      if (fork() == 0) {
        tell(ready);
        pause();
      }
    signal(SIGTERM, handler);
    tell(ready);
    int status, ended = 0;
    while (ended < 2)
      if (wait(&status) > 0)
        ended += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    _exit(got == SIGTERM ? 5 : 6);
  }
  for (int i = 0; i < 3; ++i)
    hear(ready);
  CHECK(kill(-leader, SIGTERM) == 0);
  int status;
  CHECK(waitpid(leader, &status, 0) == leader && WEXITSTATUS(status) == 5);
  IN_CHILD({
    setpgid(0, 0);
    signal(SIGUSR1, handler);
    CHECK(kill(0, SIGUSR1) == 0 && got == SIGUSR1);
  });
  CHECK(got == 0);
  pid_t parent = getpid();
  IN_CHILD({
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_ERRNO(kill(parent, 0), EPERM);
    CHECK(kill(getpid(), 0) == 0);
  });
  return finish();
}
