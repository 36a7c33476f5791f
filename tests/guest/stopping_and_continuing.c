// signal(7): SIGSTOP stops every thread, SIGCONT continues even if blocked or ignored and discards
// pending stop signals; SIGKILL kills a stopped process.
#include "check.h"

#include <pthread.h>

static volatile long *counter;
static void *count(void *argument) {
  for (;;) {
    ++*counter;
    sched_yield();
  }
  return argument;
}
int main(void) {
  counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(counter != MAP_FAILED);
  pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    signal(SIGCONT, SIG_IGN);
    pthread_create(&thread, NULL, count, NULL);
    for (;;)
      pause();
  }
  while (*counter == 0)
    sleep_ms(1);
  int status;
  kill(child, SIGSTOP);
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  long at = *counter;
  sleep_ms(30);
  CHECK_THAT(*counter == at, "no thread runs while stopped");
  kill(child, SIGTERM);
  sleep_ms(10);
  CHECK_THAT(waitpid(child, &status, WNOHANG) == 0, "SIGTERM waits for SIGCONT");
  kill(child, SIGCONT);
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    _exit(0);
  }
  CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  kill(child, SIGKILL);
  CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
  return finish();
}
