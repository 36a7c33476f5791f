// mremap(2): "If the memory segment specified by old_address and old_size is locked …, then this
// lock is maintained when the segment is resized and/or relocated": its new pages are there at
// once. mlock2(2), MLOCK_ONFAULT: only those that are used are.
#include "check.h"

enum { page = 4096 };

static int resident(char *memory, int pages) {
  unsigned char map[16];
  int count = 0;
  NEED(mincore(memory, (size_t)pages * page, map) == 0);
  for (int i = 0; i < pages; ++i)
    count += map[i] & 1;
  return count;
}
static char *memory_of(int pages) {
  char *memory =
      mmap(NULL, (size_t)pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  return memory;
}

int main(void) {
  char *memory = memory_of(4);
  NEED(mlock(memory, 4 * page) == 0);
  memory = mremap(memory, 4 * page, 8 * page, MREMAP_MAYMOVE);
  CHECK(memory != MAP_FAILED && resident(memory, 8) == 8);
  memory = memory_of(4);
  NEED(syscall(SYS_mlock2, memory, 4 * page, 1) == 0);
  memory = mremap(memory, 4 * page, 8 * page, MREMAP_MAYMOVE);
  CHECK(memory != MAP_FAILED && resident(memory, 8) == 0);
  memory[5 * page] = 1;
  CHECK(resident(memory, 8) == 1);
  CHECK(mlock(memory, 8 * page) == 0 && resident(memory, 8) == 8);
  IN_CHILD({
    struct rlimit none = {0, 0};
    NEED(setrlimit(RLIMIT_MEMLOCK, &none) == 0 && setresuid(65534, 65534, 65534) == 0);
    CHECK_ERRNO(mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0),
                EPERM);
  });
  return finish();
}
