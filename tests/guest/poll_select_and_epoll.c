// poll(2), select(2), epoll(7): readiness, time-outs, edge and level triggering, one shot.
#include "check.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

int main(void) {
  int fds[2];
  NEED(pipe(fds) == 0);
  int64_t start = monotonic_ns();
  struct pollfd poller[2] = {{fds[0], POLLIN, 0}, {-5, POLLIN, 7}};
  CHECK(poll(poller, 2, 20) == 0 && monotonic_ns() - start >= 20000000 && poller[1].revents == 0);
  poller[1].fd = 99;
  CHECK(poll(poller, 2, 0) == 1 && poller[1].revents == POLLNVAL);
  fd_set set;
  FD_ZERO(&set);
  FD_SET(fds[0], &set);
  struct timeval moment = {0, 10000};
  CHECK(select(fds[0] + 1, &set, NULL, NULL, &moment) == 0 && !FD_ISSET(fds[0], &set));
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77}, got[4];
  CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event) == 0);
  CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event), EEXIST);
  CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_MOD, fds[1], &event), ENOENT);
  CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
  int regular = open("file", O_RDWR | O_CREAT, 0600);
  CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, regular, &event), EPERM);
  CHECK(epoll_wait(epoll, got, 4, 0) == 0);
  pid_t child = fork();
  if (child == 0) {
    sleep_ms(20);
    _exit(write(fds[1], "x", 1) != 1);
  }
  CHECK(epoll_wait(epoll, got, 4, 10000) == 1 && got[0].events == EPOLLIN && got[0].data.u64 == 77);
  CHECK_THAT(epoll_wait(epoll, got, 4, 0) == 1, "level triggered: again");
  waitpid(child, NULL, 0);
  event.events = EPOLLIN | EPOLLET;
  CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, fds[0], &event) == 0 && epoll_wait(epoll, got, 4, 0) == 1);
  CHECK_THAT(epoll_wait(epoll, got, 4, 0) == 0, "edge triggered: once");
  NEED(write(fds[1], "y", 1) == 1);
  CHECK_THAT(epoll_wait(epoll, got, 4, 0) == 1, "and again after new data");
  event.events = EPOLLIN | EPOLLONESHOT;
  CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, fds[0], &event) == 0 && epoll_wait(epoll, got, 4, 0) == 1 &&
        epoll_wait(epoll, got, 4, 0) == 0);
  int counter = eventfd(3, EFD_NONBLOCK);
  uint64_t value = 0;
  event.events = EPOLLIN | EPOLLOUT;
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event) == 0 &&
        epoll_wait(epoll, got, 4, 0) == 1 && got[0].events == (EPOLLIN | EPOLLOUT));
  CHECK(read(counter, &value, 8) == 8 && value == 3);
  CHECK_ERRNO(read(counter, &value, 8), EAGAIN);
  value = 5;
  CHECK(write(counter, &value, 8) == 8 && write(counter, &value, 8) == 8 &&
        read(counter, &value, 8) == 8 && value == 10);
  CHECK(close(counter) == 0 && epoll_wait(epoll, got, 4, 0) == 0);
  close(fds[1]);
  poller[0] = (struct pollfd){fds[0], POLLIN, 0};
  char rest[8];
  NEED(read(fds[0], rest, 8) > 0);
  CHECK(poll(poller, 1, 0) == 1 && poller[0].revents == POLLHUP);
  return finish();
}
