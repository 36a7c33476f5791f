// execve(2), ERRORS.
#include "check.h"

static char *const arguments[] = {"x", NULL};
static char *const environment[] = {NULL};
static void write_file(const char *name, const char *text, size_t length, mode_t mode) {
  int file = open(name, O_WRONLY | O_CREAT, mode);
  NEED(file >= 0 && write(file, text, length) == (ssize_t)length && close(file) == 0);
}
int main(void) {
  char *volatile bad_address = (char *)8;
  CHECK_ERRNO(execve("no-such-file", arguments, environment), ENOENT);
  CHECK_ERRNO(execve("", arguments, environment), ENOENT);
  CHECK_ERRNO(execve("/usr", arguments, environment), EACCES);
  CHECK_ERRNO(execve("/etc/passwd/x", arguments, environment), ENOTDIR);
  write_file("not-executable", "#!/bin/sh\n", 10, 0644);
  CHECK_ERRNO(execve("not-executable", arguments, environment), EACCES);
  write_file("text", "hello\n", 6, 0755);
  CHECK_ERRNO(execve("text", arguments, environment), ENOEXEC);
  write_file("empty", "", 0, 0755);
  CHECK_ERRNO(execve("empty", arguments, environment), ENOEXEC);
  write_file("interpreter-missing", "#!/no/such\n", 11, 0755);
  CHECK_ERRNO(execve("interpreter-missing", arguments, environment), ENOENT);
  write_file("interpreter-is-text", "#!./text\n", 9, 0755);
  CHECK_ERRNO(execve("interpreter-is-text", arguments, environment), ENOEXEC);
  NEED(symlink("loop", "loop") == 0);
  CHECK_ERRNO(execve("loop", arguments, environment), ELOOP);
  CHECK_ERRNO(execve(bad_address, arguments, environment), EFAULT);
  char *const bad[] = {bad_address, NULL};
  CHECK_ERRNO(execve("/bin/true", bad, environment), EFAULT);
  char header[64] = "\177ELF\2\1\1";
  write_file("short", header, 20, 0755);
  CHECK_ERRNO(execve("short", arguments, environment), ENOEXEC);
  static char long_argument[200000];
  memset(long_argument, 'a', sizeof long_argument - 1);
  char *const too_long[] = {"x", long_argument, NULL};
  CHECK_ERRNO(execve("/bin/true", too_long, environment), E2BIG);
  int busy = open("busy", O_WRONLY | O_CREAT, 0755);
  NEED(busy >= 0 && write(busy, "#!/bin/sh\n", 10) == 10);
  CHECK_ERRNO(execve("busy", arguments, environment), ETXTBSY);
  return finish();
}
