// clone(2): CLONE_PIDFD; pidfd_open(2): "becomes readable" when the process terminates;
// waitid(P_PIDFD).
#include "check.h"

#include <poll.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
int main(void) {
  int fd = -1;
  struct bell go = new_bell();
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, 0);
  NEED(child >= 0);
  if (child == 0) {
    hear(go);
    _exit(6);
  }
  CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  CHECK(poll(&poller, 1, 0) == 0);
  CHECK(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0);
  tell(go);
  CHECK(poll(&poller, 1, 10000) == 1 && poller.revents == POLLIN);
  siginfo_t info = {0};
  CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == child &&
        info.si_status == 6 && info.si_code == CLD_EXITED);
  CHECK_ERRNO(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
  CHECK_ERRNO(syscall(SYS_pidfd_open, child, 0), ESRCH);
  int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  CHECK(self >= 0);
  CHECK_ERRNO(syscall(SYS_pidfd_open, -1, 0), EINVAL);
  return finish();
}
