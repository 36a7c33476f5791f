// fork(2): "The child inherits copies of the parent's set of open file descriptors. Each file
// descriptor in the child refers to the same open file description [...] the two file descriptors
// share open file status flags, file offset".
#include "check.h"

int main(void) {
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0 && write(file, "0123456789", 10) == 10 && lseek(file, 2, SEEK_SET) == 2);
  int closed_by_child = dup(file);
  IN_CHILD({
    char byte;
    CHECK(read(file, &byte, 1) == 1 && byte == '2');
    CHECK(fcntl(file, F_SETFL, O_APPEND | O_NONBLOCK) == 0);
    CHECK(fcntl(file, F_SETFD, FD_CLOEXEC) == 0);
    CHECK(close(closed_by_child) == 0);
    CHECK(dup2(0, 77) == 77);
  });
  CHECK(lseek(file, 0, SEEK_CUR) == 3);
  CHECK((fcntl(file, F_GETFL) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK));
  CHECK_THAT(fcntl(file, F_GETFD) == 0, "close-on-exec is the descriptor's, not the file's");
  CHECK(fcntl(closed_by_child, F_GETFD) == 0);
  CHECK_ERRNO(fcntl(77, F_GETFD), EBADF);
  return finish();
}
