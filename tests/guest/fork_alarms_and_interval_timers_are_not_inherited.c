// fork(2): "The child does not inherit timers from its parent (setitimer(2), alarm(2),
// timer_create(2))."
#include "check.h"

int main(void) {
  alarm(100);
  struct itimerval time = {{0, 0}, {200, 0}}, got;
  NEED(setitimer(ITIMER_VIRTUAL, &time, NULL) == 0);
  NEED(setitimer(ITIMER_PROF, &time, NULL) == 0);
  IN_CHILD({
    CHECK(getitimer(ITIMER_REAL, &got) == 0 && got.it_value.tv_sec == 0 &&
          got.it_value.tv_usec == 0);
    CHECK(getitimer(ITIMER_VIRTUAL, &got) == 0 && got.it_value.tv_sec == 0 &&
          got.it_value.tv_usec == 0);
    CHECK(getitimer(ITIMER_PROF, &got) == 0 && got.it_value.tv_sec == 0 &&
          got.it_value.tv_usec == 0);
    CHECK(alarm(0) == 0);
  });
  CHECK(getitimer(ITIMER_VIRTUAL, &got) == 0 && got.it_value.tv_sec >= 190);
  unsigned left = alarm(0);
  CHECK(left >= 98 && left <= 100);
  return finish();
}
