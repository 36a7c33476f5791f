// vfork(2): suspended until the child "makes a call to execve(2)"; a failed execve does not resume
// it, and the close-on-exec trick tells the error.
#include "check.h"

static volatile int failed_with;
int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    sleep_ms(300);
    return 4;
  }
  int64_t start = monotonic_ns();
  pid_t child = vfork();
  if (child == 0) {
    execl("/no/such/program", "x", NULL);
    failed_with = errno;
    sleep_ms(30);
    execl("/proc/self/exe", "again", "x", NULL);
    _exit(127);
  }
  int64_t slept = monotonic_ns() - start;
  CHECK(failed_with == ENOENT);
  CHECK_THAT(slept >= 30000000, "until the exec that succeeded");
  int status;
  CHECK_THAT(waitpid(child, &status, WNOHANG) == 0, "and no longer");
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 4);
  return finish();
}
