// mmap(2): MAP_GROWSDOWN: "Touching an address in the "guard" page below the mapping will cause the
// mapping to grow by a page"; it stops at the guard gap of the next mapping.
#include "check.h"

int main(void) {
  char *area =
      mmap(NULL, 4096 * 4096UL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  NEED(area != MAP_FAILED && munmap(area, 4096 * 4096UL) == 0);
  volatile char *top = mmap(area + 4000 * 4096, 4096, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
  NEED(top != MAP_FAILED);
  top[0] = 'a';
  top[-1] = 'b';
  top[-4096 * 3] = 'c';
  CHECK(top[-1] == 'b' && top[-4096 * 2] == 0 && top[-4096 * 3] == 'c');
  IN_CHILD({
    CHECK(top[-1] == 'b');
    top[-4096 * 10] = 'd';
    CHECK(top[-4096 * 10] == 'd');
  });
  CHECK(mmap((void *)(top - 5 * 4096), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == top - 5 * 4096);
  CHECK_THAT(SIGNAL_THAT_KILLS(top[-4096 * 4] = 1) == SIGSEGV,
             "not into the gap above another mapping");
  return finish();
}
