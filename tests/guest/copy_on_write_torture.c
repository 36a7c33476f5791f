// Many processes of one family write and check the same private pages at once, in random order.
#include "check.h"

enum { pages = 64, rounds = 40, children = 6 };
static unsigned seed;
static unsigned next(void) {
  return seed = seed * 1664525u + 1013904223u;
}
static int work(volatile unsigned *memory, unsigned tag, int depth) {
  unsigned expected[pages];
  for (int i = 0; i < pages; ++i)
    expected[i] = memory[i * 1024];
  for (int round = 0; round < rounds; ++round) {
    int page = (int)(next() >> 16) % pages;
    memory[page * 1024] = expected[page] = tag * 1000 + (unsigned)round;
    if (depth > 0 && round % 10 == 0) {
      pid_t child = fork();
      if (child < 0)
        return 0;
      if (child == 0) {
        seed ^= tag * 77 + (unsigned)round;
        _exit(!work(memory, tag * 10 + (unsigned)round, depth - 1));
      }
    }
    for (int i = 0; i < pages; ++i)
      if (memory[i * 1024] != expected[i])
        return 0;
  }
  int status, good = 1;
  while (wait(&status) > 0)
    good = good && status == 0;
  for (int i = 0; i < pages; ++i)
    good = good && memory[i * 1024] == expected[i];
  return good;
}
int main(void) {
  unsigned *memory =
      mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  for (unsigned i = 0; i < pages; ++i)
    memory[i * 1024] = i;
  for (unsigned i = 0; i < children; ++i)
    IN_CHILD({
      seed = i * 7919 + 1;
      CHECK_THAT(work(memory, i + 1, 2), "a family kept its pages apart");
    });
  return finish();
}
