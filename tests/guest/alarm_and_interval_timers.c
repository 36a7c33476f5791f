// alarm(2), setitimer(2): one signal, then none; an interval repeats; the virtual timer counts CPU
// time.
#include "check.h"

static volatile int alarms, virtuals;
static void handler(int number) {
  if (number == SIGALRM)
    ++alarms;
  else
    ++virtuals;
}
int main(void) {
  signal(SIGALRM, handler);
  signal(SIGVTALRM, handler);
  CHECK(alarm(50) == 0);
  CHECK(alarm(0) == 50);
  struct itimerval once = {{0, 0}, {0, 20000}}, old;
  int64_t start = monotonic_ns();
  CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
  while (!alarms)
    pause();
  CHECK(alarms == 1 && monotonic_ns() - start >= 20000000);
  CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
  struct itimerval repeating = {{0, 10000}, {0, 10000}};
  CHECK(setitimer(ITIMER_REAL, &repeating, NULL) == 0);
  while (alarms < 5)
    pause();
  struct itimerval none = {{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &none, &old) == 0 && old.it_interval.tv_usec == 10000);
  struct itimerval idle = {{10, 20}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &idle, NULL) == 0 && getitimer(ITIMER_REAL, &old) == 0);
  CHECK_THAT(old.it_interval.tv_sec == 0 && old.it_interval.tv_usec == 0,
             "a disarmed ITIMER_REAL has no interval");
  CHECK(setitimer(ITIMER_PROF, &idle, NULL) == 0 && getitimer(ITIMER_PROF, &old) == 0);
  CHECK_THAT(old.it_interval.tv_sec == 10, "a disarmed ITIMER_PROF keeps its interval");
  CHECK(setitimer(ITIMER_PROF, &none, NULL) == 0);
  struct itimerval virtual = {{0, 0}, {0, 30000}};
  CHECK(setitimer(ITIMER_VIRTUAL, &virtual, NULL) == 0);
  sleep_ms(60);
  CHECK_THAT(virtuals == 0, "sleep is no CPU time");
  for (volatile long i = 0; !virtuals && i < 20000000000L; ++i) {
  }
  CHECK(virtuals == 1);
  CHECK_ERRNO(setitimer(9, &none, NULL), EINVAL);
  struct itimerval bad = {{0, 0}, {0, 2000000}};
  CHECK_ERRNO(setitimer(ITIMER_REAL, &bad, NULL), EINVAL);
  return finish();
}
