// fork(2): the child's one thread is the caller's, with its stack, and its thread id is the process
// id.
#include "check.h"

#include <pthread.h>

static __thread int thread_local_value = 1;
static void *forker(void *argument) {
  int on_stack = 42;
  thread_local_value = 2;
  IN_CHILD({
    CHECK(gettid() == getpid());
    CHECK(on_stack == 42);
    CHECK(thread_local_value == 2);
    on_stack = 43;
  });
  CHECK(on_stack == 42);
  CHECK(gettid() != getpid());
  return argument;
}
int main(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, forker, NULL) == 0);
  NEED(pthread_join(thread, NULL) == 0);
  CHECK(thread_local_value == 1);
  return finish();
}
