// credentials(7), wait(2): process 1 is there, can be asked for, and takes orphans.
#include "check.h"

#include <sys/prctl.h>

int main(void) {
  int ends[2];
  NEED(pipe(ends) == 0);
  CHECK(getpid() != 1);
  CHECK(kill(1, 0) == 0 || errno == EPERM);
  CHECK(sched_getscheduler(1) >= 0);
  CHECK(getpgid(1) >= 0 && getsid(1) >= 0);
  CHECK(getpriority(PRIO_PROCESS, 1) != -1 || errno == 0);
  CHECK_ERRNO(setpgid(1, 1), ESRCH); // no child of the caller
  int status;
  CHECK_ERRNO(waitpid(1, &status, 0), ECHILD);
  CHECK(access("/proc/1", F_OK) == 0 && access("/proc/1/stat", R_OK) == 0);
  char text[64] = "";
  const int file = open("/proc/1/stat", O_RDONLY);
  CHECK(file >= 0 && read(file, text, 3) == 3 && strcmp(text, "1 (") == 0);
  struct rlimit limit;
  CHECK(prlimit(1, RLIMIT_NOFILE, NULL, &limit) == 0 || errno == EPERM);
  // A subreaper takes the orphans below it; without one they are no longer its children.
  const pid_t own = getpid();
  for (int reaps = 0; reaps < 2; ++reaps) {
    NEED(prctl(PR_SET_CHILD_SUBREAPER, reaps) == 0);
    const pid_t middle = fork();
    if (middle == 0) {
      const pid_t parent = getpid();
      if (fork() == 0) {
        while (getppid() == parent)
          sched_yield();
        const char byte = getppid() == own ? 'm' : 'o';
        NEED(write(ends[1], &byte, 1) == 1);
        _exit(9);
      }
      _exit(0);
    }
    char byte = 0;
    CHECK(waitpid(middle, &status, 0) == middle && status == 0);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == (reaps ? 'm' : 'o'));
    if (reaps)
      CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 9);
    CHECK_ERRNO(wait(&status), ECHILD);
  }
  return finish();
}
