// signalfd(2): "the file descriptor is readable" when one of the signals is pending: poll, epoll
// and a blocking read wake when it comes.
#include "check.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

static pid_t child_that_ends(void) {
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    sleep_ms(50);
    _exit(0);
  }
  return child;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  int file = signalfd(-1, &set, SFD_CLOEXEC);
  NEED(file >= 0);
  struct signalfd_siginfo info;

  int64_t start = monotonic_ns();
  pid_t child = child_that_ends();
  struct pollfd entry = {file, POLLIN, 0};
  CHECK(poll(&entry, 1, 20000) == 1 && entry.revents == POLLIN);
  CHECK(read(file, &info, sizeof info) == sizeof info && info.ssi_signo == SIGCHLD &&
        info.ssi_pid == (uint32_t)child);
  CHECK(waitpid(child, NULL, 0) == child);

  child = child_that_ends();
  CHECK(read(file, &info, sizeof info) == sizeof info && info.ssi_signo == SIGCHLD);
  CHECK(waitpid(child, NULL, 0) == child);

  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN}, got;
  NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) == 0);
  child = child_that_ends();
  CHECK(epoll_wait(epoll, &got, 1, 20000) == 1 && got.events == EPOLLIN);
  CHECK(waitpid(child, NULL, 0) == child);
  CHECK_THAT(monotonic_ns() - start < 15000000000, "nobody waited until the timeout");
  return finish();
}
