// adjtimex(2): "anyone may read"; clock_nanosleep(2), timer_create(2): "EOPNOTSUPP/ENOTSUP: The
// kernel does not support … this clockid"; timer_settime(2): "EINVAL: … new_value is NULL";
// clock_getcpuclockid(3): a timer of the caller's own CPU time; settimeofday(2): "EINVAL: tv_usec
// is out of the range".
#include "check.h"
#include <pthread.h>
#include <sys/timex.h>

static volatile sig_atomic_t expired;
static void expire(int signal) {
  (void)signal;
  ++expired;
}

/// A timer of the clock expires after a millisecond of computing.
static void timer_of(clockid_t clock) {
  timer_t timer;
  struct itimerspec soon = {.it_value.tv_nsec = 1000000};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  NEED(signal(SIGUSR1, expire) != SIG_ERR);
  expired = 0;
  CHECK(timer_create(clock, &event, &timer) == 0);
  CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
  for (int64_t end = monotonic_ns() + 5000000000LL; !expired && monotonic_ns() < end;) {
  }
  CHECK(expired == 1);
  CHECK(timer_delete(timer) == 0);
}

int main(void) {
  struct timex time = {0};
  int state = adjtimex(&time);
  CHECK(state >= 0 && state <= TIME_ERROR && time.tick > 0);
  time.modes = 0;
  CHECK(clock_adjtime(CLOCK_REALTIME, &time) >= 0);
  time.modes = ADJ_OFFSET_SS_READ;
  CHECK_THAT(adjtimex(&time) >= 0, "ADJ_OFFSET_SS_READ needs no privilege");
  time.modes = 0;
  CHECK_ERRNO(clock_adjtime(99, &time), EINVAL);
  CHECK_ERRNO(adjtimex((void *)8), EFAULT);
  struct timeval bad = {0, 1000000};
  CHECK_ERRNO(syscall(SYS_settimeofday, &bad, NULL), EINVAL);

  static const clockid_t unsupported[] = {CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                          CLOCK_MONOTONIC_COARSE};
  struct timespec one = {0, 1};
  struct sigevent none = {.sigev_notify = SIGEV_NONE};
  int id;
  for (int i = 0; i < 3; ++i) {
    CHECK_ERRNO(syscall(SYS_clock_nanosleep, unsupported[i], 0, &one, NULL), EOPNOTSUPP);
    CHECK_ERRNO(syscall(SYS_timer_create, unsupported[i], &none, &id), EOPNOTSUPP);
  }
  CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &one, NULL), EOPNOTSUPP);
  CHECK_ERRNO(syscall(SYS_timer_create, 99, &none, &id), EINVAL);
  CHECK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &id) == 0);
  CHECK_ERRNO(syscall(SYS_timer_settime, id, 0, NULL, NULL), EINVAL);

  clockid_t process, thread;
  NEED(clock_getcpuclockid(getpid(), &process) == 0 &&
       pthread_getcpuclockid(pthread_self(), &thread) == 0);
  timer_of(process);
  timer_of(thread);
  NEED(clock_getcpuclockid(0, &process) == 0);
  timer_of(process);
  return finish();
}
