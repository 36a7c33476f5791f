// fcntl(2): a record lock may end with the largest offset that there is, not beyond. F_GETFL shows
// O_LARGEFILE (0100000 of x86-64's kernel) only of what open(2) opened. flock(2) ignores LOCK_MAND.
#include "check.h"

#include <sys/file.h>
#include <sys/socket.h>

static int set(int file, off_t start, off_t length) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(file, F_SETLK, &lock);
}

int main(void) {
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0);
  CHECK(set(file, INT64_MAX, 1) == 0);
  CHECK_ERRNO(set(file, INT64_MAX, 2), EOVERFLOW);
  CHECK_ERRNO(set(file, 2, INT64_MAX), EOVERFLOW);
  CHECK(set(file, 1, INT64_MAX) == 0);
  IN_CHILD({
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    CHECK(fcntl(file, F_GETLK, &lock) == 0 && lock.l_start == 1 && lock.l_len == 0);
  });
  int ends[2], sockets[2];
  NEED(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
  CHECK((fcntl(file, F_GETFL) & 0100000) != 0);
  CHECK(fcntl(ends[0], F_GETFL) == O_RDONLY && fcntl(ends[1], F_GETFL) == O_WRONLY);
  CHECK(fcntl(sockets[0], F_GETFL) == O_RDWR);
  CHECK(flock(file, 0x20 | LOCK_EX) == 0);
  int again = open("file", O_RDWR);
  CHECK(flock(again, LOCK_EX | LOCK_NB) == 0);
  return finish();
}
