// mmap(2), MAP_DROPPABLE (since Linux 6.11): anonymous memory that may be dropped: a child has it
// empty, a core file goes without it, it can't be locked.
#include "check.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif

static int make(int flags) {
  void *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags | MAP_DROPPABLE, -1, 0);
  return made == MAP_FAILED ? errno : 0;
}

int main(void) {
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_DROPPABLE, -1, 0);
  CHECK(memory != MAP_FAILED);
  if (memory == MAP_FAILED)
    return finish();
  memory[0] = 1;
  IN_CHILD(CHECK(memory[0] == 0));
  CHECK_ERRNO(madvise(memory, 4096, MADV_KEEPONFORK), EINVAL);
  CHECK_ERRNO(madvise(memory, 4096, MADV_DODUMP), EINVAL);
  CHECK(make(MAP_ANONYMOUS | MAP_LOCKED) == EINVAL);
  CHECK(make(MAP_ANONYMOUS | MAP_GROWSDOWN) == EINVAL);
  CHECK(make(MAP_ANONYMOUS | MAP_HUGETLB) == EINVAL);
  return finish();
}
