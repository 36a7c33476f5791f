// execve(2): "By default, file descriptors remain open across an execve(). File descriptors that
// are marked close-on-exec are closed".
#include "check.h"

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    CHECK_ERRNO(fcntl(50, F_GETFD), EBADF);
    CHECK_ERRNO(fcntl(51, F_GETFD), EBADF);
    CHECK_ERRNO(fcntl(53, F_GETFD), EBADF);
    CHECK(fcntl(52, F_GETFD) == 0);
    CHECK_THAT(lseek(52, 0, SEEK_CUR) == 5, "the offset is kept");
    return finish();
  }
  int file = open("/proc/self/exe", O_RDONLY);
  NEED(file >= 0 && dup3(file, 50, O_CLOEXEC) == 50);
  NEED(fcntl(file, F_DUPFD_CLOEXEC, 51) == 51);
  NEED(dup2(50, 52) == 52);
  NEED(dup2(50, 53) == 53 && fcntl(53, F_SETFD, FD_CLOEXEC) == 0);
  NEED(lseek(52, 5, SEEK_SET) == 5);
  CHECK_THAT(fcntl(52, F_GETFD) == 0, "dup2 clears close-on-exec");
  execl("/proc/self/exe", "again", "x", NULL);
  NEED(0);
}
