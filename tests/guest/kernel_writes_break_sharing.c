// FORK.md 9: the kernel's own writes into guest memory (read, getcwd, wait status, signal frames)
// copy a shared page as the program's writes do.
#include "check.h"

#include <sys/uio.h>

int main(void) {
  enum { size = 8 * 4096 };
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 'p', size);
  int zeros = open("/dev/zero", O_RDONLY);
  NEED(zeros >= 0);
  IN_CHILD({
    CHECK(read(zeros, memory, 4096) == 4096);
    struct iovec vector[2] = {{memory + 4096, 100}, {memory + 3 * 4096 - 50, 100}};
    CHECK(readv(zeros, vector, 2) == 200);
    CHECK(clock_gettime(CLOCK_REALTIME, (struct timespec *)(memory + 4 * 4096)) == 0);
    CHECK(getcwd(memory + 5 * 4096, 4096) != NULL);
    CHECK(memory[0] == 0 && memory[4096] == 0 && memory[4196] == 'p' && memory[3 * 4096] == 0);
    CHECK(memory[5 * 4096] == '/');
  });
  int good = 1;
  for (int i = 0; i < size; ++i)
    good = good && memory[i] == 'p';
  CHECK_THAT(good, "nothing of it reached the parent");
  NEED(mprotect(memory, 4096, PROT_READ) == 0);
  CHECK_ERRNO(read(zeros, memory, 10), EFAULT);
  CHECK(memory[0] == 'p');
  return finish();
}
