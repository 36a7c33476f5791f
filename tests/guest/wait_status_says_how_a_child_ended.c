// wait(2): WIFEXITED, WIFSIGNALED, WIFSTOPPED, WIFCONTINUED and their values.
#include "check.h"

int main(void) {
  int status;
  pid_t child = fork();
  if (child == 0)
    _exit(300);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) == 300 % 256);
  CHECK(status == 0x2c00);
  child = fork();
  if (child == 0)
    raise(SIGTERM);
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  CHECK((status & 0x7f) == SIGTERM);
  child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    _exit(1);
  }
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
        WSTOPSIG(status) == SIGSTOP);
  CHECK_THAT(waitpid(child, &status, WUNTRACED | WNOHANG) == 0, "a stop is reported once");
  kill(child, SIGCONT);
  CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status) && status == 0xffff);
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 1);
  CHECK_ERRNO(waitpid(child, &status, 0), ECHILD);
  return finish();
}
