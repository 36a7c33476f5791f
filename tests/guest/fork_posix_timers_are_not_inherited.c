// timer_create(2): "The timers are not inherited by the child of a fork(2), and are disarmed and
// deleted during an execve(2)."
#include "check.h"

static int gettime(int id, struct itimerspec *value) {
  return (int)syscall(SYS_timer_gettime, id, value);
}
int main(int argc, char **argv) {
  struct itimerspec value;
  if (argc > 1) {
    CHECK_ERRNO(gettime(atoi(argv[1]), &value), EINVAL);
    return finish();
  }
  int id = -1;
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  NEED(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0);
  struct itimerspec time = {{0, 0}, {100, 0}};
  NEED(syscall(SYS_timer_settime, id, 0, &time, NULL) == 0);
  CHECK(gettime(id, &value) == 0 && value.it_value.tv_sec >= 98);
  IN_CHILD(CHECK_ERRNO(gettime(id, &value), EINVAL););
  CHECK(gettime(id, &value) == 0 && value.it_value.tv_sec >= 98);
  char number[16];
  snprintf(number, sizeof number, "%d", id);
  execl("/proc/self/exe", "again", number, NULL);
  NEED(0);
}
