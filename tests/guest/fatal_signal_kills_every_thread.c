// signal(7): the default action "terminate" is the process's, whichever thread gets the signal.
#include "check.h"

#include <pthread.h>

static void *sleeper(void *argument) {
  for (;;)
    sleep_ms(10000);
  return argument;
}
static void *spinner(void *argument) {
  for (;;)
    sched_yield();
  return argument;
}
static void *faulter(void *argument) {
  sleep_ms(10);
  *(volatile char *)8 = 1;
  return argument;
}
int main(void) {
  CHECK(SIGNAL_THAT_KILLS({
          pthread_t threads[3];
          pthread_create(&threads[0], NULL, sleeper, NULL);
          pthread_create(&threads[1], NULL, spinner, NULL);
          pthread_create(&threads[2], NULL, faulter, NULL);
          pthread_join(threads[0], NULL);
        }) == SIGSEGV);
  CHECK(SIGNAL_THAT_KILLS({
          pthread_t threads[2];
          pthread_create(&threads[0], NULL, sleeper, NULL);
          pthread_create(&threads[1], NULL, spinner, NULL);
          kill(getpid(), SIGKILL);
          pause();
        }) == SIGKILL);
  return finish();
}
