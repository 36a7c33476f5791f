// sigwaitinfo(2), sigtimedwait(2), signalfd(2): signals as data, without a handler.
#include "check.h"

#include <poll.h>
#include <sys/signalfd.h>

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  struct timespec moment = {0, 20000000};
  int64_t start = monotonic_ns();
  CHECK_ERRNO(sigtimedwait(&set, NULL, &moment), EAGAIN);
  CHECK(monotonic_ns() - start >= 20000000);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
  raise(SIGUSR1);
  siginfo_t info;
  CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == getpid());
  CHECK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_value.sival_int == 5);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    sleep_ms(20);
    kill(parent, SIGUSR1);
    _exit(0);
  }
  CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == child);
  CHECK(waitpid(child, NULL, 0) == child);
  int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  CHECK(fd >= 0);
  struct signalfd_siginfo record[2];
  CHECK_ERRNO(read(fd, record, sizeof record), EAGAIN);
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  CHECK(poll(&poller, 1, 0) == 0);
  raise(SIGUSR1);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 6});
  CHECK(poll(&poller, 1, 0) == 1 && poller.revents == POLLIN);
  CHECK(read(fd, record, sizeof record) == (ssize_t)sizeof record);
  CHECK(record[0].ssi_signo == SIGUSR1 && record[1].ssi_signo == (uint32_t)SIGRTMIN &&
        record[1].ssi_int == 6);
  CHECK_ERRNO(read(fd, record, 10), EINVAL);
  return finish();
}
