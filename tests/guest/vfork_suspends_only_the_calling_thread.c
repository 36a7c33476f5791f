// vfork(2): "the calling thread is suspended" (not the other threads of the process).
#include "check.h"

#include <pthread.h>

static volatile long counter, at_child_start, at_child_end, quit;
static void *count(void *unused) {
  while (!quit) {
    ++counter;
    sched_yield();
  }
  return unused;
}
int main(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, count, NULL) == 0);
  while (counter == 0)
    sched_yield();
  pid_t child = vfork();
  if (child == 0) {
    at_child_start = counter;
    sleep_ms(80);
    at_child_end = counter;
    _exit(0);
  }
  CHECK(at_child_end > at_child_start);
  quit = 1;
  pthread_join(thread, NULL);
  CHECK(waitpid(child, NULL, 0) == child);
  return finish();
}
