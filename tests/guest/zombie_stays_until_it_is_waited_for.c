// wait(2), NOTES: a zombie keeps its pid; kill succeeds on it; /proc says Z.
#include "check.h"

int main(void) {
  pid_t child = fork();
  if (child == 0)
    _exit(4);
  siginfo_t info;
  CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
  CHECK(kill(child, 0) == 0);
  CHECK(kill(child, SIGKILL) == 0);
  CHECK(getpgid(child) == getpgrp());
  char path[32], text[256] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", child);
  int file = open(path, O_RDONLY);
  CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0);
  char *after = strrchr(text, ')');
  CHECK(after && after[2] == 'Z');
  int status;
  CHECK_THAT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 4,
             "its status is the first one");
  CHECK_ERRNO(kill(child, 0), ESRCH);
  return finish();
}
