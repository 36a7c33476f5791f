// mmap(2): MAP_FIXED_NOREPLACE: EEXIST if the range collides with a mapping; MAP_FIXED replaces it.
#include "check.h"

int main(void) {
  char *memory = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 'x', 3 * 4096);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  CHECK_ERRNO(mmap(memory + 4096, 4096, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
  CHECK(memory[4096] == 'x');
  CHECK(mmap(memory + 4096, 4096, PROT_READ, flags | MAP_FIXED, -1, 0) == memory + 4096);
  CHECK(memory[4096] == 0 && memory[4095] == 'x' && memory[8192] == 'x');
  CHECK(munmap(memory + 4096, 4096) == 0);
  CHECK(mmap(memory + 4096, 4096, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0) == memory + 4096);
  return finish();
}
