// munmap(2): "All pages containing a part of the indicated range are unmapped"; the rest stays.
#include "check.h"

static char *memory;
static unsigned present(void) {
  unsigned map = 0;
  unsigned char resident;
  for (int i = 0; i < 8; ++i)
    if (mincore(memory + i * 4096, 4096, &resident) == 0)
      map |= 1u << i;
  return map;
}
int main(void) {
  memory = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  for (int i = 0; i < 8; ++i)
    memory[i * 4096] = (char)('a' + i);
  CHECK(munmap(memory + 2 * 4096, 1) == 0);
  CHECK(present() == 0xfb);
  CHECK(munmap(memory + 5 * 4096, 2 * 4096) == 0);
  CHECK(present() == 0x9b);
  IN_CHILD({
    CHECK(present() == 0x9b);
    CHECK(munmap(memory, 8 * 4096) == 0);
    CHECK(present() == 0);
  });
  CHECK(present() == 0x9b);
  CHECK(memory[4096] == 'b' && memory[3 * 4096] == 'd' && memory[7 * 4096] == 'h');
  return finish();
}
