// execveat(2): AT_EMPTY_PATH runs the file that the descriptor names; fexecve(3) depends on it.
#include "check.h"

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    CHECK(strcmp(argv[1], "x") == 0);
    return finish();
  }
  char *const arguments[] = {"again", "x", NULL};
  char *const environment[] = {NULL};
  CHECK_ERRNO(syscall(SYS_execveat, -1, "relative", arguments, environment, 0), EBADF);
  CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "", arguments, environment, 0), ENOENT);
  CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "/proc/self/exe", arguments, environment,
                      AT_SYMLINK_NOFOLLOW),
              ELOOP);
  int file = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  NEED(file >= 0);
  syscall(SYS_execveat, file, "", arguments, environment, AT_EMPTY_PATH);
  NEED(0);
}
