// timer_create(2), timer_settime(2), timer_getoverrun(2).
#include "check.h"

static volatile int count, value, code;
static void handler(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  ++count;
  value = info->si_value.sival_int;
  code = info->si_code;
}
int main(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGRTMIN, &action, NULL) == 0);
  timer_t timer;
  struct sigevent event = {
      .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 99};
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec once = {{0, 0}, {0, 20000000}}, now;
  CHECK(timer_settime(timer, 0, &once, NULL) == 0);
  while (!count)
    pause();
  CHECK(count == 1 && value == 99 && code == SI_TIMER);
  CHECK(timer_gettime(timer, &now) == 0 && now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
  struct itimerspec repeating = {{0, 5000000}, {0, 5000000}};
  CHECK(timer_settime(timer, 0, &repeating, NULL) == 0);
  while (count < 5)
    pause();
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  sleep_ms(60);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  CHECK_THAT(timer_getoverrun(timer) >= 3, "expirations while blocked are overruns");
  CHECK(timer_delete(timer) == 0);
  struct timespec absolute;
  event = (struct sigevent){.sigev_notify = SIGEV_NONE};
  CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == 0);
  clock_gettime(CLOCK_REALTIME, &absolute);
  struct itimerspec later = {{0, 0}, {absolute.tv_sec + 100, 0}};
  CHECK(timer_settime(timer, TIMER_ABSTIME, &later, NULL) == 0);
  CHECK(timer_gettime(timer, &now) == 0 && now.it_value.tv_sec >= 97 && now.it_value.tv_sec <= 100);
  CHECK_ERRNO(timer_create(12345, &event, &timer), EINVAL);
  return finish();
}
