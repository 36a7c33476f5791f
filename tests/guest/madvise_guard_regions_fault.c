// madvise(2), MADV_GUARD_INSTALL and MADV_GUARD_REMOVE (since Linux 6.13): an access to a guard
// region is SIGSEGV, whatever the protection; what was there is gone. MADV_DONTNEED and fork(2)
// keep it, munmap(2) and MADV_GUARD_REMOVE end it.
#include "check.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
enum { install = 102, uninstall = 103, page = 4096 };

#define FAULTS(at) (SIGNAL_THAT_KILLS(*(volatile char *)(at) = 1) == SIGSEGV)

int main(void) {
  char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 'a', 4 * page);
  CHECK(madvise(memory + page, 2 * page, install) == 0);
  CHECK(FAULTS(memory + page) && FAULTS(memory + 3 * page - 1));
  CHECK(!FAULTS(memory) && !FAULTS(memory + 3 * page));
  CHECK(SIGNAL_THAT_KILLS(_exit(memory[page])) == SIGSEGV);
  CHECK(madvise(memory, 3 * page, MADV_DONTNEED) == 0 && FAULTS(memory + page));
  CHECK(mprotect(memory, 4 * page, PROT_READ) == 0 && FAULTS(memory + page));
  CHECK(mprotect(memory, 4 * page, PROT_READ | PROT_WRITE) == 0 && FAULTS(memory + page));
  CHECK_ERRNO(madvise(memory, 4 * page, MADV_POPULATE_READ), EFAULT);
  int pipe_ends[2];
  NEED(pipe(pipe_ends) == 0);
  CHECK_ERRNO(write(pipe_ends[1], memory + page, 1), EFAULT);
  CHECK(madvise(memory, 4 * page, uninstall) == 0);
  CHECK(memory[0] == 0 && memory[page] == 0 && memory[3 * page] == 'a');
  CHECK(!FAULTS(memory + page));
  NEED(madvise(memory, page, install) == 0 && munmap(memory, page) == 0);
  CHECK(mmap(memory, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == memory);
  CHECK(!FAULTS(memory));
  NEED(mlock(memory, page) == 0);
  CHECK_ERRNO(madvise(memory, page, install), EINVAL);
  CHECK(madvise(memory, page, uninstall) == 0);
  return finish();
}
