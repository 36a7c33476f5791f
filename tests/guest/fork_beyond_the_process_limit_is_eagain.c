// fork(2): EAGAIN: "the RLIMIT_NPROC soft resource limit [...] was reached" (root is exempt).
#include "check.h"

int main(void) {
  struct rlimit limit = {2, 2};
  NEED(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
  NEED(setrlimit(RLIMIT_NPROC, &limit) == 0);
  struct bell done = new_bell();
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK_ERRNO(fork(), EAGAIN);
    _exit(check_failures);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  child = fork();
  CHECK_THAT(child >= 0, "a reaped child counts no longer");
  if (child == 0)
    _exit(0);
  waitpid(child, NULL, 0);
  (void)done;
  return finish();
}
