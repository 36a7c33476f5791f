// brk(2): new memory is zero; memory given back is gone; RLIMIT_DATA bounds it.
#include "check.h"

int main(void) {
  char *start = sbrk(0);
  NEED(start != (char *)-1);
  char *first = (char *)(((uintptr_t)start + 4095) & ~4095UL);
  NEED(brk(first + 16 * 4096) == 0);
  CHECK(sbrk(0) == first + 16 * 4096);
  CHECK(first[0] == 0 && first[16 * 4096 - 1] == 0);
  memset(first, 'x', 16 * 4096);
  IN_CHILD({
    CHECK(brk(first + 2 * 4096) == 0);
    CHECK(SIGNAL_THAT_KILLS(first[2 * 4096] = 1) == SIGSEGV);
    CHECK(brk(first + 4 * 4096) == 0);
    CHECK(first[2 * 4096] == 0 && first[4096] == 'x');
  });
  CHECK(first[2 * 4096] == 'x');
  CHECK(brk(first) == 0);
  struct rlimit limit;
  NEED(getrlimit(RLIMIT_DATA, &limit) == 0);
  limit.rlim_cur = 1 << 20;
  NEED(setrlimit(RLIMIT_DATA, &limit) == 0);
  CHECK_ERRNO(brk(first + (8 << 20)), ENOMEM);
  CHECK(sbrk(0) == first);
  return finish();
}
