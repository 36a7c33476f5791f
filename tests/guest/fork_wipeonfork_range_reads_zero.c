// madvise(2): MADV_WIPEONFORK: "Present the child process with zero-filled memory in this range
// after a fork(2)." "Within the child, the MADV_WIPEONFORK setting remains in place on this memory
// range".
#include "check.h"

int main(void) {
  char *memory = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 'x', 3 * 4096);
  CHECK(madvise(memory + 4096, 4096, MADV_WIPEONFORK) == 0);
  CHECK(memory[4096] == 'x');
  IN_CHILD({
    CHECK(memory[0] == 'x' && memory[4095] == 'x' && memory[8192] == 'x');
    CHECK(memory[4096] == 0 && memory[8191] == 0);
    memory[4096] = 'y';
    IN_CHILD(CHECK_THAT(memory[4096] == 0, "the mark stays in the child"););
    CHECK(memory[4096] == 'y');
    CHECK(madvise(memory, 3 * 4096, MADV_KEEPONFORK) == 0);
    IN_CHILD(CHECK(memory[4096] == 'y'););
  });
  CHECK(memory[4096] == 'x');
  return finish();
}
