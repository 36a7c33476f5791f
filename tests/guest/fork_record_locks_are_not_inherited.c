// fork(2): "The child does not inherit process-associated record locks from its parent (fcntl(2))."
// fcntl(2): "If a process closes any file descriptor referring to a file, then all of the process's
// locks on that file are released".
#include "check.h"

static int lock(int file, short type, int command) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
  return fcntl(file, command, &lock);
}
int main(void) {
  int file = open("file", O_RDWR | O_CREAT, 0600);
  NEED(file >= 0);
  pid_t parent = getpid();
  CHECK(lock(file, F_WRLCK, F_SETLK) == 0);
  IN_CHILD({
    CHECK_ERRNO(lock(file, F_WRLCK, F_SETLK), EAGAIN);
    CHECK_ERRNO(lock(file, F_RDLCK, F_SETLK), EAGAIN);
    struct flock test = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    CHECK(fcntl(file, F_GETLK, &test) == 0 && test.l_type == F_WRLCK && test.l_pid == parent &&
          test.l_start == 10 && test.l_len == 10);
    test = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10};
    CHECK_THAT(fcntl(file, F_SETLK, &test) == 0, "beside the locked range");
    close(file); // drops the child's own locks, not the parent's
  });
  IN_CHILD(CHECK_ERRNO(lock(file, F_WRLCK, F_SETLK), EAGAIN););
  close(open("file", O_PATH));
  IN_CHILD(CHECK_ERRNO(lock(file, F_WRLCK, F_SETLK), EAGAIN)); // O_PATH has no part in locks
  int other = open("file", O_RDONLY);
  NEED(other >= 0);
  CHECK(close(other) == 0);
  IN_CHILD(CHECK_THAT(lock(file, F_WRLCK, F_SETLK) == 0, "close of any descriptor dropped it"););
  return finish();
}
