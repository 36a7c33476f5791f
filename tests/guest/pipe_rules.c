// pipe(7): end of file when no writer is left, SIGPIPE and EPIPE when no reader is, atomic writes
// up to PIPE_BUF, EAGAIN, capacity.
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>

int main(void) {
  int fds[2], count;
  char text[16];
  static char block[65536 + 10];
  CHECK_ERRNO(pipe2(fds, 0x40000000), EINVAL);
  NEED(pipe(fds) == 0);
  CHECK(write(fds[1], "hello", 5) == 5);
  CHECK(ioctl(fds[0], FIONREAD, &count) == 0 && count == 5);
  CHECK(read(fds[0], text, 3) == 3 && read(fds[0], text, 16) == 2);
  CHECK_ERRNO(lseek(fds[0], 0, SEEK_CUR), ESPIPE);
  CHECK_ERRNO(read(fds[1], text, 1), EBADF);
  CHECK_ERRNO(write(fds[0], text, 1), EBADF);
  CHECK(fcntl(fds[0], F_GETPIPE_SZ) == 65536);
  NEED(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
  CHECK_ERRNO(read(fds[0], text, 1), EAGAIN);
  CHECK(write(fds[1], block, sizeof block) == 65536);
  CHECK_ERRNO(write(fds[1], text, 1), EAGAIN);
  struct pollfd poller[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT, 0}};
  CHECK(poll(poller, 2, 0) == 1 && poller[0].revents == POLLIN && poller[1].revents == 0);
  CHECK(read(fds[0], block, 100) == 100);
  CHECK_ERRNO(write(fds[1], block, 4096), EAGAIN);
  CHECK(read(fds[0], block, 4096) == 4096);
  CHECK(write(fds[1], block, 4096) == 4096);
  CHECK(close(fds[1]) == 0);
  long left = 0;
  for (ssize_t got; (got = read(fds[0], block, sizeof block)) > 0;)
    left += got;
  CHECK(left == 65536 - 100);
  CHECK(read(fds[0], block, 1) == 0);
  NEED(pipe(fds) == 0 && close(fds[0]) == 0);
  CHECK(SIGNAL_THAT_KILLS(write(fds[1], "x", 1) == 1 ? _exit(1) : _exit(2)) == SIGPIPE);
  signal(SIGPIPE, SIG_IGN);
  CHECK_ERRNO(write(fds[1], "x", 1), EPIPE);
  poller[0] = (struct pollfd){fds[1], POLLOUT, 0};
  CHECK(poll(poller, 1, 0) == 1 && (poller[0].revents & POLLERR));
  return finish();
}
