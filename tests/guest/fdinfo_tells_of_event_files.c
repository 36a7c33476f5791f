// proc(5), /proc/pid/fdinfo: eventfd-count, sigmask, clockid and it_interval, tfd.
#include "check.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static const char *info_of(int fd) {
  static char text[4096];
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  int file = open(path, O_RDONLY);
  ssize_t length = read(file, text, sizeof text - 1);
  NEED(length > 0);
  text[length] = 0;
  close(file);
  return text;
}

int main(void) {
  int event = eventfd(0x30, EFD_SEMAPHORE);
  CHECK(strstr(info_of(event), "\neventfd-count:               30\n") != NULL);
  CHECK(strstr(info_of(event), "\neventfd-semaphore: 1\n") != NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  CHECK(strstr(info_of(signalfd(-1, &set, 0)), "\nsigmask:\t0000000000000800\n") != NULL);
  int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec setting = {{3, 7}, {100, 0}};
  NEED(timerfd_settime(timer, 0, &setting, NULL) == 0);
  CHECK(strstr(info_of(timer), "\nclockid: 1\nticks: 0\n") != NULL);
  CHECK(strstr(info_of(timer), "\nit_interval: (3, 7)\n") != NULL);
  int epoll = epoll_create1(0);
  struct epoll_event interest = {.events = EPOLLIN, .data.u64 = 0xabc};
  NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &interest) == 0);
  CHECK(strstr(info_of(epoll), "\ntfd:") != NULL &&
        strstr(info_of(epoll), "data:              abc") != NULL);
  return finish();
}
