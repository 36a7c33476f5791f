// mmap(2), getrlimit(2): RLIMIT_AS: "affects calls to brk(2), mmap(2), and mremap(2), which fail
// with the error ENOMEM upon exceeding this limit".
#include "check.h"

int main(void) {
  struct rlimit limit = {64 << 20, 64 << 20};
  NEED(setrlimit(RLIMIT_AS, &limit) == 0);
  char *memory = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  CHECK_ERRNO(mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
              ENOMEM);
  CHECK_ERRNO(mremap(memory, 16 << 20, 80 << 20, MREMAP_MAYMOVE), ENOMEM);
  IN_CHILD(
      CHECK_ERRNO(mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM));
  CHECK(munmap(memory, 16 << 20) == 0);
  CHECK(mmap(NULL, 20 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
        MAP_FAILED);
  return finish();
}
