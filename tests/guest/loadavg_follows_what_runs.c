// proc(5), /proc/loadavg: "the number of jobs in the run queue (state R) … averaged over 1, 5, and
// 15 minutes. … The fourth field … the number of currently runnable … entities [and] the number …
// that currently exist … The fifth field is the PID of the process that was most recently created".
// The kernel takes a sample every five seconds.
#include "check.h"

struct load {
  double averages[3];
  int runnable, total, last;
};

static struct load load(void) {
  struct load now;
  FILE *file = fopen("/proc/loadavg", "r");
  NEED(file);
  NEED(fscanf(file, "%lf %lf %lf %d/%d %d", &now.averages[0], &now.averages[1], &now.averages[2],
              &now.runnable, &now.total, &now.last) == 6);
  fclose(file);
  return now;
}

int main(void) {
  struct load before = load();
  CHECK(before.runnable >= 1 && before.total >= before.runnable);
  // Many, for a machine that has been busy, and nice to whoever else runs.
  enum { count = 16 };
  pid_t children[count];
  for (int i = 0; i < count; ++i) {
    children[i] = fork();
    NEED(children[i] >= 0);
    if (children[i] == 0) {
      setpriority(PRIO_PROCESS, 0, 19);
      for (volatile unsigned turns = 0;; ++turns) {
      }
    }
  }
  CHECK(load().last >= children[count - 1]);
  CHECK(load().runnable >= count);
  // Two or three samples: each goes a twelfth of the way to the number of jobs, from wherever the
  // average was.
  sleep_ms(12000);
  const struct load now = load();
  const double least = before.averages[0] * 0.92 * 0.92 * 0.92 + 0.08 * count / 2;
  CHECK_THAT(now.averages[0] > least,
             "the average over a minute rises while many processes compute");
  const double risen = now.averages[0] - before.averages[0];
  CHECK_THAT(before.averages[0] > count / 2 || risen > now.averages[2] - before.averages[2],
             "it rises more than the one over a quarter of an hour");
  for (int i = 0; i < count; ++i) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
  return finish();
}
