// fcntl(2): F_DUPFD_QUERY (Linux 6.10) says whether two descriptors refer to the same open file;
// F_CREATED_QUERY (6.12) whether this open made the file; F_SETPIPE_SZ: "EPERM" for the
// unprivileged above /proc/sys/fs/pipe-max-size. flock(2) and record locks on what has no name.
// process_mrelease(2): "EINVAL … the task is not exiting".
#include "check.h"
#include <sys/file.h>
#include <sys/socket.h>

int main(void) {
  int made = open("made", O_CREAT | O_RDWR, 0600), again = open("made", O_CREAT | O_RDWR, 0600),
      same = dup(made);
  NEED(made >= 0 && again >= 0 && same >= 0);
  CHECK(fcntl(made, 1027 /* F_DUPFD_QUERY */, same) == 1 && fcntl(made, 1027, made) == 1);
  CHECK(fcntl(made, 1027, again) == 0);
  CHECK_ERRNO(fcntl(made, 1027, 999), EBADF);
  CHECK(fcntl(made, 1028 /* F_CREATED_QUERY */, 0) == 1 && fcntl(same, 1028, 0) == 1);
  CHECK(fcntl(again, 1028, 0) == 0);

  int ends[2], pair[2];
  NEED(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(flock(ends[0], LOCK_EX) == 0 && flock(pair[0], LOCK_EX | LOCK_NB) == 0 &&
        flock(pair[0], LOCK_UN) == 0);
  struct flock lock = {.l_type = F_RDLCK};
  CHECK(fcntl(ends[0], F_SETLK, &lock) == 0);
  lock.l_type = F_WRLCK;
  CHECK_ERRNO(fcntl(ends[0], F_SETLK, &lock), EBADF);
  CHECK(fcntl(pair[0], F_SETLK, &lock) == 0);

  IN_CHILD({
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_ERRNO(fcntl(ends[0], F_SETPIPE_SZ, 1 << 24), EPERM);
    CHECK(fcntl(ends[0], F_SETPIPE_SZ, 1 << 17) == 1 << 17);
  });
  CHECK_ERRNO(fcntl(ends[0], F_SETPIPE_SZ, -1), EINVAL);

  int pidfd = (int)syscall(434 /* pidfd_open */, getpid(), 0);
  NEED(pidfd >= 0);
  CHECK_ERRNO(syscall(448 /* process_mrelease */, pidfd, 0), EINVAL);
  CHECK_ERRNO(syscall(448, pidfd, 1), EINVAL);
  CHECK_ERRNO(syscall(448, -1, 0), EBADF);
  CHECK_ERRNO(syscall(448, made, 0), EBADF);
  return finish();
}
