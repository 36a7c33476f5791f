// proc(5): "/proc/pid: there is a numerical subdirectory for each running process". Who has one
// open when the process has been reaped still gets its attributes (fstat(2)); its entries are
// ESRCH, and its name is gone.
#include "check.h"

int main(void) {
  const pid_t child = fork();
  NEED(child >= 0);
  if (child == 0)
    for (;;)
      pause();
  char path[64];
  snprintf(path, sizeof path, "/proc/%d", child);
  const int directory = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  NEED(directory >= 0);
  struct stat status;
  CHECK(fstat(directory, &status) == 0 && S_ISDIR(status.st_mode));
  CHECK(faccessat(directory, "stat", R_OK, 0) == 0);
  NEED(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
  CHECK(fstat(directory, &status) == 0 && S_ISDIR(status.st_mode));
  CHECK_ERRNO(stat(path, &status), ENOENT);
  CHECK_ERRNO(openat(directory, "stat", O_RDONLY), ESRCH);
  return finish();
}
