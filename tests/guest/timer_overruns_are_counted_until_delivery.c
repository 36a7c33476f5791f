// timer_getoverrun(2): "The overrun count … is the number of additional timer expirations that
// occurred between the time when the signal was generated … and when the signal was delivered or
// accepted"; si_overrun is the same. sigaction(2), "Dynamically probing for flag bit support".
// timer_settime(2): a timer that is disarmed has no interval.
#include "check.h"

static volatile sig_atomic_t handled;
static void handle(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info, (void)context;
  ++handled;
}

/// What is pending after some 60 periods of a millisecond.
static timer_t blocked_timer(int signal) {
  timer_t timer;
  struct sigevent event = {
      .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal, .sigev_value.sival_int = 42};
  struct itimerspec every = {{0, 1000000}, {0, 1000000}};
  NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  CHECK(timer_getoverrun(timer) == 0);
  NEED(timer_settime(timer, 0, &every, NULL) == 0);
  sleep_ms(60);
  return timer;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigaddset(&set, SIGUSR1);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  struct timespec at_once = {0, 0};
  siginfo_t info;
  timer_t timer = blocked_timer(SIGRTMIN);
  CHECK(sigtimedwait(&set, &info, &at_once) == SIGRTMIN && info.si_code == SI_TIMER &&
        info.si_value.sival_int == 42);
  CHECK(info.si_overrun >= 30 && timer_getoverrun(timer) == info.si_overrun);
  CHECK(timer_delete(timer) == 0);
  while (sigtimedwait(&set, &info, &at_once) > 0) {
  }

  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
  NEED(sigaction(SIGUSR1, &action, NULL) == 0);
  timer = blocked_timer(SIGUSR1);
  NEED(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
  CHECK(handled >= 1);
  struct itimerspec off = {{0, 1000000}, {0, 0}}, now;
  CHECK(timer_settime(timer, 0, &off, NULL) == 0 && timer_gettime(timer, &now) == 0);
  CHECK(now.it_value.tv_nsec == 0 && now.it_interval.tv_sec == 0 && now.it_interval.tv_nsec == 0);
  CHECK(timer_delete(timer) == 0);

  action.sa_flags = (int)(SA_RESTART | SA_SIGINFO | 0x400 /* SA_UNSUPPORTED */);
  NEED(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR1, NULL, &action) == 0);
  CHECK((action.sa_flags & ~0x04000000) == (SA_RESTART | SA_SIGINFO));
  return finish();
}
