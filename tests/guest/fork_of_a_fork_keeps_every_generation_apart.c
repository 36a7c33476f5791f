// fork(2): separate memory, for each of many generations: each sees what its parent had at its own
// fork.
#include "check.h"

static volatile int *generation;
int main(void) {
  generation = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(generation != MAP_FAILED);
  int depth = 0, status;
  enum { generations = 24 };
  for (;;) {
    generation[depth] = 1000 + depth;
    if (depth == generations)
      break;
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      generation[0] = ++depth;
      continue;
    }
    generation[depth + 1] = -1; // must not reach the child
    NEED(waitpid(child, &status, 0) == child);
    int good = status == 0 && generation[0] == (depth ? depth : 1000);
    for (int i = 1; i <= depth; ++i)
      good = good && generation[i] == 1000 + i;
    good = good && generation[depth + 1] == -1 && generation[depth + 2] == 0;
    if (depth > 0)
      _exit(!good);
    CHECK_THAT(good, "every generation has its own memory");
    return finish();
  }
  _exit(generation[0] != generations);
}
