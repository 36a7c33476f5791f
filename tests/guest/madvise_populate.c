// madvise(2): MADV_POPULATE_READ and MADV_POPULATE_WRITE fault the pages in, or fail without harm.
#include "check.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
static int resident(char *memory) {
  unsigned char map[4];
  NEED(mincore(memory, 4 * 4096, map) == 0);
  return (map[0] & 1) + (map[1] & 1) + (map[2] & 1) + (map[3] & 1);
}
int main(void) {
  char *memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  CHECK(resident(memory) == 0);
  CHECK(madvise(memory, 2 * 4096, MADV_POPULATE_WRITE) == 0);
  CHECK(resident(memory) == 2);
  CHECK(madvise(memory, 4 * 4096, MADV_POPULATE_READ) == 0);
  CHECK(resident(memory) == 4);
  CHECK(memory[0] == 0 && memory[3 * 4096] == 0);
  NEED(mprotect(memory, 4096, PROT_READ) == 0);
  CHECK_ERRNO(madvise(memory, 4096, MADV_POPULATE_WRITE), EINVAL);
  NEED(mprotect(memory, 4096, PROT_NONE) == 0);
  CHECK_ERRNO(madvise(memory, 4096, MADV_POPULATE_READ), EINVAL);
  NEED(munmap(memory, 4096) == 0);
  CHECK_ERRNO(madvise(memory, 2 * 4096, MADV_POPULATE_READ), ENOMEM);
  return finish();
}
