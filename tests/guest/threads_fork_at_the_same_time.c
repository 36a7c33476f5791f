// fork(2) from many threads of one process at once, with writes in between.
#include "check.h"

#include <pthread.h>

enum { threads = 4, rounds = 60 };
static volatile int *memory;
static void *forker(void *argument) {
  long me = (long)argument, bad = 0;
  for (int i = 0; i < rounds; ++i) {
    memory[me * 1024] = i;
    pid_t child = fork();
    if (child == 0) {
      int good = memory[me * 1024] == i;
      for (int page = 0; page < 64; ++page)
        memory[page * 1024] = -5;
      _exit(!good);
    }
    int status = -1;
    bad +=
        child < 0 || waitpid(child, &status, 0) != child || status != 0 || memory[me * 1024] != i;
  }
  return (void *)bad;
}
int main(void) {
  memory = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  pthread_t ids[threads];
  for (long i = 0; i < threads; ++i)
    NEED(pthread_create(&ids[i], NULL, forker, (void *)i) == 0);
  long bad = 0;
  for (int i = 0; i < threads; ++i) {
    void *value;
    NEED(pthread_join(ids[i], &value) == 0);
    bad += (long)value;
  }
  CHECK(bad == 0);
  return finish();
}
