// sched(7), "The nice value": "the nice value is an attribute that can be used to influence the CPU
// scheduler to favor or disfavor a process … each unit of difference … results in a factor of
// 1.25", and SCHED_IDLE has "an extremely low priority". setpriority(2), BUGS: on Linux it is an
// attribute of the thread.
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static volatile unsigned long *counts;

static void count_for_ever(int index, void (*prepare)(void)) {
  if (fork() != 0)
    return;
  prepare();
  for (;;)
    ++counts[index];
}

static void be_nice(void) {
  setpriority(PRIO_PROCESS, 0, 15);
}
static void be_idle(void) {
  const struct sched_param none = {0};
  sched_setscheduler(0, SCHED_IDLE, &none);
}
static void be_usual(void) {}

static void *nice_value_of_a_thread(void *unused) {
  setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 7);
  CHECK(getpriority(PRIO_PROCESS, 0) == 7);
  return unused;
}

int main(void) {
  const int before = getpriority(PRIO_PROCESS, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, nice_value_of_a_thread, NULL);
  pthread_join(thread, NULL);
  CHECK(getpriority(PRIO_PROCESS, 0) == before);

  // All on one processor.
  counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
  setpgid(0, 0);
  count_for_ever(0, be_usual);
  count_for_ever(1, be_nice);
  count_for_ever(2, be_idle);
  sleep(2);
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  while (wait(NULL) > 0)
    ;
  CHECK(counts[1] < counts[0] / 4);
  CHECK(counts[2] < counts[0] / 10);
  CHECK(counts[1] > 0 && counts[2] > 0);
  return finish();
}
