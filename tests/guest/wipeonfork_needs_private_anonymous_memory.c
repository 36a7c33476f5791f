// madvise(2): MADV_WIPEONFORK "operates only on private anonymous pages"; otherwise EINVAL.
#include "check.h"

int main(void) {
  char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int file = open("/proc/self/exe", O_RDONLY);
  char *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  NEED(shared != MAP_FAILED && mapped != MAP_FAILED);
  CHECK_ERRNO(madvise(shared, 4096, MADV_WIPEONFORK), EINVAL);
  CHECK_ERRNO(madvise(mapped, 4096, MADV_WIPEONFORK), EINVAL);
  char *memory = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  CHECK(madvise(memory, 4096, MADV_WIPEONFORK) == 0);
  CHECK_ERRNO(madvise(memory + 1, 4096, MADV_WIPEONFORK), EINVAL);
  CHECK_ERRNO(madvise(memory, 4096, 12345), EINVAL);
  CHECK(madvise(memory, 0, MADV_DONTFORK) == 0);
  munmap(memory + 4096, 4096);
  CHECK_ERRNO(madvise(memory, 8192, MADV_WIPEONFORK), ENOMEM);
  return finish();
}
