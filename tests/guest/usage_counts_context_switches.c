// getrusage(2): "ru_nvcsw … context switches … due to a process voluntarily giving up the processor
// before its time slice was completed (usually to await availability of a resource)"; "ru_nivcsw …
// due to a higher priority process becoming runnable or because the current process exceeded its
// time slice". proc(5): voluntary_ctxt_switches.
#include "check.h"

static struct rusage usage_of(int who) {
  struct rusage usage;
  NEED(getrusage(who, &usage) == 0);
  return usage;
}

static long status_of(const char *name) {
  char line[256];
  long value = -1;
  FILE *status = fopen("/proc/thread-self/status", "r");
  NEED(status);
  while (fgets(line, sizeof line, status))
    if (strncmp(line, name, strlen(name)) == 0)
      value = atol(line + strlen(name) + 1);
  fclose(status);
  return value;
}

int main(void) {
  struct rusage before = usage_of(RUSAGE_SELF);
  for (int i = 0; i < 20; ++i)
    sleep_ms(1);
  struct rusage after = usage_of(RUSAGE_SELF);
  CHECK(after.ru_nvcsw >= before.ru_nvcsw + 20);
  CHECK(usage_of(RUSAGE_THREAD).ru_nvcsw >= 20);
  CHECK(status_of("voluntary_ctxt_switches:") >= 20);
  CHECK(usage_of(RUSAGE_CHILDREN).ru_nvcsw == 0);
  IN_CHILD({
    CHECK(usage_of(RUSAGE_SELF).ru_nvcsw < 5);
    for (int i = 0; i < 10; ++i)
      sleep_ms(1);
  });
  CHECK_THAT(usage_of(RUSAGE_CHILDREN).ru_nvcsw >= 10,
             "those of children that were waited for count");
  // More threads that compute than processors: each is put off its processor sooner or later.
  enum { most = 64 };
  pid_t children[most];
  int count = (int)sysconf(_SC_NPROCESSORS_ONLN) * 2 + 2;
  count = count > most ? most : count;
  for (int i = 0; i < count; ++i) {
    children[i] = fork();
    NEED(children[i] >= 0);
    if (children[i] == 0)
      for (;;) {
      }
  }
  before = usage_of(RUSAGE_SELF);
  for (int64_t end = monotonic_ns() + 20000000000LL; monotonic_ns() < end;) {
    after = usage_of(RUSAGE_SELF);
    if (after.ru_nivcsw > before.ru_nivcsw)
      break;
  }
  CHECK(after.ru_nivcsw > before.ru_nivcsw);
  for (int i = 0; i < count; ++i) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
  return finish();
}
