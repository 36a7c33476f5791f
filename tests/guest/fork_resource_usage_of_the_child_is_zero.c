// fork(2): "Process resource utilizations (getrusage(2)) and CPU time counters (times(2)) are reset
// to zero in the child."
#include "check.h"

#include <sys/times.h>

static int64_t cpu_ns(clockid_t clock) {
  struct timespec now;
  NEED(clock_gettime(clock, &now) == 0);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}
static void burn(int64_t ns) {
  int64_t start = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  while (cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - start < ns) {
  }
}
static int64_t micros(struct timeval time) {
  return time.tv_sec * 1000000LL + time.tv_usec;
}
int main(void) {
  burn(150000000);
  IN_CHILD(burn(60000000););
  struct rusage mine, children;
  CHECK(getrusage(RUSAGE_SELF, &mine) == 0 &&
        micros(mine.ru_utime) + micros(mine.ru_stime) > 100000);
  CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0 &&
        micros(children.ru_utime) + micros(children.ru_stime) > 30000);
  IN_CHILD({
    CHECK(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) < 40000000);
    CHECK(cpu_ns(CLOCK_THREAD_CPUTIME_ID) < 40000000);
    CHECK(getrusage(RUSAGE_SELF, &mine) == 0 &&
          micros(mine.ru_utime) + micros(mine.ru_stime) < 40000);
    CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0 &&
          micros(children.ru_utime) + micros(children.ru_stime) == 0);
    struct tms times_now;
    CHECK(times(&times_now) != (clock_t)-1 && times_now.tms_utime + times_now.tms_stime < 5 &&
          times_now.tms_cutime + times_now.tms_cstime == 0);
  });
  return finish();
}
