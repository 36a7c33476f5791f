// Timers that were armed before the fork of the box expire when they are due, in both.
#define _GNU_SOURCE
#include "guest.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

static volatile sig_atomic_t alarms, real_time;
static void on_alarm(int signal) {
  (void)signal, ++alarms;
}
static void on_real_time(int signal) {
  (void)signal, ++real_time;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(void) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  action.sa_handler = on_real_time;
  sigaction(SIGRTMIN, &action, NULL);
  const double start = now();
  const struct itimerval once = {.it_value = {.tv_usec = 700000}};
  setitimer(ITIMER_REAL, &once, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  const struct itimerspec spec = {.it_value = {.tv_nsec = 700000000}};
  timer_settime(timer, 0, &spec, NULL);
  const int fd = timerfd_create(CLOCK_MONOTONIC, 0);
  timerfd_settime(fd, 0, &spec, NULL);
  say("ready");
  next_line(); // here the box is forked
  unsigned long long expirations = 0;
  CHECK("timerfd", read(fd, &expirations, sizeof expirations) == sizeof expirations &&
                       expirations == 1 && now() - start >= 0.7);
  while (now() - start < 0.75)
    usleep(10000);
  CHECK("setitimer", alarms == 1);
  CHECK("timer_create", real_time == 1);
  struct itimerval left;
  getitimer(ITIMER_REAL, &left);
  CHECK("disarmed", left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
  say("done");
  return 0;
}
