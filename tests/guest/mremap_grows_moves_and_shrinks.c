// mremap(2).
#include "check.h"

int main(void) {
  char *memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  for (int i = 0; i < 4; ++i)
    memory[i * 4096] = (char)('a' + i);
  CHECK(mremap(memory, 4 * 4096, 2 * 4096, 0) == memory);
  unsigned char resident[1];
  CHECK_ERRNO(mincore(memory + 2 * 4096, 4096, resident), ENOMEM);
  CHECK(mmap(memory + 2 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
             -1, 0) == memory + 2 * 4096);
  CHECK_ERRNO(mremap(memory, 2 * 4096, 64 * 4096, 0), ENOMEM);
  char *moved = mremap(memory, 2 * 4096, 64 * 4096, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED && moved != memory);
  CHECK(moved[0] == 'a' && moved[4096] == 'b' && moved[2 * 4096] == 0 && moved[63 * 4096] == 0);
  CHECK_ERRNO(mincore(memory, 4096, resident), ENOMEM);
  char *target = mmap(NULL, 8 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mremap(moved + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target + 4096) ==
        target + 4096);
  CHECK(target[4096] == 'b');
  CHECK(SIGNAL_THAT_KILLS((void)*(volatile char *)(moved + 4096)) == SIGSEGV);
  CHECK(SIGNAL_THAT_KILLS((void)*(volatile char *)target) == SIGSEGV);
  CHECK_ERRNO(mremap(moved + 1, 4096, 8192, MREMAP_MAYMOVE), EINVAL);
  CHECK_ERRNO(mremap(moved, 4096, 0, MREMAP_MAYMOVE), EINVAL);
  CHECK_ERRNO(mremap(moved + 4096, 4096, 8192, MREMAP_MAYMOVE), EFAULT);
  CHECK_ERRNO(mremap(moved, 4096, 4096, MREMAP_FIXED, target), EINVAL);
  return finish();
}
