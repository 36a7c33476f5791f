// signal(7): a signal that is ignored (or continues a stopped process) does not make a blocked call
// fail.
#include "check.h"

int main(void) {
  int fds[2];
  char byte;
  NEED(pipe(fds) == 0);
  signal(SIGUSR1, SIG_IGN);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 5; ++i) {
      sleep_ms(10);
      kill(parent, SIGUSR1);
      kill(parent, SIGCHLD);
      kill(parent, SIGCONT);
    }
    NEED(write(fds[1], "x", 1) == 1);
    _exit(0);
  }
  CHECK(read(fds[0], &byte, 1) == 1 && byte == 'x');
  CHECK(waitpid(child, NULL, 0) == child);
  return finish();
}
