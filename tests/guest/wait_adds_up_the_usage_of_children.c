// wait4(2), getrusage(2) RUSAGE_CHILDREN: "terminated and have been waited for [...] include the
// resources used by grandchildren, if all of the intervening descendants waited".
#include "check.h"

static void burn_ms(long ms) {
  struct timespec now;
  do
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}
static long ms(struct rusage *usage) {
  return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
         (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
}
int main(void) {
  struct rusage usage, children;
  int status;
  pid_t child = fork();
  if (child == 0) {
    IN_CHILD(burn_ms(60));
    burn_ms(30);
    _exit(0);
  }
  siginfo_t info;
  NEED(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
  CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0 && ms(&children) == 0);
  CHECK(wait4(child, &status, 0, &usage) == child);
  CHECK_THAT(ms(&usage) >= 80, "its own and its children's");
  CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0 && ms(&children) >= 80);
  CHECK_ERRNO(getrusage(5, &children), EINVAL);
  return finish();
}
