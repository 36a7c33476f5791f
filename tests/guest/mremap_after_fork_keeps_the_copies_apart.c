// FORK.md: ranges in pieces (mremap of a part) have gone wrong: a part moved after fork is still
// private.
#include "check.h"

int main(void) {
  char *memory = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  for (int i = 0; i < 64; ++i)
    memory[i * 4096] = (char)i;
  IN_CHILD({
    char *moved = mremap(memory + 10 * 4096, 20 * 4096, 40 * 4096, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED);
    int good = 1;
    for (int i = 0; i < 20; ++i)
      good = good && moved[i * 4096] == 10 + i;
    CHECK_THAT(good, "the moved pages are the parent's");
    memset(moved, 'z', 40 * 4096);
    CHECK(memory[9 * 4096] == 9 && memory[30 * 4096] == 30);
    memory[9 * 4096] = 'z';
  });
  int good = 1;
  for (int i = 0; i < 64; ++i)
    good = good && memory[i * 4096] == i;
  CHECK_THAT(good, "the parent's pages are as before");
  return finish();
}
