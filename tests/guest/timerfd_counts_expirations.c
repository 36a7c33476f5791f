// timerfd_create(2).
#include "check.h"

#include <poll.h>
#include <sys/timerfd.h>

int main(void) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  NEED(fd >= 0);
  uint64_t count = 0;
  CHECK_ERRNO(read(fd, &count, 8), EAGAIN);
  struct itimerspec time = {{0, 10000000}, {0, 10000000}}, now;
  CHECK(timerfd_settime(fd, 0, &time, NULL) == 0);
  struct pollfd poller = {fd, POLLIN, 0};
  CHECK(poll(&poller, 1, 10000) == 1 && poller.revents == POLLIN);
  sleep_ms(45);
  CHECK(read(fd, &count, 8) == 8 && count >= 4);
  CHECK_ERRNO(read(fd, &count, 4), EINVAL);
  CHECK(timerfd_gettime(fd, &now) == 0 && now.it_interval.tv_nsec == 10000000);
  IN_CHILD({
    NEED(fcntl(fd, F_SETFL, 0) == 0);
    CHECK_THAT(read(fd, &count, 8) == 8 && count >= 1, "the child shares the timer");
  });
  struct itimerspec off = {{0, 0}, {0, 0}};
  CHECK(timerfd_settime(fd, 0, &off, NULL) == 0);
  NEED(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  CHECK_ERRNO(read(fd, &count, 8), EAGAIN);
  CHECK_ERRNO(timerfd_create(77, 0), EINVAL);
  // "EPERM: clockid was CLOCK_REALTIME_ALARM or CLOCK_BOOTTIME_ALARM but the caller did not have
  // the CAP_WAKE_ALARM capability".
  CHECK(timerfd_create(CLOCK_REALTIME_ALARM, 0) >= 0 &&
        timerfd_create(CLOCK_BOOTTIME_ALARM, 0) >= 0);
  IN_CHILD({
    NEED(setresuid(1234, 1234, 1234) == 0);
    CHECK_ERRNO(timerfd_create(CLOCK_REALTIME_ALARM, 0), EPERM);
    CHECK_ERRNO(timerfd_create(CLOCK_BOOTTIME_ALARM, 0), EPERM);
  });
  return finish();
}
