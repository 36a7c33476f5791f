// FORK.md 3 and 11: all threads stop, or are write-protected, before the child runs: what a sibling
// thread writes in order, the child sees in order.
#include "check.h"

#include <pthread.h>

static volatile long *first, *second, *third;
static volatile int quit;
static void *writer(void *unused) {
  for (long i = 1; !quit; ++i) {
    *first = i;
    __asm__ volatile("" ::: "memory");
    *second = i;
    __asm__ volatile("" ::: "memory");
    *third = i;
  }
  return unused;
}
int main(void) {
  char *memory =
      mmap(NULL, 4096 * 2048, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  first = (long *)memory;
  second = (long *)(memory + 4096 * 1000 + 64);
  third = (long *)(memory + 4096 * 2047);
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, writer, NULL) == 0);
  while (*third == 0)
    sched_yield();
  int torn = 0, moved = 0;
  for (int i = 0; i < 200; ++i) {
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      long a = *first, b = *second, c = *third;
      sched_yield();
      int whole = (a == b || a == b + 1) && (b == c || b == c + 1);
      int still = a == *first && b == *second && c == *third;
      _exit(!whole + 2 * !still);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child && WIFEXITED(status));
    torn += WEXITSTATUS(status) & 1;
    moved += WEXITSTATUS(status) >> 1;
  }
  quit = 1;
  pthread_join(thread, NULL);
  CHECK(torn == 0);
  CHECK(moved == 0);
  return finish();
}
