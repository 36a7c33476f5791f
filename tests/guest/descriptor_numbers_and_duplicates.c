// dup(2), dup2, dup3, fcntl(2) F_DUPFD: the lowest free number; EBADF, EINVAL, EMFILE;
// RLIMIT_NOFILE.
#include "check.h"

int main(void) {
  int fd = open("/dev/null", O_RDWR);
  CHECK(fd == 3);
  CHECK(dup(fd) == 4);
  CHECK(close(3) == 0 && open("/dev/zero", O_RDONLY) == 3);
  CHECK(dup2(3, 10) == 10 && dup2(3, 3) == 3);
  CHECK_ERRNO(dup2(77, 5), EBADF);
  CHECK_ERRNO(dup2(77, 77), EBADF);
  CHECK_ERRNO(dup3(3, 3, 0), EINVAL);
  CHECK_ERRNO(dup3(3, 5, O_APPEND), EINVAL);
  CHECK(fcntl(3, F_DUPFD, 10) == 11);
  CHECK_ERRNO(fcntl(3, F_DUPFD, 1 << 30), EINVAL);
  CHECK_ERRNO(close(99), EBADF);
  CHECK_ERRNO(dup(-1), EBADF);
  CHECK_ERRNO(fcntl(3, 9999), EINVAL);
  struct rlimit limit = {16, 16};
  NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  while (dup(3) >= 0) {
  }
  CHECK(errno == EMFILE);
  CHECK_ERRNO(open("/dev/null", O_RDONLY), EMFILE);
  int fds[2];
  CHECK_ERRNO(pipe(fds), EMFILE);
  CHECK_ERRNO(dup2(3, 16), EBADF);
  CHECK(close_range(5, 100, 0) == 0);
  CHECK(dup(3) == 5);
  CHECK(close_range(3, 4, CLOSE_RANGE_CLOEXEC) == 0 && fcntl(3, F_GETFD) == FD_CLOEXEC);
  return finish();
}
