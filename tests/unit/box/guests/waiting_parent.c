// The main thread is blocked in wait4 and its child in read of standard input.
#include "guest.h"

#include <sys/wait.h>

int main(void) {
  say("pid %d", (int)getpid());
  const pid_t child = fork();
  if (child == 0) {
    say("child %d of %d", (int)getpid(), (int)getppid());
    const char *line = next_line();
    say("child got %s, is %d of %d", line, (int)getpid(), (int)getppid());
    _exit(atoi(line));
  }
  int status = 0;
  const pid_t waited = wait(&status);
  say("waited %d, status %d, errno %d", waited == child, WEXITSTATUS(status),
      waited < 0 ? errno : 0);
  return WEXITSTATUS(status);
}
