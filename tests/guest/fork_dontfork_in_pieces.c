// FORK.md: a MADV_DONTFORK range is really absent, after a partial mark, a split, a merge and a
// second fork (madvise(2): the advice is a property of the mapping, which fork copies).
#include "check.h"

static char *memory;
enum { page = 4096, pages = 16 };
static unsigned present(void) {
  unsigned map = 0;
  unsigned char resident[1];
  for (int i = 0; i < pages; ++i)
    if (mincore(memory + i * page, page, resident) == 0)
      map |= 1u << i;
  return map;
}
static unsigned present_in_child(int generations) {
  struct bell bell = new_bell();
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    unsigned map = generations == 1 ? present() : present_in_child(generations - 1);
    NEED(write(bell.fds[1], &map, sizeof map) == sizeof map);
    _exit(0);
  }
  unsigned map = 0;
  NEED(read(bell.fds[0], &map, sizeof map) == sizeof map);
  NEED(waitpid(child, NULL, 0) == child);
  close(bell.fds[0]);
  close(bell.fds[1]);
  return map;
}
static int mark(int first, int count, int advice) {
  return madvise(memory + first * page, (size_t)count * page, advice);
}
int main(void) {
  memory = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(memory != MAP_FAILED);
  memset(memory, 1, pages * page);
  CHECK(mark(4, 8, MADV_DONTFORK) == 0);
  CHECK(present_in_child(1) == 0xf00f);
  CHECK(present_in_child(2) == 0xf00f);
  CHECK_THAT(mark(6, 2, MADV_DOFORK) == 0, "split");
  CHECK(present_in_child(1) == 0xf0cf);
  CHECK(present_in_child(3) == 0xf0cf);
  CHECK_THAT(mprotect(memory + 5 * page, 3 * page, PROT_READ) == 0, "split by protection");
  CHECK(present_in_child(1) == 0xf0cf);
  CHECK_THAT(mprotect(memory + 5 * page, 3 * page, PROT_READ | PROT_WRITE) == 0 &&
                 mark(6, 2, MADV_DONTFORK) == 0,
             "merge");
  CHECK(present_in_child(1) == 0xf00f);
  CHECK_THAT(munmap(memory + 8 * page, page) == 0, "a hole");
  CHECK(present_in_child(2) == 0xf00f);
  CHECK(present() == 0xfeff);
  CHECK_ERRNO(mark(4, 8, MADV_DOFORK), ENOMEM);
  CHECK(present_in_child(1) == 0xfeff);
  return finish();
}
