// madvise(2): MADV_DONTFORK: "Do not make the pages in this range available to the child after a
// fork".
#include "check.h"

static char *memory;
int main(void) {
  memory = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 'x', 3 * 4096);
  CHECK(madvise(memory + 4096, 4096, MADV_DONTFORK) == 0);
  CHECK(SIGNAL_THAT_KILLS((void)*(volatile char *)(memory + 4096)) == SIGSEGV);
  CHECK(SIGNAL_THAT_KILLS(*(volatile char *)(memory + 4096) = 1) == SIGSEGV);
  IN_CHILD({
    CHECK(memory[0] == 'x' && memory[8192] == 'x');
    unsigned char resident[3];
    CHECK_ERRNO(mincore(memory, 3 * 4096, resident), ENOMEM);
    CHECK(mmap(memory + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
               -1, 0) == memory + 4096);
  });
  CHECK(memory[4096] == 'x');
  CHECK(madvise(memory + 4096, 4096, MADV_DOFORK) == 0);
  IN_CHILD(CHECK(memory[4096] == 'x'););
  return finish();
}
