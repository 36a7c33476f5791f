// FORK.md: mprotect to writable must not make a shared frame writable: the fault breaks the
// sharing.
#include "check.h"

int main(void) {
  volatile char *memory =
      mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  for (int i = 0; i < 8; ++i)
    memory[i * 4096] = 'a';
  NEED(mprotect((void *)memory, 8 * 4096, PROT_READ) == 0);
  IN_CHILD({
    CHECK(mprotect((void *)(memory + 4096), 4 * 4096, PROT_READ | PROT_WRITE) == 0);
    memory[4096] = 'b';
    CHECK(memory[4096] == 'b' && memory[8192] == 'a');
    CHECK(SIGNAL_THAT_KILLS(memory[0] = 1) == SIGSEGV);
  });
  CHECK(memory[4096] == 'a');
  NEED(mprotect((void *)memory, 8 * 4096, PROT_READ | PROT_WRITE) == 0);
  IN_CHILD({
    memory[0] = 'c';
    CHECK(mprotect((void *)memory, 4096, PROT_READ) == 0);
    CHECK(mprotect((void *)memory, 4096, PROT_READ | PROT_WRITE) == 0);
    memory[1] = 'c';
  });
  CHECK(memory[0] == 'a' && memory[1] == 0);
  return finish();
}
