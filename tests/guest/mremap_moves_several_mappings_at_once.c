// mremap(2): since Linux 6.17 several mappings can be moved at once, if MREMAP_FIXED is given and
// the size stays the same; else the range must be one mapping's: EFAULT.
#include "check.h"

enum { page = 4096 };

int main(void) {
  char *from = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *to = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(from != MAP_FAILED && to != MAP_FAILED);
  strcpy(from, "first");
  strcpy(from + 2 * page, "second");
  NEED(mprotect(from + 2 * page, 2 * page, PROT_READ) == 0);
  CHECK_ERRNO(mremap(from, 4 * page, 5 * page, MREMAP_MAYMOVE), EFAULT);
  CHECK_ERRNO(mremap(from, 4 * page, 3 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to), EFAULT);
  CHECK(mremap(from, 4 * page, 4 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
  CHECK(strcmp(to, "first") == 0 && strcmp(to + 2 * page, "second") == 0);
  CHECK(SIGNAL_THAT_KILLS(to[page] = 1) == 0);
  CHECK(SIGNAL_THAT_KILLS(to[2 * page] = 1) == SIGSEGV);
  CHECK_ERRNO(msync(from, 4 * page, MS_ASYNC), ENOMEM);
  return finish();
}
