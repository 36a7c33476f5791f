// mmap(2): MAP_SHARED: "Updates to the mapping are visible to other processes mapping the same
// region"; fork(2) keeps the mapping.
#include "check.h"

int main(void) {
  volatile int *shared =
      mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(shared != MAP_FAILED);
  shared[0] = 1;
  enum { untouched = 40 * 1024 };
  IN_CHILD({
    CHECK(shared[0] == 1);
    shared[0] = 2;
    shared[untouched] = 3; // first touched by the child: still one page for both
    IN_CHILD(shared[1] = 4;);
    CHECK(shared[1] == 4);
  });
  CHECK(shared[0] == 2);
  CHECK(shared[1] == 4);
  CHECK(shared[untouched] == 3);
  char *after = mremap((void *)shared, 64 * 4096, 128 * 4096, MREMAP_MAYMOVE);
  CHECK(after != MAP_FAILED && ((int *)after)[untouched] == 3);
  return finish();
}
