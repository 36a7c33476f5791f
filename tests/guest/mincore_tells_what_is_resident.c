// mincore(2).
#include "check.h"

int main(void) {
  unsigned char map[8];
  char *memory = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memory[4096] = memory[5 * 4096] = 1;
  CHECK(mincore(memory, 8 * 4096, map) == 0);
  CHECK((map[0] & 1) == 0 && (map[1] & 1) == 1 && (map[2] & 1) == 0 && (map[5] & 1) == 1);
  IN_CHILD({
    CHECK(mincore(memory, 8 * 4096, map) == 0 && (map[1] & 1) == 1 && (map[2] & 1) == 0);
    memory[2 * 4096] = 1;
  });
  CHECK(mincore(memory, 8 * 4096, map) == 0 && (map[2] & 1) == 0);
  CHECK_ERRNO(mincore(memory + 1, 4096, map), EINVAL);
  CHECK_ERRNO(mincore(memory, 4096, (unsigned char *)8), EFAULT);
  CHECK(munmap(memory + 4096, 4096) == 0);
  CHECK_ERRNO(mincore(memory, 8 * 4096, map), ENOMEM);
  return finish();
}
