// execveat(2): AT_EMPTY_PATH runs the file that the descriptor names; fexecve(3) depends on it.
#include "check.h"

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    CHECK(strcmp(argv[1], "x") == 0);
    // BUGS: "if the file descriptor … has the close-on-exec flag set … execveat() of a script fails
    // with ENOENT".
    int script = open("script", O_CREAT | O_WRONLY, 0755);
    NEED(script >= 0 && write(script, "#!/bin/sh\nexit 0\n", 17) == 17 && close(script) == 0);
    NEED((script = open("script", O_RDONLY | O_CLOEXEC)) >= 0);
    char *none[] = {"script", NULL};
    CHECK_ERRNO(syscall(SYS_execveat, script, "", none, NULL, AT_EMPTY_PATH), ENOENT);
    // The empty path from the working directory is a directory; and a FIFO is no program, but
    // waited for it isn't.
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "", none, NULL, AT_EMPTY_PATH), EACCES);
    // AT_EXECVE_CHECK: "only perform a check if execution of program would be allowed".
    enum { check_alone = 0x10000 };
    NEED((script = open("text", O_CREAT | O_WRONLY, 0644)) >= 0 && close(script) == 0);
    CHECK(syscall(SYS_execveat, AT_FDCWD, "script", none, NULL, check_alone) == 0);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "text", none, NULL, check_alone), EACCES);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "no such", none, NULL, check_alone), ENOENT);
    CHECK((script = open("script", O_WRONLY)) >= 0 && close(script) == 0);
    NEED(mkfifo("fifo", 0777) == 0);
    CHECK_ERRNO(execve("fifo", none, NULL), EACCES);
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
