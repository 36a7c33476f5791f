// select(2): "On Linux, select() modifies timeout to reflect the amount of time not slept", also
// when a signal interrupts it; poll(2), NOTES: "the Linux ppoll() system call modifies its
// timeout_ts argument".
#include "check.h"

#include <poll.h>
#include <sys/select.h>

static volatile int handled;
static void handler(int number) {
  (void)number;
  ++handled;
}
static void alarm_soon(void) {
  const struct itimerval soon = {{0, 0}, {0, 30000}};
  NEED(setitimer(ITIMER_REAL, &soon, NULL) == 0);
}

int main(void) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  NEED(sigaction(SIGALRM, &action, NULL) == 0);
  struct timeval limit = {100, 0};
  alarm_soon();
  CHECK_ERRNO(select(0, NULL, NULL, NULL, &limit), EINTR);
  CHECK(handled == 1 && limit.tv_sec >= 90 && limit.tv_sec < 100);
  struct timespec fine = {100, 0};
  alarm_soon();
  CHECK_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &fine, NULL), EINTR);
  CHECK(handled == 2 && fine.tv_sec >= 90 && fine.tv_sec < 100);
  fine = (struct timespec){100, 0};
  alarm_soon();
  CHECK_ERRNO(syscall(SYS_ppoll, NULL, 0, &fine, NULL, 8), EINTR);
  CHECK(handled == 3 && fine.tv_sec >= 90 && fine.tv_sec < 100);

  limit = (struct timeval){0, 20000};
  CHECK(select(0, NULL, NULL, NULL, &limit) == 0 && limit.tv_sec == 0 && limit.tv_usec == 0);
  fine = (struct timespec){0, 20000000};
  CHECK(syscall(SYS_ppoll, NULL, 0, &fine, NULL, 8) == 0 && fine.tv_sec == 0 && fine.tv_nsec == 0);
  int ends[2];
  NEED(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
  struct pollfd ready = {ends[0], POLLIN, 0};
  fine = (struct timespec){100, 0};
  CHECK(syscall(SYS_ppoll, &ready, 1, &fine, NULL, 8) == 1 && fine.tv_sec == 99);
  return finish();
}
