// madvise(2): MADV_DONTNEED: "subsequent accesses of pages in the range will succeed, but will
// result in
// [...] zero-fill-on-demand pages for anonymous private mappings"; in a child it is the child's
// only.
#include "check.h"

int main(void) {
  char *memory = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED && shared != MAP_FAILED);
  memset(memory, 'x', 8 * 4096);
  shared[0] = 'x';
  IN_CHILD({
    CHECK(madvise(memory, 2 * 4096, MADV_DONTNEED) == 0);
    CHECK(memory[0] == 0 && memory[8191] == 0 && memory[8192] == 'x');
    memory[0] = 'y';
  });
  CHECK(memory[0] == 'x' && memory[4096] == 'x');
  CHECK(madvise(memory + 4096, 4096, MADV_DONTNEED) == 0);
  CHECK(memory[4095] == 'x' && memory[4096] == 0 && memory[8192] == 'x');
  CHECK(madvise(shared, 4096, MADV_DONTNEED) == 0);
  CHECK_THAT(shared[0] == 'x', "shared memory keeps its content");
  CHECK(madvise(memory, 4096, MADV_WILLNEED) == 0);
  CHECK(madvise(memory, 4096, MADV_FREE) == 0);
  memory[0] = 'w';
  CHECK(memory[0] == 'w');
  CHECK_ERRNO(madvise(memory + 5, 4096, MADV_DONTNEED), EINVAL);
  CHECK_ERRNO(madvise((void *)0x7000, 4096, MADV_DONTNEED), ENOMEM);
  return finish();
}
