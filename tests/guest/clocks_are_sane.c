// clock_gettime(2), nanosleep(2), clock_nanosleep(2), gettimeofday(2), time(2).
#include "check.h"

int main(void) {
  struct timespec a, b;
  int forward = 1;
  NEED(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
  for (int i = 0; i < 100000; ++i) {
    clock_gettime(CLOCK_MONOTONIC, &b);
    forward = forward && (b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
    a = b;
  }
  CHECK_THAT(forward, "the monotonic clock never goes back");
  struct timeval of_day;
  CHECK(clock_gettime(CLOCK_REALTIME, &a) == 0 && gettimeofday(&of_day, NULL) == 0 &&
        of_day.tv_sec - a.tv_sec <= 1);
  CHECK(time(NULL) - a.tv_sec <= 1 && a.tv_sec > 1600000000);
  CHECK(clock_getres(CLOCK_MONOTONIC, &a) == 0 && a.tv_sec == 0 && a.tv_nsec == 1);
  CHECK_ERRNO(clock_gettime(999, &a), EINVAL);
  CHECK(clock_gettime(CLOCK_BOOTTIME, &a) == 0 && clock_gettime(CLOCK_MONOTONIC_COARSE, &a) == 0);
  int64_t start = monotonic_ns();
  struct timespec moment = {0, 30000000};
  CHECK(nanosleep(&moment, NULL) == 0);
  CHECK(monotonic_ns() - start >= 30000000);
  clock_gettime(CLOCK_MONOTONIC, &a);
  a.tv_nsec += 20000000;
  if (a.tv_nsec >= 1000000000)
    ++a.tv_sec, a.tv_nsec -= 1000000000;
  CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL) == 0);
  clock_gettime(CLOCK_MONOTONIC, &b);
  CHECK(b.tv_sec > a.tv_sec || b.tv_nsec >= a.tv_nsec);
  struct timespec bad = {0, 1000000000};
  CHECK_ERRNO(nanosleep(&bad, NULL), EINVAL);
  IN_CHILD({
    clock_gettime(CLOCK_MONOTONIC, &a);
    CHECK_THAT(a.tv_sec - b.tv_sec <= 2, "the child's monotonic clock is the same");
  });
  return finish();
}
